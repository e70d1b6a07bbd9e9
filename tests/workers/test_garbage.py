import asyncio
import gc
from collections.abc import Iterator

import pytest

from tollway.workers import garbage


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_start_up_made_is_never_looked_at_again() -> None:
    known = [object(), []]
    garbage.begin()
    assert gc.get_freeze_count() > 1000 and not any(other is known for other in gc.get_objects())
    assert gc.get_threshold() == (garbage.YOUNG, garbage.MIDDLE, garbage.OLD)


def test_all_of_it_is_collected_while_nobody_waits_and_only_where_there_may_be_something_to_find() -> None:
    garbage.begin()
    assert not garbage.collect(at_rest=True)
    for _ in range(garbage.MIDDLE):
        gc.collect(0)
    gc.collect(1)
    assert gc.get_count()[2] > 0
    assert not garbage.collect(at_rest=False)
    assert garbage.collect(at_rest=True) and gc.get_count()[2] == 0


def test_new_objects_are_looked_at_a_few_thousand_at_a_time() -> None:
    looked_at: list[int] = []

    def looks(phase: str, found: dict[str, int]) -> None:
        if phase == "start":
            looked_at.append(gc.get_count()[0] if found["generation"] == 0 else -found["generation"])

    garbage.begin()
    gc.callbacks.append(looks)
    try:
        kept = [[number] for number in range(40_000)]
    finally:
        gc.callbacks.remove(looks)
    assert len(kept) == 40_000
    assert len(looked_at) >= 7 and max(looked_at) <= garbage.YOUNG + 9 and min(looked_at) == -1


async def test_it_is_collected_again_and_again_until_it_is_stopped() -> None:
    garbage.begin()
    asked = 0

    def at_rest() -> bool:
        nonlocal asked
        asked += 1
        return True

    running = asyncio.create_task(garbage.keep_collecting(at_rest, 0.0))
    while asked < 3:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait((running,))
    assert running.cancelled()
