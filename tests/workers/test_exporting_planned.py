"""A batch that was planned and did not leave at once: what left the log meanwhile is told, and what changed is no repeat."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.workers.exported import DAY, World, job, lines, refuse

from tollway.exports.job import HttpTo
from tollway.gateway import Secret
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.sqlite import SqliteStore
from tollway.workers import exporting_batch
from tollway.workers.exporting_state import State
from tollway.workers.exporting_to import Parcel
from tollway.workers.rollups import roll_all


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(exporting_batch, "ROWS", 10)
    (tmp_path / "out").mkdir()
    store = SqliteStore(tmp_path / "data")
    await store.open(NOW - 40 * DAY)
    made = World(store, tmp_path / "out", job())
    yield made
    await made.store.close()


async def erase_all(world: World) -> None:
    """What `DELETE /logs?all=true` does: every request but the newest leaves the log."""
    await world.store.records.flush()
    await roll_all(world.store.analytics, pause_s=0)
    picked = await world.store.logged.pick(Filter(), limit=100, cursor=None)
    await world.store.logged.erase(picked.rows)


def state(world: World) -> State:
    found = world.exporting.state("nightly")
    assert found is not None
    return found


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_leaves_the_log_while_the_destination_fails_is_counted(world: World, restarted: bool) -> None:
    world.write(6)
    world.fails = refuse
    await world.run()
    world.write(3)
    await erase_all(world)
    await world.run()
    if restarted:
        await world.reopen()
    world.fails = lambda _: None
    await world.run()
    assert (state(world).rows, state(world).gone, state(world).cursor) == (1, 8, 9)
    assert sum(run.gone for run in world.exporting.runs("nightly")) == 8


async def test_what_was_gone_before_a_batch_was_planned_is_counted_also_when_its_first_send_fails(world: World) -> None:
    world.write(1)
    await world.run()
    world.write(5)
    await erase_all(world)
    world.write(2)
    world.fails = refuse
    await world.run()
    await world.reopen()
    world.fails = lambda _: None
    await world.run()
    assert (state(world).rows, state(world).gone) == (4, 4)
    await world.run()
    assert state(world).gone == 4


@pytest.mark.parametrize(
    "change",
    [
        {"where": {"user": "bob"}},
        {"dialect": "cloudflare"},
        {"format": "csv.gz"},
        {"bodies": True},
        {"what": "entries"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_is_exported_otherwise_has_another_name_and_another_key(
    world: World, change: dict[str, Any]
) -> None:
    world.write(3, user="bob")
    world.fails = refuse
    refused: list[Parcel] = []

    def note(parcel: Parcel) -> None:
        refused.append(parcel)
        refuse(parcel)

    world.fails = note
    await world.run()
    world.jobs = [job(**change)]
    world.fails = lambda _: None
    await world.run()
    ((_, arrived),) = world.sent
    assert arrived.rows == 3 and arrived.key != refused[0].key
    assert arrived.name.partition(".")[0] != refused[0].name.partition(".")[0]


async def test_a_batch_that_was_planned_for_another_filter_is_planned_anew(world: World) -> None:
    world.write(2, user="bob")
    world.write(2, user="ann")
    world.jobs = [job(where={"user": "bob"})]
    world.fails = refuse
    await world.run()
    world.jobs = [job(where={"user": "ann"})]
    world.fails = lambda _: None
    await world.run()
    assert [row["user"] for row in world.rows()] == ["ann", "ann"]
    assert (state(world).rows, state(world).gone) == (2, 0)


async def test_a_job_that_is_made_anew_overwrites_nothing(world: World) -> None:
    world.write(3)
    await world.run()
    before = world.files()
    await world.exporting.forget("nightly")
    world.jobs = [job(what="entries")]
    await world.run()
    after = world.files()
    assert {name: after[name] for name in before} == before and len(after) == 2
    assert len({parcel.key for _, parcel in world.sent}) == 2


async def test_another_destination_or_schedule_is_no_other_export(world: World) -> None:
    world.write(3)
    await world.run()
    generation = state(world).generation
    world.jobs = [job(HttpTo(url=Secret("https://logs.example.com/")), name="other")]
    await world.turn()
    assert state(world).generation == generation != ""


async def test_sums_of_a_day_that_a_crash_interrupts_are_sent_again_under_the_same_key(world: World) -> None:
    world.jobs = [job(what="spend", by=("user",))]
    world.write(3)

    def die(_: Parcel) -> None:
        raise asyncio.CancelledError

    world.dies = die
    world.exporting.ask("nightly", "test")
    await world.exporting.turn()
    await asyncio.wait([*world.exporting._tasks.values()])
    world.dies = lambda _: None
    await world.reopen()
    await world.run()
    (_, first), (_, again) = world.sent
    assert first == again
    world.jobs = [job(what="spend", by=("model",))]
    await world.run()
    world.write(1)
    await world.run()
    (_, other) = world.sent[-1]
    assert other.name == first.name and other.key.split(":")[1] != first.key.split(":")[1]
    assert lines(other.content)[0]["entries"] == 4
