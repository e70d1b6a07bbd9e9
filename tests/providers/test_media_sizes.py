"""Sizes out of the first bytes of images and sounds: made headers, whole files, and noise."""

import base64
from struct import pack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.media_content import Content, content_of
from tollway.providers.media_sizes import image_size, wave_seconds

SIDES = st.integers(1, 16_383)
"""What all formats can write."""


def content(data: bytes) -> Content:
    found = content_of(msgspec.Raw(b'"' + base64.b64encode(data) + b'"'))
    assert found is not None
    return found


def size(data: bytes) -> tuple[int, int] | None:
    return image_size(content(data))


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + pack(">I4sII5B", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def segment(marker: int, inside: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(inside) + 2) + inside


def jpeg(width: int, height: int, before: bytes = b"", marker: int = 0xC0) -> bytes:
    start = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return start + before + segment(marker, pack(">BHHB", 8, height, width, 3) + bytes(9))


def gif(width: int, height: int, frame: tuple[int, int, int, int], before: bytes = b"", flags: int = 0x80) -> bytes:
    colours = bytes(3 << (flags & 7) + 1) if flags & 0x80 else b""
    return b"GIF89a" + pack("<HHBBB", width, height, flags, 0, 0) + colours + before + b"," + pack("<4HB", *frame, 0)


def webp(name: bytes, inside: bytes) -> bytes:
    return b"RIFF" + pack("<I", len(inside) + 12) + b"WEBP" + name + pack("<I", len(inside)) + inside


def lossy(width: int, height: int) -> bytes:
    # The two highest bits of each side tell how to show it enlarged.
    return webp(b"VP8 ", b"\x10\x02\x00\x9d\x01\x2a" + pack("<HH", width | 0x4000, height | 0xC000))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + pack("<I", (width - 1) | (height - 1) << 14 | 1 << 28))


def extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", bytes(4) + pack("<I", width - 1)[:3] + pack("<I", height - 1)[:3])


def bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + pack("<Iii", 40, width, -height)


def old_bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + pack("<IHH", 12, width, height)


def box(name: bytes, inside: bytes) -> bytes:
    return pack(">I4s", len(inside) + 8, name) + inside


def heif(*sizes: tuple[int, int], brand: bytes = b"heic", before: bytes = b"") -> bytes:
    items = b"".join(box(b"ispe", pack(">III", 0, *each)) + box(b"pixi", bytes(8)) for each in sizes)
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(20)) + box(b"iprp", box(b"ipco", items) + box(b"ipma", b"")))
    return box(b"ftyp", brand + bytes(4) + b"mif1") + before + meta + box(b"mdat", bytes(10))


MADE = {
    "png": png,
    "jpeg": jpeg,
    "progressive": lambda width, height: jpeg(width, height, marker=0xC2),
    "gif": lambda width, height: gif(width, height, (0, 0, width, height)),
    "lossy": lossy,
    "lossless": lossless,
    "extended": extended,
    "bmp": bmp,
    "old_bmp": old_bmp,
    "heic": lambda width, height: heif((width, height)),
    "avif": lambda width, height: heif((width, height), brand=b"avif"),
}


@pytest.mark.parametrize("form", MADE)
@given(width=SIDES, height=SIDES)
def test_a_made_header_gives_its_size(form: str, width: int, height: int) -> None:
    assert size(MADE[form](width, height)) == (width, height)


@pytest.mark.parametrize("form", MADE)
def test_a_header_that_is_cut_off_gives_none(form: str) -> None:
    whole = MADE[form](300, 200)
    least = next(end for end in range(len(whole) + 1) if size(whole[:end]) is not None)
    assert least > 16
    assert all(size(whole[:end]) == (300, 200) for end in range(least, len(whole) + 1))


@pytest.mark.parametrize("form", ["png", "jpeg", "bmp", "old_bmp", "heic", "lossy"])
@pytest.mark.parametrize("sides", [(0, 5), (5, 0), (0, 0)])
def test_a_side_of_nothing_is_unknown(form: str, sides: tuple[int, int]) -> None:
    assert size(MADE[form](*sides)) is None


