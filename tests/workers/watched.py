"""Settings with alerts over a store in memory, and someone who spends; processes come and go, the store stays."""

import itertools
from typing import Any

import msgspec
import world

from tollway.alerts import Event
from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Calendar
from tollway.document import compile_document, read_document
from tollway.ids import Ids
from tollway.ledger.entry import Context, Kind, LedgerEntry
from tollway.money import DOLLAR, Money
from tollway.pricing.charge import Charge
from tollway.snapshot import Snapshot
from tollway.storage.memory import MemoryStore
from tollway.workers.alerts import Watch

BOOK = world.book()
DAY = 86_400_000
NOW = 1_782_907_200_000
"""2026-07-01 12:00 UTC."""
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
OPS = {"ops": {"webhook": "https://hooks.example.com/tollway", "secret": SECRET}}


def snapshot(**written: Any) -> Snapshot:
    document = read_document({"channels": OPS, **written})
    return compile_document(document, resolve=lambda reference, _: reference, book=BOOK, pepper=b"p", revision=1)


def budget(name: str = "team", limit: str = "100", period: str = "month", **fields: Any) -> dict[str, Any]:
    return {"name": name, "limit": limit, "window": {"period": period}, **fields}


class Gateway:
    """What a gateway has; `restart` forgets what only a process knew."""

    def __init__(self, **written: Any) -> None:
        self.store = MemoryStore()
        self.settings = snapshot(**written)
        self.calendar = Calendar()
        self.now = NOW
        self.told: list[Event] = []
        """What was told without the store."""
        self.learned: list[Any] = []
        self.failing: list[tuple[str, int, str]] = []
        """Exports that keep failing."""
        self._numbers = itertools.count(1)
        ids = Ids(lambda count: next(self._numbers).to_bytes(count, "big"))
        self.new_id = ids.new
        self.restart()

    def restart(self, **parts: Any) -> None:
        store = self.store
        given: dict[str, Any] = {"ledger": store.ledger, "records": store.records, "outbox": store.outbox} | parts
        self.watch = Watch(
            given["ledger"],
            given["records"],
            given["outbox"],
            lambda: self.settings,
            Calendar(),
            self.new_id,
            lambda: self.learned,
            self.told.append,
            failing=lambda: self.failing,
        )

    def spend(self, dollars: int | float, account: str = "team", *, kind: Kind = "charge", **context: Any) -> None:
        """Books so much now."""
        found = next(b for b in (*self.settings.budgets, *self.settings.buckets) if b.id == account.partition("[")[0])
        (hold,) = holds((Claim(found, (account,)),), 0, self.now, self.calendar)
        number = next(self._numbers)
        entry = LedgerEntry(
            id=f"r{number}.1.{kind}",
            reservation_id=f"r{number}.1",
            request_id=f"r{number}",
            attempt=1,
            kind=kind,
            charge=Charge(Money(int(dollars * DOLLAR)), price_id=None if kind == "presumed" else "p"),
            legs=((hold.account, hold.bucket),),
            context=msgspec.convert({"gateway": "default", "provider": "openai", "model": "gpt-5", **context}, Context),
            occurred_at=self.now,
            recorded_at=self.now,
        )
        assert self.store.ledger.settle(entry)

    async def look(self) -> list[Event]:
        """One turn; the events that are new, oldest first."""
        return await self._new(self.watch.turn)

    async def ask(self) -> list[Event]:
        return await self._new(self.watch.ask)

    async def _new(self, step: Any) -> list[Event]:
        before = {event.id for event in await self.events()}
        count = await step(self.now)
        new = [event for event in await self.events() if event.id not in before]
        assert len(new) == count
        return new

    async def events(self) -> list[Event]:
        return list(await self.store.outbox.events(limit=100_000))[::-1]
