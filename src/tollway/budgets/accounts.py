"""How the ledger names the accounts of a budget, what a name says, and the limit it has."""

import re
from collections.abc import Sequence

from tollway.budgets.budget import Budget
from tollway.match import Attribute, Match
from tollway.money import LARGEST

NONE = "(none)"
"""Stands in an account's name for the value of requests that have none."""

UNLIMITED = LARGEST
"""The limit of accounts without one, in nanodollars: their money is counted, and no hold on them is enforced."""

_NONE_AS_VALUE = "%28none)"
_ESCAPED = {"%25": "%", "%2C": ",", "%5D": "]", "%5B": "[", "%28": "("}


def account(budget_id: str, values: Sequence[tuple[str, str | None]] = ()) -> str:
    """The ledger's name for one account: `team`, or `each-user[user=alice@example.com]`; `None` is "(none)"."""
    if not values:
        return budget_id
    written = [f"{name}={NONE if value is None else _escaped(value)}" for name, value in values]
    return f"{budget_id}[{','.join(written)}]"


def values_of(budget: Budget, account: str) -> dict[str, str | None] | None:
    """The values in the name of an account of `budget`, by attribute: what `account` was given.

    `None` for a name that the budget's accounts do not have now: it was split otherwise then.
    """
    if not budget.split_by:
        return {} if account == budget.id else None
    pattern = ",".join(re.escape(name) + r"=([^,\[\]]*)" for name in budget.split_by)
    found = re.fullmatch(re.escape(budget.id) + r"\[" + pattern + r"\]", account)
    if found is None:
        return None
    return dict(zip(budget.split_by, (_read(value) for value in found.groups()), strict=True))


def limit_of(budget: Budget, account: str) -> int:
    """The limit of one account, in nanodollars: that of the first override that matches it, else the budget's.

    `UNLIMITED` where that override says so.
    """
    if not budget.overrides:
        return budget.limit
    values = values_of(budget, account)
    if values is None:
        return budget.limit
    # A value that reads as "(none)" is not the account of those without one.
    texts = {name: NONE if v is None else _NONE_AS_VALUE if v == NONE else v for name, v in values.items()}
    for override in budget.overrides:
        if all(_fits(name, pattern, texts[name]) for name, pattern in override.values):
            return UNLIMITED if override.limit is None else override.limit
    return budget.limit


def _fits(name: str, pattern: str, value: str) -> bool:
    return Match(name, (pattern,)).holds({name: Attribute((value,), "gateway")})


def _escaped(value: str) -> str:
    # The four characters that carry meaning in an account's name, and a value that reads as if there were none.
    if value == NONE:
        return _NONE_AS_VALUE
    return value.replace("%", "%25").replace(",", "%2C").replace("]", "%5D").replace("[", "%5B")


def _read(written: str) -> str | None:
    if written == NONE:
        return None
    return re.sub("%25|%2C|%5D|%5B|%28", lambda found: _ESCAPED[found[0]], written)
