"""Power lost after any write of a history: with durability strict nothing acknowledged is missing; relaxed, a tail of it."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import apsw
import msgspec
import pytest
from power import SYSTEM, Disk, Event, Trace

from tollway.ledger.reservation import Held, Reservation, metered
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.conformance.values import metered as metered_hold
from tollway.storage.sql import recovery
from tollway.storage.sqlite import SqliteStore, writer
from tollway.storage.sqlite.connection import FILE, Sync

LIMIT = 10**9
KILLED = 1
"""The place of the image that a kill leaves, among those of one instant."""


class Acknowledged(NamedTuple):
    """What somebody was told, and after which event of the disk."""

    after: int
    kind: str
    reservation_id: str
    amount: int
    operation: int = 0


class History(NamedTuple):
    """What was done to a store, and what it answered."""

    blank: bytes
    events: list[Event]
    said: list[Acknowledged]
    asked: list[Acknowledged]
    """What metered holds were asked to be, acknowledged or not; `after` is the number of the operation."""


async def history(
    trace: Trace, blank: Path, sync: Sync, operations: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> History:
    """Does so many operations by lot to a store on a disk that is noted."""
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(recovery, "PRUNED_AT_ONCE", 7)
    # The log's own sync does not go through SQLite.
    monkeypatch.setattr(writer, "_sync", lambda path: trace.note(Event(path.name, "sync")))
    monkeypatch.setattr(writer, "SYNC_EVERY_S", 0.0)
    lots = random.Random(seed)
    shutil.copy(blank, trace.folder / FILE)
    store = SqliteStore(trace.folder, sync=sync)
    await store.open(NOW)
    said: list[Acknowledged] = []
    under_way: dict[str, Reservation] = {}

    asked: list[Acknowledged] = []
    shrunk: list[Acknowledged] = []
    number = 0

    def told(kind: str, reservation_id: str, amount: int) -> None:
        # Whatever is durable, every earlier shrink is.
        said.extend(each._replace(after=len(trace.events)) for each in shrunk)
        shrunk.clear()
        said.append(Acknowledged(len(trace.events), kind, reservation_id, amount, number))

    def asks(kind: str, reservation_id: str, amount: int) -> Acknowledged:
        asked.append(Acknowledged(len(trace.events), kind, reservation_id, amount, number))
        return asked[-1]

    for number in range(operations):
        what = lots.choices(
            ("reserve", "extend", "shrink", "settle", "quick", "release", "prune"), (5, 4, 2, 3, 2, 1, 0.5)
        )[0]
        if what == "reserve" or not under_way:
            amount = lots.randint(10, 90)
            made = reservation(f"r{number}", metered_hold("a", amount, LIMIT), hold("b", 200, LIMIT))
            made = msgspec.structs.replace(made, bound=amount)
            assert isinstance(await store.ledger.reserve(made, NOW), Held)
            under_way[made.id] = made
            told("reserve", made.id, amount)
            continue
        identity = lots.choice(list(under_way))
        current = {each.id: each for each in store.ledger.open_reservations()}[identity]
        if what == "extend":
            amount = metered(current) + lots.randint(1, 60)
            asks("extend", identity, amount)
            assert isinstance(await store.ledger.extend(identity, amount, NOW), Held)
            told("extend", identity, amount)
        elif what == "shrink":
            amount = max(1, metered(current) - lots.randint(1, 60))
            assert store.ledger.shrink(identity, amount)
            shrunk.append(asks("shrink", identity, amount))
        elif what in ("settle", "quick"):
            amount = lots.randint(1, metered(current))
            store.ledger.settle(entry(under_way.pop(identity), amount))
            if what == "settle":
                await store.ledger.flush()
                told("settle", identity, amount)
        elif what == "release":
            store.ledger.release(identity, "not_sent", NOW)
            del under_way[identity]
        else:
            while await store.prune(NOW):
                pass
        if sync == "normal" and lots.random() < 0.3:
            # The turn in which the log is synced behind the commits.
            await asyncio.sleep(0)
    noted = list(trace.events)
    await store.close()
    return History(await asyncio.to_thread(blank.read_bytes), noted, said, asked)


class Found(NamedTuple):
    """What a database that came back has."""

    known: set[str]
    booked: dict[str, int]
    presumed: dict[str, int]


def write(files: dict[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def look(files: dict[str, bytes], folder: Path) -> Found:
    """Starts a store on what is left of its files. The database must be sound, and its books must balance."""
    write(files, folder)
    store = SqliteStore(folder)
    presumed = {each.reservation_id: each.charge.amount for each in await store.open(NOW + 1)}
    assert await store.ledger.verify() == []
    assert not store.ledger.open_reservations()
    connection = apsw.Connection(str(folder / FILE), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    booked = dict(connection.execute("SELECT reservation_id, amount_nanodollars FROM entries WHERE kind = 'charge'"))
    released = {each for (each,) in connection.execute("SELECT reservation_id FROM releases")}
    connection.close()
    await store.close()
    return Found(booked.keys() | presumed.keys() | released, booked, presumed)


def missing(history: History, found: Found, until: int) -> list[Acknowledged]:
    """Reservations and settlements that had been acknowledged when the power went, and are not there."""
    return [
        told
        for told in acknowledged(history, until)
        if (told.kind == "reserve" and told.reservation_id not in found.known)
        or (told.kind == "settle" and found.booked.get(told.reservation_id) != told.amount)
    ]


def acknowledged(history: History, until: int) -> list[Acknowledged]:
    return [told for told in history.said if told.after <= until]


def amounts(history: History, durable: int, until: int) -> dict[str, set[int]]:
    """What each reservation may be presumed at: what its hold was acknowledged to be when `durable` events had been, or
    was asked to be between then and `until`."""
    last = {told.reservation_id: told for told in acknowledged(history, durable) if told.kind != "settle"}
    return {
        identity: {told.amount}
        | {
            each.amount
            for each in history.asked
            if each.reservation_id == identity and each.operation > told.operation and each.after <= until
        }
        for identity, told in last.items()
    }


def last_sync(events: list[Event]) -> int:
    """How many events there were when the log was last synced."""
    synced = [n for n, event in enumerate(events, start=1) if event.kind == "sync" and event.name.endswith("-wal")]
    return max(synced, default=0)


async def enumerate_losses(history: History, folder: Path, sync: Sync, lots: random.Random, each: int) -> int:
    """Loses power after every event of a history (`each` times by lot at one), and kills there; how many databases came
    back."""
    disk = Disk({FILE: history.blank})
    opened = 0
    for until in range(len(history.events) + 1):
        if until:
            disk.do(history.events[until - 1])
        images = [disk.after_a_loss_of_power(None), disk.after_a_kill()]
        images += [disk.after_a_loss_of_power(lots) for _ in range(each)]
        different = {tuple(sorted(image.items())): number for number, image in reversed(list(enumerate(images)))}
        for image, number in different.items():
            found = await look(dict(image), folder)
            opened += 1
            lost = missing(history, found, until)
            # What strict acknowledges is durable, and a kill takes nothing; else what the log was last synced with is.
            durable = until if sync == "full" or number == KILLED else last_sync(history.events[:until])
            assert not [told for told in lost if told.after <= durable], f"after {until} events: {lost}"
            later = [told for told in acknowledged(history, until) if lost and told.after > lost[0].after]
            kept = [told for told in later if told.kind in ("reserve", "settle") and told not in lost]
            assert not kept, f"after {until} events: {lost[0]} is lost, and {kept[0]} is not"
            for identity, possible in amounts(history, durable, until).items():
                if identity in found.presumed:
                    assert found.presumed[identity] in possible, f"after {until} events: {identity}"
    return opened


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of databases are opened in it."""
    fast = Path("/dev/shm")
    with TemporaryDirectory(dir=fast if fast.is_dir() else tmp_path) as folder:
        yield Path(folder) / "after"


