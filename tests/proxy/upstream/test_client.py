"""What is the own client's alone: limits, waiting, expiry, and when a request is sent a second time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from upstreams import Conversation, Received, always, answer, full_queue, provider, read_all, self_signed

from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, Url
from tollway.proxy.upstream.client import HttpTransport
from tollway.proxy.upstream.pool import PoolLimits

ON_EVERY_LOOP = True


@asynccontextmanager
async def client(**limits: object) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(limits=PoolLimits(**limits))  # type: ignore[arg-type]
    yield transport
    await transport.aclose()


def post(url: Url, body: bytes = b"{}", **rest: object) -> UpstreamRequest:
    return UpstreamRequest("POST", url, [], body, **rest)  # type: ignore[arg-type]


async def fetch(transport: HttpTransport, request: UpstreamRequest) -> bytes:
    outcome = await transport.send(request)
    assert not isinstance(outcome, NotSent | NoAnswer), outcome
    return await read_all(outcome)


async def a_turn() -> None:
    """One turn of the loop: every task that can run has run up to its next wait."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


class Gate:
    """A provider that answers each request when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Queue[bytes]()
        self.open = asyncio.Semaphore(0)

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            received = await conversation.request()
            self.asked.put_nowait(received.body)
            await self.open.acquire()
            await conversation.send(answer(received.body))


async def test_requests_past_the_limit_wait_their_turn_on_the_same_connections() -> None:
    gate = Gate()
    async with provider(gate) as server, client(max_connections=2) as transport:
        tasks = [asyncio.create_task(fetch(transport, post(server.url, b"%d" % number))) for number in range(6)]
        order = [await gate.asked.get(), await gate.asked.get()]
        for _ in range(4):
            gate.open.release()
            order.append(await gate.asked.get())
        for _ in range(2):
            gate.open.release()
        assert await asyncio.gather(*tasks) == [b"%d" % number for number in range(6)]
        assert sorted(order[:2]) == [b"0", b"1"]
        assert order[2:] == [b"2", b"3", b"4", b"5"]
        assert server.accepted == 2


async def test_waiting_for_a_connection_for_too_long_is_overloaded_and_not_sent() -> None:
    gate = Gate()
    async with provider(gate) as server, client(max_connections=1) as transport:
        first = asyncio.create_task(fetch(transport, post(server.url, b"first")))
        await gate.asked.get()
        outcome = await transport.send(post(server.url, connect_timeout_s=0.05))
        assert isinstance(outcome, NotSent)
        assert outcome.code == "overloaded"
        gate.open.release()
        assert await first == b"first"
        gate.open.release()
        assert await fetch(transport, post(server.url, b"next")) == b"next"
        assert server.accepted == 1


async def test_a_broken_connection_gives_its_place_to_who_waits() -> None:
    asked = asyncio.Queue[Conversation]()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        asked.put_nowait(conversation)
        await conversation.ended()

    async with provider(script) as server, client(max_connections=1) as transport:
        first = asyncio.create_task(transport.send(post(server.url)))
        conversation = await asked.get()
        second = asyncio.create_task(transport.send(post(server.url)))
        await a_turn()
        conversation.reset()
        assert isinstance(await first, NoAnswer)
        (await asked.get()).reset()
        assert isinstance(await second, NoAnswer)
        assert server.accepted == 2


async def test_who_gives_up_waiting_does_not_take_the_place_along() -> None:
    gate = Gate()
    async with provider(gate) as server, client(max_connections=1) as transport:
        waiting: list[asyncio.Task[bytes]] = []

        async def first() -> None:
            await fetch(transport, post(server.url, b"1"))
            # The next in line has just been given the connection, and has had no turn since.
            waiting[1].cancel()

        going_first = asyncio.create_task(first())
        await gate.asked.get()
        waiting += [asyncio.create_task(fetch(transport, post(server.url, b"%d" % number))) for number in (2, 3, 4)]
        await a_turn()
        waiting[0].cancel()
        gate.open.release()
        await going_first
        assert await gate.asked.get() == b"4"
        gate.open.release()
        assert await waiting[2] == b"4"
        assert [task.cancelled() for task in waiting] == [True, True, False]
        assert server.accepted == 1


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_request_gives_its_place_back_wherever_it_was(turns: int) -> None:
    async with provider(always(answer(b"ok"))) as server, client(max_connections=1) as transport:
        for _ in range(3):
            task = asyncio.create_task(fetch(transport, post(server.url)))
            for _ in range(turns):
                await a_turn()
            task.cancel()
            await asyncio.wait({task})
        assert await fetch(transport, post(server.url)) == b"ok"


async def test_a_failed_connection_gives_its_place_back() -> None:
    async with provider(always(answer())) as server:
        pass
    async with client(max_connections=1) as transport:
        for _ in range(3):
            outcome = await transport.send(post(server.url))
            assert isinstance(outcome, NotSent)
            assert outcome.code == "upstream_unreachable"


async def test_a_connection_that_does_not_stand_in_time_is_unreachable() -> None:
    with full_queue() as port:
        async with client() as transport:
            outcome = await transport.send(post(Url("http", "127.0.0.2", port), connect_timeout_s=0.05))
            assert outcome == NotSent("upstream_unreachable", f"No connection to 127.0.0.2:{port} within 0.05 s.")


async def test_a_tls_handshake_that_does_not_end_in_time_is_unreachable() -> None:
    async def silent(conversation: Conversation) -> None:
        await conversation.ended()

    async with provider(silent) as server, client() as transport:
        outcome = await transport.send(post(Url("https", "127.0.0.1", server.url.port), connect_timeout_s=0.05))
        assert isinstance(outcome, NotSent)
        assert outcome.code == "upstream_unreachable"


async def test_an_address_the_policy_forbids_is_unreachable() -> None:
    transport = HttpTransport(allowed=lambda address: not address.is_loopback)
    async with provider(always(answer())) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NotSent)
        assert "connecting to 127.0.0.1 is not allowed" in outcome.message
        assert server.accepted == 0
    await transport.aclose()


async def test_an_idle_connection_is_closed_when_it_has_been_idle_for_long() -> None:
    closed = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"ok"))
        await conversation.ended()
        closed.set()

    async with provider(script) as server, client(idle_expiry_s=0.05) as transport:
        assert await fetch(transport, post(server.url)) == b"ok"
        await closed.wait()
        assert await fetch(transport, post(server.url)) == b"ok"
        assert server.accepted == 2


async def test_a_tls_connection_closed_while_idle_is_replaced_though_the_loop_has_not_seen_it(tmp_path: Path) -> None:
    closed = asyncio.Queue[None]()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"ok"))
        conversation.close()
        with suppress(ConnectionError):
            await conversation.writer.wait_closed()
        closed.put_nowait(None)

    certificates = self_signed(str(tmp_path))
    transport = HttpTransport(tls=certificates.client)
    async with provider(script, tls=certificates.server) as server:
        for connections in range(1, 6):
            assert await fetch(transport, post(server.url)) == b"ok"
            assert server.accepted == connections
            await closed.get()
    await transport.aclose()


async def test_no_more_connections_are_kept_than_the_limit_and_the_oldest_goes() -> None:
    gate = Gate()
    ended = asyncio.Queue[None]()

    async def script(conversation: Conversation) -> None:
        try:
            await gate(conversation)
        finally:
            ended.put_nowait(None)

    async with provider(script) as server, client(max_idle=2) as transport:
        for accepted in (5, 8):  # the second time two of five are at hand
            tasks = [asyncio.create_task(fetch(transport, post(server.url))) for _ in range(5)]
            for _ in range(5):
                await gate.asked.get()
            for _ in range(5):
                gate.open.release()
            await asyncio.gather(*tasks)
            for _ in range(3):
                await ended.get()
            assert server.accepted == accepted


async def test_the_connection_used_last_is_used_next() -> None:
    used: list[int] = []
    both = asyncio.Barrier(2)

    async def script(conversation: Conversation) -> None:
        number = server.accepted
        await conversation.request()
        await both.wait()
        await conversation.send(answer())
        while True:
            await conversation.request()
            used.append(number)
            await conversation.send(answer())

    async with provider(script) as server, client() as transport:
        await asyncio.gather(*(fetch(transport, post(server.url)) for _ in range(2)))
        for _ in range(5):
            await fetch(transport, post(server.url))
        assert len(used) == 5
        assert len(set(used)) == 1


async def test_origins_do_not_share_connections() -> None:
    async with provider(always(answer(b"a"))) as a, provider(always(answer(b"b"))) as b, client() as transport:
        for _ in range(3):
            assert await fetch(transport, post(a.url)) == b"a"
            assert await fetch(transport, post(b.url)) == b"b"
        assert (a.accepted, b.accepted) == (1, 1)


LARGE = b"x" * 20_000_000


def closing_inside_the_second(seen: list[Received], broken: asyncio.Event) -> Callable[[Conversation], object]:
    """The first connection answers once, then is reset inside the next request; later ones answer."""

    async def script(conversation: Conversation) -> None:
        seen.append(await conversation.request())
        await conversation.send(answer(b"ok"))
        if not broken.is_set():
            await conversation.reader.readuntil(b"\r\n\r\n")
            broken.set()
            conversation.reset()
        else:
            await conversation.ended()

    return script


async def test_a_request_that_a_reused_connection_lost_half_sent_is_sent_once_more() -> None:
    seen: list[Received] = []
    broken = asyncio.Event()
    async with provider(closing_inside_the_second(seen, broken)) as server, client() as transport:  # type: ignore[arg-type]
        assert await fetch(transport, post(server.url)) == b"ok"
        assert await fetch(transport, post(server.url, LARGE)) == b"ok"
        assert broken.is_set()
        assert server.accepted == 2
    assert [len(received.body) for received in seen] == [2, len(LARGE)]


async def test_a_request_that_a_new_connection_lost_half_sent_is_no_answer() -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.reader.readuntil(b"\r\n\r\n")
        conversation.reset()

    async with provider(script) as server, client() as transport:
        outcome = await transport.send(post(server.url, LARGE))
        assert isinstance(outcome, NoAnswer)
        assert server.accepted == 1


async def test_a_request_is_sent_twice_at_most() -> None:
    async def script(conversation: Conversation) -> None:
        if server.accepted == 1:
            await conversation.request()
            await conversation.send(answer(b"ok"))
        await conversation.reader.readuntil(b"\r\n\r\n")
        conversation.reset()

    async with provider(script) as server, client() as transport:
        assert await fetch(transport, post(server.url)) == b"ok"
        assert isinstance(await transport.send(post(server.url, LARGE)), NoAnswer)
        assert server.accepted == 2


async def test_closing_sends_those_away_who_wait_for_a_connection() -> None:
    gate = Gate()
    async with provider(gate) as server, client(max_connections=1) as transport:
        first = asyncio.create_task(transport.send(post(server.url)))
        await gate.asked.get()
        second = asyncio.create_task(transport.send(post(server.url)))
        await a_turn()
        await transport.aclose()
        assert isinstance(await first, NoAnswer)
        assert await second == NotSent("shutting_down", "This gateway is shutting down.")


async def test_closing_while_a_connection_is_being_opened_sends_nothing() -> None:
    resolved, resolving = asyncio.Event(), asyncio.Event()

    async def resolve(host: str, port: int) -> list[str]:
        resolving.set()
        await resolved.wait()
        return ["127.0.0.1"]

    transport = HttpTransport(resolve=resolve)
    async with provider(always(answer())) as server:
        sending = asyncio.create_task(transport.send(post(server.url)))
        await resolving.wait()
        await transport.aclose()
        resolved.set()
        outcome = await sending
        assert isinstance(outcome, NotSent)
        assert outcome.code == "shutting_down"
        await transport.aclose()


async def test_cancellations_at_every_moment_leave_nothing_open() -> None:
    """Three leaked places would use up the limit of three."""
    async with provider(always(answer(b"ok" * 50))) as server, client(max_connections=3) as transport:
        for number in range(300):
            tasks = [asyncio.create_task(fetch(transport, post(server.url))) for _ in range(5)]
            for _ in range(number % 7):
                await a_turn()
            tasks[number % 5].cancel()
            tasks[(number * 3 + 1) % 5].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(result == b"ok" * 50 or isinstance(result, asyncio.CancelledError) for result in results), (
                results
            )
        assert len(transport._sweep) <= 3
