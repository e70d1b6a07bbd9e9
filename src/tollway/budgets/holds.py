"""Which budgets a request counts against, on which accounts, and the holds it must place there."""

from collections.abc import Iterable, Sequence
from itertools import product

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.window import Calendar
from tollway.ledger.reservation import Hold
from tollway.match import Attribute, Facts, all_hold

NONE = "(none)"


class Claim(msgspec.Struct, frozen=True):
    """A budget that counts this request, and the accounts of it that do."""

    budget: Budget
    accounts: tuple[str, ...]


def claims(budgets: Sequence[Budget], facts: Facts) -> tuple[Claim, ...]:
    """Every budget that selects a request of these facts, in the order of `budgets`."""
    found: list[Claim] = []
    for budget in budgets:
        proven = budget.attributes == "verified"
        if budget.enabled and all_hold(budget.where, facts, proven=proven):
            accounts = _accounts(budget, facts, proven=proven)
            if accounts:
                found.append(Claim(budget, accounts))
    return tuple(found)


def holds(
    claimed: Iterable[Claim], amount: int, now: int, calendar: Calendar, expected: int | None = None
) -> tuple[Hold, ...]:
    """The holds of a request whose cost is bounded by `amount` nanodollars, at `now` (Unix milliseconds).

    `expected`: what it is likely to cost, which budgets of that guarantee hold instead.
    """
    found: list[Hold] = []
    for claim in claimed:
        budget = claim.budget
        span = calendar.span(budget.window, now)
        spent_only = budget.guarantee == "settled"
        held = expected if budget.guarantee == "expected" and expected is not None else amount
        for account in claim.accounts:
            found.append(
                Hold(
                    account,
                    span.bucket,
                    span.since,
                    0 if spent_only else held,
                    budget.limit,
                    budget.mode == "enforce",
                    # A request that costs nothing passes a spent budget of either guarantee.
                    spent_only and amount > 0,
                    span.end,
                )
            )
    return tuple(found)


def account(budget_id: str, values: Sequence[tuple[str, str | None]] = ()) -> str:
    """The ledger's name for one account: `team`, or `each-user[user=alice@example.com]`; `None` is "(none)"."""
    if not values:
        return budget_id
    written = [f"{name}={NONE if value is None else _escaped(value)}" for name, value in values]
    return f"{budget_id}[{','.join(written)}]"


def _accounts(budget: Budget, facts: Facts, *, proven: bool) -> tuple[str, ...]:
    if not budget.split_by:
        return (budget.id,)
    choices: list[list[tuple[str, str | None]]] = []
    for name in budget.split_by:
        attribute = facts.get(name)
        if attribute is not None and (not proven or attribute.source != "header") and attribute.values:
            # `model` also carries its bare name for matching; a bucket is named by the first, the canonical one.
            values: Sequence[str | None] = _groups(budget, attribute) if name == "group" else attribute.values[:1]
        elif budget.untagged == "bucket":
            values = (None,)
        else:
            return ()
        choices.append([(name, value) for value in values])
    return tuple(account(budget.id, values) for values in product(*choices))


def _groups(budget: Budget, groups: Attribute) -> Sequence[str]:
    """The caller's groups that the budget is about, each once: of a budget for "team-*" not those of any other name."""
    # An ancestor's matches stand behind the budget's own.
    own = next((match for match in budget.where if match.attribute == "group"), None)
    named = groups.values if own is None else [g for g in groups.values if own.holds({"group": _of(groups, g)})]
    return tuple(dict.fromkeys(named))


def _of(attribute: Attribute, value: str) -> Attribute:
    return Attribute((value,), attribute.source)


def _escaped(value: str) -> str:
    # The four characters that carry meaning in an account's name, and a value that reads as if there were none.
    if value == NONE:
        return "%28none)"
    return value.replace("%", "%25").replace(",", "%2C").replace("]", "%5D").replace("[", "%5B")
