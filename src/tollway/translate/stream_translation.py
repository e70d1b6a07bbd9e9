"""A provider's stream, in any cut, as the caller's stream."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.sse import Events, data_of
from tollway.translate.codec import StreamReader, StreamWriter
from tollway.translate.told import Begun, Event, Failed, Over

_QUOTED = 500


class StreamTranslation:
    """Reads events of the provider, writes those of the caller, as soon as each is whole."""

    __slots__ = ("_begun", "_ended", "_events", "_now_s", "_reader", "_writer", "failed")

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, now_s: int = 0) -> None:
        self._reader = reader
        self._writer = writer
        self._now_s = now_s
        self._events = Events()
        self._begun = False
        self._ended = False
        self.failed = False
        """An error came in the stream, and was passed on; nothing follows it."""

    def feed(self, piece: bytes) -> bytes:
        """What the caller is sent for the next bytes; may be nothing."""
        return b"".join([self.worded(event) for event in self.whole(piece)])

    def whole(self, piece: bytes) -> list[bytes]:
        """The events that the next bytes make whole; each is for `worded`, in their order."""
        return self._events.feed(piece)

    def finish(self, complete: bool) -> bytes:
        """What is left to send, now that no more bytes come.

        `complete`: the provider's own end was seen. Where it was not, no end is made up: the caller sees that the answer broke off, or
        what the gateway sends itself.
        """
        sent = self.worded(rest) if (rest := self._events.rest()).strip() and complete else b""
        if self._ended or self.failed:
            return sent
        sent += self._tell(self._reader.finish())
        if not complete or self._ended or self.failed:
            return sent
        if not self._begun:
            return sent + self._tell([Failed("The provider sent no stream that can be read.", "api_error", status=502)])
        self._ended = True
        return sent + self._writer.finish()

    def worded(self, event: bytes) -> bytes:
        """What the caller is sent for an event; may be nothing."""
        if self._ended or self.failed:
            return b""
        data = data_of(event)
        if not data:
            return b""  # A comment that keeps the connection open.
        if data == b"[DONE]":
            return self._tell(self._reader.finish())
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            shown = data[: 4 * _QUOTED].decode(errors="replace")[:_QUOTED]
            return self._tell([Failed(f"The provider's stream is not JSON: {shown}", "api_error", status=502)])
        return self._tell(self._reader.read(_name_of(event), cast("dict[str, Any]", value)))

    def _tell(self, events: Any) -> bytes:
        sent = b""
        event: Event
        for event in events:
            if self._ended or self.failed:
                break
            if isinstance(event, Begun):
                if self._begun:
                    continue
                self._begun = True
                if event.created is None:
                    event = msgspec.structs.replace(event, created=self._now_s)
            elif isinstance(event, Over):
                self._ended = True
                sent += self._writer.write(event) + self._writer.finish()
                break
            elif isinstance(event, Failed):
                self.failed = True
            sent += self._writer.write(event)
        return sent


def _name_of(event: bytes) -> str:
    """The event's name; empty where it has none."""
    for line in event.split(b"\n"):
        if line.startswith(b"event:"):
            return line[6:].strip().decode(errors="replace")
    return ""


def worded(translation: StreamTranslation, event: bytes) -> bytes:
    """`StreamTranslation.worded`, for a process that does nothing else."""
    return translation.worded(event)