# Files as encoders write them, all of 45 by 23 pixels.
FILES = {
    "png": "iVBORw0KGgoAAAANSUhEUgAAAC0AAAAXCAIAAAAQmVEGAAAAGklEQVR4nO3BgQAAAADDoPlT3+AEVQEAAHwDDDgAAbD41rEAAAAASUVORK5CYII=",
    "gif": "R0lGODdhLQAXAIEAAAAAAAAAAAAAAAAAACwAAAAALQAXAEAINQABCBxIsKDBgwgTKlzIsKHDhxAjSpxIsaLFixgzatzIsaPHjyBDihxJsqTJkyhTqlzJsmVAADs=",
    "webp": "UklGRjYAAABXRUJQVlA4ICoAAAAQAwCdASotABcAP3G402I0ryqmJWgCkC4JaQAAKUMRiAAA/u48AAAAAAA=",
    "webp, lossless": "UklGRhoAAABXRUJQVlA4TA4AAAAvLIAFAAcQEf0PRET/Aw==",
    "avif": "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0"
    "bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAJgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAA"
    "AEtpcGNvAAAAFGlzcGUAAAAAAAAALQAAABcAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAA"
    "AAEAAQQBAoMEAAAALm1kYXQSAAoJGBUss0QENBoQMhcex4eFWd///+LAAADcqMEFWOHgZZwM6A==",
    "jpeg": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9"
    "//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAXAC0DASIAAhEB"
    "AxEB/8QAHw==",
}


@pytest.mark.parametrize("form", FILES)
def test_a_file_as_encoders_write_it_gives_its_size(form: str) -> None:
    assert size(base64.b64decode(FILES[form])) == (45, 23)


@pytest.mark.parametrize("length", [10, 5_000, 60_000])
def test_a_photographs_preview_before_its_size_is_passed_over(length: int) -> None:
    preview = segment(0xE1, b"Exif\0\0" + jpeg(160, 120) + bytes(length))
    assert size(jpeg(4000, 3000, before=preview * 3)) == (4000, 3000)


def test_a_jpeg_is_given_up_where_its_size_stands_too_deep() -> None:
    profile = segment(0xE2, bytes(65_000))
    assert size(jpeg(4000, 3000, before=profile * 4)) == (4000, 3000)
    assert size(jpeg(4000, 3000, before=profile * 5)) is None
    assert size(jpeg(4000, 3000, before=segment(0xFE, b"") * 1025)) is None


@pytest.mark.parametrize("before", [b"\xff\xd9", b"\xff\xda\0\2", b"\xff\xd8", b"\0", b"\xff\xe1\0\1", b"\xff\xc4\0\0"])
def test_a_jpeg_that_decoders_refuse_or_mend_is_unknown(before: bytes) -> None:
    assert size(jpeg(40, 30, before=before)) is None


def test_a_jpeg_may_fill_up_before_markers() -> None:
    assert size(jpeg(40, 30, before=b"\xff\xff\xff\x01\xff\xd0\xff\xff" + segment(0xC4, bytes(20))[1:])) == (40, 30)


def test_the_first_frame_of_a_gif_counts_where_it_reaches_beyond_the_screen() -> None:
    words = b"!\xfe\x05hello\x03you\x00"
    assert size(gif(1, 1, (100, 200, 3000, 2000), before=words)) == (3100, 2200)
    assert size(gif(500, 400, (0, 0, 10, 10), before=words * 3, flags=0x87)) == (500, 400)
    assert size(gif(500, 400, (0, 0, 10, 10), flags=0)) == (500, 400)
    assert size(gif(500, 400, (0, 0, 10, 10), before=b";")) is None
    assert size(gif(500, 400, (0, 0, 10, 10), before=b"!\xfe" + b"\x01a" * 1100 + b"\0")) is None


def test_the_largest_item_of_a_heic_counts() -> None:
    assert size(heif((512, 512), (4032, 100), (320, 3024))) == (4032, 3024)
    assert size(heif((640, 480), before=box(b"free", bytes(5000)))) == (640, 480)
    wide = pack(">I4sQ", 1, b"free", 24) + bytes(8)
    assert size(heif((640, 480), before=wide)) == (640, 480)


