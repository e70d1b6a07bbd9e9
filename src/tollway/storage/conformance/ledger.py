"""Holding, settling and giving back."""

import asyncio

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
    reservation,
    written,
)
from tollway.storage.protocol import Store


async def a_reservation_is_held_and_shown(store: Store) -> None:
    made = reservation("r", hold("a", 10), hold("b", 10, 50))
    verdict = await store.ledger.reserve(made, NOW)
    shown = (Balance("a", 0, 10, 100), Balance("b", 0, 10, 50))
    assert verdict == Held(shown), verdict
    assert store.ledger.balances(made.holds) == shown
    assert list(store.ledger.open_reservations()) == [made]
    assert list(store.ledger.accounts("a")) == ["a"]
    await assert_sound(store)


async def reserving_twice_is_reserving_once(store: Store) -> None:
    made = reservation("r", hold("a", 60))
    verdicts = await asyncio.gather(*(store.ledger.reserve(made, NOW) for _ in range(3)))
    assert all(verdict == Held((Balance("a", 0, 60, 100),)) for verdict in verdicts), verdicts
    await assert_sound(store)


async def all_holds_are_placed_or_none(store: Store) -> None:
    await held(store, "first", hold("b", 95))
    verdict = await store.ledger.reserve(reservation("r", hold("a"), hold("b"), hold("c")), NOW)
    assert verdict == Exhausted(1, Balance("b", 0, 95, 100), contended=True), verdict
    assert (at(store, "a"), at(store, "b"), at(store, "c")) == ((0, 0), (0, 95), (0, 0))
    await assert_sound(store)


async def of_a_thousand_first_requests_one_gets_the_last_dollar(store: Store) -> None:
    verdicts = await asyncio.gather(
        *(store.ledger.reserve(reservation(f"r{n}", hold("new", 60)), NOW) for n in range(1_000))
    )
    assert sum(isinstance(verdict, Held) for verdict in verdicts) == 1
    assert at(store, "new") == (0, 60)
    await assert_sound(store)


async def two_holds_on_one_account_are_added_up(store: Store) -> None:
    verdict = await store.ledger.reserve(reservation("r", hold("a", 60), hold("a", 60)), NOW)
    assert isinstance(verdict, Exhausted), verdict
    assert at(store) == (0, 0)
    await assert_sound(store)


async def thirty_two_legs_are_held_and_settled(store: Store) -> None:
    made = await held(store, "r", *(hold(f"a{n}") for n in range(32)))
    assert store.ledger.settle(entry(made, 3))
    assert all(at(store, f"a{n}") == (3, 0) for n in range(32))
    await assert_sound(store)


async def a_reservation_without_holds_is_held_and_settled(store: Store) -> None:
    made = await held(store, "r")
    assert store.ledger.settle(entry(made, 3))
    assert [row.charge.amount for row in await written(store)] == [3]
    await assert_sound(store)


async def a_settlement_replaces_the_hold_by_the_charge(store: Store) -> None:
    made = await held(store, "r", hold("a", 10), hold("b", 10))
    settled = entry(made, 4)
    assert store.ledger.settle(settled)
    assert (at(store, "a"), at(store, "b")) == ((4, 0), (4, 0))
    assert await written(store) == [settled]
    assert not store.ledger.open_reservations()
    await assert_sound(store)


async def a_second_settlement_changes_nothing(store: Store) -> None:
    made = await held(store, "r", hold())
    assert store.ledger.settle(entry(made, 4))
    assert not store.ledger.settle(entry(made, 4))
    assert not store.ledger.settle(entry(made, 9))
    assert at(store) == (4, 0)
    assert len(await written(store)) == 1
    await assert_sound(store)


async def a_settlement_goes_past_the_limit(store: Store) -> None:
    made = await held(store, "r", hold(amount=10))
    assert store.ledger.settle(entry(made, 250))
    assert at(store) == (250, 0)
    verdict = await store.ledger.reserve(reservation("s", hold(amount=1)), NOW)
    assert verdict == Exhausted(0, Balance("a", 250, 0, 100), contended=False), verdict
    await assert_sound(store)


async def a_release_gives_the_hold_back_once(store: Store) -> None:
    made = await held(store, "r", hold(amount=100))
    assert store.ledger.release(made.id, "upstream_unreachable", NOW)
    assert not store.ledger.release(made.id, "upstream_unreachable", NOW)
    assert at(store) == (0, 0)
    await held(store, "s", hold(amount=100))
    await assert_sound(store)


async def a_release_after_a_settlement_changes_nothing(store: Store) -> None:
    made = await held(store, "r", hold())
    store.ledger.settle(entry(made, 4))
    assert not store.ledger.release(made.id, "late", NOW)
    assert at(store) == (4, 0)
    await assert_sound(store)


async def a_settlement_after_a_release_changes_nothing(store: Store) -> None:
    made = await held(store, "r", hold())
    store.ledger.release(made.id, "not_sent", NOW)
    assert not store.ledger.settle(entry(made, 4))
    assert at(store) == (0, 0)
    await assert_sound(store)


