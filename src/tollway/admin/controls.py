"""Freezing accounts and raising limits for a time: in force with the next request, durable, and in the audit log."""

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.control_target import check_fits, target_of, unseen
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import milliseconds, no_parameters
from tollway.budgets.budget import Budget
from tollway.budgets.window import describe
from tollway.clock import iso
from tollway.errors import MoneyInvalid
from tollway.ids import Ids
from tollway.ledger.control import Control, budget_of
from tollway.money import dollars, parse
from tollway.snapshot import Snapshot

LONGEST = timedelta(days=366)
_LENGTH = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Account = Annotated[
    str | None,
    Field(default=None, max_length=1024, description="One account, as GET /budgets names it; without it, all of them."),
]
Reason = Annotated[str, Field(default="", max_length=500, description="For those who read it later.")]


class FreezeAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: Account
    reason: Annotated[
        str,
        Field(
            default="", max_length=500, description="For those who read it later, callers who are refused among them."
        ),
    ]


class IncreaseAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: Account
    amount_usd: str = Field(max_length=40, description="What is added to the limit, a decimal string of US dollars.")
    until: AwareDatetime | None = Field(default=None, description="RFC 3339 with a zone.")
    for_: str | None = Field(
        default=None,
        alias="for",
        max_length=16,
        description='"30m", "24h", "7d"; "window": until the current window ends.',
    )
    reason: Reason


class ControlShown(BaseModel):
    """A freeze or an increase that is not over."""

    id: str
    kind: Literal["freeze", "increase"]
    budget: str
    account: str | None
    """Null for every account of the budget."""
    amount_usd: Dollars | None
    """What an increase adds to the limit."""
    since: Instant
    until: Instant | None
    """Null until it is ended."""
    by: str
    reason: str


class ControlChanged(BaseModel):
    """What stands now."""

    changed: bool
    """False where it stood so already."""
    control: ControlShown
    warnings: list[str]


class Ended(BaseModel):
    ended: list[ControlShown]
    warnings: list[str]


class IncreaseList(BaseModel):
    """Those that are not over, oldest first."""

    at: Instant
    items: list[ControlShown]


def control_shown(control: Control) -> ControlShown:
    budget = budget_of(control.target)
    return ControlShown(
        id=control.id,
        kind=control.kind,
        budget=budget,
        account=control.target if control.target != budget else None,
        amount_usd=dollars(control.amount) if control.kind == "increase" else None,
        since=iso(control.since),
        until=instant_or_none(control.until),
        by=control.by,
        reason=control.reason,
    )


def budget_named(snapshot: Snapshot, budget_id: str) -> Budget:
    """The budget of that id. Raises Problem."""
    for found in (*snapshot.budgets, *snapshot.buckets):
        if found.id == budget_id:
            return found
    known = ", ".join(budget.id for budget in snapshot.budgets[:20]) or "none"
    raise Problem(404, "budget_unknown", f'No budget with the id "{budget_id[:64]}"; there are: {known}.')


