"""Keeping watch: what somebody wants to know becomes an event in the outbox, once.

Accounts are looked at every two seconds, in steps of some hundred with the requests' turns between them; the entries of
the ledger are asked less often, the dearer the question the rarer. The events of one look are kept before what was seen
is remembered, so a crash in between tells them again, and the store's unique key makes that nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from tollway.alerts import Event, telling
from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.pricing.calibration import Calibrated
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger, Outbox, Records
from tollway.workers.deliver import Deliveries, Sender, deliver
from tollway.workers.watched_accounts import Accounts, Asked, MakeId, asked_of, slot_of
from tollway.workers.watched_policies import BucketLimits
from tollway.workers.watched_records import Failing, Questions

log = logging.getLogger("tollway.workers")

LOOK_EVERY_S = 2.0
ASK_EVERY_S = 3.0
ACCOUNTS_AT_ONCE = 1_000
EVENTS_AT_ONCE = 200
MOST_RECALLED = 10_000
"""Events of a budget with a rolling window that are read at the start, to know what was told of it."""
# A tenth of the event loop's time, and of the database's readers', goes into watching, unless that would take too long.
_SHARE = 10
LONGEST_PAUSE_S = 2.5
LONGEST_ASK_PAUSE_S = 60.0


class Alerting(Protocol):
    """The parts of a store that alerts need."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def records(self) -> Records: ...

    @property
    def outbox(self) -> Outbox: ...


class Watch:
    """One gateway's watch; `turn` is one look at every account, `ask` one round of questions."""

    def __init__(
        self,
        ledger: Ledger,
        records: Records,
        outbox: Outbox,
        settings: Callable[[], Snapshot],
        calendar: Calendar,
        new_id: MakeId,
        learned: Callable[[], Iterable[Calibrated]] = tuple,
        tell_now: Callable[[Event], None] = lambda _: None,
        raised: Callable[[], None] = lambda: None,
        failing: Callable[[], Iterable[Failing]] = tuple,
    ) -> None:
        """`tell_now` sends an event that the outbox cannot keep, because the store is what is broken; `raised` is called
        when it has kept some."""
        self._ledger = ledger
        self._outbox = outbox
        self._settings = settings
        self._new_id = new_id
        self._tell_now = tell_now
        self._raised = raised
        self._accounts = Accounts(ledger, calendar, new_id)
        self._questions = Questions(records, new_id, learned, failing)
        self._asked: dict[str, Asked] = {}
        self._of: Snapshot | None = None
        self._limits = BucketLimits(settings())
        self._recalled: set[str] = set()
        self._unkept: dict[str, Event] = {}
        """Events about the store that were told without it, by key."""

    async def turn(self, now: int) -> int:
        """Looks at every account that somebody wants to know something of; returns how many events are new.

        A store that is away is told of, and tried again next turn.
        """
        try:
            await self._ledger.flush()
            if self._unkept:
                await self._outbox.raise_(*self._unkept.values())
                self._unkept.clear()
            return await self._look(now)
        except StoreUnavailable as error:
            log.error("alerts wait for the store: %s", error)
            self._tell_of_store(error, now)
            return 0

    async def ask(self, now: int) -> int:
        """Asks the ledger's entries what the rules want to know of them; returns how many events are new."""
        snapshot = self._settings()
        try:
            new = await self._raise(await self._questions.ask(snapshot, now), now)
        except StoreUnavailable as error:
            log.error("alerts wait for the store: %s", error)
            return 0
        self._questions.kept(snapshot)
        return new

    async def _look(self, now: int) -> int:
        snapshot = self._settings()
        if snapshot is not self._of:
            self._take_over(snapshot)
        self._limits.begin()
        new = 0
        for asked in tuple(self._asked.values()):
            await self._recall(asked)
            names = self._accounts.names(asked.budget)
            for first in range(0, len(names), ACCOUNTS_AT_ONCE):
                some = names[first : first + ACCOUNTS_AT_ONCE]
                events, keep = self._accounts.look(asked, some, now, self._limits)
                new += await self._raise(events, now)
                keep()
                # The requests' turn.
                await asyncio.sleep(0)
            self._accounts.done(asked, now)
        return new

    def _take_over(self, snapshot: Snapshot) -> None:
        fresh = {asked.budget.id: asked for asked in asked_of(snapshot)}
        for budget_id in {*self._asked, *fresh}:
            if self._asked.get(budget_id) != fresh.get(budget_id):
                self._accounts.forget(budget_id)
        self._asked, self._of, self._limits = fresh, snapshot, BucketLimits(snapshot)

    async def _recall(self, asked: Asked) -> None:
        """A rolling window has no start that would make its events one: what was told of it last is read once."""
        budget = asked.budget
        if budget.id in self._recalled:
            return
        if self._accounts.rolls(budget):
            past: list[Event] = []
            before: str | None = None
            while len(past) < MOST_RECALLED:
                page = await self._outbox.events(limit=500, before=before, budget=budget.id)
                past += page
                if len(page) < 500:
                    break
                before = page[-1].id
            self._accounts.recall(past)
        self._recalled.add(budget.id)

    async def _raise(self, events: Sequence[Event], now: int) -> int:
        if not events:
            return 0
        snoozes = await self._outbox.snoozes(now)
        new = 0
        for first in range(0, len(events), EVENTS_AT_ONCE):
            kept = [
                msgspec.structs.replace(event, channels=())
                if event.channels and any(snooze.silences(event) for snooze in snoozes)
                else event
                for event in events[first : first + EVENTS_AT_ONCE]
            ]
            new += len(await self._outbox.raise_(*kept))
        if new:
            self._raised()
        return new

    def _tell_of_store(self, error: StoreUnavailable, now: int) -> None:
        for rule in self._settings().alert_rules:
            if rule.when != "store":
                continue
            slot = slot_of(rule, now)
            events = [telling.unavailable(str(error), rule=rule.name, slot=slot, at=now, event_id=self._new_id(now))]
            if waiting := self._ledger.unwritten.waiting:
                events.append(telling.unwritten(waiting, rule=rule.name, slot=slot, at=now, event_id=self._new_id(now)))
            for event in events:
                if event.key not in self._unkept:
                    # Kept for the history once that is possible; it is on its way without it.
                    self._unkept[event.key] = event
                    self._tell_now(msgspec.structs.replace(event, channels=rule.channels))


