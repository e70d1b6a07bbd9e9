"""The pool alone: who gets a connection, who waits, what is closed. Its connections are real, and ask nothing."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from upstreams import Conversation, provider

from tollway.proxy.transport import NotSent, Url
from tollway.proxy.upstream.connection import READ_BYTES, Connection
from tollway.proxy.upstream.pool import SHUTTING_DOWN, Pool, PoolLimits
from tollway.proxy.upstream.sweep import Sweep

ON_EVERY_LOOP = True
PATIENT_S = 30.0


async def listening(conversation: Conversation) -> None:
    await conversation.ended()


@asynccontextmanager
async def pool(url: Url | None = None, **options: Any) -> AsyncIterator[Pool]:
    """A pool of connections to a provider that only listens, or to `url`."""
    limits = PoolLimits(**{name: options.pop(name) for name in tuple(options) if name in PoolLimits.__struct_fields__})
    async with provider(listening) as server:
        sweep = Sweep(asyncio.get_running_loop())
        made = Pool(
            url or server.url, limits=limits, sweep=sweep, buffer=memoryview(bytearray(READ_BYTES)), tls=None, **options
        )
        try:
            yield made
        finally:
            made.shut()
            await sweep.close()
            assert len(sweep) == 0


async def opened(of: Pool) -> Connection:
    found = await of.connect(PATIENT_S)
    assert isinstance(found, Connection), found
    return found


async def a_turn() -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


async def waiting(of: Pool, number: int) -> list[asyncio.Task[Connection | NotSent]]:
    """So many callers in line, in this order."""
    tasks = []
    for _ in range(number):
        tasks.append(asyncio.create_task(of.connect(PATIENT_S)))
        await a_turn()
    assert not any(task.done() for task in tasks)
    return tasks


async def test_an_empty_pool_has_nothing_to_take_and_opens_what_is_asked() -> None:
    async with pool() as of:
        assert of.take() is None
        connection = await opened(of)
        assert not connection.closed
        assert of.take() is None, "what is lent is not idle"


async def test_what_was_given_back_last_is_taken_first() -> None:
    async with pool() as of:
        first, second = await opened(of), await opened(of)
        of.released(first)
        of.released(second)
        assert of.take() is second
        assert of.take() is first
        assert of.take() is None


async def test_an_idle_connection_that_has_ended_is_passed_over_and_closed() -> None:
    async with pool() as of:
        standing, ended = await opened(of), await opened(of)
        of.released(standing)
        of.released(ended)
        ended.abort()
        assert of.take() is standing
        assert ended.closed


async def test_past_the_limit_of_idle_ones_the_oldest_is_closed() -> None:
    async with pool(max_idle=2) as of:
        one, two, three = [await opened(of) for _ in range(3)]
        for connection in (one, two, three):
            of.released(connection)
        assert one.closed
        assert [of.take(), of.take(), of.take()] == [three, two, None]


async def test_an_idle_connection_expires_and_a_lent_one_does_not() -> None:
    async with pool(idle_expiry_s=30.0) as of:
        connection = await opened(of)
        assert connection.deadline == math.inf
        before = asyncio.get_running_loop().time()
        of.released(connection)
        assert 30.0 <= connection.deadline - before < 31.0
        connection.expire()
        assert connection.closed
        assert of.take() is None


async def test_at_the_limit_callers_wait_in_turn_for_what_is_given_back() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        first, second = await waiting(of, 2)
        of.released(only)
        assert await first is only
        assert not second.done()
        of.released(only)
        assert await second is only


async def test_a_connection_that_is_lost_leaves_its_place_to_who_waits() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        (next_one,) = await waiting(of, 1)
        only.abort()
        found = await next_one
        assert isinstance(found, Connection)
        assert found is not only


async def test_a_caller_that_gave_up_is_passed_over() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        gone, patient = await waiting(of, 2)
        gone.cancel()
        await a_turn()
        of.released(only)
        assert await patient is only
        with pytest.raises(asyncio.CancelledError):
            await gone


async def test_what_a_caller_got_as_it_gave_up_goes_to_the_next() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        gone, patient = await waiting(of, 2)
        of.released(only)
        gone.cancel()
        assert await patient is only


async def test_a_place_that_a_caller_got_as_it_gave_up_goes_to_the_next() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        gone, patient = await waiting(of, 2)
        only.abort()
        gone.cancel()
        assert isinstance(await patient, Connection)


async def test_waiting_longer_than_allowed_is_overloaded_and_says_how_long() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        found = await of.connect(0.01)
        assert isinstance(found, NotSent)
        assert found.code == "overloaded"
        assert "All 1 connections to 127.0.0.1:" in found.message
        assert "0.01 s" in found.message
        of.released(only)
        assert of.take() is only


async def test_a_server_that_refuses_is_unreachable_and_its_place_is_free_again() -> None:
    async with pool(Url("http", "127.0.0.1", 1), max_connections=1) as of:
        for _ in range(3):
            found = await of.connect(PATIENT_S)
            assert isinstance(found, NotSent)
            assert found.code == "upstream_unreachable"
            assert "127.0.0.1:1" in found.message


async def test_a_name_that_is_not_resolved_in_time_is_unreachable_and_not_overloaded() -> None:
    async def never(host: str, port: int) -> list[str]:
        return await asyncio.get_running_loop().create_future()

    async with pool(Url("http", "slow.example", 80), max_connections=1, resolve=never) as of:
        found = await of.connect(0.01)
        assert found == NotSent("upstream_unreachable", "No connection to slow.example within 0.01 s.")
        assert isinstance(await of.connect(0.01), NotSent)


async def test_an_address_the_policy_forbids_is_unreachable() -> None:
    async with pool(allowed=lambda address: not address.is_loopback) as of:
        found = await of.connect(PATIENT_S)
        assert isinstance(found, NotSent)
        assert "connecting to 127.0.0.1 is not allowed" in found.message


async def test_shutting_sends_those_away_who_wait_and_keeps_nothing() -> None:
    async with pool(max_connections=1) as of:
        only = await opened(of)
        callers = await waiting(of, 2)
        of.shut()
        assert await asyncio.gather(*callers) == [SHUTTING_DOWN, SHUTTING_DOWN]
        of.released(only)
        assert only.closed
        assert of.take() is None


async def test_a_connection_that_stands_only_after_the_shutting_is_closed() -> None:
    async with pool() as of:
        opening = asyncio.create_task(of.connect(PATIENT_S))
        await a_turn()
        of.shut()
        assert await opening == SHUTTING_DOWN


async def test_losing_what_is_idle_twice_frees_its_place_once() -> None:
    async with pool(max_connections=2) as of:
        lent, idle = await opened(of), await opened(of)
        of.released(idle)
        of.retired(idle)
        of.retired(idle)
        again = await opened(of)
        (blocked,) = await waiting(of, 1)
        of.released(lent)
        assert await blocked is lent
        assert again is not idle
        idle.abort()


def test_the_limits_are_wide_unless_they_are_set() -> None:
    assert (PoolLimits().max_connections, PoolLimits().max_idle, PoolLimits().idle_expiry_s) == (None, 256, 30.0)
