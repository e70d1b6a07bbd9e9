"""What accounts of budgets should hold, less what they do: the sum over the entries of a ledger.

An entry adds its amount where the budgets, as they are defined now, would book it, and takes it off where it is booked.
Openings only take off: they are what was booked because of other entries.
"""

from collections.abc import Iterable, Sequence

from tollway.budgets.budget import Budget
from tollway.budgets.desired import legs_of
from tollway.budgets.index import Index
from tollway.budgets.window import Calendar
from tollway.exchange.selection import facts_of_entry
from tollway.ledger.control import budget_of
from tollway.ledger.entry import Context
from tollway.ledger.journal import Place
from tollway.snapshot import Snapshot
from tollway.storage.books import Booked

REMEMBERED = 32_768
"""Contexts of which it is known where they belong; past it, the memory starts over."""

# What a model is called may change with its price, and prices change with the day.
_DAY_MS = 86_400_000


def since_of(budget: Budget, calendar: Calendar, now: int) -> int:
    """The start of the oldest bucket that counts at `now` (Unix milliseconds): of the window before, where something of
    it may be carried over."""
    since = calendar.span(budget.window, now).since
    previous = calendar.previous(budget.window, now) if budget.carry_over else None
    return since if previous is None else previous


class Difference:
    """The difference of some budgets, entry by entry."""

    def __init__(self, asked: Sequence[tuple[Budget, int]], snapshot: Snapshot, calendar: Calendar, now: int) -> None:
        """`asked`: each budget, and the place in the ledger up to which its accounts are right already."""
        self._snapshot = snapshot
        self._calendar = calendar
        self._index = Index([budget for budget, _ in asked])
        self._after = {budget.id: after for budget, after in asked}
        self._since = {budget.id: since_of(budget, calendar, now) for budget, _ in asked}
        self._known: dict[tuple[int, int], tuple[Context, Sequence[tuple[Budget, Sequence[str]]]]] = {}
        self.since = min(self._since.values(), default=0)
        """Unix milliseconds: entries admitted before it make no difference."""
        self.places: dict[Place, int] = {}
        """(account, bucket) → nanodollars that are missing there; less than zero where there are too many."""

    def add(self, booked: Booked) -> None:
        """Takes an entry into account, each once."""
        # An opening makes up for entries up to the one that its number names.
        place = booked.attempt if booked.kind == "opening" else booked.seq
        if booked.kind != "opening":
            for budget, accounts in self.selecting(booked.context, booked.occurred_at):
                if place > self._after[budget.id] and booked.occurred_at >= self._since[budget.id]:
                    bucket = self._calendar.span(budget.window, booked.occurred_at).bucket
                    for account in accounts:
                        self._book((account, bucket), booked.amount)
        for account, bucket in booked.legs:
            budget_id = budget_of(account)
            since = self._since.get(budget_id)
            if since is not None and bucket >= since and place > self._after[budget_id]:
                self._book((account, bucket), -booked.amount)

    def selecting(self, context: Context, occurred_at: int) -> Sequence[tuple[Budget, Sequence[str]]]:
        """The budgets that count a request of that context and instant, and on which accounts."""
        key = (id(context), occurred_at // _DAY_MS)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            # The context is kept beside the answer: while it is, nothing else has its identity.
            known = self._known[key] = (context, self._select(context, occurred_at))
        return known[1]

    def _select(self, context: Context, occurred_at: int) -> Sequence[tuple[Budget, Sequence[str]]]:
        facts = facts_of_entry(context, self._snapshot, occurred_at)
        found: list[tuple[Budget, Sequence[str]]] = []
        for budget in self._index.candidates(facts):
            accounts = _accounts(legs_of(budget, facts, occurred_at, self._calendar))
            if accounts:
                found.append((budget, accounts))
        return found

    def _book(self, place: Place, amount: int) -> None:
        left = self.places.get(place, 0) + amount
        if left:
            self.places[place] = left
        else:
            self.places.pop(place, None)


def _accounts(legs: Iterable[Place]) -> Sequence[str]:
    return tuple(account for account, _ in legs)