@pytest.mark.parametrize(
    "data",
    [
        heif(),
        heif((5, 5), brand=b"avis"),
        heif((5, 5), before=pack(">I4s", 4, b"free")),
        heif((5, 5), before=pack(">I4s", 0, b"free")),
        heif((5, 5), before=box(b"free", b"") * 1100),
        webp(b"VP8 ", bytes(20)),
        webp(b"VP8L", bytes(20)),
        webp(b"ICCP", bytes(20)),
        b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 4, b"CgBI", 5, 5),
        b"BM" + bytes(12) + pack("<Iii", 16, 5, 5),
        b"II*\0" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='5' height='5'/>",
        b"",
    ],
)
def test_what_is_not_known_to_be_read_like_this_is_unknown(data: bytes) -> None:
    assert size(data) is None


def test_what_is_not_base64_is_unknown() -> None:
    found = content_of(msgspec.Raw(b'"iVBORw0KGgo*AAA"'))
    assert found is not None
    assert image_size(found) is None
    assert wave_seconds(found) is None


STARTS = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8",
    b"GIF89a",
    b"BM",
    b"RIFF\0\0\0\0WAVE",
    *(f(9, 9) for f in MADE.values()),
]


@given(st.sampled_from(STARTS), st.binary(max_size=300), st.integers(0, 100))
def test_any_bytes_give_a_true_size_or_none(start: bytes, noise: bytes, kept: int) -> None:
    data = start[:kept] + noise
    found = size(data)
    assert found is None or min(found) > 0
    seconds = wave_seconds(content(data))
    assert seconds is None or seconds >= 0


def wave(
    data: bytes,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    form: int = 1,
    *,
    frame: int | None = None,
    before: bytes = b"",
    stated: int | None = None,
    extension: bytes = b"",
) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    head = pack("<HHIIHH", form, channels, rate, 1, frame, bits) + extension
    sound = b"data" + pack("<I", len(data) if stated is None else stated) + data
    return b"RIFF\0\0\0\0WAVE" + b"fmt " + pack("<I", len(head)) + head + before + sound


@pytest.mark.parametrize("form", [1, 3, 6, 7])
@given(
    seconds=st.integers(1, 4), rate=st.integers(500, 2000), channels=st.integers(1, 3), width=st.sampled_from([1, 2, 4])
)
def test_a_wave_is_as_long_as_its_bytes_at_its_rate(
    form: int, seconds: int, rate: int, channels: int, width: int
) -> None:
    samples = bytes(seconds * rate * channels * width)
    found = wave_seconds(content(wave(samples, rate, channels, width * 8, form)))
    # Base64 may stand for a byte or two more than there are, and these for a second of their own.
    assert found in (seconds, seconds + 1)


def test_the_length_that_a_wave_gives_itself_decides_nothing() -> None:
    assert wave_seconds(content(wave(bytes(64_000), stated=2))) == 2
    assert wave_seconds(content(wave(bytes(64_000), stated=0xFFFFFFFF))) == 2


def test_a_wave_may_have_chunks_before_its_sound_and_an_extended_form() -> None:
    words = b"LIST" + pack("<I", 3) + b"abc\0"
    assert wave_seconds(content(wave(bytes(64_000), before=words))) == 2
    extension = pack("<HHI", 22, 16, 4) + pack("<H", 1) + bytes(14)
    assert wave_seconds(content(wave(bytes(64_000), form=0xFFFE, extension=extension))) == 2
    assert (
        wave_seconds(content(wave(bytes(64_000), form=0xFFFE, extension=extension.replace(b"\1\0", b"\2\0")))) is None
    )


@pytest.mark.parametrize(
    "data",
    [
        wave(b"", form=2),
        wave(b"", form=0x55),
        wave(b"", rate=0),
        wave(b"", channels=0),
        wave(b"", frame=4),
        wave(b"", bits=12, frame=2),
        wave(b"", before=b"fmt " + pack("<I", 16) + bytes(16)),
        wave(b"", before=b"LIST" + pack("<I", 5000) + bytes(5000)),
        b"RIFF\0\0\0\0WAVEdata\0\0\0\0",
        b"RIFF\0\0\0\0AVI " + bytes(30),
        b"RF64\0\0\0\0WAVE" + bytes(30),
        b"ID3\x04" + bytes(40),
        b"OggS" + bytes(40),
        b"\xff\xfb\x90\x00" * 40,
    ],
)
def test_other_sound_has_no_length(data: bytes) -> None:
    assert wave_seconds(content(data)) is None
