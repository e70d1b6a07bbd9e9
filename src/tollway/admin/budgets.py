"""Budgets with their accounts: the numbers shown are the numbers that refuse."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.controls import ControlShown, budget_named, control_shown
from tollway.admin.policy_limits import PolicyLimits
from tollway.admin.runtime import Runtime
from tollway.budgets.budget import Budget, Deed, Guarantee, OnStoreFailure, OnUnpriced
from tollway.budgets.holds import NONE, UNLIMITED, Claim, holds, values_of
from tollway.budgets.window import describe, window_to_settings
from tollway.clock import iso
from tollway.identity.keys import Priority
from tollway.ledger.control import Control, budget_of
from tollway.ledger.reservation import Balance, Hold
from tollway.logs.record import LogRecord
from tollway.match import Match
from tollway.money import dollars
from tollway.policies.buckets import PREFIX
from tollway.storage.protocol import Filter

_HITS = 500
_HITS_MS = 30 * 86_400_000


class BudgetQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accounts: int = Field(default=200, ge=0, le=10_000, description="How many accounts of each budget to list.")
    hits: bool = Field(default=False, description="Look for the last request that each refused, in the log of 30 days.")


class MatchShown(BaseModel):
    attribute: str
    patterns: list[str]
    negated: bool


class AccountShown(BaseModel):
    """One account of a budget in the window of now."""

    account: str
    values: dict[str, str]
    """What it is split by: {"user": "alice@example.com"}."""
    limit_usd: Dollars | None
    """The limit in force: the base limit, increases, and what was carried over; null for an account without a limit, and
    where `limit_note` says why it is not known."""
    base_limit_usd: Dollars | None
    """The budget's, or that of the first override that matches the account; of policies, what its requests are held to."""
    increases_usd: Dollars
    carried_usd: Dollars
    """What the window before left of its base limit, as far as it may be carried over."""
    spent_usd: Dollars
    held_usd: Dollars
    available_usd: Dollars | None
    """limit - spent - held; below zero where a charge came out above its hold."""
    limit_note: str
    """Which limits policies give the account, where their conditions alone say which one holds; else empty."""
    frozen: bool
    """Nothing that costs money is admitted, whatever is left."""
    resets_at: Instant | None
    """Null for a window that does not reset at one instant."""


class OverrideShown(BaseModel):
    """Another limit for the accounts that match."""

    values: dict[str, str]
    limit_usd: Dollars | None
    """Null for no limit."""


class ActionShown(BaseModel):
    """What is done to requests once that part of the limit is spent."""

    at_percent: int
    do: Deed
    where: list[MatchShown]
    priority: Priority | None
    delay_ms: int | None
    to: str | None


class HitShown(BaseModel):
    """The last request that a budget refused."""

    at: Instant
    request_id: str
    code: str


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
    on_store_failure: OnStoreFailure
    attributes: Literal["any", "verified"]
    contention_wait_ms: int
    alerts: list[int]
    """Percentages of the limit at which somebody is told."""
    overrides: list[OverrideShown]
    """The first that matches an account gives its limit."""
    actions: list[ActionShown]
    carry_over_usd: Dollars | None
    """What a window may take over from the one before, at most."""
    note: str
    frozen: bool
    """All of it; single accounts say so themselves."""
    controls: list[ControlShown]
    """Freezes and increases in force, of the budget and of its accounts."""
    last_hit: HitShown | None
    """Null where it was not asked for, or where nothing was refused."""
    accounts: list[AccountShown]
    """Those with the least left first."""
    accounts_total: int


class BudgetList(BaseModel):
    at: Instant
    items: list[BudgetShown]


def split_values(budget: Budget, account: str) -> dict[str, str]:
    """The values in an account's name, by attribute; empty where the budget is not split, or was split otherwise then."""
    values = values_of(budget, account) or {}
    return {name: NONE if value is None else value for name, value in values.items()}


def account_balances(runtime: Runtime, budget: Budget, now: int) -> Sequence[Balance]:
    """Every account of `budget` as it is now, in the same window that a request would be held in."""
    return runtime.store.ledger.balances(_placed(runtime, budget, now))


def _placed(runtime: Runtime, budget: Budget, now: int) -> Sequence[Hold]:
    accounts = tuple(runtime.store.ledger.accounts(budget.id)) if budget.split_by else (budget.id,)
    return holds((Claim(budget, accounts),), 0, now, runtime.calendar)


def match_shown(match: Match) -> MatchShown:
    return MatchShown(attribute=match.attribute, patterns=list(match.patterns), negated=match.negated)


def _placed_by_policies(
    placed: Sequence[Hold], budget: Budget, limits: PolicyLimits
) -> tuple[list[Hold], dict[str, str]]:
    """The same with the limits that policies give them, and what is said of those whose limit is not known."""
    found: list[Hold] = []
    notes: dict[str, str] = {}
    for hold in placed:
        limit, note = limits.of(budget, hold.account)
        found.append(msgspec.structs.replace(hold, limit=UNLIMITED if limit is None else limit))
        if note:
            notes[hold.account] = note
    return found, notes


