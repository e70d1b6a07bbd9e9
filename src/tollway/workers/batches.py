"""Settling batches whose callers have not fetched the results: their true cost arrives all the same."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.job import OPEN_FOR_MS, Job
from tollway.storage.protocol import Jobs

log = logging.getLogger("tollway.workers")

LOOK_EVERY_S = 60.0
AT_ONCE = 20
"""Batches asked about in one turn, one after the other."""

Collect = Callable[[Job], Awaitable[None]]
"""Asks the provider of a batch, and settles it if it has ended."""


async def collect_batches(jobs: Jobs, collect: Collect, clock: Clock, every_s: float = LOOK_EVERY_S) -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        await collect_once(jobs, collect, clock.now())


async def collect_once(jobs: Jobs, collect: Collect, now: int) -> int:
    """One turn: asks about the open batches that are due; returns how many.

    One that is too old to have results any longer is not asked about again: what was presumed of it stands. Whatever
    fails is tried again in a later turn.
    """
    asked = 0
    try:
        for job in await jobs.open(now, AT_ONCE):
            if now - job.created_at > OPEN_FOR_MS:
                log.warning("the results of batch %s never came; what was presumed stands", job.id)
                await jobs.remember(msgspec.structs.replace(job, settled=True))
                continue
            # Before it is asked: one that fails each time does not keep the others waiting.
            job = job.asked(now)
            await jobs.remember(job)
            try:
                await collect(job)
            except Exception:
                # A defect in one must neither end this worker, and the gateway with it, nor keep the others open.
                log.exception("batch %s could not be asked about", job.id)
            asked += 1
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # Whatever `collect` was waiting for has taken the cancellation for the end of an answer.
                raise asyncio.CancelledError
    except StoreUnavailable as error:
        log.error("the ledger is unavailable: %s", error)
    return asked
