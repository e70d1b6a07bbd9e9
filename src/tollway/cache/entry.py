"""A kept answer: what the caller was sent, so that it can be sent again, and what it cost the first time."""

import zlib
from collections.abc import Iterable, Iterator
from typing import final

import msgspec

from tollway.money import Money
from tollway.usage import Usage

_VERSION = b"\x01"
"""The first byte of an encoded entry; what begins otherwise is not read."""

# Of this answer, and nothing of the call: no cookies, no request ids, no rate limits, nothing of ours.
_SAFE = frozenset({b"content-type", b"content-language", b"content-disposition"})


@final
class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer as it was sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """Those of `safe_headers` alone."""
    body: bytes
    """As the caller was sent it, decoded."""
    streamed: bool = False
    chunks: tuple[int, ...] = ()
    """streamed: the lengths of its pieces, which add up to the body."""
    gateway: str = ""
    provider: str = ""
    model: str | None = None
    usage: Usage | None = None
    cost_nanodollars: int | None = None
    """What it was charged, which a hit saves; `None` where no price was known."""
    request_id: str = ""
    """Of the request that it was made for."""
    step: int | None = None
    """How many targets were passed over for it; `None` where its caller was not told."""
    custom: str | None = None
    """The caller's own name for it, by which it may be purged."""
    made_at: int
    """Unix milliseconds."""
    expires_at: int

    @property
    def cost(self) -> Money | None:
        return Money(self.cost_nanodollars) if self.cost_nanodollars is not None else None

    @property
    def pieces(self) -> Iterator[bytes]:
        """The pieces it was sent in; all of it at once where it was no stream."""
        if not self.chunks:
            yield self.body
            return
        start = 0
        for length in self.chunks:
            yield self.body[start : start + length]
            start += length
        if start < len(self.body):
            yield self.body[start:]


class Tape:
    """Takes down an answer while it is sent. What is longer than `most_bytes` is not kept, and its bytes are let go of."""

    __slots__ = ("_most_bytes", "_pieces", "_size")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pieces: list[bytes] | None = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._most_bytes:
            self._pieces = None
        elif self._pieces is not None and piece:
            self._pieces.append(piece)

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return self._pieces is not None

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces or ())

    @property
    def chunks(self) -> tuple[int, ...]:
        return tuple(len(piece) for piece in self._pieces or ())


def safe_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of an answer that may be sent to another caller, at another time."""
    return tuple(header for header in headers if header[0].lower() in _SAFE)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Kept)


def encoded(kept: Kept) -> bytes:
    """The bytes that are kept."""
    written = _encoder.encode(kept)
    return b"".join((_VERSION, zlib.crc32(written).to_bytes(4, "big"), written))


def decoded(written: bytes) -> Kept | None:
    """What `encoded` was given; `None` for bytes of another version, or that are not whole."""
    inner = memoryview(written)[5:]
    # A file that is not synced may have lost a part of what it had.
    if written[:1] != _VERSION or zlib.crc32(inner) != int.from_bytes(written[1:5], "big"):
        return None
    try:
        return _decoder.decode(inner)
    except (msgspec.DecodeError, UnicodeError):
        return None
