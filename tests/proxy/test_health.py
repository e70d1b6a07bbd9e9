"""The circuit breaker of a target: when it opens, who is let through, how it closes, and what a clock that jumps does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.health import (
    LEAST,
    LONGEST_REST_MS,
    PROBE_MS,
    REMEMBERED,
    REST_MS,
    WINDOW_MS,
    Health,
    failed,
)

NOW = 1_790_000_000_000
NAME = "openai/gpt-4o-mini"


def watched(*names: str) -> Health:
    health = Health()
    health.seen(names or (NAME,), NOW)
    return health


def fail(health: Health, times: int, now: int = NOW) -> None:
    for _ in range(times):
        health.note(NAME, now, ok=False)


def rests(health: Health, now: int) -> bool:
    (seen,) = health.seen((NAME,), now)
    return seen.resting


def test_a_target_that_fails_again_and_again_rests() -> None:
    health = watched()
    fail(health, LEAST - 1)
    assert not rests(health, NOW)
    fail(health, 1)
    assert rests(health, NOW) and rests(health, NOW + REST_MS - 1)
    assert health.resting(NOW) == {NAME: NOW + REST_MS}
    assert not rests(health, NOW + REST_MS) and health.resting(NOW + REST_MS) == {}


def test_a_target_that_does_well_more_often_than_not_does_not_rest() -> None:
    health = watched()
    for _ in range(LEAST + 1):
        health.note(NAME, NOW, ok=True)
    fail(health, LEAST)
    assert not rests(health, NOW)
    fail(health, 1)
    assert rests(health, NOW), "half of them failed"


def test_failures_of_long_ago_do_not_count() -> None:
    health = watched()
    fail(health, LEAST - 1)
    fail(health, LEAST - 1, NOW + WINDOW_MS)
    assert not rests(health, NOW + WINDOW_MS)


def test_after_its_rest_one_call_is_let_through_and_the_others_wait_for_how_it_ends() -> None:
    health = watched()
    fail(health, LEAST)
    over = NOW + REST_MS
    health.probed(NAME, over)
    assert rests(health, over) and rests(health, over + PROBE_MS - 1)
    health.note(NAME, over + 10, ok=True)
    assert not rests(health, over + 10)
    fail(health, LEAST - 1, over + 11)
    assert not rests(health, over + 11), "it begins anew"


def test_a_probe_that_fails_makes_the_rest_twice_as_long_up_to_five_minutes() -> None:
    health, now, lengths = watched(), NOW, list[int]()
    fail(health, LEAST)
    for _ in range(8):
        until = health.resting(now)[NAME]
        lengths.append(until - now)
        now = until
        health.probed(NAME, now)
        health.note(NAME, now, ok=False)
    assert lengths[:3] == [REST_MS, 2 * REST_MS, 4 * REST_MS] and lengths[-1] == LONGEST_REST_MS


def test_a_probe_that_nobody_heard_of_again_is_given_up() -> None:
    health = watched()
    fail(health, LEAST)
    health.probed(NAME, NOW + REST_MS)
    assert not rests(health, NOW + REST_MS + PROBE_MS)


def test_calls_that_were_under_way_when_it_began_to_rest_change_nothing() -> None:
    health = watched()
    fail(health, LEAST)
    fail(health, 20, NOW + 1)
    health.note(NAME, NOW + 2, ok=True)
    assert health.resting(NOW + 3) == {NAME: NOW + REST_MS}


def test_a_clock_that_was_set_back_leaves_nobody_resting_for_longer_than_a_rest() -> None:
    health = watched()
    fail(health, LEAST)
    hour = 3_600_000
    back = NOW - hour
    assert not rests(health, back) and health.resting(back) == {}
    health.note(NAME, back, ok=False)
    assert health.resting(back) == {NAME: back + 2 * REST_MS}, "it still fails, so it rests again"
    health.note(NAME, back + 2 * REST_MS, ok=True)
    assert not rests(health, back + 2 * REST_MS)


def test_after_a_clock_was_set_back_calls_of_the_future_do_not_count() -> None:
    health = watched()
    fail(health, LEAST - 1)
    health.note(NAME, NOW - 2 * WINDOW_MS, ok=False)
    assert not rests(health, NOW - 2 * WINDOW_MS)


def test_the_latency_is_an_average_that_follows_what_is_seen() -> None:
    health = watched()
    for _ in range(3):
        health.note(NAME, NOW, ok=True, latency_ms=1_000)
    assert health.seen((NAME,), NOW)[0].latency_ms == 1_000
    for _ in range(40):
        health.note(NAME, NOW, ok=True, latency_ms=100)
    latency = health.seen((NAME,), NOW)[0].latency_ms
    assert latency is not None and 90 <= latency <= 110
    health.note(NAME, NOW, ok=False, latency_ms=9_000)
    assert health.seen((NAME,), NOW)[0].latency_ms == latency, "how fast it fails says nothing"


def test_nobody_is_watched_whom_no_route_asks_about() -> None:
    health = Health()
    fail(health, 50)
    assert not rests(health, NOW)
    fail(health, LEAST)
    assert rests(health, NOW)


def test_the_memory_is_bounded() -> None:
    health = watched()
    fail(health, LEAST)
    for number in range(REMEMBERED):
        health.seen((f"p/{number}",), NOW)
    assert len(health.watched) == REMEMBERED
    assert not rests(health, NOW)


@pytest.mark.parametrize(
    ("status", "ours", "callers"),
    [
        (200, False, False),
        (400, False, False),
        (401, True, False),
        (403, False, False),
        (404, False, False),
        (429, True, False),
        (500, True, True),
        (503, True, True),
        (529, True, True),
    ],
)
def test_an_answer_tells_of_the_target_unless_it_tells_of_the_request_or_of_the_callers_own_key(
    status: int, ours: bool, callers: bool
) -> None:
    assert failed(status) is ours
    assert failed(status, callers_key=True) is callers


@given(
    st.lists(
        st.tuples(st.integers(-WINDOW_MS * 20, WINDOW_MS * 20), st.sampled_from(["ok", "bad", "probe"])), max_size=60
    )
)
def test_whatever_happened_a_target_may_be_called_again_within_the_longest_rest(events: list[tuple[int, str]]) -> None:
    health, now = watched(), NOW
    for step, kind in events:
        now = max(0, now + step)
        if kind == "probe":
            health.probed(NAME, now)
        else:
            health.note(NAME, now, ok=kind == "ok")
        for until in health.resting(now).values():
            assert now < until <= now + LONGEST_REST_MS
    assert not rests(health, now + LONGEST_REST_MS + PROBE_MS)
