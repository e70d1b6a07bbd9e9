"""Turns: one at a time of a name, and nothing is kept of whoever has left."""

import asyncio

import pytest

from tollway.workers.turns import Turns


async def test_one_at_a_time_of_a_name_and_others_do_not_wait() -> None:
    said: list[str] = []
    left: list[str] = []
    turns, go = Turns(left.append), asyncio.Event()

    async def take(name: str, who: str) -> None:
        async with turns.of(name):
            said.append(who)
            await go.wait()

    tasks = [asyncio.create_task(take(name, who)) for name, who in (("a", "a1"), ("a", "a2"), ("b", "b1"))]
    await asyncio.sleep(0)
    assert (said, "a" in turns, len(turns)) == (["a1", "b1"], True, 2)
    go.set()
    await asyncio.gather(*tasks)
    assert said == ["a1", "b1", "a2"]
    assert ("a" in turns, len(turns), sorted(left)) == (False, 0, ["a", "b"])


async def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="x"):
        async with turns.of("a"):
            raise ValueError("x")
    assert len(turns) == 0
