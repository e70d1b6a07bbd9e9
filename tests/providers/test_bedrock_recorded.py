"""Recorded answers of Bedrock: usage as the data expects it, whole and streamed, cut anywhere."""

import base64
import json
import os
import pathlib
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cutting import assert_cut_anywhere

from tollway.providers.bedrock_converse import Converse
from tollway.providers.bedrock_invoke import Invoke
from tollway.providers.bedrock_other import CountTokens, Other
from tollway.providers.bedrock_path import classify_bedrock, is_free_bedrock, parted
from tollway.providers.codec import Codec, Malformed
from tollway.usage import Report

FOLDER = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
ROWS: list[dict[str, Any]] = (
    [json.loads(line) for line in (FOLDER / "responses.jsonl").read_text().splitlines()]
    if (FOLDER / "responses.jsonl").exists()
    else []
)
pytestmark = pytest.mark.skipif(not ROWS, reason=f"no recorded responses in {FOLDER}; set TOLLWAY_TEST_DATA")

APIS = ("converse", "converse-stream", "invoke", "invoke-with-response-stream", "count_tokens")
MINE = [row for row in ROWS if "/model/" in row["url"] and row["api"] in APIS]
STREAMS = [row for row in MINE if row["stream"]]
REQUESTS = [row for row in MINE if isinstance(row["request"], dict)]
CODECS: dict[str, Codec] = {codec.api: codec for codec in (Converse(), Invoke(), CountTokens(), Other())}
FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def path_of(row: dict[str, Any]) -> str:
    return urlsplit(row["url"]).path.removeprefix("/bedrock")


def codec_of(row: dict[str, Any]) -> Codec:
    return CODECS[classify_bedrock(row["method"], path_of(row))]


def body_of(row: dict[str, Any]) -> bytes:
    return base64.b64decode(row["response_b64"]) if row["stream"] else (row["response"] or "").encode()


def report_of(row: dict[str, Any]) -> Report:
    if not row["stream"]:
        return codec_of(row).read_answer(body_of(row))
    meter = codec_of(row).meter(strip_usage=False)
    meter.feed(body_of(row))
    assert meter.finish() == b""
    return meter.report()


@pytest.mark.parametrize("row", MINE, ids=ids(MINE))
def test_a_recorded_answer_gives_the_expected_usage(row: dict[str, Any]) -> None:
    usage = report_of(row).usage
    counted = {name: count for name, count in msgspec.structs.asdict(usage).items() if count} if usage else {}
    expected: dict[str, int] = row["expected"]["usage"] or {}
    assert counted == {FIELDS[name]: count for name, count in expected.items() if count}
    assert (usage is None) == (not expected)


@pytest.mark.parametrize("row", MINE, ids=ids(MINE))
def test_no_recorded_answer_is_suspect(row: dict[str, Any]) -> None:
    assert report_of(row).suspect is None


@pytest.mark.parametrize("row", MINE, ids=ids(MINE))
def test_only_token_counts_are_free(row: dict[str, Any]) -> None:
    assert is_free_bedrock(path_of(row), row["method"]) == (row["api"] == "count_tokens")


@pytest.mark.parametrize("row", STREAMS, ids=ids(STREAMS))
def test_a_stream_is_complete_and_its_bytes_bound_its_tokens(row: dict[str, Any]) -> None:
    meter = codec_of(row).meter(strip_usage=False)
    meter.feed(body_of(row))
    meter.finish()
    assert meter.complete
    usage = meter.report().usage
    assert meter.output_bytes >= ((usage.output_tokens or 0) if usage else 1)


@pytest.mark.parametrize("row", STREAMS, ids=ids(STREAMS))
def test_a_stream_cut_anywhere_reports_the_same_and_passes_unchanged(row: dict[str, Any]) -> None:
    # At every offset up to 2.8 KB, at fewer the longer it is.
    assert_cut_anywhere(codec_of(row), body_of(row), feeds=8_000_000, strip_usage=True)


