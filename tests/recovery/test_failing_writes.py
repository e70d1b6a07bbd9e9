"""A disk that refuses any one write, or every one from some instant on: refused is refused, and acknowledged is kept."""

import contextlib
import shutil
from pathlib import Path

import apsw
import pytest
from power import Event, Trace

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import NOW, assert_sound, entry, metered, reservation, written
from tollway.storage.sqlite import SqliteStore, writer
from tollway.storage.sqlite.connection import FILE, Sync

FAILURES = {"full": apsw.FullError, "read-only": apsw.ReadOnlyError, "broken": apsw.IOError}


class Acknowledged:
    """What a store has said that it has."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.extended: set[str] = set()
        self.charged: set[str] = set()
        self.refused = 0


async def spend(store: SqliteStore, rounds: int, said: Acknowledged) -> None:
    """Reserves, extends and settles, each refused or acknowledged."""
    for number in range(rounds):
        made = reservation(f"r{number}", metered("a", 50, 10**9))
        try:
            assert isinstance(await store.ledger.reserve(made, NOW), Held)
            said.held.add(made.id)
            if number % 2:
                assert isinstance(await store.ledger.extend(made.id, 80, NOW), Held)
                said.extended.add(made.id)
            if number % 3:
                store.ledger.settle(entry(made, 20))
                await store.ledger.flush()
                said.charged.add(made.id)
        except StoreUnavailable:
            said.refused += 1
            # The disk is tried again, as it is every 100 ms while a gateway runs.
            with contextlib.suppress(StoreUnavailable):
                await store.ledger.flush()


async def assert_kept(folder: Path, said: Acknowledged) -> None:
    store = SqliteStore(folder)
    presumed = {each.reservation_id: each.charge.amount for each in await store.open(NOW + 1)}
    charged = {each.reservation_id for each in await written(store) if each.kind == "charge"}
    assert said.held <= charged | presumed.keys()
    assert said.charged <= charged
    assert {presumed[identity] for identity in said.extended & presumed.keys()} <= {80}
    await assert_sound(store)
    await store.close()


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("sync", ["normal", "full"])
async def test_any_one_write_may_fail(
    blank: Path, trace: Trace, sync: Sync, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 12)
    failing, refused = 0, 0
    while True:
        shutil.rmtree(trace.folder)
        trace.folder.mkdir()
        shutil.copy(blank, trace.folder / FILE)
        store = SqliteStore(trace.folder, sync=sync)
        await store.open(NOW)
        begun, at = len(trace.events), failing

        def fail(_: Event, at: int = at, begun: int = begun) -> None:
            if len(trace.events) - begun == at:
                # Noted, so that the next one goes through.
                trace.events.append(Event("failed", "delete"))
                raise FAILURES[failure]("the disk says no")

        trace.failure = fail
        said = Acknowledged()
        await spend(store, 6, said)
        assert store.ledger.unavailable is None
        await assert_sound(store)
        passed = len(trace.events) - begun
        trace.failure = lambda _: None
        await store.close()
        await assert_kept(trace.folder, said)
        refused += said.refused
        failing += 1
        if at >= passed:
            break
    assert refused > 10, "no failure was felt"


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_disk_that_goes_bad_under_a_store_stops_reservations_until_it_is_well(
    blank: Path, trace: Trace, failure: str
) -> None:
    shutil.copy(blank, trace.folder / FILE)
    store = SqliteStore(trace.folder)
    await store.open(NOW)
    before, during, after = Acknowledged(), Acknowledged(), Acknowledged()
    under_way = reservation("under way", metered("a", 50, 10**9))
    assert isinstance(await store.ledger.reserve(under_way, NOW), Held)
    await spend(store, 6, before)

    def fail(_: Event) -> None:
        raise FAILURES[failure]("the disk says no")

    trace.failure = fail
    with contextlib.suppress(StoreUnavailable):
        await store.ledger.reserve(reservation("first", metered("a", 50, 10**9)), NOW)
    await spend(store, 6, during)
    assert not during.held and during.refused == 6 and store.ledger.unavailable is not None
    # What is under way is settled all the same, and written once that is possible.
    assert store.ledger.settle(entry(under_way, 30))
    trace.failure = lambda _: None
    await store.ledger.flush()
    assert store.ledger.unavailable is None
    for number in range(3):
        assert isinstance(await store.ledger.reserve(reservation(f"z{number}", metered("a", 50, 10**9)), NOW), Held)
        after.held.add(f"z{number}.1")
    await assert_sound(store)
    await store.close()
    before.held |= after.held | {under_way.id}
    before.charged.add(under_way.id)
    await assert_kept(trace.folder, before)
