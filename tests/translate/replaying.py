"""Streams as events, and events as the whole answer they stand for."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from tollway.translate.conversation import Declined, Text, Thought, ToolCall
from tollway.translate.told import (
    Answer,
    Begun,
    Cited,
    Delta,
    Event,
    Failed,
    Over,
    PartBegun,
    PartEnded,
    Signed,
    Stopped,
    Used,
)


def events_in(stream: str | bytes) -> list[tuple[str, dict[str, Any]]]:
    """The names and the data of server-sent events; Google's streams may be an array as well."""
    text = stream.decode() if isinstance(stream, bytes) else stream
    if text.lstrip().startswith("["):
        return [("", chunk) for chunk in json.loads(text)]
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    for line in text.split("\n"):
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:") and line[5:].strip() != "[DONE]":
            found.append((name, json.loads(line[5:])))
            name = ""
    return found


def read_stream(reader: Any, stream: str | bytes) -> list[Event]:
    told: list[Event] = []
    for name, data in events_in(stream):
        told += reader.read(name, data)
    return [*told, *reader.finish()]


def write_stream(writer: Any, events: Iterable[Event]) -> bytes:
    return b"".join(writer.write(event) for event in events) + writer.finish()


def events_of(answer: Answer) -> list[Event]:
    """An answer, told as a stream; every text in two pieces."""
    told: list[Event] = [Begun(id=answer.id, model=answer.model, created=answer.created)]
    for index, part in enumerate(answer.parts):
        match part:
            case Text():
                told += [PartBegun(index=index, kind="text"), *_halves(index, part.text)]
                told += [Cited(index=index, citation=citation) for citation in part.citations]
            case Declined():
                told += [PartBegun(index=index, kind="declined"), *_halves(index, part.text)]
            case ToolCall():
                told += [PartBegun(index=index, kind="tool_call", id=part.id, name=part.name)]
                told += _halves(index, part.arguments)
            case Thought():
                told += [PartBegun(index=index, kind="thought", id=part.id, redacted=part.redacted)]
                told += _halves(index, part.text)
            case _:
                raise AssertionError("no stream has media")
        if isinstance(part, ToolCall | Thought) and part.signature is not None:
            told.append(Signed(index=index, signature=part.signature))
        told.append(PartEnded(index))
    return [*told, Stopped(stop=answer.stop, stop_sequence=answer.stop_sequence, usage=answer.usage), Over()]


def _halves(index: int, text: str) -> list[Event]:
    middle = (len(text) + 1) // 2
    return [Delta(index=index, text=piece) for piece in (text[:middle], text[middle:]) if piece]


def gathered(events: Iterable[Event]) -> tuple[Answer, bool]:
    """The answer, and whether its end was seen. Checks the order that every reader has to keep."""
    answer = Answer()
    parts: dict[int, Any] = {}
    ended: set[int] = set()
    over = False
    for event in events:
        assert not over, "nothing comes after the end"
        match event:
            case Begun():
                answer = Answer(id=event.id, model=event.model, created=event.created, usage=event.usage)
            case PartBegun():
                assert event.index == len(parts), "parts are counted up"
                parts[event.index] = {"begun": event, "text": "", "signature": None, "citations": []}
            case Delta():
                assert event.index in parts and event.index not in ended
                parts[event.index]["text"] += event.text
            case Signed():
                assert event.index in parts and event.index not in ended
                parts[event.index]["signature"] = event.signature
            case Cited():
                parts[event.index]["citations"].append(event.citation)
            case PartEnded():
                assert event.index in parts and event.index not in ended
                ended.add(event.index)
            case Stopped():
                answer = _with(answer, stop=event.stop, usage=event.usage or answer.usage)
            case Used():
                answer = _with(answer, usage=event.usage)
            case Over():
                assert ended == set(parts), "every part has an end before the end"
                over = True
            case Failed():
                answer = _with(answer, failed=event)
    return _with(answer, parts=tuple(_part(part) for part in parts.values())), over


def _with(answer: Answer, **changes: Any) -> Answer:
    return msgspec.structs.replace(answer, **changes)


def _part(told: dict[str, Any]) -> Any:
    begun: PartBegun = told["begun"]
    match begun.kind:
        case "text":
            return Text(text=told["text"], citations=tuple(told["citations"]))
        case "declined":
            return Declined(told["text"])
        case "tool_call":
            return ToolCall(
                id=begun.id or "", name=begun.name or "", arguments=told["text"], signature=told["signature"]
            )
        case "thought":
            redacted = begun.redacted or (not told["text"] and told["signature"] is not None)
            return Thought(text=told["text"], signature=told["signature"], redacted=redacted, id=begun.id)
