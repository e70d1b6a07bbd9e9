"""Keeping the rollups that analytics are added up from: what was booked and logged is taken in, little by little."""

import asyncio
import logging

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Analytics

log = logging.getLogger("tollway.workers")

ROLL_EVERY_S = 2.0
PAUSE_S = 0.005
"""Between two steps, as long as one: a ledger of years, rolled up for the first time, leaves the loop to the requests."""


async def keep_rollups(analytics: Analytics, every_s: float = ROLL_EVERY_S) -> None:
    """Runs until cancelled. Answers are exact without it, but slow."""
    while True:
        await asyncio.sleep(every_s)
        await roll_all(analytics)


async def roll_all(analytics: Analytics, pause_s: float = PAUSE_S) -> None:
    """Takes in all there is. A store that is away is tried again next time."""
    try:
        while await analytics.roll():
            await asyncio.sleep(pause_s)
    except StoreUnavailable as error:
        log.error("rollups wait for the store: %s", error)
