"""Budgets made, changed and taken out by the API: in the settings file, which keeps its comments and its order."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tollway.admin.audit import Actor
from tollway.admin.controls import budget_named
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import Changed, IfMatch, SettingsChange, etag
from tollway.admin.warnings import warnings_of
from tollway.admin.written import Fields, schema_of
from tollway.budgets.budget import Budget
from tollway.budgets.desired import fingerprint
from tollway.budgets.holds import UNLIMITED, Claim, holds
from tollway.document.budget_edit import fields_of, place_of, read_fields, with_budget, with_fields, without_budget
from tollway.document.changes import budget_id as id_of
from tollway.document.text import parse
from tollway.document.written import BudgetDocument
from tollway.money import display
from tollway.policies.buckets import PREFIX
from tollway.snapshot import Snapshot

_SCHEMA = schema_of(BudgetDocument)
MOST_NAMED = 5

Written = Annotated[Fields, WithJsonSchema(_SCHEMA)]
"""An entry of `budgets:` as the settings have it; what it does not say is left out."""

Patch = Annotated[
    Fields,
    Body(description="Fields in the place of the budget's own; null takes one out. `where` is merged by attribute."),
]


class ChangeQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="Say what would change, and change nothing.")


class BudgetChanged(BaseModel):
    """A budget as it was and as it is, or would be."""

    id: str
    revision: int
    """Of the settings in force."""
    changed: bool
    """False where the settings said so already."""
    dry_run: bool
    before: Written | None
    after: Written | None
    warnings: list[str]


def budget_edit_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["budgets"])
    settings = SettingsChange(runtime)

    async def change(
        budget_id: str,
        edit: Callable[[str], str],
        query: ChangeQuery,
        response: Response,
        if_match: str | None,
        by: str,
    ) -> BudgetChanged:
        before = runtime.snapshot
        made: Changed
        if query.dry_run:
            made = await settings.preview(edit, if_match)
        else:
            made = await settings.make(edit, if_match, by)
        response.headers.update(etag(runtime.snapshot))
        was, now = _written(before, budget_id), _written(made.snapshot, budget_id)
        return BudgetChanged(
            id=budget_id,
            revision=runtime.snapshot.revision,
            changed=made.changed,
            dry_run=query.dry_run,
            before=was,
            after=now,
            warnings=[*_warnings(runtime, before, made.snapshot, budget_id, query), *made.warnings],
        )

    async def create(
        written: Annotated[Written, Body()],
        query: Annotated[ChangeQuery, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> BudgetChanged:
        """Writes a budget into the settings. It has counted what lies in its window before it refuses anything."""
        budget = read_fields(written)
        if query.dry_run:
            response.status_code = 200
        return await change(id_of(budget), lambda text: with_budget(text, budget), query, response, if_match, by)

    async def patch(
        budget_id: str,
        fields: Patch,
        query: Annotated[ChangeQuery, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> BudgetChanged:
        """Changes fields of a budget; what was spent stays spent, whatever its window or its name becomes."""
        _check_written(runtime.snapshot, budget_id)
        if fields.get("id", budget_id) != budget_id:
            raise Problem(
                400,
                "body_invalid",
                f'id: it names the budget\'s accounts and stays "{budget_id}"; change the name instead.',
            )
        return await change(
            budget_id, lambda text: _or_gone(with_fields, text, budget_id, fields), query, response, if_match, by
        )

    async def remove(
        budget_id: str,
        query: Annotated[ChangeQuery, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> BudgetChanged:
        """Takes a budget out of the settings; the ledger keeps every entry."""
        _check_written(runtime.snapshot, budget_id)
        return await change(
            budget_id, lambda text: _or_gone(without_budget, text, budget_id), query, response, if_match, by
        )

    router.post("/budgets", status_code=201)(create)
    router.patch("/budgets/{budget_id}")(patch)
    router.delete("/budgets/{budget_id}")(remove)
    return router


def _or_gone(edit: Callable[..., str], text: str, budget_id: str, *rest: Any) -> str:
    try:
        return edit(text, budget_id, *rest)
    except KeyError:
        raise Problem(404, "budget_unknown", f'The settings have no budget with the id "{budget_id[:64]}".') from None


def _check_written(snapshot: Snapshot, budget_id: str) -> None:
    budget = budget_named(snapshot, budget_id)
    if _written(snapshot, budget_id) is None:
        if budget_id.startswith(PREFIX):
            raise Problem(
                409, "budget_elsewhere", f'"{budget_id}" is what policies count on; change the policies: {budget.name}.'
            )
        raise Problem(
            409,
            "budget_elsewhere",
            f'"{budget_id}" is a spend limit of gateway "{budget.gateway}"; change it in the settings file, under '
            "gateways: spend_limits: rules, and reload.",
        )


def _written(snapshot: Snapshot, budget_id: str) -> dict[str, Any] | None:
    document = parse(snapshot.document)
    try:
        return fields_of(document.budgets[place_of(document, budget_id)])
    except KeyError:
        return None


def _find(snapshot: Snapshot, budget_id: str) -> Budget | None:
    return next((budget for budget in snapshot.budgets if budget.id == budget_id), None)


def _warnings(runtime: Runtime, before: Snapshot, after: Snapshot, budget_id: str, query: ChangeQuery) -> Sequence[str]:
    """What follows from the change that is probably to be known."""
    now = runtime.clock.now()
    known = set(warnings_of(before, now))
    said = [warning for warning in warnings_of(after, now) if warning not in known]
    was, budget = _find(before, budget_id), _find(after, budget_id)
    if budget is None:
        standing = [control for control in runtime.store.ledger.controls() if control.target.startswith(budget_id)]
        if standing:
            said.append(f'Freezes and increases of "{budget_id}" stay, and hold for a budget of the same id.')
        return said
    anew = was is None or fingerprint(was) != fingerprint(budget)
    if query.dry_run and anew:
        said.append("Its accounts would be computed from the ledger before it refuses anything.")
        return said
    if not budget.enabled:
        return said
    accounts = tuple(runtime.store.ledger.accounts(budget_id)) if budget.split_by else (budget_id,)
    placed = holds((Claim(budget, accounts),), 0, now, runtime.calendar)
    spent = [
        balance
        for hold, balance in zip(placed, runtime.store.ledger.balances(placed), strict=True)
        if hold.limit < UNLIMITED and balance.spent >= balance.limit and (balance.spent or balance.limit <= 0)
    ]
    spent.sort(key=lambda balance: balance.available)
    for balance in spent[:MOST_NAMED]:
        said.append(f'Account "{balance.account}" has spent {display(balance.spent)} of {display(balance.limit)}.')
    if len(spent) > MOST_NAMED:
        said.append(f"{len(spent) - MOST_NAMED:,} more accounts have spent their limit.")
    return said
