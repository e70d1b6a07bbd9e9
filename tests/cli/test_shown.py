import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.cli.shown import amount, bar, instant, share


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_bar_is_always_as_long_as_it_should_be(spent: int, held: int, limit: int) -> None:
    assert len(bar(spent, held, limit, 20)) == 20


@pytest.mark.parametrize(
    ("spent", "held", "limit", "drawn"),
    [
        (0, 0, 10, "...................."),
        (1, 0, 1000, "#..................."),
        (5, 5, 20, "#####=====.........."),
        (10, 0, 10, "####################"),
        (30, 5, 10, "####################"),
        (0, 0, 0, "####################"),
    ],
)
def test_a_bar_shows_spent_held_and_left(spent: int, held: int, limit: int, drawn: str) -> None:
    assert bar(spent, held, limit, 20) == drawn


def test_amounts_have_a_currency_and_times_a_zone() -> None:
    assert amount("0.00042") == "$0.00042"
    assert amount("1234.5") == "$1,234.50"
    assert amount(None) == "unknown"
    assert instant("2026-07-01T13:05:09.123Z") == "2026-07-01 13:05:09 UTC"
    assert instant(None) == "never"


def test_a_share_of_nothing_is_no_number() -> None:
    assert share(1, 3) == "33.3 %"
    assert share(0, 0) == "-"


def test_a_share_below_nothing_is_as_large_as_the_same_one_above() -> None:
    assert share(-107, 1000) == "-10.7 %"
    assert share(-1, 10_000) == "0.0 %"
