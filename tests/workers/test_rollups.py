import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Question
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.workers.rollups import keep_rollups, roll_all


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path)
    await made.open(NOW)
    yield made
    await made.close()


async def test_everything_is_taken_in_and_then_nothing_is_left(store: SqliteStore) -> None:
    for number in range(230):
        store.ledger.settle(spending(f"r{number}", 1))
        store.records.write(record(f"r{number}"))
    await store.ledger.flush()
    await store.records.flush()
    before = await store.analytics.rolled()
    assert (before.entries, before.entries_behind, before.records, before.records_behind) == (0, 230, 0, 230)
    await roll_all(store.analytics, pause_s=0)
    after = await store.analytics.rolled()
    assert (after.entries, after.entries_behind, after.records, after.records_behind) == (230, 0, 230, 0)
    answer = await store.analytics.ask(
        Question(bounds=(NOW, NOW + 1), columns={"spending": ("amount_nanodollars",), "traffic": ("requests",)})
    )
    assert answer.total.whole == {"spending": [230], "traffic": [230]}


async def test_it_goes_on_until_it_is_cancelled(store: SqliteStore) -> None:
    worker = asyncio.create_task(keep_rollups(store.analytics, every_s=0))
    for number in range(2):
        store.ledger.settle(spending(f"r{number}", 1))
        await store.ledger.flush()
        async with asyncio.timeout(5):
            while (await store.analytics.rolled()).entries <= number:
                await asyncio.sleep(0)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_a_store_that_is_away_is_told_and_tried_again(
    store: SqliteStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> bool:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(store.analytics, "roll", away)
        await roll_all(store.analytics)
    assert "the disk is full" in caplog.text


async def test_what_is_in_the_way_of_one_table_is_told_once_and_the_other_goes_on(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.ledger.settle(spending("r1", 1, user="ann"))
    for number in range(230):
        store.records.write(record(f"r{number}"))
    await store.ledger.flush()
    await store.records.flush()
    spoil = "CREATE TRIGGER spoilt BEFORE INSERT ON sittings BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
    await store._database.change(lambda writing: writing.execute(spoil))
    told: str | None = None
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            told = await roll_all(store.analytics, pause_s=0, told=told)
    assert told is not None and "spoilt" in told and "No disk is in the way" in told
    assert [record.getMessage() for record in caplog.records] == [f"rollups wait for the store: {told}"]
    rolled = await store.analytics.rolled()
    assert (rolled.entries_behind, rolled.records_behind) == (1, 0)
    assert rolled.failing.keys() == {"spending"} and "spoilt" in rolled.failing["spending"]
    # Of the log, what is rolled up may be let go of.
    assert await store.analytics.retain(before=None, rows=100) == 100
    await store._database.change(lambda writing: writing.execute("DROP TRIGGER spoilt"))
    assert await roll_all(store.analytics, pause_s=0, told=told) is None
    rolled = await store.analytics.rolled()
    assert (rolled.entries_behind, rolled.failing) == (0, {})


async def test_whatever_a_step_raises_does_not_end_the_worker(
    store: SqliteStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> bool:
        raise OverflowError("int too big")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(store.analytics, "roll", broken)
        assert await roll_all(store.analytics) == "OverflowError: int too big"
    assert "rollups could not be kept" in caplog.text
