"""Letting go of old records of the request log: by age and by count, a little at a time. Never anything of the ledger."""

import asyncio
import logging
from collections.abc import Callable

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Analytics

log = logging.getLogger("tollway.workers")

LOOK_EVERY_S = 60.0
PAUSE_S = 0.01
"""Between two steps, so that they take a fifth of the loop's time at most."""

_DAY_MS = 86_400_000


async def keep_log(
    analytics: Analytics, now: Callable[[], int], *, days: int, rows: int, every_s: float = LOOK_EVERY_S
) -> None:
    """Runs until cancelled, or returns at once where everything is to stay: `days` and `rows` are 0 then."""
    while days or rows:
        await asyncio.sleep(every_s)
        await shorten(analytics, now(), days=days, rows=rows)


async def shorten(analytics: Analytics, now: int, *, days: int, rows: int, pause_s: float = PAUSE_S) -> int:
    """Deletes what is older than `days` and what is beyond the newest `rows` (0: no bound); how many records that were."""
    deleted = 0
    try:
        while step := await analytics.retain(before=now - days * _DAY_MS if days else None, rows=rows or None):
            deleted += step
            await asyncio.sleep(pause_s)
    except StoreUnavailable as error:
        log.error("old records of the log wait for the store: %s", error)
    return deleted
