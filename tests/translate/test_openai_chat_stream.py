"""Chunks of OpenAI's chat, read."""

from typing import Any

import pytest

from tollway.translate.openai_chat_stream import ChatReader
from tollway.translate.spelled import Spelling
from tollway.translate.told import Begun, Cited, Delta, Event, Failed, Over, PartBegun, PartEnded, Signed, Stopped, Used
from tollway.usage import Usage

BEGUN = Begun(id="a1", model="m", created=5)


def read(*deltas: dict[str, Any], reason: str | None = "stop", after: tuple[dict[str, Any], ...] = ()) -> list[Event]:
    reader = ChatReader(Spelling(64))
    chunks = [{"id": "a1", "model": "m", "created": 5, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if reason:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return [event for chunk in (*chunks, *after) for event in reader.read("", chunk)] + list(reader.finish())


def test_text_is_one_part() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    assert read({"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, after=(usage,)) == [
        BEGUN,
        PartBegun(index=0, kind="text"),
        Delta(index=0, text="Hel"),
        Delta(index=0, text="lo"),
        PartEnded(0),
        Stopped(stop="end"),
        Used(Usage(input_tokens=3, output_tokens=2)),
        Over(),
    ]


def test_thoughts_text_and_calls_follow_each_other() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}
    assert read(
        {"reasoning_content": "Hm."},
        {"content": "Wait."},
        {"tool_calls": [call]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        reason="tool_calls",
    ) == [
        BEGUN,
        PartBegun(index=0, kind="thought"),
        Delta(index=0, text="Hm."),
        PartEnded(0),
        PartBegun(index=1, kind="text"),
        Delta(index=1, text="Wait."),
        PartEnded(1),
        PartBegun(index=2, kind="tool_call", id="c1", name="f"),
        Delta(index=2, text="{}"),
        PartEnded(2),
        Stopped(stop="tool_calls"),
        Over(),
    ]


def test_calls_that_interleave_are_told_apart() -> None:
    events = read(
        {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{"}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "{"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}, {"index": 1, "function": {"arguments": " }"}}]},
        reason="tool_calls",
    )
    deltas = [(event.index, event.text) for event in events if isinstance(event, Delta)]
    assert deltas == [(0, "{"), (1, "{"), (0, "}"), (1, " }")]


@pytest.mark.parametrize("index", [0, None])
def test_calls_without_an_index_of_their_own_are_told_apart_by_their_ids(index: int | None) -> None:
    events = read(
        {"tool_calls": [{"index": index, "id": "c1", "function": {"name": "f", "arguments": "{}"}}]},
        {"tool_calls": [{"index": index, "id": "c2", "function": {"name": "g", "arguments": '{"a":1}'}}]},
    )
    assert [(event.index, event.id, event.name) for event in events if isinstance(event, PartBegun)] == [
        (0, "c1", "f"),
        (1, "c2", "g"),
    ]
    assert [event.index for event in events if isinstance(event, PartEnded)] == [0, 1]
    assert events[-2:] == [Stopped(stop="tool_calls"), Over()]


def test_a_refusal_is_a_part_and_a_reason() -> None:
    assert read({"refusal": "No."})[1:] == [
        PartBegun(index=0, kind="declined"),
        Delta(index=0, text="No."),
        PartEnded(0),
        Stopped(stop="declined"),
        Over(),
    ]


def test_a_stream_that_stops_without_a_reason_is_not_over() -> None:
    assert not [
        event for event in read({"content": "Hel"}, reason=None) if isinstance(event, Stopped | Over | PartEnded)
    ]


def test_proofs_of_thoughts_are_read() -> None:
    signed = {"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1"}
    hidden = {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1"}
    assert read({"reasoning": "Hm."}, {"reasoning_details": [signed]}, {"reasoning_details": [hidden]})[1:-2] == [
        PartBegun(index=0, kind="thought"),
        Delta(index=0, text="Hm."),
        Signed(index=0, signature=("anthropic.messages", "s")),
        PartEnded(0),
        PartBegun(index=1, kind="thought", redacted=True),
        Signed(index=1, signature=("anthropic.messages", "d")),
        PartEnded(1),
    ]


def test_links_are_read() -> None:
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 2},
    }
    assert Cited(index=0, citation=note) in read({"content": "Hi"}, {"annotations": [note]})


def test_an_error_ends_it() -> None:
    reader = ChatReader(Spelling(64))
    assert list(reader.read("", {"error": {"message": "Oh.", "code": 502}})) == [Failed("Oh.", "", "502", 502)]


def test_azures_first_chunk_begins_nothing() -> None:
    reader = ChatReader(Spelling(64))
    assert list(reader.read("", {"choices": [], "id": "", "model": "", "prompt_filter_results": []})) == []
    assert list(reader.read("", {"id": "a1", "model": "m", "created": 5, "choices": [{"delta": {}}]})) == [BEGUN]


def test_another_choice_than_the_first_is_passed_over() -> None:
    reader = ChatReader(Spelling(64))
    assert list(
        reader.read("", {"id": "a1", "model": "m", "created": 5, "choices": [{"index": 1, "delta": {"content": "x"}}]})
    ) == [BEGUN]
