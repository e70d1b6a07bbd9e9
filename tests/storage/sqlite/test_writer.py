"""The disk beneath group commit: checkpoints, syncing, and what happens when it says no."""

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
from tollway.storage.conformance.values import LONG_S, NOW, assert_sound, at, entry, held, hold, reservation
from tollway.storage.sql import writer as group
from tollway.storage.sqlite import SqliteStore, writer
from tollway.storage.sqlite.connection import Sync

Fail = Callable[[SqliteStore], Any]


async def test_a_full_disk_is_told_with_the_way_out_and_what_no_disk_caused_is_called_a_defect(
    store: SqliteStore, fail: Fail
) -> None:
    queue = store._database.writer
    with pytest.raises(StoreUnavailable, match=r"does not take this \(SQLError: .*Please report it"):
        await queue.run(lambda writing: writing.execute("nonsense"))
    with pytest.raises(StoreUnavailable, match=r"does not take this \(ConstraintError: "):
        await queue.run(lambda writing: writing.execute("INSERT INTO marks VALUES (NULL, NULL)"))
    connection = fail(store)
    connection.failing = True
    with pytest.raises(StoreUnavailable, match=r"cannot be written now \(FullError: .*check that the disk has space"):
        await queue.run(lambda writing: None)
    connection.failing = False


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
    monkeypatch.setattr(group, "RETRY_S", 60.0)
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
