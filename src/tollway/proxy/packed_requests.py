"""The requests of a batch as another process has sent them, unpacked a few at a time.

Ten thousand of them as objects hold up the event loop for 5 ms when they are let go, all at once, and the collector of
garbage for as long while they are there.
"""

from collections.abc import Collection, Iterator

import msgspec

from tollway.providers.batches import Request

_part = msgspec.msgpack.Decoder(list[Request])


class PackedRequests(Collection[Request]):
    """Unpacked anew whenever they are gone through. Raises msgspec.DecodeError then, for what are no requests."""

    __slots__ = ("_count", "_lengths", "_packed")

    def __init__(self, packed: bytes, lengths: tuple[int, ...], count: int) -> None:
        """`lengths` of the parts of `packed`, each a list of requests; there are `count` of them in all."""
        self._packed = packed
        self._lengths = lengths
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Request]:
        rest = memoryview(self._packed)
        for length in self._lengths:
            yield from _part.decode(rest[:length])
            rest = rest[length:]

    def __contains__(self, request: object) -> bool:
        return any(request == one for one in self)