async def an_ended_reservation_cannot_be_reserved_again(store: Store) -> None:
    settled = await held(store, "s", hold())
    store.ledger.settle(entry(settled, 4))
    released = await held(store, "r", hold())
    store.ledger.release(released.id, "not_sent", NOW)
    assert await store.ledger.reserve(settled, NOW) == Gone("settled")
    assert await store.ledger.reserve(released, NOW) == Gone("released")
    await assert_sound(store)


async def a_release_that_overtakes_its_reserve_makes_it_gone(store: Store) -> None:
    late = reservation("r", hold())
    assert store.ledger.release(late.id, "given_up", NOW)
    assert await store.ledger.reserve(late, NOW) == Gone("released")
    assert at(store) == (0, 0)
    await assert_sound(store)


async def a_rolling_window_counts_the_buckets_from_since(store: Store) -> None:
    for number, step in enumerate((0, 10, 20, 30)):
        made = await held(store, f"r{number}", hold(amount=20, bucket=NOW + step, since=NOW + step - 20, limit=80))
        if step != 30:
            store.ledger.settle(entry(made, 15))
    assert at(store, since=NOW) == (45, 20)
    assert at(store, since=NOW + 10) == (30, 20)
    assert at(store, since=NOW + 40) == (0, 0)
    assert at(store, since=NOW - 99) == (45, 20)
    verdict = await store.ledger.reserve(
        reservation("x", hold(amount=31, bucket=NOW + 30, since=NOW + 10, limit=80)), NOW
    )
    assert isinstance(verdict, Exhausted), verdict
    await held(store, "y", hold(amount=45, bucket=NOW + 40, since=NOW + 20, limit=80))
    await assert_sound(store)


async def a_settlement_books_in_the_window_it_was_admitted_in(store: Store) -> None:
    made = await held(store, "r", hold(amount=90))
    await held(store, "s", hold(amount=90, bucket=NOW + 9, since=NOW + 9))
    store.ledger.settle(entry(made, 80))
    assert at(store, bucket=NOW + 9, since=NOW + 9) == (0, 90)
    assert at(store, since=NOW) == (80, 90)
    await assert_sound(store)


async def a_monitored_hold_never_refuses(store: Store) -> None:
    verdict = await store.ledger.reserve(reservation("r", hold("a", 150, enforced=False), hold("b", 20)), NOW)
    assert isinstance(verdict, Held) and verdict.would_refuse == (0,), verdict
    assert at(store, "a") == (0, 150)
    await assert_sound(store)


async def a_spent_only_hold_looks_at_what_is_spent_alone(store: Store) -> None:
    await held(store, "big", hold(amount=100))
    made = await held(store, "r", hold(amount=0, spent_only=True))
    store.ledger.settle(entry(made, 100))
    verdict = await store.ledger.reserve(reservation("s", hold(amount=0, spent_only=True)), NOW)
    assert verdict == Exhausted(0, Balance("a", 100, 100, 100), contended=False), verdict
    await assert_sound(store)


async def a_free_request_passes_a_spent_budget(store: Store) -> None:
    made = await held(store, "r", hold(amount=100))
    store.ledger.settle(entry(made, 120))
    await held(store, "free", hold(amount=0))
    await assert_sound(store)


async def a_spent_budget_is_named_before_a_contended_one(store: Store) -> None:
    await held(store, "holder", hold("a", 100))
    spent = await held(store, "spender", hold("b", 100))
    store.ledger.settle(entry(spent, 100))
    verdict = await store.ledger.reserve(reservation("r", hold("a"), hold("b")), NOW, LONG_S)
    assert isinstance(verdict, Exhausted) and (verdict.index, verdict.contended) == (1, False), verdict


async def verify_finds_nothing_after_a_mixed_history(store: Store) -> None:
    for number in range(40):
        made = await held(store, f"r{number}", hold("a", limit=10_000), hold(f"b[{number % 3}]", limit=10_000))
        if number % 4 == 1:
            store.ledger.settle(entry(made, number))
        elif number % 4 == 2:
            store.ledger.release(made.id, "not_sent", NOW)
    store.ledger.sweep(NOW + 60_000)
    assert list(store.ledger.accounts("b")) == ["b[0]", "b[1]", "b[2]"]
    await assert_sound(store)


CHECKS: tuple[Check, ...] = (
    a_reservation_is_held_and_shown,
    reserving_twice_is_reserving_once,
    all_holds_are_placed_or_none,
    of_a_thousand_first_requests_one_gets_the_last_dollar,
    two_holds_on_one_account_are_added_up,
    thirty_two_legs_are_held_and_settled,
    a_reservation_without_holds_is_held_and_settled,
    a_settlement_replaces_the_hold_by_the_charge,
    a_second_settlement_changes_nothing,
    a_settlement_goes_past_the_limit,
    a_release_gives_the_hold_back_once,
    a_release_after_a_settlement_changes_nothing,
    a_settlement_after_a_release_changes_nothing,
    an_ended_reservation_cannot_be_reserved_again,
    a_release_that_overtakes_its_reserve_makes_it_gone,
    a_rolling_window_counts_the_buckets_from_since,
    a_settlement_books_in_the_window_it_was_admitted_in,
    a_monitored_hold_never_refuses,
    a_spent_only_hold_looks_at_what_is_spent_alone,
    a_free_request_passes_a_spent_budget,
    a_spent_budget_is_named_before_a_contended_one,
    verify_finds_nothing_after_a_mixed_history,
)
