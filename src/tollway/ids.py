"""Identifiers: UUIDv7, lower-case, sortable by the millisecond they were made in (RFC 9562, 5.7)."""

from collections.abc import Callable

_HEX_DIGITS_OF_TIME = 12


class Ids:
    """Makes identifiers; the source of randomness is an argument so that tests repeat."""

    __slots__ = ("_random",)

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random = random_bytes

    def new(self, now_ms: int) -> str:
        """A UUIDv7 of the instant `now_ms` (Unix milliseconds)."""
        tail = int.from_bytes(self._random(10), "big")
        high = (tail >> 62) & 0x0FFF
        low = tail & 0x3FFF_FFFF_FFFF_FFFF
        text = f"{now_ms:012x}7{high:03x}{0x8000_0000_0000_0000 | low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class RandomPool:
    """Random bytes, drawn from the system many at a time: a system call for each request is a notable part of it."""

    __slots__ = ("_at", "_drawn", "_source")

    def __init__(self, source: Callable[[int], bytes], size: int = 4_096) -> None:
        self._source = source
        self._drawn = source(size)
        self._at = 0

    def take(self, count: int) -> bytes:
        """`count` bytes (at most the pool's size) that have not been given out before."""
        at, end = self._at, self._at + count
        if end > len(self._drawn):
            self._drawn = self._source(len(self._drawn))
            at, end = 0, count
        self._at = end
        return self._drawn[at:end]


def made_at(identifier: str) -> int:
    """The Unix millisecond in which `identifier` was made."""
    return int(identifier.replace("-", "")[:_HEX_DIGITS_OF_TIME], 16)
