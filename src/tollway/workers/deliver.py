"""Delivering events from the outbox: each to every channel it names, until it has arrived, at least once.

Each channel has a lane of its own: one that is slow or dead fills its lane and delays no other. After a failure a lane
rests, ever longer, so that what waits for a dead channel is not tried in vain one by one. A crash between an arrival and
its note sends an event again, with the same id.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from tollway.alerts import Channel, Delivery, Event
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.storage.protocol import Outbox
from tollway.workers.by_apprise import ByApprise
from tollway.workers.webhook import Outcome, send_webhook

log = logging.getLogger("tollway.workers")

LOOK_EVERY_S = 1.0
AT_ONCE = 4
"""Deliveries to one channel at a time."""
LONGEST_LANE = 100
"""Deliveries of one channel that are kept in memory; what is beyond is put off."""
PAGE = 200
FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 60 * 60_000
GIVE_UP_MS = 3 * 24 * 3_600_000
FEWEST_ATTEMPTS = 8
"""However old an event is: a gateway that was off for a week still tries."""
_PUT_OFF_MS = 30_000
_ATTEMPT_S = 60.0

Send = Callable[[Channel, Event, int], Awaitable[Outcome]]
"""One attempt at an instant (Unix milliseconds)."""


def backoff_ms(attempts: int, draw: float) -> int:
    """How long to wait after so many attempts: 5 s, doubled each time up to an hour, of which `draw` (from 0 to 1) decides
    half, so that those who failed together do not come back together."""
    whole = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(attempts - 1, 20))
    return whole // 2 + int(whole * draw) // 2


class _Lane:
    """One channel's deliveries."""

    __slots__ = ("failures", "name", "rests_until", "running", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: deque[Delivery] = deque()
        self.running = 0
        self.failures = 0
        """In a row."""
        self.rests_until = 0


class Deliveries:
    """What is on its way. `turn` starts what is due; `idle` waits for what was started."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Callable[[], Mapping[str, Channel]],
        send: Send,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._send = send
        self._clock = clock
        self._draw = draw
        self._lanes: dict[str, _Lane] = {}
        self._known: set[tuple[str, str]] = set()
        """(event, channel) of deliveries that wait in a lane or are under way."""
        self._unkept: dict[tuple[str, str], Delivery] = {}
        """Deliveries of events that the store could not keep."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something new: `wait` returns at once."""
        self._woken.set()

    async def wait(self, most_s: float) -> None:
        """Returns when `wake` is called, or after that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._woken.wait()
        self._woken.clear()

    def tell_now(self, event: Event) -> None:
        """Sends an event that the outbox cannot keep, because the store is what is broken; tried again as any other."""
        for name in event.channels:
            self._unkept[event.id, name] = Delivery(event=event, channel=name, due_at=event.at)
        self.wake()

    async def turn(self) -> int:
        """Starts what is due, and puts off what cannot be started; returns how many deliveries were either."""
        now, moved = self._clock.now(), 0
        for place, delivery in tuple(self._unkept.items()):
            if delivery.due_at <= now and place not in self._known:
                moved += await self._take(delivery, now)
        if not self._channels():
            return moved
        known = set(self._known)
        for delivery in await self._outbox.due(now, PAGE + len(known)):
            # One that was known when we began to ask may have arrived while we asked.
            if (delivery.event.id, delivery.channel) not in known:
                moved += await self._take(delivery, now)
        return moved

    async def idle(self) -> None:
        """Returns once nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def aclose(self) -> None:
        """Ends what is under way; it is tried again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, delivery: Delivery, now: int) -> int:
        lane = self._lanes.setdefault(delivery.channel, _Lane(delivery.channel))
        if now < lane.rests_until or len(lane.waiting) >= LONGEST_LANE:
            rested = max(now + _PUT_OFF_MS, lane.rests_until) + int(_PUT_OFF_MS * self._draw())
            await self._keep(msgspec.structs.replace(delivery, due_at=rested))
            return 1
        self._known.add((delivery.event.id, delivery.channel))
        lane.waiting.append(delivery)
        self._start(lane)
        return 1

    def _start(self, lane: _Lane) -> None:
        # A lane that has just failed tries with one at a time; apprise has one process for each channel.
        channel = self._channels().get(lane.name)
        most = 1 if lane.failures or (channel is not None and channel.kind == "apprise") else AT_ONCE
        while lane.waiting and lane.running < most:
            lane.running += 1
            task = asyncio.get_running_loop().create_task(self._carry(lane, lane.waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, lane: _Lane, delivery: Delivery) -> None:
        try:
            now = self._clock.now()
            if now < lane.rests_until:
                await self._keep(msgspec.structs.replace(delivery, due_at=lane.rests_until))
                return
            outcome = await self._attempt(delivery, now)
            now = self._clock.now()
            tried = msgspec.structs.replace(delivery, attempts=delivery.attempts + 1, error=outcome.said)
            if outcome.arrived:
                lane.failures = lane.rests_until = 0
                await self._keep(msgspec.structs.replace(tried, arrived_at=now))
                return
            if now >= lane.rests_until:
                # Those that were under way together have failed together.
                lane.failures += 1
                lane.rests_until = now + backoff_ms(lane.failures, self._draw())
            old = now - delivery.event.at >= GIVE_UP_MS and tried.attempts >= FEWEST_ATTEMPTS
            if old or outcome.final:
                log.error("alert %s was given up for channel %s: %s", delivery.event.id, delivery.channel, outcome.said)
                await self._keep(msgspec.structs.replace(tried, given_up=True))
                return
            log.warning("alert %s did not reach channel %s: %s", delivery.event.id, delivery.channel, outcome.said)
            wait = backoff_ms(tried.attempts, self._draw())
            await self._keep(msgspec.structs.replace(tried, due_at=max(now + wait, lane.rests_until)))
        except StoreUnavailable as error:
            # Not noted: it is sent again, with the same id.
            log.error("an alert's delivery was not noted: %s", error)
        finally:
            self._known.discard((delivery.event.id, delivery.channel))
            lane.running -= 1
            self._start(lane)

    async def _attempt(self, delivery: Delivery, now: int) -> Outcome:
        channel = self._channels().get(delivery.channel)
        if channel is None:
            return Outcome(False, f'the settings have no channel "{delivery.channel}"')
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                return await self._send(channel, delivery.event, now)
        except TimeoutError:
            return Outcome(False, f"it took longer than {_ATTEMPT_S:g} s")
        except Exception as error:
            # A defect in one channel must not end the worker, and the gateway with it.
            log.exception("alert %s could not be sent to channel %s", delivery.event.id, delivery.channel)
            return Outcome(False, f"a defect: {type(error).__name__}")

    async def _keep(self, delivery: Delivery) -> None:
        place = (delivery.event.id, delivery.channel)
        if place not in self._unkept:
            await self._outbox.tried(delivery)
        elif delivery.arrived_at is not None or delivery.given_up:
            del self._unkept[place]
        else:
            self._unkept[place] = delivery


class Sender:
    """Sends by whatever a channel is. Apprise is loaded by processes of its own, and only when it is needed."""

    def __init__(self) -> None:
        self._by_apprise = ByApprise()

    async def __call__(self, channel: Channel, event: Event, now: int) -> Outcome:
        if channel.kind == "webhook":
            return await send_webhook(channel, event, now)
        return await self._by_apprise.send(channel, event)

    async def aclose(self) -> None:
        await self._by_apprise.aclose()


async def deliver(deliveries: Deliveries, every_s: float = LOOK_EVERY_S) -> None:
    """Runs until cancelled."""
    try:
        while True:
            try:
                # What fills a page is followed by the next at once.
                while await deliveries.turn() >= PAGE:
                    await asyncio.sleep(0)
            except StoreUnavailable as error:
                log.error("alerts wait for the store: %s", error)
            except Exception:
                log.exception("alerts could not be delivered")
            await deliveries.wait(every_s)
    finally:
        await deliveries.aclose()
