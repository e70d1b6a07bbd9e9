"""Who is admitted when money comes back, and who is told that it does not."""

import asyncio

import pytest

from tollway.ledger.control import Control
from tollway.ledger.reservation import Exhausted, Held, Reservation
from tollway.storage.conformance.values import LONG_S, SOON_S, entry, hold, reservation
from tollway.storage.counters import Counters, Ended
from tollway.storage.waiting import Admission


class Nothing:
    """A past that knows nothing."""

    def ended(self, reservation_id: str) -> Ended | None:
        return None

    def has_entry(self, entry_id: str) -> bool:
        return False

    def spent(self, account: str) -> dict[int, int]:
        return {}


class World:
    """Admission over counters, with notes of what it said."""

    def __init__(self) -> None:
        self.counters = Counters(Nothing())
        self.placed: list[str] = []
        self.abandoned: list[str] = []
        self.fails = False
        self.admission = Admission(self.counters, placed=self._note, abandoned=self._abandon)

    def _note(self, made: Reservation) -> None:
        if self.fails:
            raise OverflowError("no such row")
        self.placed.append(made.request_id)

    def _abandon(self, made: Reservation) -> None:
        self.abandoned.append(made.request_id)
        self.release(made)

    def release(self, made: Reservation) -> None:
        holds = self.counters.release(made.id)
        assert holds is not None
        self.admission.given_back(holds)

    def settle(self, made: Reservation, amount: int) -> None:
        booked = self.counters.settle(entry(made, amount))
        assert booked is not None
        self.admission.booked(booked.legs)

    def held(self, made: Reservation) -> Reservation:
        assert isinstance(self.admission.attempt(made), Held)
        return made

    async def waiting(self, made: Reservation, wait_s: float = LONG_S) -> "asyncio.Task[Held | Exhausted | None]":
        refusal = self.admission.attempt(made)
        assert isinstance(refusal, Exhausted) and refusal.contended, refusal
        task = asyncio.create_task(self.admission.wait(made, refusal, wait_s))
        await a_turn()
        return task


