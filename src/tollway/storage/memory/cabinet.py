"""The cabinet in memory."""

from collections.abc import Sequence

from tollway.storage.protocol import Kept


class MemoryCabinet:
    """`protocol.Cabinet` over a dict."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Kept] = {}

    async def put(self, *kept: Kept) -> None:
        self._kept.update(((each.drawer, each.id), each) for each in kept)

    async def swap(self, kept: Kept, before: bytes | None) -> bool:
        found = await self.get(kept.drawer, kept.id, kept.at)
        if (None if found is None else found.record) != before:
            return False
        await self.put(kept)
        return True

    async def get(self, drawer: str, name: str, now: int) -> Kept | None:
        found = self._kept.get((drawer, name))
        return None if found is None or _expired(found, now) else found

    async def take(self, drawer: str, name: str, now: int) -> Kept | None:
        found = await self.get(drawer, name, now)
        self._kept.pop((drawer, name), None)
        return found

    async def all(self, drawer: str, now: int) -> Sequence[Kept]:
        found = (each for each in self._kept.values() if each.drawer == drawer and not _expired(each, now))
        return sorted(found, key=lambda each: each.id)

    async def sweep(self, now: int) -> int:
        expired = [place for place, each in self._kept.items() if _expired(each, now)][:1_000]
        for place in expired:
            del self._kept[place]
        return len(expired)


def _expired(kept: Kept, now: int) -> bool:
    return kept.expires_at is not None and kept.expires_at <= now
