"""What an exchange asks of the stores, carried out: limits, kept answers, repeats."""

import asyncio
from typing import Any, cast

import msgspec
import pytest
import world

from tollway.cache.entry import Kept
from tollway.cache.idempotency import Fresh, Lost, Mismatch, Replay, Wait
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.recheck import Recheck
from tollway.exchange.steps import Admit, Booked, Consult, Corrected, Release, Seen, Unavailable, Weighed
from tollway.ledger.control import Control
from tollway.ledger.reservation import Exhausted, Gone, Held, Hold, Reservation
from tollway.proxy import carried
from tollway.proxy.carried import Begun, carry_out_optional, carry_out_seldom
from tollway.proxy.world import World
from tollway.rates.claims import RateClaim
from tollway.rates.counters import Admitted, Limited
from tollway.rates.limit import RateLimit
from tollway.routes.walk import Weigh
from tollway.storage.memory import MemoryLedger
from tollway.storage.repeats import MemoryShelf, Repeats

KEPT = Kept(status=200, headers=(), body=b"kept", made_at=world.NOW, expires_at=world.NOW + 10**9)


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.ms = world.NOW

    def __call__(self) -> int:
        return self.ms * 1_000_000


def outside(now: Now | None = None, **more: Any) -> World:
    parts: Any = (MemoryLedger(), None, None, Clock(now or Now()), {})
    return World(*parts, **more)


async def reply(command: Any, place: World, begun: Begun | None = None) -> Any:
    return await carry_out_optional(command, place, begun or Begun(place))


LIMIT = RateLimit(id="l", name="l", requests=2, tokens=100, window_s=60, technique="sliding")


async def test_admission_is_counted_at_its_own_time_and_not_when_the_request_arrived() -> None:
    now = Now()
    place = outside(now)
    admit = Admit((RateClaim(LIMIT, "l"),), 10)
    assert isinstance(await reply(admit, place), Admitted) and isinstance(await reply(admit, place), Admitted)
    assert isinstance(await reply(admit, place), Limited)
    now.ms += 60_000
    assert isinstance(await reply(admit, place), Admitted)


async def test_tokens_are_put_right_or_given_back() -> None:
    place = outside()
    for tokens, left in ((40, 60), (None, 60)):
        admitted = await reply(Admit((RateClaim(LIMIT, "l"),), 10), place)
        await reply(Corrected(admitted, tokens), place)
        (use,) = place.rates.busiest(LIMIT, world.NOW, 1)
        assert use.tokens == 100 - left


async def test_a_limit_of_requests_counts_what_it_lets_through_and_one_of_cost_what_is_booked() -> None:
    place = outside()
    count = Weigh("r", "count", "v", 1, 60, "fixed", "route:a")
    left_ms = 60_000 - world.NOW % 60_000
    assert [await reply(Weighed(count), place) for _ in range(2)] == [0, left_ms]
    cost = Weigh("s", "cost", "v", 5, 60, "fixed", "route:b")
    assert [await reply(Weighed(cost), place) for _ in range(2)] == [0, 0]
    await reply(Booked((cost,), 5), place)
    assert await reply(Weighed(cost), place) == left_ms


async def test_targets_are_told_as_they_were_seen() -> None:
    place = outside()
    assert await reply(Consult(("a/b", "c/d")), place) == (Seen(), Seen())
    place.health.note("a/b", world.NOW, ok=True, latency_ms=5)
    assert await reply(Consult(("a/b",)), place) == (Seen(latency_ms=5),)


async def test_without_a_cache_nothing_is_found_and_nothing_kept() -> None:
    place = outside()
    assert await reply(Lookup(b"k", "default"), place) is None
    assert await reply(Keep(b"k", KEPT), place) is None


class Answers:
    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {}

    async def get(self, key: bytes, *, gateway: str, now: int) -> Kept | None:
        return self.kept.get(key)

    async def put(self, key: bytes, kept: Kept, now: int) -> None:
        self.kept[key] = kept


async def test_what_is_kept_is_found() -> None:
    place = outside(answers=Answers())
    await reply(Keep(b"k", KEPT), place)
    assert await reply(Lookup(b"k", "default"), place) is KEPT


BEGIN, DONE = Begin(b"k", b"f"), Finish(b"k", b"f", KEPT)


def repeating(shelf: Any = None) -> World:
    return outside(repeats=Repeats(shelf or MemoryShelf()))


async def test_a_repeat_gets_the_answer_of_the_first() -> None:
    place = repeating()
    assert await reply(BEGIN, place) == Fresh()
    await reply(DONE, place)
    assert await reply(BEGIN, place) == Replay(KEPT)
    assert await reply(Begin(b"k", b"other"), place) == Mismatch()


