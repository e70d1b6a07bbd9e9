from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.clock import FARTHEST_MS, Clock, elapsed_ns, instant, iso


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


HOUR, DAY = 3_600_000, 86_400_000


class Machine:
    """A machine whose clock can be set; time passes all the same."""

    def __init__(self) -> None:
        self.wall = 1_782_864_000_000
        self.passed = 5_000
        self.clock = Clock(lambda: self.wall * 1_000_000, lambda: self.passed * 1_000_000)

    def wait(self, ms: int) -> int:
        self.wall += ms
        self.passed += ms
        return self.clock.now()


@pytest.mark.parametrize("leap", [HOUR, 30 * DAY, -HOUR, -30 * DAY, FARTHEST_MS + 1, -FARTHEST_MS - 1])
def test_a_clock_that_is_set_far_off_is_not_followed(leap: int) -> None:
    machine = Machine()
    begun = machine.clock.now()
    machine.wall += leap
    assert machine.clock.now() == begun
    assert machine.clock.drift_ms == leap
    assert [machine.wait(1_000) - begun for _ in range(3)] == [1_000, 2_000, 3_000]
    machine.wall -= leap
    assert machine.wait(1_000) - begun == 4_000
    assert machine.clock.drift_ms == 0


@pytest.mark.parametrize("step", [FARTHEST_MS, 500])
def test_a_clock_that_is_put_right_a_little_is_followed_forward_and_waited_for_backward(step: int) -> None:
    machine = Machine()
    begun = machine.clock.now()
    machine.wall += step
    assert machine.clock.now() == begun + step
    machine.wall -= step
    assert machine.clock.now() == begun + step
    assert machine.wait(step + 1) == begun + step + 1
    assert machine.clock.drift_ms == 0


def test_many_small_corrections_are_followed_wherever_they_lead() -> None:
    machine = Machine()
    begun = machine.clock.now()
    for _ in range(100):
        machine.wall += 30_000
        machine.wait(10_000)
    assert machine.clock.now() == begun + 100 * 40_000


@pytest.mark.parametrize("back", [HOUR, 30 * DAY])
def test_a_start_with_a_clock_set_back_goes_on_from_what_was_written_down(back: int) -> None:
    machine = Machine()
    latest = machine.wall + back
    machine.clock.begin(latest)
    assert machine.clock.now() == latest
    assert machine.clock.drift_ms == -back
    assert machine.wait(1_000) == latest + 1_000


def test_what_was_written_down_earlier_changes_nothing() -> None:
    machine = Machine()
    begun = machine.clock.now()
    machine.clock.begin(begun - 30 * DAY)
    assert (machine.clock.now(), machine.clock.drift_ms) == (begun, 0)


def test_time_passes_in_nanoseconds() -> None:
    first = elapsed_ns()
    assert 0 <= elapsed_ns() - first < 60_000_000_000
