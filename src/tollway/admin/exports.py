"""Any view, and any month, as a file: analytics, ledger entries, the request log, FOCUS."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import chain, islice
from typing import Annotated, Any, TypeVar, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from msgspec import structs

from tollway.admin.access import Only
from tollway.admin.analytics_asked import asking
from tollway.admin.analytics_query import buckets, earlier_of, filters, question, range_of
from tollway.admin.exports_analytics import cells_of, view_table
from tollway.admin.exports_asked import MOST_CELLS, AnalyticsExport, EntryExport, FocusExport, LogExport
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import given_once
from tollway.clock import iso
from tollway.exports.columns import Table
from tollway.exports.entries import entries_table
from tollway.exports.focus import focus_table
from tollway.exports.logs import Remarked, remarked_table
from tollway.exports.making import AT_ONCE, MEDIA_TYPES, Form, Page, paged, pieces
from tollway.exports.parquet import ParquetUnavailable, check_installed
from tollway.ledger.entry import LedgerEntry
from tollway.logs.record import LogRecord
from tollway.storage.protocol import Filter
from tollway.workers.listed_prices import list_prices

T = TypeVar("T")

MOST_AT_ONCE = 4
"""Exports under way: each reads pages one after the other, with others in between."""


def exports_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["exports"])
    under_way: set[object] = set()
    ask = asking(runtime)

    async def entry_page(where: Filter, cursor: str | None) -> Page[LedgerEntry]:
        page = await runtime.store.records.entries(where, limit=AT_ONCE, cursor=cursor)
        return cast("Page[LedgerEntry]", page)

    async def record_page(where: Filter, cursor: str | None) -> Page[LogRecord]:
        page = await runtime.store.records.records(where, limit=AT_ONCE, cursor=cursor)
        return cast("Page[LogRecord]", page)

    async def answer(
        asked: Request,
        table: Table[T],
        pages: AsyncIterator[Sequence[T]],
        form: Form,
        name: str,
        *,
        spreadsheet: bool,
    ) -> Response:
        """The file, once its first page could be read; to HEAD what goes before it, and no file is made."""
        if len(under_way) >= MOST_AT_ONCE:
            words = f"{MOST_AT_ONCE} exports are under way already; try again when one of them is done."
            raise Problem(503, "overloaded", words, retry_after_s=5)
        whole = asked.method != "HEAD"
        made = pieces(table, pages, form, spreadsheet=spreadsheet) if whole else _tried(pages, form)
        made = _counted(under_way, made)
        try:
            first = await anext(made, b"")
        except ParquetUnavailable as error:
            raise Problem(501, "parquet_unavailable", f"{error}.") from None
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"{error}.") from None
        # Without a length, which is not known to either method before the file is made (RFC 9110, 8.6).
        return StreamingResponse(
            _after(first, made),
            media_type=MEDIA_TYPES[form],
            headers={
                "content-disposition": f'attachment; filename="tollway-{name}.{form}"',
                "cache-control": "no-store",
            },
        )

    async def entries_export(query: Annotated[EntryExport, Query()], request: Request, only: Only) -> Response:
        """Ledger entries, newest first. Openings, which move no money, are left out unless `kind=opening` is asked for."""
        where = query.filter(only)
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        table = entries_table(openings=query.kind == "opening")
        pages = paged(lambda cursor: entry_page(where, cursor))
        return await answer(request, table, pages, query.format, _name("entries", where), spreadsheet=query.spreadsheet)

    async def logs_export(query: Annotated[LogExport, Query()], request: Request, only: Only) -> Response:
        """The request log, newest first, with what was said of requests afterwards."""
        where = query.filter(only)
        await runtime.store.records.flush()

        async def remarked() -> AsyncGenerator[Sequence[Remarked]]:
            async for page in paged(lambda cursor: record_page(where, cursor)):
                said = await runtime.store.logged.remarks([record.request_id for record in page])
                yield [Remarked(record, said.get(record.request_id)) for record in page]

        table = remarked_table()
        return await answer(
            request, table, remarked(), query.format, _name("logs", where), spreadsheet=query.spreadsheet
        )

    async def focus_export(query: Annotated[FocusExport, Query()], request: Request, only: Only) -> Response:
        """Ledger entries in the FinOps Foundation's form, a row for each meter of a charge."""
        where = query.filter(only)
        await runtime.store.ledger.flush()
        table = focus_table(query.version, list_prices(runtime.snapshot).of, strict=query.strict)
        pages = paged(lambda cursor: entry_page(where, cursor))
        name = _name(f"focus-{query.version}", where) if query.month is None else f"focus-{query.version}-{query.month}"
        return await answer(request, table, pages, query.format, name, spreadsheet=query.spreadsheet)

    async def analytics_export(query: Annotated[AnalyticsExport, Query()], request: Request, only: Only) -> Response:
        """A view of analytics: a row for each bucket and group, and no total, so that each column adds up to it."""
        asked = range_of(query, runtime.clock.now())
        metrics, first = question(query, asked, filters(request.query_params.multi_items(), AnalyticsExport, only))
        if first.by and query.limit * (len(first.bounds) - 1) > MOST_CELLS:
            most = MOST_CELLS // (len(first.bounds) - 1)
            raise Problem(400, "parameter_invalid", f"limit: with so many buckets there may be {most:,} groups.")
        found = cells_of(await ask(first), first, "asked")
        if query.compare is not None:
            earlier = structs.replace(first, bounds=buckets(earlier_of(query, asked), query.grain))
            found = chain(found, cells_of(await ask(earlier), earlier, "previous"))
        table = view_table(first, metrics, compared=query.compare is not None)
        name = f"analytics-{_day(asked.since)}-{_day(asked.until)}"
        return await answer(request, table, _sliced(found), query.format, name, spreadsheet=query.spreadsheet)

    document: dict[str, Any] = {"response_class": Response, "responses": {200: _FILE}}
    once = [Depends(given_once)]
    router.get("/exports/analytics", **document)(analytics_export)
    router.get("/exports/entries", dependencies=once, **document)(entries_export)
    router.get("/exports/focus", dependencies=once, **document)(focus_export)
    router.get("/exports/logs", dependencies=once, **document)(logs_export)
    # RFC 9110, 9.3.2: whoever may GET may ask for the head alone. Unlike Starlette, FastAPI does not see to it.
    router.head("/exports/analytics", include_in_schema=False)(analytics_export)
    router.head("/exports/entries", dependencies=once, include_in_schema=False)(entries_export)
    router.head("/exports/focus", dependencies=once, include_in_schema=False)(focus_export)
    router.head("/exports/logs", dependencies=once, include_in_schema=False)(logs_export)
    return router


