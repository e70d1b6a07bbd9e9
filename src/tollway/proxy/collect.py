"""Carries out the questions that a worker asks of batches, through the same door as the calls of callers."""

import time
from collections.abc import Callable
from typing import Any

from tollway.exchange.batch_collect import collect, collection
from tollway.ids import Ids
from tollway.ledger.job import Job
from tollway.proxy.driver import Driver
from tollway.proxy.world import World
from tollway.snapshot import Snapshot


class Collector:
    """Asks about one batch at a time, under the settings in force then."""

    __slots__ = ("_ids", "_snapshot", "_world")

    def __init__(self, world: World, snapshot: Callable[[], Snapshot], ids: Ids) -> None:
        self._world = world
        self._snapshot = snapshot
        self._ids = ids

    async def __call__(self, job: Job) -> None:
        """Asks how `job` stands, and settles it if it has ended."""
        snapshot, now = self._snapshot(), self._world.clock.now()
        request = collection(job, self._ids.new(now), snapshot, now, time.monotonic_ns())
        if request is not None:
            driver = Driver(self._world, snapshot, request, _unheard, None, None)
            await driver.run(collect(job, request, snapshot, now))


async def _unheard(_: Any) -> None:
    """Where results go that nobody has asked for: they have been read by then."""
