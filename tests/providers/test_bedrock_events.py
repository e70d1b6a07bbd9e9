"""The events of InvokeModelWithResponseStream, family by family."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.bedrock_invoke import Invoke
from tollway.providers.codec import Meter
from tollway.providers.eventstream import frame
from tollway.usage import Usage

METRICS = "amazon-bedrock-invocationMetrics"
LAST = {METRICS: {"inputTokenCount": 9, "outputTokenCount": 7, "invocationLatency": 1, "firstByteLatency": 1}}
COUNTED = Usage(input_tokens=9, output_tokens=7)


def chunk(event: object) -> bytes:
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return frame({":event-type": "chunk", ":message-type": "event"}, json.dumps({"bytes": inner, "p": "abc"}).encode())


def fed(*events: object) -> Meter:
    meter = Invoke().meter(strip_usage=True)
    for event in events:
        data = chunk(event)
        assert meter.feed(data) is data
    assert meter.finish() == b""
    return meter


STREAMS: dict[str, tuple[list[dict[str, Any]], str, str | None]] = {
    "claude": (
        [
            {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hello"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
            {"type": "message_stop"} | LAST,
        ],
        "hello",
        "end_turn",
    ),
    "claude text": (
        [
            {"type": "completion", "completion": "hello", "stop_reason": None},
            {"type": "completion", "completion": "", "stop_reason": "stop"} | LAST,
        ],
        "hello",
        "stop",
    ),
    "nova": (
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"delta": {"text": "hello"}, "contentBlockIndex": 0}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 7}}} | LAST,
        ],
        "hello",
        "end_turn",
    ),
    "titan": (
        [
            {"outputText": "hello", "index": 0, "inputTextTokenCount": 9, "totalOutputTextTokenCount": None},
            {"outputText": "", "index": 0, "completionReason": "FINISH", "totalOutputTextTokenCount": 7} | LAST,
        ],
        "hello",
        "FINISH",
    ),
    "llama": (
        [
            {"generation": "hello", "prompt_token_count": 9, "generation_token_count": 1, "stop_reason": None},
            {"generation": "", "prompt_token_count": None, "generation_token_count": 7, "stop_reason": "stop"} | LAST,
        ],
        "hello",
        "stop",
    ),
    "mistral": (
        [
            {"outputs": [{"text": "hello", "stop_reason": None}]},
            {"outputs": [{"text": "", "stop_reason": "stop"}]} | LAST,
        ],
        "hello",
        None,
    ),
    "mistral chat": (
        [
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "stop_reason": None}]},
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "stop_reason": "stop"}]} | LAST,
        ],
        "hello",
        None,
    ),
    "openai": (
        [
            {"choices": [{"index": 0, "delta": {"content": "hello"}}], "model": "openai.gpt-oss-20b"},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}} | LAST,
        ],
        "hello",
        "stop",
    ),
    "cohere": (
        [{"text": "hello", "is_finished": False}, {"is_finished": True, "finish_reason": "COMPLETE"} | LAST],
        "hello",
        "COMPLETE",
    ),
    "unknown": ([{"words": ["hello"]}, {"end": True} | LAST], "hello", None),
}
each = pytest.mark.parametrize(("events", "text", "reason"), STREAMS.values(), ids=STREAMS.keys())


@each
def test_every_family_gives_its_usage_its_reason_and_its_end(
    events: list[dict[str, Any]], text: str, reason: str | None
) -> None:
    meter = fed(*events)
    report = meter.report()
    assert (report.usage, report.suspect, report.finish_reason) == (COUNTED, None, reason)
    assert meter.complete
    assert report.response_model is None


@each
def test_a_stream_that_is_cut_has_shown_at_least_its_text(
    events: list[dict[str, Any]], text: str, reason: str | None
) -> None:
    cut = [event for event in events if METRICS not in event]
    meter = fed(*cut)
    assert meter.output_bytes >= len(text)
    assert fed(*cut, *cut).output_bytes > meter.output_bytes


CACHED = {
    METRICS: {
        "inputTokenCount": 9,
        "outputTokenCount": 7,
        "cacheReadInputTokenCount": 100,
        "cacheWriteInputTokenCount": 20,
    }
}


def test_the_metrics_leave_the_cache_out_of_the_input() -> None:
    assert fed({"generation": "hi"} | CACHED).report().usage == Usage(
        input_tokens=129, output_tokens=7, cache_read_input_tokens=100, cache_creation_input_tokens=20
    )


def test_claude_tells_more_of_its_cache_than_the_metrics() -> None:
    usage = {
        "input_tokens": 9,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 20},
        "output_tokens": 1,
    }
    report = fed(
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"} | CACHED,
    ).report()
    assert report.suspect is None
    assert report.usage == Usage(
        input_tokens=129,
        output_tokens=7,
        cache_read_input_tokens=100,
        cache_creation_input_tokens=20,
        cache_creation_1h_input_tokens=20,
    )


def test_a_llama_stream_that_is_cut_tells_what_it_counted_so_far() -> None:
    meter = fed({"generation": "hi", "prompt_token_count": 9, "generation_token_count": 3, "stop_reason": None})
    assert meter.report().usage == Usage(input_tokens=9, output_tokens=3)
    assert meter.report().finish_reason is None
    assert not meter.complete


def test_what_a_guardrail_says_in_place_of_an_answer_is_no_usage() -> None:
    meter = fed(
        {"outputText": "Blocked", "inputTextTokenCount": 6, "totalOutputTextTokenCount": 3, "amazon-bedrock-trace": {}}
    )
    assert meter.report().usage is None
    assert meter.complete
    assert meter.output_bytes == len("Blocked")


def test_counts_that_disagree_are_suspect() -> None:
    report = fed({"generation": "hi", "prompt_token_count": 9, "generation_token_count": 5} | LAST).report()
    assert report.usage == Usage(input_tokens=9, output_tokens=5)
    assert "5 output tokens" in (report.suspect or "")


def test_an_event_that_is_an_answer_in_itself_is_read_as_one() -> None:
    report = fed({"message": "hi", "usage": {"inputTokens": 4, "outputTokens": 2}}).report()
    assert report.usage == Usage(input_tokens=4, output_tokens=2)


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"bytes":3}', b'{"bytes":"%%%"}', b"\xff"])
def test_a_frame_that_cannot_be_read_counts_its_length(payload: bytes) -> None:
    meter = Invoke().meter(strip_usage=False)
    meter.feed(frame({":event-type": "chunk"}, payload))
    assert meter.output_bytes == len(payload)
    assert not meter.complete


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "choices",
                    "message",
                    "metadata",
                    "usage",
                    "text",
                    "generation",
                    "contentBlockDelta",
                    "delta",
                    METRICS,
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_no_event_makes_it_raise(events: list[object]) -> None:
    meter = fed(*events)
    meter.report()
    assert meter.output_bytes >= 0
