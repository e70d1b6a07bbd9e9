"""The ledger in memory: counters, and a list of entries."""

from collections.abc import Mapping, Sequence

from tollway.errors import StoreUnavailable
from tollway.ledger import journal
from tollway.ledger.control import Control
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.storage.books import Booked, Ended, Renew, Stretch, Unwritten
from tollway.storage.counters import Counters
from tollway.storage.waiting import Admission


class MemoryLedger:
    """`protocol.Ledger` that forgets everything when it goes."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        """Every entry, in the order of settlement."""
        self._ids: set[str] = set()
        self._counters = Counters(self)
        self._admission = Admission(self._counters, placed=lambda _: None, abandoned=self._abandon)

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        self._tell(now)
        return ()

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Held | Exhausted | Gone:
        self._tell(now)
        while True:
            standing = self._counters.standing(reservation)
            if standing is not None:
                return standing
            if (why := self._counters.no_room(reservation)) is not None:
                raise StoreUnavailable(why)
            verdict: Held | Exhausted | None = self._admission.attempt(reservation)
            if type(verdict) is Exhausted and verdict.contended and wait_s > 0:
                verdict = await self._admission.wait(reservation, verdict, wait_s)
            if verdict is not None:
                return verdict

    async def extend(self, reservation_id: str, amount: int, now: int) -> Held | Exhausted | Gone:
        self._tell(now)
        reservation = self._counters.open.get(reservation_id)
        return (
            self._counters.gone(reservation_id) if reservation is None else self._counters.extend(reservation, amount)
        )

    def shrink(self, reservation_id: str, amount: int) -> bool:
        reservation = self._counters.open.get(reservation_id)
        if reservation is None:
            return False
        if self._counters.shrink(reservation, amount):
            self._admission.given_back(reservation.holds)
        return True

    async def control(self, control: Control, now: int | None = None) -> None:
        self._counters.limits.put(control)
        self._tell(control.ended_at if now is None else now)
        self._admission.changed()

    def judge_by(self, renew: Renew) -> None:
        self._counters.renew = renew
        self._admission.renewed()

    def controls(self) -> Sequence[Control]:
        return self._counters.limits.standing()

    def limit(self, hold: Hold) -> int:
        return self._counters.limit(hold)

    async def move(self, opening: LedgerEntry) -> bool:
        return self.settle(opening)

    async def booked(self, *, after: int, since: int, until: int | None = None, limit: int) -> Stretch:
        found = [
            Booked(seq, e.kind, e.charge.amount, e.attempt, e.occurred_at, e.legs, e.context)
            for seq, e in enumerate(self.entries, start=1)
            if seq > after and e.occurred_at >= since and (until is None or e.occurred_at < until)
        ]
        more = len(found) > limit
        return Stretch(found[:limit], found[limit - 1].seq if more else max(after, len(self.entries)), more)

    def settle(self, entry: LedgerEntry) -> bool:
        booked = self._counters.settle(entry)
        if booked is None:
            return False
        self._keep(booked)
        return True

    def beyond(self, entry: LedgerEntry) -> str | None:
        return self._counters.beyond(entry.legs, entry.charge.amount)

    def release(self, reservation_id: str, code: str, now: int) -> bool:
        holds = self._counters.release(reservation_id)
        if holds is None:
            return False
        self._admission.given_back(holds)
        return True

    def sweep(self, now: int) -> Sequence[LedgerEntry]:
        self._tell(now)
        presumed: list[LedgerEntry] = []
        for reservation in self._counters.lapsed(now):
            entry = self._counters.presume(reservation, now)
            self._keep(entry)
            presumed.append(entry)
        return presumed

    def balances(self, holds: Sequence[Hold]) -> tuple[Balance, ...]:
        return self._counters.balances(holds)

    def accounts(self, budget: str) -> Sequence[str]:
        return self._counters.accounts(budget)

    def names(self) -> Sequence[str]:
        return self._counters.names()

    def open_reservations(self) -> Sequence[Reservation]:
        return tuple(self._counters.open.values())

    async def flush(self) -> None:
        return

    async def verify(self) -> Sequence[str]:
        counted = self._counters.snapshot()
        return [
            *self._counters.holds_drift(counted),
            *journal.drift("spent", counted.spent, journal.fold(self.entries)),
        ]

    @property
    def unavailable(self) -> str | None:
        return None

    @property
    def unwritten(self) -> Unwritten:
        return Unwritten(0, 0)

    async def prune(self, now: int) -> bool:
        return False

    async def close(self) -> None:
        return

    def ended(self, reservation_id: str) -> Ended | None:
        """`books.Past`: nothing is ever forgotten, so there is nothing to look up."""
        return None

    def has_entry(self, entry_id: str) -> bool:
        return entry_id in self._ids

    def spent(self, account: str) -> Mapping[int, int]:
        return {}

    def _tell(self, now: int | None) -> None:
        if now is not None and self._counters.limits.tell(now):
            self._admission.changed()

    def _keep(self, entry: LedgerEntry) -> None:
        self._ids.add(entry.id)
        self.entries.append(entry)
        self._admission.booked(entry.legs)

    def _abandon(self, reservation: Reservation) -> None:
        self.release(reservation.id, "cancelled", reservation.opened_at)