async def lose_power(
    trace: Trace, blank: Path, folder: Path, sync: Sync, monkeypatch: pytest.MonkeyPatch, *, operations: int, each: int
) -> None:
    made = await history(trace, blank, sync, operations, 1, monkeypatch)
    apsw.set_default_vfs(SYSTEM)
    since = made.events[made.said[0].after :]
    assert any(event.name == FILE and event.kind == "write" for event in since), "no checkpoint was made"
    opened = await enumerate_losses(made, folder, sync, random.Random(1), each=each)
    print(f"{sync}: {len(made.events)} events, {len(made.said)} acknowledged, {opened} databases opened")


@pytest.mark.parametrize("sync", ["full", "normal"])
async def test_power_is_lost_after_any_write(
    trace: Trace, blank: Path, memory: Path, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose_power(trace, blank, memory, sync, monkeypatch, operations=40, each=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sync", ["full", "normal"])
async def test_power_is_lost_after_any_write_of_a_long_history(
    trace: Trace, blank: Path, memory: Path, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose_power(trace, blank, memory, sync, monkeypatch, operations=200, each=3)


async def test_what_relaxed_loses_would_be_seen_as_lost_by_strict(
    trace: Trace, blank: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await history(trace, blank, "normal", 10, 1, monkeypatch)
    apsw.set_default_vfs(SYSTEM)
    with pytest.raises(AssertionError, match=r"after \d+ events: "):
        await enumerate_losses(made, memory, "full", random.Random(1), each=0)
