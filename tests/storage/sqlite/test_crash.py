"""Killed at any instant, nothing that was acknowledged is lost, and nothing stays open."""

import asyncio
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tollway.storage.conformance.values import NOW, at, written
from tollway.storage.sqlite import SqliteStore

CRASHER = Path(__file__).with_name("crasher.py")


async def run_and_kill(folder: Path, sync: str, lines: int) -> list[str]:
    """What the process said until it was killed, some time after its `lines`th line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CRASHER), str(folder), sync, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest = await process.stdout.read()
    await process.wait()
    whole = (b"".join(said) + rest).decode()
    # The last line may be cut off; what is not whole was not acknowledged.
    return whole[: whole.rfind("\n")].split("\n")[1:]


@pytest.mark.parametrize(("sync", "times"), [("normal", 24), ("full", 8)])
async def test_what_was_acknowledged_survives_a_kill(blank: Path, tmp_path: Path, sync: str, times: int) -> None:
    random_lines = random.Random(f"{sync} 1")
    shutil.copy(blank, tmp_path)
    settled: set[str] = set()
    reserved: set[str] = set()
    released: set[str] = set()
    extended: set[str] = set()
    presumed: dict[str, int] = {}
    for _ in range(times):
        for line in await run_and_kill(tmp_path, sync, random_lines.randrange(1, 400)):
            kind, _, identity = line.partition(" ")
            {"R": reserved, "E": extended, "S": settled, "L": released}[kind].add(identity)
        store = SqliteStore(tmp_path)
        presumed |= {each.reservation_id: each.charge.amount for each in await store.open(NOW + 1)}
        assert await store.ledger.verify() == []
        assert not store.ledger.open_reservations()
        await store.close()
    store = SqliteStore(tmp_path)
    assert not await store.open(NOW + 2)
    charges = {row.reservation_id for row in await all_entries(store) if row.kind == "charge"}
    known = charges | presumed.keys()
    # What was answered is presumed; one that was written just before the kill may be too.
    assert {presumed[identity] for identity in extended & presumed.keys()} == {20}
    assert set(presumed.values()) == {10, 20}
    assert settled <= charges
    assert not released & known
    assert min(len(settled), len(released), len(presumed)) > times
    # What was answered but never ended is presumed; what ended just before the kill may be in the store without a word.
    assert reserved - settled - released <= known | await released_ids(store)
    assert charges.isdisjoint(presumed.keys())
    assert at(store, "a") == at(store, "b") == (3 * len(charges) + sum(presumed.values()), 0)
    await store.close()


async def all_entries(store: SqliteStore) -> list:  # type: ignore[type-arg]
    from tollway.storage.protocol import Filter

    items: list = []  # type: ignore[type-arg]
    cursor: str | None = None
    while True:
        page = await store.records.entries(Filter(), limit=5_000, cursor=cursor)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items


async def released_ids(store: SqliteStore) -> set[str]:
    return await store._database.query(
        lambda reading: {row[0] for row in reading.execute("SELECT reservation_id FROM releases")}
    )


async def test_a_second_process_on_the_folder_is_refused(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CRASHER),
        str(tmp_path),
        "normal",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"StoreUnavailable" in err and b"is in use by another Tollway (process" in err
    assert await written(store) == []
    await store.close()
