"""Delivering: each event to each of its channels, at least once, and no channel waits for another."""

import asyncio
import random
from collections.abc import Mapping

import msgspec
import pytest
from tests.workers.receivers import receiver
from tests.workers.watched import DAY, NOW, SECRET

from tollway.alerts import Channel, Delivery, Event, telling
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.storage.memory import MemoryOutbox
from tollway.workers import deliver as worker
from tollway.workers.deliver import AT_ONCE, LONGEST_LANE, Deliveries, Sender, backoff_ms, deliver
from tollway.workers.webhook import Outcome

NAMES = ("ops", "mail", "dead")
CHANNELS = {name: Channel(name, "webhook", "https://example.com", SECRET) for name in NAMES}


def event(number: int = 1, *channels: str) -> Event:
    made = telling.spent("a", name="a", start=number, percent=80, amount=8, limit=10, at=NOW, event_id=f"{number:06}")
    return msgspec.structs.replace(made, channels=channels or ("ops",))


class World:
    """An outbox, a clock that is set by hand, and channels that fail or hang as told."""

    def __init__(self, outbox: MemoryOutbox | None = None, channels: Mapping[str, Channel] = CHANNELS) -> None:
        self.outbox = outbox or MemoryOutbox()
        self.ms = NOW
        self.sent: list[tuple[str, str]] = []
        self.fails: dict[str, Outcome] = {}
        self.hangs: set[str] = set()
        self.let_go = asyncio.Event()
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        clock = Clock(lambda: self.ms * 1_000_000)
        self.deliveries = Deliveries(self.outbox, lambda: channels, self.send, clock, lambda: 0.5)

    async def send(self, channel: Channel, event: Event, now: int) -> Outcome:
        self.sent.append((channel.name, event.id))
        count = self.running[channel.name] = self.running.get(channel.name, 0) + 1
        self.most[channel.name] = max(count, self.most.get(channel.name, 0))
        try:
            if channel.name in self.hangs:
                await self.let_go.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.running[channel.name] -= 1
        return self.fails.get(channel.name, Outcome(True))

    async def turn(self) -> None:
        await self.deliveries.turn()
        await self.deliveries.idle()

    async def one(self, number: int = 1, channel: str = "ops") -> Delivery:
        found = await self.outbox.deliveries(f"{number:06}")
        return next(delivery for delivery in found if delivery.channel == channel)


async def test_an_event_goes_to_each_of_its_channels_once() -> None:
    world = World()
    await world.outbox.raise_(event(1, "ops", "mail"), event(2))
    await world.turn()
    await world.turn()
    assert sorted(world.sent) == [("mail", "000001"), ("ops", "000001"), ("ops", "000002")]
    assert (await world.one()).arrived_at == NOW


async def test_what_fails_is_tried_again_ever_later_and_keeps_its_error() -> None:
    world = World()
    world.fails["ops"] = Outcome(False, "status 500")
    await world.outbox.raise_(event())
    waits: list[int] = []
    for attempt in range(1, 6):
        await world.turn()
        stands = await world.one()
        assert (stands.attempts, stands.error, stands.arrived_at) == (attempt, "status 500", None)
        waits.append(stands.due_at - world.ms)
        world.ms = stands.due_at
    assert waits == [backoff_ms(n, 0.5) for n in range(1, 6)]
    world.fails.clear()
    await world.turn()
    assert (await world.one()).arrived_at == world.ms
    assert len(world.sent) == 6


@pytest.mark.parametrize(
    ("attempts", "least", "most"), [(1, 2_500, 5_000), (2, 5_000, 10_000), (60, 1_800_000, 3_600_000)]
)
def test_the_wait_doubles_up_to_an_hour_and_half_of_it_is_drawn(attempts: int, least: int, most: int) -> None:
    assert (backoff_ms(attempts, 0.0), backoff_ms(attempts, 1.0)) == (least, most)


