"""What one turn of the event loop may take, shared by all who would take long.

Ten streams that each stop after a millisecond still hold the loop up for ten. So they ask one and the same `Turn`, and
whoever finds it over waits for another.
"""

import asyncio
import time

TURN_NS = 1_000_000
"""After this long in one turn of the loop, nothing large is begun in it."""
MOST_PIECES = 2
"""Pieces of bodies, up to 256 KiB each, that are asked for in one turn: taking one in costs a third of a millisecond."""


class Turn:
    """How long this turn of the loop has lasted, from when it was first asked."""

    __slots__ = ("_asking", "_began_ns", "_pieces", "_waiting")

    def __init__(self) -> None:
        self._began_ns = 0
        self._waiting = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._pieces = 0

    def over(self) -> bool:
        """Whether what can wait is to wait: see `free`."""
        now_ns = time.monotonic_ns()
        if self._began_ns:
            return now_ns - self._began_ns > TURN_NS
        self._began_ns = now_ns
        asyncio.get_running_loop().call_soon(self._end)
        return False

    async def free(self) -> None:
        """Waits for a turn that is not over, in the order of those who ask: each has one for itself."""
        async with self._waiting:
            while self.over():
                await asyncio.sleep(0)

    async def piece(self) -> None:
        """Waits for a turn in which another piece of a large body may be asked for.

        Pieces that have come for ten bodies would all be taken in together, whatever the time.
        """
        async with self._asking:
            while self.over() or self._pieces >= MOST_PIECES:
                await asyncio.sleep(0)
            self._pieces += 1

    def _end(self) -> None:
        self._began_ns = self._pieces = 0
