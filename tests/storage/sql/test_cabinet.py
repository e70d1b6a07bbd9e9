"""What the cabinet holds, across starts."""

from tollway.storage.conformance.cabinet import kept
from tollway.storage.conformance.values import NOW
from tollway.storage.sql import cabinet
from tollway.storage.sql.store import SqlStore


async def test_what_is_kept_is_there_after_a_start(store: SqlStore) -> None:
    await store.cabinet.put(kept("a", expires_at=NOW + 9), kept("b"))
    await store.close()
    await store.open(NOW)
    assert list(await store.cabinet.all("key", NOW)) == [kept("a", expires_at=NOW + 9), kept("b")]


async def test_a_sweep_is_bounded(store: SqlStore) -> None:
    await store.cabinet.put(*(kept(f"{n}", expires_at=NOW) for n in range(cabinet.SWEPT_AT_ONCE + 1)))
    assert [await store.cabinet.sweep(NOW) for _ in range(3)] == [cabinet.SWEPT_AT_ONCE, 1, 0]
