"""Months of a calendar, and in which of them an entry is charged."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statements.histories import ZONES, Freeze, charged_month, histories, told

from tollway.statements.month import Month, charged_in, month_of, read_month

BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = Month(2026, 10)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_a_month_is_half_open_in_its_zone_and_as_long_as_its_clocks_make_it() -> None:
    assert OCTOBER.span(BERLIN) == (at("2026-09-30T22:00"), at("2026-10-31T23:00"))
    start, end = OCTOBER.span(BERLIN)
    assert (end - start) // 3_600_000 == 745
    assert Month(2026, 12).span(ZoneInfo("UTC")) == (at("2026-12-01"), at("2027-01-01"))
    assert month_of(end - 1, BERLIN) == OCTOBER
    assert month_of(end, BERLIN) == Month(2026, 11)


@pytest.mark.parametrize(
    "zone", ["America/Havana", "Africa/Cairo", "America/Asuncion", "Atlantic/Azores", "Pacific/Apia"]
)
def test_every_instant_is_in_exactly_the_month_that_says_so(zone: str) -> None:
    month = Month(2009, 1)
    for _ in range(240):
        start, end = month.span(ZoneInfo(zone))
        assert month_of(start, ZoneInfo(zone)) == month_of(end - 1, ZoneInfo(zone)) == month
        assert month.following.span(ZoneInfo(zone))[0] == end
        assert month.following.before == month
        month = month.following


@pytest.mark.parametrize(
    ("text", "month"),
    [("2026-10", OCTOBER), ("2026-01", Month(2026, 1)), ("1970-01", Month(1970, 1)), ("9998-12", Month(9998, 12))],
)
def test_a_month_is_written_as_year_and_number(text: str, month: Month) -> None:
    assert read_month(text) == month
    assert str(month) == text


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "1969-12", "9999-01", "2026-10-01", " 2026-10", "٢٠٢٦-10x", ""]
)
def test_what_is_no_month_is_none(text: str) -> None:
    assert read_month(text) is None


def test_an_entry_is_charged_in_its_own_month_until_that_is_frozen() -> None:
    assert charged_in(OCTOBER, 5, Month(2026, 11), {}) == OCTOBER
    assert charged_in(OCTOBER, 5, Month(2026, 11), {OCTOBER: 5}) == OCTOBER
    assert charged_in(OCTOBER, 6, Month(2026, 11), {OCTOBER: 5}) == Month(2026, 11)


def test_what_is_booked_months_later_is_charged_in_the_month_in_which_it_is_booked() -> None:
    assert charged_in(OCTOBER, 9, Month(2027, 1), {OCTOBER: 5}) == Month(2027, 1)


def test_a_frozen_month_takes_nothing_though_it_was_recorded_in_it() -> None:
    # Booked behind the freeze of November by a clock that had been set back.
    marks = {OCTOBER: 5, Month(2026, 11): 8}
    assert charged_in(OCTOBER, 9, Month(2026, 11), marks) == Month(2026, 12)
    assert charged_in(OCTOBER, 9, OCTOBER, marks) == Month(2026, 12)
    assert charged_in(OCTOBER, 7, Month(2026, 11), marks) == Month(2026, 11)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES).map(ZoneInfo).flatmap(lambda zone: st.tuples(st.just(zone), histories(zone))))
def test_the_month_of_an_entry_never_changes_once_it_is_booked(made: tuple[ZoneInfo, list]) -> None:
    zone, history = made
    marks: dict[Month, int] = {}
    decided: dict[int, Month] = {}
    last = 0
    for event in history:
        if isinstance(event, Freeze):
            marks[event.month] = last
        else:
            last = event.seq
            decided[last] = charged_month(event, marks, zone)
    assert decided == {each.seq: charged_month(each, marks, zone) for each in told(history, zone).entries}
