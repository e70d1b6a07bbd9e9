import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from upstreams import always, answer, full_queue, provider

from tollway.proxy.transport import Url
from tollway.proxy.upstream.connection import Connection
from tollway.proxy.upstream.dial import AddressRefused, dial, system_addresses
from tollway.proxy.upstream.pool import Pool, PoolLimits
from tollway.proxy.upstream.sweep import Sweep

ON_EVERY_LOOP = True


class Maker:
    """Makes connections and closes them all."""

    def __init__(self) -> None:
        self.sweep = Sweep(asyncio.get_running_loop())
        self.made: list[Connection] = []
        self.pool = Pool(Url("http", "x", 80), limits=PoolLimits(), sweep=self.sweep, buffer=memoryview(b""), tls=None)

    def __call__(self) -> Connection:
        connection = Connection(self.pool, asyncio.get_running_loop(), memoryview(bytearray(1024)))
        self.made.append(connection)
        return connection


@asynccontextmanager
async def maker() -> AsyncIterator[Maker]:
    made = Maker()
    yield made
    for connection in made.made:
        connection.abort()
    await made.sweep.close()


def resolving(*answers: list[str]) -> tuple[list[str], object]:
    """A resolver that gives each answer once, and the names it was asked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    return asked, resolve


async def test_a_name_is_resolved_once_and_the_checked_address_is_dialled() -> None:
    """A name that names a public address first and the loopback later gains nothing."""
    checked: list[str] = []

    def allowed(address: object) -> bool:
        checked.append(str(address))
        return str(address) == "127.0.0.1"

    asked, resolve = resolving(["127.0.0.1"])
    async with provider(always(answer())) as server, maker() as make:
        url = Url("http", "rebinding.example", server.url.port)
        await dial(make, url, tls=None, allowed=allowed, resolve=resolve)  # type: ignore[arg-type]
        assert server.accepted <= 1
    assert asked == ["rebinding.example"]
    assert checked == ["127.0.0.1"]


async def test_only_addresses_that_are_allowed_are_dialled() -> None:
    _, resolve = resolving(["127.0.0.2", "127.0.0.1"])
    async with provider(always(answer())) as server, maker() as make:
        url = Url("http", "two.example", server.url.port)
        await dial(make, url, tls=None, allowed=lambda a: str(a) == "127.0.0.1", resolve=resolve)  # type: ignore[arg-type]
        assert len(make.made) == 1


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "::1"], []])
async def test_a_name_with_no_allowed_address_is_refused(addresses: list[str]) -> None:
    _, resolve = resolving(addresses)
    async with maker() as make:
        with pytest.raises(AddressRefused, match="not allowed"):
            await dial(make, Url("http", "x", 80), tls=None, allowed=lambda _: False, resolve=resolve)  # type: ignore[arg-type]
        assert make.made == []


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with provider(always(answer())) as server, maker() as make:
        _, resolve = resolving(["127.0.0.2", "127.0.0.3", "127.0.0.1"])
        connection = await dial(make, Url("http", "x", server.url.port), tls=None, resolve=resolve)  # type: ignore[arg-type]
        assert not connection.closed


async def test_the_first_failure_is_told_when_all_addresses_refuse() -> None:
    async with provider(always(answer())) as server:
        pass
    async with maker() as make:
        _, resolve = resolving(["127.0.0.2", "127.0.0.3"])
        with pytest.raises(OSError, match=r"127\.0\.0\.2|refused"):
            await dial(make, Url("http", "x", server.url.port), tls=None, resolve=resolve)  # type: ignore[arg-type]


async def test_a_silent_address_does_not_hold_up_the_next() -> None:
    with full_queue() as silent:
        listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", silent)
        async with maker() as make:
            _, resolve = resolving(["127.0.0.2", "127.0.0.1"])
            connection = await dial(make, Url("http", "x", silent), tls=None, resolve=resolve)  # type: ignore[arg-type]
            assert make.made.index(connection) == len(make.made) - 1
        listener.close()
        await listener.wait_closed()


async def test_an_address_is_its_own_answer_and_a_bad_name_an_error() -> None:
    assert await system_addresses("127.0.0.1", 80) == ["127.0.0.1"]
    assert await system_addresses("::1", 80) == ["::1"]
    with pytest.raises(OSError, match=r"aaa|not known"):
        await system_addresses("a" * 70 + ".example", 80)
