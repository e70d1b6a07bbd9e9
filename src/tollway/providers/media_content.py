"""Media that stand in a request's body as base64: only their beginning is ever decoded, and the rest never copied."""

import binascii

import msgspec

_base64 = msgspec.json.Decoder(bytes)
"""As strict as `binascii`, and three times as fast."""
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPE_AT_MOST = 5
"""Bytes of a JSON escape (`\\u0041`) that may be left when it is cut."""
_DATA_URL_HEAD = 256
"""Bytes within which a data URL names its type and its encoding."""


class Content:
    """Base64, as it is written inside a JSON string."""

    __slots__ = ("_written",)

    def __init__(self, written: memoryview) -> None:
        self._written = written

    @property
    def bytes_in_body(self) -> int:
        """How much of the request's body it takes."""
        return len(self._written)

    @property
    def most_bytes(self) -> int:
        """No fewer than the bytes it stands for."""
        return -(-len(self._written) * 3 // 4)

    def head(self, size: int) -> bytes | None:
        """The first `size` bytes it stands for, fewer where there are no more; `None` where it is not base64.

        White space is skipped, and the URL-safe alphabet read as the other one. With anything else in it, decoders
        disagree on what it stands for, or refuse it.
        """
        digits = -(-size // 3) * 4
        written = bytes(self._written[:digits])
        try:
            return _base64.decode(b'"' + written + b'"')[:size]
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._lenient_head(written, size)

    def _lenient_head(self, written: bytes, size: int) -> bytes | None:
        # Escapes and white space take room too; what is cut off for them only makes the head shorter.
        text = b"".join((_unescaped(written) or b"\\").translate(_URL_SAFE).split())
        text = text.rstrip(b"=") if len(written) == len(self._written) else text[: len(text) // 4 * 4]
        try:
            return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)[:size]
        except binascii.Error:
            return None


def content_of(raw: msgspec.Raw) -> Content | None:
    """A JSON string of base64; `None` where it is no string."""
    written = memoryview(raw)
    return Content(written[1:-1]) if len(written) > 1 and written[0] == 0x22 else None


def data_url(raw: msgspec.Raw) -> tuple[str, Content | None] | None:
    """The media type of a data URL, in lower case, and its content if that is base64; `None` where it is none.

    The type is what stands before the comma, parameters included.
    """
    written = memoryview(raw)
    head = bytes(written[:_DATA_URL_HEAD])
    if len(head) < 2 or head[0] != 0x22 or written[-1] != 0x22:
        return None
    cut, comma, _ = head[1:].partition(b",")
    if not comma:
        cut = head[1:-1] if len(head) == len(written) else head[1:]
    named = (_unescaped(cut) or b"").lower()
    if named[:5] != b"data:":
        return None
    kind = named[5:].decode(errors="replace")
    if not comma or not named.rstrip().endswith(b";base64"):
        return kind, None
    return kind, Content(written[len(cut) + 2 : -1])


def _unescaped(written: bytes) -> bytes | None:
    """The inside of a JSON string that may be cut anywhere, as UTF-8; `None` where it is no such thing."""
    if b"\\" not in written:
        return written
    for cut in range(min(_ESCAPE_AT_MOST, len(written)) + 1):
        try:
            return msgspec.json.decode(b'"' + written[: len(written) - cut] + b'"', type=str).encode()
        except (msgspec.DecodeError, UnicodeError):
            continue
    return None
