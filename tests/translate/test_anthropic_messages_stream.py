"""Events of Anthropic's messages, read."""

from typing import Any

from tollway.translate.anthropic_messages_stream import MessagesReader
from tollway.translate.spelled import Spelling
from tollway.translate.told import Begun, Cited, Delta, Event, Failed, Over, PartBegun, PartEnded, Signed, Stopped, Used
from tollway.usage import Usage


def read(*events: dict[str, Any]) -> list[Event]:
    reader = MessagesReader(Spelling(64))
    return [told for event in events for told in reader.read(event["type"], event)] + list(reader.finish())


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def test_a_whole_stream_is_read() -> None:
    start = {"id": "a", "model": "m", "usage": {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 1}}
    assert read(
        {"type": "message_start", "message": start},
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm."},
            {"type": "signature_delta", "signature": "s"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "d"}),
        *block(
            2,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "Hi"},
            {"type": "citations_delta", "citation": {"a": 1}},
        ),
        *block(
            3,
            {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": "{}"},
        ),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 9, "input_tokens": 0},
        },
        {"type": "message_stop"},
    ) == [
        Begun(id="a", model="m", usage=Usage(input_tokens=10, cache_read_input_tokens=7)),
        PartBegun(index=0, kind="thought"),
        Delta(index=0, text="Hm."),
        Signed(index=0, signature=("anthropic.messages", "s")),
        PartEnded(0),
        PartBegun(index=1, kind="thought", redacted=True),
        Signed(index=1, signature=("anthropic.messages", "d")),
        PartEnded(1),
        PartBegun(index=2, kind="text"),
        Delta(index=2, text="Hi"),
        Cited(index=2, citation={"a": 1}),
        PartEnded(2),
        PartBegun(index=3, kind="tool_call", id="c", name="f"),
        Delta(index=3, text="{}"),
        PartEnded(3),
        Stopped(stop="tool_calls", usage=Usage(input_tokens=10, cache_read_input_tokens=7, output_tokens=9)),
        Over(),
    ]


def test_blocks_of_the_providers_own_tools_are_passed_over() -> None:
    events = read(
        *block(
            0,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": "{}"},
        ),
        *block(1, {"type": "text", "text": "Hi"}),
    )
    assert events == [PartBegun(index=0, kind="text"), Delta(index=0, text="Hi"), PartEnded(0)]


def test_an_input_that_comes_whole_is_read() -> None:
    events = read(*block(0, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}))
    assert Delta(index=0, text='{"a":1}') in events


def test_an_error_is_told() -> None:
    assert read({"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}) == [
        Failed("Busy.", "overloaded_error", status=529)
    ]


def test_counts_without_a_reason_are_counts() -> None:
    assert read({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}}) == [Used(Usage(output_tokens=4))]


def test_why_the_model_refused_is_told() -> None:
    delta = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "It may harm."}}
    assert read({"type": "message_delta", "delta": delta}) == [
        PartBegun(index=0, kind="declined"),
        Delta(index=0, text="It may harm."),
        PartEnded(0),
        Stopped(stop="declined"),
    ]


def test_a_stream_that_stops_is_not_over() -> None:
    assert Over() not in read({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})


def test_deltas_of_no_block_and_unknown_events_say_nothing() -> None:
    assert (
        read({"type": "content_block_delta", "index": 5, "delta": {"type": "text_delta", "text": "x"}}, {"type": "new"})
        == []
    )
