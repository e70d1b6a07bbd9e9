"""Suggested limits, computed by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.budgets.budget import Budget
from tollway.budgets.suggest import MOST_UNITS, Observed, Suggestion, days_of, overall, unit_name, unit_of
from tollway.budgets.window import Calendar, Every, Fixed, Rolling, Total, Window
from tollway.money import CENT, DOLLAR

DAY_MS = 86_400_000
MIDNIGHT = 1_790_035_200_000
"""2026-09-22T00:00:00Z, a Tuesday."""
DAYS = 28


def observed(window: Window, spent: dict[int, int], *, days: int = DAYS, **more: Any) -> Suggestion:
    """Of an account that spent so many dollars at noon of these days."""
    watching = Observed(
        Budget(id="b", name="b", limit=1, window=window), Calendar(), MIDNIGHT, MIDNIGHT + days * DAY_MS
    )
    for day, dollars in spent.items():
        watching.add("b", MIDNIGHT + day * DAY_MS + DAY_MS // 2, dollars * DOLLAR)
    return watching.suggestion("b")


def test_a_day_is_one_and_a_half_times_the_median_or_what_95_percent_stayed_under() -> None:
    even = observed(Fixed("day"), dict.fromkeys(range(10), 4))
    assert (even.units, even.observed, even.median, even.p95, even.suggested) == (
        10,
        28,
        4 * DOLLAR,
        4 * DOLLAR,
        6 * DOLLAR,
    )
    # 1 to 20 dollars: the larger of the middle two is 11, 95 % are at or under 19.
    rising = observed(Fixed("day"), {day: day + 1 for day in range(20)})
    assert (rising.median, rising.p95, rising.from_median) == (11 * DOLLAR, 19 * DOLLAR, 16_500_000_000)
    assert (rising.windows, rising.p95_window, rising.suggested) == (20, 19 * DOLLAR, 19 * DOLLAR)


def test_days_without_spend_are_no_part_of_the_median_but_of_how_a_day_becomes_a_month() -> None:
    # 8 of 28 days: of 31 days 9 (8.86, rounded up) are expected to have spend.
    one = observed(Fixed("month"), dict.fromkeys(range(0, 28, 4), 2) | {27: 2})
    assert (one.units, one.observed, one.median) == (8, 28, 2 * DOLLAR)
    assert one.from_median == 9 * 3 * DOLLAR
    assert (one.windows, one.p95_window, one.suggested) == (0, None, 27 * DOLLAR)


def test_days_before_the_first_with_spend_do_not_count() -> None:
    one = observed(Fixed("month"), dict.fromkeys(range(21, 28), 2))
    assert (one.units, one.observed, one.from_median) == (7, 7, 31 * 3 * DOLLAR)


def test_a_week_also_looks_at_whole_weeks() -> None:
    # The weeks from Monday the 28th on: 7, 14 and 21 dollars; the first is not whole.
    spent = {day: 1 + (day - 6) // 7 for day in range(6, 27)} | {0: 100}
    one = observed(Fixed("week"), spent)
    assert (one.windows, one.p95_window) == (3, 21 * DOLLAR)
    assert one.median == 2 * DOLLAR
    # 22 of 28 days: ceil(7 * 22 / 28) = 6 days of a week, 1.5 x 2 x 6.
    assert (one.from_median, one.suggested) == (18 * DOLLAR, 21 * DOLLAR)


def test_a_rolling_week_looks_back_from_every_day() -> None:
    one = observed(Rolling("week"), dict.fromkeys(range(14), 1), days=14)
    assert (one.windows, one.p95_window) == (8, 7 * DOLLAR)
    assert one.from_median == 10_500_000_000


def test_an_hour_is_its_own_unit() -> None:
    watching = Observed(
        Budget(id="b", name="b", limit=1, window=Fixed("hour")), Calendar(), MIDNIGHT, MIDNIGHT + DAY_MS
    )
    for hour in range(7):
        watching.add("b", MIDNIGHT + hour * 3_600_000, DOLLAR)
        watching.add("b", MIDNIGHT + hour * 3_600_000 + 1, DOLLAR)
    one = watching.suggestion("b")
    assert (unit_name(Fixed("hour")), one.units, one.observed, one.median, one.suggested) == (
        "hour",
        7,
        24,
        2 * DOLLAR,
        3 * DOLLAR,
    )


@pytest.mark.parametrize(
    ("days", "said"), [(0, "there are 0"), (6, "7 complete days with spend are needed, and there are 6")]
)
def test_too_little_suggests_nothing_and_says_how_much_is_needed(days: int, said: str) -> None:
    one = observed(Fixed("day"), dict.fromkeys(range(days), 1))
    assert (one.units, one.suggested, one.median) == (days, None, None)
    assert said in one.needed


def test_a_budget_that_never_starts_anew_has_nothing_to_scale_to() -> None:
    one = observed(Total(), dict.fromkeys(range(10), 1))
    assert (one.median, one.suggested) == (DOLLAR, None)
    assert "never starts anew" in one.needed


def test_only_whole_units_inside_of_the_stretch_count() -> None:
    watching = Observed(
        Budget(id="b", name="b", limit=1, window=Fixed("day")), Calendar(), MIDNIGHT + 1, MIDNIGHT + 3 * DAY_MS - 1
    )
    for at in (
        MIDNIGHT + 1,
        MIDNIGHT + DAY_MS - 1,
        MIDNIGHT + DAY_MS,
        MIDNIGHT + 2 * DAY_MS - 1,
        MIDNIGHT + 2 * DAY_MS,
    ):
        watching.add("b", at, DOLLAR)
    assert watching.until == MIDNIGHT + 2 * DAY_MS
    assert (watching.suggestion("b").units, watching.suggestion("b").observed) == (1, 1)


def test_days_are_those_of_the_windows_time_zone() -> None:
    berlin = Fixed("month", "Europe/Berlin", anchor_time="06:00")
    assert unit_of(berlin) == Fixed("day", "Europe/Berlin", anchor_time="06:00")


def test_a_window_of_a_second_looks_at_a_bounded_number_of_them() -> None:
    watching = Observed(Budget(id="b", name="b", limit=1, window=Every(1)), Calendar(), MIDNIGHT, MIDNIGHT + DAY_MS)
    watching.add("b", MIDNIGHT, DOLLAR)
    watching.add("b", MIDNIGHT + DAY_MS - MOST_UNITS * 1000, DOLLAR)
    one = watching.suggestion("b")
    assert (one.units, one.observed) == (1, MOST_UNITS)


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (Fixed("hour"), 1), (Fixed("day"), 1), (Fixed("week"), 7), (Fixed("month"), 31), (Rolling("day"), 1),
        (Rolling("week"), 7), (Rolling("month"), 30), (Every(60), 1), (Every(86_400), 1), (Every(86_401), 2),
        (Every(7 * 86_400, "sliding"), 7), (Total(), None),
    ],
)  # fmt: skip
def test_a_window_has_so_many_units(window: Window, days: int | None) -> None:
    assert days_of(window) == days


def test_one_limit_for_all_is_enough_for_95_percent_of_the_accounts() -> None:
    known = [Suggestion(account=str(n), units=9, observed=9, suggested=n * DOLLAR) for n in range(1, 41)]
    unknown = [Suggestion(account="x", units=1, observed=9)]
    assert overall(known + unknown) == 38 * DOLLAR
    assert overall(unknown) is None


def test_accounts_are_listed_largest_first_and_unknown_ones_last() -> None:
    watching = Observed(
        Budget(id="b", name="b", limit=1, window=Fixed("day")), Calendar(), MIDNIGHT, MIDNIGHT + 10 * DAY_MS
    )
    for account, dollars, days in (("few", 9, 3), ("small", 1, 8), ("large", 5, 8)):
        for day in range(days):
            watching.add(account, MIDNIGHT + day * DAY_MS, dollars * DOLLAR)
    assert [one.account for one in watching.suggestions()] == ["large", "small", "few"]


@given(
    st.dictionaries(st.integers(0, DAYS - 1), st.integers(0, 10**12), max_size=DAYS),
    st.sampled_from([Fixed("day"), Fixed("week"), Fixed("month"), Rolling("week"), Every(3 * 86_400)]),
)
def test_a_suggestion_is_whole_cents_and_no_less_than_either_part(spent: dict[int, int], window: Window) -> None:
    watching = Observed(
        Budget(id="b", name="b", limit=1, window=window), Calendar(), MIDNIGHT, MIDNIGHT + DAYS * DAY_MS
    )
    for day, amount in spent.items():
        watching.add("b", MIDNIGHT + day * DAY_MS, amount)
    one = watching.suggestion("b")
    assert one.units == sum(amount > 0 for amount in spent.values())
    if one.suggested is None:
        assert one.units < 7
        assert one.needed
    else:
        assert one.median is not None
        assert one.from_median is not None
        assert one.suggested % CENT == 0
        assert one.suggested == max(one.from_median, one.p95_window or 0)
        assert one.from_median * 2 >= 3 * one.median
        assert one.observed >= one.units
