"""Windows: every instant in exactly one span, in every zone; rolling counts against an exact log."""

import csv
import random
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.window import (
    BUCKETS,
    LONGEST_S,
    PERIODS,
    ROLLING_PERIODS,
    TECHNIQUES,
    WEEKDAYS,
    ZONE_DATA,
    Calendar,
    Every,
    Fixed,
    Rolling,
    Span,
    Total,
    Window,
    describe,
    parse_window,
    window_to_settings,
)
from tollway.errors import WindowInvalid

HOUR_S = 3_600
DAY_S = 86_400
YEAR_9998_MS = 253_339_228_800_000
ZONES = [name for name in resources.files("tzdata").joinpath("zones").read_text().split() if name != "Factory"]
ODD_MIDNIGHTS = list(
    csv.DictReader(
        line
        for line in Path(__file__).with_name("odd_midnights.csv").read_text().splitlines()
        if not line.startswith("#")
    )
)


def ms(text: str) -> int:
    """Unix milliseconds of a UTC time such as "2026-07-01T00:00"."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def utc(instant_ms: int | None) -> str:
    assert instant_ms is not None
    return datetime.fromtimestamp(instant_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def length_of(window: Every | Rolling) -> int:
    if isinstance(window, Every):
        return window.seconds * 1000
    return {"day": 1, "week": 7, "month": 30}[window.period] * DAY_S * 1000


def hours(span: Span) -> float:
    assert span.end is not None
    return (span.end - span.start) / (HOUR_S * 1000)


def zone_bytes(name: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def distinct_zones() -> list[str]:
    return list({zone_bytes(name): name for name in reversed(ZONES)}.values())


class Clocks:
    """The clocks of a zone as stretches of one offset, found by looking at UTC instants only: no fold, no wall time."""

    def __init__(self, name: str, first_s: int, last_s: int) -> None:
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            self._zone = ZoneInfo.from_file(file)
        self.since = [first_s]
        self.offsets = [self.offset(first_s)]
        # No zone changes its clocks twice in two days.
        step = 2 * DAY_S
        for probe in range(first_s, last_s, step):
            if self.offset(probe + step) != self.offset(probe):
                after, until = probe, probe + step
                while until - after > 1:
                    middle = (after + until) // 2
                    after, until = (middle, until) if self.offset(middle) == self.offset(probe) else (after, middle)
                self.since.append(until)
                self.offsets.append(self.offset(until))

    def offset(self, second: int) -> int:
        offset = datetime.fromtimestamp(second, self._zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds())

    def first_showing(self, wall_s: int) -> int:
        """The first second at which the clocks show `wall_s` (a wall time read as if it were UTC) or later."""
        earliest = max(0, bisect_right(self.since, wall_s - 2 * DAY_S) - 1)
        for index in range(earliest, len(self.since)):
            shown = max(self.since[index], wall_s - self.offsets[index])
            if index + 1 == len(self.since) or shown < self.since[index + 1]:
                return shown
        raise AssertionError("clocks run on")


@cache
def clocks_of(name: str) -> Clocks:
    """The clocks of a zone from 2024 to 2030, and some days around."""
    return Clocks(name, ms("2023-12-25T00:00") // 1000, ms("2031-01-10T00:00") // 1000)


def days(first: date, last: date) -> Iterator[int]:
    """Midnights as wall seconds."""
    yield from range(
        round(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()),
        round(datetime(last.year, last.month, last.day, tzinfo=UTC).timestamp()),
        DAY_S,
    )


def check_day(calendar: Calendar, name: str, start_s: int, end_s: int) -> None:
    window = Fixed("day", name)
    expected = Span(start_s * 1000, end_s * 1000, start_s * 1000, start_s * 1000, 0)
    assert calendar.span(window, start_s * 1000) == expected
    assert calendar.span(window, end_s * 1000 - 1) == expected


@st.composite
def fixed_windows(draw: st.DrawFn) -> Fixed:
    period = draw(st.sampled_from(PERIODS))
    return Fixed(
        period,
        draw(st.sampled_from(ZONES)),
        week_start=draw(st.sampled_from(WEEKDAYS)) if period == "week" else "monday",
        anchor_day=draw(st.integers(1, 31)) if period == "month" else 1,
        anchor_time=f"{draw(st.integers(0, 23)):02}:{draw(st.integers(0, 59)):02}" if period != "hour" else "00:00",
    )


SECONDS = st.one_of(st.integers(1, LONGEST_S), st.integers(1, 100), st.sampled_from([60, HOUR_S, DAY_S, 30 * DAY_S]))
BUCKETED = st.one_of(
    st.builds(Rolling, st.sampled_from(ROLLING_PERIODS)), st.builds(Every, SECONDS, st.just("sliding"))
)
WINDOWS: st.SearchStrategy[Window] = st.one_of(
    fixed_windows(), st.builds(Every, SECONDS, st.sampled_from(TECHNIQUES)), BUCKETED, st.just(Total())
)
INSTANTS = st.one_of(
    st.integers(0, YEAR_9998_MS),
    st.integers(ms("2009-01-01T00:00"), ms("2036-01-01T00:00")),
    # Within an hour and a half of where clocks are changed, and to the millisecond.
    st.integers(ms("2009-11-01T01:00"), ms("2009-11-01T04:00")),
    st.builds(
        lambda row, off: int(row["begins_s"]) * 1000 + off, st.sampled_from(ODD_MIDNIGHTS), st.integers(-4000, 4000)
    ),
)


@settings(max_examples=600, deadline=None)
@given(st.one_of(fixed_windows(), st.builds(Every, SECONDS)), INSTANTS)
def test_spans_hold_their_instant_and_follow_each_other_without_gap_or_overlap(window: Window, now: int) -> None:
    calendar = Calendar()
    span = calendar.span(window, now)
    assert span.end is not None
    assert span.start <= now < span.end
    assert span.bucket == span.since == span.start
    assert span.bucket_ms == 0
    assert Calendar().span(window, span.end).start == span.end
    assert Calendar().span(window, span.start - 1).end == span.start
    assert Calendar().span(window, span.start) == Calendar().span(window, span.end - 1) == span


@settings(max_examples=600, deadline=None)
@given(fixed_windows(), INSTANTS)
def test_a_calendar_span_is_no_longer_than_its_period_and_the_clocks_changes(window: Fixed, now: int) -> None:
    longest = {"hour": 1, "day": 24 + 2, "week": 7 * 24 + 2, "month": 31 * 24 + 2}
    # Casey, Antarctica and others moved by up to 3 hours; a zone that changes its day moves by 24.
    slack = 0 if window.period == "hour" else 24
    if window.period == "month" and window.anchor_day > 28:
        slack += 3 * 24
    assert 0 < hours(Calendar().span(window, now)) <= longest[window.period] + slack


@settings(max_examples=150, deadline=None)
@given(st.one_of(fixed_windows(), st.builds(Every, SECONDS)), INSTANTS)
def test_the_span_before_ends_where_this_one_begins(window: Window, now: int) -> None:
    calendar = Calendar()
    span, previous = calendar.span(window, now), calendar.previous(window, now)
    if span.start <= 0:
        assert previous is None
    else:
        assert previous is not None
        assert Calendar().span(window, previous).end == span.start
        # Remembered, and forgotten when the window has moved on.
        assert calendar.previous(window, now) == previous
        assert span.end is not None
        assert calendar.previous(window, span.end) == span.start


@settings(max_examples=20, deadline=None)
@given(st.one_of(BUCKETED, st.just(Total())), INSTANTS)
def test_a_window_that_does_not_end_has_none_before_it(window: Window, now: int) -> None:
    assert Calendar().previous(window, now) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(WINDOWS, min_size=1, max_size=4), st.lists(INSTANTS, min_size=1, max_size=8), st.integers(-3, 3))
def test_a_remembered_span_is_the_span_that_would_be_computed(
    windows: list[Window], instants: list[int], nearby: int
) -> None:
    calendar = Calendar()
    for now in instants:
        for window in windows:
            for instant in (now, now + nearby):
                assert calendar.span(window, instant) == Calendar().span(window, instant)
            bound = calendar.span(window, now).end
            if bound is not None:
                assert calendar.span(window, bound) == Calendar().span(window, bound)


def test_a_remembered_span_is_returned_as_it_is() -> None:
    calendar, now = Calendar(), ms("2026-07-04T12:00")
    for window in (Fixed("month", "Europe/Berlin"), Every(60), Rolling("day"), Total()):
        assert calendar.span(window, now) is calendar.span(window, now + 1)


def test_more_windows_than_are_remembered_change_no_span() -> None:
    calendar, now = Calendar(), ms("2026-07-04T12:00")
    for seconds in range(1, 5_000):
        assert calendar.span(Every(seconds), now).start == now - now % (seconds * 1000)
    assert calendar.span(Every(7), now) == Calendar().span(Every(7), now)
    assert len(calendar._current) < 5_000


@pytest.mark.parametrize("row", ODD_MIDNIGHTS, ids=lambda row: f"{row['zone']}-{row['date']}-{row['kind']}")
def test_a_day_begins_at_the_first_of_two_midnights_and_at_the_jump_over_a_skipped_one(row: dict[str, str]) -> None:
    begins = int(row["begins_s"]) * 1000
    calendar = Calendar()
    span = calendar.span(Fixed("day", row["zone"]), begins)
    assert span.start == begins
    assert hours(span) == (23 if row["kind"] == "skipped" else 25)
    assert calendar.span(Fixed("day", row["zone"]), begins - 1).end == begins
    local = datetime.fromtimestamp(begins // 1000 + clocks_of(row["zone"]).offset(begins // 1000), UTC)
    assert local.strftime("%Y-%m-%d %H:%M") == f"{row['date']} {'01' if row['kind'] == 'skipped' else '00'}:00"


def test_the_vectors_hold_every_odd_midnight_of_their_years() -> None:
    found: set[tuple[str, str, str, int]] = set()
    for name in ZONES:
        clocks = clocks_of(name)
        for since, before, after in zip(clocks.since[1:], clocks.offsets, clocks.offsets[1:], strict=False):
            low, high = sorted((since + before, since + after))
            midnight = -(-low // DAY_S) * DAY_S
            day = datetime.fromtimestamp(midnight, UTC).date()
            if midnight < high and date(2024, 1, 1) <= day < date(2026, 11, 1):
                kind = "skipped" if after > before else "twice"
                found.add((name, day.isoformat(), kind, clocks.first_showing(midnight)))
    assert found == {(row["zone"], row["date"], row["kind"], int(row["begins_s"])) for row in ODD_MIDNIGHTS}


def test_days_around_every_change_of_clocks_begin_when_the_clocks_first_show_midnight() -> None:
    calendar = Calendar()
    checked = 0
    for name in distinct_zones():
        clocks = clocks_of(name)
        for since, offset in zip(clocks.since, clocks.offsets, strict=True):
            midnight = (since + offset) // DAY_S * DAY_S
            for wall in (midnight - DAY_S, midnight, midnight + DAY_S):
                start_s, end_s = clocks.first_showing(wall), clocks.first_showing(wall + DAY_S)
                if since > clocks.since[0]:
                    check_day(calendar, name, start_s, end_s)
                    checked += 1
    assert checked > 3_000


def test_every_day_of_seven_years_in_the_hardest_zones() -> None:
    names = ["UTC", "Europe/Berlin", "Antarctica/Troll", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca"]
    sweep([*names, "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Africa/Cairo", "Atlantic/Azores"])


@pytest.mark.slow
def test_every_day_of_seven_years_in_every_zone() -> None:
    sweep(ZONES)


def sweep(names: list[str]) -> None:
    for name in names:
        calendar = Calendar()
        clocks = clocks_of(name)
        for wall in days(date(2024, 1, 1), date(2031, 1, 1)):
            check_day(calendar, name, clocks.first_showing(wall), clocks.first_showing(wall + DAY_S))


def test_anchored_spans_of_every_zone_begin_when_the_clocks_first_show_the_anchor() -> None:
    calendar = Calendar()
    for number, name in enumerate(distinct_zones()):
        clocks = clocks_of(name)
        minutes = number * 37 % 1440
        window = Fixed("day", name, anchor_time=f"{minutes // 60:02}:{minutes % 60:02}")
        for since, offset in list(zip(clocks.since, clocks.offsets, strict=True))[1:]:
            wall = (since + offset) // DAY_S * DAY_S + minutes * 60
            start_s, end_s = clocks.first_showing(wall), clocks.first_showing(wall + DAY_S)
            span = calendar.span(window, start_s * 1000)
            assert (span.start, span.end) == (start_s * 1000, end_s * 1000)


def test_hours_of_every_zone_begin_at_full_hours_of_its_clocks_and_at_jumps() -> None:
    calendar = Calendar()
    for name in distinct_zones():
        window = Fixed("hour", name)
        clocks = clocks_of(name)
        for since in clocks.since[1:]:
            edges = [
                second
                for second in range(since - 2 * HOUR_S, since + 2 * HOUR_S + 1, 60)
                if second in clocks.since or (second + clocks.offset(second)) % HOUR_S == 0
            ]
            for start, end in pairwise(edges):
                span = calendar.span(window, (start + end) // 2 * 1000)
                assert (span.start, span.end) == (start * 1000, end * 1000)


@pytest.mark.parametrize(
    ("window", "at", "start", "end"),
    [
        (Fixed("month", "Europe/Berlin"), "2026-03-15T12:00", "2026-02-28T23:00", "2026-03-31T22:00"),
        (Fixed("month", "Europe/Berlin"), "2026-10-15T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),
        (Fixed("day"), "2028-02-29T12:00", "2028-02-29T00:00", "2028-03-01T00:00"),
        (Fixed("month"), "2028-02-29T23:59", "2028-02-01T00:00", "2028-03-01T00:00"),
        (Fixed("month"), "2100-02-28T23:59", "2100-02-01T00:00", "2100-03-01T00:00"),
        (Fixed("month"), "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        # ISO week 53 of 2026 ends in 2027.
        (Fixed("week"), "2027-01-01T00:00", "2026-12-28T00:00", "2027-01-04T00:00"),
        (Fixed("week"), "2027-01-03T23:59", "2026-12-28T00:00", "2027-01-04T00:00"),
        (Fixed("week", week_start="sunday"), "2027-01-03T00:00", "2027-01-03T00:00", "2027-01-10T00:00"),
        (Fixed("week", week_start="sunday"), "2027-01-02T23:59", "2026-12-27T00:00", "2027-01-03T00:00"),
        (Fixed("week", "Europe/Berlin"), "2026-03-25T00:00", "2026-03-22T23:00", "2026-03-29T22:00"),
        (Fixed("week", anchor_time="09:00"), "2026-07-06T08:59", "2026-06-29T09:00", "2026-07-06T09:00"),
        # LiteLLM #34896: in Tokyo the day begins at 15:00 UTC, not nine hours late.
        (Fixed("day", "Asia/Tokyo"), "2026-07-04T15:00", "2026-07-04T15:00", "2026-07-05T15:00"),
        (Fixed("day", "Asia/Tokyo"), "2026-07-04T14:59", "2026-07-03T15:00", "2026-07-04T15:00"),
        # An anchor day past the end of a month is its last day.
        (Fixed("month", anchor_day=31), "2026-02-27T23:59", "2026-01-31T00:00", "2026-02-28T00:00"),
        (Fixed("month", anchor_day=31), "2026-02-28T00:00", "2026-02-28T00:00", "2026-03-31T00:00"),
        (Fixed("month", anchor_day=31), "2028-02-29T00:00", "2028-02-29T00:00", "2028-03-31T00:00"),
        (Fixed("month", anchor_day=30), "2026-03-29T23:59", "2026-02-28T00:00", "2026-03-30T00:00"),
        (
            Fixed("month", anchor_day=15, anchor_time="06:00"),
            "2026-01-15T05:59",
            "2025-12-15T06:00",
            "2026-01-15T06:00",
        ),
        # An anchor in the hour that Berlin skips begins at the jump, in the hour that comes twice at the first.
        (
            Fixed("day", "Europe/Berlin", anchor_time="02:30"),
            "2026-03-29T01:00",
            "2026-03-29T01:00",
            "2026-03-30T00:30",
        ),
        (
            Fixed("day", "Europe/Berlin", anchor_time="02:30"),
            "2026-03-29T00:59",
            "2026-03-28T01:30",
            "2026-03-29T01:00",
        ),
        (
            Fixed("day", "Europe/Berlin", anchor_time="02:30"),
            "2026-10-25T01:30",
            "2026-10-25T00:30",
            "2026-10-26T01:30",
        ),
        # Apia left out 2011-12-30 at the end of the 29th.
        (Fixed("day", "Pacific/Apia"), "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        (Fixed("day", "Pacific/Apia"), "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
        (Fixed("month", "Pacific/Apia"), "2011-12-15T00:00", "2011-12-01T10:00", "2011-12-31T10:00"),
        (Fixed("month", "Pacific/Apia", anchor_day=30), "2011-12-30T10:00", "2011-12-30T10:00", "2012-01-29T10:00"),
        (Fixed("day", "Pacific/Apia", anchor_time="06:00"), "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-30T16:00"),
        # St John's went from 00:01 back to 23:01: the new day, week and month began before, and did not end again.
        (Fixed("day", "America/St_Johns"), "2009-11-01T02:29", "2009-10-31T02:30", "2009-11-01T02:30"),
        (Fixed("day", "America/St_Johns"), "2009-11-01T02:30", "2009-11-01T02:30", "2009-11-02T03:30"),
        (Fixed("day", "America/St_Johns"), "2009-11-01T02:40", "2009-11-01T02:30", "2009-11-02T03:30"),
        (Fixed("month", "America/St_Johns"), "2009-11-01T02:40", "2009-11-01T02:30", "2009-12-01T03:30"),
        (
            Fixed("week", "America/St_Johns", week_start="sunday"),
            "2009-11-01T02:40",
            "2009-11-01T02:30",
            "2009-11-08T03:30",
        ),
        (Fixed("hour", "Asia/Kathmandu"), "2026-07-04T12:00", "2026-07-04T11:15", "2026-07-04T12:15"),
        (Fixed("hour", "Asia/Kolkata"), "2026-07-04T12:30", "2026-07-04T12:30", "2026-07-04T13:30"),
        # 02:00 to 03:00 comes twice in Berlin: two hours, each with its own span.
        (Fixed("hour", "Europe/Berlin"), "2026-10-25T00:59", "2026-10-25T00:00", "2026-10-25T01:00"),
        (Fixed("hour", "Europe/Berlin"), "2026-10-25T01:00", "2026-10-25T01:00", "2026-10-25T02:00"),
        # Lord Howe's clocks jump by half an hour: 02:00 to 01:30 in April, 02:00 to 02:30 in October.
        (Fixed("hour", "Australia/Lord_Howe"), "2026-04-04T14:59", "2026-04-04T14:00", "2026-04-04T15:00"),
        (Fixed("hour", "Australia/Lord_Howe"), "2026-04-04T15:00", "2026-04-04T15:00", "2026-04-04T15:30"),
        (Fixed("hour", "Australia/Lord_Howe"), "2026-10-03T15:29", "2026-10-03T14:30", "2026-10-03T15:30"),
        (Fixed("hour", "Australia/Lord_Howe"), "2026-10-03T15:30", "2026-10-03T15:30", "2026-10-03T16:00"),
        # Pyongyang moved from 23:30 to midnight.
        (Fixed("hour", "Asia/Pyongyang"), "2018-05-04T14:59", "2018-05-04T14:30", "2018-05-04T15:00"),
        (Fixed("hour", "Asia/Pyongyang"), "2018-05-04T15:00", "2018-05-04T15:00", "2018-05-04T16:00"),
        (Fixed("day", "Asia/Pyongyang"), "2018-05-04T15:00", "2018-05-04T15:00", "2018-05-05T15:00"),
        (Every(604_800), "2026-07-04T12:00", "2026-07-02T00:00", "2026-07-09T00:00"),
        (Every(3_600), "2026-07-04T12:59", "2026-07-04T12:00", "2026-07-04T13:00"),
        (Every(30 * DAY_S), "1970-01-31T00:00", "1970-01-31T00:00", "1970-03-02T00:00"),
    ],
)
def test_known_spans(window: Window, at: str, start: str, end: str) -> None:
    span = Calendar().span(window, ms(at) + 59_999 * at.endswith("59"))
    assert (utc(span.start), utc(span.end)) == (start, end)


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Europe/Berlin", "2026-03-15T12:00", 743),
        ("Europe/Berlin", "2026-10-15T12:00", 745),
        ("America/New_York", "2026-11-15T12:00", 721),
        ("UTC", "2028-02-15T12:00", 29 * 24),
        ("UTC", "2026-02-15T12:00", 28 * 24),
        ("Pacific/Apia", "2011-12-15T12:00", 30 * 24),
    ],
)
def test_months_are_as_long_as_they_are(zone: str, at: str, expected: int) -> None:
    assert hours(Calendar().span(Fixed("month", zone), ms(at))) == expected


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Antarctica/Troll", "2026-03-29T12:00", 22),
        ("Antarctica/Troll", "2026-10-25T12:00", 26),
        ("Australia/Lord_Howe", "2026-10-03T20:00", 23.5),
        ("Australia/Lord_Howe", "2026-04-04T20:00", 24.5),
        ("Europe/Berlin", "2026-03-29T12:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00", 25),
        ("Asia/Pyongyang", "2018-05-04T12:00", 23.5),
        ("Asia/Pyongyang", "2015-08-14T12:00", 24.5),
        ("Africa/Monrovia", "1972-01-07T12:00", 24 - 44.5 / 60),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(zone: str, at: str, expected: float) -> None:
    assert hours(Calendar().span(Fixed("day", zone), ms(at))) == pytest.approx(expected, abs=1e-9)


def test_a_total_has_one_span() -> None:
    assert Calendar().span(Total(), 0) == Calendar().span(Total(), YEAR_9998_MS) == Span(0, None, 0, 0, 0)


@pytest.mark.parametrize(
    ("window", "length_ms", "bucket_ms"),
    [
        (Rolling("day"), DAY_S * 1000, 300_000),
        (Rolling("week"), 7 * DAY_S * 1000, 2_100_000),
        (Rolling("month"), 30 * DAY_S * 1000, 9_000_000),
        (Every(3_600, "sliding"), 3_600_000, 12_500),
        (Every(1, "sliding"), 1_000, 3),
        (Every(7, "sliding"), 7_000, 24),
    ],
)
def test_a_rolling_span_is_of_the_buckets_that_overlap_the_window(
    window: Window, length_ms: int, bucket_ms: int
) -> None:
    now = ms("2026-07-04T12:34") + 567
    for instant in (now, now - now % bucket_ms, now - now % bucket_ms - 1):
        span = Calendar().span(window, instant)
        bucket = instant // bucket_ms * bucket_ms
        since = (instant - length_ms + 1) // bucket_ms * bucket_ms
        assert span == Span(start=since, end=None, bucket=bucket, since=since, bucket_ms=bucket_ms)


@settings(max_examples=300, deadline=None)
@given(BUCKETED, INSTANTS)
def test_a_bucket_counts_until_it_drops_and_not_from_then_on(window: Every | Rolling, now: int) -> None:
    bucket = Calendar().span(window, now).bucket
    drops = Calendar().drops_at(window, bucket)
    assert drops is not None
    assert Calendar().span(window, drops - 1).since == bucket
    assert Calendar().span(window, drops).since > bucket
    assert Calendar().next_reset(window, now, oldest_bucket=bucket) == drops


@settings(max_examples=300, deadline=None)
@given(BUCKETED)
def test_buckets_are_no_wider_than_a_288th_and_at_most_1024_count(window: Every | Rolling) -> None:
    span = Calendar().span(window, ms("2026-07-04T12:34"))
    length_ms = length_of(window)
    assert 1 <= span.bucket_ms <= length_ms / BUCKETS
    assert (span.bucket - span.since) // span.bucket_ms + 1 <= 1_024


def test_a_fixed_window_resets_at_its_end_and_a_total_never() -> None:
    calendar, now = Calendar(), ms("2026-07-04T12:34")
    for window, end in (
        (Fixed("month", "Europe/Berlin"), "2026-07-31T22:00"),
        (Fixed("hour"), "2026-07-04T13:00"),
        (Every(DAY_S), "2026-07-05T00:00"),
    ):
        assert utc(calendar.next_reset(window, now)) == end
        assert utc(calendar.drops_at(window, calendar.span(window, now).bucket)) == end
    assert calendar.next_reset(Total(), now) is None
    assert calendar.drops_at(Total(), 0) is None


def test_an_empty_rolling_window_has_nothing_to_reset() -> None:
    assert Calendar().next_reset(Rolling("day"), ms("2026-07-04T12:34")) is None


@settings(max_examples=300, deadline=None)
@given(
    BUCKETED,
    st.integers(0, ms("2030-01-01T00:00")),
    st.lists(st.tuples(st.integers(0, 700), st.integers(-2, 2), st.integers(1, 10**12)), min_size=1, max_size=60),
)
def test_a_rolling_count_is_never_below_the_window_nor_above_it_and_one_bucket(
    window: Every | Rolling, start: int, spending: list[tuple[int, int, int]]
) -> None:
    calendar = Calendar()
    bucket_ms = calendar.span(window, start).bucket_ms
    length_ms = length_of(window)
    log: list[tuple[int, int]] = []
    booked: dict[int, int] = {}
    now = start
    for buckets, nearby, amount in spending:
        now = max(now, now + buckets * bucket_ms + nearby)
        span = calendar.span(window, now)
        log.append((now, amount))
        booked[span.bucket] = booked.get(span.bucket, 0) + amount
        counted = sum(held for bucket, held in booked.items() if bucket >= span.since)
        assert counted >= sum(held for at, held in log if at > now - length_ms)
        assert counted <= sum(held for at, held in log if at > now - length_ms - bucket_ms)


def test_no_request_of_a_million_is_let_through_that_an_exact_log_refuses() -> None:
    """One that is refused too early is so for no more than one bucket's spend."""
    window, length_ms, limit = Every(60, "sliding"), 60_000, 2_000_000
    chance, calendar, now = random.Random(16), Calendar(), ms("2026-07-04T12:34")
    log: deque[tuple[int, int]] = deque()
    booked: deque[list[int]] = deque()
    true = counted = early = refused = 0
    for _ in range(1_000_000):
        now += chance.choice((0, 1, 1, 3, 40, 200))
        amount = chance.randrange(1, 10_000)
        span = calendar.span(window, now)
        while log and log[0][0] <= now - length_ms:
            true -= log.popleft()[1]
        while booked and booked[0][0] < span.since:
            counted -= booked.popleft()[1]
        if counted + amount > limit:
            refused += 1
            if true + amount <= limit:
                early += 1
                assert booked[0][0] == span.since
                assert true + booked[0][1] + amount > limit
            continue
        assert true + amount <= limit
        log.append((now, amount))
        true, counted = true + amount, counted + amount
        if booked and booked[-1][0] == span.bucket:
            booked[-1][1] += amount
        else:
            booked.append([span.bucket, amount])
    assert 0 < early < refused < 1_000_000


