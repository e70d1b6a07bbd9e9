"""The connection alone, under a transport that does only what a test says."""

import asyncio
import gc
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upstreams import answer, chunked

from tollway.proxy.transport import Broken, NoAnswer, UpstreamRequest, Url
from tollway.proxy.upstream.connection import HELD_BYTES, READ_BYTES, Connection, Lost
from tollway.proxy.upstream.response import Http1Response

REQUEST = UpstreamRequest("POST", Url("http", "api.example", 80), [], b"body")


class Wire:
    """An asyncio transport that records, and lets the test speak for the provider."""

    def __init__(self, *, fails: bool = False) -> None:
        self.written: list[bytes] = []
        self.paused = False
        self.closing = False
        self.fails = fails

    def get_extra_info(self, name: str) -> None:
        return None

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.closing = self.fails

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def abort(self) -> None:
        self.closing = True


class Log:
    """A keeper that only takes notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.deadlines: list[float] = []

    def opened(self, connection: Connection) -> None:
        self.notes.append("opened")

    def released(self, connection: Connection) -> None:
        self.notes.append("released")

    def retired(self, connection: Connection) -> None:
        self.notes.append("retired")

    def gone(self, connection: Connection) -> None:
        self.notes.append("gone")

    def hasten(self, deadline: float) -> None:
        self.deadlines.append(deadline)


class Setup:
    def __init__(self, *, fails: bool = False) -> None:
        self.loop = asyncio.get_running_loop()
        self.log = Log()
        self.wire = Wire(fails=fails)
        self.connection = Connection(self.log, self.loop, memoryview(bytearray(READ_BYTES)))
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def say(self, data: bytes) -> None:
        """The provider sends `data`, which is read in one go."""
        assert not self.wire.paused, "read while reading is paused"
        buffer = self.connection.get_buffer(-1)
        buffer[: len(data)] = data
        self.connection.buffer_updated(len(data))

    def start(self, request: UpstreamRequest = REQUEST) -> asyncio.Future[object]:
        return self.connection.start(b"HEAD\r\n\r\n", request)  # type: ignore[return-value]


def got(exchange: asyncio.Future[object]) -> Http1Response:
    response = exchange.result()
    assert isinstance(response, Http1Response)
    return response


async def read_all(response: Http1Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.booleans(),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_the_answer_does_not_depend_on_how_it_is_cut(pieces: list[bytes], in_chunks: bool, cuts: list[int]) -> None:
    async def scenario() -> None:
        setup = Setup()
        response = chunked(*pieces) if in_chunks else answer(b"".join(pieces))
        exchange = setup.start()
        offsets = [0, *sorted(min(cut, len(response)) for cut in cuts), len(response)]
        for begin, end in pairwise(offsets):
            if begin < end:
                setup.say(response[begin:end])
        assert got(exchange).status == 200
        assert await read_all(got(exchange)) == b"".join(pieces)
        assert setup.log.notes == ["opened", "released"]

    asyncio.run(scenario())


async def test_a_small_request_is_one_write() -> None:
    setup = Setup()
    setup.start()
    assert setup.wire.written == [b"HEAD\r\n\r\nbody"]


async def test_a_large_request_whose_provider_closes_while_it_is_written_may_be_sent_again() -> None:
    setup = Setup()
    exchange = setup.start(UpstreamRequest("POST", REQUEST.url, [], b"x" * 1_000_000))
    await asyncio.sleep(0)
    setup.connection.connection_lost(ConnectionResetError())
    outcome = exchange.result()
    assert isinstance(outcome, Lost) and not outcome.nothing_sent
    written = len(setup.wire.written)
    await asyncio.sleep(0)
    assert len(setup.wire.written) == written < 5


async def test_an_answer_before_all_was_written_ends_the_connection() -> None:
    setup = Setup()
    exchange = setup.start(UpstreamRequest("POST", REQUEST.url, [], b"x" * 1_000_000))
    setup.say(answer())
    assert got(exchange).status == 200 and setup.log.notes == ["opened", "retired"]


async def test_a_provider_has_its_time_from_when_all_was_written() -> None:
    setup = Setup()
    setup.start(UpstreamRequest("POST", REQUEST.url, [], b"x" * 300_000))
    begun = setup.connection.deadline
    while sum(map(len, setup.wire.written)) < 300_000:
        await asyncio.sleep(0)
    assert setup.connection.deadline > begun


async def test_a_connection_lost_before_all_was_written_is_lost_and_nothing_more() -> None:
    setup = Setup()
    exchange = setup.start()
    setup.connection.pause_writing()
    setup.connection.connection_lost(ConnectionResetError())
    outcome = exchange.result()
    assert isinstance(outcome, Lost)
    assert not outcome.nothing_sent
    assert setup.log.notes == ["opened", "retired", "gone"]


async def test_a_connection_lost_after_all_was_written_is_no_answer() -> None:
    setup = Setup()
    exchange = setup.start()
    setup.connection.pause_writing()
    setup.connection.resume_writing()
    setup.connection.connection_lost(ConnectionResetError())
    assert isinstance(exchange.result(), NoAnswer)


async def test_a_byte_of_an_answer_is_proof_that_something_was_processed() -> None:
    setup = Setup()
    exchange = setup.start()
    setup.connection.pause_writing()
    setup.say(b"H")
    setup.connection.eof_received()
    assert isinstance(exchange.result(), NoAnswer)


async def test_a_write_that_fails_at_once_has_sent_nothing() -> None:
    setup = Setup(fails=True)
    outcome = setup.start().result()
    assert isinstance(outcome, Lost)
    assert outcome.nothing_sent


async def test_nothing_is_written_to_a_connection_that_is_closing() -> None:
    setup = Setup()
    setup.wire.closing = True
    outcome = setup.start().result()
    assert isinstance(outcome, Lost)
    assert outcome.nothing_sent
    assert setup.wire.written == []
    assert setup.connection.is_stale()


async def test_an_answer_that_is_whole_before_the_request_is_costs_the_connection() -> None:
    setup = Setup()
    exchange = setup.start()
    setup.connection.pause_writing()
    setup.say(answer(b"no", status=b"413 Content Too Large"))
    assert await read_all(got(exchange)) == b"no"
    assert setup.log.notes == ["opened", "retired"]


async def test_reading_pauses_above_the_bound_and_goes_on_when_all_is_read() -> None:
    setup = Setup()
    exchange = setup.start()
    setup.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    response = got(exchange)
    setup.say(b"x" * READ_BYTES)
    assert not setup.wire.paused
    setup.say(b"x" * READ_BYTES)
    assert setup.wire.paused
    assert HELD_BYTES < response.held <= HELD_BYTES + READ_BYTES
    assert len(await response.read()) == 2 * READ_BYTES
    assert not setup.wire.paused
    assert response.held == 0


async def test_the_end_of_an_answer_is_read_even_if_the_connection_serves_another_by_then() -> None:
    setup = Setup()
    first = setup.start()
    setup.say(answer(b"one"))
    second = setup.start()
    setup.say(answer(b"two"))
    assert await read_all(got(first)) == b"one"
    got(first).close()
    assert await read_all(got(second)) == b"two"
    assert setup.log.notes == ["opened", "released", "released"]


async def test_abandoning_an_exchange_that_has_ended_leaves_the_next_alone() -> None:
    setup = Setup()
    first = setup.start()
    setup.say(answer(b"one"))
    second = setup.start()
    setup.connection.abandon(first)
    assert not setup.connection.closed
    setup.connection.abandon(second)
    assert setup.connection.closed


async def test_a_deadline_is_set_only_while_something_is_waited_for() -> None:
    setup = Setup()
    connection = setup.connection
    assert connection.deadline == math.inf
    exchange = setup.start()
    assert connection.deadline == pytest.approx(setup.loop.time() + 120, abs=1)
    setup.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    assert connection.deadline == math.inf
    reading = asyncio.ensure_future(got(exchange).read())
    turn = setup.loop.create_future()
    setup.loop.call_soon(turn.set_result, None)
    await turn
    assert connection.deadline == pytest.approx(setup.loop.time() + 60, abs=1)
    setup.say(b"some")
    assert connection.deadline == math.inf
    assert await reading == b"some"
    setup.say(b" more")
    assert setup.log.deadlines == []


async def test_the_wait_for_the_head_begins_when_a_slow_upload_is_done() -> None:
    setup = Setup()
    setup.start(UpstreamRequest("POST", REQUEST.url, [], b"body", first_byte_timeout_s=30))
    setup.connection.pause_writing()
    setup.connection.deadline = 0.0
    setup.connection.resume_writing()
    assert setup.connection.deadline == pytest.approx(setup.loop.time() + 30, abs=1)


async def test_a_timeout_under_a_second_is_announced() -> None:
    setup = Setup()
    setup.start(UpstreamRequest("POST", REQUEST.url, [], b"body", first_byte_timeout_s=0.5))
    assert setup.log.deadlines == [setup.connection.deadline]


async def test_expiring_ends_what_is_under_way() -> None:
    waiting, streaming, idle = Setup(), Setup(), Setup()
    exchange = waiting.start()
    waiting.connection.expire()
    outcome = exchange.result()
    assert isinstance(outcome, NoAnswer)
    assert outcome.code == "upstream_timeout"
    exchange = streaming.start()
    streaming.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    streaming.connection.expire()
    with pytest.raises(Broken) as caught:
        await got(exchange).read()
    assert caught.value.code == "upstream_timeout"
    idle.connection.expire()
    for setup in (waiting, streaming, idle):
        assert setup.log.notes == ["opened", "retired"]
        assert setup.wire.closing


async def test_a_connection_given_up_while_opening_is_closed_when_it_stands() -> None:
    log = Log()
    connection = Connection(log, asyncio.get_running_loop(), memoryview(bytearray(READ_BYTES)))
    connection.abort()
    wire = Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]
    assert wire.closing


async def test_a_connection_that_is_over_leaves_nothing_to_the_collector_of_garbage() -> None:
    def connections() -> int:
        return sum(isinstance(known, Connection) for known in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = connections()
        setup = Setup()
        exchange = setup.start()
        setup.say(answer(b"whole"))
        assert await read_all(got(exchange)) == b"whole"
        setup.connection.connection_lost(None)
        del setup, exchange
        assert connections() == before
    finally:
        gc.enable()
