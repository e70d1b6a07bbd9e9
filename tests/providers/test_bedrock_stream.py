"""Metering ConverseStream."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.bedrock_converse import Converse
from tollway.providers.bedrock_stream import FrameMeter
from tollway.providers.codec import Meter
from tollway.providers.eventstream import error_frame, frame
from tollway.usage import Usage


def event(kind: str, payload: object) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


def delta(value: dict[str, Any]) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": value, "p": "abcdefgh"})


START = event("messageStart", {"role": "assistant"})
STOP = event("messageStop", {"stopReason": "end_turn"})
METADATA = event("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}})


def fed(*chunks: bytes) -> Meter:
    meter = Converse().meter(strip_usage=True)
    for chunk in chunks:
        assert meter.feed(chunk) is chunk
    assert meter.finish() == b""
    return meter


def test_the_last_event_has_the_usage_and_ends_the_stream() -> None:
    meter = fed(START + delta({"text": "hé"}) + STOP + METADATA)
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)
    assert meter.report().finish_reason == "end_turn"
    assert meter.complete


def test_a_stream_without_it_tells_no_usage_and_is_not_complete() -> None:
    meter = fed(START, delta({"text": "hi"}), STOP)
    assert meter.report().usage is None
    assert not meter.complete


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"text": "hé"}, 3),
        ({"toolUse": {"input": '{"a":1}'}}, 7),
        ({"reasoningContent": {"text": "hmm"}}, 3),
        ({"reasoningContent": {"signature": "abcdef"}}, 6),
        ({"reasoningContent": {"redactedContent": "abcd"}}, 4),
        ({"citation": {"title": "a source"}}, 0),
        ({"text": None}, 0),
    ],
)
def test_what_is_generated_is_counted_and_padding_is_not(value: dict[str, Any], size: int) -> None:
    assert fed(START + delta(value)).output_bytes - fed(START).output_bytes == size


def test_a_signature_counts_as_far_as_it_hides_more_than_was_shown() -> None:
    thought, signed = delta({"reasoningContent": {"text": "hmm"}}), delta({"reasoningContent": {"signature": "abcdef"}})
    base = fed(START).output_bytes
    assert fed(START + thought + signed).output_bytes - base == 6
    assert fed(START + thought + event("contentBlockStop", {}) + signed).output_bytes - base == 9


def test_the_start_of_a_tool_call_counts_its_name_and_novas_searches() -> None:
    start = event("contentBlockStart", {"start": {"toolUse": {"name": "nova_grounding", "toolUseId": "t"}}})
    meter = fed(START + start + STOP + METADATA)
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2, web_searches=1)
    assert meter.output_bytes - fed(START).output_bytes >= len("nova_grounding")


@pytest.mark.parametrize("payload", ["not an object", {"delta": {"text": 3}}, None])
def test_a_block_of_an_unknown_shape_counts_its_length(payload: object) -> None:
    assert fed(event("contentBlockDelta", payload)).output_bytes == len(json.dumps(payload))


def test_an_unknown_event_counts_its_length() -> None:
    assert fed(event("novelty", {"text": "hi"})).output_bytes == len('{"text": "hi"}')


def test_an_exception_in_the_middle_does_not_complete_a_stream() -> None:
    meter = fed(START, delta({"text": "hi"}), error_frame(429, "slow down"))
    assert not meter.complete
    assert meter.report().usage is None


def test_metadata_without_usage_does_not_complete_a_stream() -> None:
    assert not fed(START + event("metadata", {"metrics": {"latencyMs": 1}})).complete


def test_bytes_after_a_broken_frame_are_passed_on_and_counted_by_their_length() -> None:
    broken = bytearray(delta({"text": "hi"}))
    broken[-1] ^= 1
    meter = fed(START, bytes(broken), METADATA)
    assert not meter.complete
    assert meter.output_bytes == fed(START).output_bytes + len(broken) + len(METADATA)


def test_a_frame_that_is_cut_off_counts_by_its_length_unless_the_usage_was_told() -> None:
    cut = delta({"text": "hello"})[:40]
    assert fed(START, cut).output_bytes == fed(START).output_bytes + 40
    assert fed(START, METADATA, cut).output_bytes == fed(START).output_bytes


def test_it_counts_before_anyone_knows_that_nothing_will_follow() -> None:
    meter = Converse().meter(strip_usage=False)
    before = fed(START).output_bytes
    meter.feed(START + delta({"text": "hello"})[:40])
    assert meter.output_bytes == before + 40


def test_an_answer_that_is_no_stream_is_read_whole() -> None:
    body = b' {"usage": {"inputTokens": 3, "outputTokens": 2}, "stopReason": "end_turn"}'
    meter = fed(body[:20], body[20:])
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)
    assert meter.complete
    assert meter.output_bytes == len(body)
    assert not fed(body[:20]).complete
    assert not fed(b"[1]").complete


def test_an_empty_stream_tells_nothing() -> None:
    meter = fed(b"", b"")
    assert (meter.report().usage, meter.complete, meter.output_bytes) == (None, False, 0)


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 5))
def test_nothing_that_comes_in_is_changed_or_raises(noise: list[bytes], place: int) -> None:
    meter = Converse().meter(strip_usage=False)
    chunks = [*noise[:place], START, *noise[place:]]
    assert b"".join(meter.feed(chunk) for chunk in chunks) + meter.finish() == b"".join(chunks)
    assert meter.output_bytes >= 0
    assert isinstance(meter, FrameMeter)