@pytest.mark.parametrize(
    ("written", "window", "words"),
    [
        (
            {"period": "month", "timezone": "Europe/Berlin"},
            Fixed("month", "Europe/Berlin"),
            "calendar month, Europe/Berlin",
        ),
        ({"period": "hour"}, Fixed("hour"), "calendar hour, UTC"),
        ({"period": "day", "anchor_time": "06:00"}, Fixed("day", anchor_time="06:00"), "calendar day from 06:00, UTC"),
        ({"period": "week"}, Fixed("week"), "calendar week from Monday, UTC"),
        (
            {"period": "week", "week_start": "sunday", "anchor_time": "18:30"},
            Fixed("week", week_start="sunday", anchor_time="18:30"),
            "calendar week from Sunday at 18:30, UTC",
        ),
        (
            {"period": "month", "anchor_time": "06:00"},
            Fixed("month", anchor_time="06:00"),
            "calendar month from day 1 at 06:00, UTC",
        ),
        (
            {"period": "month", "timezone": "Asia/Tokyo", "anchor_day": 15},
            Fixed("month", "Asia/Tokyo", anchor_day=15),
            "calendar month from day 15, Asia/Tokyo",
        ),
        (
            {"period": "month", "anchor_day": 31},
            Fixed("month", anchor_day=31),
            "calendar month from day 31 (or the last), UTC",
        ),
        ({"every": 1}, Every(1), "every second, counted from 1970-01-01 00:00 UTC"),
        ({"every": 3600}, Every(3600), "every hour, counted from 1970-01-01 00:00 UTC"),
        (
            {"every": 2_592_000, "technique": "fixed"},
            Every(2_592_000),
            "every 30 days, counted from 1970-01-01 00:00 UTC",
        ),
        ({"every": 5400, "technique": "sliding"}, Every(5400, "sliding"), "the last 90 minutes, sliding"),
        ({"every": 86_400, "technique": "sliding"}, Every(86_400, "sliding"), "the last 24 hours, sliding"),
        ({"every": 10_001}, Every(10_001), "every 10,001 seconds, counted from 1970-01-01 00:00 UTC"),
        ({"rolling": "day"}, Rolling("day"), "the last 24 hours, rolling"),
        ({"rolling": "week"}, Rolling("week"), "the last 7 days, rolling"),
        ({"rolling": "month"}, Rolling("month"), "the last 30 days, rolling"),
        ({"period": "total"}, Total(), "total, never resets"),
    ],
)
def test_settings_are_read_and_told_in_words(written: dict[str, object], window: Window, words: str) -> None:
    assert parse_window(written) == window
    assert describe(window) == words


