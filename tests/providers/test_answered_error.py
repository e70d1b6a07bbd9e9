"""Errors that call themselves answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.answered_error import LONGEST_OPENING, error_in, error_of
from tollway.providers.registry import codec_for
from tollway.usage import Report, Usage

NOTHING = Report()
BUSY = {"error": {"message": "overloaded", "code": 503}}


def whole(said: Any, api: Any = "openai.chat", report: Report = NOTHING) -> int | None:
    return error_of(api, said if isinstance(said, bytes) else json.dumps(said).encode(), report)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (BUSY, 503),
        ({"error": {"message": "no credits", "code": 402}, "user_id": "user_1"}, 402),
        ({"error": {"message": "no"}}, 502),
        ({"error": "no"}, 502),
        ({"error": {"message": "no", "code": 1234}, "choices": None}, 502),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529),
        ({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}, 400),
        ({"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}, 429),
    ],
)
def test_a_body_that_is_an_error_has_the_status_that_it_tells_or_502(said: Any, status: int) -> None:
    assert whole(said) == status


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b'{"error": ',
        b"[1]",
        {},
        {"error": None},
        {"error": {}},
        {**BUSY, "choices": []},
        {**BUSY, "output": []},
        {**BUSY, "content": []},
        {**BUSY, "candidates": []},
        {**BUSY, "usage": {"prompt_tokens": "many"}},
        {"object": "response", "error": {"code": "server_error"}, "id": "r"},
        {"id": "job", "status": "failed", "error": {"message": "no"}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "no"}},
    ],
)
def test_what_may_be_an_answer_or_cannot_be_read_is_no_such_error(said: Any) -> None:
    assert whole(said) is None


@pytest.mark.parametrize("api", ["openai.other", "openai.batches", "bedrock.invoke", "google.predict"])
def test_where_an_error_is_a_field_of_something_else_it_is_left_alone(api: Any) -> None:
    assert whole(BUSY, api) is None


def test_an_error_that_tells_its_usage_is_one_and_is_billed_by_that() -> None:
    report = Report(usage=Usage(input_tokens=100, output_tokens=5))
    assert whole({**BUSY, "usage": {"prompt_tokens": 100, "completion_tokens": 5}}, report=report) == 503


def events(*said: Any, named: str = "") -> bytes:
    head = f"event: {named}\n" if named else ""
    return "".join(f"{head}data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in said).encode()


def chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def streamed(opening: bytes, api: Any = "openai.chat") -> int | None:
    """What is said of a stream by its own meter."""
    meter = codec_for(api).meter(strip_usage=False)
    meter.feed(opening)
    meter.finish()
    return error_in(api, opening, meter.output_bytes, meter.report())


@pytest.mark.parametrize(
    ("opening", "api", "status"),
    [
        (events(BUSY), "openai.chat", 503),
        (b": OPENROUTER PROCESSING\n\n" + events(BUSY, "[DONE]"), "openai.chat", 503),
        (events(BUSY).rstrip(), "openai.chat", 503),
        (events(chunk(role="assistant", content=""), BUSY), "openai.chat", 503),
        (json.dumps(BUSY).encode(), "openai.chat", 503),
        (
            events({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, named="error"),
            "anthropic.messages",
            529,
        ),
        (events({"type": "error", "code": "server_error", "message": "no"}), "openai.responses", 500),
        (b"[" + json.dumps({"error": {"code": 503, "message": "no"}}).encode() + b"]", "google.generate", 503),
        (events({"error": {"message": "no"}}), "openai.chat", 502),
    ],
)
def test_a_stream_that_tells_an_error_before_any_text_is_one(opening: bytes, api: Any, status: int) -> None:
    assert streamed(opening, api) == status


STARTED = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}}


@pytest.mark.parametrize(
    ("opening", "api"),
    [
        (b"", "openai.chat"),
        (b": PROCESSING\n\n", "openai.chat"),
        (events(chunk(content="a"), BUSY), "openai.chat"),
        (events(BUSY, chunk(content="a")), "openai.chat"),
        (events(chunk(role="assistant", content=""), BUSY, chunk(content="a")), "openai.chat"),
        (events({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 5}}, BUSY), "openai.chat"),
        (events(STARTED, {"type": "error", "error": {"type": "api_error", "message": "no"}}), "anthropic.messages"),
        (events("not json", BUSY), "openai.chat"),
        (events(BUSY), "openai.other"),
    ],
)
def test_a_stream_that_has_shown_text_or_told_its_usage_is_counted_as_ever(opening: bytes, api: Any) -> None:
    assert streamed(opening, api) is None


@given(st.binary(max_size=300))
def test_anything_at_all_is_looked_at_without_a_failure(said: bytes) -> None:
    assert whole(said) is None or b"error" in said
    for opening in (said, b"data: " + said + b"\n\n"):
        assert error_in("openai.chat", opening, len(opening), NOTHING) is None or b"error" in said
    assert len(said) < LONGEST_OPENING
