"""What is spent and held on every account, now: the counters of one process, in memory.

Pure and synchronous, so every step is atomic on an event loop: two callers never both get the last dollar. A counter
is a cache. The truth is the ledger's entries and the open reservations (`ledger.journal`), from which it is rebuilt.

    place    checks every hold and places all or none          spent + held never passes a limit here
    settle   gives the holds back and books the true amount     never refuses for lack of money
    release  gives the holds back
    presume  books the bound of a reservation that lapsed       spent + held stays what it was

Reservations that ended are remembered, so that ending one twice changes nothing. What has been forgotten is asked of
`Past`, which the store answers from its unique keys.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import (
    Balance,
    Exhausted,
    Gone,
    Held,
    Hold,
    Reservation,
    State,
    contended,
    fits,
)
from tollway.storage.account import Account, Bucket


class Ended(NamedTuple):
    """How a reservation ended."""

    state: State
    presumed: int = 0
    """Nanodollars booked as presumed, for a late settlement to amend."""


SETTLED = Ended("settled")
RELEASED = Ended("released")


class Past(Protocol):
    """What the store knows for ever; asked only about what the counters do not remember."""

    def ended(self, reservation_id: str) -> Ended | None:
        """How that reservation ended; `None` if the store has never heard of its end."""
        ...

    def has_entry(self, entry_id: str) -> bool: ...

    def spent(self, account: str) -> Mapping[int, int]:
        """Nanodollars spent in every bucket of an account that was set aside by `thin`."""
        ...


class Counters:
    """Accounts, open reservations, and the ends that are remembered."""

    __slots__ = ("_accounts", "_ended", "_ended_before", "_past", "open", "unsaved")

    def __init__(self, past: Past) -> None:
        self._past = past
        self._accounts: dict[str, Account] = {}
        self._ended: dict[str, Ended] = {}
        self._ended_before: dict[str, Ended] = {}
        self.open: dict[str, Reservation] = {}
        """The reservations now held, by id."""
        self.unsaved: deque[tuple[str, Bucket]] = deque()
        """Buckets booked in since they were last taken by `take_unsaved`, each once, oldest change first."""

    def standing(self, reservation: Reservation) -> Held | Gone | None:
        """The answer for a reservation that is known already: it is held, or it has ended. `None` for a new one."""
        if reservation.id in self.open:
            return Held(self.balances(reservation.holds))
        ended = self._ended.get(reservation.id) or self._ended_before.get(reservation.id)
        return None if ended is None else Gone(ended.state)

    def place(self, reservation: Reservation) -> Held | Exhausted:
        """Places every hold of a new reservation, or none.

        A refusal names the first enforced hold that is spent out, else the first that is contended: nobody waits for
        one budget while another cannot be met at all.
        """
        accounts = self._accounts
        balances: list[Balance] = []
        would_refuse: tuple[int, ...] = ()
        for hold in reservation.holds:
            account = accounts.get(hold.account)
            if account is None:
                account = accounts[hold.account] = Account(hold.since)
            elif account.since != hold.since:
                self._look(hold.account, account, hold.since)
            amount = hold.amount
            spent = account.spent
            held = account.held
            # The first half is true of almost every hold, and spares the call.
            if (spent + held + amount > hold.limit or hold.spent_only) and not fits(hold, spent, held):
                index = len(balances)
                if hold.enforced:
                    self._hold_back(reservation.holds[:index])
                    return self.refusal(reservation) or self._refused(index, hold, account)
                would_refuse = (*would_refuse, index)
            bucket = account.buckets.get(hold.bucket)
            if bucket is None:
                bucket = account.bucket(hold.bucket)
            bucket.held += amount
            account.held = held = held + amount
            balances.append(Balance(hold.account, spent, held, hold.limit))
        self.open[reservation.id] = reservation
        return Held(tuple(balances), would_refuse)

    def refusal(self, reservation: Reservation) -> Exhausted | None:
        """What `place` would refuse with, without placing anything; `None` if it would place."""
        first: Exhausted | None = None
        for index, hold in enumerate(reservation.holds):
            account = self._view(hold)
            if not hold.enforced or fits(hold, account.spent, account.held):
                continue
            refused = self._refused(index, hold, account)
            if not refused.contended:
                return refused
            first = first or refused
        return first

    def undo(self, reservation: Reservation) -> None:
        """Forgets a reservation whose intent could not be made durable; the same id may be reserved again."""
        if self.open.pop(reservation.id, None) is not None:
            self._hold_back(reservation.holds)

    def settle(self, entry: LedgerEntry) -> LedgerEntry | None:
        """Books an entry, and returns the one to write: itself, or a correction where the reservation had been
        presumed. `None` when it was there already.

        A correction or a credit ends nothing: it is booked once, by its id.
        """
        if entry.kind in ("correction", "credit"):
            return self._amend(entry)
        reservation = self.open.pop(entry.reservation_id, None)
        if reservation is None:
            return self._settle_late(entry)
        amount = entry.charge.amount
        self._ended[entry.reservation_id] = Ended("presumed", amount) if entry.kind == "presumed" else SETTLED
        self._hold_back(reservation.holds)
        self.book(entry.legs, amount)
        return entry

    def release(self, reservation_id: str) -> Sequence[Hold] | None:
        """Gives every hold back and returns them; `None` when the reservation had already ended.

        A reservation never heard of is remembered as released: a release may overtake its reserve (spec ledger 2.2).
        """
        reservation = self.open.pop(reservation_id, None)
        if reservation is None and self._end(reservation_id) is not None:
            return None
        self._ended[reservation_id] = RELEASED
        if reservation is None:
            return ()
        self._hold_back(reservation.holds)
        return reservation.holds

    def presume(self, reservation: Reservation, now: int) -> LedgerEntry:
        """Ends an open reservation as spent to its bound; returns the entry to write."""
        entry = journal.presumption(reservation, now)
        booked = self.settle(entry)
        assert booked is entry, f"{reservation.id} was not open"
        return entry

    def lapsed(self, now: int, busy: Collection[str] = ()) -> list[Reservation]:
        """Open reservations whose deadline is over, but for those in `busy`."""
        return [each for each in self.open.values() if each.deadline <= now and each.id not in busy]

    def balances(self, holds: Iterable[Hold]) -> tuple[Balance, ...]:
        """What is spent and held in the window of each hold."""
        balances: list[Balance] = []
        for hold in holds:
            account = self._view(hold)
            balances.append(Balance(hold.account, account.spent, account.held, hold.limit))
        return tuple(balances)

    def accounts(self, budget: str) -> list[str]:
        """Every account of a budget that something was booked or held on, in order."""
        split = budget + "["
        return sorted(
            name
            for name, account in self._accounts.items()
            if (name == budget or name.startswith(split)) and (account.buckets or account.floor is not None)
        )

    def book(self, legs: Iterable[tuple[str, int]], amount: int) -> None:
        """Adds `amount` (negative for a correction downwards) to what is spent in each bucket."""
        accounts = self._accounts
        for name, start in legs:
            account = accounts.get(name)
            if account is None:
                account = accounts[name] = Account(start)
            elif account.floor is not None and start < account.floor:
                self._restore(name, account)
            bucket = account.buckets.get(start)
            if bucket is None:
                bucket = account.bucket(start)
            bucket.spent += amount
            if start >= account.since:
                account.spent += amount
            if bucket.saved:
                bucket.saved = False
                self.unsaved.append((name, bucket))

    def load(self, rows: Iterable[tuple[str, int, int]]) -> None:
        """Takes over saved balances: (account, bucket, nanodollars spent), the buckets of an account in order."""
        for name, start, spent in rows:
            account = self._accounts.get(name)
            if account is None:
                account = self._accounts[name] = Account(start)
            account.bucket(start).spent = spent
            # The newest bucket is the likeliest window; the first look moves it to the right one.
            account.since = start
            account.spent = spent

    def remembers(self, reservation_id: str) -> bool:
        """Whether the reservation is open, or its end is in memory."""
        return reservation_id in self.open or reservation_id in self._ended or reservation_id in self._ended_before

    def bury(self, reservation_id: str, ended: Ended) -> None:
        """Remembers an end that the store told."""
        self._ended[reservation_id] = ended

    def forget(self, keep: int) -> None:
        """Lets go of the oldest ends once more than `keep` are remembered; at least the last `keep` stay.

        Only for ends that the store has written down: `Past` must know them from here on.
        """
        if len(self._ended) > keep:
            self._ended_before, self._ended = self._ended, {}

    def take_unsaved(self, number: int) -> list[tuple[str, Bucket]]:
        """The next `number` buckets whose balance is to be saved, oldest change first; they count as saved from here
        on."""
        taken = [self.unsaved.popleft() for _ in range(number)]
        for _, bucket in taken:
            bucket.saved = True
        return taken

    def thin(self, names: Iterable[str], keep: int) -> None:
        """Drops the oldest buckets of accounts that have more than `keep`, if they are saved, hold nothing and lie
        before every window now looked at. `Past.spent` brings them back should an older window be asked for."""
        for name in names:
            account = self._accounts.get(name)
            if account is not None and len(account.buckets) > keep:
                account.thin(keep)

    def snapshot(self) -> tuple[dict[journal.Place, int], dict[journal.Place, int]]:
        """Copies of (spent, held) for each place that is in memory."""
        spent: dict[journal.Place, int] = {}
        held: dict[journal.Place, int] = {}
        for name, account in self._accounts.items():
            for start, bucket in account.buckets.items():
                spent[name, start] = bucket.spent
                held[name, start] = bucket.held
        return spent, held

    def totals_drift(self) -> list[str]:
        """Accounts whose running totals differ from the sum of their buckets, in words."""
        return [
            f'Account "{name}": the running totals since {account.since} are {account.spent} spent and {account.held} '
            f"held, but its buckets sum to {account.summed(account.since)}."
            for name, account in self._accounts.items()
            if account.summed(account.since) != (account.spent, account.held)
        ]

    def floors(self) -> dict[str, int]:
        """Accounts that `thin` has shortened → the start of the oldest bucket still in memory."""
        return {name: account.floor for name, account in self._accounts.items() if account.floor is not None}

    def _settle_late(self, entry: LedgerEntry) -> LedgerEntry | None:
        ended = self._end(entry.reservation_id)
        if ended is None:
            if self._past.has_entry(entry.id):
                return None
            booked = entry
        elif ended.state != "presumed" or entry.kind == "presumed":
            return None
        elif entry.kind == "unpriced":
            # Unknown is not zero: the presumption stands until a price is known.
            booked = entry
        else:
            booked = self._numbered(lambda number: journal.correction(entry, ended.presumed, number))
            self._ended[booked.id] = SETTLED
        amount = booked.charge.amount
        self._ended[entry.reservation_id] = Ended("presumed", amount) if booked.kind == "presumed" else SETTLED
        self.book(booked.legs, amount)
        return booked

    def _amend(self, entry: LedgerEntry) -> LedgerEntry | None:
        if self._known(entry.id):
            return None
        self._ended[entry.id] = SETTLED
        if entry.kind == "correction" and (ended := self._end(entry.reservation_id)) and ended.state == "presumed":
            self._ended[entry.reservation_id] = SETTLED
        self.book(entry.legs, entry.charge.amount)
        return entry

    def _numbered(self, make: Callable[[int], LedgerEntry]) -> LedgerEntry:
        """The first of `make(0)`, `make(1)`, ... whose id is not taken."""
        number = 0
        while self._known((entry := make(number)).id):
            number += 1
        return entry

    def _known(self, entry_id: str) -> bool:
        return entry_id in self._ended or entry_id in self._ended_before or self._past.has_entry(entry_id)

    def _end(self, reservation_id: str) -> Ended | None:
        ended = self._ended.get(reservation_id) or self._ended_before.get(reservation_id)
        return ended or self._past.ended(reservation_id)

    def _hold_back(self, holds: Iterable[Hold]) -> None:
        for hold in holds:
            amount = hold.amount
            if amount:
                account = self._accounts[hold.account]
                account.buckets[hold.bucket].held -= amount
                if hold.bucket >= account.since:
                    account.held -= amount

    def _view(self, hold: Hold) -> Account:
        """The account of `hold` with its running totals moved to the hold's window; an empty one if there is none."""
        account = self._accounts.get(hold.account)
        if account is None:
            return Account(hold.since)
        if account.since != hold.since:
            self._look(hold.account, account, hold.since)
        return account

    def _look(self, name: str, account: Account, since: int) -> None:
        if account.floor is not None and since < account.floor:
            self._restore(name, account)
        account.look(since)

    def _restore(self, name: str, account: Account) -> None:
        account.restore(self._past.spent(name))

    def _refused(self, index: int, hold: Hold, account: Account) -> Exhausted:
        balance = Balance(hold.account, account.spent, account.held, hold.limit)
        return Exhausted(index, balance, contended(hold, account.spent))
