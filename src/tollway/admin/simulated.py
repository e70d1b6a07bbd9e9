"""What a replay and a suggestion look like in the API: exact amounts, and a sentence that says it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.budgets.accounts import values_of
from tollway.budgets.replay import Blocked, Changed, Replay, Tally
from tollway.budgets.suggest import UNITS_NEEDED, Observed, Suggestion, overall, unit_name
from tollway.budgets.window import describe
from tollway.clock import iso
from tollway.money import display, dollars

_TOP = 10


class BlockedGroup(BaseModel):
    """Blocked requests of one user, model or account."""

    name: str | None
    """Null: the caller is no user and no service."""
    requests: int
    amount_usd: Dollars
    unpriced: int
    """Of `requests`, those whose cost nobody knows."""


class PeakShown(BaseModel):
    """When the largest part of the limit was spent."""

    account: str
    spent_usd: Dollars
    limit_usd: Dollars
    percent: int | None
    """Rounded down; null where the limit is 0."""
    at: Instant


class BudgetReplay(BaseModel):
    """One budget."""

    id: str
    name: str
    mode: Literal["enforce", "monitor"]
    enabled: bool
    limit_usd: Dollars
    window: str
    text: str
    """The answer in words."""
    requests: int
    """That it would have counted: those admitted by every budget."""
    spent_usd: Dollars
    unpriced: int
    blocked: int
    """Requests that it would have refused. A monitored budget refuses nothing: those it would have refused."""
    blocked_usd: Dollars
    """What they cost; they are not in `spent_usd` where the budget is enforced."""
    blocked_unpriced: int
    first_blocked_at: Instant | None
    peak: PeakShown | None
    by_user: list[BlockedGroup]
    by_model: list[BlockedGroup]
    by_account: list[BlockedGroup]
    """The ten with most blocked, by amount and then by number."""
    accounts_blocked: int
    warned: int
    slowed: int
    """Requests at which such an action was due."""
    downgraded: int
    """Requests that a cheaper model would have served; they count at its price."""
    downgraded_usd: Dollars
    """What they cost."""
    downgraded_to_usd: Dollars
    """What they would have cost, by the prices of now."""
    downgraded_unpriced: int
    """Of `downgraded`, those of which nobody knows that: they are in neither amount, and count at what they cost."""
    clamped: int
    """Requests whose answer would have been shortened to what was left; they count at what that costs."""
    clamped_usd: Dollars
    clamped_to_usd: Dollars


class TotalReplay(BaseModel):
    """All requests, each once; one that two budgets would have refused too."""

    text: str
    requests: int
    amount_usd: Dollars
    unpriced: int
    blocked: int
    blocked_usd: Dollars
    blocked_unpriced: int


class ReplayShown(BaseModel):
    total: TotalReplay
    budgets: list[BudgetReplay]


class InForceShown(ReplayShown):
    """The budgets that are in force."""


class AccountSuggestion(BaseModel):
    """What the past of one account suggests; null where there is too little of it."""

    account: str
    values: dict[str, str | None]
    suggested_usd: Dollars | None
    """The larger of the two below."""
    from_median_usd: Dollars | None
    """1.5 x the median x what makes it a window, rounded up to a cent."""
    p95_window_usd: Dollars | None
    """95 % of the windows stayed at or under it; null where fewer than 3 are known."""
    median_usd: Dollars | None
    p95_usd: Dollars | None
    """Of the units with spend."""
    units: int
    """Units with spend that it is based on."""
    observed: int
    """Units since the first with spend."""
    windows: int
    needed: str | None
    """What is missing where nothing is suggested."""


class SuggestionsShown(BaseModel):
    """A limit that the past suggests."""

    id: str
    name: str
    limit_usd: Dollars
    window: str
    unit: Literal["day", "hour", "window"]
    since: Instant
    until: Instant
    suggested_usd: Dollars | None
    """One limit for every account: it is enough for 95 % of those with a suggestion."""
    needed: str | None
    accounts: list[AccountSuggestion]
    """Largest first."""
    accounts_total: int


def replay_shown(replay: Replay) -> ReplayShown:
    total = replay.total
    return ReplayShown(
        total=TotalReplay(
            text=f"{_count(total.blocked.requests)} of {_requests(total.requests)} would have been blocked, "
            f"{display(total.blocked.amount)} of {display(total.amount)}{_unknown(total.blocked)}.",
            requests=total.requests,
            amount_usd=dollars(total.amount),
            unpriced=total.unpriced,
            blocked=total.blocked.requests,
            blocked_usd=dollars(total.blocked.amount),
            blocked_unpriced=total.blocked.unpriced,
        ),
        budgets=[_budget(tally) for tally in replay.tallies],
    )


def suggestions_shown(observed: Observed, since: str, until: str, most: int) -> SuggestionsShown:
    budget = observed.budget
    found = observed.suggestions()
    one = overall(found)
    return SuggestionsShown(
        id=budget.id,
        name=budget.name,
        limit_usd=dollars(budget.limit),
        window=describe(budget.window),
        unit=unit_name(budget.window),
        since=since,
        until=until,
        suggested_usd=_or_none(one),
        needed=_needed(found, unit_name(budget.window)) if one is None else None,
        accounts=[_account(observed, each) for each in found[:most]],
        accounts_total=len(found),
    )


def _needed(found: Sequence[Suggestion], unit: str) -> str:
    """What is missing where no account has a suggestion."""
    if not found:
        return (
            f"{UNITS_NEEDED} complete {unit}s with spend are needed, and there are 0; the one under way does not count"
        )
    most = max(found, key=lambda each: each.units)
    return most.needed if len(found) == 1 else f"no account has enough spend; of {most.account}, {most.needed}"


def _budget(tally: Tally) -> BudgetReplay:
    budget, blocked, peak = tally.budget, tally.blocked, tally.peak
    watched = budget.mode == "monitor"
    text = (
        f'Budget "{budget.name}" would have blocked {_requests(blocked.requests)}, '
        f"{display(blocked.amount)}{_unknown(blocked)}{', but only watches' if watched else ''}."
        f"{_changed('had a cheaper model serve', tally.downgraded)}{_changed('shortened the answers of', tally.clamped)}"
    )
    return BudgetReplay(
        id=budget.id,
        name=budget.name,
        mode=budget.mode,
        enabled=budget.enabled,
        limit_usd=dollars(budget.limit),
        window=describe(budget.window),
        text=text,
        requests=tally.counted,
        spent_usd=dollars(tally.spent),
        unpriced=tally.unpriced,
        blocked=blocked.requests,
        blocked_usd=dollars(blocked.amount),
        blocked_unpriced=blocked.unpriced,
        first_blocked_at=instant_or_none(tally.first_blocked_at),
        peak=PeakShown(
            account=peak.account,
            spent_usd=dollars(peak.spent),
            limit_usd=dollars(peak.limit),
            percent=peak.spent * 100 // peak.limit if peak.limit > 0 else None,
            at=iso(peak.at),
        )
        if peak is not None
        else None,
        by_user=_top(tally.by_user),
        by_model=_top(tally.by_model),
        by_account=_top(tally.by_account),
        accounts_blocked=len(tally.by_account),
        warned=tally.warned,
        slowed=tally.slowed,
        downgraded=tally.downgraded.requests,
        downgraded_usd=dollars(tally.downgraded.amount),
        downgraded_to_usd=dollars(tally.downgraded.instead),
        downgraded_unpriced=tally.downgraded.unpriced,
        clamped=tally.clamped.requests,
        clamped_usd=dollars(tally.clamped.amount),
        clamped_to_usd=dollars(tally.clamped.instead),
    )


def _account(observed: Observed, one: Suggestion) -> AccountSuggestion:
    return AccountSuggestion(
        account=one.account,
        values=values_of(observed.budget, one.account) or {},
        suggested_usd=_or_none(one.suggested),
        from_median_usd=_or_none(one.from_median),
        p95_window_usd=_or_none(one.p95_window),
        median_usd=_or_none(one.median),
        p95_usd=_or_none(one.p95),
        units=one.units,
        observed=one.observed,
        windows=one.windows,
        needed=one.needed or None,
    )


def _top(groups: dict[str | None, Blocked]) -> list[BlockedGroup]:
    largest = sorted(groups.items(), key=lambda item: (-item[1].amount, -item[1].requests, item[0] or ""))[:_TOP]
    return [
        BlockedGroup(name=name, requests=each.requests, amount_usd=dollars(each.amount), unpriced=each.unpriced)
        for name, each in largest
    ]


def _unknown(blocked: Blocked) -> str:
    return f", and {_requests(blocked.unpriced)} of unknown cost among them" if blocked.unpriced else ""


def _changed(what: str, changed: Changed) -> str:
    if not changed.requests:
        return ""
    amounts = f"{display(changed.instead)} instead of {display(changed.amount)}"
    if changed.unpriced == changed.requests:
        amounts = "at a cost that nobody knows"
    elif changed.unpriced:
        amounts += f", and {_requests(changed.unpriced)} of unknown cost among them"
    return f" It would have {what} {_requests(changed.requests)}, {amounts}."


def _requests(number: int) -> str:
    return f"{_count(number)} request{'' if number == 1 else 's'}"


def _count(number: int) -> str:
    return f"{number:,}"


def _or_none(amount: int | None) -> str | None:
    return None if amount is None else dollars(amount)
