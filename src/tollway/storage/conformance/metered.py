"""Holds that follow an answer: raised before they are needed, lowered when less was used, and what newcomers leave them."""

import asyncio
from typing import Any

from tollway.ledger.reservation import Balance, Exhausted, Gone, Held
from tollway.storage.conformance.values import (
    LONG_S,
    NOW,
    Check,
    assert_sound,
    at,
    entry,
    held,
    hold,
    metered,
    reservation,
    written,
)
from tollway.storage.protocol import Store


async def metered_holds_are_raised_and_the_others_stay(store: Store) -> None:
    made = await held(store, "r", metered("a", 10), hold("b", 40), metered("c", 10))
    verdict = await store.ledger.extend(made.id, 25, NOW)
    assert verdict == Held((Balance("a", 0, 25, 100), Balance("b", 0, 40, 100), Balance("c", 0, 25, 100))), verdict
    assert (at(store, "a"), at(store, "b"), at(store, "c")) == ((0, 25), (0, 40), (0, 25))
    (standing,) = store.ledger.open_reservations()
    assert (standing.bound, [each.amount for each in standing.holds]) == (25, [25, 40, 25])
    await assert_sound(store)


async def less_than_is_held_changes_nothing(store: Store) -> None:
    made = await held(store, "r", metered(amount=30))
    for amount in (30, 29, 0, -5):
        assert await store.ledger.extend(made.id, amount, NOW) == Held((Balance("a", 0, 30, 100),)), amount
    assert list(store.ledger.open_reservations()) == [made]
    await assert_sound(store)


async def all_metered_holds_are_raised_or_none(store: Store) -> None:
    await held(store, "other", hold("b", 80))
    made = await held(store, "r", metered("a", 10), metered("b", 10), metered("c", 10))
    verdict = await store.ledger.extend(made.id, 21, NOW)
    assert verdict == Exhausted(1, Balance("b", 0, 90, 100), contended=True), verdict
    assert (at(store, "a"), at(store, "b"), at(store, "c")) == ((0, 10), (0, 90), (0, 10))
    assert isinstance(await store.ledger.extend(made.id, 20, NOW), Held)
    await assert_sound(store)


async def an_extension_that_money_cannot_come_back_for_is_exhausted(store: Store) -> None:
    spender = await held(store, "spender", hold("b", 80))
    store.ledger.settle(entry(spender, 80))
    await held(store, "holder", hold("a", 80))
    made = await held(store, "r", metered("a", 10), metered("b", 10))
    verdict = await store.ledger.extend(made.id, 21, NOW)
    assert verdict == Exhausted(1, Balance("b", 80, 10, 100), contended=False), verdict
    await assert_sound(store)


async def a_monitored_metered_hold_is_raised_past_the_limit_and_says_so(store: Store) -> None:
    made = await held(store, "r", metered("a", 10, enforced=False), metered("b", 10, 1_000))
    verdict = await store.ledger.extend(made.id, 200, NOW)
    assert isinstance(verdict, Held) and verdict.would_refuse == (0,), verdict
    assert at(store, "a") == (0, 200)
    await assert_sound(store)


async def two_metered_holds_on_one_account_are_added_up(store: Store) -> None:
    made = await held(store, "r", metered(amount=10), metered(amount=10))
    assert isinstance(await store.ledger.extend(made.id, 51, NOW), Exhausted)
    assert at(store) == (0, 20)
    assert isinstance(await store.ledger.extend(made.id, 50, NOW), Held)
    assert at(store) == (0, 100)
    await assert_sound(store)


async def what_has_ended_cannot_be_resized(store: Store) -> None:
    settled = await held(store, "s", metered())
    store.ledger.settle(entry(settled, 4))
    released = await held(store, "r", metered())
    store.ledger.release(released.id, "not_sent", NOW)
    assert await store.ledger.extend(settled.id, 50, NOW) == Gone("settled")
    assert await store.ledger.extend(released.id, 50, NOW) == Gone("released")
    assert isinstance(await store.ledger.extend("never.1", 50, NOW), Gone)
    for identity in (settled.id, released.id, "never.1"):
        assert not store.ledger.shrink(identity, 1)
    assert at(store) == (4, 0)
    await assert_sound(store)


