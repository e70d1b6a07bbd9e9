from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tollway.clock import Clock, instant, iso


def reading(*milliseconds: int) -> Callable[[], int]:
    readings = iter(milliseconds)
    return lambda: next(readings) * 1_000_000 + 999_999


@given(st.lists(st.integers(0, 2**47), min_size=1))
def test_time_never_runs_backwards(readings: list[int]) -> None:
    clock = Clock(reading(*readings))
    told = [clock.now() for _ in readings]
    assert told == sorted(told)
    assert told[-1] == max(readings)


def test_a_clock_set_back_stands_still_until_it_is_overtaken() -> None:
    clock = Clock(reading(10, 3, 4, 11))
    assert [clock.now() for _ in range(4)] == [10, 10, 10, 11]


def test_the_machines_clock_is_read_in_milliseconds() -> None:
    # An hour of tolerance: what is tested is the unit.
    assert abs(Clock().now() / 1000 - datetime.now(UTC).timestamp()) < 3600


@given(st.integers(0, 253_402_300_799_999))
def test_an_instant_is_exact_to_the_millisecond(ms: int) -> None:
    assert iso(ms).endswith("Z") and len(iso(ms)) == 24
    assert (instant(ms) - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000) == ms


def test_an_instant_is_written_as_rfc_3339_in_utc() -> None:
    assert iso(1_782_864_000_000) == "2026-07-01T00:00:00.000Z"
