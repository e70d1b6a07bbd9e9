"""Requests that may be repeated: both shelves behave alike."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.cache.entry import Kept
from tollway.cache.idempotency import LIFETIME_MS, Begun, Fresh, Lost, Mismatch, Replay, Wait
from tollway.errors import StoreUnavailable
from tollway.storage.repeats import LARGEST_ANSWER, MemoryShelf, Repeats, Shelf, State
from tollway.storage.sqlite.repeats import SqliteShelf

KEY, PRINT = b"key", b"fingerprint"
KEPT = Kept(status=200, headers=((b"content-type", b"application/json"),), body=b'{"id":1}', made_at=0, expires_at=1)
Make = Callable[..., Shelf]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return MemoryShelf
    return lambda **given: SqliteShelf(tmp_path, **given)


async def test_the_first_runs_its_repeats_wait_and_then_have_its_answer(make: Make) -> None:
    repeats = Repeats(make())
    assert await repeats.begin(KEY, PRINT, 0) == Fresh()
    assert await repeats.begin(KEY, PRINT, 1) == Wait()
    assert not await repeats.wait(KEY, 0)
    await repeats.finish(KEY, KEPT, 2)
    assert await repeats.wait(KEY, 0)
    assert await repeats.begin(KEY, PRINT, 3) == Replay(KEPT)
    assert await repeats.begin(KEY, PRINT, 4) == Replay(KEPT)
    await repeats.close()


async def test_another_request_with_the_key_is_refused_whatever_became_of_the_first(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.begin(KEY, PRINT, 0)
    assert await repeats.begin(KEY, b"other", 1) == Mismatch()
    await repeats.finish(KEY, KEPT, 2)
    assert await repeats.begin(KEY, b"other", 3) == Mismatch()
    await repeats.begin(b"second", PRINT, 4)
    await repeats.lost(b"second", 5)
    assert await repeats.begin(b"second", b"other", 6) == Mismatch()
    await repeats.close()


async def test_what_was_not_billed_runs_anew_even_as_another_request(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.begin(KEY, PRINT, 0)
    await repeats.finish(KEY, None, 1)
    assert await repeats.begin(KEY, b"other", 2) == Fresh()
    await repeats.finish(KEY, None, 3)
    await repeats.close()


async def test_of_many_at_once_one_runs(make: Make) -> None:
    repeats = Repeats(make())
    begun = await asyncio.gather(*(repeats.begin(KEY, PRINT, 0) for _ in range(20)))
    assert sorted(type(each).__name__ for each in begun) == ["Fresh"] + ["Wait"] * 19
    waiting = [asyncio.create_task(repeats.wait(KEY, 60)) for _ in range(19)]
    await repeats.finish(KEY, KEPT, 1)
    assert all(await asyncio.gather(*waiting))
    assert await repeats.begin(KEY, PRINT, 2) == Replay(KEPT)
    await repeats.close()


async def test_a_repeat_that_waited_for_one_that_was_not_billed_runs_itself(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.begin(KEY, PRINT, 0)

    async def again() -> Begun:
        while isinstance(begun := await repeats.begin(KEY, PRINT, 1), Wait):
            assert await repeats.wait(KEY, 60)
        await repeats.finish(KEY, KEPT, 2)
        return begun

    two = [asyncio.create_task(again()) for _ in range(2)]
    await repeats.finish(KEY, None, 1)
    assert sorted(type(each).__name__ for each in await asyncio.gather(*two)) == ["Fresh", "Replay"]
    await repeats.close()


async def test_an_answer_that_was_lost_is_not_made_again(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.begin(KEY, PRINT, 0)
    await repeats.lost(KEY, 1)
    assert await repeats.begin(KEY, PRINT, 2) == Lost("interrupted")
    await repeats.begin(b"large", PRINT, 0)
    await repeats.finish(b"large", msgspec.structs.replace(KEPT, body=b"x" * (LARGEST_ANSWER + 1)), 1)
    assert await repeats.begin(b"large", PRINT, 2) == Lost("not_kept")
    await repeats.close()


async def test_a_key_is_forgotten_after_a_day(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.begin(KEY, PRINT, 0)
    await repeats.finish(KEY, KEPT, 1)
    assert await repeats.begin(KEY, PRINT, LIFETIME_MS - 1) == Replay(KEPT)
    assert await repeats.begin(KEY, b"other", LIFETIME_MS) == Fresh()
    await repeats.lost(KEY, LIFETIME_MS)
    assert await repeats.begin(KEY, b"other", LIFETIME_MS + 1) == Lost("interrupted")
    await repeats.close()


async def test_where_there_is_no_room_the_oldest_answers_go_but_not_that_they_were_given(make: Make) -> None:
    repeats = Repeats(make(most_bytes=60_000))
    large = msgspec.structs.replace(KEPT, body=b"x" * 10_000)
    for number in range(20):
        key = bytes([number])
        await repeats.begin(key, PRINT, number)
        await repeats.finish(key, large, number)
    told = [await repeats.begin(bytes([number]), PRINT, 100) for number in range(20)]
    lost = [each for each in told if each == Lost("not_kept")]
    assert told[: len(lost)] == lost and len(lost) in range(14, 20)
    assert told[-1] == Replay(large)
    await repeats.close()


async def test_a_finish_that_was_never_begun_changes_nothing(make: Make) -> None:
    repeats = Repeats(make())
    await repeats.finish(KEY, KEPT, 0)
    await repeats.lost(KEY, 0)
    assert await repeats.wait(KEY, 0)
    assert await repeats.begin(KEY, PRINT, 1) == Fresh()
    await repeats.finish(KEY, None, 1)
    await repeats.close()


class Failing(MemoryShelf):
    """A disk that is full."""

    async def claim(self, key: bytes, fingerprint: bytes, now: int) -> Begun:
        raise StoreUnavailable("no space left")

    async def end(self, key: bytes, state: State, kept: Any, now: int) -> None:
        raise AssertionError("nothing was claimed")


async def test_what_cannot_be_claimed_is_not_begun() -> None:
    repeats = Repeats(Failing())
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await repeats.begin(KEY, PRINT, 0)
        assert await repeats.wait(KEY, 0)
