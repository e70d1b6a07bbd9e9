"""Text in fields that nobody here knows is counted by its bytes; what no model makes is not."""

import json
from typing import Any

import pytest

from tollway.providers import unknown_text
from tollway.providers.anthropic_usage import MessagesReader
from tollway.providers.openai_stream import FRAMING_BYTES, ChatReader

TEXT = "The quick brown fox. " * 100


def chunk(**choice: Any) -> bytes:
    return json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": None, **choice}]}).encode()


def chat(*events: bytes) -> int:
    reader = ChatReader()
    for each in events:
        reader.event(each)
    return reader.output_bytes


@pytest.mark.parametrize(
    "event",
    [
        chunk(delta={"something_new": TEXT}),
        chunk(delta={"content": "", "reasoning_details": [{"type": "reasoning.text", "text": TEXT}]}),
        chunk(delta={"content": None, "role": "assistant", "images": [{"image_url": {"url": TEXT}}]}),
        chunk(delta={"tool_calls": [{"index": 0, "type": "something_new", "something_new": {"input": TEXT}}]}),
        chunk(message={"role": "assistant", "content": TEXT}),
        chunk(delta={}, message={"content": TEXT}),
        chunk(delta=None, message={"content": TEXT}, finish_reason="stop"),
        json.dumps({"response": TEXT}).encode(),
        json.dumps({"id": "c", "object": "something.new", "output": {"text": TEXT}}).encode(),
    ],
)
def test_a_chunk_in_which_no_known_field_holds_text_counts_by_what_is_unknown(event: bytes) -> None:
    assert len(TEXT) <= chat(event) < len(TEXT) + 100
    assert 2 * len(TEXT) <= chat(event, event) < 2 * len(TEXT) + 200


@pytest.mark.parametrize(
    "event",
    [
        chunk(delta={"role": "assistant", "content": ""}),
        chunk(delta={"role": "assistant", "content": "", "refusal": None, "tool_calls": None}),
        chunk(delta={}, finish_reason="stop"),
        chunk(delta={"content": "", "annotations": [{"type": "url_citation", "url_citation": {"title": TEXT}}]}),
        chunk(delta={"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": {"arguments": ""}}]}),
        # Perplexity repeats the whole answer beside each piece.
        chunk(delta={"role": "assistant", "content": ""}, message={"role": "assistant", "content": TEXT}),
        chunk(delta={"content": None}, logprobs={"content": [{"token": TEXT}]}),
    ],
)
def test_a_chunk_without_text_counts_for_nothing_but_its_framing(event: bytes) -> None:
    assert chat(event, event) == FRAMING_BYTES


def test_events_that_are_no_chunks_hold_no_text_where_they_are_known() -> None:
    events: list[dict[str, Any]] = [
        {"error": {"message": TEXT}},
        {"id": "c", "object": "chat.completion.chunk", "choices": [], "prompt_filter_results": [{"x": TEXT}]},
        {"id": "c", "model": "m", "provider": "p", "created": 5},
    ]
    assert chat(*[json.dumps(each).encode() for each in events]) == 0


def test_text_beside_what_is_unknown_counts_as_ever() -> None:
    assert chat(chunk(delta={"content": "word", "something_new": "x"})) == FRAMING_BYTES + 4


def anthropic(*events: dict[str, Any]) -> int:
    reader = MessagesReader()
    for each in events:
        reader.event(json.dumps(each).encode())
    return reader.output_bytes


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


def block(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": fields}


@pytest.mark.parametrize(
    "event",
    [
        delta(type="something_delta", something=TEXT),
        delta(type="compaction_delta", content=TEXT),
        block(type="tool_use", id="t", name="f", input={"x": TEXT}),
        block(type="server_tool_use", id="t", name="web_search", input={"query": TEXT}),
        block(type="something_new", something=TEXT),
    ],
)
def test_a_delta_or_a_block_of_an_unknown_kind_counts_by_what_it_holds(event: dict[str, Any]) -> None:
    assert len(TEXT) <= anthropic(event) < len(TEXT) + 150


@pytest.mark.parametrize(
    "event",
    [
        delta(type="citations_delta", citation={"cited_text": TEXT}),
        delta(type="text_delta", text=""),
        {"type": "message_delta", "delta": {"stop_reason": None, "container": {"id": TEXT}}},
        {"type": "ping"},
    ],
)
def test_events_of_which_nothing_is_billed_as_output_count_for_nothing(event: dict[str, Any]) -> None:
    assert anthropic(event) == 0


def test_what_a_tool_of_the_provider_found_is_no_output() -> None:
    found = block(type="web_search_tool_result", tool_use_id="t", content=[{"encrypted_content": TEXT}])
    plain = block(type="tool_use", id="t", name="f", input={})
    assert anthropic(found) == FRAMING_BYTES and anthropic(plain) < 100


@pytest.mark.parametrize("raw", [b"", b"null", b'""', b"[]", b"{}", b"true"])
def test_members_without_a_value_count_for_nothing(raw: bytes) -> None:
    import msgspec

    assert unknown_text.unknown({"x": msgspec.Raw(raw)}) == 0
    assert unknown_text.unknown({"x": msgspec.Raw(b"12")}, frozenset({"y"})) == 2
    assert unknown_text.unknown({"x": msgspec.Raw(b"12")}, frozenset({"y"}), frozenset({"x"})) == 0
