"""When a value is fetched, who waits for it, and what is said when it cannot be had."""

import asyncio
import logging

import pytest

from tollway.clock import Clock
from tollway.proxy.signing.renewed import AHEAD_MS, EASY_RETRY_MS, RECHECK_MS, RETRY_MS, Fresh, Renewed
from tollway.proxy.signing.signer import CredentialsUnavailable

START = 1_793_836_800_000  # 2026-11-05 00:00 UTC
HOUR = 3_600_000


class Source:
    """A place values come from: each fetch waits until it is answered, by the test."""

    def __init__(self) -> None:
        self.at = START
        self.clock = Clock(lambda: self.at * 1_000_000)
        self.asked: list[asyncio.Future[Fresh[str]]] = []

    def fetch(self) -> asyncio.Future[Fresh[str]]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]

    def renewed(self, wait_s: float = 20.0) -> Renewed[str]:
        return Renewed(self.fetch, name="The token", clock=self.clock, wait_s=wait_s)

    def give(self, value: str, life_ms: int | None = HOUR) -> None:
        self.asked[-1].set_result(Fresh(value, None if life_ms is None else self.at + life_ms))

    def fail(self, error: Exception) -> None:
        self.asked[-1].set_exception(error)


async def turns() -> None:
    """Every task that can run has run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def first(source: Source, renewed: Renewed[str], value: str = "one", life_ms: int | None = HOUR) -> None:
    """The value is had for the first time."""
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.give(value, life_ms)
    assert await waiting == value


def now_or_never(renewed: Renewed[str]) -> str:
    """What `get` gives without a wait; it must not suspend."""
    asked = renewed.get()
    with pytest.raises(StopIteration) as ended:
        asked.send(None)
    return ended.value.value


async def test_a_good_value_is_given_without_a_wait() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed)
    assert now_or_never(renewed) == "one"
    assert len(source.asked) == 1


async def test_many_who_ask_at_once_are_served_by_one_fetch() -> None:
    source = Source()
    renewed = source.renewed()
    waiting = [asyncio.create_task(renewed.get()) for _ in range(100)]
    await turns()
    source.give("one")
    assert set(await asyncio.gather(*waiting)) == {"one"}
    assert len(source.asked) == 1


async def test_one_who_stops_waiting_takes_nothing_from_the_others() -> None:
    source = Source()
    renewed = source.renewed()
    leaving, staying = asyncio.create_task(renewed.get()), asyncio.create_task(renewed.get())
    await turns()
    leaving.cancel()
    await turns()
    source.give("one")
    assert await staying == "one"
    assert leaving.cancelled() and len(source.asked) == 1


async def test_a_value_near_its_expiry_is_renewed_while_the_old_one_is_given() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed)
    source.at += HOUR - AHEAD_MS
    assert now_or_never(renewed) == "one"
    assert now_or_never(renewed) == "one"
    await turns()
    assert len(source.asked) == 2
    source.give("two")
    await turns()
    assert now_or_never(renewed) == "two"


@pytest.mark.parametrize("life_ms", [60_000, HOUR, 12 * HOUR])
async def test_nothing_is_sent_that_may_expire_on_its_way(life_ms: int) -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed, life_ms=life_ms)
    source.at += life_ms - 2_000
    waiting = asyncio.create_task(renewed.get())
    await turns()
    assert not waiting.done()
    source.give("two")
    assert await waiting == "two"


async def test_a_value_that_comes_expired_is_none() -> None:
    source = Source()
    renewed = source.renewed()
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.give("old", life_ms=0)
    with pytest.raises(CredentialsUnavailable, match="had expired at 2026-11-05T00:00:00"):
        await waiting


async def test_what_does_not_expire_is_looked_up_again_and_kept_if_that_fails() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed, life_ms=None)
    source.at += RECHECK_MS
    assert now_or_never(renewed) == "one"
    await turns()
    source.fail(CredentialsUnavailable("the file is gone"))
    await turns()
    source.at += 1000 * HOUR
    assert now_or_never(renewed) == "one"
    await turns()
    source.give("two", None)
    await turns()
    assert now_or_never(renewed) == "two"


async def test_a_failing_source_is_asked_once_a_second() -> None:
    source = Source()
    renewed = source.renewed()
    for _ in range(3):
        asked = len(source.asked)
        waiting = asyncio.create_task(renewed.get())
        await turns()
        source.fail(CredentialsUnavailable("the endpoint answered 503"))
        for again in (waiting, renewed.get(), renewed.get()):
            with pytest.raises(CredentialsUnavailable, match="the endpoint answered 503"):
                await again
        source.at += RETRY_MS - 1
        with pytest.raises(CredentialsUnavailable):
            await renewed.get()
        assert len(source.asked) == asked + 1
        source.at += 1


async def test_a_source_that_fails_while_the_old_value_is_good_is_asked_less_often() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed)
    source.at += HOUR - AHEAD_MS
    for _ in range(3):
        asked = len(source.asked)
        assert now_or_never(renewed) == "one"
        await turns()
        source.fail(CredentialsUnavailable("down"))
        await turns()
        source.at += EASY_RETRY_MS - 1
        assert now_or_never(renewed) == "one"
        await turns()
        assert len(source.asked) == asked + 1
        source.at += 1


async def test_an_expired_value_is_asked_for_at_once_though_the_last_try_was_just_now() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed)
    source.at += HOUR - 11_000
    assert now_or_never(renewed) == "one"
    await turns()
    source.fail(CredentialsUnavailable("down"))
    await turns()
    source.at += 2 * RETRY_MS
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.give("two")
    assert await waiting == "two"


async def test_a_failure_that_is_over_does_not_put_off_the_next_renewal() -> None:
    source = Source()
    renewed = source.renewed()
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.fail(CredentialsUnavailable("down"))
    with pytest.raises(CredentialsUnavailable):
        await waiting
    source.at += RETRY_MS
    await first(source, renewed, life_ms=10_000)
    source.at += 6_000
    assert now_or_never(renewed) == "one"
    await turns()
    assert len(source.asked) == 3


async def test_a_failure_says_when_it_last_worked() -> None:
    source = Source()
    renewed = source.renewed()
    await first(source, renewed)
    source.at += HOUR
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.fail(CredentialsUnavailable("down"))
    with pytest.raises(CredentialsUnavailable) as raised:
        await waiting
    assert str(raised.value) == "The token cannot be had: down. It last worked at 2026-11-05T00:00:00.000Z."


async def test_a_first_failure_says_that_it_never_worked() -> None:
    source = Source()
    renewed = source.renewed()
    waiting = asyncio.create_task(renewed.get())
    await turns()
    source.fail(CredentialsUnavailable("down"))
    with pytest.raises(CredentialsUnavailable, match="It never worked here"):
        await waiting


async def test_an_error_nobody_foresaw_is_told_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    renewed = source.renewed()
    with caplog.at_level(logging.DEBUG):
        waiting = asyncio.create_task(renewed.get())
        await turns()
        source.fail(KeyError("hunter2"))
        with pytest.raises(CredentialsUnavailable, match="KeyError") as raised:
            await waiting
    assert "hunter2" not in str(raised.value) + caplog.text
    assert "KeyError" in caplog.text


async def test_a_source_that_hangs_is_not_waited_for_without_end() -> None:
    source = Source()
    renewed = source.renewed(wait_s=0)
    for _ in range(3):
        with pytest.raises(CredentialsUnavailable, match="no answer within 0 s"):
            await renewed.get()
    assert len(source.asked) == 1
    source.give("late")
    await turns()
    assert now_or_never(renewed) == "late"


def test_a_value_is_not_shown() -> None:
    assert "hunter2" not in repr(Fresh("hunter2", START))
