from hypothesis import given
from hypothesis import strategies as st

from tollway.alerts.pace import Pace, burns

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KEPT = {"keep_ms": HOUR, "grain_ms": MINUTE}


def test_what_was_spent_before_the_first_look_is_nobodys_pace() -> None:
    assert Pace(0, 0, 500).since(-HOUR) == 0


def test_what_is_spent_between_looks_is_counted_from_the_mark_before() -> None:
    pace = Pace(0, 0, 0)
    for minute in range(1, 11):
        pace.look(minute * MINUTE, 0, minute * 10, **KEPT)
    assert pace.since(5 * MINUTE) == 50
    assert pace.since(0) == 100


def test_a_new_window_begins_with_what_was_spent_in_it() -> None:
    pace = Pace(0, 0, 0)
    pace.look(MINUTE, 0, 90, **KEPT)
    pace.look(2 * MINUTE, 2 * MINUTE, 5, **KEPT)
    assert pace.since(0) == 95


def test_a_correction_is_taken_back_and_what_leaves_a_rolling_window_is_not() -> None:
    fixed, rolling = Pace(0, 0, 0), Pace(0, 0, 0)
    for minute, spent in ((1, 100), (2, 30)):
        fixed.look(minute * MINUTE, 0, spent, **KEPT)
        rolling.look(minute * MINUTE, minute, spent, rolling=True, **KEPT)
    assert (fixed.since(0), rolling.since(0)) == (30, 100)


@given(st.lists(st.tuples(st.integers(0, 5 * MINUTE), st.integers(0, 1000)), max_size=60))
def test_a_pace_never_says_more_than_was_spent_since_the_mark_and_stays_small(steps: list[tuple[int, int]]) -> None:
    pace, now, spent = Pace(0, 0, 0), 0, 0
    booked: list[tuple[int, int]] = []
    for wait, amount in steps:
        now, spent = now + wait, spent + amount
        booked.append((now, amount))
        pace.look(now, 0, spent, **KEPT)
    # One look takes in what was spent since the look before it; here a look is at every booking.
    true = sum(amount for at, amount in booked if at > now - HOUR)
    assert pace.since(now - HOUR) <= true
    assert len(pace._times) <= HOUR // MINUTE + 2


def test_both_lengths_of_time_must_be_too_fast() -> None:
    month, limit = 30 * DAY, 720_000  # 1,000 an hour
    assert burns(1_000, 5 * MINUTE, 10_000, HOUR, limit, month, 10)
    assert not burns(1_000, 5 * MINUTE, 9_999, HOUR, limit, month, 10)
    assert not burns(833, 5 * MINUTE, 10_000, HOUR, limit, month, 10)
    assert burns(834, 5 * MINUTE, 10_000, HOUR, limit, month, 10)


def test_a_limit_of_nothing_has_no_pace() -> None:
    assert not burns(1, 1, 1, 1, 0, 1, 1)
