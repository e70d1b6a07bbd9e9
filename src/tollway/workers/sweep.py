"""Keeping the books: holds that nobody ends are ended, finished intents are pruned."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.entry import LedgerEntry
from tollway.storage.protocol import Ledger

log = logging.getLogger("tollway.workers")

SWEEP_EVERY_S = 10.0
PRUNE_EVERY_SWEEPS = 30


class Store(Protocol):
    """The part of a store this worker needs."""

    @property
    def ledger(self) -> Ledger: ...

    async def prune(self, now: int) -> int:
        """Deletes a bounded number of intents that have ended; returns how many."""
        ...


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
        if prune:
            await store.prune(now)
    except StoreUnavailable as error:
        log.error("the ledger is unavailable: %s", error)
    return len(lapsed)
