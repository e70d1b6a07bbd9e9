"""Reads what ledger and log add up to, for `/metrics` and for OpenTelemetry: one reading, so that both say the same."""

import asyncio
import contextlib
from typing import Final

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import MEASURES, Analytics
from tollway.telemetry.sums import Sums, added_up

MOST_STEPS: Final = 20
"""Of what rollups lack is taken in first: a moment of late is always in the answer, years are not waited for."""


async def read_sums(analytics: Analytics, most: int) -> list[Sums]:
    """As far as rollups have come. Raises StoreUnavailable where they cannot be read."""
    steps = 0
    with contextlib.suppress(StoreUnavailable):
        # While nothing can be written, what was known before is still true.
        while steps < MOST_STEPS and await analytics.roll():
            steps += 1
            # The requests' turn.
            await asyncio.sleep(0)
    ever = await analytics.ever()
    # A thousand contexts take longer than the loop may be held.
    return await asyncio.to_thread(added_up, ever["spending"], ever["traffic"], MEASURES, most)
