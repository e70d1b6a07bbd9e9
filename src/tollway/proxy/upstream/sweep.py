"""One timer for all connections: who has waited too long?

A timer for each request costs more than parsing its answer. Deadlines of a second and more are seen by the sweep before
they pass, which then schedules itself for the nearest; only a shorter one has to be announced (`hasten`).
"""

import asyncio

from tollway.proxy.upstream.connection import SWEEP_S, Connection


class Sweep:
    """Every open connection, and the timer that looks at their deadlines. Idle itself while there are none."""

    __slots__ = ("_connections", "_emptied", "_loop", "_next", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._emptied: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._timer is None:
            self._schedule(self._loop.time() + SWEEP_S)

    def discard(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._emptied is not None and not self._emptied.done():
                self._emptied.set_result(None)

    def hasten(self, deadline: float) -> None:
        """Look again at `deadline` at the latest."""
        if self._timer is not None and deadline < self._next:
            self._timer.cancel()
            self._schedule(deadline)

    async def close(self) -> None:
        """Close every connection, and wait until their sockets are closed."""
        for connection in tuple(self._connections):
            connection.abort()
        while self._connections:
            self._emptied = self._loop.create_future()
            await self._emptied

    def _schedule(self, at: float) -> None:
        self._next = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        nearest = now + SWEEP_S
        for connection in tuple(self._connections):  # expiring one may close it
            deadline = connection.deadline
            if deadline <= now:
                connection.expire()
            elif deadline < nearest:
                nearest = deadline
        if self._connections and self._timer is None:
            self._schedule(nearest)
