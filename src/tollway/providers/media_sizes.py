"""How large an image is and how long a sound, read from the first bytes of it.

A provider's decoder takes the size from the same bytes, so a header that lies, or a file that is several formats at
once, is billed as it says here, or refused. Where decoders are known to read another field than the header's (the
frame of a GIF, the largest of an AVIF's items), that is read as well. What is left: a HEIC or AVIF whose items
contradict the sizes that it gives them.
"""

from collections.abc import Iterator
from struct import error, unpack_from

from tollway.providers.media_content import Content

_LOOKS = (1024, 32 * 1024, 256 * 1024)
"""How much is looked at, one after the other: nearly every header is in the first, a photograph's preview stands
before its size, and a print profile before that."""
_STEPS = 1024
"""Segments, blocks or boxes that are walked over at most."""

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset([0x01, *range(0xD0, 0xD8)])
_STILL_BRANDS = frozenset({b"avif", b"heic", b"heix", b"mif1"})
"""Those of single pictures. Of a sequence, decoders may show a track of another size."""

_PLAIN_SOUND = frozenset({1, 3, 6, 7})
"""WAVE formats in which every sample takes the same bytes: PCM, float, A-law, mu-law."""
_EXTENSIBLE = 0xFFFE

Size = tuple[int, int]


def image_size(content: Content) -> Size | None:
    """Width and height in pixels of a PNG, JPEG, GIF, WebP, BMP, AVIF or HEIC; `None` where they cannot be read."""
    for look in _LOOKS:
        head = content.head(look)
        if head is None:
            return None
        try:
            size = _size(head)
        except error:
            continue
        return size if size is not None and min(size) > 0 else None
    return None


def wave_seconds(content: Content) -> int | None:
    """The length of a WAVE of plain samples, rounded up; `None` for everything else.

    All bytes behind its head are taken as samples: the length that a WAVE gives itself may be too small.
    Compressed sound (MP3, AAC, Opus) has no such bound: a variable bit rate may fall to next to nothing.
    """
    head = content.head(_LOOKS[0])
    if head is None or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    bytes_per_second = None
    at = 12
    try:
        while True:
            name, length = unpack_from("<4sI", head, at)
            if name == b"data":
                samples = max(content.most_bytes - (at + 8), 0)
                return -(-samples // bytes_per_second) if bytes_per_second else None
            if name == b"fmt ":
                if bytes_per_second is not None:
                    return None
                bytes_per_second = _bytes_per_second(head, at + 8)
            at += 8 + length + length % 2
    except error:
        return None


def _bytes_per_second(head: bytes, at: int) -> int:
    """0 where samples do not all take the same bytes. The rate that the header states itself decides nothing."""
    form, channels, rate, _, frame, bits = unpack_from("<HHIIHH", head, at)
    if form == _EXTENSIBLE:
        (form,) = unpack_from("<H", head, at + 24)
    return rate * frame if form in _PLAIN_SOUND and frame * 8 == channels * bits else 0


def _size(head: bytes) -> Size | None:
    """Raises struct.error where the size stands beyond the end of `head`."""
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return unpack_from(">II", head, 16) if head[12:16] == b"IHDR" else None
    if head[:2] == b"\xff\xd8":
        return _jpeg(head)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _gif(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        return _heif(head)
    if head[:2] == b"BM":
        return _bmp(head)
    return None


def _jpeg(head: bytes) -> Size | None:
    at = 2
    for _ in range(_STEPS):
        sign, marker, length = unpack_from(">BBH", head, at)
        if sign != 0xFF:
            return None
        if marker == 0xFF:
            at += 1  # Any number of these may fill up before a marker.
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_SIZES:
            # A height of 0 is written after the picture; it counts as unreadable.
            height, width = unpack_from(">HH", head, at + 5)
            return width, height
        elif length < 2 or marker in (0xD8, 0xD9, 0xDA):
            return None
        else:
            at += 2 + length
    return None


def _gif(head: bytes) -> Size | None:
    """The screen, or the first frame where that reaches beyond it: decoders then enlarge the screen."""
    width, height, flags = unpack_from("<HHB", head, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    in_extension = False
    for _ in range(_STEPS):
        (byte,) = unpack_from("B", head, at)
        if in_extension:
            at += 1 + byte
            in_extension = byte != 0
        elif byte == 0x21:
            at += 2
            in_extension = True
        elif byte == 0x2C:
            left, top, frame_width, frame_height = unpack_from("<HHHH", head, at + 1)
            return max(width, left + frame_width), max(height, top + frame_height)
        else:
            return None
    return None


def _webp(head: bytes) -> Size | None:
    match head[12:16]:
        case b"VP8 ":
            start, width, height = unpack_from("<3sHH", head, 23)
            return (width & 0x3FFF, height & 0x3FFF) if start == b"\x9d\x01\x2a" else None
        case b"VP8L":
            sign, bits = unpack_from("<BI", head, 20)
            return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1) if sign == 0x2F else None
        case b"VP8X":
            width, width_high, height, height_high = unpack_from("<HBHB", head, 24)
            return (width_high << 16 | width) + 1, (height_high << 16 | height) + 1
        case _:
            return None


def _bmp(head: bytes) -> Size | None:
    (header,) = unpack_from("<I", head, 14)
    if header == 12:
        return unpack_from("<HH", head, 18)
    width, height = unpack_from("<ii", head, 18)
    return (width, abs(height)) if header >= 40 else None


def _heif(head: bytes) -> Size | None:
    """The largest of all items: what the picture is put together from, previews, and the whole of it."""
    start, end = 0, 1 << 62
    for name, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        found = next((box for box in _boxes(head, start, end) if box[0] == name), None)
        if found is None:
            return None
        start, end = found[1] + skipped, found[2]
    sizes: list[Size] = [
        unpack_from(">II", head, at + 4) for name, at, _ in _boxes(head, start, end) if name == b"ispe"
    ]
    return (max(width for width, _ in sizes), max(height for _, height in sizes)) if sizes else None


def _boxes(head: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes from `at` to `end`: name, where the content starts, where it ends."""
    for _ in range(_STEPS):
        if at >= end:
            return
        length, name = unpack_from(">I4s", head, at)
        start = at + 8
        if length == 1:
            (length,) = unpack_from(">Q", head, start)
            start += 8
        stop = at + length if length else end
        if stop < start:
            return
        yield name, start, stop
        at = stop
