import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Question
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.sqlite import SqliteStore
from tollway.workers.retention import keep_log, shorten
from tollway.workers.rollups import roll_all

DAY = 86_400_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Ten records a day of thirty days, each with an entry."""
    made = SqliteStore(tmp_path)
    await made.open(NOW - 40 * DAY)
    for number in range(300):
        at = NOW - 30 * DAY + number * DAY // 10
        made.ledger.settle(spending(f"r{number}", 1, at=at))
        made.records.write(record(f"r{number}", at))
    await made.ledger.flush()
    await made.records.flush()
    yield made
    await made.close()


async def kept(store: SqliteStore) -> list[str]:
    page = await store.records.records(Filter(), limit=500, cursor=None)
    return [item.request_id for item in page.items]


async def test_what_is_older_than_so_many_days_is_deleted_and_its_figures_stay(store: SqliteStore) -> None:
    await roll_all(store.analytics, pause_s=0)
    assert await shorten(store.analytics, NOW, days=7, rows=0, pause_s=0) == 230
    assert await kept(store) == [f"r{number}" for number in range(299, 229, -1)]
    entries = await store.records.entries(Filter(), limit=500, cursor=None)
    assert len(entries.items) == 300
    answer = await store.analytics.ask(Question(bounds=(NOW - 30 * DAY, NOW), columns={"traffic": ("requests",)}))
    assert answer.total.whole == {"traffic": [300]}


async def test_no_more_than_so_many_are_kept_the_newest(store: SqliteStore) -> None:
    await roll_all(store.analytics, pause_s=0)
    assert await shorten(store.analytics, NOW, days=0, rows=25, pause_s=0) == 275
    assert await kept(store) == [f"r{number}" for number in range(299, 274, -1)]
    assert await shorten(store.analytics, NOW, days=0, rows=25, pause_s=0) == 0


async def test_one_step_is_bounded(store: SqliteStore) -> None:
    await roll_all(store.analytics, pause_s=0)
    assert await store.analytics.retain(before=NOW, rows=None) == 100


async def test_what_rollups_lack_is_not_deleted_nor_is_the_newest(store: SqliteStore) -> None:
    assert await shorten(store.analytics, NOW + 99 * DAY, days=1, rows=1, pause_s=0) == 0
    await roll_all(store.analytics, pause_s=0)
    assert await shorten(store.analytics, NOW + 99 * DAY, days=1, rows=0, pause_s=0) == 299
    assert await kept(store) == ["r299"]
    # Its number is not given again, so what comes next is counted.
    store.records.write(record("next"))
    await store.records.flush()
    assert (await store.analytics.rolled()).records_behind == 1


async def test_without_a_bound_everything_stays(store: SqliteStore) -> None:
    await keep_log(store.analytics, lambda: NOW, days=0, rows=0, every_s=0)
    assert len(await kept(store)) == 300


async def test_a_store_that_is_away_is_told(
    store: SqliteStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(**_: object) -> int:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(store.analytics, "retain", away)
        assert await shorten(store.analytics, NOW, days=1, rows=0) == 0
    assert "the disk is full" in caplog.text
