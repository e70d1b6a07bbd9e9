"""Which budgets may count a request, found by what is known of it instead of by asking each of them.

Each budget stands in a table under the values of one of its matches that names them in full: of several the one that
fewest others are found by. Budgets without such a match are always candidates.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from tollway.budgets.budget import Budget
from tollway.match import Facts, Match


class Index:
    """An index of budgets. It only leaves out what cannot count: a candidate's own matches decide."""

    __slots__ = ("_always", "_found_by", "budgets")

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = budgets
        """What it is an index of, in order."""
        self._always: tuple[int, ...] = ()
        self._found_by: dict[str, dict[str, tuple[int, ...]]] = {}
        common = Counter(key for budget in budgets for match in _exact(budget) for key in _keys(match))
        always: list[int] = []
        for position, budget in enumerate(budgets):
            if not budget.enabled:
                continue
            best = min(_exact(budget), key=lambda match: sum(common[key] for key in _keys(match)), default=None)
            if best is None:
                always.append(position)
                continue
            table = self._found_by.setdefault(best.attribute, {})
            for _, value in _keys(best):
                table[value] = (*table.get(value, ()), position)
        self._always = tuple(always)

    def candidates(self, facts: Facts) -> Sequence[Budget]:
        """The budgets that may select a request of these facts, in the order of `budgets`, each once."""
        found = set(self._always)
        for name, attribute in facts.items():
            table = self._found_by.get(name)
            if table is not None:
                for value in attribute.values:
                    found.update(table.get(value, ()))
        return [self.budgets[position] for position in sorted(found)]


def _exact(budget: Budget) -> Iterator[Match]:
    for match in budget.where:
        if not match.negated and not any("*" in pattern for pattern in match.patterns):
            yield match


def _keys(match: Match) -> set[tuple[str, str]]:
    return {(match.attribute, pattern) for pattern in match.patterns}
