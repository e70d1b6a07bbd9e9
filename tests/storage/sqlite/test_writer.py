"""Group commit, and what happens when the disk says no."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import LONG_S, NOW, assert_sound, at, entry, held, hold, reservation, written
from tollway.storage.sqlite import SqliteStore, writer
from tollway.storage.sqlite.connection import Sync

Fail = Callable[[SqliteStore], Any]


async def test_what_one_turn_of_the_loop_queues_is_one_commit(store: SqliteStore, fail: Fail) -> None:
    connection = fail(store)
    await asyncio.gather(*(held(store, f"r{number}", hold(limit=10_000)) for number in range(50)))
    assert connection.commits == 1
    for number in range(50):
        store.ledger.settle(entry(reservation(f"r{number}", hold()), 1))
    await store.ledger.flush()
    assert connection.commits == 2


async def test_a_reserve_that_cannot_be_written_holds_nothing(store: SqliteStore, fail: Fail) -> None:
    connection = fail(store)
    connection.failing = True
    with pytest.raises(StoreUnavailable, match="FullError: database or disk is full"):
        await store.ledger.reserve(reservation("r", hold(amount=60)), NOW)
    assert at(store) == (0, 0)
    connection.failing = False
    # Only a write that worked makes the store trustworthy again.
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("s", hold(amount=60)), NOW)
    await store.ledger.flush()
    await held(store, "r", hold(amount=60))
    await assert_sound(store)


async def test_two_calls_for_one_reservation_fail_together(store: SqliteStore, fail: Fail) -> None:
    fail(store).failing = True
    made = reservation("r", hold(amount=60))
    answers = await asyncio.gather(*(store.ledger.reserve(made, NOW) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert at(store) == (0, 0)
    store._database.writer._connection.failing = False  # type: ignore[attr-defined]


async def test_settlements_and_releases_are_tried_until_they_are_written(
    store: SqliteStore, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.001)
    first, second, third = [await held(store, name, hold(amount=20)) for name in ("one", "two", "three")]
    connection = fail(store)
    connection.failing = True
    store.ledger.settle(entry(first, 5))
    with pytest.raises(StoreUnavailable):
        await store.ledger.flush()
    store.ledger.release(second.id, "not_sent", NOW)
    store.ledger.settle(entry(third, 6))
    assert at(store) == (11, 0)
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("four", hold()), NOW)
    connection.failing = False
    while connection.commits == 0:
        await asyncio.sleep(0)
    await held(store, "four", hold())
    assert [row.request_id for row in await written(store)] == ["three", "one"]
    await assert_sound(store)


async def test_those_who_wait_are_told_that_the_store_is_unavailable(store: SqliteStore, fail: Fail) -> None:
    holder = await held(store, "holder", hold(amount=100))
    waiting = [
        asyncio.create_task(store.ledger.reserve(reservation(f"r{number}", hold(amount=60)), NOW, LONG_S))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    connection = fail(store)
    connection.failing = True
    store.ledger.release(holder.id, "not_sent", NOW)
    answers = await asyncio.gather(waiting[0], return_exceptions=True)
    assert isinstance(answers[0], StoreUnavailable)
    connection.failing = False
    await store.ledger.flush()
    assert isinstance(await waiting[1], Held)
    store.ledger.release("r1.1", "not_sent", NOW)
    assert isinstance(await waiting[2], Held)
    await assert_sound(store)


async def test_a_cancelled_reserve_whose_write_fails_holds_nothing(store: SqliteStore, fail: Fail) -> None:
    connection = fail(store)
    connection.failing = True
    reserving = asyncio.create_task(store.ledger.reserve(reservation("r", hold(amount=60)), NOW))
    await asyncio.sleep(0)
    reserving.cancel()
    await asyncio.wait([reserving])
    assert at(store) == (0, 0)
    connection.failing = False
    await store.ledger.flush()
    await assert_sound(store)


async def test_closing_says_what_could_not_be_written(blank: Path, tmp_path: Path, fail: Fail) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(blank, tmp_path / "data")
    store = SqliteStore(tmp_path / "data")
    await store.open(NOW)
    made = await held(store, "r", hold())
    fail(store).failing = True
    store.ledger.settle(entry(made, 5))
    with pytest.raises(StoreUnavailable, match="1 ledger entries could not be written"):
        await store.close()
    again = SqliteStore(tmp_path / "data")
    assert [each.charge.amount for each in await again.open(NOW)] == [10]
    await again.close()


async def test_a_poisonous_amount_is_refused_before_anything_is_booked(store: SqliteStore) -> None:
    made = await held(store, "r", hold())
    with pytest.raises(OverflowError):
        store.ledger.settle(entry(made, 2**63))
    assert at(store) == (0, 10)
    await assert_sound(store)


async def test_half_a_surrogate_pair_does_not_stop_the_ledger(store: SqliteStore) -> None:
    import msgspec

    made = await held(store, "r", hold())
    odd = entry(made, 5)
    odd = msgspec.structs.replace(
        odd, response_model="gpt\ud800", context=msgspec.structs.replace(odd.context, user="\ud800")
    )
    assert store.ledger.settle(odd)
    (row,) = await written(store)
    assert (row.response_model, row.context.user) == ("gpt?", "?")


async def test_a_job_that_fails_leaves_nothing_behind(store: SqliteStore) -> None:
    def work(connection: object) -> None:
        connection.execute("INSERT INTO marks VALUES ('x', 1)")  # type: ignore[attr-defined]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store._database.writer.run(work)
    rows = await store._database.query(lambda reading: reading.execute("SELECT * FROM marks").fetchall())
    assert rows == []
    with pytest.raises(StoreUnavailable, match="SQLError"):
        await store._database.writer.run(lambda connection: connection.execute("nonsense"))
    await held(store, "r", hold())


async def test_a_job_that_the_disk_keeps_from_its_turn_is_given_up_and_never_done_later(
    store: SqliteStore, fail: Fail
) -> None:
    made = await held(store, "r", hold())
    connection = fail(store)
    connection.failing = True
    store.ledger.settle(entry(made, 5))
    done: list[str] = []
    jobs = [asyncio.ensure_future(store._database.change(lambda _, name=name: done.append(name))) for name in "ab"]
    for job in jobs:
        with pytest.raises(StoreUnavailable, match="FullError"):
            await job
    connection.failing = False
    await store.ledger.flush()
    await store._database.change(lambda _: done.append("c"))
    assert done == ["c"]


@pytest.mark.parametrize("sync", ["full"])
async def test_a_log_that_is_never_let_rest_is_folded_in_all_the_same(
    blank: Path, tmp_path: Path, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 5)
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path, sync=sync)
    await store.open(NOW)
    checkpoints: list[int] = []
    real = writer._checkpoint
    monkeypatch.setattr(
        writer, "_checkpoint", lambda connection, mode: (checkpoints.append(mode), real(connection, mode))
    )
    queue = store._database.writer
    under_way = 2

    async def keep_busy(first: int) -> None:
        for number in range(first, 200, under_way):
            await queue.run(lambda writing, n=number: writing.execute("INSERT INTO marks VALUES (?, 1)", (f"m{n}",)))

    # Whenever one job is done another waits already.
    await asyncio.gather(*(keep_busy(first) for first in range(under_way)))
    assert len(checkpoints) >= 5
    await store.close()


async def test_the_log_is_folded_into_the_database_while_writing_goes_on(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 20)
    checkpoints: list[int] = []
    real = writer._checkpoint

    def count(connection: object, mode: int) -> None:
        checkpoints.append(mode)
        real(connection, mode)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "_checkpoint", count)
    number = 0
    while checkpoints.count(apsw.SQLITE_CHECKPOINT_PASSIVE) < 3:
        number += 1
        made = await held(store, f"r{number}", hold(limit=10**9))
        store.ledger.settle(entry(made, 1))
    await store.ledger.flush()
    log = Path(f"{store._database.path}-wal")
    while log.stat().st_size:  # noqa: ASYNC240
        # Skipped while the disk still takes in what the last checkpoint left.
        await store._database.writer.checkpoint()
        await asyncio.sleep(0)
    assert at(store) == (number, 0)
    await assert_sound(store)


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, assert_sound, entry, hold, reservation, written
from tollway.storage.sqlite import SqliteStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await store.open(NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    settled, refused = 0, 0
    for number in range(2_000):
        made = reservation(f"r{number}", hold(limit=10**9))
        try:
            await store.ledger.reserve(made, NOW)
        except StoreUnavailable:
            refused += 1
            break
        store.ledger.settle(entry(made, 1))
        settled += 1
    assert refused and settled > 10, (refused, settled)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await store.ledger.flush()
    made = reservation("after", hold(limit=10**9))
    await store.ledger.reserve(made, NOW)
    store.ledger.settle(entry(made, 1))
    await assert_sound(store)
    await store.close()
    again = SqliteStore(Path(sys.argv[1]))
    assert not await again.open(NOW)
    assert again.ledger.balances([hold()])[0].spent == settled + 1
    await again.close()
    print("sound")

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_refuses_and_recovers(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("sound\n", 0), done.stderr


async def test_what_was_committed_is_synced_soon_and_once_for_all_of_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SYNC_EVERY_S", 0.01)
    synced: list[Path] = []
    done = asyncio.Event()

    def sync(path: Path) -> None:
        synced.append(path)
        store._database.writer._loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(writer, "_sync", sync)
    for number in range(20):
        await held(store, f"r{number}", hold(limit=10**9))
    committed = len(synced)
    done.clear()
    await asyncio.wait_for(done.wait(), LONG_S)
    assert set(synced) == {Path(f"{store._database.path}-wal")}
    assert len(synced) <= committed + 1


async def test_a_log_that_cannot_be_synced_stops_reservations_until_it_can_be_written(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SYNC_EVERY_S", 0.0)
    monkeypatch.setattr(writer, "RETRY_S", 60.0)
    real = writer._sync
    failed = asyncio.Event()

    def fail(path: Path) -> None:
        store._database.writer._loop.call_soon_threadsafe(failed.set)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(writer, "_sync", fail)
    await held(store, "r", hold())
    await asyncio.wait_for(failed.wait(), LONG_S)
    while store.ledger.unavailable is None:
        await asyncio.sleep(0)
    assert "Input/output error" in store.ledger.unavailable
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        await store.ledger.reserve(reservation("s", hold()), NOW)
    monkeypatch.setattr(writer, "_sync", real)
    await store.ledger.flush()
    assert store.ledger.unavailable is None
    await held(store, "s", hold())
