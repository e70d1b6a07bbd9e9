"""Which budgets a request counts against, on which accounts, and the holds it must place there."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Literal, Protocol

import msgspec

from tollway.budgets.accounts import NONE, UNLIMITED, account, limit_of, values_of
from tollway.budgets.budget import Action, Budget, means
from tollway.budgets.window import Calendar
from tollway.identity.keys import Priority
from tollway.ledger.reservation import Hold
from tollway.match import Attribute, Facts, Match, all_hold

__all__ = [
    "MOST_LEGS", "NONE", "UNLIMITED", "Claim", "Selecting", "account", "accounts_of", "claims", "holds", "limit_of",
    "too_many_legs", "values_of",
]  # fmt: skip

MOST_LEGS = 32
"""Accounts that one reservation may hold money on (spec ledger 2.1)."""
_MOST_NAMED = 5


class Selecting(Protocol):
    """A rule that selects requests and may be split: a budget, a rate limit. Its fields mean what a budget's do."""

    @property
    def id(self) -> str: ...

    @property
    def where(self) -> tuple[Match, ...]: ...

    @property
    def split_by(self) -> tuple[str, ...]: ...

    @property
    def untagged(self) -> Literal["skip", "bucket"]: ...


class Claim(msgspec.Struct, frozen=True):
    """A budget that counts this request, and the accounts of it that do."""

    budget: Budget
    accounts: tuple[str, ...]
    limits: tuple[int, ...] = ()
    """Nanodollars, of each account; empty where every one has the limit that the budget and its overrides give it."""
    actions: tuple[Action, ...] = ()
    """Those of the budget's that apply to this request once enough is spent, by `at`, ascending."""
    share: int = 100
    """Percent of the limit this request may use: below 100 where an action blocks it earlier."""


def claims(budgets: Iterable[Budget], facts: Facts, priority: Priority = "standard") -> tuple[Claim, ...]:
    """Every budget that selects a request of these facts and this class, in the order of `budgets`."""
    found: list[Claim] = []
    for budget in budgets:
        proven = budget.attributes == "verified"
        if budget.enabled and all_hold(budget.where, facts, proven=proven):
            accounts = accounts_of(budget, facts, proven=proven)
            if accounts:
                found.append(_claim(budget, accounts, facts, priority, proven=proven))
    return tuple(found)


def holds(
    claimed: Iterable[Claim],
    amount: int,
    now: int,
    calendar: Calendar,
    expected: int | None = None,
    metered: bool = False,
) -> tuple[Hold, ...]:
    """The holds of a request whose cost is bounded by `amount` nanodollars, at `now` (Unix milliseconds).

    `expected`: what it is likely to cost, which budgets of that guarantee hold instead. `metered`: `amount` bounds only
    the beginning of the answer, and what holds the bound will follow it.
    """
    found: list[Hold] = []
    for claim in claimed:
        budget = claim.budget
        span = calendar.span(budget.window, now)
        spent_only = budget.guarantee == "settled"
        held, follows = amount, metered and not spent_only
        if spent_only:
            held = 0
        elif expected is not None and budget.guarantee == "expected":
            held, follows = expected, False
        enforced = budget.mode == "enforce"
        # A request that costs nothing passes a spent budget of either guarantee.
        checked = spent_only and amount > 0
        first = len(found)
        for name in claim.accounts:
            found.append(
                Hold(
                    name, span.bucket, span.since, held, budget.limit, enforced, checked, span.end, follows, claim.share
                )
            )
        if budget.overrides or budget.carry_over:
            found[first:] = _adjusted(claim, found[first:], calendar.previous(budget.window, now))
    return tuple(found)


def _adjusted(claim: Claim, placed: Sequence[Hold], previous: int | None) -> list[Hold]:
    """The same holds with the limit of each account, and what its window may take over from the one that began at
    `previous`."""
    budget = claim.budget
    limits = claim.limits or [limit_of(budget, hold.account) for hold in placed]
    carry = budget.carry_over if previous is not None else 0
    adjusted: list[Hold] = []
    for hold, limit in zip(placed, limits, strict=True):
        if limit >= UNLIMITED:
            changed = msgspec.structs.replace(hold, limit=UNLIMITED, enforced=False, share=100)
        else:
            changed = msgspec.structs.replace(hold, limit=limit, carry=carry, previous=previous if carry else None)
        adjusted.append(changed)
    return adjusted


def too_many_legs(claimed: Sequence[Claim]) -> str:
    """What is said to a request that more than `MOST_LEGS` accounts count: how many, of which budgets, the way out."""
    legs = sum(len(claim.accounts) for claim in claimed)
    most = sorted(claimed, key=lambda claim: -len(claim.accounts))
    named = [f'"{claim.budget.name}" ({len(claim.accounts)})' for claim in most[:_MOST_NAMED]]
    more = f" and {len(most) - _MOST_NAMED} more" if len(most) > _MOST_NAMED else ""
    return (
        f"{legs} accounts of budgets count this request, more than {MOST_LEGS}: {', '.join(named)}{more}. Let fewer budgets "
        "select it, or fewer of them be split by group, or take its key out of groups."
    )


def _claim(budget: Budget, accounts: tuple[str, ...], facts: Facts, priority: Priority, *, proven: bool) -> Claim:
    if not budget.overrides and not budget.actions:
        return Claim(budget, accounts)
    actions = tuple(action for action in budget.actions if means(action, facts, priority, proven=proven))
    return Claim(
        budget,
        accounts,
        tuple(limit_of(budget, name) for name in accounts) if budget.overrides else (),
        actions,
        min((action.at for action in actions if action.do == "block"), default=100),
    )


def accounts_of(rule: Selecting, facts: Facts, *, proven: bool) -> tuple[str, ...]:
    """The accounts on which a rule that selects the request counts it; none where it lacks what the rule is split by."""
    if not rule.split_by:
        return (rule.id,)
    choices: list[list[tuple[str, str | None]]] = []
    for name in rule.split_by:
        attribute = facts.get(name)
        if attribute is not None and (not proven or attribute.source != "header") and attribute.values:
            # `model` also carries its bare name for matching; a bucket is named by the first, the canonical one.
            values: Sequence[str | None] = _groups(rule, attribute) if name == "group" else attribute.values[:1]
        elif rule.untagged == "bucket":
            values = (None,)
        else:
            return ()
        choices.append([(name, value) for value in values])
    return tuple(account(rule.id, values) for values in product(*choices))


def _groups(rule: Selecting, groups: Attribute) -> Sequence[str]:
    """The caller's groups that the rule is about, each once: of one for "team-*" not those of any other name."""
    # An ancestor's matches stand behind a budget's own.
    own = next((match for match in rule.where if match.attribute == "group"), None)
    named = groups.values if own is None else [g for g in groups.values if own.holds({"group": _of(groups, g)})]
    return tuple(dict.fromkeys(named))


def _of(attribute: Attribute, value: str) -> Attribute:
    return Attribute((value,), attribute.source)
