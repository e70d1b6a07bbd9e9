"""A turn of the loop is shared: whoever would take long in one that is over waits for another."""

import asyncio
import time

import pytest

from tollway.proxy.turn import MOST_PIECES, TURN_NS, Turn

ON_EVERY_LOOP = True


@pytest.fixture
def now_ns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock, as a list of one."""
    now = [10**9]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    return now


async def test_a_turn_is_over_when_it_has_lasted_long_and_the_next_one_is_not(now_ns: list[int]) -> None:
    turn = Turn()
    assert not turn.over()
    now_ns[0] += TURN_NS
    assert not turn.over()
    now_ns[0] += 1
    assert turn.over()
    await asyncio.sleep(0)
    assert not turn.over()


async def test_those_who_wait_have_a_turn_each_in_their_order(now_ns: list[int]) -> None:
    turn, turns, worked = Turn(), 0, list[tuple[str, int]]()

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def work(name: str) -> None:
        for _ in range(3):
            if turn.over():
                await turn.free()
            worked.append((name, turns))
            now_ns[0] += 2 * TURN_NS

    counting = asyncio.create_task(count())
    await asyncio.gather(*(work(name) for name in "abc"))
    counting.cancel()
    # The first one had its turn before anybody waited, and was the first to wait.
    assert "".join(name for name, _ in worked) == "aabcabcbc"
    assert len({at for _, at in worked}) == len(worked)


async def test_what_is_short_does_not_wait(now_ns: list[int]) -> None:
    turn = Turn()
    assert [turn.over() for _ in range(100)] == [False] * 100


async def test_no_more_pieces_are_asked_for_in_one_turn_than_may_be() -> None:
    turn, order = Turn(), list[int]()

    async def ask(number: int) -> None:
        await turn.piece()
        order.append(number)

    asking = [asyncio.create_task(ask(number)) for number in range(3 * MOST_PIECES)]
    asked_in_turns = []
    while len(order) < len(asking):
        before = len(order)
        await asyncio.sleep(0)
        asked_in_turns.append(len(order) - before)
    assert order == list(range(3 * MOST_PIECES))
    assert max(asked_in_turns) <= MOST_PIECES
