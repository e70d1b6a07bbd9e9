"""The protocol object on a transport and a loop of its own: nothing is slept for, nothing is opened."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tollway.proxy import listener
from tollway.proxy.listener import BODY_IDLE_S, HEADERS_DEADLINE_S, LARGEST_HEADERS, MOST_HEADERS, Listener, sweep


class Wire(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__({"socket": None, "peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = False
        self.paused = False

    def write(self, data: Any) -> None:
        assert not self.closed, "written after it was closed"
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Later:
    """A loop whose time is told, and whose tasks are the running loop's."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._loop = asyncio.get_running_loop()

    def time(self) -> float:
        return self.now

    def create_task(self, work: Any, **options: Any) -> Any:
        return self._loop.create_task(work, **options)

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        return asyncio.Handle(call, (), self._loop)


class Line:
    """One connection, and what the application behind it saw."""

    def __init__(self, *, answers: bool = True, reads: bool = True) -> None:
        self.requests: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.release = asyncio.Event()
        self._answers, self._reads = answers, reads
        config = uvicorn.Config(
            self._app, interface="asgi3", proxy_headers=False, http=Listener, ws="none", lifespan="off", log_config=None
        )
        config.load()
        self.loop = Later()
        self.state = ServerState()
        self.protocol = Listener(config=config, server_state=self.state, app_state={}, _loop=self.loop)
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append(scope)
        body, more = b"", self._reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        if not self._answers:
            await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def takes(self, data: bytes, *, at: float = 0.0) -> None:
        self.loop.now += at
        self.protocol.data_received(data)
        for _ in range(5):
            await asyncio.sleep(0)

    def passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self.protocol.overdue(self.loop.now)

    async def hangs_up(self) -> None:
        self.release.set()
        self.protocol.connection_lost(None)
        while self.state.tasks:
            await asyncio.sleep(0)

    @property
    def status(self) -> bytes:
        return self.wire.written.split(b" ", 2)[1] if self.wire.written else b""


HEAD = b"POST /v1/x HTTP/1.1\r\nhost: x\r\n"


async def test_a_request_of_usual_size_is_served() -> None:
    line = Line()
    await line.takes(HEAD + b"content-length: 3\r\n\r\nabc")
    assert (line.status, line.bodies, line.wire.closed) == (b"200", [b"abc"], False)
    assert line.requests[0]["tollway.connection"] is line.protocol
    await line.hangs_up()


async def refused_431(line: Line) -> None:
    assert line.status == b"431" and line.wire.closed
    assert b'"code":"headers_too_large"' in line.wire.written and b"x-should-retry: false" in line.wire.written
    head, _, body = line.wire.written.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    await line.takes(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert line.requests == []
    await line.hangs_up()


@pytest.mark.parametrize("size", [1_000, 30_000, 10**6])
async def test_headers_beyond_64_kib_are_refused_however_they_come(size: int) -> None:
    line = Line()
    data = HEAD + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(70)) + b"\r\n"
    for at in range(0, len(data), size):
        await line.takes(data[at : at + size])
    await refused_431(line)


async def test_one_endless_header_is_refused_before_it_ends() -> None:
    line = Line()
    await line.takes(HEAD + b"x: ")
    for _ in range(66):
        await line.takes(b"y" * 1000)
    await refused_431(line)


