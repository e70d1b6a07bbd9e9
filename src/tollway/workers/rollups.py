"""Keeping the rollups that analytics are added up from: what was booked and logged is taken in, little by little."""

import asyncio
import logging

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Analytics
from tollway.workers.upkeep import said

log = logging.getLogger("tollway.workers")

ROLL_EVERY_S = 2.0
PAUSE_S = 0.005
"""Between two steps, as long as one: a ledger of years, rolled up for the first time, leaves the loop to the requests."""


async def keep_rollups(analytics: Analytics, every_s: float = ROLL_EVERY_S) -> None:
    """Runs until cancelled. Answers are exact without it, but slow."""
    told: str | None = None
    while True:
        await asyncio.sleep(every_s)
        told = await roll_all(analytics, told=told)


async def roll_all(analytics: Analytics, pause_s: float = PAUSE_S, *, told: str | None = None) -> str | None:
    """Takes in all there is; whatever is in the way is tried again next time. Returns it in words, which are logged where they
    are not those that were `told` last."""
    try:
        while await analytics.roll():
            await asyncio.sleep(pause_s)
    except StoreUnavailable as error:
        words = str(error)
        if words != told:
            log.error("rollups wait for the store: %s", words)
    except Exception as error:
        # A row that nobody thought of must not end this worker, nor what else it rolls up.
        words = said(error)
        if words != told:
            log.exception("rollups could not be kept: %s", words)
    else:
        if told is not None:
            log.warning("rollups are kept again")
        return None
    return words
