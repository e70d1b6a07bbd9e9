"""Taking a content encoding off, with a limit, for answers that come compressed although none was asked for."""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from tollway.proxy.turn import Turn

LARGEST_DECODED = 64 * 1024 * 1024
_LARGEST_RATIO = 100
_FREE_BYTES = 1024 * 1024
_PLAIN_BYTES = 32 * 1024
"""Given back at once: what is decompressed in a quarter of a millisecond. Ten answers may begin with it in one turn."""


class DecodingFailed(Exception):
    """The bytes are not what the header says, or they grow without bound."""


class Decoder(Protocol):
    """Takes an encoding off, piece by piece."""

    def plain(self, piece: bytes) -> Iterator[bytes]:
        """The plain bytes of the next piece, a little at a time. Raises DecodingFailed."""
        ...

    def feed(self, piece: bytes) -> bytes:
        """All of them at once."""
        ...


class _Zlib:
    """gzip and deflate. A stream may have several members (RFC 1952, 2.2)."""

    __slots__ = ("_bits", "_in", "_inner", "_out")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inner = zlib.decompressobj(bits)
        self._in = 0
        self._out = 0

    def feed(self, piece: bytes) -> bytes:
        return b"".join(self.plain(piece))

    def plain(self, piece: bytes) -> Iterator[bytes]:
        self._in += len(piece)
        full = False
        # What was not given back yet may need no more input.
        while piece or full:
            room = max(_FREE_BYTES, self._in * _LARGEST_RATIO) - self._out
            try:
                most = max(1, min(_PLAIN_BYTES, room + 1))
                plain = self._inner.decompress(piece, most)
            except zlib.error as error:
                raise DecodingFailed(str(error)) from None
            self._out += len(plain)
            if self._out > min(LARGEST_DECODED, max(_FREE_BYTES, self._in * _LARGEST_RATIO)):
                raise DecodingFailed("the answer grows more than a hundredfold when decompressed")
            if plain:
                yield plain
            full = len(plain) == most
            if self._inner.eof:
                full = False
                piece = self._inner.unused_data
                self._inner = zlib.decompressobj(self._bits)
            else:
                piece = self._inner.unconsumed_tail


async def decoded(coding: Decoder, piece: bytes, turn: Turn) -> AsyncIterator[bytes]:
    """`coding.plain(piece)`, each part in a turn that is not over when it is decompressed. Raises DecodingFailed."""
    parts = coding.plain(piece)
    while True:
        if turn.over():
            await turn.free()
        plain = next(parts, None)
        if plain is None:
            return
        yield plain


def decoder(encoding: bytes | None) -> Decoder | None:
    """A decoder for a `Content-Encoding` header; `None` where there is nothing to take off.

    Raises DecodingFailed for an encoding that cannot be taken off here (br, zstd, several on top of each other).
    """
    if encoding is None or encoding.strip().lower() in (b"", b"identity"):
        return None
    name = encoding.strip().lower()
    if name in (b"gzip", b"x-gzip"):
        return _Zlib(16 + zlib.MAX_WBITS)
    if name == b"deflate":
        return _Zlib(zlib.MAX_WBITS)
    raise DecodingFailed(f"content-encoding {name.decode('latin-1')} was not asked for and cannot be read")
