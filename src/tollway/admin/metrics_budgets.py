"""Metrics of budgets: the numbers that refuse, each account where it is named, all others of its budget together.

Accounts of a split budget have names of users, keys and teams in them, so they are named only where the process settings ask
for it. A hundred thousand of them take a second to be added up; that is done at most once a minute, a few hundred at a time.
"""

import asyncio
import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from tollway.admin.runtime import Runtime
from tollway.budgets.budget import Budget
from tollway.budgets.holds import UNLIMITED, Claim, holds
from tollway.ledger.reservation import Balance
from tollway.money import dollars
from tollway.telemetry.samples import OTHER, Family, Sample

FRESH_MS: Final = 60_000
"""Sums over the accounts of split budgets are made again after this."""
AT_ONCE: Final = 100
"""Accounts that are looked at before others have their turn: about a millisecond."""
NAMES_AT_ONCE: Final = 5_000
WHOLE: Final = ""
"""The account of a budget that is not split."""


class Figure(msgspec.Struct):
    """One line of each metric. Nanodollars; `limit` is `None` where there is no limit."""

    account: str
    limit: int | None
    spent: int
    held: int

    @property
    def left(self) -> int | None:
        return None if self.limit is None else self.limit - self.spent - self.held


class Figures(msgspec.Struct):
    """Of one budget."""

    budget: str
    shown: list[Figure]
    accounts: int | None = None
    """How many there are; `None` of a budget that is not split."""
    exhausted: int = 0


class BudgetFigures:
    """Asks for them, and remembers those that are dear."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._kept: tuple[int, object, list[Figures]] | None = None

    async def ask(self, now: int) -> list[Figures]:
        """Of every budget of the settings, as it is at `now` (Unix milliseconds); of split ones as of a minute ago at most."""
        budgets = self._runtime.snapshot.budgets
        found = [
            Figures(budget.id, [_figure(WHOLE, self._balances(budget, (budget.id,), now)[0])])
            for budget in budgets
            if not budget.split_by
        ]
        split = [budget for budget in budgets if budget.split_by]
        if not split:
            return found
        kept = self._kept
        if kept is None or kept[1] is not budgets or not 0 <= now - kept[0] < FRESH_MS:
            names = await self._names(split)
            kept = self._kept = (now, budgets, [await self._split(budget, names[budget.id], now) for budget in split])
        return found + kept[2]

    @staticmethod
    def families(figures: Sequence[Figures]) -> Iterator[Family]:
        for name in ("limit", "spent", "held", "left"):
            yield Family(f"tollway_budget_{name}_usd", _samples(figures, name))
        split = [(each, each.accounts) for each in figures if each.accounts is not None]
        yield Family("tollway_budget_accounts", (Sample({"budget": each.budget}, count) for each, count in split))
        yield Family(
            "tollway_budget_accounts_exhausted", (Sample({"budget": each.budget}, each.exhausted) for each, _ in split)
        )

    def _balances(self, budget: Budget, names: Sequence[str], now: int) -> Sequence[Balance]:
        # The same window and limits that a request would be held in.
        placed = holds((Claim(budget, tuple(names)),), 0, now, self._runtime.calendar)
        return self._runtime.store.ledger.balances(placed)

    async def _names(self, split: Sequence[Budget]) -> Mapping[str, list[str]]:
        """The accounts of each of these budgets."""
        found: dict[str, list[str]] = {budget.id: [] for budget in split}
        names = self._runtime.store.ledger.names()
        for first in range(0, len(names), NAMES_AT_ONCE):
            for name in names[first : first + NAMES_AT_ONCE]:
                mine = found.get(name.partition("[")[0])
                if mine is not None:
                    mine.append(name)
            await asyncio.sleep(0)
        return found

    async def _split(self, budget: Budget, names: Sequence[str], now: int) -> Figures:
        most = self._runtime.settings.metrics_accounts
        fullest: list[tuple[int, str, Figure]] = []
        rest = Figure(OTHER, None, 0, 0)
        exhausted = 0
        for first in range(0, len(names), AT_ONCE):
            for balance in self._balances(budget, names[first : first + AT_ONCE], now):
                figure = _figure(balance.account, balance)
                left = figure.left
                exhausted += left is not None and left <= 0
                if most:
                    # How much of the limit is used, in millionths: what is nearest to its end is named first.
                    used = figure.spent + figure.held
                    rank = used * 1_000_000 // figure.limit if figure.limit else used and 10**12
                    last = (rank, balance.account, figure)
                    figure = heapq.heappushpop(fullest, last)[2] if len(fullest) >= most else None
                    if figure is None:
                        heapq.heappush(fullest, last)
                if figure is not None:
                    rest.spent += figure.spent
                    rest.held += figure.held
            await asyncio.sleep(0)
        named = [figure for _, _, figure in sorted(fullest, reverse=True)]
        # All others have no limit that they share.
        shown = [*named, rest] if len(names) > len(named) else named
        return Figures(budget.id, shown, len(names), exhausted)


def _figure(account: str, balance: Balance) -> Figure:
    limit = balance.limit if balance.limit < UNLIMITED else None
    return Figure(account, limit, balance.spent, balance.held)


def _samples(figures: Sequence[Figures], name: str) -> Iterator[Sample]:
    for each in figures:
        for figure in each.shown:
            amount: int | None = getattr(figure, name)
            if amount is not None:
                yield Sample({"budget": each.budget, "account": figure.account}, dollars(amount))
