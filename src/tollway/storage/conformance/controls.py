"""The limit in force: increases, freezes, shares and what is carried over; and openings, which move no money."""

import asyncio
from typing import Any

from tollway.ledger.control import Control, ControlKind
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
    opening,
    reservation,
    shown_limit,
    written,
)
from tollway.storage.protocol import Store


def control(kind: ControlKind, target: str = "a", amount: int = 0, since: int = NOW, **fields: Any) -> Control:
    """A freeze or an increase of that target, in force from NOW on."""
    identity = fields.pop("id", f"{kind} {target}")
    return Control(id=identity, kind=kind, target=target, amount=amount, since=since, by="alice", **fields)


async def an_increase_raises_the_limit_while_it_is_in_force(store: Store) -> None:
    await store.ledger.control(control("increase", amount=50, until=NOW + 1_000), NOW)
    assert shown_limit(store) == 150
    verdict = await store.ledger.reserve(reservation("r", hold(amount=150)), NOW)
    assert verdict == Held((Balance("a", 0, 150, 150),)), verdict
    refused = await store.ledger.reserve(reservation("s", hold(amount=1)), NOW + 999)
    assert refused == Exhausted(0, Balance("a", 0, 150, 150), contended=True), refused
    store.ledger.sweep(NOW + 1_000)
    assert (shown_limit(store), list(store.ledger.controls())) == (100, [])
    await assert_sound(store)


async def increases_add_up_and_end_one_by_one(store: Store) -> None:
    mine = control("increase", "a[user=x]", 10, reason="a deadline")
    everybody = control("increase", "a", 5, since=NOW - 1)
    for each in (mine, everybody):
        await store.ledger.control(each, NOW)
    assert (shown_limit(store, "a[user=x]"), shown_limit(store, "a[user=y]"), shown_limit(store)) == (115, 105, 105)
    assert shown_limit(store, "ab") == 100
    assert list(store.ledger.controls()) == [everybody, mine]
    await store.ledger.control(control("increase", "a[user=x]", 10, ended_at=NOW + 5, ended_by="bob"))
    assert shown_limit(store, "a[user=x]") == 105
    await store.ledger.control(control("increase", "a", 7, since=NOW - 1), NOW)
    assert shown_limit(store) == 107
    assert [each.amount for each in store.ledger.controls()] == [7]


async def what_begins_later_is_known_and_not_yet_in_force(store: Store) -> None:
    later = control("increase", amount=50, since=NOW + 100)
    await store.ledger.control(later, NOW)
    assert list(store.ledger.controls()) == [later]
    assert shown_limit(store) == 100
    assert isinstance(await store.ledger.reserve(reservation("r", hold(amount=101)), NOW + 99), Exhausted)
    assert isinstance(await store.ledger.reserve(reservation("r", hold(amount=101)), NOW + 100), Held)
    # A clock that goes back takes nothing back.
    store.ledger.sweep(NOW)
    assert shown_limit(store) == 150


async def an_increase_lets_in_who_waits(store: Store) -> None:
    await held(store, "holder", hold(amount=90))
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=60), wait_s=LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await store.ledger.control(control("increase", amount=50), NOW)
    await waiting
    await assert_sound(store)


async def a_frozen_account_admits_nothing_that_costs(store: Store) -> None:
    await store.ledger.control(control("freeze", "a[user=x]", reason="a leaked key"), NOW)
    for refused in (
        reservation("one", hold("b"), hold("a[user=x]", 1)),
        reservation("watched", hold("b"), hold("a[user=x]", 1, enforced=False)),
        reservation("recorded", hold("b"), hold("a[user=x]", 0, spent_only=True)),
    ):
        verdict = await store.ledger.reserve(refused, NOW, LONG_S)
        balance = Balance("a[user=x]", 0, 0, 100)
        assert verdict == Exhausted(1, balance, False, frozen=True, reason="a leaked key", by="alice"), verdict
    await held(store, "free", hold("a[user=x]", 0))
    await held(store, "neighbour", hold("a[user=y]", 1))
    assert at(store, "b") == (0, 0)
    await assert_sound(store)


async def a_frozen_budget_freezes_all_of_its_accounts(store: Store) -> None:
    await store.ledger.control(control("freeze", "a"), NOW)
    for account in ("a", "a[user=x]"):
        verdict = await store.ledger.reserve(reservation(account, hold(account)), NOW)
        assert isinstance(verdict, Exhausted) and verdict.frozen, verdict
    await held(store, "other", hold("ab"))
    await store.ledger.control(control("freeze", "a", ended_at=NOW + 1, ended_by="bob"))
    await held(store, "again", hold("a[user=x]"))
    assert list(store.ledger.controls()) == []
    await assert_sound(store)


async def a_freeze_is_named_before_any_lack_of_money(store: Store) -> None:
    spent = await held(store, "spender", hold("b", 100))
    store.ledger.settle(entry(spent, 100))
    await store.ledger.control(control("freeze", "c"), NOW)
    verdict = await store.ledger.reserve(reservation("r", hold("b"), hold("c")), NOW)
    assert isinstance(verdict, Exhausted) and (verdict.index, verdict.frozen) == (1, True), verdict


