"""Reading and writing AWS's binary event streams, however their bytes arrive ("Amazon event stream encoding").

A frame is a prelude (total length, headers length, CRC of both), headers, a payload, and a CRC of all before it. All
numbers are big-endian.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, cast
from zlib import crc32

import msgspec

from tollway.providers.weight import MOST_BYTES

HeaderValue: TypeAlias = str | bytes | int | bool

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_LONGEST_HEADERS = 128 * 1024
_LONGEST_PAYLOAD = 24 * 1024 * 1024
"""AWS's own clients take no longer ones (botocore, eventstream.py)."""

_STRING = 7
_SIZED = (6, _STRING)
_FIXED = {2: (1, True), 3: (2, True), 4: (4, True), 5: (8, True), 8: (8, True), 9: (16, False)}
"""Header types of a fixed length: its bytes, and whether they are a signed number (type 9 is a UUID)."""


class Frame(NamedTuple):
    """One event, or one error in an event's place."""

    headers: dict[str, HeaderValue]
    payload: bytes

    @property
    def kind(self) -> str:
        """The event's type ("metadata", "chunk"); empty for an exception or an error."""
        if self.headers.get(":message-type", "event") != "event":
            return ""
        kind = self.headers.get(":event-type")
        return kind if isinstance(kind, str) else ""


class Frames:
    """Collects bytes until a frame is whole.

    `given_up`: something was no frame (a wrong CRC, an absurd length), and nothing after it can be told apart.
    """

    __slots__ = ("_sum", "_summed", "given_up", "pending")

    def __init__(self) -> None:
        self.pending = bytearray()
        self.given_up = False
        self._sum = self._summed = 0
        """The CRC of the first so many pending bytes, which are of one long frame."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes; none once it has given up."""
        if self.given_up:
            return []
        pending = self.pending
        pending += chunk
        frames: list[Frame] = []
        start = 0
        while len(pending) - start >= _PRELUDE.size:
            total, headers, crc = _PRELUDE.unpack_from(pending, start)
            payload = total - headers - _OVERHEAD
            # The lengths are believed only with their CRC, so that a broken one makes nobody wait for gigabytes.
            if (
                headers > _LONGEST_HEADERS
                or not 0 <= payload <= _LONGEST_PAYLOAD
                or crc32(pending[start : start + 8]) != crc
            ):
                self.given_up = True
                break
            long = start == 0 and total > MOST_BYTES
            if long:
                # As it comes: the CRC of ten megabytes takes milliseconds.
                self._sum_up(min(len(pending), total - _CRC.size))
            if len(pending) - start < total:
                break
            if long:
                whole, pending = pending, pending[total:]
                self.pending = pending
                found = _long_frame(whole, total, headers, self._sum)
                self._sum = self._summed = total = 0
            else:
                found = _frame(bytes(pending[start : start + total]), headers)
            if found is None:
                self.given_up = True
                break
            frames.append(found)
            start += total
        del pending[:start]
        return frames

    def rest(self) -> bytes:
        """What is left when the stream has ended, or could not be read on."""
        left = bytes(self.pending)
        self.pending = bytearray()
        return left

    def _sum_up(self, end: int) -> None:
        with memoryview(self.pending) as pending, pending[self._summed : end] as more:
            self._sum = crc32(more, self._sum)
        self._summed = end


def _long_frame(whole: bytearray, total: int, headers: int, crc: int) -> Frame | None:
    """The frame that `whole` begins with, whose CRC is `crc`. Its payload is `whole` itself, cut at both ends."""
    if crc != _CRC.unpack_from(whole, total - _CRC.size)[0]:
        return None
    end = _PRELUDE.size + headers
    try:
        told = _headers(bytes(whole[_PRELUDE.size : end]))
    except (ValueError, IndexError):
        return None
    del whole[total - _CRC.size :]
    del whole[:end]
    # A copy of eight megabytes takes 4 ms, and nobody changes these any more.
    return Frame(told, cast("bytes", whole))


def _frame(whole: bytes, headers: int) -> Frame | None:
    """The frame in `whole`, None where its CRC or its headers are wrong."""
    if crc32(whole[: -_CRC.size]) != _CRC.unpack_from(whole, len(whole) - _CRC.size)[0]:
        return None
    end = _PRELUDE.size + headers
    try:
        return Frame(_headers(whole[_PRELUDE.size : end]), whole[end : -_CRC.size])
    except (ValueError, IndexError):
        return None


def _headers(block: bytes) -> dict[str, HeaderValue]:
    """The headers by name. Raises ValueError or IndexError where they are malformed."""
    found: dict[str, HeaderValue] = {}
    at = 0
    while at < len(block):
        name, at = _cut(block, at + 1, block[at])
        kind = block[at]
        at += 1
        value: HeaderValue
        if kind in (0, 1):
            value = kind == 0
        elif kind in _SIZED:
            raw, at = _cut(block, at + 2, int.from_bytes(block[at : at + 2]))
            value = raw.decode() if kind == _STRING else raw
        elif kind in _FIXED:
            length, number = _FIXED[kind]
            raw, at = _cut(block, at, length)
            value = int.from_bytes(raw, signed=True) if number else raw
        else:
            raise ValueError(kind)
        found[name.decode()] = value
    return found


def _cut(block: bytes, start: int, length: int) -> tuple[bytes, int]:
    """`length` bytes from `start`, and where they end. Raises IndexError where there are fewer."""
    end = start + length
    if end > len(block):
        raise IndexError(end)
    return block[start:end], end


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame with text headers. Raises ValueError for a header or a payload that is longer than a frame may have."""
    block = bytearray()
    for name, value in headers.items():
        name_bytes, value_bytes = name.encode(), value.encode()
        if not 0 < len(name_bytes) < 256 or len(value_bytes) > 32767:
            raise ValueError(f"the header {name[:40]!r} is too long for an event stream")
        block += bytes((len(name_bytes),)) + name_bytes + bytes((_STRING,))
        block += len(value_bytes).to_bytes(2) + value_bytes
    if len(block) > _LONGEST_HEADERS or len(payload) > _LONGEST_PAYLOAD:
        raise ValueError("an event stream has no frames of that length")
    lengths = struct.pack(">II", _OVERHEAD + len(block) + len(payload), len(block))
    whole = lengths + _CRC.pack(crc32(lengths)) + bytes(block) + payload
    return whole + _CRC.pack(crc32(whole))


_EXCEPTIONS = {
    408: "modelTimeoutException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}


def error_frame(code_status: int, message: str) -> bytes:
    """The frame that ends a Bedrock stream with an error, as AWS's clients raise it.

    `code_status` is the HTTP status that the error would have had at the start of an answer.
    """
    server = "internalServerException" if code_status >= 500 else "validationException"
    headers = {
        ":exception-type": _EXCEPTIONS.get(code_status, server),
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return frame(headers, msgspec.json.encode({"message": message}))
