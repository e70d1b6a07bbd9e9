"""Where kept answers are: the protocol, and an implementation in memory. What is in it may be lost at any moment, at no loss.

Every store of answers is bounded in bytes: those that were used longest ago give way. What a hit saved is counted since the
process began, by gateway.
"""

from collections import OrderedDict
from typing import Protocol

import msgspec

from tollway.cache.entry import Kept

OVERHEAD = 512
"""Bytes that an entry takes besides its body, about: its row, its key, its headers and usage."""


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers are to go; `None` narrows nothing, and with all of them everything goes."""

    gateway: str | None = None
    provider: str | None = None
    key: str | None = None
    """The caller's own name of an answer (`tollway-cache-key`)."""

    def means(self, kept: Kept) -> bool:
        return (
            self.gateway in (None, kept.gateway)
            and self.provider in (None, kept.provider)
            and self.key in (None, kept.custom)
        )


class GatewayStats(msgspec.Struct, kw_only=True):
    """What a gateway keeps, and what that was good for since the process began."""

    entries: int = 0
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    saved_nanodollars: int = 0
    unpriced_hits: int = 0
    """Hits of which nobody knows what they saved: they are not in `saved_nanodollars`."""


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept."""

    entries: int
    bytes: int
    limit_bytes: int
    evicted: int
    """Entries that gave way to others since the process began."""
    gateways: dict[str, GatewayStats]


class Answers(Protocol):
    """Keeps answers by their key. Nothing it does fails a request: what cannot be read is a miss, what cannot be kept is not."""

    async def get(self, key: bytes, *, gateway: str, now: int) -> Kept | None:
        """The answer, unless it has expired; counted as a hit or a miss of `gateway`. `now` is Unix milliseconds."""
        ...

    async def put(self, key: bytes, kept: Kept, now: int) -> None:
        """Keeps an answer in place of the one before. It does not wait for a disk."""
        ...

    async def purge(self, purge: Purge) -> int:
        """Lets go of answers for good; how many."""
        ...

    async def stats(self) -> Stats: ...

    async def close(self) -> None: ...


class Tally:
    """Hits and misses of each gateway."""

    __slots__ = ("evicted", "gateways")

    def __init__(self) -> None:
        self.gateways: dict[str, GatewayStats] = {}
        self.evicted = 0

    def count(self, gateway: str, kept: Kept | None) -> None:
        found = self.gateways.get(gateway)
        if found is None:
            found = self.gateways[gateway] = GatewayStats()
        if kept is None:
            found.misses += 1
            return
        found.hits += 1
        if kept.cost_nanodollars is None:
            found.unpriced_hits += 1
        else:
            found.saved_nanodollars += kept.cost_nanodollars

    def stats(self, held: dict[str, tuple[int, int]], limit_bytes: int) -> Stats:
        """With what is held: gateway → entries and bytes."""
        gateways = {name: msgspec.structs.replace(found) for name, found in self.gateways.items()}
        for name, (entries, size) in held.items():
            gateways.setdefault(name, GatewayStats())
            gateways[name].entries, gateways[name].bytes = entries, size
        return Stats(
            entries=sum(entries for entries, _ in held.values()),
            bytes=sum(size for _, size in held.values()),
            limit_bytes=limit_bytes,
            evicted=self.evicted,
            gateways=dict(sorted(gateways.items())),
        )


class Recent:
    """Entries by key, bounded in bytes; those that were used longest ago go first."""

    __slots__ = ("_entries", "limit_bytes", "size")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.size = 0
        self._entries: OrderedDict[bytes, tuple[Kept, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now: int) -> Kept | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0].expires_at <= now:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: bytes, kept: Kept) -> int:
        """Keeps it, if there is ever room for it; how many had to go."""
        self.drop(key)
        size = weight(kept)
        if size > self.limit_bytes:
            return 0
        gone = 0
        while self.size + size > self.limit_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self.size -= freed
            gone += 1
        self._entries[key] = (kept, size)
        self.size += size
        return gone

    def drop(self, key: bytes) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.size -= found[1]

    def purge(self, purge: Purge) -> int:
        meant = [key for key, (kept, _) in self._entries.items() if purge.means(kept)]
        for key in meant:
            self.drop(key)
        return len(meant)

    def held(self) -> dict[str, tuple[int, int]]:
        """Gateway → entries and bytes."""
        found: dict[str, tuple[int, int]] = {}
        for kept, size in self._entries.values():
            entries, total = found.get(kept.gateway, (0, 0))
            found[kept.gateway] = (entries + 1, total + size)
        return found


def weight(kept: Kept) -> int:
    """The bytes that an entry counts for."""
    return len(kept.body) + OVERHEAD + 2 * len(kept.chunks)


class MemoryAnswers:
    """`Answers` in memory: gone with the process."""

    def __init__(self, limit_bytes: int) -> None:
        self._recent = Recent(limit_bytes)
        self._tally = Tally()

    async def get(self, key: bytes, *, gateway: str, now: int) -> Kept | None:
        kept = self._recent.get(key, now)
        self._tally.count(gateway, kept)
        return kept

    async def put(self, key: bytes, kept: Kept, now: int) -> None:
        if kept.expires_at > now:
            self._tally.evicted += self._recent.put(key, kept)

    async def purge(self, purge: Purge) -> int:
        return self._recent.purge(purge)

    async def stats(self) -> Stats:
        return self._tally.stats(self._recent.held(), self._recent.limit_bytes)

    async def close(self) -> None:
        pass
