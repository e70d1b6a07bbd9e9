"""Whether a target is tried again, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.retry import (
    CHANCES,
    LONGEST_DELAY_MS,
    MOST_ATTEMPTS,
    ONCE,
    attempts_of,
    chance_of,
    retry_after_ms,
    retry_of,
    wait_ms,
    worth_retrying,
)
from tollway.gateway import Retry
from tollway.request import Handling

RETRIES = st.builds(
    Retry,
    max_attempts=st.integers(1, 9),
    delay_ms=st.integers(0, LONGEST_DELAY_MS),
    backoff=st.sampled_from(["constant", "linear", "exponential"]),
)
CHANCE = st.integers(0, CHANCES - 1)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert worth_retrying(status)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 422, 501, 505])
def test_what_stays_as_it_is_is_not(status: int) -> None:
    assert not worth_retrying(status)


def test_what_a_header_says_comes_before_the_settings_and_the_rest_stays() -> None:
    settings = Retry(max_attempts=4, delay_ms=7, backoff="linear")
    assert retry_of(settings, Handling()) is settings
    assert retry_of(settings, Handling(max_attempts=2)) == Retry(max_attempts=2, delay_ms=7, backoff="linear")
    assert retry_of(settings, Handling(retry_delay_ms=0)) == Retry(max_attempts=4, delay_ms=0, backoff="linear")
    assert retry_of(settings, Handling(backoff="constant")) == Retry(max_attempts=4, delay_ms=7, backoff="constant")


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [("constant", [100, 100, 100]), ("linear", [100, 200, 300]), ("exponential", [100, 200, 400])],
)
def test_the_wait_grows_as_the_backoff_says(backoff: str, waits: list[int]) -> None:
    retry = Retry(max_attempts=4, delay_ms=100, backoff=backoff)  # type: ignore[arg-type]
    assert [wait_ms(retry, tried, 0) for tried in (1, 2, 3, 4)] == [*waits, None]


def test_without_retries_there_is_none() -> None:
    assert wait_ms(ONCE, 1, 0) is None and attempts_of(ONCE) == 1


def test_nobody_tries_more_than_five_times() -> None:
    assert attempts_of(Retry(max_attempts=50)) == MOST_ATTEMPTS
    assert wait_ms(Retry(max_attempts=50, delay_ms=1), MOST_ATTEMPTS, 0) is None


@given(RETRIES, st.integers(1, MOST_ATTEMPTS), CHANCE, st.none() | st.integers(0, 10**9))
def test_the_provider_is_never_asked_before_the_time_it_names_and_no_caller_waits_for_more_than_a_minute(
    retry: Retry, tried: int, chance: int, asked: int | None
) -> None:
    wait = wait_ms(retry, tried, chance, asked)
    if tried >= attempts_of(retry) or (asked is not None and asked > LONGEST_DELAY_MS):
        assert wait is None
        return
    assert wait is not None and 0 <= wait <= LONGEST_DELAY_MS
    assert asked is None or wait >= asked


@given(RETRIES, st.integers(1, MOST_ATTEMPTS), CHANCE)
def test_chance_takes_off_a_quarter_of_the_wait_at_most(retry: Retry, tried: int, chance: int) -> None:
    full, drawn = wait_ms(retry, tried, 0), wait_ms(retry, tried, chance)
    assert full is None if drawn is None else full is not None and full * 3 <= drawn * 4 <= full * 4


@given(CHANCE, CHANCE, st.integers(1, MOST_ATTEMPTS - 2))
def test_a_delay_that_doubles_is_longer_than_the_one_before_whatever_the_chance(one: int, two: int, tried: int) -> None:
    retry = Retry(max_attempts=MOST_ATTEMPTS, delay_ms=1_000, backoff="exponential")
    first, second = wait_ms(retry, tried, one), wait_ms(retry, tried + 1, two)
    assert first is not None and second is not None and second * 2 >= first * 3 - 2


def test_a_crowd_that_failed_together_does_not_come_back_together() -> None:
    retry = Retry(max_attempts=2, delay_ms=10_000)
    waits = [wait_ms(retry, 1, chance_of(f"request {number}", "retry 1")) for number in range(400)]
    assert len(set(waits)) > 300 and min(w for w in waits if w) < 7_750 and max(w for w in waits if w) > 9_500


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"retry-after": "3"}, 3_000),
        ({"retry-after": " 3 "}, 3_000),
        ({"retry-after": "1.5"}, 1_500),
        ({"retry-after": "0.0421"}, 42),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "61"}, 61_000),
        ({"retry-after-ms": "250"}, 250),
        ({"retry-after": "9", "retry-after-ms": "250"}, 250),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2_000),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, LONGEST_DELAY_MS + 1),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "9" * 5_000}, 2**21 * 1_000),
        ({"retry-after-ms": "9" * 5_000}, 2**31),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_in_milliseconds(headers: dict[str, str], asked: int | None) -> None:
    written = tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items())
    assert retry_after_ms(written) == asked


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_chance_is_the_same_for_the_same_request_and_purpose(request_id: str, what: str) -> None:
    found = chance_of(request_id, what)
    assert found == chance_of(request_id, what) and 0 <= found < CHANCES
