"""Accounts and what is booked on them: the part of the counters that knows nothing of reservations.

A bucket that memory has let go of (`thin`) is asked back of the store when an older window is looked at.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tollway.ledger import journal
from tollway.ledger.entry import Context, Kind
from tollway.ledger.reservation import Balance, Hold, Reservation, State
from tollway.money import MOST_IN_ALL, display
from tollway.storage.account import Account, Bucket
from tollway.storage.limits import Limits


class Ended(NamedTuple):
    """How a reservation ended."""

    state: State
    presumed: int = 0
    """Nanodollars booked as presumed, for a late settlement to amend."""


Renew = Callable[[Reservation], Sequence[Hold]]
"""The holds of a reservation as the settings in force now would place them: on the same accounts, in the same order, with
the same amounts; other limits, and whether they are enforced."""


class Booked(NamedTuple):
    """What an entry books, on what, and for whom."""

    seq: int
    """Its place in the order of the ledger, from 1 on."""
    kind: Kind
    amount: int
    """Nanodollars, signed."""
    attempt: int
    occurred_at: int
    """Unix milliseconds of its admission."""
    legs: tuple[tuple[str, int], ...]
    context: Context


class Stretch(NamedTuple):
    """Entries in the order of the ledger."""

    items: Sequence[Booked]
    through: int
    """The place up to which nothing that was asked for is missing: where the next stretch begins."""
    more: bool
    """There are more behind them."""


class Unwritten(NamedTuple):
    """Requests that went on while the store could not be written, because their budgets allow it."""

    waiting: int
    """Of them, those that are in memory alone now."""
    total: int
    """Since the start of the process."""


class Past(Protocol):
    """What the store knows for ever; asked only about what the counters do not remember."""

    def ended(self, reservation_id: str) -> Ended | None:
        """How that reservation ended; `None` if the store has never heard of its end."""
        ...

    def has_entry(self, entry_id: str) -> bool: ...

    def spent(self, account: str) -> Mapping[int, int]:
        """Nanodollars spent in every bucket of an account that was set aside by `thin`."""
        ...


class Copy(NamedTuple):
    """What is counted at each place that is in memory, in nanodollars."""

    spent: dict[journal.Place, int]
    held: dict[journal.Place, int]
    wanted: dict[journal.Place, int]


class Books:
    """Accounts by name, and the limits in force for them."""

    __slots__ = ("_accounts", "_past", "booked", "limits", "pledged", "unsaved")

    def __init__(self, past: Past) -> None:
        self._past = past
        self._accounts: dict[str, Account] = {}
        self.limits = Limits()
        """Freezes and increases."""
        self.unsaved: deque[tuple[str, Bucket]] = deque()
        """Buckets booked in since they were last taken by `take_unsaved`, each once, oldest change first."""
        self.booked: int = 0
        """Nanodollars that all entries there ever were come to, but for openings, which are no spend."""
        self.pledged: int = 0
        """Nanodollars that all open reservations may come to."""

    def limit(self, hold: Hold) -> int:
        """Nanodollars of the limit in force: the hold's own, increases, what was carried over; of that, its share.

        A window that is over has no more than its own limit less what the next one took over and uses (`_lent`).
        """
        limit = hold.limit
        if self.limits.in_force:
            limit += self.limits.increase(hold.account)
        if hold.carry > 0 and hold.previous is not None:
            limit += self._carried(hold, hold.previous)
            if lent := self._lent(hold):
                limit = min(limit, hold.limit - lent)
        return limit if hold.share == 100 else limit * hold.share // 100

    def balances(self, holds: Iterable[Hold]) -> tuple[Balance, ...]:
        """What is spent and held in the window of each hold."""
        balances: list[Balance] = []
        for hold in holds:
            account = self._view(hold)
            balances.append(Balance(hold.account, account.spent, account.held, self.limit(hold)))
        return tuple(balances)

    def beyond(self, legs: Iterable[tuple[str, int]], amount: int) -> str | None:
        """Why an entry of `amount` nanodollars on these accounts is not to be made: a sum would be larger than any that is kept
        on purpose. `None` where it may be; what takes a sum back towards nothing always may."""
        if _is_beyond(self.booked + self.pledged, amount):
            return f"all that was ever charged ({display(self.booked)}) would come to more than {display(MOST_IN_ALL)}"
        for name, start in legs:
            account = self._accounts.get(name)
            if account is not None and (bucket := account.buckets.get(start)) is not None:
                spent, held = account.spent, account.held
                if start < account.since:
                    spent, held = bucket.spent, bucket.held
                if _is_beyond(spent + held, amount):
                    return f'account "{name}" ({display(spent)} spent) would come to more than {display(MOST_IN_ALL)}'
        return None

    def accounts(self, budget: str) -> list[str]:
        """Every account of a budget that something was booked or held on, in order."""
        split = budget + "["
        return sorted(
            name
            for name, account in self._accounts.items()
            if (name == budget or name.startswith(split)) and (account.buckets or account.floor is not None)
        )

    def names(self) -> list[str]:
        """Every account there is, in no order."""
        return list(self._accounts)

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

    def load(self, rows: Iterable[tuple[str, int, int]], booked: int = 0) -> None:
        """Takes over saved balances: (account, bucket, nanodollars spent), the buckets of an account in order; and what all
        entries that are in them come to."""
        self.booked = booked
        for name, start, spent in rows:
            account = self._accounts.get(name)
            if account is None:
                account = self._accounts[name] = Account(start)
            account.bucket(start).spent = spent
            # The newest bucket is the likeliest window; the first look moves it to the right one.
            account.since = start
            account.spent = spent

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

    def snapshot(self) -> Copy:
        """What is counted at each place that is in memory."""
        copy = Copy({}, {}, {})
        for name, account in self._accounts.items():
            for start, bucket in account.buckets.items():
                copy.spent[name, start] = bucket.spent
                copy.held[name, start] = bucket.held
                copy.wanted[name, start] = bucket.wanted
        return copy

    def totals_drift(self) -> list[str]:
        """Accounts whose running totals differ from the sum of their buckets, in words."""
        return [
            f'Account "{name}": the running totals since {account.since} are {account.spent} spent, {account.held} held '
            f"and {account.wanted} wanted, but its buckets sum to {account.summed(account.since)}."
            for name, account in self._accounts.items()
            if account.summed(account.since) != (account.spent, account.held, account.wanted)
        ]

    def floors(self) -> dict[str, int]:
        """Accounts that `thin` has shortened → the start of the oldest bucket still in memory."""
        return {name: account.floor for name, account in self._accounts.items() if account.floor is not None}

    def _carried(self, hold: Hold, previous: int) -> int:
        """What the window before left of the hold's own limit; nothing while anything is held there, for whoever holds it
        may still ask for the rest."""
        account = self._accounts.get(hold.account)
        if account is None:
            return max(0, min(hold.carry, hold.limit))
        if account.floor is not None and previous < account.floor:
            self._restore(hold.account, account)
        spent, held, _ = account.summed(previous, hold.since)
        return 0 if held > 0 else max(0, min(hold.carry, hold.limit - spent))

    def _lent(self, hold: Hold) -> int:
        """What the window after the hold's took over of it and has spent or holds: all that it uses past its own limit, up
        to what may be carried. It takes over at its end, and has one bucket."""
        account = self._accounts.get(hold.account)
        if hold.carry <= 0 or hold.until is None or account is None:
            return 0
        if account.floor is not None and hold.until < account.floor:
            self._restore(hold.account, account)
        after = account.buckets.get(hold.until)
        if after is None:
            return 0
        own = hold.limit + (self.limits.increase(hold.account) if self.limits.in_force else 0)
        return max(0, min(hold.carry, after.spent + after.held - own))

    def _counted(self, hold: Hold) -> tuple[int, int]:
        """(spent, held) against the limit of a hold that was placed some time ago: of a fixed window, what lies in it,
        though another has begun; of a rolling one, all since the hold's own began, so that the hold itself and what was
        spent beside it stay in the sum when the window has moved on."""
        account = self._accounts[hold.account]
        if hold.until is None:
            if account.since < hold.since:
                self._look(hold.account, account, hold.since)
            elif account.since > hold.since:
                if account.floor is not None and hold.since < account.floor:
                    self._restore(hold.account, account)
                spent, held, _ = account.summed(hold.since, account.since)
                return account.spent + spent, account.held + held
        elif account.since != hold.since or account.order[-1] >= hold.until:
            if account.floor is not None and hold.since < account.floor:
                self._restore(hold.account, account)
            return account.summed(hold.since, hold.until)[:2]
        return account.spent, account.held

    def _adjust(self, hold: Hold, held: int, wanted: int) -> None:
        """Adds to what is held and wanted at the place of a hold, whatever window is looked at now."""
        account = self._accounts[hold.account]
        if account.floor is not None and hold.bucket < account.floor:
            self._restore(hold.account, account)
        bucket = account.bucket(hold.bucket)
        bucket.held += held
        bucket.wanted += wanted
        if hold.bucket >= account.since:
            account.held += held
            account.wanted += wanted

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


def _is_beyond(before: int, amount: int) -> bool:
    return abs(before + amount) > max(MOST_IN_ALL, abs(before))
