"""Recorded answers of real providers: usage as the data expects it, whole and streamed, cut anywhere."""

import json
import os
import pathlib
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cutting import assert_cut_anywhere

from tollway.providers.codec import Codec, Malformed
from tollway.providers.registry import classify, codec_for, is_free
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

FAMILIES = {"openai": "openai", "anthropic": "anthropic", "google-gemini": "google", "google-vertex": "google"}
OPENAI_SHAPED = {"chat.completions", "completions", "responses", "embeddings"}
FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "reasoning": "reasoning_output_tokens",
    "input_audio": "input_audio_tokens",
    "input_video": "input_video_tokens",
    "input_image": "input_image_tokens",
    "cache_audio": "cache_read_audio_tokens",
    "tool_use_prompt": "tool_use_input_tokens",
    "web_searches": "web_searches",
    "audio_seconds": "input_audio_seconds",
    "output_audio": "output_audio_tokens",
}
NOT_COUNTED = {"cache_video", "input_document", "provider_stated_cost", "search_units"}
"""Parts that no price tells apart from their whole, and money that is not usage."""

WEB_SEARCHES = {"d0118": 1, "d0121": 1, "d0082": 1, "d0232": 1, "d0233": 1, "d0234": 1, "d0243": 1}
"""Rows whose `why`, or whose `groundingMetadata`, counts billed searches that `expected.usage` leaves out."""

FILE_SEARCHES = {"d0078": 1, "d0238": 1, "d0286": 1}
"""Rows with a `file_search_call`, which is billed by the call; `expected` has neither the count nor the fee."""

IMAGES = {"d0083": 1, "d0230": 1}
"""A picture without token usage, of the images API or of a tool: it is counted, so that a price can be applied."""

SUSPECT = {
    "d0114": "total_tokens",  # Hidden thoughts: the total is larger than both parts, and only the parts are itemised.
    "d0256": "exceed input_tokens",  # The same tokens reported as read from and written to the cache.
}


def ours(row: dict[str, Any]) -> bool:
    return row["provider"] in FAMILIES or row["api"] in OPENAI_SHAPED


MINE = [row for row in ROWS if ours(row)]
STREAMS = [row for row in MINE if row["stream"]]
by_id = pytest.mark.parametrize("row", MINE, ids=[row["id"] for row in MINE])


def codec_of(row: dict[str, Any]) -> Codec:
    path = urlsplit(row["url"]).path
    return codec_for(classify(FAMILIES.get(row["provider"], "openai"), row["method"], path))  # type: ignore[arg-type]


def body_of(row: dict[str, Any]) -> bytes:
    return (row["response"] or "").encode()


def report_of(row: dict[str, Any]) -> Report:
    if not row["stream"]:
        return codec_of(row).read_answer(body_of(row))
    meter = codec_of(row).meter(strip_usage=False)
    meter.feed(body_of(row))
    assert meter.finish() == b""
    return meter.report()


def counted(report: Report) -> dict[str, int]:
    if report.usage is None:
        return {}
    names = [name for name in Usage.__struct_fields__ if getattr(report.usage, name)]
    return {name: getattr(report.usage, name) for name in names}


def expected_of(row: dict[str, Any]) -> dict[str, int]:
    usage: dict[str, int] = row["expected"]["usage"] or {}
    unknown = usage.keys() - FIELDS.keys() - NOT_COUNTED - {"raw_input", "raw_output", "cached_raw"}
    assert not unknown
    counts = {FIELDS[name]: number for name, number in usage.items() if name in FIELDS and number}
    for name, table in (("web_searches", WEB_SEARCHES), ("file_searches", FILE_SEARCHES), ("images", IMAGES)):
        if row["id"] in table:
            counts[name] = table[row["id"]]
    return counts


@by_id
def test_a_recorded_answer_gives_the_expected_usage(row: dict[str, Any]) -> None:
    assert counted(report_of(row)) == expected_of(row)


@by_id
def test_only_the_known_oddities_are_suspect(row: dict[str, Any]) -> None:
    suspect = report_of(row).suspect
    assert (suspect is None) == (row["id"] not in SUSPECT)
    assert SUSPECT.get(row["id"], "") in (suspect or "")


@by_id
def test_an_answer_without_usage_reports_none_not_zero(row: dict[str, Any]) -> None:
    if not row["expected"]["usage"] and row["id"] not in IMAGES:
        assert report_of(row).usage is None


@by_id
def test_an_answer_that_has_usage_names_its_model(row: dict[str, Any]) -> None:
    if row["expected"]["usage"] and row["api"] not in NAMELESS:
        assert report_of(row).response_model


NAMELESS = {"batchEmbedContents", "embedContent", "audio.transcriptions", "responses.compact"}


def test_every_sub_call_of_an_anthropic_answer_is_a_step() -> None:
    steps = {
        row["id"]: [(step.model, step.usage.input_tokens, step.usage.output_tokens) for step in report_of(row).steps]
        for row in MINE
        if row["id"] in ("d0008", "d0016", "d0017", "d0018")
    }
    assert steps == {
        "d0008": [(None, 60385, 592), (None, 682, 1320)],
        "d0016": [],
        "d0017": [("claude-fable-5", 408, 0), ("claude-opus-4-8", 412, 264)],
        "d0018": [(None, 60385, 522), (None, 612, 2819)],
    }


@pytest.mark.parametrize("row", STREAMS, ids=[row["id"] for row in STREAMS])
def test_a_stream_is_complete_and_its_bytes_bound_its_visible_tokens(row: dict[str, Any]) -> None:
    meter = codec_of(row).meter(strip_usage=False)
    meter.feed(body_of(row))
    meter.finish()
    assert meter.complete == (row["id"] not in WITHOUT_END)
    usage = meter.report().usage
    if usage is not None and row["id"] not in HIDDEN_OUTPUT:
        assert meter.output_bytes >= (usage.output_tokens or 0) - (usage.reasoning_output_tokens or 0)


