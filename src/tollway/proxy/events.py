"""Where the events of a stream end: what is said behind half an event would be taken for the rest of it."""

from tollway.proxy.headers import value_of

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


class Events:
    """Passes on what is whole of an event stream, and keeps the beginning of an event until its end is there."""

    __slots__ = ("_rest", "_split")

    def __init__(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """`headers` of the answer: of anything but server-sent events all is passed on as it comes."""
        self._split = b"event-stream" in (value_of(headers, b"content-type") or b"").lower()
        self._rest = b""

    def whole(self, piece: bytes) -> bytes:
        """What may be passed on now."""
        if not self._split or (not self._rest and piece.endswith(_ENDS)):
            return piece
        known = self._rest + piece
        end = max(known.rfind(mark) + len(mark) if mark in known else 0 for mark in _ENDS)
        self._rest = known[end:]
        return known[:end]

    def rest(self) -> bytes:
        """What was kept back; nothing is any more."""
        rest, self._rest = self._rest, b""
        return rest
