"""The ledger in SQLite: what is durable when, and what is taken back when it cannot be."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.storage.sql.places import in_a_file, killed, reopened, same_place

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.money import LARGEST, MOST_IN_ALL, Money
from tollway.pricing.charge import Charge
from tollway.storage.books import Ended
from tollway.storage.conformance.controls import control
from tollway.storage.conformance.values import (
    LONG_S,
    NOW,
    assert_sound,
    at,
    entry,
    held,
    hold,
    metered,
    opening,
    reservation,
    shown_limit,
    written,
)
from tollway.storage.protocol import Filter
from tollway.storage.sql import ledger
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.store import SqlStore

Fail = Callable[[SqlStore], Any]


async def intents(store: SqlStore) -> list[str]:
    def read(reading: Connection) -> list[str]:
        return [row[0] for row in reading.execute("SELECT reservation_id FROM intents ORDER BY 1")]

    return await store._database.query(read)


async def test_a_reservation_is_durable_when_it_is_held(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    assert await intents(store) == ["one.1"]
    assert store.ledger.open_reservations() == (made,)


async def test_what_is_refused_is_written_nowhere(store: SqlStore) -> None:
    verdict = await store.ledger.reserve(reservation("one", hold("a", 101)), NOW)
    assert isinstance(verdict, Exhausted)
    await store.ledger.flush()
    assert await intents(store) == []


async def test_a_refusal_asks_the_database_only_of_what_memory_may_have_let_go_of(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = store.ledger._past.ended
    monkeypatch.setattr(
        type(store.ledger._past), "ended", lambda _, identity: [asked.append(identity), real(identity)][1]
    )
    made = await held(store, "spent", hold("a", 100))
    store.ledger.settle(entry(made, 100))
    late = msgspec.structs.replace(reservation("late", hold("a", 10)), opened_at=NOW + 1)
    assert isinstance(await store.ledger.reserve(late, NOW + 1), Exhausted)
    assert asked == []
    # What was opened before this process began may have ended before it.
    early = msgspec.structs.replace(late, id="early.1", opened_at=NOW - 1_000)
    assert isinstance(await store.ledger.reserve(early, NOW + 1), Exhausted)
    assert asked == ["early.1"]
    await store.ledger.flush()
    store.ledger._counters.forget(0)
    store.ledger._counters.bury("another", Ended("released"))
    store.ledger._counters.forget(0)
    assert isinstance(await store.ledger.reserve(late, NOW + 1), Exhausted)
    again = msgspec.structs.replace(made, holds=(hold("a", 10),))
    assert await store.ledger.reserve(again, NOW + 1) == Gone("settled")
    assert asked[1:] == ["late.1", "spent.1"]


async def test_two_calls_for_one_reservation_hold_it_once(store: SqlStore) -> None:
    made = reservation("one", hold("a", 10))
    first, second = await asyncio.gather(store.ledger.reserve(made, NOW), store.ledger.reserve(made, NOW))
    assert isinstance(first, Held) and isinstance(second, Held)
    assert at(store) == (0, 10)
    assert await intents(store) == ["one.1"]


async def test_entries_are_numbered_in_the_order_in_which_they_are_settled(store: SqlStore) -> None:
    made = [await held(store, name, hold("a", 10)) for name in "cab"]
    for each in made:
        assert store.ledger.settle(entry(each, 1))
    await store.ledger.flush()

    def read(reading: Connection) -> list[Any]:
        return reading.execute("SELECT seq, request_id FROM entries ORDER BY seq").fetchall()

    assert await store._database.query(read) == [(1, "c"), (2, "a"), (3, "b")]


async def test_counters_change_at_once_though_the_row_is_still_queued(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(made, 4))
    assert at(store) == (4, 0)
    other = await held(store, "two", hold("a", 10))
    store.ledger.release(other.id, "rejected", NOW)
    assert at(store) == (4, 0)
    await assert_sound(store)


async def test_an_amount_beyond_64_bits_changes_nothing(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    absurd = msgspec.structs.replace(entry(made, 4), charge=Charge(Money(LARGEST + 1)))
    with pytest.raises(OverflowError):
        store.ledger.settle(absurd)
    assert at(store) == (0, 10)
    assert store.ledger.settle(entry(made, 4))


async def test_a_late_settlement_of_a_presumption_is_written_as_a_correction(store: SqlStore) -> None:
    made = reservation("one", hold("a", 10), deadline=NOW)
    await store.ledger.reserve(made, NOW)
    store.ledger.sweep(NOW)
    assert store.ledger.settle(entry(made, 4))
    assert [(each.kind, each.charge.amount) for each in await written(store)] == [("correction", -6), ("presumed", 10)]
    assert at(store) == (4, 0)
    await assert_sound(store)


async def test_a_sweep_leaves_alone_what_is_not_yet_durable(store: SqlStore) -> None:
    made = reservation("one", hold("a", 10), deadline=NOW)
    reserving = asyncio.create_task(store.ledger.reserve(made, NOW))
    await asyncio.sleep(0)
    assert store.ledger.sweep(NOW) == []
    assert isinstance(await reserving, Held)
    assert [each.id for each in store.ledger.sweep(NOW)] == ["one.1.presumed"]


async def test_a_reserve_that_is_cancelled_holds_nothing_and_may_be_followed_by_another(store: SqlStore) -> None:
    reserving = asyncio.create_task(store.ledger.reserve(reservation("one", hold("a", 10)), NOW))
    await asyncio.sleep(0)
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    await store.ledger.flush()
    assert at(store) == (0, 0)
    assert await store.ledger.reserve(reservation("one", hold("a", 10)), NOW) == Gone("released")
    await assert_sound(store)


async def test_money_of_an_intent_that_cannot_be_written_goes_to_who_waits(store: SqlStore, fail: Fail) -> None:
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


async def test_while_nothing_can_be_written_nothing_is_reserved(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    for name in ("one", "two"):
        with pytest.raises(StoreUnavailable, match="full"):
            await store.ledger.reserve(reservation(name, hold("a", 10)), NOW)
    assert at(store) == (0, 0)
    disk.failing = False
    await store.ledger.flush()
    await held(store, "three", hold("a", 10))


async def test_opening_what_is_open_changes_nothing(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    assert await store.ledger.open(NOW + 1) == ()
    assert store.ledger.open_reservations() == (made,)


async def test_a_start_presumes_what_was_left_open_and_counts_it(store: SqlStore) -> None:
    await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(await held(store, "two", hold("a", 10)), 3))
    await store.close()
    presumed = await store.open(NOW + 9)
    assert [(each.id, each.charge.amount) for each in presumed] == [("one.1.presumed", 10)]
    assert at(store) == (13, 0)
    assert store.ledger.open_reservations() == ()
    assert await store.ledger.reserve(reservation("one", hold("a", 10)), NOW) == Gone("presumed")
    await assert_sound(store)


@in_a_file
async def test_pruning_empties_the_log_when_there_is_nothing_more_to_do(store: SqlStore) -> None:
    store.ledger.settle(entry(await held(store, "one", hold("a", 10)), 3))
    while await store.ledger.prune(NOW):
        pass
    assert await intents(store) == []
    log = store._database.path.with_name(store._database.path.name + "-wal")
    assert log.stat().st_size == 0
    await assert_sound(store)


async def test_verify_names_a_reservation_that_only_one_side_knows(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger._counters.undo(made)
    assert await store.ledger.verify() == ["Reservation one.1 is open in the store, but not in memory."]
    store.ledger._counters.place(made)
    assert await store.ledger.verify() == []
    store.ledger._counters.place(reservation("two", hold("a", 10)))
    assert await store.ledger.verify() == ["Reservation two.1 is open in memory, but not in the store."]
    store.ledger._counters.undo(reservation("two", hold("a", 10)))


async def test_a_ledger_that_is_closed_takes_nothing_and_changes_nothing(store: SqlStore) -> None:
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


async def resizes(store: SqlStore) -> list[Any]:
    await store.ledger.flush()
    return await store._database.query(
        lambda reading: reading.execute(
            "SELECT reservation_id, amount_nanodollars FROM resizes ORDER BY number"
        ).fetchall()
    )


async def test_an_extension_is_durable_when_it_is_answered(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "one", metered("a", 10), hold("b", 40))
    disk = fail(store)
    assert isinstance(await store.ledger.extend(made.id, 30, NOW), Held)
    assert disk.commits == 1
    assert isinstance(await store.ledger.extend(made.id, 25, NOW), Held)
    assert disk.commits == 1
    assert store.ledger.shrink(made.id, 12)
    assert await resizes(store) == [("one.1", 30), ("one.1", 12)]
    await assert_sound(store)


async def test_extensions_of_one_turn_share_a_commit(store: SqlStore, fail: Fail) -> None:
    made = [await held(store, f"r{number}", metered("a", 1, 10_000)) for number in range(20)]
    disk = fail(store)
    await asyncio.gather(*(store.ledger.extend(each.id, 30, NOW) for each in made))
    assert disk.commits == 1
    assert at(store) == (0, 600)


async def test_an_extension_that_cannot_be_written_is_taken_back(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "one", metered("a", 10))
    disk = fail(store)
    disk.failing = True
    with pytest.raises(StoreUnavailable, match="full"):
        await store.ledger.extend(made.id, 60, NOW)
    assert store.ledger.open_reservations() == (made,)
    with pytest.raises(StoreUnavailable):
        await store.ledger.extend(made.id, 20, NOW)
    disk.failing = False
    await store.ledger.flush()
    assert await resizes(store) == []
    assert isinstance(await store.ledger.extend(made.id, 60, NOW), Held)
    assert await resizes(store) == [("one.1", 60)]
    await assert_sound(store)


async def test_two_extensions_of_one_reservation_come_one_after_the_other(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "one", metered("a", 10))
    disk = fail(store)
    disk.failing = True
    answers = await asyncio.gather(
        *(store.ledger.extend(made.id, amount, NOW) for amount in (60, 50, 70)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert store.ledger.open_reservations() == (made,)
    disk.failing = False
    await store.ledger.flush()
    answers = await asyncio.gather(*(store.ledger.extend(made.id, amount, NOW) for amount in (60, 50, 70)))
    assert [type(answer) for answer in answers] == [Held] * 3
    assert await resizes(store) == [("one.1", 60), ("one.1", 70)]
    await assert_sound(store)


async def test_who_leaves_while_an_extension_is_written_leaves_it_written_or_taken_back(
    store: SqlStore, fail: Fail
) -> None:
    made = await held(store, "one", metered("a", 10))
    disk = fail(store)
    for failing, amount, stands in ((True, 60, 10), (False, 50, 50)):
        disk.failing = failing
        extending = asyncio.create_task(store.ledger.extend(made.id, amount, NOW))
        await asyncio.sleep(0)
        extending.cancel()
        await asyncio.wait([extending])
        assert extending.cancelled()
        while (running := store._database.writer._running) is not None:
            await asyncio.wait([running])
        await asyncio.sleep(0)
        disk.failing = False
        await store.ledger.flush()
        assert at(store) == (0, stands)
    assert await resizes(store) == [("one.1", 50)]
    await assert_sound(store)


async def test_a_shrink_during_an_extension_that_fails_stays(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "one", metered("a", 10))
    disk = fail(store)
    disk.failing = True
    extending = asyncio.create_task(store.ledger.extend(made.id, 60, NOW))
    await asyncio.sleep(0)
    assert store.ledger.shrink(made.id, 5)
    with pytest.raises(StoreUnavailable):
        await extending
    disk.failing = False
    assert await resizes(store) == [("one.1", 5)]
    assert at(store) == (0, 5)
    await assert_sound(store)


async def test_no_intent_is_durable_before_a_shrink_that_made_room_for_it(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "one", metered("a", 90))
    disk = fail(store)
    disk.failing = True
    store.ledger.shrink(made.id, 10)
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("two", hold("a", 80)), NOW)
    disk.failing = False
    await store.ledger.flush()
    assert await resizes(store) == [("one.1", 10)]
    assert await intents(store) == ["one.1"]
    await held(store, "two", hold("a", 80))
    await assert_sound(store)


async def test_a_start_presumes_what_was_last_resized(store: SqlStore) -> None:
    larger, smaller = await held(store, "one", metered("a", 10)), await held(store, "two", metered("a", 40))
    await store.ledger.extend(larger.id, 30, NOW)
    store.ledger.shrink(smaller.id, 20)
    store.ledger.shrink(smaller.id, 15)
    await store.close()
    presumed = await store.open(NOW + 9)
    assert [(each.id, each.charge.amount) for each in presumed] == [("one.1.presumed", 30), ("two.1.presumed", 15)]
    assert at(store) == (45, 0)
    while await store.ledger.prune(NOW):
        pass
    assert await resizes(store) == []
    await assert_sound(store)


async def test_an_extension_beyond_64_bits_changes_nothing(store: SqlStore) -> None:
    made = await held(store, "one", metered("a", 10, enforced=False))
    with pytest.raises(OverflowError):
        await store.ledger.extend(made.id, LARGEST + 1, NOW)
    assert at(store) == (0, 10)


async def test_verify_names_a_reservation_that_holds_something_else_in_the_store(store: SqlStore) -> None:
    made = await held(store, "one", metered("a", 10))
    store.ledger._counters.extend(made, 30)
    (words,) = await store.ledger.verify()
    assert words == 'Reservation one.1 holds 30 on "a" in memory, but 10 on "a" in the store.'


async def test_controls_are_in_force_again_after_a_start(store: SqlStore) -> None:
    kept, scheduled = control("increase", amount=50), control("increase", "b", 7, since=NOW + 50)
    for each in (kept, control("increase", "over", 5, until=NOW + 1), control("freeze", "c", ended_at=NOW), scheduled):
        await store.ledger.control(each, NOW)
    await store.close()
    await store.open(NOW + 1)
    assert list(store.ledger.controls()) == [kept, scheduled]
    assert (shown_limit(store), shown_limit(store, "over"), shown_limit(store, "b")) == (150, 100, 100)
    store.ledger.sweep(NOW + 50)
    assert shown_limit(store, "b") == 107


async def test_a_freeze_is_in_force_after_a_start_with_a_clock_that_was_set_back(store: SqlStore) -> None:
    await store.ledger.control(control("freeze", since=NOW), NOW)
    await store.close()
    await store.open(NOW - 86_400_000)
    verdict = await store.ledger.reserve(reservation("one", hold("a", 10)), NOW - 86_400_000)
    assert isinstance(verdict, Exhausted) and verdict.frozen


async def test_a_control_that_cannot_be_written_is_not_in_force(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.control(control("freeze"), NOW)
    assert list(store.ledger.controls()) == []
    disk.failing = False
    await held(store, "one", hold("a", 10))


async def test_who_leaves_while_a_control_is_written_leaves_it_in_force(store: SqlStore) -> None:
    putting = asyncio.create_task(store.ledger.control(control("freeze"), NOW))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    putting.cancel()
    await asyncio.wait([putting])
    await store.ledger.flush()
    await asyncio.sleep(0)
    assert list(store.ledger.controls()) == [control("freeze")]


async def test_an_opening_is_durable_when_it_is_answered_and_counted_after_a_start(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    assert await store.ledger.move(opening("o", 40))
    assert disk.commits == 1
    disk.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.move(opening("p", 5))
    disk.failing = False
    await store.ledger.flush()
    assert not await store.ledger.move(opening("p", 5))
    await store.close()
    await store.open(NOW)
    assert not await store.ledger.move(opening("o", 40))
    assert at(store) == (45, 0)
    await assert_sound(store)


async def test_while_nothing_can_be_written_a_control_is_refused_at_once(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("one", hold("a", 10)), NOW)
    with pytest.raises(StoreUnavailable, match="full"):
        await store.ledger.control(control("freeze"), NOW)
    disk.failing = False
    await store.ledger.flush()
    await store.ledger.control(control("freeze"), NOW)
    assert list(store.ledger.controls()) == [control("freeze")]


async def test_the_latest_instant_is_what_was_told_or_written_down(store: SqlStore) -> None:
    assert store.ledger.latest == NOW - 1_000
    made = await held(store, "one", hold())
    assert store.ledger.latest == NOW
    store.ledger.settle(entry(made, 3))
    await held(store, "two", hold())
    assert store.ledger.release("two.1", "not_sent", NOW + 9)
    again = await reopened(store, NOW - 86_400_000)
    assert again.ledger.latest == NOW + 9, "a clock that was set back was believed"
    await again.close()


async def test_a_store_tells_why_nothing_can_be_reserved(store: SqlStore, fail: Fail) -> None:
    assert store.ledger.unavailable is None
    connection = fail(store)
    connection.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("r", hold()), NOW)
    assert store.ledger.unavailable is not None and "disk is full" in store.ledger.unavailable
    connection.failing = False
    await store.ledger.flush()
    assert store.ledger.unavailable is None
    closed = same_place(store).ledger.unavailable
    assert closed is not None and "is not open" in closed


def lenient(request_id: str, *holds: Hold) -> Reservation:
    return msgspec.structs.replace(reservation(request_id, *holds), lenient=True)


async def broken(store: SqlStore, fail: Fail) -> Any:
    """A store that has found out that it cannot be written."""
    connection = fail(store)
    connection.failing = True
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("found-out", hold("other", 1)), NOW)
    return connection


async def works_again(store: SqlStore, connection: Any) -> None:
    connection.failing = False
    await store.ledger.flush()
    await assert_sound(store)


async def presumed_by_another(store: SqlStore, folder: Path) -> tuple[SqlStore, dict[str, int]]:
    again, presumed = await killed(store, folder, NOW + 1)
    return again, {each.reservation_id: each.charge.amount for each in presumed}


async def test_what_may_go_on_without_the_store_is_held_counted_and_written_later(
    store: SqlStore, fail: Fail, tmp_path: Path
) -> None:
    connection = await broken(store, fail)
    verdict = await store.ledger.reserve(lenient("one", hold("a", 60)), NOW)
    assert verdict == Held((Balance("a", 0, 60, 100),), unwritten=True)
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("strict", hold("a", 1)), NOW)
    # The limit binds as ever: what is counted is in memory.
    refused = await store.ledger.reserve(lenient("two", hold("a", 41)), NOW)
    assert isinstance(refused, Exhausted)
    assert isinstance(await store.ledger.reserve(lenient("three", hold("a", 40)), NOW), Held)
    assert store.ledger.settle(entry(lenient("one", hold("a", 60)), 55))
    assert at(store) == (55, 40)
    assert store.ledger.unwritten == (2, 2)
    assert await intents(store) == []
    await works_again(store, connection)
    assert store.ledger.unwritten == (0, 2)
    assert [each.charge.amount for each in await written(store)] == [55]
    again, presumed = await presumed_by_another(store, tmp_path / "again")
    assert presumed == {"three.1": 40}
    assert at(again) == (95, 0)
    await again.close()


async def test_the_request_that_meets_the_failure_goes_on_too(store: SqlStore, fail: Fail) -> None:
    connection = fail(store)
    connection.failing = True
    first, strict = await asyncio.gather(
        store.ledger.reserve(lenient("one", hold("a", 60)), NOW),
        store.ledger.reserve(reservation("strict", hold("a", 10)), NOW),
        return_exceptions=True,
    )
    assert isinstance(first, Held) and first.unwritten
    assert isinstance(strict, StoreUnavailable)
    assert at(store) == (0, 60)
    await works_again(store, connection)
    assert await intents(store) == ["one.1"]


async def test_no_more_go_on_than_the_bound_until_the_store_works(
    store: SqlStore, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_UNWRITTEN", 2)
    connection = await broken(store, fail)
    for name in ("one", "two"):
        assert isinstance(await store.ledger.reserve(lenient(name, hold("a", 10)), NOW), Held)
    with pytest.raises(StoreUnavailable, match="2 requests went on without it"):
        await store.ledger.reserve(lenient("three", hold("a", 10)), NOW)
    assert at(store) == (0, 20)
    await works_again(store, connection)
    third = await store.ledger.reserve(lenient("three", hold("a", 10)), NOW)
    assert isinstance(third, Held) and not third.unwritten
    assert store.ledger.unwritten == (0, 2)


async def test_a_stream_that_may_go_on_is_raised_and_lowered_without_the_store(
    store: SqlStore, fail: Fail, tmp_path: Path
) -> None:
    before = lenient("before", metered("a", 10))
    strict = await held(store, "strict", metered("a", 10))
    assert isinstance(await store.ledger.reserve(before, NOW), Held)
    connection = fail(store)
    connection.failing = True
    # The raise that meets the failure, and one after it.
    assert isinstance(await store.ledger.extend("before.1", 20, NOW), Held)
    assert isinstance(await store.ledger.reserve(lenient("new", metered("a", 10)), NOW), Held)
    assert isinstance(await store.ledger.extend("before.1", 30, NOW), Held)
    assert isinstance(await store.ledger.extend("new.1", 50, NOW), Held)
    assert store.ledger.shrink("new.1", 40)
    with pytest.raises(StoreUnavailable):
        await store.ledger.extend(strict.id, 20, NOW)
    assert isinstance(await store.ledger.extend("new.1", 70, NOW), Exhausted)
    assert at(store) == (0, 80)
    await works_again(store, connection)
    again, presumed = await presumed_by_another(store, tmp_path / "again")
    assert presumed == {"before.1": 30, "new.1": 40, "strict.1": 10}
    await again.close()


async def test_what_is_given_back_before_it_was_written_holds_nothing(
    store: SqlStore, fail: Fail, tmp_path: Path
) -> None:
    connection = await broken(store, fail)
    assert isinstance(await store.ledger.reserve(lenient("one", hold("a", 60)), NOW), Held)
    assert store.ledger.release("one.1", "not_sent", NOW)
    waiting = asyncio.ensure_future(store.ledger.reserve(lenient("two", hold("a", 100)), NOW, LONG_S))
    assert isinstance(await waiting, Held)
    assert store.ledger.release("two.1", "not_sent", NOW)
    await works_again(store, connection)
    again, presumed = await presumed_by_another(store, tmp_path / "again")
    assert (presumed, at(again)) == ({}, (0, 0))
    await again.close()


async def test_whoever_waits_goes_on_too_when_the_store_fails_meanwhile(store: SqlStore, fail: Fail) -> None:
    first = await held(store, "first", hold("a", 80))
    waiting = asyncio.ensure_future(store.ledger.reserve(lenient("two", hold("a", 100)), NOW, LONG_S))
    await asyncio.sleep(0)
    connection = await broken(store, fail)
    assert store.ledger.release(first.id, "not_sent", NOW)
    verdict = await waiting
    assert isinstance(verdict, Held) and verdict.unwritten
    await works_again(store, connection)
    assert "two.1" in await intents(store)


async def test_a_store_that_holds_more_than_64_bits_starts_serves_and_is_exact(store: SqlStore, tmp_path: Path) -> None:
    absurd, exact = 9 * 10**18, 27 * 10**18
    for number in range(3):
        store.ledger.settle(entry(reservation(f"absurd{number}", hold("a")), absurd, "credit"))
    store.ledger.settle(entry(reservation("own", hold("b")), 5))
    assert at(store) == (exact, 0)
    await assert_sound(store)
    rows = await store.records.spend(Filter(), ("kind",))
    assert [(row.group, row.spent) for row in rows] == [(("credit",), exact), (("charge",), 5)]
    while await store.analytics.roll():
        pass
    assert (await store.analytics.rolled()).full
    # The saved balance is no more than 64 bits hold; a start adds it up anew.
    await store.close()
    again = same_place(store)
    await again.open(NOW)
    assert at(again) == (exact, 0)
    await assert_sound(again)
    made = await held(again, "next", hold("b", 10))
    assert again.ledger.settle(entry(made, 4))
    for number in range(3):
        back = entry(reservation(f"absurd{number}", hold("a")), -absurd, "correction", 2)
        assert again.ledger.beyond(back) is None
        again.ledger.settle(back)
    assert at(again) == (0, 0)
    await assert_sound(again)
    assert again.ledger._counters.booked == 9
    await again.close()


async def test_what_all_entries_come_to_is_known_again_after_a_start(store: SqlStore) -> None:
    store.ledger.settle(entry(reservation("one", hold("a")), 50))
    store.ledger.settle(opening("b", 50))
    await store.close()
    again = same_place(store)
    await again.open(NOW)
    assert again.ledger._counters.booked == 50

    # An earlier gateway has not written it down.
    def forget(writing: Connection) -> None:
        writing.execute("DELETE FROM marks WHERE name LIKE 'booked_%'")

    await again._database.change(forget)
    await again._database.close()
    third = same_place(store)
    await third.open(NOW)
    assert third.ledger._counters.booked == 50
    await third.close()


async def test_a_reservation_beyond_all_measure_is_refused_in_the_ledgers_own_words(store: SqlStore) -> None:
    with pytest.raises(StoreUnavailable, match=r"takes on no more than \$4,611,686,018"):
        await store.ledger.reserve(reservation("one", hold("a", MOST_IN_ALL + 1, enforced=False)), NOW)
    assert store.ledger.open_reservations() == ()