def controls_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["controls"], dependencies=[Depends(no_parameters)])
    ids = Ids(os.urandom)
    ledger = runtime.store.ledger

    def standing(kind: Literal["freeze", "increase"], target: str) -> list[Control]:
        now = runtime.clock.now()
        return [each for each in ledger.controls() if each.kind == kind and each.target == target and each.holds(now)]

    async def end(control: Control, by: str, action: str, reason: str) -> list[str]:
        now = runtime.clock.now()
        await ledger.control(msgspec.structs.replace(control, ended_at=now, ended_by=by), now)
        return await audited(runtime, action, control.target, by=by, before=_written(control), reason=reason)

    async def put(control: Control, action: str) -> list[str]:
        await ledger.control(control, runtime.clock.now())
        return await audited(
            runtime, action, control.target, by=control.by, after=_written(control), reason=control.reason
        )

    async def freeze(budget_id: str, asked: FreezeAsked, by: Actor) -> ControlChanged:
        """Refuses every request that costs money on an account, or on all of the budget, from the next one on; metered
        streams are cut. Also where the budget only watches."""
        target = target_of(ledger, budget_named(runtime.snapshot, budget_id), asked.account)
        there = standing("freeze", target)
        never = unseen(ledger, target)
        if there:
            return ControlChanged(changed=False, control=control_shown(there[0]), warnings=never)
        now = runtime.clock.now()
        control = Control(id=ids.new(now), kind="freeze", target=target, since=now, reason=asked.reason, by=by)
        warnings = await put(control, "account.frozen" if target != budget_id else "budget.frozen")
        return ControlChanged(changed=True, control=control_shown(control), warnings=[*warnings, *never])

    async def unfreeze(budget_id: str, asked: FreezeAsked, by: Actor) -> Ended:
        """Ends a freeze; the next request passes."""
        budget = budget_named(runtime.snapshot, budget_id)
        # What is frozen can be let go under the name it was frozen by, whatever the budget is split by now.
        named = asked.account if asked.account is not None and budget_of(asked.account) == budget_id else None
        there = standing("freeze", named) if named is not None else []
        target = there[0].target if there else target_of(ledger, budget, asked.account)
        there = there or standing("freeze", target)
        if not there:
            raise Problem(409, "account_not_frozen", _not_frozen(target, ledger.controls(), budget_id))
        warnings: list[str] = []
        for control in there:
            action = "account.unfrozen" if target != budget_id else "budget.unfrozen"
            warnings += await end(control, by, action, asked.reason)
        return Ended(ended=[control_shown(control) for control in there], warnings=warnings)

    async def increase(budget_id: str, asked: IncreaseAsked, by: Actor) -> ControlChanged:
        """Adds to the limit of an account, or of every account of the budget, until an instant; in force at once."""
        budget = budget_named(runtime.snapshot, budget_id)
        target = target_of(ledger, budget, asked.account)
        now = runtime.clock.now()
        amount = _amount(asked.amount_usd, budget)
        check_fits(budget, target, amount, ledger.controls())
        control = Control(
            id=ids.new(now),
            kind="increase",
            target=target,
            amount=amount,
            since=now,
            until=_until(runtime, budget, asked, now),
            reason=asked.reason,
            by=by,
        )
        warnings = [*await put(control, "limit.increased"), *unseen(ledger, target)]
        if not budget.enabled:
            warnings.append(f'Budget "{budget.id}" is switched off: its limit is not checked.')
        return ControlChanged(changed=True, control=control_shown(control), warnings=warnings)

    async def increases(budget_id: str) -> IncreaseList:
        """The increases of a budget and of its accounts that are not over."""
        budget_named(runtime.snapshot, budget_id)
        now = runtime.clock.now()
        found = [
            c for c in ledger.controls() if c.kind == "increase" and budget_of(c.target) == budget_id and c.holds(now)
        ]
        return IncreaseList(at=iso(now), items=[control_shown(control) for control in found])

    async def end_increase(budget_id: str, increase_id: str, by: Actor) -> Ended:
        """Ends an increase now; what was spent with it stays spent."""
        budget_named(runtime.snapshot, budget_id)
        now = runtime.clock.now()
        for control in ledger.controls():
            of_it = control.kind == "increase" and budget_of(control.target) == budget_id
            if of_it and control.id == increase_id and control.holds(now):
                warnings = await end(control, by, "limit.increase_ended", "")
                return Ended(ended=[control_shown(control)], warnings=warnings)
        raise Problem(
            404,
            "increase_unknown",
            f'Budget "{budget_id}" has no increase "{increase_id[:64]}" in force; GET /api/v1/budgets/{budget_id}/increases '
            "lists those there are.",
        )

    router.post("/budgets/{budget_id}/freeze")(freeze)
    router.post("/budgets/{budget_id}/unfreeze")(unfreeze)
    router.post("/budgets/{budget_id}/increases", status_code=201)(increase)
    router.get("/budgets/{budget_id}/increases")(increases)
    router.delete("/budgets/{budget_id}/increases/{increase_id}")(end_increase)
    return router


def _written(control: Control) -> dict[str, Any]:
    return {
        "id": control.id,
        "kind": control.kind,
        "target": control.target,
        "amount_usd": dollars(control.amount) if control.kind == "increase" else None,
        "since": iso(control.since),
        "until": instant_or_none(control.until),
        "by": control.by,
    }


def _amount(given: str, budget: Budget) -> int:
    try:
        amount = parse(given)
    except MoneyInvalid as error:
        raise Problem(400, "body_invalid", f"amount_usd: {error}.") from None
    if amount <= 0:
        raise Problem(
            400,
            "body_invalid",
            f'amount_usd: "{given}" would not raise the limit of "{budget.id}"; write an amount above zero, such as "25". To take '
            f"an increase back, end it (tollway budgets increases {budget.id} --end ID); to lower the limit, change the budget "
            "itself.",
        )
    return amount


def _until(runtime: Runtime, budget: Budget, asked: IncreaseAsked, now: int) -> int:
    if (asked.until is None) == (asked.for_ is None):
        raise Problem(400, "body_invalid", 'Say how long: either until, or for ("24h", "7d", "window").')
    if asked.for_ == "window":
        end = runtime.calendar.span(budget.window, now).end
        if end is None:
            raise Problem(
                400,
                "body_invalid",
                f'for: budget "{budget.id}" has no window that ends ({describe(budget.window)}); write "24h", or until.',
            )
        return end
    if asked.for_ is not None:
        found = _LENGTH.fullmatch(asked.for_)
        if found is None or int(found[1]) == 0:
            raise Problem(
                400, "body_invalid", f'for: "{asked.for_}" is no length of time; write 30m, 24h, 7d or window.'
            )
        until = now + int(timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds()) * 1000
    else:
        until = milliseconds(asked.until) or 0
        if until <= now:
            raise Problem(400, "body_invalid", f"until: {iso(until)} is over already; it is {iso(now)} now.")
    if until - now > LONGEST.days * 86_400_000:
        raise Problem(
            400, "body_invalid", f"An increase ends within {LONGEST.days} days; for good, change the budget's limit."
        )
    return until


def _not_frozen(target: str, controls: Sequence[Control], budget_id: str) -> str:
    frozen = [control.target for control in controls if control.kind == "freeze"]
    if budget_id in frozen:
        return f'"{target}" is frozen with all of budget "{budget_id}"; unfreeze that, without naming an account.'
    mine = [name for name in frozen if budget_of(name) == budget_id]
    others = f"; frozen of this budget: {', '.join(mine[:20])}" if mine else ""
    return f'"{target}" is not frozen{others}.'
