"""Settings that change while requests are under way: a raise, and whoever waits, is judged by the limits of now."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from tollway.ledger.control import Control
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.storage.books import Renew
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
)
from tollway.storage.protocol import Store


def now_is(account: str = "a", **fields: Any) -> Renew:
    """Settings by which the holds on an account have these fields, and all others are as they were made."""

    def renew(reservation: Reservation) -> Sequence[Hold]:
        return tuple(
            msgspec.structs.replace(hold, **fields) if hold.account == account else hold for hold in reservation.holds
        )

    return renew


async def a_lowered_limit_refuses_the_next_raise_of_what_is_under_way(store: Store) -> None:
    made = await held(store, "r", metered("a", 10), metered("b", 10))
    assert isinstance(await store.ledger.extend(made.id, 40, NOW), Held)
    store.ledger.judge_by(now_is("b", limit=50))
    assert isinstance(await store.ledger.extend(made.id, 50, NOW), Held)
    verdict = await store.ledger.extend(made.id, 51, NOW)
    assert verdict == Exhausted(1, Balance("b", 0, 50, 50), contended=False), verdict
    assert (at(store, "a"), at(store, "b")) == ((0, 50), (0, 50))
    await assert_sound(store)


async def a_limit_below_what_is_held_takes_nothing_back_and_refuses_any_raise(store: Store) -> None:
    made = await held(store, "r", metered(amount=40))
    store.ledger.judge_by(now_is(limit=0))
    assert isinstance(await store.ledger.extend(made.id, 40, NOW), Held)
    verdict = await store.ledger.extend(made.id, 41, NOW)
    assert verdict == Exhausted(0, Balance("a", 0, 40, 0), contended=False), verdict
    assert store.ledger.settle(entry(made, 33))
    assert at(store) == (33, 0)
    await assert_sound(store)


async def a_raised_limit_lets_what_is_under_way_go_on(store: Store) -> None:
    made = await held(store, "r", metered(amount=90))
    assert isinstance(await store.ledger.extend(made.id, 101, NOW), Exhausted)
    store.ledger.judge_by(now_is(limit=200))
    assert await store.ledger.extend(made.id, 200, NOW) == Held((Balance("a", 0, 200, 200),))
    store.ledger.judge_by(now_is(limit=150))
    assert isinstance(await store.ledger.extend(made.id, 201, NOW), Exhausted)
    await assert_sound(store)


async def a_budget_that_only_watches_by_now_refuses_no_raise_and_says_so(store: Store) -> None:
    made = await held(store, "r", metered(amount=90))
    store.ledger.judge_by(now_is(enforced=False))
    assert await store.ledger.extend(made.id, 120, NOW) == Held((Balance("a", 0, 120, 100),), (0,))
    store.ledger.judge_by(now_is(enforced=True))
    assert isinstance(await store.ledger.extend(made.id, 121, NOW), Exhausted)
    await assert_sound(store)


async def an_increase_that_is_taken_back_refuses_the_next_raise(store: Store) -> None:
    given = Control(id="i", kind="increase", target="a", amount=50, since=NOW, by="alice")
    await store.ledger.control(given, NOW)
    made = await held(store, "r", metered(amount=90))
    assert isinstance(await store.ledger.extend(made.id, 110, NOW), Held)
    await store.ledger.control(msgspec.structs.replace(given, ended_at=NOW + 1, ended_by="bob"), NOW + 1)
    verdict = await store.ledger.extend(made.id, 111, NOW + 1)
    assert verdict == Exhausted(0, Balance("a", 0, 110, 100), contended=False), verdict
    await assert_sound(store)


async def whoever_waits_is_judged_by_the_limit_of_now(store: Store) -> None:
    await held(store, "first", hold(amount=90))
    waits = [
        asyncio.ensure_future(store.ledger.reserve(reservation(name, hold(amount=amount)), NOW, LONG_S))
        for name, amount in (("one", 60), ("two", 60))
    ]
    await asyncio.sleep(0)
    store.ledger.judge_by(now_is(limit=150))
    assert isinstance(await waits[0], Held)
    store.ledger.judge_by(now_is(limit=50))
    refused = await waits[1]
    assert isinstance(refused, Exhausted), refused
    at_once = msgspec.structs.replace(refused, waited_us=0)
    assert at_once == Exhausted(0, Balance("a", 0, 150, 50), contended=False), refused
    await assert_sound(store)


async def a_raise_to_nothing_asks_by_the_limits_of_now_and_changes_nothing(store: Store) -> None:
    made = await held(store, "r", hold(amount=40), hold("b", amount=40))
    await held(store, "other", hold(amount=50))
    assert isinstance(await store.ledger.extend(made.id, 0, NOW), Held)
    for limit, may_come_back in ((89, True), (39, False), (0, False)):
        store.ledger.judge_by(now_is(limit=limit))
        verdict = await store.ledger.extend(made.id, 0, NOW)
        assert verdict == Exhausted(0, Balance("a", 0, 50, limit), contended=may_come_back), verdict
    store.ledger.judge_by(now_is(limit=0, enforced=False))
    assert isinstance(await store.ledger.extend(made.id, 0, NOW), Held)
    await store.ledger.control(Control(id="f", kind="freeze", target="b", amount=0, since=NOW, by="alice"), NOW)
    verdict = await store.ledger.extend(made.id, 0, NOW)
    assert isinstance(verdict, Exhausted) and verdict.frozen and verdict.index == 1, verdict
    assert (at(store), at(store, "b")) == ((0, 90), (0, 40))
    assert store.ledger.release(made.id, "done", NOW)
    assert isinstance(await store.ledger.extend(made.id, 0, NOW), Gone)
    await assert_sound(store)


CHECKS: tuple[Check, ...] = (
    a_raise_to_nothing_asks_by_the_limits_of_now_and_changes_nothing,
    a_lowered_limit_refuses_the_next_raise_of_what_is_under_way,
    a_limit_below_what_is_held_takes_nothing_back_and_refuses_any_raise,
    a_raised_limit_lets_what_is_under_way_go_on,
    a_budget_that_only_watches_by_now_refuses_no_raise_and_says_so,
    an_increase_that_is_taken_back_refuses_the_next_raise,
    whoever_waits_is_judged_by_the_limit_of_now,
)