async def test_an_endless_path_is_refused() -> None:
    line = Line()
    await line.takes(b"GET /" + b"a" * LARGEST_HEADERS + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    await refused_431(line)


async def test_two_hundred_headers_are_served_and_one_more_is_not() -> None:
    line = Line()
    await line.takes(HEAD + b"x: y\r\n" * (MOST_HEADERS - 1) + b"\r\n")
    assert line.status == b"200"
    await line.hangs_up()
    line = Line()
    await line.takes(HEAD + b"x: y\r\n" * MOST_HEADERS + b"\r\n")
    await refused_431(line)


async def test_a_large_body_is_not_taken_for_headers() -> None:
    line = Line()
    await line.takes(HEAD + b"content-length: 300000\r\n\r\n" + b"a" * 300_000)
    assert line.status == b"200" and len(line.bodies[0]) == 300_000
    await line.hangs_up()


async def test_every_request_of_a_connection_has_the_limits_anew() -> None:
    line = Line()
    large = HEAD + b"x: " + b"y" * 40_000 + b"\r\ncontent-length: 0\r\n\r\n"
    for _ in range(4):
        await line.takes(large)
    assert line.wire.written.count(b"HTTP/1.1 200") == 4
    await line.takes(HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n")
    assert line.wire.written.count(b"HTTP/1.1 431") == 1 and line.wire.closed
    await line.hangs_up()


async def test_a_refusal_is_not_written_into_an_answer_under_way() -> None:
    line = Line(answers=False)
    await line.takes(HEAD + b"content-length: 0\r\n\r\n")
    await line.takes(HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n")
    assert line.wire.written == b"" and line.wire.closed
    await line.hangs_up()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    line = Line()
    line.passes(HEADERS_DEADLINE_S)
    assert not line.wire.closed
    line.passes(0.1)
    assert line.wire.closed and line.wire.written == b""
    await line.hangs_up()


async def test_headers_that_drip_are_closed_at_their_deadline() -> None:
    line = Line()
    for piece in (b"G", b"E", b"T", b" ", b"/", b"a", b"a", b"a", b"a"):
        await line.takes(piece, at=1.0)
        line.passes(0)
        assert not line.wire.closed
    line.passes(1.5)
    assert line.wire.closed
    await line.hangs_up()


async def test_the_deadline_of_the_next_headers_begins_with_their_first_byte() -> None:
    line = Line()
    await line.takes(HEAD + b"content-length: 0\r\n\r\n")
    line.passes(60)
    assert not line.wire.closed
    await line.takes(b"POST ")
    line.passes(HEADERS_DEADLINE_S - 1)
    await line.takes(b"/v1")
    assert not line.wire.closed
    line.passes(2)
    assert line.wire.closed and line.wire.written.count(b"HTTP/1.1") == 1
    await line.hangs_up()


async def test_a_body_may_take_long_as_long_as_it_keeps_coming() -> None:
    line = Line()
    await line.takes(HEAD + b"content-length: 10\r\n\r\n")
    for _ in range(9):
        await line.takes(b"a", at=BODY_IDLE_S - 1)
        line.passes(0)
    assert not line.wire.closed
    line.passes(BODY_IDLE_S + 0.1)
    assert line.status == b"408" and line.wire.closed
    await line.hangs_up()
    assert line.bodies == []


async def test_a_body_has_its_own_time_whatever_its_headers_took() -> None:
    line = Line()
    await line.takes(HEAD)
    await line.takes(b"content-length: 10\r\n\r\n", at=HEADERS_DEADLINE_S - 1)
    line.passes(BODY_IDLE_S - 1)
    assert not line.wire.closed
    await line.hangs_up()


async def test_an_answer_may_take_as_long_as_it_takes() -> None:
    line = Line(answers=False)
    await line.takes(HEAD + b"content-length: 1\r\n\r\na")
    line.passes(3600)
    assert not line.wire.closed
    await line.hangs_up()


async def test_a_body_that_is_held_up_here_is_not_the_callers_fault() -> None:
    line = Line(answers=False, reads=False)
    await line.takes(HEAD + b"content-length: 200000\r\n\r\n" + b"a" * 100_000)
    assert line.wire.paused
    line.passes(BODY_IDLE_S + 1)
    assert not line.wire.closed
    line.protocol.flow.resume_reading()
    line.passes(BODY_IDLE_S - 1)
    assert not line.wire.closed
    line.passes(2)
    assert line.wire.closed
    await line.hangs_up()


async def test_a_slow_body_behind_an_answer_is_closed_without_a_second_answer() -> None:
    line = Line(reads=False)
    await line.takes(HEAD + b"content-length: 10\r\n\r\na")
    assert line.status == b"200"
    line.passes(BODY_IDLE_S + 1)
    assert line.wire.closed and line.wire.written.count(b"HTTP/1.1") == 1
    await line.hangs_up()


async def test_whoever_works_for_a_caller_is_told_once_that_it_left() -> None:
    line, told = Line(answers=False), []
    await line.takes(HEAD + b"content-length: 0\r\n\r\n")
    line.protocol.on_gone = lambda: told.append(1)
    line.protocol.connection_lost(None)
    line.protocol.connection_lost(None)
    assert told == [1]
    await line.hangs_up()


async def test_a_caller_that_leaves_after_its_answer_is_nobodys_business() -> None:
    line, told = Line(), []
    await line.takes(HEAD + b"content-length: 0\r\n\r\n")
    line.protocol.on_gone = lambda: told.append(1)
    await line.hangs_up()
    assert told == []


async def test_a_caller_that_leaves_before_its_first_request_breaks_nothing() -> None:
    line = Line()
    await line.hangs_up()
    assert line.requests == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"CONNECT h:1 HTTP/1.1\r\nhost: h\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n", HEAD + b"content-length: -1\r\n\r\n", HEAD + b"bad header: x\r\n\r\n",
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", HEAD + b"x: a\x00b\r\n\r\n",
        "GET /é HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
    ],
)  # fmt: skip
async def test_what_is_no_http_is_answered_400_and_closed(data: bytes) -> None:
    line = Line()
    await line.takes(data)
    assert line.status == b"400" and line.wire.closed and line.requests == []
    await line.hangs_up()


async def test_one_timer_looks_through_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    line, other = Line(), object()
    looked = []
    monkeypatch.setattr(line.protocol, "overdue", looked.append)
    task = asyncio.create_task(sweep({line.protocol, other}, interval_s=0))
    while len(looked) < 2:
        await asyncio.sleep(0)
    task.cancel()
    assert looked == sorted(looked)
    assert listener.SWEEP_S <= HEADERS_DEADLINE_S
    await line.hangs_up()


# A head that asks for an upgrade.

SWITCHES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n",
    b"upgrade: h2c\r\nconnection: upgrade\r\n",
    b"UPGRADE: websocket\r\nCONNECTION: UPGRADE\r\n",
    b"Upgrade: a\r\nUpgrade: b\r\nConnection: Upgrade\r\n",
]
HIDDEN = b"POST /hidden HTTP/1.1\r\nhost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("switch", SWITCHES)
async def test_a_request_that_would_be_upgraded_is_an_ordinary_one_with_its_body(switch: bytes) -> None:
    line = Line()
    await line.takes(HEAD + switch + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN)
    assert line.bodies == [HIDDEN] and line.wire.written.count(b"HTTP/1.1") == 1 and not line.wire.closed
    assert b"upgrade" in dict(line.requests[0]["headers"])
    await line.takes(HEAD + b"content-length: 1\r\n\r\na")
    assert line.bodies == [HIDDEN, b"a"]
    await line.hangs_up()


