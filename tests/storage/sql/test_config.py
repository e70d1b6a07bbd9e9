"""Settings in the database: every revision kept, an unchanged one not repeated."""

import asyncio
from pathlib import Path

import pytest
from tests.storage.sql.places import same_place

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, hold, reservation
from tollway.storage.protocol import Revision
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE


async def test_nothing_is_saved_at_first(store: SqlStore) -> None:
    assert await store.config.latest() is None
    assert await store.config.history(limit=5) == []


async def test_a_change_is_a_revision_and_what_did_not_change_is_the_one_before(store: SqlStore) -> None:
    first = await store.config.save("a: 1", by="file", at=1)
    assert first == Revision(number=1, at=1, by="file", document="a: 1")
    assert await store.config.save("a: 1", by="someone", at=2) == first
    second = await store.config.save("a: 2", by="someone", at=3)
    back = await store.config.save("a: 1", by="file", at=4)
    assert [second.number, back.number] == [2, 3]
    assert await store.config.history(limit=2) == [back, second]
    assert await store.config.latest() == back


async def test_white_space_and_other_alphabets_are_kept_as_they_are(store: SqlStore) -> None:
    document = "# ünïcode 💸\r\n\tkeys:   []\n\n"
    await store.config.save(document, by="file", at=1)
    found = await store.config.latest()
    assert found is not None and found.document == document


async def test_revisions_survive_a_restart(store: SqlStore) -> None:
    saved = await store.config.save("a", by="file", at=1)
    await store.close()
    again = same_place(store)
    await again.open(2)
    assert await again.config.latest() == saved
    assert (await again.config.save("b", by="file", at=2)).number == 2
    await again.close()


async def test_a_store_that_is_not_open_saves_nothing_and_says_so(tmp_path: Path) -> None:
    closed = SqliteStore(tmp_path)
    with pytest.raises(StoreUnavailable, match="is not open"):
        await closed.config.save("a", by="file", at=1)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        await closed.config.latest()
    assert not (tmp_path / FILE).exists()


async def test_a_disk_that_fails_is_said_at_once_and_not_waited_for(store: SqlStore, fail: object) -> None:
    failing = fail(store)  # type: ignore[operator]
    failing.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("r1", hold()), NOW)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await asyncio.wait_for(store.config.save("a", by="file", at=1), 5)
    failing.failing = False
    await store.ledger.flush()
    assert (await store.config.save("a", by="file", at=1)).number == 1
