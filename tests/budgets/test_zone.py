"""Hours of clocks that change. The spans made of them are tested in `test_window.py`, for every zone there is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tollway.budgets.zone import first_second, full_hour, offset_at, offset_of, wrong_zone, zone_named


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "now", "start", "end"),
    [
        ("Europe/Berlin", "2026-07-01T10:20:00", "2026-07-01T10:00:00", "2026-07-01T11:00:00"),
        ("Asia/Kolkata", "2026-07-01T10:20:00", "2026-07-01T09:30:00", "2026-07-01T10:30:00"),
        # The clocks go from 02:00 to 01:30: an hour by the clocks, cut by the change.
        ("Australia/Lord_Howe", "2026-04-04T15:10:00", "2026-04-04T15:00:00", "2026-04-04T15:30:00"),
    ],
)
def test_an_hour_is_one_of_the_clocks(zone: str, now: str, start: str, end: str) -> None:
    assert full_hour(ZoneInfo(zone), unix(now)) == (unix(start), unix(end))


def test_an_offset_is_in_seconds_east_of_utc() -> None:
    assert offset_at(ZoneInfo("Asia/Kolkata"), 0) == 19_800
    assert offset_of(datetime(2026, 1, 1, tzinfo=ZoneInfo("America/New_York"))) == -18_000


@pytest.mark.parametrize("turn", [1, 2, 57, 99, 100])
def test_the_first_second_is_found_by_halving(turn: int) -> None:
    assert first_second(0, 100, lambda second: second >= turn) == turn


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Etc/GMT+5", "CET"])
def test_a_zone_of_the_database_is_read_from_it(name: str) -> None:
    assert wrong_zone(name) is None
    assert zone_named(name).key == name
    assert zone_named(name) is zone_named(name)


@pytest.mark.parametrize(
    "name",
    ["localtime", "posixrules", "Factory", "right/UTC", "posix/Europe/Berlin", "../etc", "", "europe/berlin", None, 5],
)
def test_what_only_a_machine_calls_a_zone_is_none(name: object) -> None:
    wrong = wrong_zone(name)
    assert wrong is not None
    assert wrong.startswith(f"timezone is {name!r}; write an IANA name, such as ")