async def test_a_repeat_of_one_under_way_waits_for_it() -> None:
    place = repeating()
    await reply(BEGIN, place)
    waiting = [asyncio.create_task(reply(BEGIN, place)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    await reply(DONE, place)
    assert await asyncio.gather(*waiting) == [Replay(KEPT)] * 3


async def test_where_the_first_was_not_billed_one_of_those_that_wait_runs_and_the_others_wait_for_that_one() -> None:
    place = repeating()
    await reply(BEGIN, place)
    waiting = [asyncio.create_task(reply(BEGIN, place)) for _ in range(4)]
    await asyncio.sleep(0)
    for runs in range(1, 4):
        await reply(Finish(b"k", b"f", None), place)
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [Fresh()] * runs, "one after the other"
        assert len(pending) == 4 - runs
    await reply(DONE, place)
    assert sorted(type(one).__name__ for one in await asyncio.gather(*waiting)) == ["Fresh"] * 3 + ["Replay"]


async def test_a_repeat_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "WAIT_S", 0.01)
    place = repeating()
    await reply(BEGIN, place)
    assert await reply(BEGIN, place) == Wait()


async def test_a_request_whose_provider_may_have_billed_it_without_an_answer_is_not_run_again() -> None:
    place = repeating()
    await reply(BEGIN, place)
    await reply(Finish(b"k", b"f", None, lost=True), place)
    assert await reply(BEGIN, place) == Lost("interrupted")


class Broken(MemoryShelf):
    async def claim(self, key: bytes, fingerprint: bytes, now: int) -> Any:
        raise StoreUnavailable("the disk is full")


async def test_where_repeats_cannot_be_kept_the_request_is_not_sent() -> None:
    assert isinstance(await reply(BEGIN, repeating(Broken())), Unavailable)
    assert isinstance(await reply(BEGIN, outside()), Unavailable)
    assert await reply(DONE, outside()) is None


async def test_an_exchange_that_breaks_off_leaves_nobody_waiting_for_its_answer() -> None:
    place = repeating()
    begun = Begun(place)
    assert await reply(BEGIN, place, begun) == Fresh()
    waiting = asyncio.create_task(reply(BEGIN, place))
    await asyncio.sleep(0)
    await begun.close()
    assert await waiting == Lost("interrupted")
    await begun.close()


async def test_an_exchange_that_has_said_how_it_ended_is_not_lost() -> None:
    place = repeating()
    begun = Begun(place)
    await reply(BEGIN, place, begun)
    await reply(DONE, place, begun)
    await begun.close()
    assert await reply(BEGIN, place) == Replay(KEPT)


async def test_a_repeat_that_was_not_the_first_ends_nothing() -> None:
    place = repeating()
    await reply(BEGIN, place)
    begun = Begun(place)
    assert isinstance(await reply(Begin(b"k", b"other"), place, begun), Mismatch)
    await begun.close()
    await reply(DONE, place)
    assert await reply(BEGIN, place) == Replay(msgspec.structs.replace(KEPT))


async def test_a_request_that_waited_is_asked_again_by_the_ledger_of_now() -> None:
    place = outside()
    made = await place.ledger.reserve(
        Reservation("r.1", "r", 1, (Hold("b", world.NOW, world.NOW, 10, 100),), world.NOW, world.NOW + 9, 10),
        world.NOW,
    )
    assert isinstance(made, Held)
    assert isinstance(await reply(Recheck("r.1"), place), Held)
    await place.ledger.control(Control(id="f", kind="freeze", target="b", amount=0, since=world.NOW, by="a"), world.NOW)
    refused = await reply(Recheck("r.1"), place)
    assert isinstance(refused, Exhausted) and refused.frozen
    assert isinstance(await reply(Recheck("never"), place), Gone)

    class Away(MemoryLedger):
        async def extend(self, reservation_id: str, amount: int, now: int) -> Any:
            raise StoreUnavailable("the disk is full")

    away = World(*cast(Any, (Away(), None, None, Clock(Now()), {})))
    assert await reply(Recheck("r.1"), away) == Unavailable("the disk is full")


async def test_a_release_gives_back_what_is_held_and_what_is_optional_is_carried_out_as_well() -> None:
    place = outside()
    reservation = Reservation("r.1", "r", 1, (Hold("a", 0, 0, 5, 10),), world.NOW, world.NOW + 1, 5)
    assert isinstance(await place.ledger.reserve(reservation, world.NOW), Held)
    begun = Begun(place)
    assert await carry_out_seldom(Release("r.1", "not_needed"), place, begun) is None
    assert place.ledger.open_reservations() == ()
    assert await carry_out_seldom(Consult(("p/m",)), place, begun) == (Seen(),)