async def a_shrunken_hold_lets_in_who_waits(store: Store) -> None:
    made = await held(store, "r", metered(amount=90), hold("b", 90))
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=60), wait_s=LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert store.ledger.shrink(made.id, 95)
    assert at(store, "a") == (0, 90)
    assert store.ledger.shrink(made.id, 40)
    await waiting
    assert (at(store, "a"), at(store, "b")) == ((0, 100), (0, 90))
    assert {each.bound for each in store.ledger.open_reservations()} == {40, 60}
    await assert_sound(store)


async def a_settlement_gives_back_what_is_held_by_then(store: Store) -> None:
    made = await held(store, "r", metered(amount=10), likely=80)
    await store.ledger.extend(made.id, 70, NOW)
    store.ledger.shrink(made.id, 30)
    assert store.ledger.settle(entry(made, 25))
    assert at(store) == (25, 0)
    await held(store, "all", hold(amount=75))
    await assert_sound(store)


async def what_lapses_is_presumed_as_it_was_last_resized(store: Store) -> None:
    larger = await held(store, "larger", metered("a", 10), hold("worst", 50))
    smaller = await held(store, "smaller", metered("b", 40))
    await store.ledger.extend(larger.id, 30, NOW)
    store.ledger.shrink(smaller.id, 15)
    presumed = store.ledger.sweep(larger.deadline)
    assert {each.reservation_id: each.charge.amount for each in presumed} == {larger.id: 30, smaller.id: 15}
    assert (at(store, "a"), at(store, "worst"), at(store, "b")) == ((30, 0), (30, 0), (15, 0))
    assert store.ledger.settle(entry(larger, 22))
    assert at(store, "a") == (22, 0)
    assert len(await written(store)) == 3
    await assert_sound(store)


async def newcomers_leave_what_answers_under_way_are_likely_to_need(store: Store) -> None:
    made = await held(store, "stream", metered(amount=10), likely=60)
    verdict = await store.ledger.reserve(reservation("r", hold(amount=41)), NOW)
    assert verdict == Exhausted(0, Balance("a", 0, 10, 100), contended=True), verdict
    await held(store, "small", hold(amount=40))
    await held(store, "free", hold(amount=0))
    # What is likely is not held: an answer under way takes it from anybody's share of the future.
    other = await held(store, "other", metered("b", 10), likely=100)
    assert isinstance(await store.ledger.reserve(reservation("late", hold("b", 1)), NOW), Exhausted)
    assert isinstance(await store.ledger.extend(other.id, 100, NOW), Held)
    assert isinstance(await store.ledger.extend(made.id, 60, NOW), Held)
    assert at(store) == (0, 100)
    await assert_sound(store)


async def what_is_no_longer_likely_is_for_newcomers(store: Store) -> None:
    made = await held(store, "stream", metered(amount=10), likely=90)
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=60), wait_s=LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    store.ledger.settle(entry(made, 20))
    await waiting
    assert at(store) == (20, 60)
    await assert_sound(store)


async def a_stream_that_grows_past_what_was_likely_wants_no_more(store: Store) -> None:
    made = await held(store, "stream", metered(amount=10), likely=20)
    await store.ledger.extend(made.id, 50, NOW)
    await held(store, "r", hold(amount=50))
    store.ledger.release("r.1", "not_sent", NOW)
    # Lowered again, it may still come to what is likely.
    store.ledger.shrink(made.id, 5)
    assert isinstance(await store.ledger.reserve(reservation("much", hold(amount=81)), NOW), Exhausted)
    await held(store, "enough", hold(amount=80))
    await assert_sound(store)


async def an_extension_does_not_queue_behind_those_who_wait(store: Store) -> None:
    made = await held(store, "stream", metered(amount=50))
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=60), wait_s=LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert isinstance(await store.ledger.extend(made.id, 100, NOW), Held)
    store.ledger.settle(entry(made, 40))
    await waiting
    await assert_sound(store)


