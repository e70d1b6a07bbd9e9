"""Metering a stream of lines, each a JSON value (application/x-ndjson, application/stream+json).

Ollama streams so, and Cohere's first API, which sends the same values as server-sent events to whoever asks for those:
a line that begins with `data:` is read as what follows, and the other lines of an event say nothing about money.
"""

from collections.abc import Callable
from typing import Protocol, cast

from tollway.providers.aside import Aside
from tollway.providers.counts import decoded
from tollway.providers.weight import MOST_BYTES
from tollway.usage import Report

LIMIT_BYTES = 32 * 1024 * 1024
"""The longest line that is kept to be read. The largest real ones repeat a whole answer: less than a megabyte."""


class LineReader(Protocol):
    """What one API makes of the values of its streams."""

    output_bytes: int
    complete: bool

    def event(self, data: bytes) -> bool:
        """Takes one value in; False where it is none that this API streams, and its bytes are to count as output."""
        ...

    def report(self) -> Report:
        """What the values so far have told."""
        ...


class LineMeter:
    """A Meter over lines, whose meaning `reader` knows. `whole` reads an answer that is no stream after all."""

    __slots__ = ("_aside", "_pending", "_report", "_unknown", "_unknown_bytes", "_whole", "reader")

    def __init__(self, reader: LineReader, whole: Callable[[bytes], Report]) -> None:
        self.reader = reader
        self._whole = whole
        self._pending = bytearray()
        self._unknown_bytes = 0
        self._unknown: list[bytes] | None = []
        """The lines that came before the first event, perhaps an answer in plain JSON over many lines; None after that event."""
        self._report: Report | None = None
        self._aside: Aside | None = None

    def put_aside(self) -> Aside:
        """From now on heavy lines are put there."""
        self._aside = Aside(take_line)
        return self._aside

    def taken(self, said: list[bool], report: Report | None) -> None:
        """Whether each line that was put aside was an event, and the report of a whole answer that was."""
        if any(said):
            self._unknown = None
        self._report = report or self._report

    def feed(self, chunk: bytes) -> bytes:
        """`chunk` itself: nothing is ever taken out of these streams."""
        start, end = 0, chunk.rfind(b"\n") + 1
        if end and self._pending:
            start = chunk.find(b"\n") + 1
            self._read(self._line_ended_by(chunk[: start - 1]))
        if start < end:
            for line in chunk[start:end].split(b"\n"):
                self._read(line)
        self._pending += chunk[end:]
        if len(self._pending) > LIMIT_BYTES:
            # Too long to be kept: counted, and lost to whatever it would have told.
            self.reader.output_bytes += len(self._pending)
            self._pending.clear()
            self._unknown = None
        return chunk

    def finish(self) -> bytes:
        """Nothing: no byte is ever kept back."""
        self._read(self._line_ended_by(b""))
        if self._unknown and self._unknown[0][:MOST_BYTES].lstrip().startswith(b"{"):
            whole = b"\n".join(self._unknown)
            if self._aside is not None and self._aside.takes(whole):
                self._aside.whole = whole
            elif decoded(whole) is not None:
                self._report = self._whole(whole)
        return b""

    def _line_ended_by(self, rest: bytes) -> bytes:
        """The line that was pending, with the rest of it."""
        line, self._pending = self._pending, bytearray()
        line += rest
        # A copy of eight megabytes takes 4 ms; nobody changes these any more.
        return bytes(line) if len(line) <= MOST_BYTES else cast("bytes", line)

    def _read(self, line: bytes) -> None:
        # What is put aside is stripped by whoever reads it: that may be a copy.
        data = line if self._aside is not None and len(line) > MOST_BYTES else line.strip()
        if not data or data.startswith((b"event:", b"id:", b"retry:", b":")):
            return
        if self._aside is not None and self._aside.takes(data):
            self._aside.events.append(data)
        elif take_line(self.reader, data):
            self._unknown = None
            return
        if self._unknown is not None:
            self._unknown_bytes += len(line)
            if self._unknown_bytes > LIMIT_BYTES:
                self._unknown = None
            else:
                self._unknown.append(line)

    def report(self) -> Report:
        """What the stream has reported so far: the last usage wins."""
        return self._report or self.reader.report()

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of what was generated, as far as the stream shows it; see `Meter`."""
        return self.reader.output_bytes + (0 if self.complete else len(self._pending))

    @property
    def complete(self) -> bool:
        """The provider's own end of stream was seen, or a whole answer that was no stream."""
        return self.reader.complete or self._report is not None


def take_line(reader: LineReader, data: bytes) -> bool:
    """Lets `reader` take a line in; False where it is none that this API streams, and its bytes count as output."""
    data = data.strip()
    if data.startswith(b"data:"):
        data = data[5:].lstrip()
    if reader.event(data):
        return True
    reader.output_bytes += len(data)
    return False
