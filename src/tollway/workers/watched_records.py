"""Questions to the ledger's entries that alert rules ask: who spends how fast, what has no price, what was lost."""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import msgspec

from tollway.alerts import Event, Rule, telling
from tollway.ledger.entry import LedgerEntry
from tollway.pricing.calibration import Calibrated
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Filter, Records
from tollway.workers.watched_accounts import MakeId, slot_of

RECENT_MS = 15 * 60_000
"""How long after a request began its entry may be booked and still be seen as new here."""
MOST_ENTRIES = 200


Failing = tuple[str, int, str]
"""An export that keeps failing: its job, how often in a row, why."""


class Questions:
    """Asks them, one after the other; what was seen before is told by the store, which keeps each event once."""

    def __init__(
        self,
        records: Records,
        new_id: MakeId,
        learned: Callable[[], Iterable[Calibrated]],
        failing: Callable[[], Iterable[Failing]] = tuple,
    ) -> None:
        """`failing`: the exports that keep failing."""
        self._records = records
        self._new_id = new_id
        self._learned = learned
        self._failing = failing
        self._exceeded: dict[str, int] = {}

    async def ask(self, snapshot: Snapshot, now: int) -> Sequence[Event]:
        """What there is to tell now. Raises StoreUnavailable."""
        events: list[Event] = []
        for rule in snapshot.alert_rules:
            match rule.when:
                case "velocity":
                    found = await self._velocity(rule, now)
                case "unpriced":
                    found = await self._unpriced(rule, now)
                case "store":
                    found = await self._lost(rule, now)
                case "hold_exceeded":
                    found = self._hold_exceeded(rule, now)
                case "export":
                    found = self._exports(rule, now)
                case "spent" | "forecast" | "burn_rate" | "unused" | "test":
                    continue
            events += [msgspec.structs.replace(event, channels=rule.channels) for event in found]
        return events

    async def _velocity(self, rule: Rule, now: int) -> list[Event]:
        rows = await self._records.spend(Filter(since=now - rule.per_s * 1000), rule.split_by)
        events: list[Event] = []
        for row in rows:
            named = tuple(
                (name, value) for name, value in zip(rule.split_by, row.group, strict=True) if value is not None
            )
            if len(named) < len(rule.split_by):
                # Nobody in particular is nobody who could be told to stop.
                continue
            for threshold in rule.at:
                if row.spent >= threshold:
                    slot, new = slot_of(rule, now), self._new_id(now)
                    events.append(
                        telling.velocity(
                            named,
                            rule=rule.name,
                            slot=slot,
                            threshold=threshold,
                            amount=row.spent,
                            per_s=rule.per_s,
                            at=now,
                            event_id=new,
                        )
                    )
        return events

    async def _unpriced(self, rule: Rule, now: int) -> list[Event]:
        models = dict.fromkeys(
            f"{entry.context.provider}/{entry.context.model}" for entry in await self._entries("unpriced", now)
        )
        slot = slot_of(rule, now)
        return [
            telling.unpriced(model, rule=rule.name, slot=slot, at=now, event_id=self._new_id(now)) for model in models
        ]

    async def _lost(self, rule: Rule, now: int) -> list[Event]:
        # A batch is presumed at its bound too, as it is made, at a price; a hold that lapsed or outlived a crash has none.
        slot = slot_of(rule, now)
        lost = [e for e in await self._entries("presumed", now) if e.charge.price_id is None and e.recorded_at >= slot]
        if not lost:
            return []
        amount = sum(entry.charge.amount for entry in lost)
        new = self._new_id(now)
        return [telling.lost(len(lost), rule=rule.name, slot=slot, amount=amount, at=now, event_id=new)]

    def _hold_exceeded(self, rule: Rule, now: int) -> list[Event]:
        events: list[Event] = []
        for model in self._learned():
            name = f"{model.provider}/{model.model}"
            place = f"{rule.name} {name}"
            if model.exceeded > self._exceeded.get(place, 0):
                slot, new = slot_of(rule, now), self._new_id(now)
                events.append(
                    telling.hold_exceeded(name, rule=rule.name, slot=slot, count=model.exceeded, at=now, event_id=new)
                )
        return events

    def _exports(self, rule: Rule, now: int) -> list[Event]:
        slot = slot_of(rule, now)
        return [
            telling.export_fails(
                job, why, failures=failures, rule=rule.name, slot=slot, at=now, event_id=self._new_id(now)
            )
            for job, failures, why in self._failing()
        ]

    def kept(self, snapshot: Snapshot) -> None:
        """What `ask` last found is kept: counts that only ever grow are told again when they have grown."""
        for rule in snapshot.alert_rules:
            if rule.when == "hold_exceeded":
                for model in self._learned():
                    self._exceeded[f"{rule.name} {model.provider}/{model.model}"] = model.exceeded

    async def _entries(self, kind: str, now: int) -> Sequence[LedgerEntry]:
        page = await self._records.entries(
            Filter(since=now - RECENT_MS, equals={"kind": kind}), limit=MOST_ENTRIES, cursor=None
        )
        return cast("Sequence[LedgerEntry]", page.items)