@pytest.mark.parametrize("switch", SWITCHES)
async def test_a_body_behind_an_upgrade_is_never_a_request_wherever_it_is_cut(switch: bytes) -> None:
    data = HEAD + switch + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    for at in range(1, len(data)):
        line = Line()
        await line.takes(data[:at])
        await line.takes(data[at:])
        assert line.wire.written.count(b"HTTP/1.1 ") == 1, at
        if line.requests:
            # Understood: then with all of its body, unchanged.
            assert line.bodies == [HIDDEN], at
        else:
            assert line.status == b"426" and b"connection: close" in line.wire.written and line.wire.closed, at
        await line.takes(HIDDEN.replace(b"hidden", b"after"))
        assert all(request["path"] != "/hidden" for request in line.requests), at
        await line.hangs_up()


async def test_an_upgrade_that_comes_byte_by_byte_is_answered_once() -> None:
    data = HEAD + SWITCHES[0] + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    line = Line()
    for at in range(len(data)):
        await line.takes(data[at : at + 1])
    assert line.status == b"426" and line.wire.written.count(b"HTTP/1.1 ") == 1 and line.requests == []
    await line.hangs_up()


async def test_a_body_that_looks_like_an_upgrade_is_left_as_it_is_wherever_it_is_cut() -> None:
    body = b"\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n\r\nupgrade: x\r\n\r\n"
    data = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    for first in range(1, len(data) - 1):
        line = Line()
        for piece in (data[:first], data[first : first + 2], data[first + 2 :]):
            await line.takes(piece) if piece else None
        assert line.bodies == [body] and line.status == b"200", first
        await line.hangs_up()


