"""Statements: what a month is charged to whom, as figures and as files, and the freeze after which it never changes."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor, audited
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.statement_asked import (
    Meant,
    damaged,
    dimension_of,
    freezes_of,
    is_frozen,
    may_be_frozen,
    meant,
    said,
)
from tollway.admin.statement_files import PdfUnavailable, as_csv, as_pdf
from tollway.admin.statement_shown import (
    StatementDocumentShown,
    StatementFreezeShown,
    StatementsFrozenShown,
    StatementsShown,
    document_shown,
    frozen_shown,
    month_shown,
)
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.money import dollars
from tollway.statements.printed import named
from tollway.statements.statement import Frozen, Statement
from tollway.statements.tally import TooManyLines
from tollway.storage.billing import Billed, Damaged

_By = Annotated[
    str,
    Field(
        default="team", max_length=512, description="team, user, gateway, cost_center, key, service, metadata.<key>."
    ),
]
_Zone = Annotated[
    str | None,
    Field(
        default=None,
        max_length=64,
        description="An IANA zone: Europe/Berlin. Default: that in which months by this dimension are frozen, else UTC.",
    ),
]


class MonthQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    month: str | None = Field(default=None, max_length=10, description='"2026-10". Default: the month that is running.')
    by: _By
    timezone: _Zone


class DocumentQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: _By
    value: str | None = Field(
        default=None,
        max_length=1024,
        description="Whose statement; an empty one for what has no value. Without it, all of the month.",
    )
    format: Literal["pdf", "csv", "json"] = "json"
    timezone: _Zone


class FrozenQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(default=None, max_length=512, description="Only of this dimension.")


class StatementFreezeAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="team", max_length=512, description="The dimension, as in GET /statements.")
    word: str = Field(min_length=1, max_length=500, description="Why, for those who read it later.")
    timezone: _Zone


class StatementsFrozenPage(BaseModel):
    """The latest month first."""

    items: list[StatementsFrozenShown]


def statements_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["statements"])
    # Pages are set one document at a time: it takes a processor, and memory.
    setting = asyncio.Lock()

    async def asked_for(month: str | None, by: str, timezone: str | None) -> tuple[Meant, Sequence[Frozen]]:
        by = dimension_of(by)
        freezes = await freezes_of(runtime, by)
        return meant(month, by, timezone, freezes, runtime.clock.now()), freezes

    async def billed_for(asked: Meant) -> Billed:
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        try:
            return await runtime.store.billing.billed(*asked)
        except TooManyLines as error:
            raise _too_many(asked.by, error) from None
        except Damaged as error:
            raise damaged(error) from None

    async def statements(query: Annotated[MonthQuery, Query()]) -> StatementsShown:
        """What a month is charged to each team, user or cost centre; exact, and as it was frozen once it is."""
        asked, freezes = await asked_for(query.month, query.by, query.timezone)
        billed = await billed_for(asked)
        return month_shown(
            billed,
            month=str(asked.month),
            by=asked.by,
            timezone=asked.zone.key,
            span=asked.month.span(asked.zone),
            now=runtime.clock.now(),
            notes=_notes(asked, freezes),
        )

    async def frozen_statements(query: Annotated[FrozenQuery, Query()]) -> StatementsFrozenPage:
        """Months that were frozen, the latest first, with the hash of their statements."""
        by = None if query.by is None else dimension_of(query.by)
        return StatementsFrozenPage(items=[frozen_shown(each) for each in await freezes_of(runtime, by)])

    async def statement_document(month: str, query: Annotated[DocumentQuery, Query()]) -> Response:
        """One statement, or all of a month, as PDF, CSV or JSON."""
        asked, _ = await asked_for(month, query.by, query.timezone)
        billed = await billed_for(asked)
        whole = query.value is None
        chosen = [each for each in billed.statements if whole or each.value == (query.value or None)]
        if not chosen:
            whom = "anybody" if whole else named(asked.by, query.value or None)
            raise Problem(
                404,
                "statement_unknown",
                f"Nothing was charged to {whom} in {asked.month} ({asked.by}, {asked.zone.key}).",
            )
        match query.format:
            case "csv":
                made = await asyncio.to_thread(as_csv, chosen, billed.frozen)
                return _file(made, "text/csv; charset=utf-8", asked, chosen, whole, "csv")
            case "json":
                shown = await asyncio.to_thread(document_shown, chosen, billed.frozen)
                return Response(shown.model_dump_json(by_alias=True), media_type="application/json")
            case "pdf":
                setting_it = partial(as_pdf, chosen, billed.frozen, now=runtime.clock.now(), whole=whole)
                try:
                    async with setting:
                        made = await asyncio.to_thread(setting_it)
                except PdfUnavailable as error:
                    raise Problem(501, "pdf_unavailable", f"{error}.") from None
                return _file(made, "application/pdf", asked, chosen, whole, "pdf")

    async def freeze_statements(month: str, body: StatementFreezeAsked, by: Actor) -> StatementFreezeShown:
        """Freezes all statements of a month by one dimension, for ever. What is booked for it later is an adjustment in the
        statement of the month in which it is booked."""
        now = runtime.clock.now()
        asked, freezes = await asked_for(month, body.by, body.timezone)
        already = next((each for each in freezes if each.month == str(asked.month)), None)
        if already is not None:
            raise is_frozen(already, iso(already.at))
        may_be_frozen(asked, freezes, now)
        await runtime.store.ledger.flush()
        word = said("word", body.word)
        start, end = asked.month.span(asked.zone)
        under_way = sum(start <= each.opened_at < end for each in runtime.store.ledger.open_reservations())
        try:
            made = await runtime.store.billing.freeze(*asked, at=now, frozen_by=by, word=word)
        except TooManyLines as error:
            raise _too_many(asked.by, error) from None
        if made is None:
            first = next(each for each in await freezes_of(runtime, asked.by) if each.month == str(asked.month))
            raise is_frozen(first, iso(first.at))
        warnings = await audited(
            runtime,
            "statement.frozen",
            f"{made.month} by {made.by}",
            by=by,
            after={
                "timezone": made.timezone,
                "statements": made.statements,
                "total_usd": dollars(made.total),
                "through": made.through,
                "hash": made.hash,
            },
            reason=word,
        )
        if under_way:
            warnings.append(f"Still under way, and adjustments once they end: {under_way:,} requests of {made.month}.")
        return StatementFreezeShown(**frozen_shown(made).model_dump(), warnings=warnings)

    router.get("/statements")(statements)
    router.get("/statements/frozen")(frozen_statements)
    router.get(
        "/statements/{month}/document",
        response_model=StatementDocumentShown,
        responses={200: {"content": {"application/pdf": {}, "text/csv": {}}}},
    )(statement_document)
    router.post("/statements/{month}/freeze", status_code=201, dependencies=[Depends(no_parameters)])(freeze_statements)
    return router


def _notes(asked: Meant, freezes: Sequence[Frozen]) -> list[str]:
    if freezes and freezes[0].timezone != asked.zone.key:
        return [
            f"Statements by {asked.by} are frozen in {freezes[0].timezone}. These are of {asked.zone.key}, whose months are "
            "others: they are never frozen, and have corrections in the month of the request."
        ]
    return []


def _file(made: bytes, media_type: str, asked: Meant, chosen: Sequence[Statement], whole: bool, form: str) -> Response:
    name = f"statement-{asked.month}-{asked.by}-{'all' if whole else chosen[0].value or 'none'}"
    # RFC 9110, 5.5: a field's value is ASCII; what else a name has is a dash in the file's.
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "-_.@") else "-" for each in name[:160])
    return Response(
        made,
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{safe}.{form}"', "cache-control": "no-store"},
    )


def _too_many(by: str, error: TooManyLines) -> Problem:
    return Problem(400, "statement_too_long", f"By {by}, {error}; choose a dimension with fewer values.")
