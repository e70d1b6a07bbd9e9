"""Metering Bedrock's streams, and the events of ConverseStream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.aside import Aside
from tollway.providers.bedrock_usage import GROUNDING, converse_report
from tollway.providers.body import ABSENT
from tollway.providers.counts import decoded
from tollway.providers.eventstream import Frames
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.providers.weight import ALWAYS_LIGHT
from tollway.usage import Report

_LONGEST_PLAIN = 32 * 1024 * 1024
"""Of an answer that is no stream after all, as much is kept to be read."""


class FrameReader(Protocol):
    """What one API makes of the frames of its streams."""

    @property
    def output_bytes(self) -> int:
        """Bytes of generated text seen so far; see `Meter`."""
        ...

    @property
    def complete(self) -> bool:
        """The last event of the stream was seen."""
        ...

    def event(self, kind: str, payload: bytes) -> None:
        """Takes one event in."""
        ...

    def report(self) -> Report:
        """What the events so far have told."""
        ...


class FrameMeter:
    """A Meter over event-stream frames, whose meaning `reader` knows. It passes every chunk on untouched.

    `whole` reads an answer that is no stream after all, such as an error in plain JSON.
    """

    __slots__ = ("_aside", "_frames", "_plain", "_report", "_started", "_unread", "_whole", "reader")

    def __init__(self, reader: FrameReader, whole: Callable[[bytes], Report]) -> None:
        self.reader = reader
        self._whole = whole
        self._frames = Frames()
        self._started = False
        self._plain: bytearray | None = None
        self._report: Report | None = None
        self._unread = 0
        """Bytes that were no frame: their number is never less than the tokens they hold."""
        self._aside: Aside | None = None

    def put_aside(self) -> Aside:
        """From now on heavy events are put there."""
        self._aside = Aside(take_frame)
        return self._aside

    def taken(self, said: list[bool], report: Report | None) -> None:
        """The report of a whole answer that was put aside; what is said to events changes nothing here."""
        self._report = report or self._report

    def feed(self, chunk: bytes) -> bytes:
        """`chunk` itself, once read."""
        if not self._started and chunk:
            self._started = True
            # No frame is so long that its length would begin with a printable character.
            if chunk[:1] in (b"{", b"[", b" ", b"\n", b"\r", b"\t"):
                self._plain = bytearray()
        if self._plain is not None:
            self._unread += len(chunk)
            if len(self._plain) < _LONGEST_PLAIN:
                self._plain += chunk
            return chunk
        if self._frames.given_up:
            self._unread += len(chunk)
            return chunk
        for found in self._frames.feed(chunk):
            if not found.kind:
                continue
            # What is in base64 does not show how many values it has.
            if self._aside is not None and (self._aside.events or len(found.payload) > ALWAYS_LIGHT):
                self._aside.events.append((found.kind, found.payload))
            else:
                self.reader.event(found.kind, found.payload)
        if self._frames.given_up:
            self._unread += len(self._frames.rest())
        return chunk

    def finish(self) -> bytes:
        """Nothing: no byte is ever kept back."""
        aside = self._aside
        if self._plain is not None and aside is not None and aside.takes(cast("bytes", self._plain)):
            # Not a copy, which takes 4 ms where it is long: nobody changes it any more.
            aside.whole = cast("bytes", self._plain)
        elif self._plain is not None and isinstance(decoded(bytes(self._plain)), dict):
            self._report = self._whole(bytes(self._plain))
        elif not self.reader.complete:
            self._unread += len(self._frames.rest())
        return b""

    def report(self) -> Report:
        """What the stream has reported so far."""
        return self._report or self.reader.report()

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of what was generated, as far as the stream shows it; see `Meter`."""
        return self.reader.output_bytes + self._unread + (0 if self.complete else len(self._frames.pending))

    @property
    def complete(self) -> bool:
        """The event with the usage was seen, or a whole answer that was no stream."""
        return self.reader.complete or self._report is not None


def take_frame(reader: FrameReader, found: tuple[str, bytes]) -> bool:
    """Lets `reader` take an event in, told by its kind and payload."""
    reader.event(*found)
    return True


class _Reasoning(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _ToolUse(msgspec.Struct, gc=False):
    name: str | None = None
    input: str | None = None


class _Delta(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    image: msgspec.Raw = ABSENT


class _Content(msgspec.Struct, gc=False):
    """A block's start or its delta. What a tool of the provider found (`toolResult`, `citation`) is input, not output."""

    delta: _Delta | None = None
    start: _Delta | None = None


_content = msgspec.json.Decoder(_Content)


class ConverseReader:
    """Follows Converse's events: `messageStop` has the reason, `metadata`, which is the last, the usage."""

    __slots__ = ("_metadata", "_searches", "_stop_reason", "_thought", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._metadata: Values = {}
        self._stop_reason: str | None = None
        self._searches = 0
        self._thought = 0
        """Bytes of reasoning in the block that is open."""

    def event(self, kind: str, payload: bytes) -> None:
        """Takes one event in."""
        match kind:
            case "contentBlockDelta" | "contentBlockStart":
                self._read_content(payload)
            case "contentBlockStop":
                self._thought = 0
            case "messageStart":
                self.output_bytes += FRAMING_BYTES
            case "messageStop":
                self._stop_reason = text(values(payload).get("stopReason"))
            case "metadata":
                self._metadata = values(payload)
                self.complete = self.complete or "usage" in self._metadata
            case _:
                self.output_bytes += len(payload)

    def report(self) -> Report:
        """What the stream has told of itself."""
        return converse_report(self._metadata, finish_reason=self._stop_reason, searches=self._searches)

    def _read_content(self, payload: bytes) -> None:
        try:
            content = _content.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.output_bytes += len(payload)
            return
        for delta in (content.start, content.delta):
            if delta is None:
                continue
            self.output_bytes += size(delta.text)
            if delta.image is not ABSENT:
                self.output_bytes += len(bytes(delta.image))
            if delta.tool_use is not None:
                tool = delta.tool_use
                self.output_bytes += size(tool.name) + size(tool.input) + (2 * FRAMING_BYTES if tool.name else 0)
                self._searches += tool.name == GROUNDING
            if delta.reasoning_content is not None:
                self._read_reasoning(delta.reasoning_content)

    def _read_reasoning(self, reasoning: _Reasoning) -> None:
        self._thought += size(reasoning.text)
        self.output_bytes += size(reasoning.text) + size(reasoning.redacted_content)
        # A signature holds the thoughts themselves, encrypted: the only sign of them where they are not shown.
        self.output_bytes += max(0, size(reasoning.signature) - self._thought)
