"""Recorded answers of Cohere, Ollama and Voyage's rerank: usage as the data expects it, whole and streamed, cut anywhere."""

import json
import os
import pathlib
from typing import Any
from urllib.parse import urlsplit

import pytest

from tollway.providers.codec import Codec, Malformed
from tollway.providers.cohere_chat import Chat, classify_cohere
from tollway.providers.cohere_embed import Embed
from tollway.providers.cohere_rerank import Rerank, most_search_units
from tollway.providers.ollama_chat import Generation, classify_ollama
from tollway.providers.ollama_embed import Embed as OllamaEmbed
from tollway.providers.openai_rerank import Rerank as OpenaiRerank
from tollway.usage import Report, Usage

FOLDER = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
ROWS: list[dict[str, Any]] = (
    [json.loads(line) for line in (FOLDER / "responses.jsonl").read_text().splitlines()]
    if (FOLDER / "responses.jsonl").exists()
    else []
)
pytestmark = pytest.mark.skipif(not ROWS, reason=f"no recorded responses in {FOLDER}; set TOLLWAY_TEST_DATA")

CODECS: dict[str, Codec] = {
    "cohere.chat": Chat(),
    "cohere.embed": Embed(),
    "cohere.rerank": Rerank(),
    "ollama.chat": Generation("ollama.chat"),
    "ollama.generate": Generation("ollama.generate"),
    "ollama.embed": OllamaEmbed(),
    "openai.rerank": OpenaiRerank(),
}
FIELDS = {"input": "input_tokens", "output": "output_tokens", "search_units": "search_units"}

NOT_EXPECTED = {"d0092": {"input_tokens": 7, "output_tokens": 149}}
"""A v1 stream, whose last line has what is billed, though the data was read without it."""


def api_of(row: dict[str, Any]) -> str:
    path = urlsplit(row["url"]).path
    if row["provider"] == "cohere":
        return classify_cohere(row["method"], path)
    if row["provider"] == "ollama":
        return classify_ollama(row["method"], path)
    return "openai.rerank" if row["provider"] == "voyageai" and path.endswith("/rerank") else ""


MINE = [row for row in ROWS if api_of(row) in CODECS and row["kind"] != "error"]
STREAMS = [row for row in MINE if row["stream"]]
by_id = pytest.mark.parametrize("row", MINE, ids=[row["id"] for row in MINE])
streamed = pytest.mark.parametrize("row", STREAMS, ids=[row["id"] for row in STREAMS])


def codec_of(row: dict[str, Any]) -> Codec:
    return CODECS[api_of(row)]


def report_of(row: dict[str, Any]) -> Report:
    body = row["response"].encode()
    if not row["stream"]:
        return codec_of(row).read_answer(body)
    meter = codec_of(row).meter(strip_usage=False)
    assert meter.feed(body) is body
    assert meter.finish() == b""
    return meter.report()


def counted(report: Report) -> dict[str, int]:
    names = Usage.__struct_fields__ if report.usage is not None else ()
    return {name: getattr(report.usage, name) for name in names if getattr(report.usage, name)}


def expected_of(row: dict[str, Any]) -> dict[str, int]:
    usage: dict[str, int] = row["expected"]["usage"] or {}
    return NOT_EXPECTED.get(row["id"]) or {FIELDS[name]: usage[name] for name in FIELDS if usage.get(name)}


def test_every_row_of_these_providers_is_tested() -> None:
    assert len(MINE) >= 20


@by_id
def test_a_recorded_answer_gives_the_expected_usage(row: dict[str, Any]) -> None:
    report = report_of(row)
    assert counted(report) == expected_of(row)
    assert report.suspect is None
    assert (report.usage is None) == (not row["expected"]["usage"] and row["id"] not in NOT_EXPECTED)


@by_id
def test_a_recorded_request_is_read_and_its_input_bounded(row: dict[str, Any]) -> None:
    body = json.dumps(row["request"]).encode()
    ask = codec_of(row).read_ask(urlsplit(row["url"]).path, b"", b"application/json", body)
    assert not isinstance(ask, Malformed)
    assert ask.unbounded is None
    assert ask.model == row["request"]["model"]
    assert ask.stream == bool(row["stream"]) or api_of(row) == "ollama.embed"
    usage = report_of(row).usage
    if usage is not None and not any("made up" in note for note in row["notes"]):
        assert (usage.input_tokens or 0) <= len(body) + 8 * ask.messages + 64
        assert (usage.search_units or 0) <= most_search_units(ask.messages, len(body))


@streamed
def test_a_stream_is_complete_and_its_bytes_bound_its_tokens(row: dict[str, Any]) -> None:
    meter = codec_of(row).meter(strip_usage=True)
    meter.feed(row["response"].encode())
    meter.finish()
    assert meter.complete
    assert meter.output_bytes >= expected_of(row)["output_tokens"]


@streamed
def test_a_stream_cut_at_every_offset_reports_the_same_and_passes_unchanged(row: dict[str, Any]) -> None:
    body = row["response"].encode()
    whole = codec_of(row).meter(strip_usage=False)
    whole.feed(body)
    whole.finish()
    for cut in range(len(body)):
        meter = codec_of(row).meter(strip_usage=False)
        first, second = body[:cut], body[cut:]
        assert meter.feed(first) is first
        assert not meter.complete or cut > len(body) * 0.6
        assert meter.feed(second) is second
        meter.finish()
        assert (meter.report(), meter.output_bytes, meter.complete) == (
            whole.report(),
            whole.output_bytes,
            whole.complete,
        )


@streamed
def test_a_stream_that_ends_early_is_not_complete_and_counts_what_it_showed(row: dict[str, Any]) -> None:
    body = row["response"].encode()
    seen = 0
    for end in range(0, len(body) // 2, 97):
        meter = codec_of(row).meter(strip_usage=False)
        meter.feed(body[:end])
        meter.finish()
        assert not meter.complete
        assert meter.report().usage is None
        assert meter.output_bytes >= seen
        seen = meter.output_bytes if body[:end].endswith(b"\n") else seen


@streamed
def test_a_stream_fed_byte_by_byte_reports_the_same(row: dict[str, Any]) -> None:
    body = row["response"].encode()
    meter = codec_of(row).meter(strip_usage=True)
    assert b"".join(meter.feed(body[i : i + 1]) for i in range(len(body))) + meter.finish() == body
    assert counted(meter.report()) == expected_of(row)
