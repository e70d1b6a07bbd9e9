"""Batches and files in SQLite: what outlives the process."""

import asyncio
from pathlib import Path

import pytest
from tests.storage.sql.places import same_place

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.jobs import batch
from tollway.storage.conformance.values import NOW, hold, reservation
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore


async def test_what_is_remembered_outlives_the_process(store: SqlStore) -> None:
    made = batch("b1")
    await store.jobs.remember(made)
    again = same_place(store)
    await store.close()
    await again.open(NOW)
    assert await again.jobs.recall(made.id) == made
    assert list(await again.jobs.open(NOW, 5)) == [made]
    await again.close()


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await SqliteStore(tmp_path / "none").jobs.remember(batch("b1"))
    with pytest.raises(StoreUnavailable):
        await SqliteStore(tmp_path / "none").jobs.recall("openai/b1")


async def test_a_disk_that_fails_is_not_taken_for_kept(store: SqlStore, fail: object) -> None:
    failing = fail(store)  # type: ignore[operator]
    failing.failing = True
    with pytest.raises(StoreUnavailable):
        await store.jobs.remember(batch("b1"))
    failing.failing = False
    assert await store.jobs.recall("openai/b1") is None


async def test_a_disk_that_is_known_to_fail_is_said_at_once_and_not_waited_for(store: SqlStore, fail: object) -> None:
    failing = fail(store)  # type: ignore[operator]
    failing.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("r1", hold()), NOW)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await asyncio.wait_for(store.jobs.remember(batch("b1")), 5)
    failing.failing = False
    await store.ledger.flush()
    await store.jobs.remember(batch("b1"))
    assert await store.jobs.recall("openai/b1") == batch("b1")