async def keep_watch(
    watch: Watch, clock: Clock, every_s: float = LOOK_EVERY_S, ask_every_s: float = ASK_EVERY_S
) -> None:
    """Runs until cancelled."""

    async def again(step: Callable[[int], Awaitable[int]], pause_s: float, longest_s: float) -> None:
        while True:
            began = time.monotonic()
            try:
                await step(clock.now())
            except Exception:
                # A defect in an alert must not end this worker, and the gateway with it.
                log.exception("alerts could not be looked for")
            took_s = time.monotonic() - began
            await asyncio.sleep(max(pause_s, min(took_s * (_SHARE - 1), longest_s)))

    async with asyncio.TaskGroup() as both:
        both.create_task(again(watch.turn, every_s, LONGEST_PAUSE_S))
        both.create_task(again(watch.ask, ask_every_s, LONGEST_ASK_PAUSE_S))


async def run_alerts(
    store: Alerting,
    settings: Callable[[], Snapshot],
    calendar: Calendar,
    clock: Clock,
    new_id: MakeId,
    learned: Callable[[], Iterable[Calibrated]] = tuple,
    failing: Callable[[], Iterable[Failing]] = tuple,
) -> None:
    """Keeps watch and delivers, until cancelled. `new_id` makes an id of an instant (`Ids.new`)."""
    sender = Sender()
    deliveries = Deliveries(store.outbox, lambda: settings().channels, sender, clock)
    watch = Watch(
        store.ledger,
        store.records,
        store.outbox,
        settings,
        calendar,
        new_id,
        learned,
        tell_now=deliveries.tell_now,
        raised=deliveries.wake,
        failing=failing,
    )
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(keep_watch(watch, clock))
            both.create_task(deliver(deliveries))
    finally:
        await sender.aclose()