async def a_turn() -> None:
    await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_money_that_is_given_back_goes_to_who_came_first(world: World) -> None:
    big = world.held(reservation("big", hold("a", 100)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    second = await world.waiting(reservation("second", hold("a", 30)))
    third = await world.waiting(reservation("third", hold("a", 30)))
    world.release(big)
    assert isinstance(await first, Held)
    assert isinstance(await second, Held)
    await a_turn()
    assert not third.done()
    assert world.placed == ["big", "first", "second"]
    third.cancel()


async def test_nobody_overtakes_though_there_is_room_for_less(world: World) -> None:
    world.held(reservation("big", hold("a", 50)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    small = world.admission.attempt(reservation("small", hold("a", 10)))
    assert isinstance(small, Exhausted)
    assert small.contended
    # Another account, no money at all, or a watching budget: nobody's turn is taken.
    world.held(reservation("elsewhere", hold("b", 10)))
    world.held(reservation("free", hold("a", 0)))
    world.held(reservation("watched", hold("a", 10, enforced=False)))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    world.held(reservation("later", hold("a", 10)))


async def test_money_that_is_spent_meanwhile_is_told_at_once(world: World) -> None:
    big = world.held(reservation("big", hold("a", 60)))
    waiting = await world.waiting(reservation("first", hold("a", 60)))
    world.settle(big, 60)
    refusal = await waiting
    assert isinstance(refusal, Exhausted)
    assert (refusal.contended, refusal.balance.spent) == (False, 60)


async def test_waiting_ends_with_the_refusal_as_it_is_then(world: World) -> None:
    world.held(reservation("big", hold("a", 60)))
    refusal = await (await world.waiting(reservation("first", hold("a", 60)), SOON_S))
    assert isinstance(refusal, Exhausted)
    assert refusal == Exhausted(0, refusal.balance, True, waited_us=refusal.waited_us)
    assert refusal.waited_us >= SOON_S * 900_000
    assert refusal.balance.held == 60  # type: ignore[union-attr]
    assert world.placed == ["big"]


async def test_one_who_never_came_to_the_head_of_the_line_is_contended(world: World) -> None:
    world.held(reservation("big", hold("a", 60)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    behind = await world.waiting(reservation("behind", hold("a", 10)), SOON_S)
    refusal = await behind
    assert isinstance(refusal, Exhausted) and refusal.contended
    first.cancel()


async def test_who_leaves_the_line_lets_the_next_one_try(world: World) -> None:
    world.held(reservation("big", hold("a", 60)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    behind = await world.waiting(reservation("behind", hold("a", 10)))
    first.cancel()
    assert isinstance(await behind, Held)


async def test_who_leaves_in_the_moment_of_being_admitted_gives_the_money_back(world: World) -> None:
    big = world.held(reservation("big", hold("a", 100)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    second = await world.waiting(reservation("second", hold("a", 60)))
    world.release(big)
    first.cancel()
    assert isinstance(await second, Held)
    assert world.abandoned == ["first"]
    assert list(world.counters.open) == ["second.1"]


async def test_one_that_another_account_refuses_then_waits_there_in_its_own_place(world: World) -> None:
    a, b = world.held(reservation("a", hold("a", 60))), world.held(reservation("b", hold("b", 60)))
    both = await world.waiting(reservation("both", hold("a", 60), hold("b", 60)))
    later = await world.waiting(reservation("later", hold("b", 50)))
    world.release(a)
    await a_turn()
    assert not both.done()
    world.release(b)
    assert isinstance(await both, Held)
    await a_turn()
    assert not later.done()
    later.cancel()


async def test_two_calls_for_one_reservation_are_not_admitted_twice(world: World) -> None:
    big = world.held(reservation("big", hold("a", 100)))
    twin = reservation("twin", hold("a", 40))
    one, other = await world.waiting(twin), await world.waiting(twin)
    world.release(big)
    assert isinstance(await one, Held)
    assert await other is None
    assert world.placed == ["big", "twin"]


async def test_what_cannot_be_noted_is_not_placed(world: World) -> None:
    world.fails = True
    with pytest.raises(OverflowError):
        world.admission.attempt(reservation("one", hold("a", 10)))
    assert world.counters.open == {}
    assert world.counters.balances([hold("a")])[0].held == 0


async def test_a_budget_that_cannot_be_met_at_all_is_told_before_one_that_has_a_line(world: World) -> None:
    world.held(reservation("big", hold("a", 60)))
    first = await world.waiting(reservation("first", hold("a", 60)))
    refusal = world.admission.attempt(reservation("two", hold("a", 10), hold("b", 200)))
    assert isinstance(refusal, Exhausted)
    assert (refusal.index, refusal.contended) == (1, False)
    first.cancel()


async def test_who_has_a_higher_priority_comes_before_those_who_came_earlier(world: World) -> None:
    big = world.held(reservation("big", hold("a", 100)))
    waiting = {
        name: await world.waiting(reservation(name, hold("a", 100), priority=priority))
        for name, priority in (("low", -1), ("middle", 0), ("high", 1), ("middle too", 0), ("low too", -1))
    }
    world.release(big)
    for name in ("high", "middle", "middle too", "low", "low too"):
        assert isinstance(await waiting[name], Held)
        world.release(reservation(name, hold("a", 100)))
    assert world.placed == ["big", "high", "middle", "middle too", "low", "low too"]


async def test_a_newcomer_passes_those_below_it_and_nobody_else(world: World) -> None:
    world.held(reservation("big", hold("a", 50)))
    low = await world.waiting(reservation("low", hold("a", 60), priority=-1))
    for name, priority, expected in (("lower", -2, Exhausted), ("same", -1, Exhausted), ("above", 0, Held)):
        assert isinstance(world.admission.attempt(reservation(name, hold("a", 10), priority=priority)), expected), name
    low.cancel()


async def test_one_who_is_sent_on_to_another_line_keeps_its_priority_there(world: World) -> None:
    a, b = world.held(reservation("a", hold("a", 60))), world.held(reservation("b", hold("b", 60)))
    earlier = await world.waiting(reservation("earlier", hold("b", 60)))
    both = await world.waiting(reservation("both", hold("a", 60), hold("b", 60), priority=1))
    world.release(a)
    await a_turn()
    world.release(b)
    assert isinstance(await both, Held)
    await a_turn()
    assert not earlier.done()
    earlier.cancel()


async def test_when_limits_have_changed_the_first_of_every_line_tries_again(world: World) -> None:
    for account in ("a", "b", "c"):
        world.held(reservation(f"big {account}", hold(account, 60)))
    waiting = [await world.waiting(reservation(f"first {account}", hold(account, 60))) for account in ("a", "b", "c")]
    world.counters.limits.put(Control(id="1", kind="increase", target="a", amount=20, since=0, by="me"))
    world.counters.limits.put(Control(id="2", kind="freeze", target="b", since=0, by="me"))
    world.admission.changed()
    assert isinstance(await waiting[0], Held)
    frozen = await waiting[1]
    assert isinstance(frozen, Exhausted) and frozen.frozen
    assert not waiting[2].done()
    waiting[2].cancel()
