"""Adjustments by hand: an amount that is charged to somebody, or given back, as an entry of the ledger with its reason."""

import os
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Dollars, Instant
from tollway.admin.charged_before import never_charged
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.statement_asked import dimension_of, freezes_of, meant, said
from tollway.admin.where import no_parameters
from tollway.budgets.desired import legs_of
from tollway.budgets.index import Index
from tollway.budgets.window import Calendar
from tollway.clock import iso
from tollway.errors import MoneyInvalid
from tollway.exchange.selection import facts_of_entry
from tollway.identity.names import known_as
from tollway.ids import Ids
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.journal import Place
from tollway.match import METADATA
from tollway.money import MOST_AT_ONCE, Money, display, dollars, parse
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.snapshot import Snapshot
from tollway.statements.month import Month, charged_in, month_of, read_month
from tollway.statements.statement import field_of
from tollway.storage.billing import ADJUSTMENTS, Why
from tollway.storage.protocol import Kept

METER = "adjustment"
"""The meter of the one line that such an entry has."""

_PREFIX = "adjustment-"


class AdjustmentAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="team", max_length=512, description="The dimension, as in GET /statements.")
    value: str = Field(min_length=1, max_length=1024, description="Whom: the team, the user, the cost centre.")
    amount_usd: str = Field(
        max_length=40,
        description='A decimal string of US dollars: "12.50" is charged, "-12.50" is given back. At most 1,000,000.',
    )
    word: str = Field(min_length=1, max_length=500, description="Why; it stands on the statement.")
    month: str | None = Field(
        default=None,
        max_length=10,
        description='The month that it belongs to: "2026-10". Default: the one that is running.',
    )
    timezone: str | None = Field(default=None, max_length=64, description="As in GET /statements.")
    id: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
            description="A name of your own: the same is never booked twice, however often it is sent.",
        ),
    ]


class AdjustmentBooked(BaseModel):
    """An entry of the ledger, of kind credit."""

    entry: str
    by: str
    value: str
    amount_usd: Dollars
    belongs_to: str
    """The month that was named."""
    charged_in: str
    """The month whose statement has it: another one where that is frozen."""
    occurred_at: Instant
    accounts: list[str]
    """Of budgets that it counts on: those that count everything of this team or user, whatever the model."""
    warnings: list[str]


def adjustments_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["statements"])
    ids = Ids(os.urandom)

    async def book_adjustment(asked: AdjustmentAsked, by: Actor) -> AdjustmentBooked:
        """Charges an amount to a team, a user or another dimension, or gives it back. It is an entry of the ledger like any other,
        in every sum of spend; a mistake is amended by another one. A gateway that never was is refused; a team or user that nothing
        was ever charged to is warned of."""
        dimension = dimension_of(asked.by)
        freezes = await freezes_of(runtime, dimension)
        now = runtime.clock.now()
        month, _, zone = meant(asked.month, dimension, asked.timezone, freezes, now)
        start, end = month.span(zone)
        at = now if start <= now < end else end - 1
        amount, word = _amount(asked.amount_usd), said("word", asked.word)
        value = said("value", asked.value)
        context = context_of(dimension, value)
        unknown = await never_charged(runtime, dimension, context.user or value)
        request_id = f"{_PREFIX}{asked.id or ids.new(now)}"
        entry = LedgerEntry(
            id=entry_id(request_id, 1, "credit"),
            reservation_id=f"{request_id}.1",
            request_id=request_id,
            attempt=1,
            kind="credit",
            charge=Charge(amount, (ChargeLine(METER, 1, UnitPrice(amount, 1), amount),)),
            legs=legs(context, runtime.snapshot, at, runtime.calendar),
            context=context,
            occurred_at=at,
            recorded_at=now,
        )
        if (beyond := runtime.store.ledger.beyond(entry)) is not None:
            raise Problem(
                422, "adjustment_beyond", f"amount_usd: with {display(amount)} more, {beyond}; nothing was booked."
            )
        why = Kept(drawer=ADJUSTMENTS, id=entry.id, record=msgspec.json.encode(Why(word, by)), at=now)
        # The reason is there before the entry is; the first of two that share an id stands.
        first = await runtime.store.cabinet.swap(why, None)
        if not runtime.store.ledger.settle(entry):
            raise Problem(
                409, "adjustment_taken", f'id: an adjustment "{asked.id}" is in the ledger already; nothing was booked.'
            )
        await runtime.store.ledger.flush()
        if not first:
            # What was left of an attempt that died before it booked anything.
            await runtime.store.cabinet.put(why)
        marks = {
            found: each.through
            for each in freezes
            if each.timezone == zone.key and (found := read_month(each.month)) is not None
        }
        charged = charged_in(month, _BEHIND_ALL, month_of(now, zone), marks)
        warnings = await audited(
            runtime,
            "ledger.adjusted",
            entry.id,
            by=by,
            after={"by": dimension, "value": value, "amount_usd": dollars(amount), "month": str(month)},
            reason=word,
        )
        return AdjustmentBooked(
            entry=entry.id,
            by=dimension,
            value=value,
            amount_usd=dollars(amount),
            belongs_to=str(month),
            charged_in=str(charged),
            occurred_at=iso(at),
            accounts=[account for account, _ in entry.legs],
            warnings=[*warnings, *unknown, *_moved(month, charged)],
        )

    router.post("/statements/adjustments", status_code=201, dependencies=[Depends(no_parameters)])(book_adjustment)
    return router


_BEHIND_ALL = 2**63 - 1
"""A place in the ledger that no freeze has: that of what is booked now."""


def context_of(dimension: str, value: str) -> Context:
    """Who is charged, as an entry of theirs would say it."""
    nobody = Context(gateway="", provider="", model="")
    field = field_of(dimension)
    assert field is not None, dimension
    if field.startswith(METADATA):
        return msgspec.structs.replace(nobody, metadata={field.removeprefix(METADATA): value})
    return msgspec.structs.replace(nobody, **{field: known_as(value) if field == "user" else value})


def legs(context: Context, snapshot: Snapshot, at: int, calendar: Calendar) -> tuple[Place, ...]:
    """The accounts that count what is charged: those that a budget which is made later would take it over to."""
    facts = facts_of_entry(context, snapshot, at)
    return tuple(
        leg for budget in Index(snapshot.budgets).candidates(facts) for leg in legs_of(budget, facts, at, calendar)
    )


def _amount(text: str) -> Money:
    try:
        amount = parse(text)
    except MoneyInvalid as error:
        raise Problem(400, "body_invalid", f"amount_usd: {error}.") from None
    if amount == 0:
        raise Problem(400, "body_invalid", "amount_usd: nothing is no adjustment; write what is charged or given back.")
    if abs(amount) > MOST_AT_ONCE:
        raise Problem(
            400,
            "body_invalid",
            f"amount_usd: {display(amount)} is more than one adjustment may be; the most is {display(MOST_AT_ONCE)}. Book several.",
        )
    return amount


def _moved(month: Month, charged: Month) -> list[str]:
    if charged == month:
        return []
    return [f"{month} is frozen, so this is in the statement of {charged}, as an adjustment of {month}."]
