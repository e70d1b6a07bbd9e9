"""Keeping the books: holds that nobody ends are ended, finished intents are pruned."""

import asyncio
import logging
from collections.abc import Sequence

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.entry import LedgerEntry
from tollway.storage.protocol import Store

log = logging.getLogger("tollway.workers")

SWEEP_EVERY_S = 10.0
PRUNE_EVERY_SWEEPS = 30


async def keep_books(store: Store, clock: Clock, every_s: float = SWEEP_EVERY_S) -> None:
    """Runs until cancelled. A lapsed hold is a defect somewhere, so each one is logged."""
    turn = 0
    while True:
        await asyncio.sleep(every_s)
        turn += 1
        await sweep_once(store, clock.now(), prune=turn % PRUNE_EVERY_SWEEPS == 0)


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
