"""One number over time, against a log that forgets nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.rates.series import FINE, STEPS, FixedSeries, SlidingSeries, series_of

STEPS_OF_TIME = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=60)


@given(STEPS_OF_TIME, st.integers(1, 1_000))
def test_a_sliding_series_of_few_instants_is_exact(moves: list[tuple[int, int]], window_ms: int) -> None:
    series, log, now = SlidingSeries(window_ms), list[tuple[int, int]](), 1_000_000
    for passed, amount in moves:
        now += passed
        series.add(now, amount)
        log.append((now, amount))
        assert series.used(now) == sum(counted for at, counted in log if now - window_ms < at <= now)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=FINE + 1, max_size=200),
    st.integers(60, 4_000),
)
@settings(deadline=None, max_examples=50)
def test_a_sliding_series_of_many_instants_counts_too_long_by_a_step_at_most_and_never_too_short(
    moves: list[tuple[int, int]], window_ms: int
) -> None:
    series, log, now = SlidingSeries(window_ms), list[tuple[int, int]](), 1_000_000
    step = -(-window_ms // STEPS)
    for passed, amount in moves:
        now += passed
        series.add(now, amount)
        log.append((now, amount))
        least = sum(counted for at, counted in log if at > now - window_ms)
        most = sum(counted for at, counted in log if at > now - window_ms - step)
        assert least <= series.used(now) <= most


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=200),
    st.integers(60, 4_000),
    st.data(),
)
@settings(deadline=None, max_examples=50)
def test_a_sliding_series_of_any_size_has_room_when_it_says_and_within_a_window(
    moves: list[tuple[int, int]], window_ms: int, data: st.DataObject
) -> None:
    series, now = SlidingSeries(window_ms), 1_000_000
    for passed, amount in moves:
        now += passed
        series.add(now, amount)
    used = series.used(now)
    wanted = data.draw(st.integers(1, used))
    at = series.room_at(now, wanted)
    assert now < at <= now + window_ms
    assert series.resets_at(now) <= at <= series.ends_at() <= now + window_ms
    assert series.used(at - 1) > used - wanted
    assert series.used(at) <= used - wanted


@given(STEPS_OF_TIME, st.integers(1, 1_000))
def test_a_fixed_series_counts_since_the_last_multiple_of_its_length(
    moves: list[tuple[int, int]], window_ms: int
) -> None:
    series, log, now = FixedSeries(window_ms), list[tuple[int, int]](), 1_000_000
    for passed, amount in moves:
        now += passed
        series.add(now, amount)
        log.append((now, amount))
        assert series.used(now) == sum(counted for at, counted in log if at // window_ms == now // window_ms)


@given(st.sampled_from(["fixed", "sliding"]), STEPS_OF_TIME.filter(bool), st.integers(1, 1_000), st.data())
def test_there_is_room_exactly_when_it_is_said(
    technique: str, moves: list[tuple[int, int]], window_ms: int, data: st.DataObject
) -> None:
    series, now = series_of("fixed" if technique == "fixed" else "sliding", window_ms), 1_000_000
    for passed, amount in moves:
        now += passed
        series.add(now, amount)
    used = series.used(now)
    wanted = data.draw(st.integers(1, used))
    at = series.room_at(now, wanted)
    assert now < at <= now + window_ms
    assert series.resets_at(now) <= at <= series.ends_at()
    assert series.used(at - 1) > used - wanted
    assert series.used(at) <= used - wanted


@given(st.sampled_from(["fixed", "sliding"]), st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9)), max_size=200))
def test_what_is_taken_back_is_as_if_it_had_never_been(technique: str, moves: list[tuple[int, int]]) -> None:
    which = "fixed" if technique == "fixed" else "sliding"
    given_back, never, now = series_of(which, 500), series_of(which, 500), 1_000_000
    for passed, amount in moves:
        now += passed
        given_back.add(now, amount + 3)
        given_back.take_back(now, 3, now)
        never.add(now, amount)
        assert given_back.used(now) == never.used(now)


def test_nothing_is_taken_back_of_a_window_that_is_over() -> None:
    series = FixedSeries(100)
    series.add(1_010, 5)
    series.add(1_110, 5)
    series.take_back(1_010, 5, 1_120)
    assert series.used(1_120) == 5


def test_a_count_never_falls_below_zero() -> None:
    for series in (FixedSeries(100), SlidingSeries(100)):
        series.add(1_010, 5)
        series.take_back(1_010, 50, 1_020)
        assert series.used(1_020) == 0


def test_a_series_that_was_given_back_whole_says_so() -> None:
    series = SlidingSeries(100)
    series.add(1_000, 5)
    series.take_back(1_000, 5, 1_000)
    assert series.resets_at(1_000) == 1_000
    series.add(1_050, 1)
    assert series.resets_at(1_050) == 1_150


def test_memory_of_a_sliding_series_is_bounded_whatever_is_counted() -> None:
    series = SlidingSeries(10_000)
    for at in range(1_000_000, 1_009_000):
        series.add(at, 1)
    assert series.used(1_009_000) == 9_000
    assert series.__sizeof__() < 200 and len(series._lasts) <= FINE  # pyright: ignore[reportPrivateUsage]


def test_a_sum_that_no_column_holds_stays_at_the_largest() -> None:
    for series in (FixedSeries(100), SlidingSeries(100)):
        series.add(1_000, 2**70)
        series.add(1_001, 2**70)
        assert series.used(1_002) == 2**62
