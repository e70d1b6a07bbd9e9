"""The body of one answer, between the connection that fills it and the one who reads it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.transport import Broken
from tollway.proxy.upstream.response import Http1Response

GONE = Broken("upstream_invalid", "The provider's answer broke off.")


class Pipe:
    """A connection that only takes notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def wait_for_body(self) -> asyncio.Future[None]:
        self.notes.append("wait")
        return asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        self.notes.append("resume")

    def abort(self) -> None:
        self.notes.append("abort")


def response(*headers: tuple[bytes, bytes]) -> tuple[Http1Response, Pipe]:
    pipe = Pipe()
    return Http1Response(200, list(headers), pipe), pipe


async def a_turn() -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


async def test_what_has_come_is_read_at_once_and_in_one_piece() -> None:
    answer, pipe = response()
    answer.add(b"one ")
    answer.add(b"two")
    assert answer.held == 7
    assert await answer.read() == b"one two"
    assert answer.held == 0
    assert pipe.notes == ["resume"]


async def test_a_single_piece_is_handed_on_without_a_copy() -> None:
    answer, _ = response()
    piece = b"x" * 1000
    answer.add(piece)
    assert await answer.read() is piece


async def test_a_reader_that_comes_first_waits_and_is_woken_by_the_first_piece() -> None:
    answer, pipe = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    assert not reading.done()
    answer.add(b"one ")
    answer.add(b"two")
    assert await reading == b"one two"
    assert pipe.notes == ["wait", "resume"]


async def test_the_end_is_nothing_and_stays_nothing() -> None:
    answer, pipe = response()
    answer.add(b"all")
    answer.end(None)
    assert [await answer.read() for _ in range(3)] == [b"all", b"", b""]
    # The connection may serve another by now: it is not asked for anything any more.
    assert pipe.notes == []


async def test_a_reader_that_waits_is_told_of_the_end() -> None:
    answer, _ = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    answer.end(None)
    assert await reading == b""


async def test_what_came_before_a_break_is_handed_out_first_and_the_break_each_time_after() -> None:
    answer, _ = response()
    answer.add(b"half")
    answer.end(GONE)
    assert await answer.read() == b"half"
    for _ in range(2):
        with pytest.raises(Broken, match="broke off"):
            await answer.read()


async def test_a_reader_that_waits_is_told_of_the_break() -> None:
    answer, _ = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    answer.end(GONE)
    with pytest.raises(Broken) as raised:
        await reading
    assert (raised.value.code, raised.value.message) == (GONE.code, GONE.message)
    # What was raised holds the frames it went through; what is kept must not, or nothing of the answer is ever let go of.
    assert raised.value is not GONE and GONE.__traceback__ is None


async def test_a_piece_and_a_break_in_one_turn_are_told_in_their_order() -> None:
    answer, _ = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    answer.add(b"half")
    answer.end(GONE)
    assert await reading == b"half"
    with pytest.raises(Broken):
        await answer.read()


async def test_a_reader_that_is_cancelled_closes_the_connection_once() -> None:
    answer, pipe = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert pipe.notes == ["wait", "abort"]
    answer.close()
    assert pipe.notes == ["wait", "abort"]


async def test_a_connection_that_speaks_to_a_cancelled_reader_does_no_harm() -> None:
    answer, _ = response()
    reading = asyncio.create_task(answer.read())
    await a_turn()
    reading.cancel()
    answer.add(b"late")
    with pytest.raises(asyncio.CancelledError):
        await reading
    answer.end(None)
    assert await answer.read() == b"late"


async def test_two_readers_at_once_are_a_defect() -> None:
    answer, _ = response()
    first = asyncio.create_task(answer.read())
    await a_turn()
    with pytest.raises(AssertionError, match="two readers"):
        await answer.read()
    answer.end(None)
    assert await first == b""


async def test_closing_aborts_unless_all_has_come() -> None:
    cut, pipe = response()
    cut.add(b"some")
    cut.close()
    assert pipe.notes == ["abort"]
    whole, pipe = response()
    whole.add(b"all")
    whole.end(None)
    whole.close()
    assert pipe.notes == []
    assert await whole.read() == b"all"


@pytest.mark.parametrize(
    ("headers", "ends"),
    [
        ([], True),
        ([(b"content-type", b"text/event-stream")], True),
        ([(b"content-length", b"0")], False),
        ([(b"date", b"x"), (b"transfer-encoding", b"chunked")], False),
    ],
)
def test_a_body_without_framing_ends_with_its_connection(headers: list[tuple[bytes, bytes]], ends: bool) -> None:
    assert response(*headers)[0].ends_with_connection is ends


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=12), st.sets(st.integers(0, 11)))
def test_nothing_is_lost_or_repeated_whenever_it_is_read(pieces: list[bytes], reads: set[int]) -> None:
    async def told() -> bytes:
        answer, _ = response()
        found = b""
        for number, piece in enumerate(pieces):
            answer.add(piece)
            if number in reads:
                found += await answer.read()
                assert answer.held == 0
        answer.end(None)
        while piece := await answer.read():
            found += piece
        return found

    assert asyncio.run(told()) == b"".join(pieces)
