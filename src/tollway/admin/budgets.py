"""Budgets with their accounts: the numbers shown are the numbers that refuse."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.budgets.budget import Budget, Guarantee, OnUnpriced
from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import describe, window_to_settings
from tollway.clock import iso
from tollway.ledger.reservation import Balance
from tollway.match import Match
from tollway.money import dollars

_ESCAPES = {"%2C": ",", "%5D": "]", "%5B": "[", "%25": "%"}


class BudgetQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accounts: int = Field(default=200, ge=0, le=10_000, description="How many accounts of each budget to list.")


class MatchShown(BaseModel):
    attribute: str
    patterns: list[str]
    negated: bool


class AccountShown(BaseModel):
    """One account of a budget in the window of now."""

    account: str
    values: dict[str, str]
    """What it is split by: {"user": "alice@example.com"}."""
    limit_usd: Dollars
    spent_usd: Dollars
    held_usd: Dollars
    available_usd: Dollars
    """limit - spent - held; below zero where a charge came out above its hold."""
    resets_at: Instant | None
    """Null for a window that does not reset at one instant."""


class BudgetShown(BaseModel):
    """One rule about money, with its accounts."""

    id: str
    name: str
    enabled: bool
    limit_usd: Dollars
    window: dict[str, Any]
    window_text: str
    """The window in words."""
    gateway: str | None
    parent: str | None
    where: list[MatchShown]
    split_by: list[str]
    untagged: Literal["skip", "bucket"]
    mode: Literal["enforce", "monitor"]
    guarantee: Guarantee
    on_unpriced: OnUnpriced
    attributes: Literal["any", "verified"]
    contention_wait_ms: int
    accounts: list[AccountShown]
    """Those with the least left first."""
    accounts_total: int


class BudgetList(BaseModel):
    at: Instant
    items: list[BudgetShown]


def split_values(budget: Budget, account: str) -> dict[str, str]:
    """The values in an account's name, by attribute; empty where the budget is not split, or was split otherwise then."""
    if not budget.split_by:
        return {}
    pattern = ",".join(re.escape(name) + r"=([^,\[\]]*)" for name in budget.split_by)
    found = re.fullmatch(re.escape(budget.id) + r"\[" + pattern + r"\]", account)
    if found is None:
        return {}
    values = [re.sub("%2C|%5D|%5B|%25", lambda m: _ESCAPES[m[0]], value) for value in found.groups()]
    return dict(zip(budget.split_by, values, strict=True))


def account_balances(runtime: Runtime, budget: Budget, now: int) -> Sequence[Balance]:
    """Every account of `budget` as it is now, in the same window that a request would be held in."""
    ledger = runtime.store.ledger
    accounts = tuple(ledger.accounts(budget.id))
    if not budget.split_by:
        accounts = (budget.id,)
    return ledger.balances(holds((Claim(budget, accounts),), 0, now, runtime.calendar))


def match_shown(match: Match) -> MatchShown:
    return MatchShown(attribute=match.attribute, patterns=list(match.patterns), negated=match.negated)


def account_shown(budget: Budget, balance: Balance, resets_at: int | None) -> AccountShown:
    return AccountShown(
        account=balance.account,
        values=split_values(budget, balance.account),
        limit_usd=dollars(balance.limit),
        spent_usd=dollars(balance.spent),
        held_usd=dollars(balance.held),
        available_usd=dollars(balance.available),
        resets_at=instant_or_none(resets_at),
    )


def budget_shown(runtime: Runtime, budget: Budget, now: int, most_accounts: int) -> BudgetShown:
    balances = sorted(account_balances(runtime, budget, now), key=lambda b: (b.available, b.account))
    resets_at = runtime.calendar.next_reset(budget.window, now)
    return BudgetShown(
        id=budget.id,
        name=budget.name,
        enabled=budget.enabled,
        limit_usd=dollars(budget.limit),
        window=dict(window_to_settings(budget.window)),
        window_text=describe(budget.window),
        gateway=budget.gateway,
        parent=budget.parent,
        where=[match_shown(match) for match in budget.where],
        split_by=list(budget.split_by),
        untagged=budget.untagged,
        mode=budget.mode,
        guarantee=budget.guarantee,
        on_unpriced=budget.on_unpriced,
        attributes=budget.attributes,
        contention_wait_ms=budget.contention_wait_ms,
        accounts=[account_shown(budget, balance, resets_at) for balance in balances[:most_accounts]],
        accounts_total=len(balances),
    )


def budgets_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["budgets"])

    async def budgets(query: Annotated[BudgetQuery, Query()]) -> BudgetList:
        """Every budget in force, with what is spent, held and left on its accounts."""
        now = runtime.clock.now()
        found = [budget_shown(runtime, budget, now, query.accounts) for budget in runtime.snapshot.budgets]
        return BudgetList(at=iso(now), items=found)

    async def budget(budget_id: str, query: Annotated[BudgetQuery, Query()]) -> BudgetShown:
        """One budget, with what is spent, held and left on its accounts."""
        for found in runtime.snapshot.budgets:
            if found.id == budget_id:
                return budget_shown(runtime, found, runtime.clock.now(), query.accounts)
        known = ", ".join(budget.id for budget in runtime.snapshot.budgets[:20]) or "none"
        raise Problem(404, "budget_unknown", f'No budget with the id "{budget_id[:64]}"; there are: {known}.')

    router.get("/budgets")(budgets)
    router.get("/budgets/{budget_id}")(budget)
    return router
