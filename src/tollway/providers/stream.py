"""Metering a stream: cutting it into events, reading each once, passing every byte on at once."""

from collections.abc import Callable
from typing import Any, Protocol

from tollway.providers.aside import Aside
from tollway.providers.counts import decoded
from tollway.providers.shown import Kept, Shown
from tollway.providers.sse import Events, Objects, comments_of, data_of
from tollway.providers.weight import ALWAYS_LIGHT
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

    __slots__ = ("_arrays", "_aside", "_events", "_report", "_strip", "_whole", "reader")

    def __init__(
        self, reader: Reader, whole: Callable[[bytes], Report], *, strip_usage: bool = False, arrays: bool = False
    ) -> None:
        self.reader = reader
        self._whole = whole
        self._strip = strip_usage
        self._arrays = arrays
        self._events: Events | Objects = Events()
        self._report: Report | None = None
        self._aside: Aside | None = None

    def put_aside(self) -> Aside:
        """From now on heavy events are put there; each is passed on as it is."""
        self._aside = Aside(take_object if isinstance(self._events, Objects) else take_event)
        return self._aside

    def taken(self, said: list[bool], report: Report | None) -> None:
        """The report of a whole answer that was put aside; what is said to events changes nothing here."""
        self._report = report or self._report

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now; `chunk` itself unless the usage event is to be taken out."""
        # Most chunks are exactly one event of one line.
        if (
            chunk.startswith(b"data: ")
            and not self._events.pending
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2
            and (self._aside is None or (len(chunk) <= ALWAYS_LIGHT and not self._aside.events))
        ):
            self._arrays = False
            if self.reader.event(chunk[6:-2].strip(b" \r")) and self._strip:
                return b""
            return chunk
        if self._arrays:
            self._tell_framing(chunk)
        kept: list[bytes] = []
        for event in self._events.feed(chunk):
            extra = self._read(event)
            if self._strip:
                kept.append(comments_of(event) if extra else event)
        if not self._strip:
            return chunk
        return kept[0] if len(kept) == 1 else b"".join(kept)

    def finish(self) -> bytes:
        """The bytes still kept back when the stream has ended."""
        rest = self._events.rest()
        extra = False
        aside = self._aside
        # Not all of it is stripped, which would copy it.
        opens = rest[:ALWAYS_LIGHT].lstrip().startswith(b"{")
        if opens and aside is not None and aside.takes(rest):
            aside.whole = rest
        elif opens and decoded(rest) is not None:
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
                if self._aside is not None:
                    self._aside.take = take_object

    def _read(self, event: bytes) -> bool:
        if self._aside is not None and self._aside.takes(event):
            self._aside.events.append(event)
            return False
        take = take_object if isinstance(self._events, Objects) else take_event
        return take(self.reader, event)

    def report(self) -> Report:
        """What the stream has reported so far: the last usage wins."""
        return self._report or self.reader.report()

    def keep_shown(self) -> None:
        """From now on the text is kept, if the reader of this API can, to be counted in tokens."""
        reader: Any = self.reader
        if hasattr(reader, "shown"):
            reader.shown = Shown()

    def kept(self) -> Kept | None:
        """The text that was shown; `None` where it was not kept. To be asked once, behind the end."""
        shown: Shown | None = getattr(self.reader, "shown", None)
        if shown is None:
            return None
        pending = b"" if self.complete else self._events.pending
        return shown.kept(self.output_bytes, bytes(pending))

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of what was generated, as far as the stream shows it; see `Meter`."""
        return self.reader.output_bytes + (0 if self.complete else len(self._events.pending))

    @property
    def complete(self) -> bool:
        """The provider's own end of stream was seen, or a whole answer that was no stream."""
        return self.reader.complete or self._report is not None


def take_event(reader: Reader, event: bytes) -> bool:
    """Lets `reader` take a server-sent event in; True for the usage event that only some have asked for."""
    data = data_of(event)
    if not data and event.lstrip().startswith((b"{", b"[")):
        # Not an event at all: an answer in plain JSON that was cut short, or one too large to be kept whole.
        reader.output_bytes += len(event)
    return bool(data) and reader.event(data)


def take_object(reader: Reader, event: bytes) -> bool:
    """Lets `reader` take an object of an array in."""
    return reader.event(event)
