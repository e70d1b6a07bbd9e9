from pathlib import Path

import msgspec
import pytest

from tollway.storage.books import Stretch
from tollway.storage.conformance.values import CONTEXT, NOW, entry, hold, reservation
from tollway.storage.memory import MemoryStore
from tollway.storage.sqlite import SqliteStore


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_entries_come_in_their_order_a_stretch_at_a_time(tmp_path: Path, kind: str) -> None:
    store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path)
    await store.open(NOW)
    for number in range(5):
        made = entry(reservation(f"r{number}", hold("a")), number + 1)
        # The third was admitted long before the others.
        store.ledger.settle(msgspec.structs.replace(made, occurred_at=NOW + number if number != 2 else NOW - 9))
    await store.ledger.flush()

    async def read(after: int, since: int = NOW, until: int | None = None, limit: int = 9) -> Stretch:
        return await store.ledger.booked(after=after, since=since, until=until, limit=limit)

    first = await read(0, limit=2)
    assert ([each.seq for each in first.items], first.through, first.more) == ([1, 2], 2, True)
    rest = await read(first.through)
    assert ([each.seq for each in rest.items], rest.through, rest.more) == ([4, 5], 5, False)
    assert await read(5) == Stretch([], 5, False)
    assert [each.seq for each in (await read(0, until=NOW + 3)).items] == [1, 2]
    assert [each.seq for each in (await read(0, since=0)).items] == [1, 2, 3, 4, 5]
    assert await read(0, since=NOW + 100) == Stretch([], 5, False)
    assert first.items[0] == (1, "charge", 1, 1, NOW, (("a", NOW),), CONTEXT)
    await store.close()
