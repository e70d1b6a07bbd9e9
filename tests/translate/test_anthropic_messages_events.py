"""Events of Anthropic's messages, written."""

import json
from typing import Any

from tollway.translate.anthropic_messages_events import MessagesWriter
from tollway.translate.told import Begun, Cited, Delta, Event, Failed, Over, PartBegun, PartEnded, Signed, Stopped, Used
from tollway.usage import Usage


def parsed(sent: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for piece in sent.decode().split("\n\n")[:-1]:
        name, data = piece.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def write(*events: Event) -> list[dict[str, Any]]:
    writer = MessagesWriter()
    sent = b"".join(writer.write(event) for event in events)
    assert writer.finish() == b""
    return parsed(sent)


def blocks(events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block with its deltas; asserts that they come in order and never overlap."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    opened = False
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert not opened and event["index"] == len(found)
                found.append((event["content_block"], []))
                opened = True
            case "content_block_delta":
                assert opened and event["index"] == len(found) - 1
                found[-1][1].append(event["delta"])
            case "content_block_stop":
                assert opened and event["index"] == len(found) - 1
                opened = False
            case _:
                assert not opened
    return found


def test_a_stream_has_its_events_in_order() -> None:
    events = write(
        Begun(id="a", model="m", usage=Usage(input_tokens=5)),
        PartBegun(index=0, kind="text"),
        Delta(index=0, text="Hi"),
        PartEnded(0),
        Stopped(stop="length"),
        Used(Usage(output_tokens=2)),
        Over(),
    )
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["usage"] == {"input_tokens": 5, "output_tokens": 0}
    assert events[-2]["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert events[-2]["usage"] == {"input_tokens": 5, "output_tokens": 2}


def test_calls_that_interleave_come_one_after_the_other() -> None:
    events = write(
        Begun(),
        PartBegun(index=0, kind="tool_call", id="a", name="f"),
        PartBegun(index=1, kind="tool_call", id="b", name="g"),
        PartBegun(index=2, kind="tool_call", id="c", name="h"),
        Delta(index=2, text="{}"),
        Delta(index=1, text='{"b"'),
        Delta(index=0, text='{"a":1}'),
        PartEnded(2),
        Delta(index=1, text=":2}"),
        PartEnded(0),
        PartEnded(1),
        Stopped(stop="tool_calls"),
        Over(),
    )
    found = blocks(events)
    assert [(begun["id"], "".join(delta["partial_json"] for delta in deltas)) for begun, deltas in found] == [
        ("a", '{"a":1}'),
        ("b", '{"b":2}'),
        ("c", "{}"),
    ]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_what_is_said_of_the_open_block_is_sent_at_once() -> None:
    writer = MessagesWriter()
    writer.write(Begun())
    writer.write(PartBegun(index=0, kind="tool_call", id="a", name="f"))
    writer.write(PartBegun(index=1, kind="tool_call", id="b", name="g"))
    assert parsed(writer.write(Delta(index=0, text="{"))) != []
    assert writer.write(Delta(index=1, text="{")) == b""


def test_thoughts_have_their_proofs() -> None:
    found = blocks(
        write(
            Begun(),
            PartBegun(index=0, kind="thought"),
            Delta(index=0, text="Hm."),
            Signed(index=0, signature=("anthropic.messages", "s")),
            PartEnded(0),
            PartBegun(index=1, kind="thought", redacted=True),
            Signed(index=1, signature=("anthropic.messages", "d")),
            PartEnded(1),
            PartBegun(index=2, kind="tool_call", id="c", name="f"),
            Signed(index=2, signature=("google.generate", "g")),
            PartEnded(2),
            Stopped(stop="end"),
            Over(),
        )
    )
    assert found == [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "s"}],
        ),
        ({"type": "redacted_thinking", "data": "d"}, []),
        ({"type": "tool_use", "id": "c", "name": "f", "input": {}}, []),
        ({"type": "redacted_thinking", "data": "google.generate:call:c:g"}, []),
    ]


def test_links_and_refusals_have_their_places() -> None:
    link = {"url": "https://a", "title": "A", "start_index": 0, "end_index": 2}
    found = blocks(
        write(
            Begun(),
            PartBegun(index=0, kind="text"),
            Delta(index=0, text="Hi"),
            Cited(index=0, citation=link),
            PartEnded(0),
            PartBegun(index=1, kind="declined"),
            Delta(index=1, text="No."),
            Stopped(stop="declined"),
            Over(),
        )
    )
    assert found[0][1][1]["citation"]["cited_text"] == "Hi"
    assert found[1] == ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "No."}])


def test_nothing_follows_an_error() -> None:
    events = write(Begun(), PartBegun(index=0, kind="text"), Failed("Busy.", "overloaded_error", status=529))
    assert events[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}


def test_a_stream_without_a_beginning_gets_one_at_its_end() -> None:
    assert [event["type"] for event in parsed(MessagesWriter().finish())] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


def test_what_belongs_to_no_part_says_nothing() -> None:
    assert [event["type"] for event in write(Begun(), Delta(index=4, text="x"), Over())] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
