"""Where the money went, by any two dimensions, over any range and calendar: sums that equal the ledger's."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from tollway.admin.access import Only
from tollway.admin.analytics_asked import asking
from tollway.admin.analytics_query import (
    AnalyticsQuery,
    Metric,
    MoversQuery,
    UsersQuery,
    buckets,
    dimensions,
    earlier_of,
    filters,
    question,
    range_of,
    refuse_untold,
)
from tollway.admin.analytics_shown import AnalyticsAnswer, MoversAnswer, figures, group_shown, series_shown
from tollway.admin.insights import InsightsAnswer, insights
from tollway.admin.people import people_router
from tollway.admin.problem import Problem
from tollway.admin.refusals import RefusalsAnswer, RefusalsQuery, refusals
from tollway.admin.runtime import Runtime
from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.analytics import Answer, Group, Question, Series, Sums

MOST_FIGURES = 250_000
"""Groups times buckets times metrics of one answer: some 20 MB, and a second or two of the processor."""
COMPARED_AT_MOST = 100_000
"""Groups whose period before is looked up one by one."""


def analytics_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["analytics"])
    writing, ask = asyncio.Lock(), asking(runtime)

    async def analytics(query: Annotated[AnalyticsQuery, Query()], request: Request, only: Only) -> Response:
        """Spend, tokens, requests, errors, cache and latency, by time and dimensions, with the total."""
        asked = range_of(query, runtime.clock.now())
        where = filters(request.query_params.multi_items(), AnalyticsQuery, only)
        metrics, first = question(query, asked, where)
        _check_size(query, first, metrics)
        answer, grained = await ask(first), query.grain != "none"
        earlier, previous = None, None
        known: Mapping[Group, Series] = {}
        if query.compare is not None:
            past = earlier_of(query, asked)
            over = buckets(past, query.grain)
            earlier = msgspec.structs.replace(first, bounds=over, by=())
            previous = await ask(earlier)
            if first.by:
                whole = msgspec.structs.replace(first, bounds=(past.since, past.until), limit=COMPARED_AT_MOST)
                known = (await ask(whole)).groups

        def written() -> Response:
            groups = [
                {
                    "group": group_shown(first.by, group),
                    **series_shown(series, first, metrics, grained=grained),
                    **_previously(known.get(group), earlier, metrics),
                }
                for group, series in (answer.groups.items() if first.by else ())
            ]
            other = answer.other
            return _json(
                {
                    "from": iso(asked.since),
                    "to": iso(asked.until),
                    "timezone": query.timezone,
                    "grain": query.grain,
                    "by": first.by,
                    "metrics": metrics,
                    "starts": _starts(first, query.grain),
                    "total": series_shown(answer.total, first, metrics, grained=grained),
                    "groups": groups,
                    "other": None if other is None else series_shown(other, first, metrics, grained=grained),
                    "others": answer.others,
                    "overlapping": answer.overlapping,
                    "previous": None
                    if previous is None or earlier is None
                    else {
                        "from": iso(earlier.bounds[0]),
                        "to": iso(earlier.bounds[-1]),
                        "starts": _starts(earlier, query.grain),
                        "total": series_shown(previous.total, earlier, metrics, grained=grained),
                    },
                }
            )

        # It may be megabytes, and the requests go on meanwhile.
        async with writing:
            return await asyncio.to_thread(written)

    async def movers(query: Annotated[MoversQuery, Query()], request: Request, only: Only) -> Response:
        """What cost more or less than in the period before, the largest change first."""
        asked = range_of(query, runtime.clock.now())
        start, end, _ = earlier_of(query, asked)
        by = dimensions(query.by)
        if not by:
            raise Problem(400, "parameter_invalid", "by: name one or two fields.")
        where = filters(request.query_params.multi_items(), MoversQuery, only)
        # Refuses what money cannot be told by.
        refuse_untold("cost", (*by, *(condition.field for condition in where)))
        now = Question(
            bounds=(asked.since, asked.until),
            by=by,
            where=where,
            columns={"spending": ("amount_nanodollars",)},
            limit=COMPARED_AT_MOST,
        )
        later = await ask(now)
        earlier = await ask(msgspec.structs.replace(now, bounds=(start, end)))
        after, was = _amounts(later), _amounts(earlier)
        changes = {group: (after.get(group, 0), was.get(group, 0)) for group in {**after, **was}}
        ranked = sorted(changes.items(), key=lambda item: (-abs(item[1][0] - item[1][1]), str(item[0])))
        shown, rest = ranked[: query.limit], ranked[query.limit :]
        total = (later.total.whole["spending"][0], earlier.total.whole["spending"][0])
        left = (
            (sum(pair[0] for _, pair in rest), sum(pair[1] for _, pair in rest))
            if later.overlapping
            else tuple(whole - sum(pair[side] for _, pair in shown) for side, whole in enumerate(total))
        )
        hidden = bool(rest) or later.other is not None or earlier.other is not None
        return _json(
            {
                "from": iso(asked.since),
                "to": iso(asked.until),
                "previous_from": iso(start),
                "previous_to": iso(end),
                "by": by,
                "items": [_moved(group_shown(by, group), *pair) for group, pair in shown],
                "other": _moved({}, *left) if hidden else None,
                "total": _moved({}, *total),
                "overlapping": later.overlapping,
            }
        )

    async def users(query: Annotated[UsersQuery, Query()], request: Request) -> InsightsAnswer:
        """Who uses what: how many, how much in the middle and at the top, whom to talk to, which sessions stand out."""
        asked = range_of(query, runtime.clock.now())
        where = filters(request.query_params.multi_items(), UsersQuery, None)
        refuse_untold("cost,requests", [condition.field for condition in where])
        return await insights(runtime, ask, asked, where, query.review)

    async def stopped(query: Annotated[RefusalsQuery, Query()], only: Only) -> RefusalsAnswer:
        """Refusals by reason and requests that a cheaper model served, with what they would have cost, estimated."""
        return await refusals(runtime, ask, query, only)

    document: dict[str, Any] = {"responses": {200: {"description": "Exact sums."}}}
    router.get("/analytics", response_model=AnalyticsAnswer, **document)(analytics)
    router.get("/analytics/movers", response_model=MoversAnswer, **document)(movers)
    router.get("/analytics/users")(users)
    router.include_router(people_router(runtime, ask))
    router.get("/analytics/refusals")(stopped)
    return router


def _check_size(query: AnalyticsQuery, asked: Question, metrics: Sequence[Metric]) -> None:
    """Refuses an answer of more figures than anybody reads. Raises Problem."""
    each = (len(asked.bounds) - 1) * len(metrics)
    if asked.by and query.limit * each > MOST_FIGURES:
        raise Problem(
            400,
            "parameter_invalid",
            f"limit: {query.limit:,} groups in {len(asked.bounds) - 1:,} buckets with {len(metrics)} metrics are more than "
            f"{MOST_FIGURES:,} figures; ask for {max(1, MOST_FIGURES // each):,} groups at most, for fewer metrics, or a coarser grain.",
        )


def _previously(series: Series | None, earlier: Question | None, metrics: Sequence[Metric]) -> dict[str, Any]:
    if earlier is None:
        return {"previous": None}
    nothing: Sums = {table: [0] * len(columns) for table, columns in earlier.columns.items()}
    return {"previous": figures(nothing if series is None else series.whole, earlier, metrics)}


def _starts(asked: Question, grain: str) -> list[str]:
    return [] if grain == "none" else [iso(start) for start in asked.bounds[:-1]]


def _amounts(answer: Answer) -> Mapping[Group, int]:
    return {group: series.whole["spending"][0] for group, series in answer.groups.items()}


def _moved(group: dict[str, str | None], after: int, was: int) -> dict[str, Any]:
    return {
        "group": group,
        "spent_usd": dollars(after),
        "before_usd": dollars(was),
        "change_usd": dollars(after - was),
    }


def _json(answer: dict[str, Any]) -> Response:
    """Thousands of buckets are not worth being validated one by one; a test holds them against what is declared."""
    return Response(msgspec.json.encode(answer), media_type="application/json")
