"""Calendar months in a zone, half-open, and in which of them an entry is charged.

An entry belongs to the month in which its request was admitted. Once that month is frozen it takes nothing more: what is booked
later for it (a correction, a late settlement, a credit) is charged in the month in which it was booked, as an adjustment that
names the month it amends; or in the first month behind that one that was not frozen by then.

A freeze is a place in the ledger, behind everything that was booked before it. So the month of an entry is decided at the
instant it is booked: whatever is frozen afterwards has it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"(\d{4})-(\d{2})")
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


class Month(NamedTuple):
    """One month of a calendar; which instants it has is for a zone to say."""

    year: int
    number: int
    """1 for January."""

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def following(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)

    def span(self, zone: ZoneInfo) -> tuple[int, int]:
        """[start, end) in Unix milliseconds: 743 to 745 hours for 31 days, where clocks change."""
        return _begins(self, zone), _begins(self.following, zone)


def read_month(text: str) -> Month | None:
    """The month of "2026-10"; `None` for what is none."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    month = Month(int(found[1]), int(found[2]))
    return month if 1 <= month.number <= 12 and _FIRST_YEAR <= month.year <= _LAST_YEAR else None


def month_of(at: int, zone: ZoneInfo) -> Month:
    """The month of an instant (Unix milliseconds)."""
    day = datetime.fromtimestamp(at // 1000, UTC).astimezone(zone)
    month = Month(day.year, day.month)
    # Where a month begins with an hour that the clocks show twice, the first of the two is its beginning.
    start, end = month.span(zone)
    return month.before if at < start else month.following if at >= end else month


def charged_in(own: Month, seq: int, recorded: Month, marks: Mapping[Month, int]) -> Month:
    """The month that an entry is charged in.

    `own`: the one its request was admitted in · `seq`: its place in the ledger · `recorded`: the month in which it was booked ·
    `marks`: each frozen month, and the last place in the ledger that it has.
    """
    if seq <= marks.get(own, seq):
        return own
    month = max(own.following, recorded)
    while seq > marks.get(month, seq):
        month = month.following
    return month


def _begins(month: Month, zone: ZoneInfo) -> int:
    # spec ledger 1.4: of two midnights the first, and of none the jump of the clocks (fold=0).
    return int(datetime(month.year, month.number, 1, tzinfo=zone).timestamp()) * 1000
