"""Cutting a stream of bytes into events, however it arrives (WHATWG HTML, 9.2 "Server-sent events").

Lines end in LF or CRLF; the lone CR that the standard also has is sent by no provider.
"""

import re
from typing import cast

from tollway.providers.weight import MOST_BYTES

_LIMIT_BYTES = 32 * 1024 * 1024
"""The longest event that is kept to be read. The largest real ones carry an image or a whole answer: a few megabytes."""


_SHORT_BYTES = 16 * 1024


class Events:
    """Collects bytes until an event is whole. `pending` is the incomplete event at the end."""

    __slots__ = ("_searched", "pending")

    def __init__(self) -> None:
        self.pending = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes, each with the blank line that ends it.

        An event that grows beyond the limit is given back in pieces, so that memory stays bounded.
        """
        pending = self.pending
        pending += chunk
        events: list[bytes] = []
        start = 0
        newline = pending.find(b"\n", self._searched)
        while newline >= 0:
            after = bytes(pending[newline + 1 : newline + 3])
            if after.startswith(b"\n"):
                end = newline + 2
            elif after == b"\r\n":
                end = newline + 3
            elif len(after) == 0 or after == b"\r":
                break  # The next chunk tells whether this line was the last of its event.
            else:
                newline = pending.find(b"\n", newline + 1)
                continue
            if start == 0 and end > MOST_BYTES:
                event, pending = pending, pending[end:]
                events.append(_ended(event, end))
                self.pending, end = pending, 0
            else:
                events.append(_copied(pending, start, end))
            start = end
            newline = pending.find(b"\n", end)
        if newline < 0:
            newline = len(pending)
        if start:
            del pending[:start]
        self._searched = newline - start
        if len(pending) > _LIMIT_BYTES:
            events.append(self.rest())
        return events

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        left, self.pending = self.pending, bytearray()
        self._searched = 0
        return bytes(left) if len(left) <= MOST_BYTES else _ended(left, len(left))


def _ended(pending: bytearray, end: int) -> bytes:
    """`pending` itself, up to `end`: a copy of eight megabytes takes 4 ms, and nobody changes these any more."""
    del pending[end:]
    return cast("bytes", pending)


def _copied(pending: bytearray, start: int, end: int) -> bytes:
    """What stands there. A large one is not cut out first, which would copy it twice."""
    if end - start <= _SHORT_BYTES:
        return bytes(pending[start:end])
    with memoryview(pending) as whole, whole[start:end] as part:
        return bytes(part)


def data_of(event: bytes) -> bytes:
    """The `data` of one event, its lines joined; empty where it has none."""
    # Almost every event is one line of data, with or without a line that names its type.
    start = event.find(b"data:")
    end = event.find(b"\n", start)
    if start >= 0 and (start == 0 or event[start - 1] == 10) and not event[end + 1 :].strip(b"\r\n"):
        return event[start + 5 : end].strip(b" \r") if end >= 0 else event[start + 5 :].strip(b" \r\n")
    lines = (line for line in event.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(line[5:].strip(b" \r") for line in lines)


def comments_of(event: bytes) -> bytes:
    """The comment lines of an event, which belong to no message and are passed on even where the event is not."""
    if not event.startswith(b":") and b"\n:" not in event:
        return b""
    return b"".join(line for line in event.splitlines(keepends=True) if line.startswith(b":"))


_STRUCTURE = re.compile(rb'["{}]')
_STRING_END = re.compile(rb'["\\]')


class Objects:
    """Collects the objects of a JSON array that arrives in pieces (Google without `alt=sse`)."""

    __slots__ = ("_depth", "_quoted", "_searched", "pending")

    def __init__(self) -> None:
        self.pending = bytearray()
        self._searched = 0
        self._depth = 0
        self._quoted = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that `chunk` completes, without the brackets and commas around them."""
        pending = self.pending
        pending += chunk
        objects: list[bytes] = []
        start = 0
        at = self._searched
        while found := (_STRING_END if self._quoted else _STRUCTURE).search(pending, at):
            at = found.end()
            match found[0]:
                case b'"':
                    self._quoted = not self._quoted
                case b"{":
                    if self._depth == 0:
                        start = at - 1
                    self._depth += 1
                case b"}":
                    self._depth -= 1
                    if self._depth == 0:
                        if start == 0 and at > MOST_BYTES:
                            event, pending = pending, pending[at:]
                            objects.append(_ended(event, at))
                            self.pending, at = pending, 0
                        else:
                            objects.append(_copied(pending, start, at))
                        start = at
                    self._depth = max(0, self._depth)
                case _:
                    at += 1  # A backslash: whatever follows it, perhaps in the next chunk, ends no string.
        at = max(at, len(pending))
        if self._depth == 0:
            start = len(pending)
        del pending[:start]
        self._searched = at - start
        if len(pending) > _LIMIT_BYTES:
            objects.append(self.rest())
        return objects

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        left, self.pending = self.pending, bytearray()
        self._searched = 0
        self._depth = 0
        self._quoted = False
        return bytes(left) if len(left) <= MOST_BYTES else _ended(left, len(left))