@pytest.mark.parametrize("row", STREAMS, ids=ids(STREAMS))
def test_a_stream_that_ends_early_never_tells_more_than_all_of_it(row: dict[str, Any]) -> None:
    body = body_of(row)
    whole = report_of(row).usage
    for cut in range(0, len(body), max(1, len(body) // 200)):
        meter = codec_of(row).meter(strip_usage=False)
        meter.feed(body[:cut])
        meter.finish()
        assert not meter.complete
        usage = meter.report().usage
        if usage is not None and whole is not None:
            assert (usage.input_tokens or 0) <= (whole.input_tokens or 0)
            assert (usage.output_tokens or 0) <= (whole.output_tokens or 0)


@pytest.mark.parametrize("row", STREAMS, ids=ids(STREAMS))
def test_a_stream_fed_byte_by_byte_reports_the_same(row: dict[str, Any]) -> None:
    body = body_of(row)
    meter = codec_of(row).meter(strip_usage=False)
    assert b"".join(meter.feed(body[i : i + 1]) for i in range(len(body))) + meter.finish() == body
    assert meter.report() == report_of(row)


@pytest.mark.parametrize("row", REQUESTS, ids=ids(REQUESTS))
def test_a_recorded_request_is_read(row: dict[str, Any]) -> None:
    request = row["request"]
    ask = codec_of(row).read_ask(path_of(row), b"", b"application/json", json.dumps(request).encode())
    assert not isinstance(ask, Malformed)
    parts = parted(path_of(row))
    assert parts is not None
    assert ask.model == parts.model
    assert ask.stream == ("stream" in row["api"])
    if row["api"] != "count_tokens":
        caps = [request.get("inferenceConfig", {}).get("maxTokens"), request.get("max_tokens")]
        caps += [request.get("max_gen_len"), request.get("textGenerationConfig", {}).get("maxTokenCount")]
        assert ask.max_output_tokens == next((cap for cap in caps if cap is not None), None)


MADE_UP = {"d0052", "d0053", "d0054", "d0055"}
"""Their prompt was shortened by those who recorded them."""


@pytest.mark.parametrize("row", REQUESTS, ids=ids(REQUESTS))
def test_a_request_is_bounded_by_its_bytes_or_says_that_it_is_not(row: dict[str, Any]) -> None:
    body = json.dumps(row["request"]).encode()
    ask = codec_of(row).read_ask(path_of(row), b"", b"application/json", body)
    assert not isinstance(ask, Malformed)
    usage = report_of(row).usage
    if usage is not None and ask.unbounded is None and ask.media_parts == 0 and row["id"] not in MADE_UP:
        assert (usage.input_tokens or 0) <= len(body) + 8 * max(ask.messages, 1) + 64


@pytest.mark.parametrize("row", REQUESTS, ids=ids(REQUESTS))
def test_changing_a_recorded_request_puts_in_the_cap_and_nothing_else(row: dict[str, Any]) -> None:
    body, path = json.dumps(row["request"]).encode(), path_of(row)
    codec = codec_of(row)
    ask = codec.read_ask(path, b"", b"application/json", body)
    assert not isinstance(ask, Malformed)
    assert codec.write_body(body, ask, model=None, cap=None, include_usage=True) is body
    cap = max(7, ask.floor_output_tokens)
    changed = codec.write_body(body, ask, model="other", cap=cap, include_usage=True)
    before, after = (msgspec.json.decode(text, type=dict[str, msgspec.Raw]) for text in (body, changed))
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert touched <= {"inferenceConfig", "textGenerationConfig", "max_tokens", "max_gen_len"}
    if row["api"] != "count_tokens" and "embed" not in path:
        again = codec.read_ask(path, b"", b"application/json", changed)
        assert not isinstance(again, Malformed)
        assert again.max_output_tokens == min(cap, ask.max_output_tokens or cap)
