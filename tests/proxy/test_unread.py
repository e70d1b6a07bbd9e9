"""What a provider may have made while its caller took nothing."""

import asyncio
from typing import Any

import pytest

from tollway.proxy import unread
from tollway.proxy.unread import TOKENS_PER_S, Unread


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ns = 1
        monkeypatch.setattr(unread.time, "monotonic_ns", lambda: self.ns)

    def passes(self, seconds: float) -> None:
        self.ns += int(seconds * 1_000_000_000)


class Purse:
    def __init__(self) -> None:
        self.waited: list[int] = []
        self.caught = 0
        self.refusal: object = None
        self.ended_ns = 0

    metered = True

    def unseen_tokens(self) -> int:
        return 0 if self.caught else sum(self.waited)

    async def wait(self, tokens: int) -> None:
        self.waited.append(tokens)

    def caught_up(self) -> None:
        self.caught += 1


class Answer:
    def __init__(self, clock: Clock, takes_s: float) -> None:
        self._clock, self._takes_s = clock, takes_s

    async def read(self) -> bytes:
        self._clock.passes(self._takes_s)
        return b"piece"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Seen:
    output_bytes = 0


def behind(purse: Purse | None = None, meter: Seen | None = None) -> Unread:
    taken: Any = purse
    seen: Any = meter or Seen()
    return Unread(seen, taken)


async def test_a_caller_that_keeps_up_costs_nothing(clock: Clock) -> None:
    answer: Any = Answer(clock, 60)
    late = behind()
    assert await late.read(answer) == b"piece"
    assert late.tokens() == 0


async def test_the_time_a_caller_takes_nothing_is_told_in_tokens_and_held_for(clock: Clock) -> None:
    purse = Purse()
    late = behind(purse)

    async def sending() -> None:
        clock.passes(2)

    await late.send(sending())
    assert late.tokens() == 2 * TOKENS_PER_S
    assert purse.waited == [2 * TOKENS_PER_S]


async def test_an_answer_that_was_ended_is_not_made_any_more(clock: Clock) -> None:
    purse = Purse()
    purse.refusal = "spent"
    late = behind(purse)

    async def sending() -> None:
        clock.passes(2)

    await late.send(sending())
    assert late.tokens() == 0 and purse.waited == []


async def test_many_short_waits_are_not_less_than_one_long_one(clock: Clock) -> None:
    purse = Purse()
    late = behind(purse)

    async def sending() -> None:
        clock.passes(0.001)

    for _ in range(1_000):
        await late.send(sending())
    assert late.tokens() == sum(purse.waited) >= TOKENS_PER_S


@pytest.mark.parametrize(("takes_s", "left"), [(0.001, TOKENS_PER_S), (0.5, 0)])
async def test_a_provider_that_has_to_be_waited_for_has_nothing_more_to_show(
    clock: Clock, takes_s: float, left: int
) -> None:
    purse = Purse()
    late = behind(purse)

    async def sending() -> None:
        clock.passes(1)

    await late.send(sending())
    answer: Any = Answer(clock, takes_s)
    await late.read(answer)
    assert late.tokens() == left and purse.caught == (not left)


async def test_what_is_seen_of_it_is_no_longer_unseen(clock: Clock) -> None:
    meter = Seen()
    late = behind(meter=meter)
    meter.output_bytes = 50

    async def sending() -> None:
        clock.passes(1)

    await late.send(sending())
    meter.output_bytes += 150
    answer: Any = Answer(clock, 0)
    await late.read(answer)
    assert late.tokens() == TOKENS_PER_S - 150
    meter.output_bytes += 10_000
    await late.read(answer)
    assert late.tokens() == 0


async def test_a_caller_that_leaves_while_it_takes_nothing_is_noticed(clock: Clock) -> None:
    late = behind()

    async def sending() -> None:
        await asyncio.Event().wait()

    waiting = asyncio.create_task(late.send(sending()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