async def test_after_some_days_it_is_given_up_and_the_error_is_kept() -> None:
    world = World()
    world.fails["ops"] = Outcome(False, "status 500")
    await world.outbox.raise_(event())
    while not (stands := await world.one()).given_up:
        world.ms = max(world.ms, stands.due_at)
        await world.turn()
    assert stands.error == "status 500"
    assert 3 * DAY <= world.ms - NOW < 3 * DAY + 3_600_000
    assert await world.outbox.due(NOW + 1_000 * DAY, 10) == []


async def test_however_old_an_event_is_it_is_tried_some_times() -> None:
    world = World()
    world.fails["ops"] = Outcome(False, "no network yet")
    await world.outbox.raise_(event())
    world.ms = NOW + 30 * DAY
    await world.turn()
    assert not (await world.one()).given_up


async def test_who_wants_nothing_more_is_not_asked_again() -> None:
    world = World()
    world.fails["ops"] = Outcome(False, "status 410", final=True)
    await world.outbox.raise_(event())
    await world.turn()
    assert (await world.one()).given_up


async def test_a_channel_that_hangs_delays_no_other() -> None:
    world = World()
    world.hangs.add("dead")
    await world.outbox.raise_(*(event(n, "dead") for n in range(1, 1_000)), event(5_000, "ops"))
    for _ in range(10):
        await world.deliveries.turn()
    for _ in range(5):
        await asyncio.sleep(0)
    assert ("ops", "005000") in world.sent
    assert world.most["dead"] == AT_ONCE
    world.let_go.set()
    await world.deliveries.aclose()


async def test_a_dead_channel_is_not_tried_in_vain_for_everything_that_waits_for_it() -> None:
    world = World()
    world.fails["dead"] = Outcome(False, "refused")
    await world.outbox.raise_(*(event(n, "dead") for n in range(1, 3_000)))
    for _ in range(60):
        await world.turn()
        world.ms += 1_000
    assert len(world.sent) < 40
    world.fails.clear()
    # As it comes back, everything arrives, each of them once more at most.
    while await world.outbox.due(NOW + DAY, 1):
        await world.turn()
        world.ms += 10_000
    assert set(world.sent) == {("dead", f"{n:06}") for n in range(1, 3_000)}
    assert len(world.sent) < 3_100


async def test_a_lane_keeps_no_more_in_memory_than_it_may() -> None:
    world = World()
    world.hangs.add("ops")
    await world.outbox.raise_(*(event(n) for n in range(1, 2 * LONGEST_LANE + 50)))
    for _ in range(3):
        await world.deliveries.turn()
    assert len(world.deliveries._known) <= LONGEST_LANE + AT_ONCE
    await world.deliveries.aclose()


async def test_a_channel_that_the_settings_have_no_more_is_an_error_that_may_pass() -> None:
    world = World()
    await world.outbox.raise_(event(1, "gone"))
    await world.turn()
    stands = await world.one(1, "gone")
    assert 'no channel "gone"' in stands.error and not stands.given_up


async def test_without_channels_the_store_is_not_asked() -> None:
    class Silent(MemoryOutbox):
        async def due(self, now: int, limit: int) -> list[Delivery]:
            raise AssertionError("asked")

    world = World(Silent(), {})
    assert await world.deliveries.turn() == 0


async def test_a_defect_in_one_channel_is_an_attempt_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(channel: Channel, event: Event, now: int) -> Outcome:
        raise ZeroDivisionError

    world = World()
    world.deliveries._send = broken
    await world.outbox.raise_(event())
    await world.turn()
    assert (await world.one()).error == "a defect: ZeroDivisionError"
    assert "could not be sent" in caplog.text


async def test_an_arrival_that_could_not_be_noted_is_sent_again_with_the_same_id() -> None:
    class Forgetful(MemoryOutbox):
        away = True

        async def tried(self, delivery: Delivery) -> None:
            if self.away:
                raise StoreUnavailable("the disk is full")
            await super().tried(delivery)

    outbox = Forgetful()
    world = World(outbox)
    await outbox.raise_(event())
    await world.turn()
    outbox.away = False
    await world.turn()
    await world.turn()
    assert world.sent == [("ops", "000001")] * 2


