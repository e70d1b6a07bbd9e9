"""Once a minute."""

import asyncio
import logging

import pytest
from tests.workers.test_keyring import START, Broken, World

from tollway.storage.protocol import Kept
from tollway.workers.keys import keep_keys, tidy_once


async def test_a_turn_writes_uses_down_and_sweeps_what_has_expired() -> None:
    world = World()
    await world.issue()
    world.issued.uses["ci"] = START
    await world.cabinet.put(Kept(drawer="grant", id="1", record=b"{}", at=START, expires_at=START + 1))
    await tidy_once(world.ring, world.cabinet, START + 1, ())
    assert world.issued.uses == {} and world.ring.last_used("ci") == START
    assert await world.cabinet.sweep(START + 1) == 0


async def test_a_store_that_is_away_is_told_of_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    cabinet = Broken()
    world = World(cabinet)
    await world.issue()
    world.issued.uses["ci"], cabinet.away = START, True
    with caplog.at_level(logging.ERROR):
        await tidy_once(world.ring, cabinet, START, ())
    assert "last used" in caplog.text and world.issued.uses == {"ci": START}


async def test_it_goes_on_until_it_is_told_to_stop() -> None:
    world = World()
    written = asyncio.Event()

    class Watched(Broken):
        async def sweep(self, now: int) -> int:
            written.set()
            return 0

    keeping = asyncio.create_task(keep_keys(world.ring, Watched(), lambda: START, set, every_s=0.0))
    await asyncio.wait_for(written.wait(), 5)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
