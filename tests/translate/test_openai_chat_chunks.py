"""Chunks of OpenAI's chat, written."""

import json
from typing import Any

import openai.types.chat
import pytest

from tollway.translate.conversation import Request
from tollway.translate.openai_chat_chunks import ChatWriter
from tollway.translate.told import Begun, Cited, Delta, Event, Failed, Over, PartBegun, PartEnded, Signed, Stopped, Used
from tollway.usage import Usage

BEGUN = Begun(id="a1", model="m", created=5)


def write(*events: Event, include_usage: bool = False) -> list[Any]:
    writer = ChatWriter(Request(model="m", include_usage=include_usage))
    sent = b"".join(writer.write(event) for event in events)
    assert writer.finish() == b""
    pieces = [piece.removeprefix(b"data: ") for piece in sent.split(b"\n\n") if piece]
    found = [piece.decode() if piece == b"[DONE]" else json.loads(piece) for piece in pieces]
    for chunk in found:
        if isinstance(chunk, dict) and "error" not in chunk:
            openai.types.chat.ChatCompletionChunk.model_validate(chunk)
    return found


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if isinstance(chunk, dict) and chunk.get("choices")]


def test_a_stream_begins_with_the_role_and_ends_with_a_reason() -> None:
    text = (PartBegun(index=0, kind="text"), Delta(index=0, text="Hi"), PartEnded(0))
    chunks = write(BEGUN, *text, Stopped(stop="length", usage=Usage(output_tokens=1)), Over())
    assert deltas(chunks) == [{"role": "assistant", "content": "", "refusal": None}, {"content": "Hi"}, {}]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1] == "[DONE]"
    assert all(chunk["id"] == "a1" and chunk["created"] == 5 and "usage" not in chunk for chunk in chunks[:-1])


def test_usage_comes_in_a_chunk_of_its_own_to_who_asked_for_it() -> None:
    first = Begun(id="a1", model="m", usage=Usage(input_tokens=7))
    chunks = write(first, Stopped(stop="end"), Used(Usage(output_tokens=4)), Over(), include_usage=True)
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"] == {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    assert all(chunk["usage"] is None for chunk in chunks[:-2])


def test_calls_are_counted_by_themselves() -> None:
    chunks = write(
        BEGUN,
        PartBegun(index=0, kind="thought"),
        Delta(index=0, text="Hm."),
        PartEnded(0),
        PartBegun(index=1, kind="tool_call", id="c1", name="f"),
        PartBegun(index=2, kind="tool_call", id="c2", name="g"),
        Delta(index=2, text='{"a":1}'),
        PartEnded(1),
        PartEnded(2),
        Stopped(stop="tool_calls"),
        Over(),
    )
    assert deltas(chunks)[1:-1] == [
        {"reasoning_content": "Hm."},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"a":1}'}}]},
        # A call without arguments is JSON all the same.
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    ]


def test_refusals_proofs_and_links_have_their_places() -> None:
    chunks = write(
        BEGUN,
        PartBegun(index=0, kind="thought"),
        Signed(index=0, signature=("anthropic.messages", "s")),
        PartEnded(0),
        PartBegun(index=1, kind="text"),
        Delta(index=1, text="Hi"),
        Cited(index=1, citation={"url": "https://a", "title": "A"}),
        PartEnded(1),
        PartBegun(index=2, kind="tool_call", id="c", name="f"),
        Signed(index=2, signature=("google.generate", "g")),
        PartEnded(2),
        PartBegun(index=3, kind="declined"),
        Delta(index=3, text="No."),
        PartEnded(3),
        Stopped(stop="declined"),
        Over(),
    )
    said = deltas(chunks)
    assert said[1]["reasoning_details"][0]["signature"] == "s"
    assert said[3]["annotations"][0]["url_citation"] == {
        "start_index": 0,
        "end_index": 2,
        "title": "A",
        "url": "https://a",
    }
    assert said[5]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "g"}}
    assert said[7] == {"refusal": "No."}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_nothing_follows_an_error() -> None:
    chunks = write(BEGUN, Failed("Oh.", "overloaded_error", status=529))
    assert chunks[-1]["error"]["message"] == "Oh."
    assert "[DONE]" not in chunks


@pytest.mark.parametrize(
    "event", [Delta(index=9, text="x"), Signed(index=9, signature=("openai.chat", "s")), PartEnded(9)]
)
def test_what_belongs_to_no_part_says_nothing(event: Event) -> None:
    assert ChatWriter(Request(model="m")).write(event) == b""
