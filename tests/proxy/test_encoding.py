import asyncio
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.encoding import LARGEST_DECODED, Decoder, DecodingFailed, decoded, decoder
from tollway.proxy.turn import Turn

MIB = 1024 * 1024


def made(encoding: bytes) -> Decoder:
    found = decoder(encoding)
    assert found is not None
    return found


def fed(encoding: bytes, packed: bytes, size: int) -> bytes:
    taking = made(encoding)
    return b"".join(taking.feed(packed[at : at + size]) for at in range(0, len(packed), size))


@pytest.mark.parametrize("encoding", [None, b"", b"identity", b" Identity "])
def test_where_there_is_nothing_to_take_off_there_is_no_decoder(encoding: bytes | None) -> None:
    assert decoder(encoding) is None


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"gzip,br", b"compress", b"\xff", b"aws-chunked"])
def test_an_encoding_nobody_asked_for_is_named(encoding: bytes) -> None:
    with pytest.raises(DecodingFailed, match=r"content-encoding .* was not asked for"):
        decoder(encoding)


@given(st.binary(max_size=3000), st.integers(1, 700), st.sampled_from([b"gzip", b"x-gzip", b" GZIP ", b"deflate"]))
def test_an_encoding_is_taken_off_however_it_is_cut(plain: bytes, size: int, encoding: bytes) -> None:
    packed = zlib.compress(plain) if encoding == b"deflate" else gzip.compress(plain, mtime=0)
    assert fed(encoding, packed, size) == plain


@given(st.lists(st.binary(max_size=500), min_size=2, max_size=4), st.integers(1, 400))
def test_a_stream_of_several_members_is_one_text(parts: list[bytes], size: int) -> None:
    assert fed(b"gzip", b"".join(gzip.compress(part, mtime=0) for part in parts), size) == b"".join(parts)


def test_nothing_fed_is_nothing_read() -> None:
    assert made(b"gzip").feed(b"") == b""


def test_an_event_is_not_held_back_until_the_next() -> None:
    packing = zlib.compressobj(wbits=31)
    taking = made(b"gzip")
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert taking.feed(packing.compress(event) + packing.flush(zlib.Z_SYNC_FLUSH)) == event


@pytest.mark.parametrize(
    "packed",
    [
        b"not packed at all",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff",
        gzip.compress(b"x", mtime=0)[:-8] + b"\x00" * 8,
        gzip.compress(b"x", mtime=0) + b"trailing",
    ],
)
def test_garbage_is_no_answer(packed: bytes) -> None:
    with pytest.raises(DecodingFailed):
        made(b"gzip").feed(packed)


def test_a_cut_answer_gives_what_was_there() -> None:
    plain = bytes(range(256)) * 8
    packed = gzip.compress(plain, mtime=0)
    assert plain.startswith(made(b"gzip").feed(packed[:-20]))


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
@pytest.mark.parametrize("size", [1000, 10**9])
def test_a_bomb_is_stopped_before_it_fills_the_memory(encoding: bytes, size: int) -> None:
    packing = zlib.compressobj(9, wbits=31 if encoding == b"gzip" else 15)
    packed = b"".join(packing.compress(b"\x00" * MIB) for _ in range(80)) + packing.flush()
    taking, read = made(encoding), 0
    with pytest.raises(DecodingFailed, match="hundredfold"):
        for at in range(0, len(packed), size):
            read += len(taking.feed(packed[at : at + size]))
    assert read <= max(MIB, 100 * len(packed))


def test_many_small_bombs_are_one_bomb() -> None:
    member = gzip.compress(b"\x00" * MIB, 9, mtime=0)
    with pytest.raises(DecodingFailed):
        made(b"gzip").feed(member * 50)


def test_a_small_answer_may_be_packed_very_well() -> None:
    assert len(made(b"gzip").feed(gzip.compress(b"\x00" * MIB, 9, mtime=0))) == MIB


def test_no_answer_is_larger_than_the_largest() -> None:
    noise = zlib.compress(b"".join(bytes([n % 251, n // 251 % 251]) * 32 for n in range(MIB // 64)), 1)
    assert len(noise) * 100 > MIB
    taking, read = made(b"gzip"), 0
    member = gzip.compress(zlib.decompress(noise), 1)
    with pytest.raises(DecodingFailed):
        while read <= LARGEST_DECODED:
            read += len(taking.feed(member))
    assert read <= LARGEST_DECODED


async def test_an_encoding_is_taken_off_a_part_a_turn_where_turns_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway.proxy.turn.TURN_NS", -1)
    turn, turns, parts = Turn(), 0, list[bytes]()

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    plain = bytes(range(256)) * 2048
    # The first to ask finds a turn that has just begun.
    turn.over()
    async for part in decoded(made(b"gzip"), gzip.compress(plain), turn):
        parts.append(part)
        turn.over()
    counting.cancel()
    assert b"".join(parts) == plain and 8 <= len(parts) <= turns


async def test_what_is_not_what_the_header_says_fails_in_its_turn() -> None:
    with pytest.raises(DecodingFailed):
        async for _ in decoded(made(b"gzip"), b"plain", Turn()):
            pass
