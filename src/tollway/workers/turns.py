"""Whose turn it is: one at a time for each name, in the order they came."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


class Turns:
    """Names with somebody whose turn it is, and nothing of all others. Not shared between event loops."""

    def __init__(self, left: Callable[[str], None] = lambda _: None) -> None:
        """`left` is told a name of which nobody has or wants a turn any more."""
        self._left = left
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        """Name → whose turn it is, and how many want one."""

    @asynccontextmanager
    async def of(self, name: str) -> AsyncGenerator[None]:
        lock, wanted = self._turns.get(name, (asyncio.Lock(), 0))
        self._turns[name] = (lock, wanted + 1)
        try:
            async with lock:
                yield
        finally:
            lock, wanted = self._turns.pop(name)
            if wanted > 1:
                self._turns[name] = (lock, wanted - 1)
            else:
                self._left(name)

    def __contains__(self, name: str) -> bool:
        return name in self._turns

    def __len__(self) -> int:
        return len(self._turns)
