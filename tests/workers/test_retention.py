import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.logs.bodies import Bodies, Body
from tollway.logs.remark import Patch
from tollway.storage.analytics import Question
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.sqlite import SqliteStore
from tollway.workers.retention import keep_bodies, keep_log, let_go, shorten
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


def of(name: str, at: int) -> Bodies:
    body = Body(part="asked", content=b"x" * 10, content_type="", size=10)
    return Bodies(request_id=name, at=at, bodies=(body,), most=100)


async def with_bodies(store: SqliteStore, *numbers: int) -> None:
    for number in numbers:
        bodies = of(f"r{number}", NOW - 30 * DAY + number * DAY // 10)
        assert store.bodies.hold(bodies.held)
        store.bodies.keep(bodies)
    await store.bodies.flush()


async def bodies_of(store: SqliteStore, *numbers: int) -> list[int]:
    return [number for number in numbers if await store.bodies.parts(f"r{number}")]


async def test_bodies_are_let_go_of_before_their_requests(store: SqliteStore) -> None:
    await with_bodies(store, 0, 200, 250, 299)
    assert await let_go(store.bodies, store.logged, NOW, days=7, requests=0, limit_bytes=0, pause_s=0) == 2
    assert await bodies_of(store, 0, 200, 250, 299) == [250, 299]
    assert await let_go(store.bodies, store.logged, NOW, days=7, requests=1, limit_bytes=0, pause_s=0) == 1
    assert await bodies_of(store, 250, 299) == [299]
    assert len(await kept(store)) == 300


async def test_bodies_and_remarks_go_with_the_requests_they_are_of(store: SqliteStore) -> None:
    await with_bodies(store, 0, 200, 250)
    for number in (0, 250):
        at = NOW - 30 * DAY + number * DAY // 10
        await store.logged.remark(Patch(feedback=1), request_id=f"r{number}", recorded_at=at, at=NOW, by="ada")
    await roll_all(store.analytics, pause_s=0)
    await shorten(store.analytics, NOW, days=7, rows=0, pause_s=0)
    assert await let_go(store.bodies, store.logged, NOW, days=0, requests=0, limit_bytes=0, pause_s=0) == 2
    assert await bodies_of(store, 0, 200, 250) == [250]
    assert set(await store.logged.remarks(["r0", "r250"])) == {"r250"}


async def test_no_more_bytes_of_bodies_are_kept_than_that(store: SqliteStore) -> None:
    await with_bodies(store, 100, 200)
    assert await let_go(store.bodies, store.logged, NOW, days=0, requests=0, limit_bytes=1, pause_s=0) == 2


async def test_bodies_wait_where_the_store_cannot_be_asked(
    store: SqliteStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> int:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(store.logged, "oldest", broken)
    with caplog.at_level(logging.ERROR):
        assert await let_go(store.bodies, store.logged, NOW, days=1, requests=0, limit_bytes=0) == 0
    assert "the disk is gone" in caplog.text


async def test_bodies_are_looked_after_again_and_again(store: SqliteStore) -> None:
    await with_bodies(store, 0, 299)
    looking = asyncio.ensure_future(
        keep_bodies(store.bodies, store.logged, lambda: NOW, days=7, requests=0, limit_bytes=0, every_s=0.001)
    )
    while await bodies_of(store, 0):
        await asyncio.sleep(0.005)
    looking.cancel()
    assert await bodies_of(store, 299) == [299]