async def test_two_requests_in_a_row_are_cut_anywhere_and_no_body_is_touched() -> None:
    body = b"\r\n\r\n\r\nUpgrade: h2c\r\n\r\n\r"
    data = (HEAD + b"content-length: %d\r\n\r\n" % len(body) + body) * 2
    for at in range(1, len(data)):
        line = Line()
        await line.takes(data[:at])
        await line.takes(data[at:])
        assert line.bodies == [body, body], at
        await line.hangs_up()


async def test_an_upgrade_behind_another_request_ends_the_connection() -> None:
    line = Line()
    first = HEAD + b"content-length: 1\r\n\r\na"
    await line.takes(first + HEAD + SWITCHES[0] + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN)
    assert line.wire.closed and len(line.requests) <= 1
    await line.hangs_up()


async def test_a_header_that_a_caller_gives_a_like_name_is_its_own() -> None:
    line = Line()
    await line.takes(HEAD + b"x-upgraded: websocket\r\nx-upgrade: websocket\r\ncontent-length: 1\r\n\r\na")
    names = [name for name, _ in line.requests[0]["headers"]]
    assert names == [b"host", b"x-upgraded", b"x-upgrade", b"content-length"] and line.bodies == [b"a"]
    await line.hangs_up()


# What another server may frame in another way.


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\nhost: a\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
)
async def test_what_can_be_framed_in_two_ways_is_refused_once_and_closed(head: bytes) -> None:
    line = Line()
    await line.takes(head)
    assert line.status == b"400" and line.wire.closed and line.requests == []
    assert b"framing_invalid" in line.wire.written and b"connection: close" in line.wire.written
    assert line.wire.written.count(b"HTTP/1.1 ") == 1
    await line.takes(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert line.requests == []
    await line.hangs_up()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
)
async def test_what_can_be_framed_in_one_way_is_served(head: bytes) -> None:
    line = Line()
    await line.takes(head)
    assert line.status == b"200"
    await line.hangs_up()


async def test_a_trailer_is_no_header() -> None:
    line = Line()
    await line.takes(
        HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nauthorization: Bearer late\r\nupgrade: h2c\r\n\r\n"
    )
    assert [name for name, _ in line.requests[0]["headers"]] == [b"host", b"transfer-encoding"]
    assert line.bodies == [b"a"]
    await line.hangs_up()


async def test_endless_trailers_are_refused() -> None:
    line = Line(answers=False)
    await line.takes(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: %s\r\n" % (b"y" * 1000) * 70)
    assert line.wire.closed
    await line.hangs_up()


async def test_rubbish_behind_a_request_is_not_answered_into_its_answer() -> None:
    line = Line(answers=False)
    await line.takes(HEAD + b"content-length: 0\r\n\r\n")
    await line.takes(b"rubbish\r\n\r\n")
    assert line.wire.written == b"" and line.wire.closed
    await line.hangs_up()


@pytest.mark.parametrize(
    "request_", [HEAD + b"content-length: 0\r\n\r\n", HEAD + b"content-length: 9\r\n\r\nabc", HEAD]
)
async def test_a_connection_that_is_over_leaves_nothing_to_the_collector_of_garbage(request_: bytes) -> None:
    gc.disable()
    try:
        line = Line()
        await line.takes(request_)
        gone = weakref.ref(line.protocol)
        line.requests.clear()
        await line.hangs_up()
        del line.protocol
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()
