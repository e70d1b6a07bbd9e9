"""`/metrics`: what Prometheus scrapes. Money, tokens and requests are the ledger's and the log's own sums, also after a restart.

What is asked is asked again for every scrape, in steps that leave the event loop to the requests in between.
"""

import asyncio
import contextlib
from collections.abc import Iterable

from fastapi import APIRouter, Depends, Request, Response

from tollway.admin.metrics_budgets import BudgetFigures
from tollway.admin.metrics_ledger import ledger_families
from tollway.admin.metrics_process import process_families
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.errors import StoreUnavailable
from tollway.telemetry.exposition import OPENMETRICS, PLAIN, lines, wants_openmetrics
from tollway.telemetry.samples import Family
from tollway.workers.telemetry_sums import read_sums

LINES_AT_ONCE = 500
"""Lines that are written before others have their turn: about a millisecond."""


def metrics_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["metrics"])
    budgets = BudgetFigures(runtime)
    # Two who scrape at once ask one after the other: the second finds what the first has taken in.
    asking = asyncio.Lock()

    async def metrics(request: Request) -> Response:
        """Spend, tokens, requests, holds, budgets, health, for Prometheus: text format 0.0.4, or OpenMetrics where it is asked for."""
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        async with asking:
            money = await _ledger(runtime)
            figures = await budgets.ask(runtime.clock.now())
            stats = await runtime.answers.stats() if runtime.answers is not None else None
        families = (
            *money,
            *budgets.families(figures),
            *process_families(runtime, stats),
        )
        body = await written(families, openmetrics=openmetrics)
        return Response(body, media_type=OPENMETRICS if openmetrics else PLAIN)

    router.get("/metrics", dependencies=[Depends(no_parameters)], response_class=Response)(metrics)
    return router


async def _ledger(runtime: Runtime) -> list[Family]:
    """What comes of the ledger. A store that is away is told by `tollway_store_writable`, so the scrape goes on without it."""
    with contextlib.suppress(StoreUnavailable):
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        await runtime.store.records.flush()
    try:
        sums = await read_sums(runtime.store.analytics, runtime.settings.metrics_series)
        return list(ledger_families(sums, await runtime.store.analytics.rolled()))
    except StoreUnavailable:
        return []


async def written(families: Iterable[Family], *, openmetrics: bool) -> bytes:
    """The text, made in steps."""
    pieces: list[bytes] = []
    some: list[str] = []
    for line in lines(families, openmetrics=openmetrics):
        some.append(line)
        if len(some) >= LINES_AT_ONCE:
            pieces.append("".join(some).encode())
            some.clear()
            await asyncio.sleep(0)
    pieces.append("".join(some).encode())
    return b"".join(pieces)
