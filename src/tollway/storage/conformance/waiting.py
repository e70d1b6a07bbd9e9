"""Waiting for held money, leaving the line, and going while waiting."""

import asyncio

from tollway.ledger.reservation import Exhausted, Gone, Held
from tollway.storage.conformance.values import (
    LONG_S,
    NOW,
    SOON_S,
    Check,
    assert_sound,
    at,
    entry,
    held,
    hold,
    reservation,
)
from tollway.storage.protocol import Store


async def one_that_waits_is_admitted_when_money_comes_back(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=60), wait_s=LONG_S))
    await _begun()
    assert not waiting.done()
    store.ledger.settle(entry(holder, 30))
    await waiting
    assert at(store) == (30, 60)
    await assert_sound(store)


async def those_who_wait_are_admitted_in_order(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    admitted: list[str] = []

    async def wait(name: str, amount: int) -> None:
        await held(store, name, hold(amount=amount), wait_s=LONG_S)
        admitted.append(name)

    waiting = [asyncio.create_task(wait(*each)) for each in (("one", 90), ("two", 50), ("three", 10), ("four", 45))]
    await _begun()
    store.ledger.release(holder.id, "not_sent", NOW)
    # "two" does not fit beside "one", and "three", which would, is behind it.
    await waiting[0]
    await _begun()
    assert admitted == ["one"]
    store.ledger.release("one.1", "not_sent", NOW)
    await asyncio.gather(*waiting[1:3])
    assert admitted[:2] == ["one", "two"]
    store.ledger.release("two.1", "not_sent", NOW)
    await waiting[3]
    assert set(admitted) == {"one", "two", "three", "four"}
    await assert_sound(store)


async def a_new_request_does_not_overtake(store: Store) -> None:
    await held(store, "holder", hold(amount=60))
    waiting = asyncio.create_task(held(store, "waiter", hold(amount=80), wait_s=LONG_S))
    await _begun()
    verdict = await store.ledger.reserve(reservation("new", hold(amount=10)), NOW)
    assert isinstance(verdict, Exhausted) and verdict.contended, verdict
    await held(store, "elsewhere", hold("b", amount=10))
    await held(store, "free", hold(amount=0))
    store.ledger.release("holder.1", "not_sent", NOW)
    await waiting
    await held(store, "later", hold(amount=10))
    await assert_sound(store)


async def a_waiter_gives_up_when_its_time_is_over(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    behind = asyncio.create_task(held(store, "behind", hold(amount=40), wait_s=LONG_S))
    await _begun()
    verdict = await store.ledger.reserve(reservation("r", hold(amount=60)), NOW, SOON_S)
    assert isinstance(verdict, Exhausted) and verdict.contended and verdict.balance.held == 100, verdict
    store.ledger.release(holder.id, "not_sent", NOW)
    await behind
    assert at(store) == (0, 40)
    await assert_sound(store)


async def a_waiter_is_told_when_the_money_is_spent_for_good(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    waiting = asyncio.create_task(store.ledger.reserve(reservation("r", hold(amount=60)), NOW, LONG_S))
    await _begun()
    store.ledger.settle(entry(holder, 100))
    verdict = await waiting
    assert isinstance(verdict, Exhausted) and not verdict.contended, verdict
    await assert_sound(store)


async def one_who_leaves_the_line_lets_the_next_one_in(store: Store) -> None:
    await held(store, "holder", hold(amount=50))
    big = asyncio.create_task(held(store, "big", hold(amount=90), wait_s=LONG_S))
    await _begun()
    small = asyncio.create_task(held(store, "small", hold(amount=40), wait_s=LONG_S))
    await _begun()
    big.cancel()
    await small
    assert at(store) == (0, 90)
    await asyncio.wait([big])
    assert big.cancelled()
    await assert_sound(store)


async def a_waiter_that_goes_as_it_is_admitted_holds_nothing(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    waiting = asyncio.create_task(store.ledger.reserve(reservation("r", hold(amount=60)), NOW, LONG_S))
    await _begun()
    store.ledger.release(holder.id, "not_sent", NOW)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert at(store) == (0, 0)
    assert await store.ledger.reserve(reservation("r", hold(amount=60)), NOW) == Gone("released")
    await assert_sound(store)


async def a_cancelled_reserve_leaks_nothing(store: Store) -> None:
    for turns in range(4):
        reserving = asyncio.create_task(store.ledger.reserve(reservation(f"r{turns}", hold(amount=60)), NOW))
        for _ in range(turns):
            await asyncio.sleep(0)
        reserving.cancel()
        await asyncio.wait([reserving])
        if not reserving.cancelled():
            store.ledger.release(f"r{turns}.1", "not_sent", NOW)
        assert at(store) == (0, 0), turns
        assert not store.ledger.open_reservations()
    await assert_sound(store)


async def a_waiter_moves_on_to_the_next_account_that_refuses_it(store: Store) -> None:
    first = await held(store, "first", hold("a", 100))
    second = await held(store, "second", hold("b", 100))
    waiting = asyncio.create_task(held(store, "r", hold("a", 60), hold("b", 60), wait_s=LONG_S))
    await _begun()
    store.ledger.release(first.id, "not_sent", NOW)
    await _begun()
    assert not waiting.done()
    store.ledger.release(second.id, "not_sent", NOW)
    await waiting
    await assert_sound(store)


async def two_calls_that_wait_for_one_reservation_hold_it_once(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))
    made = reservation("r", hold(amount=60))
    waiting = [asyncio.create_task(store.ledger.reserve(made, NOW, LONG_S)) for _ in range(3)]
    await _begun()
    store.ledger.release(holder.id, "not_sent", NOW)
    verdicts = await asyncio.gather(*waiting)
    assert all(isinstance(verdict, Held) for verdict in verdicts), verdicts
    assert at(store) == (0, 60)
    await assert_sound(store)


async def a_thousand_who_wait_are_all_served(store: Store) -> None:
    holder = await held(store, "holder", hold(amount=100))

    async def pass_through(name: str) -> None:
        made = await held(store, name, hold(amount=50), wait_s=LONG_S)
        store.ledger.release(made.id, "not_sent", NOW)

    waiting = [asyncio.create_task(pass_through(f"r{number}")) for number in range(1_000)]
    await _begun()
    store.ledger.release(holder.id, "not_sent", NOW)
    await asyncio.gather(*waiting)
    assert at(store) == (0, 0)
    await assert_sound(store)


async def those_of_higher_priority_come_first_and_nobody_below_overtakes(store: Store) -> None:
    await held(store, "holder", hold(amount=100))
    admitted: list[str] = []

    async def wait(name: str, priority: int) -> None:
        await held(store, name, hold(amount=60), wait_s=LONG_S, priority=priority)
        admitted.append(name)

    names = (("standard", 0), ("batch", -10), ("production", 10), ("second production", 10))
    waiting = [asyncio.create_task(wait(*each)) for each in names]
    await _begun()
    leaving = "holder"
    for expected in ("production", "second production", "standard", "batch"):
        store.ledger.release(f"{leaving}.1", "not_sent", NOW)
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        waiting = [task for task in waiting if not task.done()]
        assert admitted[-1] == expected, admitted
        # There is room for it, but not for somebody who waits and comes before it.
        late = reservation("late", hold(amount=10), priority=-20)
        verdict = await store.ledger.reserve(late, NOW)
        assert isinstance(verdict, Exhausted if waiting else Held), (verdict, expected)
        leaving = expected
    await assert_sound(store)


async def one_of_higher_priority_passes_those_who_wait_below(store: Store) -> None:
    await held(store, "holder", hold(amount=60))
    waiting = asyncio.create_task(held(store, "batch", hold(amount=80), wait_s=LONG_S, priority=-10))
    await _begun()
    await held(store, "standard", hold(amount=10))
    assert not waiting.done()
    store.ledger.release("holder.1", "not_sent", NOW)
    await _begun()
    await waiting
    await assert_sound(store)


async def _begun() -> None:
    """Lets every task that was just made run until it waits."""
    for _ in range(3):
        await asyncio.sleep(0)


CHECKS: tuple[Check, ...] = (
    one_that_waits_is_admitted_when_money_comes_back,
    those_who_wait_are_admitted_in_order,
    a_new_request_does_not_overtake,
    a_waiter_gives_up_when_its_time_is_over,
    a_waiter_is_told_when_the_money_is_spent_for_good,
    one_who_leaves_the_line_lets_the_next_one_in,
    a_waiter_that_goes_as_it_is_admitted_holds_nothing,
    a_cancelled_reserve_leaks_nothing,
    a_waiter_moves_on_to_the_next_account_that_refuses_it,
    two_calls_that_wait_for_one_reservation_hold_it_once,
    a_thousand_who_wait_are_all_served,
    those_of_higher_priority_come_first_and_nobody_below_overtakes,
    one_of_higher_priority_passes_those_who_wait_below,
)
