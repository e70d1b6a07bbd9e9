"""Anthropic's exclusive counts made inclusive, whole and streamed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.anthropic_usage import MessagesReader, checked, read_answer, read_usage
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.usage import Report, Step, Usage

COUNTS = st.none() | st.integers(0, 10_000)


def follow(*events: dict[str, Any]) -> MessagesReader:
    reader = MessagesReader()
    for event in events:
        assert reader.event(json.dumps(event).encode()) is False
    return reader


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


def block(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": fields}


def start(**usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4-5", "usage": usage}}


STOP = {"type": "message_stop"}


def test_what_the_cache_gave_and_took_is_added_to_the_input() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 3000,
        "output_tokens": 7,
    }
    read = read_usage(usage)
    assert read == Usage(
        input_tokens=3210, cache_read_input_tokens=200, cache_creation_input_tokens=3000, output_tokens=7
    )


@given(COUNTS, COUNTS, COUNTS)
def test_the_parts_always_add_up_and_never_exceed_the_input(
    fresh: int | None, read: int | None, written: int | None
) -> None:
    usage = {"input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    found, suspect = checked(usage)
    if fresh is read is written is None:
        assert found.input_tokens is None
    else:
        assert found.input_tokens == (fresh or 0) + (read or 0) + (written or 0)
    assert suspect is None


@pytest.mark.parametrize(
    ("usage", "written", "hour"),
    [
        ({"cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6}}, 10, 6),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 6}}, 6, 6),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 4}}, 4, None),
        ({"cache_creation_input_tokens": 10, "cache_creation": {"ephemeral_1h_input_tokens": 6}}, 10, 6),
        ({"cache_creation": None}, None, None),
        ({}, None, None),
    ],
)
def test_cache_writes_are_known_by_lifetime_or_as_a_whole(
    usage: dict[str, Any], written: int | None, hour: int | None
) -> None:
    found = read_usage({"input_tokens": 1, **usage})
    assert found.cache_creation_input_tokens == written
    assert found.cache_creation_1h_input_tokens == hour
    assert found.input_tokens == 1 + (written or 0)


def test_searches_and_thoughts_are_counted_and_the_rest_is_not_made_up() -> None:
    usage = {
        "output_tokens": 50,
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 9},
        "output_tokens_details": {"thinking_tokens": 20},
    }
    assert read_usage(usage) == Usage(output_tokens=50, reasoning_output_tokens=20, web_searches=3)
    assert read_usage({}) == Usage()


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        ({"input_tokens": -1}, "input_tokens is -1"),
        ({"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 6}}, "exceed output_tokens 5"),
        ({"output_tokens": 200_000_000}, "output_tokens is 200000000"),
    ],
)
def test_counts_that_cannot_be_are_named(usage: dict[str, Any], why: str) -> None:
    suspect = checked(usage)[1]
    assert suspect is not None and why in suspect


def test_a_whole_answer_tells_its_names_its_tier_and_its_steps() -> None:
    answer = {
        "id": "msg_1",
        "model": "claude-sonnet-4-5",
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "service_tier": "priority",
            "iterations": [
                {"model": "claude-haiku-4-5", "input_tokens": 3, "cache_read_input_tokens": 4},
                {"model": "", "output_tokens": 5},
                "noise",
            ],
        },
    }
    assert read_answer(json.dumps(answer).encode()) == Report(
        usage=Usage(input_tokens=1, output_tokens=2),
        response_model="claude-sonnet-4-5",
        response_id="msg_1",
        service_tier="priority",
        finish_reason="end_turn",
        steps=(
            Step(model="claude-haiku-4-5", usage=Usage(input_tokens=7, cache_read_input_tokens=4)),
            Step(model=None, usage=Usage(output_tokens=5)),
        ),
    )


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"speed": "fast", "service_tier": "standard"}, "fast"),
        ({"speed": "standard", "service_tier": "batch"}, "batch"),
        ({"speed": "standard"}, None),
        ({"service_tier": ""}, None),
        ({"service_tier": 5}, None),
    ],
)
def test_fast_mode_stands_before_the_tier(usage: dict[str, Any], tier: str | None) -> None:
    assert read_answer(json.dumps({"usage": {"input_tokens": 1, **usage}}).encode()).service_tier == tier


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type": "error", "error": {"message": "no"}}'])
def test_an_answer_without_usage_reports_none(body: bytes) -> None:
    assert read_answer(body).usage is None


def test_the_first_guess_of_the_output_is_not_a_count() -> None:
    reader = follow(start(input_tokens=9, output_tokens=1))
    assert reader.report().usage == Usage(input_tokens=9)
    assert not reader.complete


def test_the_last_delta_holds_and_is_not_added_to_the_one_before() -> None:
    reader = follow(
        start(input_tokens=9, cache_read_input_tokens=1, output_tokens=1),
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 8, "input_tokens": None},
        },
        STOP,
    )
    assert reader.report() == Report(
        usage=Usage(input_tokens=10, cache_read_input_tokens=1, output_tokens=8),
        response_model="claude-sonnet-4-5",
        response_id="msg_1",
        finish_reason="end_turn",
    )
    assert reader.complete


def test_a_stream_is_complete_only_with_its_own_end() -> None:
    reader = follow(start(input_tokens=1), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert not reader.complete
    reader.event(b'{"type": "message_stop"}')
    assert reader.complete


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"type": "text_delta", "text": "hello"}, 5),
        ({"type": "text_delta", "text": "ü€"}, 5),
        ({"type": "text_delta", "text": ""}, 0),
        ({"type": "input_json_delta", "partial_json": '{"a":'}, 5),
        ({"type": "thinking_delta", "thinking": "hmm"}, 3),
        ({"type": "signature_delta", "signature": "s" * 40}, 40),
    ],
)
def test_what_is_generated_is_counted_in_bytes_of_utf_8(fields: dict[str, Any], size: int) -> None:
    assert follow(delta(**fields)).output_bytes == size


def test_a_signature_counts_only_for_the_thoughts_that_were_not_shown() -> None:
    shown = [delta(thinking="x" * 30), delta(signature="s" * 40)]
    assert follow(*shown).output_bytes == 40
    assert follow(delta(thinking="x" * 50), delta(signature="s" * 40)).output_bytes == 50
    # Of another block, so what was shown before does not cover it.
    assert follow(*shown, block(type="thinking", thinking=""), delta(signature="s" * 40)).output_bytes == (
        40 + FRAMING_BYTES + 40
    )


def test_a_block_counts_its_framing_and_a_tool_call_a_larger_one() -> None:
    assert follow(block(type="text", text="")).output_bytes == FRAMING_BYTES
    assert follow(block(type="redacted_thinking", data="x" * 10)).output_bytes == FRAMING_BYTES + 10
    tool = follow(block(type="tool_use", name="lookup", input={})).output_bytes
    assert tool > FRAMING_BYTES + len("lookup")


def test_what_a_providers_tool_found_is_input_and_not_output() -> None:
    found = block(type="web_search_tool_result", content=[{"type": "web_search_result", "title": "x" * 5_000}])
    assert follow(found).output_bytes == FRAMING_BYTES


def test_an_unreadable_event_counts_as_all_its_bytes() -> None:
    reader = MessagesReader()
    assert reader.event(b"not json at all") is False
    assert reader.output_bytes == 15
    assert reader.report() == Report()


def test_a_stream_that_reports_nothing_reports_nothing() -> None:
    assert follow({"type": "ping"}, delta(text="x")).report() == Report()


def test_a_sub_call_that_cannot_be_makes_the_answer_suspect() -> None:
    usage = {"input_tokens": 9, "output_tokens": 4, "iterations": [{"input_tokens": 9, "output_tokens": -4}]}
    report = read_answer(json.dumps({"type": "message", "usage": usage}).encode())
    assert report.suspect is not None
    assert "output_tokens is -4" in report.suspect


def test_a_zero_does_not_take_back_a_count() -> None:
    counts = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    }
    zeros = {
        "input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 7,
    }
    report = follow(start(**counts, output_tokens=1), {"type": "message_delta", "usage": zeros}, STOP).report()
    assert report.usage == Usage(
        input_tokens=240,
        cache_read_input_tokens=200,
        cache_creation_input_tokens=30,
        cache_creation_1h_input_tokens=10,
        output_tokens=7,
    )


def test_a_zero_is_a_count_where_there_was_none() -> None:
    events = (start(input_tokens=0, output_tokens=1), {"type": "message_delta", "usage": {"output_tokens": 0}}, STOP)
    assert follow(*events).report().usage == Usage(input_tokens=0, output_tokens=0)


def test_what_was_written_is_not_taken_back() -> None:
    text = delta(type="text_delta", text="hello")
    more = [{"type": "message_delta", "delta": {}, "usage": {"output_tokens": made}} for made in (200, 1)]
    report = follow(start(input_tokens=5, output_tokens=1), text, *more, STOP).report()
    assert report.usage == Usage(input_tokens=5, output_tokens=200)
    assert report.suspect is not None and "fell to 1" in report.suspect


def test_no_output_is_not_believed_beside_text() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}}
    report = follow(start(input_tokens=5), delta(type="text_delta", text="hello"), end, STOP).report()
    assert report.usage == Usage(input_tokens=5)
    assert report.suspect is not None and "0 tokens" in report.suspect
    report = follow(start(input_tokens=5), end, STOP).report()
    assert (report.usage, report.suspect) == (Usage(input_tokens=5, output_tokens=0), None)
