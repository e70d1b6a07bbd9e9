"""The hold of a metered answer, raised while it flows."""

import time
from typing import Any

import msgspec
import pytest

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.exchange.allowance import CHUNK_TOKENS, IN_FLIGHT_TOKENS, Allowance
from tollway.exchange.refusal import Refusal
from tollway.ledger.control import Control
from tollway.ledger.reservation import Exhausted, Held, Hold, Reservation
from tollway.money import Money
from tollway.pricing.estimate import Quote
from tollway.pricing.units import UnitPrice
from tollway.proxy import purse
from tollway.proxy.purse import Purse
from tollway.proxy.world import World
from tollway.storage.memory import MemoryLedger
from tollway.usage import Report, Usage

NOW = 1_790_000_000_000
FLOOR = 1_000
PRICE = 10


def quote() -> Quote:
    return Quote(
        provider="p",
        model="m",
        price_id="",
        amount=Money(FLOOR + PRICE * 100_000),
        input_tokens=500,
        output_tokens=100_000,
        choices=1,
        cap=None,
        floor=Money(FLOOR),
        per_input_token=UnitPrice(Money(2), 1),
        per_output_token=UnitPrice(Money(PRICE), 1),
    )


class Seen:
    """A meter of which a test says what it has seen."""

    def __init__(self) -> None:
        self.output_bytes = 0
        self.usage: Usage | None = None
        self.asked = 0

    def report(self) -> Report:
        self.asked += 1
        return Report(usage=self.usage)


class Stream:
    """One metered answer on one account."""

    def __init__(self, ledger: MemoryLedger, *, limit: int, number: int = 1, likely: int = 0) -> None:
        self.ledger, self.meter, self.stopped = ledger, Seen(), 0
        self.allowance = Allowance(quote())
        self.hold = Hold("team", 0, 0, self.allowance.amount, limit, metered=True)
        self.reservation = Reservation(
            f"r{number}.1", f"r{number}", 1, (self.hold,), NOW, NOW + 60_000, self.allowance.amount, b"", likely
        )
        clock: Any = Clock(lambda: NOW * 1_000_000)
        parts: Any = (ledger, None, None, clock, {})
        self.world = World(*parts)
        self.told: list[Exhausted | None] = []
        meter: Any = self.meter
        self.purse = Purse(self.world, self.reservation.id, self.allowance, self._stops, self._stop)
        self.purse.meters(meter, self._report)

    async def _report(self) -> Report:
        return self.meter.report()

    def _stops(self, reply: Exhausted | None) -> Refusal:
        self.told.append(reply)
        return Refusal(code="budget_exceeded", message="over")

    def _stop(self) -> None:
        self.stopped += 1

    async def begin(self) -> "Stream":
        # Looked at only when a test wants it.
        self.purse.close()
        assert isinstance(await self.ledger.reserve(self.reservation, NOW), Held)
        return self

    async def sees(self, output_bytes: int) -> None:
        self.meter.output_bytes = output_bytes
        await self.purse.follow()

    async def flows(self, start: int, end: int) -> None:
        """The answer grows in small pieces."""
        for seen in range(start, end + 1, 4):
            await self.sees(seen)

    @property
    def held(self) -> int:
        return self.ledger.balances((self.hold,))[0].held


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


