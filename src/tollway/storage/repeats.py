"""Requests that may be repeated: which are under way here, and how those before ended.

A claim is made durable before its request is sent, so that a crash leaves behind that it was: its repeat is then told so instead
of being billed twice. `Repeats` knows what is under way in this process; a `Shelf` remembers the rest.
"""

import asyncio
from collections import OrderedDict
from typing import Literal, Protocol

from tollway.cache.entry import Kept
from tollway.cache.idempotency import LIFETIME_MS, Begun, Fresh, Lost, Mismatch, Replay, Wait

State = Literal["under way", "answered", "interrupted", "not_kept"]

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of answers that are kept for repeats; past it the oldest are let go of, though not that they were given."""
LARGEST_ANSWER = 32 * 1024 * 1024


class Shelf(Protocol):
    """Remembers requests by key for `LIFETIME_MS`."""

    async def claim(self, key: bytes, fingerprint: bytes, now: int) -> Begun:
        """What is known of the key; where nothing is, it is kept as under way, durably, and `Fresh`. One that is under way by
        what is kept, is so in no process: it is `Lost`. Raises StoreUnavailable."""
        ...

    async def end(self, key: bytes, state: State, kept: Kept | None, now: int) -> None:
        """Keeps how a claim ended. Where that is not possible, it stays as under way. Never raises StoreUnavailable."""
        ...

    async def forget(self, key: bytes) -> None:
        """As if it had never been claimed."""
        ...

    async def close(self) -> None: ...


class _UnderWay:
    __slots__ = ("ended", "fingerprint")

    def __init__(self, fingerprint: bytes) -> None:
        self.fingerprint = fingerprint
        self.ended = asyncio.Event()


class Repeats:
    """Answers each request once.

    Whoever is told `Fresh` calls `finish` or `lost`, whatever happens: until then its repeats wait.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._under_way: dict[bytes, _UnderWay] = {}

    async def begin(self, key: bytes, fingerprint: bytes, now: int) -> Begun:
        """What becomes of a request with that key. Raises StoreUnavailable: then it must not be sent."""
        running = self._under_way.get(key)
        if running is not None:
            return Wait() if running.fingerprint == fingerprint else Mismatch()
        # Before anything is waited for: of two at once, the second finds the first here.
        mine = self._under_way[key] = _UnderWay(fingerprint)
        begun: Begun | None = None
        try:
            begun = await self._shelf.claim(key, fingerprint, now)
            return begun
        finally:
            if not isinstance(begun, Fresh):
                self._ended(key, mine)

    async def finish(self, key: bytes, kept: Kept | None, now: int) -> None:
        """The answer that repeats are to get, durable when this returns; `None` where nothing was billed: then they run anew.

        To be called before the last of the answer goes out, so that whoever has it all can have it again.
        """
        running = self._under_way.get(key)
        try:
            if kept is None:
                await self._shelf.forget(key)
            elif len(kept.body) > LARGEST_ANSWER:
                await self._shelf.end(key, "not_kept", None, now)
            else:
                await self._shelf.end(key, "answered", kept, now)
        finally:
            self._ended(key, running)

    async def lost(self, key: bytes, now: int, *, why: Literal["interrupted", "not_kept"] = "interrupted") -> None:
        """It may have been billed, and there is no whole answer to give again."""
        running = self._under_way.get(key)
        try:
            await self._shelf.end(key, why, None, now)
        finally:
            self._ended(key, running)

    async def wait(self, key: bytes, wait_s: float) -> bool:
        """Until the request under way has ended: `begin` then says how. `False` where it has not within `wait_s`."""
        running = self._under_way.get(key)
        if running is None or running.ended.is_set():
            return True
        try:
            await asyncio.wait_for(running.ended.wait(), wait_s)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        await self._shelf.close()

    def _ended(self, key: bytes, running: _UnderWay | None) -> None:
        if running is not None:
            if self._under_way.get(key) is running:
                del self._under_way[key]
            running.ended.set()


class MemoryShelf:
    """`Shelf` in memory: what it knows goes with the process."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._size = 0
        self._rows: OrderedDict[bytes, tuple[bytes, State, Kept | None, int]] = OrderedDict()

    async def claim(self, key: bytes, fingerprint: bytes, now: int) -> Begun:
        self._expire(now)
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = (fingerprint, "under way", None, now + LIFETIME_MS)
            return Fresh()
        return judged(row[0] == fingerprint, row[1], row[2])

    async def end(self, key: bytes, state: State, kept: Kept | None, now: int) -> None:
        row = self._rows.get(key)
        if row is None:
            return
        self._rows[key] = (row[0], state, kept, row[3])
        self._size += len(kept.body) if kept is not None else 0
        for old, (print_, _, answer, until) in list(self._rows.items()):
            if self._size <= self._most_bytes:
                break
            if answer is not None:
                self._rows[old] = (print_, "not_kept", None, until)
                self._size -= len(answer.body)

    async def forget(self, key: bytes) -> None:
        self._drop(key)

    async def close(self) -> None:
        pass

    def _expire(self, now: int) -> None:
        # All live equally long, so the oldest are the first.
        while self._rows and (first := next(iter(self._rows.items())))[1][3] <= now:
            self._drop(first[0])

    def _drop(self, key: bytes) -> None:
        row = self._rows.pop(key, None)
        if row is not None and row[2] is not None:
            self._size -= len(row[2].body)


def judged(same: bool, state: State, kept: Kept | None) -> Begun:
    """What is known of a claim made before."""
    if not same:
        return Mismatch()
    if state == "answered":
        return Replay(kept) if kept is not None else Lost("not_kept")
    return Lost("not_kept" if state == "not_kept" else "interrupted")
