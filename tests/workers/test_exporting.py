"""Scheduled exports: everything that was written arrives, at least once and under the same name, whatever dies on the way."""

import asyncio
import itertools
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.workers.exported import DAY, HOUR, MINUTE, Died, World, job, lines, refuse

from tollway.budgets.window import Fixed
from tollway.errors import StoreUnavailable
from tollway.exports.job import FileTo
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.workers import exporting_batch
from tollway.workers.exporting import keep_exporting
from tollway.workers.exporting_to import NotDelivered, Parcel
from tollway.workers.rollups import roll_all


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "data")
    await made.open(NOW - 40 * DAY)
    yield made
    await made.close()


@pytest.fixture
async def world(store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A batch has ten rows, so that a few are several."""
    monkeypatch.setattr(exporting_batch, "ROWS", 10)
    (tmp_path / "out").mkdir()
    made = World(store, tmp_path / "out", job())
    yield made
    await made.store.close()


def ids(world: World) -> list[str]:
    return [row["request_id"] for row in world.rows()]


async def test_a_job_waits_for_its_hour_and_then_exports_all_there_is_from_the_beginning_on(world: World) -> None:
    written = world.write(25)
    assert await world.turn() == 0 and world.files() == {}
    world.ms += 15 * MINUTE
    assert await world.turn() == 1
    assert ids(world) == written
    day = "logs/date=2026-07-01/nightly_"
    assert [*world.files()] == [
        f"{day}000000000001_000000000010_00000001.ndjson.gz",
        f"{day}000000000011_000000000020_00000001.ndjson.gz",
        f"{day}000000000021_000000000025_00000001.ndjson.gz",
    ]
    assert await world.turn() == 0


async def test_the_next_run_goes_on_where_the_one_before_ended_also_in_another_process(world: World) -> None:
    first = world.write(3)
    await world.run()
    world.restart()
    second = world.write(2)
    await world.run()
    assert ids(world) == [*first, *second]
    assert len(world.files()) == 2


async def test_a_request_that_is_logged_late_is_exported_into_the_day_it_came_on(world: World) -> None:
    world.write(2)
    await world.run()
    (late,) = world.write(1, at=world.ms - 2 * DAY)
    await world.run()
    found = {name: [row["request_id"] for row in lines(content)] for name, content in world.files().items()}
    assert found["logs/date=2026-06-29/nightly_000000000003_000000000003_00000001.ndjson.gz"] == [late]


async def test_a_batch_over_midnight_is_a_file_for_each_day(world: World) -> None:
    before = world.write(2, at=world.ms - DAY)
    after = world.write(2)
    await world.run()
    found = {name: [row["request_id"] for row in lines(content)] for name, content in world.files().items()}
    assert found == {
        "logs/date=2026-06-30/nightly_000000000001_000000000004_00000001.ndjson.gz": before,
        "logs/date=2026-07-01/nightly_000000000001_000000000004_00000001.ndjson.gz": after,
    }


@pytest.mark.parametrize("arrived", [1, 2, 3])
async def test_after_a_crash_behind_an_arrival_nothing_is_lost_and_the_repeat_is_the_same_file(
    world: World, arrived: int
) -> None:
    written = world.write(25)

    def die(_: Parcel) -> None:
        if len(world.sent) == arrived:
            raise Died

    world.dies = die
    await world.exporting.turn()
    world.exporting.ask("nightly", "test")
    await world.exporting.turn()
    await asyncio.wait([*world.exporting._tasks.values()])
    before = world.files()
    assert len(before) == arrived
    world.dies = lambda _: None
    await world.reopen()
    # More was written meanwhile: it must not slip into the batch that is repeated.
    more = world.write(7)
    await world.run()
    assert sorted(ids(world)) == sorted([*written, *more])
    after = world.files()
    assert {name: after[name] for name in before} == before
    again = [parcel for _, parcel in world.sent if parcel.name == world.sent[arrived - 1][1].name]
    assert len(again) == 2 and again[0] == again[1]


async def test_a_plan_that_could_not_be_kept_is_not_carried_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(3)
    await world.turn()

    async def broken(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.store.cabinet, "put", broken)
        await world.run()
        assert world.files() == {} and world.exporting.runs("nightly")[0].error == "the disk is full"
    world.write(3)
    await world.run()
    assert [*world.files()] == ["logs/date=2026-07-01/nightly_000000000001_000000000006_00000001.ndjson.gz"]


async def test_what_fails_is_tried_again_ever_later_and_nothing_is_skipped(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    written = world.write(3)
    world.fails = refuse
    await world.turn()
    world.ms += 15 * MINUTE
    waits: list[int] = []
    with caplog.at_level(logging.WARNING, "tollway.workers"):
        for _ in range(12):
            assert await world.turn() == 1
            assert await world.turn() == 0
            state = world.exporting.state("nightly")
            assert state is not None and state.error == "the disk is full"
            waits.append(state.rests_until - world.ms)
            world.ms = state.rests_until
    assert waits[:3] == [3_750, 7_500, 15_000] and waits[-1] == max(waits) == 45 * MINUTE
    assert [record.levelname for record in caplog.records[:3]] == ["WARNING", "WARNING", "ERROR"]
    world.fails = lambda _: None
    written += world.write(1)
    await world.turn()
    assert sorted(ids(world)) == sorted(written)
    state = world.exporting.state("nightly")
    assert state is not None and (state.failures, state.error, state.rows) == (0, "", 4)


async def test_a_failing_job_holds_up_no_other(world: World) -> None:
    world.jobs.append(job(FileTo("other"), id="other"))
    world.write(2)

    def first(parcel: Parcel) -> None:
        if "nightly" in parcel.name:
            refuse(parcel)

    world.fails = first
    await world.turn()
    world.ms += 15 * MINUTE
    assert await world.turn() == 2
    assert [*world.files()] == ["other/date=2026-07-01/other_000000000001_000000000002_00000002.ndjson.gz"]


async def test_only_rows_that_are_meant_are_exported_and_the_cursor_passes_the_others(world: World) -> None:
    world.jobs = [job(where={"status": "429", "metadata.team": "ml"})]
    world.write(30, status=200)
    meant = world.write(2, status=429, metadata={"team": "ml"})
    world.write(30, status=429, metadata={"team": "web"})
    await world.run()
    assert ids(world) == meant
    state = world.exporting.state("nightly")
    assert state is not None and (state.cursor, state.rows) == (62, 2)


async def test_a_job_that_starts_now_exports_what_comes_and_not_what_was(world: World) -> None:
    world.jobs = [job(start="now")]
    world.write(5)
    await world.turn()
    new = world.write(2)
    await world.run()
    assert ids(world) == new


async def test_what_left_the_log_before_it_was_exported_is_counted_and_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.write(5)
    await world.run()
    world.write(20)
    await world.store.records.flush()
    await roll_all(world.store.analytics, pause_s=0)
    assert await world.store.analytics.retain(before=None, rows=8) == 17
    with caplog.at_level(logging.WARNING, "tollway.workers"):
        await world.run()
    state = world.exporting.state("nightly")
    assert state is not None and (state.gone, state.rows, state.cursor) == (12, 13, 25)
    assert "12 rows had left the log" in caplog.text


async def test_a_job_that_is_switched_off_pauses_even_between_two_batches_and_goes_on_later(world: World) -> None:
    written = world.write(25)

    def off(_: Parcel) -> None:
        world.jobs = [structs.replace(world.jobs[0], enabled=False)]

    world.dies = off
    await world.run()
    assert len(world.files()) == 1
    world.ms += DAY
    assert await world.turn() == 0
    world.dies = lambda _: None
    world.jobs = [job()]
    await world.turn()
    assert ids(world) == written


async def test_another_schedule_is_in_force_at_once(world: World) -> None:
    world.jobs = [job(window=Fixed(period="month"))]
    world.write(1)
    await world.turn()
    world.ms += HOUR
    assert await world.turn() == 0
    world.jobs = [job()]
    assert await world.turn() == 0
    world.ms += 15 * MINUTE
    assert await world.turn() == 1


async def test_runs_are_remembered_and_many_with_nothing_to_send_are_one(world: World) -> None:
    world.write(25)
    await world.run()
    for _ in range(3):
        world.ms += 15 * MINUTE
        await world.turn()
    world.restart()
    await world.exporting.load()
    empty, full = world.exporting.runs("nightly")
    assert (full.by, full.ok, full.rows, full.objects, full.after, full.through) == ("test", True, 25, 3, 0, 25)
    assert full.size == sum(map(len, world.files().values()))
    assert (empty.by, empty.objects, empty.ended_at) == ("schedule", 0, world.ms)


async def test_two_who_look_at_once_read_where_jobs_stand_once(world: World) -> None:
    world.write(2)
    await world.run()
    world.restart()
    slow = asyncio.create_task(world.exporting.load())
    world.write(1)
    await asyncio.gather(slow, world.exporting.load(), world.run())
    state = world.exporting.state("nightly")
    assert state is not None and state.cursor == 3
    await world.run()
    assert len(world.files()) == 2


async def test_a_job_that_is_forgotten_begins_anew(world: World) -> None:
    world.write(2)
    await world.run()
    await world.exporting.forget("nightly")
    assert world.exporting.state("nightly") is None and world.exporting.runs("nightly") == []
    world.restart()
    world.write(1)
    await world.run()
    assert len(world.rows()) == 2 + 3


async def test_a_job_that_exports_something_else_begins_anew(world: World) -> None:
    world.write(2)
    await world.run()
    world.jobs = [job(FileTo("entries"), what="entries")]
    await world.run()
    content = world.files()["entries/date=2026-07-01/nightly_000000000001_000000000002_00000002.ndjson.gz"]
    assert [row["request_id"] for row in lines(content)] == ["r1", "r2"]
    # Of the same rows, but another thing.
    world.jobs = [job(FileTo("spend"), what="spend", by=("user",))]
    await world.run()
    assert "spend/date=2026-07-01/nightly.ndjson.gz" in world.files()


async def test_spend_is_summed_by_day_again_whenever_a_day_changed_and_only_then(world: World) -> None:
    world.jobs = [job(FileTo("spend"), what="spend", by=("user",), timezone="UTC")]
    world.write(2, at=world.ms - DAY)
    world.write(3)
    await world.run()
    first = world.files()
    assert [*first] == ["spend/date=2026-06-30/nightly.ndjson.gz", "spend/date=2026-07-01/nightly.ndjson.gz"]
    (before,) = lines(first["spend/date=2026-06-30/nightly.ndjson.gz"])
    world.sent.clear()
    world.write(1, at=world.ms - DAY)
    await world.run()
    assert [parcel.name for _, parcel in world.sent] == ["date=2026-06-30/nightly.ndjson.gz"]
    (after,) = lines(world.files()["spend/date=2026-06-30/nightly.ndjson.gz"])
    assert (before["date"], before["entries"], after["entries"]) == ("2026-06-30", 2, 3)
    world.sent.clear()
    await world.run()
    assert world.sent == []


async def test_a_defect_ends_the_run_and_not_the_worker(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.write(1)

    def break_(_: Parcel) -> None:
        raise RuntimeError("boom")

    world.fails = break_
    await world.run()
    assert world.exporting.runs("nightly")[0].error.startswith("a defect: RuntimeError")
    assert 'export job "nightly" failed' in caplog.text


async def test_the_worker_looks_again_when_it_is_woken_and_ends_when_it_is_cancelled(world: World) -> None:
    world.write(1)
    worker = asyncio.create_task(keep_exporting(world.exporting, every_s=60))
    await asyncio.sleep(0)
    world.exporting.ask("nightly", "test")
    async with asyncio.timeout(5):
        while not world.exporting.runs("nightly"):
            await asyncio.sleep(0.01)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert len(world.files()) == 1


async def test_nobody_asks_the_store_while_there_is_no_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.jobs = []

    async def broken(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(world.store.cabinet, "all", broken)
    assert await world.turn() == 0


async def test_a_job_that_failed_three_times_in_a_row_is_one_that_fails(world: World) -> None:
    world.write(1)
    world.fails = refuse
    for _ in range(2):
        await world.run()
    assert world.exporting.failing() == []
    await world.run()
    assert world.exporting.failing() == [("nightly", 3, "the disk is full")]
    world.jobs = []
    assert world.exporting.failing() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 25)),
        st.tuples(st.sampled_from(["run", "fail", "die before", "die behind"]), st.integers(1, 4)),
    ),
    max_size=12,
)


async def exported_whatever(folder: Path, steps: list[tuple[str, int]]) -> None:
    """Writes, runs, fails and dies as told; then runs to the end."""
    (folder / "out").mkdir()
    store = SqliteStore(folder / "data")
    await store.open(NOW)
    world = World(store, folder / "out", job())
    written: list[str] = []
    try:
        await world.turn()
        for what, number in [*steps, ("run", 1)]:
            if what == "write":
                written += world.write(number)
                continue
            passed = itertools.count(1)

            def hinder(_: Parcel, passed: Iterator[int] = passed, what: str = what, number: int = number) -> None:
                if what != "run" and next(passed) >= number:
                    raise NotDelivered("no room") if what == "fail" else Died

            world.fails = hinder if what in ("fail", "die before") else lambda _: None
            world.dies = hinder if what == "die behind" else lambda _: None
            world.exporting.ask("nightly", "test")
            await world.exporting.turn()
            await asyncio.wait([*world.exporting._tasks.values()])
            if what.startswith("die"):
                await world.reopen()
            state = world.exporting.state("nightly")
            assert state is None or state.cursor <= len(written)
        # Every row in one object, and no object but those.
        assert sorted(ids(world)) == sorted(written)
    finally:
        await world.store.close()


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_fails_and_dies_on_the_way_every_row_is_there_once(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting_batch, "ROWS", 10)
        asyncio.run(exported_whatever(Path(folder), steps))
