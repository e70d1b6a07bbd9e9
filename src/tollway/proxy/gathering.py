"""A body put together from its pieces, without ever copying much at once.

A join would copy everything at the end, and a buffer that grows by itself now and then copies all it holds: 5 ms for ten
megabytes, most of it for the kernel's clean pages. So there is room for all of it from the start where its length is
known, and where it is not, what has come is moved a little at a time.
"""

from io import BytesIO

from tollway.proxy.turn import Turn

_SMALL_BYTES = 512 * 1024
"""Up to here a buffer may grow by itself."""
_MOVED_BYTES = 128 * 1024
"""Copied at once."""


def with_room(length: int) -> BytesIO:
    """An empty place for `length` bytes. What is in it before they are written is of no meaning."""
    # CPython writes into the very bytes that it is given here, since nobody else has them; and zeros that nobody has
    # written yet take no memory.
    return BytesIO(bytes(length))


class Gathering:
    """What has come of one body."""

    __slots__ = ("_expected", "_into", "_room", "_turn", "size")

    def __init__(self, turn: Turn, expected: int = 0) -> None:
        """`expected`: how long the body is to be, as far as anybody has said; no more is taken from that than speed."""
        self._turn = turn
        self._expected = expected
        self._into = BytesIO()
        self._room = _SMALL_BYTES
        self.size = 0
        """Bytes."""

    async def add(self, piece: bytes) -> None:
        """Takes the next piece in. Cancelled, it may have left it out."""
        size = self.size + len(piece)
        if size > self._room:
            await self._widen(max(size, self._expected, 2 * self._room))
        self._into.write(piece)
        self.size = size

    def whole(self) -> bytes:
        """All that has come, once; nothing can be added afterwards."""
        self._into.truncate(self.size)
        return self._into.getvalue()

    async def _widen(self, room: int) -> None:
        wider, turn = with_room(room), self._turn
        with self._into.getbuffer() as held:
            for start in range(0, self.size, _MOVED_BYTES):
                wider.write(held[start : min(start + _MOVED_BYTES, self.size)])
                if turn.over():
                    await turn.free()
        self._into, self._room = wider, room
