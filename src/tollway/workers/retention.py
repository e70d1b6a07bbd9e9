"""Letting go of old records of the request log, and of bodies: by age and count, a little at a time. Never anything of the ledger."""

import asyncio
import logging
from collections.abc import Callable

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import Analytics
from tollway.storage.bodies import BodyStore
from tollway.storage.logged import Logged

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


async def keep_bodies(
    bodies: BodyStore,
    logged: Logged,
    now: Callable[[], int],
    *,
    days: int,
    requests: int,
    limit_bytes: int,
    every_s: float = LOOK_EVERY_S,
) -> None:
    """Runs until cancelled. What nothing else bounds (0) goes with the request it is of."""
    while True:
        await asyncio.sleep(every_s)
        await let_go(bodies, logged, now(), days=days, requests=requests, limit_bytes=limit_bytes)


async def let_go(
    bodies: BodyStore,
    logged: Logged,
    now: int,
    *,
    days: int,
    requests: int,
    limit_bytes: int,
    pause_s: float = PAUSE_S,
) -> int:
    """Lets go of bodies older than `days`, beyond the newest `requests` and `limit_bytes` (0: no bound), and of bodies and
    remarks of requests older than the oldest of the log; of how many requests there were bodies."""
    gone = 0
    try:
        oldest = await logged.oldest()
        bounds = [now - days * _DAY_MS] if days else []
        bounds += [oldest] if oldest is not None else []
        before = max(bounds, default=None)
        while step := await bodies.retain(before=before, requests=requests or None, limit_bytes=limit_bytes or None):
            gone += step
            await asyncio.sleep(pause_s)
        if gone:
            await bodies.give_back()
        while oldest is not None and await logged.forget(oldest):
            await asyncio.sleep(pause_s)
    except StoreUnavailable as error:
        log.error("old bodies of requests wait for the store: %s", error)
    return gone
