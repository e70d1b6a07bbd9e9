import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.alerts.crossing import crossed, elapsed_percent, length_ms, reached, reached_at, rolling_reached_at
from tollway.budgets.window import Calendar, Every, Fixed, Rolling, Span, Total
from tollway.money import DOLLAR

AMOUNTS = st.integers(min_value=0, max_value=10**15)
THRESHOLDS = st.lists(st.integers(min_value=1, max_value=1000), unique=True).map(sorted)
MONTH = Span(start=0, end=30 * 86_400_000, bucket=0, since=0, bucket_ms=0)
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("previous", "current", "found"),
    [
        (0, 49, ()),
        (0, 50, (50,)),
        (49, 50, (50,)),
        (50, 51, ()),
        (0, 100, (50, 80, 100)),
        (79, 250, (80, 100)),
        (100, 40, ()),
        (0, 0, ()),
    ],
)
def test_a_threshold_is_crossed_when_it_is_reached(previous: int, current: int, found: tuple[int, ...]) -> None:
    assert crossed(previous, current, 100, (50, 80, 100)) == found


def test_no_cent_below_a_threshold_reaches_it() -> None:
    assert reached(80 * DOLLAR - 1, 100 * DOLLAR, (80,)) == ()
    assert reached(80 * DOLLAR, 100 * DOLLAR, (80,)) == (80,)


def test_a_limit_of_nothing_is_reached_by_the_first_nanodollar_and_not_before() -> None:
    assert reached(0, 0, (50, 100)) == ()
    assert reached(1, 0, (50, 100)) == (50, 100)


def test_a_limit_that_is_lowered_crosses_and_one_that_is_raised_does_not() -> None:
    assert crossed(60, 60, 70, (80,), previous_limit=100) == (80,)
    assert crossed(90, 90, 200, (80,), previous_limit=100) == ()


@given(st.lists(AMOUNTS, max_size=20).map(sorted), st.integers(min_value=1, max_value=10**15), THRESHOLDS)
def test_on_the_way_up_each_threshold_is_crossed_exactly_once(
    spent: list[int], limit: int, thresholds: list[int]
) -> None:
    found = [
        p for before, after in zip([0, *spent], spent, strict=False) for p in crossed(before, after, limit, thresholds)
    ]
    assert sorted(found) == list(reached(spent[-1] if spent else 0, limit, thresholds))


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (Fixed("day"), 1), (Fixed("month"), 31), (Every(86_400 * 3), 3), (Every(86_400 * 2, "sliding"), 2),
        (Rolling("week"), 7), (Rolling("month"), 30),
    ],
)  # fmt: skip
def test_a_window_is_as_long_as_it_is(window: object, days: int) -> None:
    now = 1_782_907_200_000
    assert length_ms(window, Calendar().span(window, now)) == days * DAY_MS  # type: ignore[arg-type]


def test_a_total_has_neither_length_nor_elapsed_part() -> None:
    span = Calendar().span(Total(), 1)
    assert length_ms(Total(), span) is None
    assert elapsed_percent(span, 1) is None
    assert reached_at(10, 100, span, 1, 0) is None


@pytest.mark.parametrize(
    ("spent", "day", "reached_on"),
    [
        (50, 10, 20),  # 5 a day
        (25, 10, None),  # 2.5 a day: 75 at the end
        (34, 10, 29),
        (1, 3, None),
        (100, 10, None),  # it is reached already
        (0, 10, None),
    ],
)
def test_a_forecast_goes_on_at_the_pace_of_the_window_itself(spent: int, day: int, reached_on: int | None) -> None:
    found = reached_at(spent * DOLLAR, 100 * DOLLAR, MONTH, day * DAY_MS, 10)
    assert (None if found is None else found // DAY_MS) == reached_on


def test_the_first_minutes_of_a_window_do_not_cry_wolf() -> None:
    minute = 60_000
    assert reached_at(5 * DOLLAR, 100 * DOLLAR, MONTH, 10 * minute, 10) is None
    assert reached_at(5 * DOLLAR, 100 * DOLLAR, MONTH, 10 * minute, 0) == 200 * minute
    assert reached_at(50 * DOLLAR, 100 * DOLLAR, MONTH, 3 * DAY_MS, 10) == 6 * DAY_MS
    assert reached_at(50 * DOLLAR, 100 * DOLLAR, MONTH, 0, 0) is None


@given(AMOUNTS, st.integers(min_value=1, max_value=10**15), st.integers(min_value=1, max_value=30 * DAY_MS - 1))
def test_at_the_instant_of_a_forecast_the_pace_has_reached_the_limit_and_a_millisecond_before_it_has_not(
    spent: int, limit: int, now: int
) -> None:
    instant = reached_at(spent, limit, MONTH, now, 0)
    if instant is not None:
        assert now < instant < 30 * DAY_MS
        assert spent * instant >= limit * now > spent * (instant - 1)


@pytest.mark.parametrize(
    ("spent", "recent", "days"),
    [
        (50, 25, 20),  # 100 a window come in, 50 leave: 50 more in one window
        (50, 12, None),  # less comes in than leaves
        (80, 60, 3),  # 240 come in, 80 leave: 20 more in an eighth, two and a half days
        (50, 20, None),  # 30 more in one window: not reached
        (100, 100, None),
        (0, 0, None),
    ],
)
def test_a_rolling_window_is_reached_where_more_comes_in_than_leaves(spent: int, recent: int, days: int | None) -> None:
    window = 20 * DAY_MS
    found = rolling_reached_at(spent, recent, window // 4, 100, window, 1_000)
    assert (None if found is None else -(-(found - 1_000) // DAY_MS)) == days
