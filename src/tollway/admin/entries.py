"""Ledger entries: every amount, on the accounts it counts against, with its reasons."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from tollway.admin.access import Only
from tollway.admin.charge import ChargeShown, Dollars, Instant, charge_shown, usage_shown
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import Listing, given_once
from tollway.clock import iso
from tollway.ledger.entry import Kind, LedgerEntry


class EntryListing(Listing):
    kind: Kind | None = None
    request_id: str | None = None


class EntryShown(BaseModel):
    """One line of the ledger."""

    id: str
    request_id: str
    attempt: int
    kind: Kind
    """unpriced entries have an amount of 0 and are counted apart: their cost is not known."""
    amount_usd: Dollars | None
    """Signed for corrections and credits; null where no price is known."""
    charge: ChargeShown | None
    accounts: list[str]
    gateway: str
    provider: str
    model: str
    response_model: str | None
    user: str | None
    groups: list[str]
    key: str | None
    service: str | None
    metadata: dict[str, str]
    usage: dict[str, int | None] | None
    occurred_at: Instant
    recorded_at: Instant


class EntryPage(BaseModel):
    """Newest first."""

    items: list[EntryShown]
    next: str | None
    """The cursor of the page after this one; null at the end."""


def entry_shown(entry: LedgerEntry) -> EntryShown:
    context = entry.context
    charge = None if entry.kind == "unpriced" else charge_shown(entry.charge)
    return EntryShown(
        id=entry.id,
        request_id=entry.request_id,
        attempt=entry.attempt,
        kind=entry.kind,
        amount_usd=charge.amount_usd if charge is not None else None,
        charge=charge,
        accounts=[account for account, _ in entry.legs],
        gateway=context.gateway,
        provider=context.provider,
        model=context.model,
        response_model=entry.response_model,
        user=context.user,
        groups=list(context.groups),
        key=context.key,
        service=context.service,
        metadata=context.metadata,
        usage=usage_shown(entry.usage),
        occurred_at=iso(entry.occurred_at),
        recorded_at=iso(entry.recorded_at),
    )


def entries_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["ledger"])

    async def entries(where: Annotated[EntryListing, Query()], only: Only) -> EntryPage:
        """Ledger entries, newest first."""
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        try:
            page = await runtime.store.records.entries(where.filter(only), limit=where.limit, cursor=where.cursor)
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"{error}.") from None
        items = cast("list[LedgerEntry]", page.items)
        return EntryPage(items=[entry_shown(entry) for entry in items], next=page.next)

    router.get("/ledger/entries", dependencies=[Depends(given_once)])(entries)
    return router