_FILE = {
    "description": "The file.",
    "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
}


async def _counted(under_way: set[object], made: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same, and known to be under way for as long as it is."""
    mark = object()
    under_way.add(mark)
    try:
        async for piece in made:
            yield piece
    finally:
        under_way.discard(mark)
        await made.aclose()


async def _tried(pages: AsyncIterator[Sequence[object]], form: Form) -> AsyncGenerator[bytes]:
    """No bytes. The first page is read all the same: it shows what is wrong with the question. Raises as `pieces` does."""
    if form == "parquet":
        check_installed()
    await anext(pages, None)
    yield b""


async def _after(first: bytes, made: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for piece in made:
            yield piece
    finally:
        await made.aclose()


async def _sliced(found: Iterator[T]) -> AsyncGenerator[Sequence[T]]:
    # Most cells of a wide view are empty, and looking through them takes long.
    while page := await asyncio.to_thread(lambda: list(islice(found, AT_ONCE))):
        yield page


def _name(what: str, where: Filter) -> str:
    """What a file is called, without its ending: what it is of, and its first day and the one behind its last (UTC)."""
    since = _day(where.since) if where.since is not None else "begin"
    until = _day(where.until) if where.until is not None else "now"
    return what if where.since is where.until is None else f"{what}-{since}-{until}"


def _day(at: int) -> str:
    return iso(at)[:10]