@given(WINDOWS)
def test_a_window_survives_its_settings_and_its_bytes(window: Window) -> None:
    again = parse_window(window_to_settings(window))
    assert again == window
    assert hash(again) == hash(window)
    assert msgspec.json.decode(msgspec.json.encode(window), type=Window) == window


def test_settings_that_mean_the_same_are_one_window() -> None:
    defaults = {"timezone": "UTC", "week_start": "monday", "anchor_day": 1, "anchor_time": "00:00"}
    for period in PERIODS:
        assert parse_window({"period": period, **defaults}) == parse_window({"period": period})
        assert window_to_settings(parse_window({"period": period, **defaults})) == {"period": period, "timezone": "UTC"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, "window is None; write its fields"),
        ("month", "window is 'month'; write its fields"),
        ({}, "a window has no kind; write one of period, every and rolling"),
        ({"timezone": "UTC"}, "a window has no kind"),
        ({"period": "day", "every": 60}, "a window has period and every; write one"),
        ({"period": "fortnight"}, "period is 'fortnight'; write hour, day, week, month or total"),
        ({"period": ["day"]}, "period is ['day']; write hour"),
        ({"period": "day", "tz": "UTC"}, "tz is not a field of this kind of window; it has period, timezone"),
        ({"period": "day", 3: 4}, "3 is not a field"),
        ({"period": "total", "timezone": "UTC"}, "timezone is not a field of this kind of window; it has period"),
        (
            {"period": "day", "timezone": "Europe/Berln"},
            "is 'Europe/Berln'; write an IANA name, such as \"Europe/Berlin\"",
        ),
        ({"period": "day", "timezone": "../../etc/passwd"}, "timezone is '../../etc/passwd'; write an IANA name"),
        ({"period": "day", "timezone": "Mars"}, "timezone is 'Mars'; write an IANA name, such as \"Europe/Berlin\""),
        ({"period": "day", "timezone": None}, "timezone is None; write an IANA name"),
        ({"period": "day", "timezone": ""}, "timezone is ''; write an IANA name"),
        ({"period": "week", "week_start": "Sunday"}, "week_start is 'Sunday'; write monday, tuesday"),
        (
            {"period": "day", "week_start": "sunday"},
            "week_start says nothing here; leave it out, or write period: week",
        ),
        ({"period": "month", "anchor_day": 0}, "anchor_day is 0; write a whole number from 1 to 31"),
        ({"period": "month", "anchor_day": 32}, "anchor_day is 32; write a whole number from 1 to 31"),
        ({"period": "month", "anchor_day": "1"}, "anchor_day is '1'; write a whole number from 1 to 31"),
        ({"period": "month", "anchor_day": True}, "anchor_day is True; write a whole number from 1 to 31"),
        ({"period": "week", "anchor_day": 2}, "anchor_day says nothing here; leave it out, or write period: month"),
        (
            {"period": "day", "anchor_time": "24:00"},
            "anchor_time is '24:00'; write a time in quotes, such as \"06:00\"",
        ),
        ({"period": "day", "anchor_time": "٠٦:٠٠"}, 'write a time in quotes, such as "06:00"'),
        ({"period": "day", "anchor_time": "06:00\n"}, "write a time in quotes"),
        ({"period": "day", "anchor_time": 960}, 'anchor_time is 960; write a time in quotes, such as "16:00"'),
        (
            {"period": "hour", "anchor_time": "06:00"},
            "anchor_time says nothing here; leave it out, or write period: day",
        ),
        ({"every": 0}, "every is 0; write a whole number from 1 to 31622400"),
        ({"every": -60}, "every is -60; write a whole number"),
        ({"every": LONGEST_S + 1}, "every is 31622401; write a whole number"),
        ({"every": 60.0}, "every is 60.0; write a whole number"),
        ({"every": 60, "technique": "rolling"}, "technique is 'rolling'; write fixed or sliding"),
        ({"every": 60, "timezone": "UTC"}, "timezone is not a field of this kind of window; it has every, technique"),
        ({"rolling": "hour"}, "rolling is 'hour'; write day, week or month"),
        ({"rolling": "day", "technique": "sliding"}, "technique is not a field of this kind of window; it has rolling"),
    ],
)
def test_settings_that_no_calendar_has_are_refused_with_a_way_out(written: object, message: str) -> None:
    with pytest.raises(WindowInvalid) as refused:
        parse_window(written)
    assert message in str(refused.value)


def test_a_window_made_in_code_is_checked_like_one_that_was_written() -> None:
    with pytest.raises(WindowInvalid, match="anchor_day is 32"):
        Fixed("month", anchor_day=32)
    with pytest.raises(msgspec.ValidationError, match="every is 0"):
        msgspec.json.decode(b'{"kind":"every","seconds":0}', type=Window)


def test_zones_are_read_from_the_package_and_not_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    assert hours(Calendar().span(Fixed("month", "Europe/Berlin"), ms("2026-03-15T12:00"))) == 743
    assert resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text().split()[2] == ZONE_DATA
