from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.admin.periods import MOST_BUCKETS, RangeInvalid, before, bounds

HOUR = 3_600_000
BERLIN, KOLKATA, CAIRO, HAVANA = (
    ZoneInfo(f"{name}") for name in ("Europe/Berlin", "Asia/Kolkata", "Africa/Cairo", "America/Havana")
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def shown(found: list[int], zone: ZoneInfo) -> list[str]:
    return [datetime.fromtimestamp(each // 1000, UTC).astimezone(zone).isoformat()[:16] for each in found]


@pytest.mark.parametrize(
    ("grain", "expected"),
    [
        ("none", []),
        ("day", ["2026-03-29T00:00", "2026-03-30T00:00", "2026-03-31T00:00", "2026-04-01T00:00", "2026-04-02T00:00"]),
        ("week", ["2026-03-30T00:00"]),
        ("month", ["2026-04-01T00:00"]),
    ],
)
def test_buckets_begin_by_the_calendar_of_the_zone(grain: str, expected: list[str]) -> None:
    since, until = at("2026-03-28T13:30+01:00"), at("2026-04-02T07:00+02:00")
    found = bounds(since, until, BERLIN, grain)  # type: ignore[arg-type]
    assert (found[0], found[-1]) == (since, until)
    assert shown(found[1:-1], BERLIN) == expected


def test_a_day_has_as_many_hours_as_its_clocks_show() -> None:
    spring = bounds(at("2026-03-29T00:00+01:00"), at("2026-03-30T00:00+02:00"), BERLIN, "hour")
    autumn = bounds(at("2026-10-25T00:00+02:00"), at("2026-10-26T00:00+01:00"), BERLIN, "hour")
    assert (len(spring) - 1, len(autumn) - 1) == (23, 25)


def test_a_zone_half_an_hour_off_has_hours_of_its_own() -> None:
    found = bounds(at("2026-07-01T00:00+05:30"), at("2026-07-01T03:00+05:30"), KOLKATA, "hour")
    assert shown(found, KOLKATA) == ["2026-07-01T00:00", "2026-07-01T01:00", "2026-07-01T02:00", "2026-07-01T03:00"]


def test_a_day_without_midnight_begins_with_the_jump_and_one_with_two_with_the_first() -> None:
    # Cairo jumps from 0:00 to 1:00 on the last Friday of April; Havana goes back from 1:00 to 0:00.
    assert shown(bounds(at("2026-04-23T12:00+02:00"), at("2026-04-24T12:00+03:00"), CAIRO, "day")[1:2], CAIRO) == [
        "2026-04-24T01:00"
    ]
    (midnight,) = bounds(at("2026-10-31T12:00-04:00"), at("2026-11-01T12:00-05:00"), HAVANA, "day")[1:2]
    assert midnight == at("2026-11-01T00:00-04:00")


def test_a_day_that_a_zone_left_out_is_none() -> None:
    apia = ZoneInfo("Pacific/Apia")
    found = bounds(at("2011-12-29T00:00-10:00"), at("2012-01-01T00:00+14:00"), apia, "day")
    assert shown(found, apia) == ["2011-12-29T00:00", "2011-12-31T00:00", "2012-01-01T00:00"]


@given(
    since=st.integers(at("2020-01-01T00:00+00:00"), at("2030-01-01T00:00+00:00")),
    length=st.integers(1, 40 * 24 * HOUR),
    zone=st.sampled_from(
        [BERLIN, KOLKATA, CAIRO, HAVANA, ZoneInfo("Antarctica/Troll"), ZoneInfo("Australia/Lord_Howe")]
    ),
    grain=st.sampled_from(["none", "hour", "day", "week", "month"]),
)
def test_buckets_always_cover_the_range_in_order(since: int, length: int, zone: ZoneInfo, grain: str) -> None:
    found = bounds(since, since + length, zone, grain)  # type: ignore[arg-type]
    assert (found[0], found[-1]) == (since, since + length)
    assert all(a < b for a, b in pairwise(found))


def test_too_many_buckets_are_refused_with_a_way_out() -> None:
    with pytest.raises(RangeInvalid, match=f"{MOST_BUCKETS:,} buckets"):
        bounds(0, at("2026-01-01T00:00+00:00"), BERLIN, "hour")
    with pytest.raises(RangeInvalid, match="nothing lies between"):
        bounds(5, 5, BERLIN, "none")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00", "2026-02-01T00:00+01:00"),
        ("2026-01-01T00:00+01:00", "2026-03-01T00:00+01:00", "2025-11-01T00:00+01:00"),
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", "2026-03-28T00:00+01:00"),
        ("2026-03-30T00:00+02:00", "2026-04-06T00:00+02:00", "2026-03-23T00:00+01:00"),
        ("2026-03-29T12:00+02:00", "2026-03-30T12:00+02:00", "2026-03-28T11:00+01:00"),
    ],
)
def test_the_period_before_is_as_many_months_or_days_or_as_long(since: str, until: str, expected: str) -> None:
    assert before(at(since), at(until), BERLIN) == (at(expected), at(since))


@pytest.mark.parametrize("until", ["9998-01-01T00:00Z", "9998-01-02T00:00Z", "9998-01-01T00:00:01Z"])
@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), BERLIN, HAVANA], ids=str)
def test_a_range_before_which_there_is_no_period_is_refused(until: str, zone: ZoneInfo) -> None:
    with pytest.raises(RangeInvalid, match="no year of the calendar"):
        before(0, at(until), zone)


def test_the_longest_range_with_a_period_before_it_is_answered() -> None:
    assert before(0, at("3938-01-01T00:00Z"), ZoneInfo("UTC")) == (at("0002-01-01T00:00Z"), 0)
    with pytest.raises(RangeInvalid):
        before(0, at("3938-02-01T00:00Z"), ZoneInfo("UTC"))