HIDDEN_OUTPUT = {"d0017"}
"""An answer that was made up for a test: 264 tokens for two short sentences."""
WITHOUT_END = {"d0160", "d0283"}
"""An error in the middle (Groq), and a stream of bare values without any end mark (Writer)."""


@pytest.mark.parametrize("row", STREAMS, ids=[row["id"] for row in STREAMS])
def test_a_stream_cut_anywhere_reports_the_same_and_passes_unchanged(row: dict[str, Any]) -> None:
    # At every offset up to 2 KB, at fewer the longer it is.
    assert_cut_anywhere(codec_of(row), body_of(row), feeds=4_000_000)


@pytest.mark.parametrize("row", STREAMS, ids=[row["id"] for row in STREAMS])
def test_a_stream_fed_byte_by_byte_reports_the_same(row: dict[str, Any]) -> None:
    body = body_of(row)
    if len(body) > 20_000:
        pytest.skip("long, and cut elsewhere")
    whole, meter = codec_of(row).meter(strip_usage=True), codec_of(row).meter(strip_usage=True)
    passed = whole.feed(body) + whole.finish()
    assert b"".join(meter.feed(body[i : i + 1]) for i in range(len(body))) + meter.finish() == passed
    assert (meter.report(), meter.output_bytes) == (whole.report(), whole.output_bytes)


@pytest.mark.parametrize("row", STREAMS, ids=[row["id"] for row in STREAMS])
def test_stripping_takes_out_the_extra_usage_event_and_nothing_else(row: dict[str, Any]) -> None:
    body = body_of(row)
    meter = codec_of(row).meter(strip_usage=True)
    stripped = meter.feed(body) + meter.finish()
    if row["api"] not in ("chat.completions", "completions"):
        assert stripped == body
        return
    events = body.split(b"\n\n")
    kept = [event for event in events if not is_usage_event(event)]
    assert stripped == b"\n\n".join(kept)
    assert counted(meter.report()) == expected_of(row)


def is_usage_event(event: bytes) -> bool:
    try:
        chunk = json.loads(event.removeprefix(b"data: "))
    except ValueError:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and bool(chunk.get("usage"))


def request_of(row: dict[str, Any]) -> bytes:
    return json.dumps(row["request"]).encode() if isinstance(row["request"], dict) else b""


REQUESTS = [row for row in MINE if isinstance(row["request"], dict)]
READABLE = [row for row in REQUESTS if row["id"] != "d0219"]
with_request = pytest.mark.parametrize("row", REQUESTS, ids=[row["id"] for row in REQUESTS])
with_readable = pytest.mark.parametrize("row", READABLE, ids=[row["id"] for row in READABLE])


@with_request
def test_a_recorded_request_is_read(row: dict[str, Any]) -> None:
    path = urlsplit(row["url"]).path
    ask = codec_of(row).read_ask(path, b"", b"application/json", request_of(row))
    if row["id"] in REFUSED:
        assert isinstance(ask, Malformed)
        assert row["response_status"] == 400
        return
    assert not isinstance(ask, Malformed)
    request = row["request"]
    if "google" not in row["provider"] or "model" in request:
        assert ask.model == request.get("model")
    else:
        assert ask.model == path.rpartition("/")[2].partition(":")[0]
    config = request.get("generationConfig", {})
    caps = [request.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    if not is_free(codec_of(row).api, row["method"], path):
        assert ask.max_output_tokens == next(
            (cap for cap in [*caps, config.get("maxOutputTokens")] if cap is not None), None
        )


REFUSED = {"d0219"}
"""The provider refused it as well: max_tokens is -1."""


@with_readable
def test_a_request_whose_answer_cost_more_than_its_bytes_is_unbounded_or_has_media(row: dict[str, Any]) -> None:
    if any("made up" in note for note in row["notes"]):
        pytest.skip("the source has no request")
    usage = report_of(row).usage
    ask = codec_of(row).read_ask(urlsplit(row["url"]).path, b"", b"application/json", request_of(row))
    assert not isinstance(ask, Malformed)
    if (
        usage is not None
        and ask.unbounded is None
        and ask.media_parts == 0
        and ask.media_tokens == 0
        and row["id"] not in SEARCHING_MODELS
    ):
        bound = len(request_of(row)) + 8 * ask.messages + 64
        assert (usage.input_tokens or 0) <= bound


SEARCHING_MODELS = {"d0158", "d0162"}
"""Groq's "compound-beta" searches by itself: nothing in the request says so, only the catalogue can."""


@with_readable
def test_changing_a_recorded_request_keeps_all_other_values(row: dict[str, Any]) -> None:
    body, path = request_of(row), urlsplit(row["url"]).path
    codec = codec_of(row)
    ask = codec.read_ask(path, b"", b"application/json", body)
    assert not isinstance(ask, Malformed)
    assert codec.write_body(body, ask, model=None, cap=None, include_usage=False) is body
    changed = codec.write_body(body, ask, model="other", cap=max(7, ask.floor_output_tokens), include_usage=True)
    before, after = (msgspec.json.decode(text, type=dict[str, msgspec.Raw]) for text in (body, changed))
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert touched <= {
        "model",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "generationConfig",
        "stream_options",
        "requests",
    }
    again = codec.read_ask(codec.write_path(path, "other"), b"", b"application/json", changed)
    assert not isinstance(again, Malformed)
    if row["api"] != "images.generations":
        # How many tokens a picture has depends on the model, and "other" is nobody's.
        assert again.unbounded == ask.unbounded