async def a_stream_of_the_window_before_is_held_and_checked_there(store: Store) -> None:
    before: dict[str, Any] = {"since": NOW - 100, "bucket": NOW - 100, "until": NOW}
    made = await held(store, "stream", metered(amount=10, **before), likely=50)
    full = await held(store, "new", hold(amount=100, until=NOW + 100))
    assert isinstance(await store.ledger.extend(made.id, 30, NOW + 1), Held)
    assert at(store) == (0, 100)
    store.ledger.settle(entry(full, 100))
    assert isinstance(await store.ledger.extend(made.id, 101, NOW + 1), Exhausted)
    assert isinstance(await store.ledger.extend(made.id, 60, NOW + 1), Held)
    store.ledger.shrink(made.id, 20)
    assert at(store) == (100, 0)
    store.ledger.settle(entry(made, 20))
    assert (at(store), at(store, since=NOW - 100)) == ((100, 0), (120, 0))
    await assert_sound(store)


async def a_stream_longer_than_its_rolling_window_stays_within_the_limit(store: Store) -> None:
    made = await held(store, "stream", metered(amount=60))
    later: dict[str, Any] = {"since": NOW + 100, "bucket": NOW + 100}
    assert at(store, since=NOW + 100) == (0, 0)
    verdict = await store.ledger.extend(made.id, 101, NOW + 100)
    assert verdict == Exhausted(0, Balance("a", 0, 60, 100), contended=False), verdict
    await held(store, "new", hold(amount=30, **later))
    assert isinstance(await store.ledger.extend(made.id, 71, NOW + 100), Exhausted)
    assert isinstance(await store.ledger.extend(made.id, 70, NOW + 100), Held)
    assert at(store, since=NOW + 100) == (0, 30)
    await assert_sound(store)


async def what_was_carried_over_and_used_is_not_for_streams_of_the_window_before(store: Store) -> None:
    before: dict[str, Any] = {"since": NOW - 100, "bucket": NOW - 100, "until": NOW, "previous": NOW - 200}
    carrying: dict[str, Any] = {"carry": 50, "previous": NOW - 100, "until": NOW + 100}
    made = await held(store, "stream", metered(amount=10, carry=50, **before))
    # The stream may go on to the limit, so nothing is left to carry over.
    assert isinstance(await store.ledger.reserve(reservation("r", hold(amount=101, **carrying)), NOW), Exhausted)
    assert store.ledger.shrink(made.id, 0)
    new = await held(store, "new", hold(amount=120, **carrying))
    verdict = await store.ledger.extend(made.id, 81, NOW + 1)
    assert verdict == Exhausted(0, Balance("a", 0, 0, 80), contended=True), verdict
    store.ledger.settle(entry(new, 120))
    assert isinstance(await store.ledger.extend(made.id, 81, NOW + 1), Exhausted)
    assert isinstance(await store.ledger.extend(made.id, 80, NOW + 1), Held)
    assert store.ledger.settle(entry(made, 80))
    assert at(store, since=NOW - 100) == (200, 0)
    await assert_sound(store)


CHECKS: tuple[Check, ...] = (
    metered_holds_are_raised_and_the_others_stay,
    less_than_is_held_changes_nothing,
    all_metered_holds_are_raised_or_none,
    an_extension_that_money_cannot_come_back_for_is_exhausted,
    a_monitored_metered_hold_is_raised_past_the_limit_and_says_so,
    two_metered_holds_on_one_account_are_added_up,
    what_has_ended_cannot_be_resized,
    a_shrunken_hold_lets_in_who_waits,
    a_settlement_gives_back_what_is_held_by_then,
    what_lapses_is_presumed_as_it_was_last_resized,
    newcomers_leave_what_answers_under_way_are_likely_to_need,
    what_is_no_longer_likely_is_for_newcomers,
    a_stream_that_grows_past_what_was_likely_wants_no_more,
    an_extension_does_not_queue_behind_those_who_wait,
    a_stream_of_the_window_before_is_held_and_checked_there,
    a_stream_longer_than_its_rolling_window_stays_within_the_limit,
    what_was_carried_over_and_used_is_not_for_streams_of_the_window_before,
)
