"""Metering a stream: cutting it into events, reading each once, passing every byte on at once."""

from collections.abc import Callable
from typing import Protocol

from tollway.providers.counts import decoded
from tollway.providers.sse import Events, Objects, comments_of, data_of
from tollway.usage import Report


class Reader(Protocol):
    """What one API makes of the events of its streams."""

    output_bytes: int
    complete: bool

    def event(self, data: bytes) -> bool:
        """Takes one event in; True for the usage event that OpenAI sends only to those who asked for it."""
        ...

    def report(self) -> Report:
        """What the events so far have told."""
        ...


class StreamMeter:
    """A Meter over server-sent events, whose meaning `reader` knows.

    `whole` reads an answer that is no stream after all, such as an error in plain JSON. With `arrays`, a stream that
    opens with a bracket is read as a JSON array of events.
    """

    __slots__ = ("_arrays", "_events", "_reader", "_report", "_strip", "_whole")

    def __init__(
        self, reader: Reader, whole: Callable[[bytes], Report], *, strip_usage: bool = False, arrays: bool = False
    ) -> None:
        self._reader = reader
        self._whole = whole
        self._strip = strip_usage
        self._arrays = arrays
        self._events: Events | Objects = Events()
        self._report: Report | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now; `chunk` itself unless the usage event is to be taken out."""
        # Most chunks are exactly one event of one line.
        if (
            chunk.startswith(b"data: ")
            and not self._events.pending
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2
        ):
            if self._reader.event(chunk[6:-2]) and self._strip:
                return b""
            return chunk
        if self._arrays:
            self._tell_framing(chunk)
        kept: list[bytes] = []
        for event in self._events.feed(chunk):
            extra = self._read(event)
            if self._strip:
                kept.append(comments_of(event) if extra else event)
        return b"".join(kept) if self._strip else chunk

    def finish(self) -> bytes:
        """The bytes still kept back when the stream has ended."""
        rest = self._events.rest()
        extra = False
        if rest.lstrip().startswith(b"{") and decoded(rest) is not None:
            self._report = self._whole(rest)
        elif rest:
            extra = self._read(rest)
        if not self._strip:
            return b""
        return comments_of(rest) if extra else rest

    def _tell_framing(self, chunk: bytes) -> None:
        """Chooses by the first byte that is not white space."""
        first = chunk.lstrip()[:1]
        if first:
            self._arrays = False
            if first in (b"[", b"{"):
                self._events = Objects()

    def _read(self, event: bytes) -> bool:
        if isinstance(self._events, Objects):
            return self._reader.event(event)
        data = data_of(event)
        if not data and event.lstrip().startswith((b"{", b"[")):
            # Not an event at all: an answer in plain JSON that was cut short, or one too large to be kept whole.
            self._reader.output_bytes += len(event)
        return bool(data) and self._reader.event(data)

    def report(self) -> Report:
        """What the stream has reported so far: the last usage wins."""
        return self._report or self._reader.report()

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of what was generated, as far as the stream shows it; see `Meter`."""
        return self._reader.output_bytes

    @property
    def complete(self) -> bool:
        """The provider's own end of stream was seen, or a whole answer that was no stream."""
        return self._reader.complete or self._report is not None