async def test_what_the_store_cannot_keep_is_told_without_it_until_it_arrives() -> None:
    class Away(MemoryOutbox):
        async def due(self, now: int, limit: int) -> list[Delivery]:
            raise StoreUnavailable("the disk is full")

        tried = raise_ = due  # type: ignore[assignment]

    world = World(Away())
    world.fails["ops"] = Outcome(False, "refused")
    world.deliveries.tell_now(event(1, "ops", "mail"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await world.deliveries.turn()
        await world.deliveries.idle()
        world.fails.clear()
        world.ms += 10_000
    assert sorted(world.sent) == [("mail", "000001"), ("ops", "000001"), ("ops", "000001")]


async def test_a_kill_between_raise_and_delivery_loses_nothing_and_keeps_the_id() -> None:
    async with receiver() as hook:
        channels = {"ops": Channel("ops", "webhook", hook.url, SECRET, allow_private=True, allow_http=True)}
        outbox = MemoryOutbox()
        await outbox.raise_(event())
        hook.hang = True
        first = Deliveries(outbox, lambda: channels, Sender(), Clock(lambda: NOW * 1_000_000), lambda: 0.5)
        await first.turn()
        while not hook.requests:
            await asyncio.sleep(0.001)
        await first.aclose()  # it had the event, and we do not know
        hook.hang = False
        second = Deliveries(outbox, lambda: channels, Sender(), Clock(lambda: NOW * 1_000_000), lambda: 0.5)
        await second.turn()
        await second.idle()
        assert await second.turn() == 0
    assert [request.headers["webhook-id"] for request in hook.requests] == ["000001"] * 2
    assert hook.requests[0].body == hook.requests[1].body


async def test_the_worker_goes_on_until_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    class Shaky(MemoryOutbox):
        calls = 0

        async def due(self, now: int, limit: int) -> list[Delivery]:
            self.calls += 1
            if self.calls == 1:
                raise StoreUnavailable("the disk is full")
            if self.calls == 2:
                raise ZeroDivisionError
            return list(await super().due(now, limit))

    outbox = Shaky()
    world = World(outbox)
    await outbox.raise_(*(event(n) for n in range(1, worker.PAGE * 2)))
    running = asyncio.create_task(deliver(world.deliveries, every_s=0))
    while len(world.sent) < worker.PAGE * 2 - 1:
        world.ms += 1_000
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "the disk is full" in caplog.text and "could not be delivered" in caplog.text
    assert len(set(world.sent)) == len(world.sent)


async def test_a_thousand_kills_lose_no_event() -> None:
    """Seeded: the process ends anywhere; each event arrives at least once, and is noted in the end."""
    draw = random.Random(7)
    outbox = MemoryOutbox()
    sent: list[str] = []
    number = 0
    for _ in range(1_000):
        world = World(outbox)
        world.sent = [("ops", each) for each in sent]
        if draw.random() < 0.3:
            number += 1
            await outbox.raise_(event(number))
            await outbox.raise_(event(number))
        if draw.random() < 0.2:
            world.fails["ops"] = Outcome(False, "refused")
        world.ms = NOW + number * 60_000
        await world.deliveries.turn()
        for _ in range(draw.randrange(6)):
            await asyncio.sleep(0)
        await world.deliveries.aclose()
        sent = [each for _, each in world.sent]
    last = World(outbox)
    while await outbox.due(NOW + DAY, 1):
        await last.turn()
        last.ms += 60_000
    arrived = set(sent) | {each for _, each in last.sent}
    assert arrived == {f"{n:06}" for n in range(1, number + 1)}
    assert number > 200


async def test_what_is_new_is_not_left_until_the_next_look() -> None:
    world = World()
    running = asyncio.create_task(deliver(world.deliveries, every_s=3_600))
    await asyncio.sleep(0)
    await world.outbox.raise_(event())
    world.deliveries.wake()
    async with asyncio.timeout(5):
        while not world.sent:
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
