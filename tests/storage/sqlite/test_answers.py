"""Kept answers in a file."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.cache.entry import Kept, encoded
from tollway.errors import StoreUnavailable
from tollway.storage.cached import OVERHEAD, Purge
from tollway.storage.sqlite.answers import FILE, SqliteAnswers

MINUTE = 60_000


def kept(body: bytes = b"{}", **fields: object) -> Kept:
    found = Kept(status=200, headers=(), body=body, gateway="default", provider="openai", made_at=0, expires_at=MINUTE)
    return msgspec.structs.replace(found, **fields)


def opened(folder: Path, *, limit: int = 1_000_000, memory: int = 0) -> SqliteAnswers:
    return SqliteAnswers(folder, limit_bytes=limit, memory_bytes=memory)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def found(answers: SqliteAnswers, key: bytes, now: int = 1) -> Kept | None:
    return await answers.get(key, gateway="default", now=now)


async def test_no_file_is_made_before_an_answer_is_asked_for(tmp_path: Path) -> None:
    answers = opened(tmp_path)
    assert (await answers.stats()).entries == 0
    assert await answers.purge(Purge()) == 0
    await answers.close()
    assert files(tmp_path) == []


async def test_an_answer_survives_a_restart_and_not_its_time(tmp_path: Path) -> None:
    answers = opened(tmp_path)
    await answers.put(b"k", kept(b"x" * 5_000), 0)
    await answers.close()
    again = opened(tmp_path)
    assert await found(again, b"k") == kept(b"x" * 5_000)
    assert await found(again, b"k", MINUTE) is None
    await again.close()


async def test_an_answer_is_found_at_once_while_it_is_still_being_written(tmp_path: Path) -> None:
    answers = opened(tmp_path, memory=100_000)
    await answers.put(b"k", kept(), 0)
    assert await found(answers, b"k") == kept()
    await answers.close()


async def test_what_was_read_from_the_file_is_then_in_memory(tmp_path: Path) -> None:
    first = opened(tmp_path)
    await first.put(b"k", kept(), 0)
    await first.close()
    second = opened(tmp_path, memory=100_000)
    assert await found(second, b"k") == kept()
    (tmp_path / FILE).write_bytes(b"")
    assert await found(second, b"k") == kept()
    await second.close()


async def test_an_answer_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    answers = opened(tmp_path)
    for body in (b"one", b"two"):
        await answers.put(b"k", kept(body), 0)
        await answers.flush()
    assert await found(answers, b"k") == kept(b"two")
    stats = await answers.stats()
    assert (stats.entries, stats.bytes) == (1, len(encoded(kept(b"two"))) + OVERHEAD)
    await answers.close()


async def test_those_that_were_used_longest_ago_give_way_first(tmp_path: Path) -> None:
    size = len(encoded(kept(b"x" * 1_000))) + OVERHEAD
    answers = opened(tmp_path, limit=20 * size)
    for number in range(20):
        await answers.put(bytes([number]), kept(b"x" * 1_000), number)
    await answers.flush()
    for number in range(8):
        await found(answers, bytes([number]), 100 + number)
    # When they were used is written behind; closing writes it too.
    await answers.close()
    answers = opened(tmp_path, limit=20 * size)
    await answers.put(b"new", kept(b"x" * 1_000), 200)
    await answers.flush()
    there = [number for number in range(20) if await found(answers, bytes([number]), 300) is not None]
    assert there == [*range(8), 16, 17, 18, 19]
    stats = await answers.stats()
    assert (stats.evicted, stats.entries) == (8, 13)
    await answers.close()


async def test_what_has_expired_goes_before_what_has_not(tmp_path: Path) -> None:
    size = len(encoded(kept(b"x" * 1_000))) + OVERHEAD
    answers = opened(tmp_path, limit=2 * size)
    await answers.put(b"long", kept(b"x" * 1_000), 0)
    await answers.put(b"short", kept(b"x" * 1_000, expires_at=10), 5)
    await answers.put(b"new", kept(b"x" * 1_000), 20)
    await answers.flush()
    assert await found(answers, b"long", 30) is not None and await found(answers, b"new", 30) is not None
    assert (await answers.stats()).evicted == 0
    await answers.close()


async def test_an_answer_that_there_is_never_room_for_is_not_kept(tmp_path: Path) -> None:
    answers = opened(tmp_path, limit=2_000)
    await answers.put(b"k", kept(b"x" * 2_000), 0)
    await answers.flush()
    assert await found(answers, b"k") is None
    await answers.close()


async def test_answers_are_purged_in_memory_and_in_the_file(tmp_path: Path) -> None:
    answers = opened(tmp_path, memory=100_000)

    async def fill() -> None:
        await answers.put(b"a", kept(b"PROMPT-SECRET" * 500), 0)
        await answers.put(b"b", kept(gateway="other"), 0)
        await answers.put(b"c", kept(provider="anthropic"), 0)
        await answers.put(b"d", kept(custom="mine"), 0)

    for purge, gone in (
        (Purge(gateway="default"), 3),
        (Purge(provider="anthropic"), 1),
        (Purge(key="mine"), 1),
        (Purge(gateway="other", key="mine"), 0),
        (Purge(), 4),
    ):
        await fill()
        assert await answers.purge(purge) == gone
        assert (await answers.stats()).entries == 4 - gone
    for key in (b"a", b"b", b"c", b"d"):
        assert await found(answers, key) is None
    assert b"PROMPT-SECRET" not in b"".join(path.read_bytes() for path in files(tmp_path))
    await answers.close()


async def test_a_purge_reaches_what_an_earlier_process_kept(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for number in range(600):
        await first.put(number.to_bytes(2, "big"), kept(), 0)
    await first.close()
    second = opened(tmp_path)
    assert await second.purge(Purge(gateway="default")) == 600
    await second.close()


async def test_a_file_that_is_no_database_is_started_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"nonsense" * 1_000)
    answers = opened(tmp_path)
    assert await found(answers, b"k") is None
    await answers.put(b"k", kept(), 0)
    await answers.flush()
    assert await found(answers, b"k") == kept()
    assert "started over" in caplog.text
    await answers.close()


async def test_a_file_that_cannot_be_written_fails_no_request_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = opened(tmp_path / "none", memory=10_000)
    for number in range(3):
        await answers.put(bytes([number]), kept(), 0)
        assert await found(answers, bytes([number])) == kept()
        assert await found(answers, b"other") is None
    await answers.flush()
    assert caplog.text.count("kept answers cannot be used now") == 1
    (tmp_path / "none").mkdir()
    assert await found(answers, b"other") is None
    await answers.close()


async def test_hits_of_the_file_and_of_memory_are_counted_alike(tmp_path: Path) -> None:
    answers = opened(tmp_path, memory=0)
    await answers.put(b"k", kept(cost_nanodollars=5), 0)
    await answers.flush()
    for key in (b"k", b"k", b"none"):
        await found(answers, key)
    stats = (await answers.stats()).gateways["default"]
    assert (stats.entries, stats.hits, stats.misses, stats.saved_nanodollars) == (1, 2, 1, 10)
    await answers.close()


async def test_a_purge_that_cannot_be_carried_out_is_told(tmp_path: Path) -> None:
    answers = opened(tmp_path)
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreUnavailable):
        await answers.purge(Purge())
    await answers.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4_000)), max_size=25), st.integers(1_000, 12_000))
async def test_what_is_kept_never_takes_more_than_the_limit(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[int, int]], limit: int
) -> None:
    answers = opened(tmp_path_factory.mktemp("answers"), limit=limit, memory=limit)
    for at, (key, size) in enumerate(puts):
        await answers.put(bytes([key]), kept(b"x" * size), at)
        stats = await answers.stats()
        assert stats.bytes <= limit
    await answers.close()
