"""Keeping the keys: when each was last used is written down, what has ended is forgotten, and the cabinet is swept.

A use is noted in memory with the request, and written once a minute, many at a time: no request waits for it. A crash loses
a minute of it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection

from tollway.errors import StoreUnavailable
from tollway.storage.protocol import Cabinet
from tollway.workers.keyring import Keyring

log = logging.getLogger("tollway.workers")

WRITE_EVERY_S = 60.0


async def keep_keys(
    keyring: Keyring,
    cabinet: Cabinet,
    now: Callable[[], int],
    in_settings: Callable[[], Collection[str]],
    every_s: float = WRITE_EVERY_S,
) -> None:
    """Runs until cancelled. `now`: Unix milliseconds; `in_settings`: the names of keys there."""
    while True:
        await asyncio.sleep(every_s)
        await tidy_once(keyring, cabinet, now(), in_settings())


async def tidy_once(keyring: Keyring, cabinet: Cabinet, now: int, in_settings: Collection[str]) -> None:
    """One turn. A store that is away is tried again next turn."""
    keyring.drop_ended()
    try:
        await keyring.write_uses(in_settings)
        # In small steps, with the requests' turns between them.
        while await cabinet.sweep(now):
            await asyncio.sleep(0)
    except StoreUnavailable as error:
        log.error("when keys were last used could not be written: %s", error)
