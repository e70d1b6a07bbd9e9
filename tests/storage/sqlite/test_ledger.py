"""The ledger in SQLite: what is durable when, and what is taken back when it cannot be."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Exhausted, Gone, Held
from tollway.money import LARGEST, Money
from tollway.pricing.charge import Charge
from tollway.storage.conformance.values import LONG_S, NOW, assert_sound, at, entry, held, hold, reservation, written
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.driver import Connection

Fail = Callable[[SqliteStore], Any]


async def intents(store: SqliteStore) -> list[str]:
    def read(reading: Connection) -> list[str]:
        return [row[0] for row in reading.execute("SELECT reservation_id FROM intents ORDER BY 1")]

    return await store._database.query(read)


async def test_a_reservation_is_durable_when_it_is_held(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    assert await intents(store) == ["one.1"]
    assert store.ledger.open_reservations() == (made,)


async def test_what_is_refused_is_written_nowhere(store: SqliteStore) -> None:
    verdict = await store.ledger.reserve(reservation("one", hold("a", 101)), NOW)
    assert isinstance(verdict, Exhausted)
    await store.ledger.flush()
    assert await intents(store) == []


async def test_two_calls_for_one_reservation_hold_it_once(store: SqliteStore) -> None:
    made = reservation("one", hold("a", 10))
    first, second = await asyncio.gather(store.ledger.reserve(made, NOW), store.ledger.reserve(made, NOW))
    assert isinstance(first, Held) and isinstance(second, Held)
    assert at(store) == (0, 10)
    assert await intents(store) == ["one.1"]


async def test_entries_are_numbered_in_the_order_in_which_they_are_settled(store: SqliteStore) -> None:
    made = [await held(store, name, hold("a", 10)) for name in "cab"]
    for each in made:
        assert store.ledger.settle(entry(each, 1))
    await store.ledger.flush()

    def read(reading: Connection) -> list[Any]:
        return reading.execute("SELECT seq, request_id FROM entries ORDER BY seq").fetchall()

    assert await store._database.query(read) == [(1, "c"), (2, "a"), (3, "b")]


async def test_counters_change_at_once_though_the_row_is_still_queued(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(made, 4))
    assert at(store) == (4, 0)
    other = await held(store, "two", hold("a", 10))
    store.ledger.release(other.id, "rejected", NOW)
    assert at(store) == (4, 0)
    await assert_sound(store)


async def test_an_amount_beyond_64_bits_changes_nothing(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    absurd = msgspec.structs.replace(entry(made, 4), charge=Charge(Money(LARGEST + 1)))
    with pytest.raises(OverflowError):
        store.ledger.settle(absurd)
    assert at(store) == (0, 10)
    assert store.ledger.settle(entry(made, 4))


async def test_a_late_settlement_of_a_presumption_is_written_as_a_correction(store: SqliteStore) -> None:
    made = reservation("one", hold("a", 10), deadline=NOW)
    await store.ledger.reserve(made, NOW)
    store.ledger.sweep(NOW)
    assert store.ledger.settle(entry(made, 4))
    assert [(each.kind, each.charge.amount) for each in await written(store)] == [("correction", -6), ("presumed", 10)]
    assert at(store) == (4, 0)
    await assert_sound(store)


async def test_a_sweep_leaves_alone_what_is_not_yet_durable(store: SqliteStore) -> None:
    made = reservation("one", hold("a", 10), deadline=NOW)
    reserving = asyncio.create_task(store.ledger.reserve(made, NOW))
    await asyncio.sleep(0)
    assert store.ledger.sweep(NOW) == []
    assert isinstance(await reserving, Held)
    assert [each.id for each in store.ledger.sweep(NOW)] == ["one.1.presumed"]


async def test_a_reserve_that_is_cancelled_holds_nothing_and_may_be_followed_by_another(store: SqliteStore) -> None:
    reserving = asyncio.create_task(store.ledger.reserve(reservation("one", hold("a", 10)), NOW))
    await asyncio.sleep(0)
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    await store.ledger.flush()
    assert at(store) == (0, 0)
    assert await store.ledger.reserve(reservation("one", hold("a", 10)), NOW) == Gone("released")
    await assert_sound(store)


async def test_money_of_an_intent_that_cannot_be_written_goes_to_who_waits(store: SqliteStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    first = asyncio.create_task(store.ledger.reserve(reservation("first", hold("a", 60)), NOW))
    await asyncio.sleep(0)
    second = asyncio.create_task(store.ledger.reserve(reservation("second", hold("a", 60)), NOW, LONG_S))
    with pytest.raises(StoreUnavailable):
        await first
    # It was admitted in the place of the first, and its own intent could not be written either.
    with pytest.raises(StoreUnavailable):
        await second
    assert at(store) == (0, 0)
    disk.failing = False
    await store.ledger.flush()
    await assert_sound(store)


async def test_while_nothing_can_be_written_nothing_is_reserved(store: SqliteStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    for name in ("one", "two"):
        with pytest.raises(StoreUnavailable, match="full"):
            await store.ledger.reserve(reservation(name, hold("a", 10)), NOW)
    assert at(store) == (0, 0)
    disk.failing = False
    await store.ledger.flush()
    await held(store, "three", hold("a", 10))


async def test_opening_what_is_open_changes_nothing(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    assert await store.ledger.open(NOW + 1) == ()
    assert store.ledger.open_reservations() == (made,)


async def test_a_start_presumes_what_was_left_open_and_counts_it(store: SqliteStore) -> None:
    await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(await held(store, "two", hold("a", 10)), 3))
    await store.close()
    presumed = await store.open(NOW + 9)
    assert [(each.id, each.charge.amount) for each in presumed] == [("one.1.presumed", 10)]
    assert at(store) == (13, 0)
    assert store.ledger.open_reservations() == ()
    assert await store.ledger.reserve(reservation("one", hold("a", 10)), NOW) == Gone("presumed")
    await assert_sound(store)


async def test_pruning_empties_the_log_when_there_is_nothing_more_to_do(store: SqliteStore) -> None:
    store.ledger.settle(entry(await held(store, "one", hold("a", 10)), 3))
    while await store.ledger.prune(NOW):
        pass
    assert await intents(store) == []
    log = store._database.path.with_name(store._database.path.name + "-wal")
    assert log.stat().st_size == 0
    await assert_sound(store)


async def test_verify_names_a_reservation_that_only_one_side_knows(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger._counters.undo(made)
    assert await store.ledger.verify() == ["Reservation one.1 is open in the store, but not in memory."]
    store.ledger._counters.place(made)
    assert await store.ledger.verify() == []
    store.ledger._counters.place(reservation("two", hold("a", 10)))
    assert await store.ledger.verify() == ["Reservation two.1 is open in memory, but not in the store."]
    store.ledger._counters.undo(reservation("two", hold("a", 10)))


async def test_a_ledger_that_is_closed_takes_nothing_and_changes_nothing(store: SqliteStore) -> None:
    made = await held(store, "one", hold("a", 10))
    await store.close()
    before = at(store)
    for attempt in (
        lambda: store.ledger.settle(entry(made, 4)),
        lambda: store.ledger.release(made.id, "rejected", NOW),
        lambda: store.ledger.sweep(NOW),
    ):
        with pytest.raises(StoreUnavailable, match="is not open"):
            attempt()
    with pytest.raises(StoreUnavailable, match="is not open"):
        await store.ledger.reserve(reservation("two", hold("a", 10)), NOW)
    assert at(store) == before
    await store.ledger.close()