def account_shown(
    budget: Budget, hold: Hold, balance: Balance, resets_at: int | None, standing: Sequence[Control], note: str = ""
) -> AccountShown:
    limited = hold.limit < UNLIMITED
    about = [control for control in standing if control.target in (budget.id, balance.account)]
    raised = sum(control.amount for control in about if control.kind == "increase")
    return AccountShown(
        account=balance.account,
        values=split_values(budget, balance.account),
        limit_usd=dollars(balance.limit) if limited else None,
        base_limit_usd=dollars(hold.limit) if limited else None,
        increases_usd=dollars(raised),
        carried_usd=dollars(balance.limit - hold.limit - raised if limited and hold.carry else 0),
        spent_usd=dollars(balance.spent),
        held_usd=dollars(balance.held),
        available_usd=dollars(balance.available) if limited else None,
        limit_note=note,
        frozen=any(control.kind == "freeze" for control in about),
        resets_at=instant_or_none(resets_at),
    )


def budget_shown(
    runtime: Runtime,
    budget: Budget,
    now: int,
    most_accounts: int,
    hits: Mapping[str, HitShown],
    limits: PolicyLimits | None = None,
) -> BudgetShown:
    placed = _placed(runtime, budget, now)
    notes: dict[str, str] = {}
    if budget.id.startswith(PREFIX):
        placed, notes = _placed_by_policies(placed, budget, limits or PolicyLimits(runtime.snapshot))
    found = sorted(
        zip(placed, runtime.store.ledger.balances(placed), strict=True),
        key=lambda pair: (pair[1].available, pair[1].account),
    )
    resets_at = runtime.calendar.next_reset(budget.window, now)
    standing = [
        control
        for control in runtime.store.ledger.controls()
        if budget_of(control.target) == budget.id and control.holds(now)
    ]
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
        on_store_failure=budget.on_store_failure,
        attributes=budget.attributes,
        contention_wait_ms=budget.contention_wait_ms,
        alerts=list(budget.alerts),
        overrides=[
            OverrideShown(values=dict(each.values), limit_usd=dollars(each.limit) if each.limit is not None else None)
            for each in budget.overrides
        ],
        actions=[
            ActionShown(
                at_percent=action.at,
                do=action.do,
                where=[match_shown(match) for match in action.where],
                priority=action.priority,
                delay_ms=action.delay_ms if action.do == "slow" else None,
                to=action.to,
            )
            for action in budget.actions
        ],
        carry_over_usd=dollars(budget.carry_over) if budget.carry_over else None,
        note=budget.note,
        frozen=any(control.kind == "freeze" and control.target == budget.id for control in standing),
        controls=[control_shown(control) for control in standing],
        last_hit=hits.get(budget.name),
        accounts=[
            account_shown(budget, hold, balance, resets_at, standing, notes.get(hold.account, ""))
            for hold, balance in found[:most_accounts]
        ],
        accounts_total=len(found),
    )


async def hits_of(runtime: Runtime, now: int) -> dict[str, HitShown]:
    """The last request that each budget refused, by its name, among the newest that any did."""
    found: dict[str, HitShown] = {}
    for code in ("budget_exceeded", "budget_frozen"):
        where = Filter(since=now - _HITS_MS, equals={"code": code})
        page = await runtime.store.records.records(where, limit=_HITS, cursor=None)
        for record in page.items:
            assert isinstance(record, LogRecord)
            for decision in record.decisions:
                if decision.outcome == "deny" and decision.rule:
                    hit = HitShown(at=iso(record.at), request_id=record.request_id, code=record.code)
                    known = found.get(decision.rule)
                    if known is None or known.at < hit.at:
                        found[decision.rule] = hit
    return found


def budgets_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["budgets"])

    async def budgets(query: Annotated[BudgetQuery, Query()]) -> BudgetList:
        """Every budget in force, with what is spent, held and left on its accounts."""
        now = runtime.clock.now()
        hits = await hits_of(runtime, now) if query.hits else {}
        limits = PolicyLimits(runtime.snapshot)
        found = [
            budget_shown(runtime, budget, now, query.accounts, hits, limits)
            for budget in (*runtime.snapshot.budgets, *runtime.snapshot.buckets)
        ]
        return BudgetList(at=iso(now), items=found)

    async def budget(budget_id: str, query: Annotated[BudgetQuery, Query()]) -> BudgetShown:
        """One budget, with what is spent, held and left on its accounts."""
        found, now = budget_named(runtime.snapshot, budget_id), runtime.clock.now()
        hits = await hits_of(runtime, now) if query.hits else {}
        return budget_shown(runtime, found, now, query.accounts, hits)

    router.get("/budgets")(budgets)
    router.get("/budgets/{budget_id}")(budget)
    return router