async def test_the_hold_follows_the_answer(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    before = stream.held
    for seen in range(0, 20_000, 50):
        await stream.sees(seen)
        assert stream.held >= FLOOR + PRICE * (seen + IN_FLIGHT_TOKENS)
        assert stream.held <= FLOOR + PRICE * (seen + IN_FLIGHT_TOKENS + 2 * CHUNK_TOKENS)
    assert stream.held > before and stream.purse.refusal is None and stream.stopped == 0
    assert (stream.allowance.first, stream.allowance.held) == (before, stream.held) and stream.allowance.raises > 5


async def test_it_is_ended_before_it_costs_more_than_there_is(ledger: MemoryLedger) -> None:
    limit = FLOOR + PRICE * 10_000
    stream = await Stream(ledger, limit=limit).begin()
    seen = 0
    while stream.purse.refusal is None:
        seen += 20
        await stream.sees(seen)
        assert stream.held <= limit
    # All of the money but for what may be in flight was used, and the provider was stopped at once.
    assert FLOOR + PRICE * seen <= limit
    assert seen >= 10_000 - IN_FLIGHT_TOKENS - 20 - 800
    assert stream.stopped == 1 and isinstance(stream.told[0], Exhausted)
    await stream.sees(seen + 5_000)
    assert stream.stopped == 1


async def test_it_goes_on_with_what_it_holds_while_others_hold_the_rest_and_takes_it_when_they_are_done(
    ledger: MemoryLedger,
) -> None:
    limit = FLOOR + PRICE * 8_000
    stream = await Stream(ledger, limit=limit).begin()
    other = Reservation("o.1", "o", 1, (Hold("team", 0, 0, limit - stream.held, limit),), NOW, NOW + 60_000, 1)
    assert isinstance(await ledger.reserve(other, NOW), Held)
    await stream.flows(0, CHUNK_TOKENS - IN_FLIGHT_TOKENS - 4)
    assert stream.purse.refusal is None
    ledger.release("o.1", "done", NOW)
    await stream.flows(CHUNK_TOKENS - IN_FLIGHT_TOKENS, CHUNK_TOKENS)
    assert stream.purse.refusal is None and stream.held > FLOOR + PRICE * CHUNK_TOKENS


async def test_the_hold_shrinks_at_once_when_the_provider_tells_the_input(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    before = stream.held
    stream.meter.usage = Usage(input_tokens=100)
    await stream.sees(1)
    assert stream.held == before - 2 * 400
    asked = stream.meter.asked
    await stream.sees(2)
    assert stream.meter.asked == asked


async def test_more_input_than_was_bounded_is_held_for_where_there_is_so_much(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    before = stream.held
    stream.meter.usage = Usage(input_tokens=700)
    await stream.sees(1)
    assert stream.held == before + 2 * 200 and stream.purse.refusal is None


async def test_more_input_than_was_bounded_ends_the_answer_where_there_is_not_so_much(ledger: MemoryLedger) -> None:
    stream = Stream(ledger, limit=FLOOR + PRICE * CHUNK_TOKENS)
    await stream.begin()
    stream.meter.usage = Usage(input_tokens=700)
    await stream.sees(1)
    assert stream.stopped == 1


async def test_a_provider_that_tells_it_last_is_not_asked_for_ever(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    for seen in range(50):
        await stream.sees(seen)
    assert stream.meter.asked == 4


async def test_a_frozen_account_ends_it_at_the_next_raise(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    await stream.sees(10)
    await ledger.control(Control(id="f", kind="freeze", target="team", since=NOW, by="admin"))
    await stream.sees(200)
    assert stream.purse.refusal is None
    await stream.sees(CHUNK_TOKENS // 2)
    assert stream.stopped == 1 and stream.told[0] is not None and stream.told[0].frozen


async def test_a_ledger_that_is_away_ends_it_only_where_its_hold_ends(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await Stream(ledger, limit=10**9).begin()

    async def away(*_: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(ledger, "extend", away)
    await stream.flows(0, CHUNK_TOKENS - IN_FLIGHT_TOKENS - 4)
    assert stream.purse.refusal is None
    await stream.sees(CHUNK_TOKENS)
    assert stream.told == [None] and stream.stopped == 1


async def test_what_may_have_been_made_and_was_not_looked_at_is_held_for_until_it_was(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    await stream.sees(4)
    before = stream.held
    await stream.purse.wait(2_000)
    assert stream.held >= FLOOR + PRICE * (4 + 2_000 + IN_FLIGHT_TOKENS) > before
    await stream.sees(1_000)
    held = stream.held
    stream.purse.caught_up()
    await stream.sees(1_004)
    assert stream.held == held and not stream.allowance.over


async def test_what_cannot_be_held_for_any_more_ends_the_answer_of_a_caller_that_takes_nothing(
    ledger: MemoryLedger,
) -> None:
    stream = await Stream(ledger, limit=FLOOR + PRICE * 4_000).begin()
    await stream.sees(4)
    for _ in range(50):
        await stream.purse.wait(100)
    assert stream.stopped == 1 and stream.held <= stream.hold.limit


async def test_budgets_that_only_watch_never_end_it_and_are_remembered(ledger: MemoryLedger) -> None:
    stream = Stream(ledger, limit=FLOOR + PRICE * 3_000)
    watched = msgspec.structs.replace(stream.hold, enforced=False)
    stream.reservation = msgspec.structs.replace(stream.reservation, holds=(watched,))
    await stream.begin()
    await stream.flows(0, 6_000)
    assert stream.purse.refusal is None and stream.purse.would_refuse == {0}


async def test_silence_is_held_for_as_it_lasts(ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    await stream.sees(4)
    before, now_ns = stream.held, time.monotonic_ns()
    monkeypatch.setattr(purse.time, "monotonic_ns", lambda: now_ns + 10_000_000_000)
    await stream.purse._look_at_it()
    # Ten seconds of four hundred tokens each: a tool call, or a thought, that is shown as a whole or never.
    assert stream.held >= FLOOR + PRICE * 4_000 > before
    assert stream.purse.unseen_tokens() >= 4_000


async def test_silence_that_cannot_be_held_for_ends_the_answer(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await Stream(ledger, limit=FLOOR + PRICE * 3_000).begin()
    await stream.sees(4)
    now_ns = time.monotonic_ns()
    monkeypatch.setattr(purse.time, "monotonic_ns", lambda: now_ns + 60_000_000_000)
    await stream.purse._look_at_it()
    assert stream.stopped == 1 and stream.held <= stream.hold.limit


async def test_an_answer_that_is_held_as_a_whole_is_ended_when_it_is_frozen(ledger: MemoryLedger) -> None:
    stream = Stream(ledger, limit=10**9)
    await stream.begin()
    whole = Purse(stream.world, stream.reservation.id, None, stream._stops, stream._stop)
    whole.close()
    await whole._look_at_it()
    assert whole.refusal is None
    await ledger.control(Control(id="f", kind="freeze", target="team", since=NOW, by="admin"))
    await whole._look_at_it()
    assert whole.refusal is not None and stream.stopped == 1


async def test_it_is_looked_at_every_while_until_it_is_over(ledger: MemoryLedger) -> None:
    stream = Stream(ledger, limit=10**9)
    assert isinstance(await ledger.reserve(stream.reservation, NOW), Held)
    stream.purse._tick()
    assert stream.purse._look is not None
    await stream.purse._look
    stream.purse.close()
    assert stream.purse._timer.cancelled()


async def test_what_cannot_be_followed_is_held_for_as_a_whole_or_ended(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    await stream.purse.take_all()
    assert stream.held == quote().amount
    poor = await Stream(MemoryLedger(), limit=FLOOR + PRICE * 3_000).begin()
    await poor.purse.take_all()
    assert poor.stopped == 1


async def test_an_input_of_nothing_is_not_believed(ledger: MemoryLedger) -> None:
    stream = await Stream(ledger, limit=10**9).begin()
    before = stream.held
    stream.meter.usage = Usage(input_tokens=0)
    await stream.sees(1)
    assert stream.held == before
