"""Keeping the books: holds that nobody ends are ended, finished intents are pruned."""

import asyncio
import logging
from collections.abc import Sequence

from tollway.clock import FARTHEST_MS, Clock, iso
from tollway.errors import StoreUnavailable
from tollway.ledger.entry import LedgerEntry
from tollway.storage.protocol import Store

log = logging.getLogger("tollway.workers")

SWEEP_EVERY_S = 10.0
PRUNE_EVERY_SWEEPS = 30


async def keep_books(store: Store, clock: Clock, every_s: float = SWEEP_EVERY_S) -> None:
    """Runs until cancelled. A lapsed hold is a defect somewhere, so each one is logged."""
    turn = 0
    told_ms = 0
    while True:
        await asyncio.sleep(every_s)
        turn += 1
        now = clock.now()
        told_ms = tell_of_drift(clock.drift_ms, told_ms, now)
        await sweep_once(store, now, prune=turn % PRUNE_EVERY_SWEEPS == 0)


def tell_of_drift(drift_ms: int, told_ms: int, now: int) -> int:
    """Logs that the machine's clock is not followed, or is again; returns by how much it was last told to differ.

    `told_ms` is what the last call returned; `now` is Unix milliseconds of the clock that is kept.
    """
    if abs(drift_ms - told_ms) <= FARTHEST_MS:
        return told_ms
    if drift_ms == 0:
        log.warning("the machine's clock is right again")
    else:
        log.error(
            "the machine's clock was set %s by %d s; it is not followed, and windows go on at %s. "
            "Set it right, or restart to take it over",
            "forward" if drift_ms > 0 else "back",
            abs(drift_ms) // 1000,
            iso(now),
        )
    return drift_ms


async def sweep_once(store: Store, now: int, *, prune: bool) -> int:
    """One turn: ends lapsed holds as presumed spend; returns how many. A store that is away is tried again next turn."""
    lapsed: Sequence[LedgerEntry] = ()
    try:
        lapsed = store.ledger.sweep(now)
        for entry in lapsed:
            log.warning("hold of %s lapsed; presumed spent", entry.reservation_id)
        # In small steps, with the requests' turns between them, until nothing is left: intents that stayed would be read
        # through at the next start.
        while prune and await store.prune(now):
            await asyncio.sleep(0)
    except StoreUnavailable as error:
        log.error("the ledger is unavailable: %s", error)
    return len(lapsed)