async def a_freeze_cuts_streams_and_settlement_records_the_truth(store: Store) -> None:
    stream = await held(store, "stream", metered("a", 10), hold("b", 0, spent_only=True))
    for frozen in ("a", "b"):
        await store.ledger.control(control("freeze", frozen), NOW)
        for amount in (20, 5):
            verdict = await store.ledger.extend(stream.id, amount, NOW)
            assert isinstance(verdict, Exhausted) and verdict.frozen, verdict
            assert verdict.balance.account == frozen
        await store.ledger.control(control("freeze", frozen, ended_at=NOW, ended_by="bob"))
    assert isinstance(await store.ledger.extend(stream.id, 20, NOW), Held)
    await store.ledger.control(control("freeze", "a"), NOW)
    assert store.ledger.settle(entry(stream, 12))
    assert at(store) == (12, 0)
    await assert_sound(store)


async def a_freeze_tells_those_who_wait(store: Store) -> None:
    await held(store, "holder", hold(amount=90))
    waiting = asyncio.create_task(store.ledger.reserve(reservation("waiter", hold(amount=60)), NOW, LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await store.ledger.control(control("freeze", "a"), NOW)
    verdict = await waiting
    assert isinstance(verdict, Exhausted) and verdict.frozen, verdict


async def a_share_of_the_limit_is_rounded_down_and_shown(store: Store) -> None:
    await held(store, "production", hold(amount=70, limit=101))
    verdict = await store.ledger.reserve(reservation("batch", hold(amount=11, limit=101, share=80)), NOW)
    assert verdict == Exhausted(0, Balance("a", 0, 70, 80), contended=True), verdict
    await held(store, "smaller", hold(amount=10, limit=101, share=80))
    verdict = await store.ledger.reserve(
        reservation("recorded", hold(amount=0, limit=0, share=80, spent_only=True)), NOW
    )
    assert isinstance(verdict, Exhausted), verdict
    await store.ledger.control(control("increase", amount=100), NOW)
    assert shown_limit(store, limit=101, share=80) == 160
    await assert_sound(store)


async def what_was_not_spent_is_carried_over_once(store: Store) -> None:
    old: dict[str, Any] = {"since": NOW - 100, "bucket": NOW - 100}
    older: dict[str, Any] = {"since": NOW - 200, "bucket": NOW - 200}
    carrying: dict[str, Any] = {"previous": NOW - 100, "carry": 50}
    assert shown_limit(store, **carrying) == 150
    store.ledger.settle(entry(await held(store, "older", hold(amount=10, **older)), 1))
    store.ledger.settle(entry(await held(store, "old", hold(amount=90, **old)), 70))
    assert shown_limit(store, **carrying) == 130
    assert shown_limit(store, previous=NOW - 100, carry=20) == 120
    assert (shown_limit(store, carry=20), shown_limit(store, previous=NOW - 100)) == (100, 100)
    # While anything is held there, more may yet be asked for there.
    straddling = await held(store, "straddling", hold(amount=5, **old))
    assert shown_limit(store, **carrying) == 100
    store.ledger.release(straddling.id, "not_sent", NOW)
    verdict = await store.ledger.reserve(reservation("r", hold(amount=130, **carrying)), NOW)
    assert verdict == Held((Balance("a", 0, 130, 130),)), verdict
    store.ledger.settle(entry(reservation("late", hold(**old)), 90))
    assert shown_limit(store, **carrying) == 100
    assert shown_limit(store, share=50, **carrying) == 50
    await assert_sound(store)


async def an_opening_counts_against_its_account_and_ends_nothing(store: Store) -> None:
    made = await held(store, "r", hold(amount=10))
    assert await store.ledger.move(opening("o", 60))
    assert not await store.ledger.move(opening("o", 60))
    assert at(store) == (60, 10)
    assert list(store.ledger.open_reservations()) == [made]
    assert isinstance(await store.ledger.reserve(reservation("much", hold(amount=31)), NOW), Exhausted)
    assert await store.ledger.move(opening("back", -60))
    assert at(store) == (0, 10)
    assert {each.kind for each in await written(store)} == {"opening"}
    assert isinstance(await store.ledger.extend("o.1", 1, NOW), Gone)
    await assert_sound(store)


CHECKS: tuple[Check, ...] = (
    an_increase_raises_the_limit_while_it_is_in_force,
    increases_add_up_and_end_one_by_one,
    what_begins_later_is_known_and_not_yet_in_force,
    an_increase_lets_in_who_waits,
    a_frozen_account_admits_nothing_that_costs,
    a_frozen_budget_freezes_all_of_its_accounts,
    a_freeze_is_named_before_any_lack_of_money,
    a_freeze_cuts_streams_and_settlement_records_the_truth,
    a_freeze_tells_those_who_wait,
    a_share_of_the_limit_is_rounded_down_and_shown,
    what_was_not_spent_is_carried_over_once,
    an_opening_counts_against_its_account_and_ends_nothing,
)
