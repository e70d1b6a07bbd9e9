"""The connections kept to one origin: who gets one, who waits, what is closed.

Idle connections are taken last-in first-out, so that a burst's surplus grows old and is closed. What is not idle is
lent: it comes back by `released`, or is lost by `retired`; either way its place goes to who has waited longest.
"""

import asyncio
import ssl
from collections import deque

import msgspec

from tollway.proxy.transport import NotSent, Url
from tollway.proxy.upstream.connection import SWEEP_S, Connection
from tollway.proxy.upstream.dial import AddressPolicy, Resolver, dial, every_address, system_addresses
from tollway.proxy.upstream.sweep import Sweep


class PoolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, for each origin."""

    max_connections: int | None = None
    """Requests past it wait, in turn, for as long as their `connect_timeout_s`."""
    max_idle: int = 256
    idle_expiry_s: float = 30.0
    """Shorter than a server's own (5 s in many model servers, 60 s and more at providers) spares reconnecting after a
    close that was seen in time; a request that crosses a close on the wire counts as sent."""


class Pool:
    """All connections to one origin."""

    __slots__ = (
        "_allowed",
        "_buffer",
        "_idle",
        "_limits",
        "_loop",
        "_members",
        "_opening",
        "_resolve",
        "_shut",
        "_sweep",
        "_tls",
        "_url",
        "_waiting",
    )

    def __init__(
        self,
        url: Url,
        *,
        limits: PoolLimits,
        sweep: Sweep,
        buffer: memoryview,
        tls: ssl.SSLContext | None,
        allowed: AddressPolicy = every_address,
        resolve: Resolver = system_addresses,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._url = url
        self._limits = limits
        self._sweep = sweep
        self._buffer = buffer
        self._tls = tls
        self._allowed = allowed
        self._resolve = resolve
        self._members: set[Connection] = set()
        """Every open connection that was handed out or is idle."""
        self._opening = 0
        """Places held by connections that are being opened."""
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | NotSent | None]] = deque()
        """Each gets a connection, None (a place to open one in), or the news that there will be neither."""
        self._shut = False

    def take(self) -> Connection | None:
        """The idle connection used last, if any still stands."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            # A third of a microsecond, against a request that is lost and must be counted as spent.
            if not connection.is_stale():
                return connection
            connection.abort()
        return None

    async def connect(self, timeout_s: float) -> Connection | NotSent:
        """A new connection or, where their number is limited and reached, the next that is given back."""
        waiting = False
        try:
            async with asyncio.timeout(timeout_s):
                while self._is_full():
                    waiting = True
                    given = await self._wait()
                    if given is None:
                        break
                    if isinstance(given, NotSent) or not given.closed:
                        return given
                else:
                    self._opening += 1
                waiting = False
                return await self._open()
        except TimeoutError as error:
            if waiting:
                number = self._limits.max_connections
                return NotSent(
                    "overloaded", f"All {number} connections to {self._url.authority} were in use for {timeout_s:g} s."
                )
            if error.errno is None:
                return NotSent(
                    "upstream_unreachable", f"No connection to {self._url.authority} within {timeout_s:g} s."
                )
            return self._unreachable(error)
        except OSError as error:
            return self._unreachable(error)

    def shut(self) -> None:
        """Keep nothing from now on, and send those away who wait."""
        self._shut = True
        while (waiter := self._next_waiter()) is not None:
            waiter.set_result(SHUTTING_DOWN)

    # The connections' side (`Keeper`).

    def opened(self, connection: Connection) -> None:
        self._sweep.add(connection)

    def released(self, connection: Connection) -> None:
        if self._waiting and (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
            return
        if self._shut:
            connection.abort()
            return
        idle = self._idle
        if len(idle) >= self._limits.max_idle:
            idle[0].abort()  # which takes it out of the list
        idle.append(connection)
        expiry_s = self._limits.idle_expiry_s
        connection.deadline = self._loop.time() + expiry_s
        if expiry_s < SWEEP_S:
            self._sweep.hasten(connection.deadline)

    def retired(self, connection: Connection) -> None:
        if connection in self._members:
            self._members.remove(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._pass_place_on()

    def gone(self, connection: Connection) -> None:
        self._sweep.discard(connection)

    def hasten(self, deadline: float) -> None:
        self._sweep.hasten(deadline)

    # Places.

    def _is_full(self) -> bool:
        limit = self._limits.max_connections
        return limit is not None and len(self._members) + self._opening >= limit

    async def _wait(self) -> Connection | NotSent | None:
        """What the next place brings. None is a place that this caller now holds."""
        waiter: asyncio.Future[Connection | NotSent | None] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                # It was given something just before: let the next one have it.
                match waiter.result():
                    case Connection() as connection if not connection.closed:
                        self.released(connection)
                    case None:
                        self._give_place_back()
                    case _:
                        pass
            raise

    def _next_waiter(self) -> asyncio.Future[Connection | NotSent | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # else it was cancelled
                return waiter
        return None

    def _give_place_back(self) -> None:
        self._opening -= 1
        self._pass_place_on()

    def _pass_place_on(self) -> None:
        """A place has become free."""
        if self._waiting and not self._is_full() and (waiter := self._next_waiter()) is not None:
            self._opening += 1
            waiter.set_result(None)

    async def _open(self) -> Connection | NotSent:
        """Open a connection in the place this caller holds. Raises OSError; leaves no socket behind."""
        made: list[Connection] = []

        def make() -> Connection:
            connection = Connection(self, self._loop, self._buffer)
            made.append(connection)
            return connection

        try:
            opened = await dial(make, self._url, tls=self._tls, allowed=self._allowed, resolve=self._resolve)
        except BaseException:
            self._discard(made)
            self._give_place_back()
            raise
        made.remove(opened)
        self._discard(made)
        if self._shut or opened.closed:
            opened.abort()
            self._give_place_back()
            return SHUTTING_DOWN if self._shut else self._unreachable("closed as soon as it stood")
        self._opening -= 1
        self._members.add(opened)
        return opened

    def _discard(self, made: list[Connection]) -> None:
        for connection in made:
            connection.abort()
            # uvloop never tells of the end of a transport whose opening was cancelled after `connection_made`.
            self._sweep.discard(connection)

    def _unreachable(self, cause: object) -> NotSent:
        return NotSent("upstream_unreachable", f"No connection to {self._url.authority}: {cause}.")


SHUTTING_DOWN = NotSent("shutting_down", "This gateway is shutting down.")
