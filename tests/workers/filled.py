"""A ledger with traffic, and settings that change under it."""

from importlib import resources
from itertools import count

import msgspec

from tollway.budgets.desired import legs_of
from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Calendar
from tollway.document import compile_document
from tollway.document.text import parse
from tollway.exchange.selection import facts_of_entry
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.reservation import Held, Hold, Reservation
from tollway.money import LARGEST, Money
from tollway.pricing.charge import Charge
from tollway.pricing.price import FILE, PriceBook
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Store
from tollway.workers.backfill import Backfill
from tollway.workers.difference import since_of

BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())

HOUR = 3_600_000
START = 1_782_907_200_000
"""2026-07-01T12:00:00Z."""

_PROVIDERS = 'providers: {openai: {api_key: "none"}}\n'


def snapshot_of(*budgets: str, revision: int = 1) -> Snapshot:
    """Settings with these budgets, each a line of YAML in braces."""
    text = _PROVIDERS + ("budgets:\n" + "".join(f"  - {budget}\n" for budget in budgets) if budgets else "")
    return compile_document(
        parse(text), resolve=lambda reference, _: reference, book=BOOK, pepper=b"p", revision=revision, text=text
    )


class Filled:
    """One store, one clock, and the settings in force."""

    def __init__(self, store: Store, *, grace_ms: int = 0) -> None:
        self.store = store
        self.now = START
        self.calendar = Calendar()
        self.snapshot = snapshot_of()
        self._grace_ms = grace_ms
        self._numbers = count(1)
        self.entries: list[LedgerEntry] = []
        """Everything that was spent, openings left out."""
        self.start()

    def start(self) -> None:
        """A new process, as far as back-fill goes."""
        self.backfill = Backfill(
            self.store.ledger, self.store.budgets, self.calendar, lambda: self.now, grace_ms=self._grace_ms
        )

    async def change(self, *budgets: str, crashed: bool = False) -> list[str]:
        """Puts these budgets in force; the ids of those that were computed."""
        fresh = snapshot_of(*budgets, revision=self.snapshot.revision + 1)

        def put_in_force() -> None:
            self.snapshot = fresh

        return list(await self.backfill.take_over(fresh, put_in_force, crashed=crashed))

    async def open(self, user: str = "alice", team: str = "ml", amount: int = 100) -> Reservation:
        """A request that is admitted under the settings in force."""
        context = Context(gateway="default", provider="openai", model="gpt-4o", user=user, metadata={"team": team})
        number = next(self._numbers)
        reservation = Reservation(
            f"r{number}.1",
            f"r{number}",
            1,
            self._holds(context, amount),
            self.now,
            self.now + HOUR,
            amount,
            msgspec.msgpack.encode(context),
        )
        assert isinstance(await self.store.ledger.reserve(reservation, self.now), Held)
        return reservation

    def close(self, reservation: Reservation, amount: int) -> LedgerEntry:
        """Its answer has come, and cost so much."""
        entry = LedgerEntry(
            id=entry_id(reservation.request_id, 1, "charge"),
            reservation_id=reservation.id,
            request_id=reservation.request_id,
            attempt=1,
            kind="charge",
            charge=Charge(Money(amount)),
            legs=tuple((hold.account, hold.bucket) for hold in reservation.holds),
            context=msgspec.msgpack.decode(reservation.context, type=Context),
            occurred_at=reservation.opened_at,
            recorded_at=self.now,
        )
        return self._settled(entry)

    def correct(self, entry: LedgerEntry, amount: int) -> LedgerEntry:
        """What a correction of an earlier entry books: where that was booked."""
        corrections = sum(e.request_id == entry.request_id for e in self.entries)
        identity = entry_id(entry.request_id, 1, "correction", corrections)
        charge = Charge(Money(amount))
        return self._settled(msgspec.structs.replace(entry, id=identity, kind="correction", charge=charge))

    async def spend(self, user: str = "alice", team: str = "ml", amount: int = 100) -> LedgerEntry:
        return self.close(await self.open(user, team, amount), amount)

    def should(self) -> dict[str, int]:
        """What each account should have spent in the window of now, added up from the entries."""
        found: dict[str, int] = {}
        for budget in self.snapshot.budgets:
            since = since_of(budget, self.calendar, self.now)
            for entry in self.entries:
                facts = facts_of_entry(entry.context, self.snapshot, entry.occurred_at)
                for account, bucket in legs_of(budget, facts, entry.occurred_at, self.calendar):
                    if bucket >= since:
                        found[account] = found.get(account, 0) + entry.charge.amount
        return {account: amount for account, amount in found.items() if amount}

    def does(self) -> dict[str, int]:
        """What each account of a budget that is in force has spent, as a request would be checked against it."""
        found: dict[str, int] = {}
        for budget in self.snapshot.budgets:
            if budget.enabled:
                names = tuple(self.store.ledger.accounts(budget.id))
                placed = holds((Claim(budget, names),), 0, self.now, self.calendar)
                since = since_of(budget, self.calendar, self.now)
                wide = [msgspec.structs.replace(hold, since=since) for hold in placed]
                found |= {b.account: b.spent for b in self.store.ledger.balances(wide) if b.spent}
        return found

    def _holds(self, context: Context, amount: int) -> tuple[Hold, ...]:
        facts = facts_of_entry(context, self.snapshot, self.now)
        return tuple(
            Hold(account, bucket, self.calendar.span(budget.window, self.now).since, amount, LARGEST, enforced=False)
            for budget in self.snapshot.budgets
            for account, bucket in legs_of(budget, facts, self.now, self.calendar)
        )

    def _settled(self, entry: LedgerEntry) -> LedgerEntry:
        assert self.store.ledger.settle(entry)
        self.entries.append(entry)
        return entry
