import json
from typing import Any

import pytest
from anthropic.types import Message

from tollway.providers.anthropic_usage import MessagesReader, read_answer
from tollway.providers.gathered import Gatherer, gatherer
from tollway.request import Api

START = {
    "type": "message_start",
    "message": {
        "model": "claude-opus-4-6",
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1, "service_tier": "standard"},
    },
}
STOP = {"type": "message_stop"}


def after(*events: dict[str, Any], api: Api = "anthropic.messages") -> Gatherer:
    found = gatherer(api)
    assert found is not None
    for event in events:
        found.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return found


def ended(stop_reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7, **usage}}


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def content_of(*blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = after(START, *(event for one in blocks for event in one), ended(), STOP).answer()
    assert body is not None
    Message.model_validate_json(body)
    return json.loads(body)["content"]


def test_the_message_has_its_fields_in_their_order_and_the_last_counts() -> None:
    found = after(
        START, {"type": "ping"}, *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "hi"}),
        {**ended("stop_sequence"), "context_management": {"applied_edits": []}}, STOP,
    )  # fmt: skip
    assert json.loads(found.answer() or b"") == {
        **START["message"],  # type: ignore[dict-item]
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "stop_sequence",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7, "service_tier": "standard"},
        "context_management": {"applied_edits": []},
    }
    assert (found.answer() or b"").startswith(b'{"model":"claude-opus-4-6","id":"msg_1","type":"message"')


def test_every_kind_of_block_is_put_together() -> None:
    search = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    citation = {
        "type": "char_location", "cited_text": "c", "document_index": 0, "document_title": None, "file_id": None,
        "start_char_index": 0, "end_char_index": 1,
    }  # fmt: skip
    assert content_of(
        block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "h"},
            {"type": "thinking_delta", "thinking": "m"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        block(1, {"type": "redacted_thinking", "data": "xyz"}),
        block(
            2,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"query":'},
            {"type": "input_json_delta", "partial_json": ' "q"}'},
        ),
        block(3, search),
        block(
            4,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": citation},
            {"type": "text_delta", "text": "a"},
            {"type": "text_delta", "text": "b"},
        ),
        block(5, {"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    ) == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        search,
        {"type": "text", "text": "ab", "citations": [citation]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]


def test_a_kind_of_delta_that_nobody_knows_yet_continues_the_field_it_names() -> None:
    (one,) = json.loads(
        after(
            START,
            *block(0, {"type": "new", "content": None}, {"type": "new_delta", "content": "a"}, {"type": "x", "content": "b"}),
            ended(),
            STOP,
        ).answer()
        or b""
    )["content"]  # fmt: skip
    assert one == {"type": "new", "content": "ab"}


def test_an_input_that_was_cut_off_is_shown_as_what_it_is() -> None:
    start = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    (one,) = content_of(block(0, start, {"type": "input_json_delta", "partial_json": '{"a": "b'}))
    assert one["input"] == {"INVALID_JSON": '{"a": "b'}


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 0, "cache_read_input_tokens": 0},
        {"input_tokens": 900, "server_tool_use": {"web_search_requests": 2}},
        {"input_tokens": None, "output_tokens_details": {"thinking_tokens": 3}},
        {"iterations": [{"type": "message", "input_tokens": 1, "output_tokens": 2}]},
    ],
)
def test_the_counts_are_those_of_the_meter(usage: dict[str, Any]) -> None:
    events = [START, ended(), ended(**usage), STOP]
    reader = MessagesReader()
    for event in events:
        reader.event(json.dumps(event).encode())
    assert read_answer(after(*events).answer() or b"") == reader.report()


def test_without_the_end_of_the_message_there_is_no_answer() -> None:
    assert after(START, ended()).answer() is None
    assert after(STOP).answer() is None
    assert after(START, ended(), STOP, api="anthropic.vertex").answer() is not None


def test_an_error_event_is_the_providers_error() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    found = after(START, event, ended(), STOP)
    assert found.answer() is None
    assert found.error is not None
    assert (found.error.status, json.loads(found.error.body)) == (529, event)
