"""What a cursor needs of a store, and that the store in SQLite is one."""

from pathlib import Path

from tollway.storage.following import WIDEST, Following, Measured
from tollway.storage.sqlite import SqliteStore


async def test_the_store_can_be_followed_while_it_is_empty(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(0)
    try:
        following: Following = store.following
        found = await following.measure("entries", {}, after=0, until=0, rows=1, size=1)
        assert found == Measured(through=0, items=0, gone=0) and WIDEST >= 10_000
        assert await following.quarters(after=0, through=0) == []
    finally:
        await store.close()
