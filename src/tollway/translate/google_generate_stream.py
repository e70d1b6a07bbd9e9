"""Streams of Google's generateContent, read and written: each chunk has the shape of a whole answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from tollway.translate.conversation import Kind, Request, Text, Thought, ToolCall
from tollway.translate.counted import merged
from tollway.translate.fields import object_in, objects_in, text_in
from tollway.translate.google_generate_answer import (
    chunk,
    citations_of,
    first_candidate,
    is_own,
    read_error,
    read_part,
    reason_of,
    stop_of,
    usage_of,
    write_error,
    write_part,
)
from tollway.translate.google_generate_contents import Calls
from tollway.translate.google_partial import Partial
from tollway.translate.spelled import Spelling
from tollway.translate.told import (
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
from tollway.usage import Usage


class Reader:
    """Follows one stream. It has no end mark: it is whole when its last chunk said why it stopped."""

    def __init__(self, names: Spelling, calls: Calls) -> None:
        self._names = names
        self._calls = calls
        self._next = 0
        self._open: Literal["text", "thought"] | None = None
        self._partial: Partial | None = None
        self._begun = False
        self._failed = False
        self._called = False
        self._reason: str | None = None
        self._usage: Usage | None = None

    def read(self, event: str, data: Mapping[str, Any]) -> Iterator[Event]:
        if self._failed:
            return
        if data.get("error"):
            self._failed = True
            yield read_error(500, data)
            return
        if not self._begun:
            self._begun = True
            yield Begun(id=text_in(data.get("responseId")), model=text_in(data.get("modelVersion")))
        candidate = first_candidate(data)
        for part in objects_in(object_in(candidate.get("content")).get("parts")):
            yield from self._read_part(part)
        if self._open == "text":
            for citation in citations_of(candidate):
                yield Cited(index=self._next, citation=citation)
        self._reason = reason_of(data) or self._reason
        # The counts so far are in every chunk; the last word stands.
        self._usage = merged(self._usage, usage_of(data, ended=self._reason is not None)[0])

    def finish(self) -> Iterator[Event]:
        if self._failed or self._reason is None:
            return
        self._failed = True
        yield from self._close()
        yield Stopped(stop=stop_of(self._reason, called=self._called), usage=self._usage)
        yield Over()

    def _read_part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        if isinstance(part.get("functionCall"), dict):
            whole = self._whole_call(part)
            if whole is None:
                return
            part = whole
        for read in read_part(part, self._names, self._calls, []):
            match read:
                case Text():
                    yield from self._say("text", read.text)
                case Thought() if read.redacted and (self._open != "thought" or part.get("thought") is not True):
                    yield from self._close()
                    yield PartBegun(index=self._next, kind="thought", redacted=True)
                    yield from self._sign(read.signature)
                    self._next += 1
                    yield PartEnded(self._next - 1)
                case Thought():
                    yield from self._say("thought", read.text)
                    yield from self._sign(read.signature)
                    if read.signature is not None:
                        yield from self._close()
                case ToolCall():
                    yield from self._call(read)
                case _:
                    # A picture in the middle of a stream: no other API has a place for it.
                    pass

    def _whole_call(self, part: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Calls whose arguments come piece by piece are told when they are whole."""
        call = object_in(part.get("functionCall"))
        if self._partial is None:
            if call.get("willContinue") is not True:
                return part
            self._partial = Partial(part)
        self._partial.take(call)
        if call.get("willContinue") is True:
            return None
        whole, self._partial = self._partial.part(), None
        return whole

    def _say(self, kind: Literal["text", "thought"], text: str) -> Iterator[Event]:
        if self._open != kind:
            yield from self._close()
            self._open = kind
            yield PartBegun(index=self._next, kind=kind)
        if text:
            yield Delta(index=self._next, text=text)

    def _sign(self, signature: tuple[Kind, str] | None) -> Iterator[Event]:
        if signature is not None:
            yield Signed(index=self._next, signature=signature)

    def _call(self, call: ToolCall) -> Iterator[Event]:
        yield from self._close()
        self._called = True
        yield PartBegun(index=self._next, kind="tool_call", id=call.id, name=call.name)
        yield Delta(index=self._next, text=call.arguments)
        yield from self._sign(call.signature)
        yield PartEnded(self._next)
        self._next += 1

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            self._open = None
            yield PartEnded(self._next)
            self._next += 1


class _Call:
    __slots__ = ("arguments", "begun", "signature")

    def __init__(self, begun: PartBegun) -> None:
        self.begun = begun
        self.arguments: list[str] = []
        self.signature: tuple[Kind, str] | None = None


class Writer:
    """Writes one stream. Calls are told whole, as Google tells them."""

    def __init__(self, request: Request) -> None:
        self._id = ""
        self._model = request.model
        self._parts: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self._citations: list[dict[str, Any]] = []
        self._stopped = Stopped(stop=None)
        self._closed = False

    def write(self, event: Event) -> bytes:
        if self._closed:
            return b""
        match event:
            case Begun():
                self._id, self._model = event.id, event.model or self._model
                self._usage = merged(self._usage, event.usage)
            case PartBegun():
                self._parts[event.index] = _Call(event)
            case Delta():
                return self._grow(event)
            case Signed():
                if (part := self._parts.get(event.index)) is not None:
                    part.signature = event.signature
            case Cited():
                if is_own(event.citation):
                    self._citations.append(event.citation)
            case PartEnded():
                return self._end_part(self._parts.pop(event.index, None))
            case Used():
                self._usage = merged(self._usage, event.usage)
            case Stopped():
                self._usage = merged(self._usage, event.usage)
                self._stopped = event
            case Over():
                return self._end()
            case Failed():
                self._closed = True
                return _event(write_error(event))
        return b""

    def finish(self) -> bytes:
        """Nothing: the last chunk says why it stopped, and a stream that was cut has none."""
        return b""

    def _grow(self, delta: Delta) -> bytes:
        part = self._parts.get(delta.index)
        if part is None or not delta.text:
            return b""
        match part.begun.kind:
            case "tool_call":
                part.arguments.append(delta.text)
                return b""
            case "thought":
                part.arguments.append("")
                return self._chunk([{"text": delta.text, "thought": True}])
            case "text" | "declined":
                return self._chunk([{"text": delta.text}])

    def _end_part(self, part: _Call | None) -> bytes:
        if part is None:
            return b""
        match part.begun.kind:
            case "tool_call":
                call = ToolCall(
                    id=part.begun.id or "",
                    name=part.begun.name or "",
                    arguments="".join(part.arguments),
                    signature=part.signature,
                )
                return self._chunk(write_part(call))
            case "thought" if part.signature is not None:
                # Without `thought` it belongs to nothing that was shown.
                [signed] = write_part(Thought(signature=part.signature))
                return self._chunk([{**signed, "thought": True} if part.arguments else signed])
            case _:
                return b""

    def _chunk(self, parts: list[dict[str, Any]]) -> bytes:
        return _event(chunk(parts, answer_id=self._id, model=self._model)) if parts else b""

    def _end(self) -> bytes:
        written = b"".join(self._end_part(part) for part in self._parts.values())
        self._closed = True
        last = chunk(
            [{"text": ""}],
            answer_id=self._id,
            model=self._model,
            stop=self._stopped.stop or "paused",
            usage=self._usage,
            citations=self._citations,
        )
        return written + _event(last)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\r\n\r\n"
