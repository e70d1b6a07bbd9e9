"""Ranges of time as people mean them: buckets by the calendar of a zone, and the period before. Unix milliseconds."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tollway.budgets.zone import full_hour

Grain = Literal["none", "hour", "day", "week", "month"]

MOST_BUCKETS = 2_000
"""More than two months of hours, or five years of days."""
_YEAR_2 = -62_104_060_800_000
"""0002-01-01T00:00:00Z: in every zone later than the first day that there is."""


class RangeInvalid(ValueError):
    """A range or a grain that cannot be answered; the message says why."""


def bounds(since: int, until: int, zone: ZoneInfo, grain: Grain) -> list[int]:
    """Where buckets begin, and where the last ends: the first and the last may be cut by the range. Weeks begin on Monday; a
    day may have 23 or 25 hours. Raises RangeInvalid for more than `MOST_BUCKETS`."""
    if since >= until:
        raise RangeInvalid("from is not before to, so nothing lies between them")
    found = [since]
    at = since
    while grain != "none":
        at = _following(at, zone, grain)
        if at >= until:
            break
        found.append(at)
        if len(found) > MOST_BUCKETS:
            raise RangeInvalid(
                f'grain: the range has more than {MOST_BUCKETS:,} buckets of "{grain}"; ask for a longer grain'
            )
    return [*found, until]


def before(since: int, until: int, zone: ZoneInfo) -> tuple[int, int]:
    """The period before a range: as many calendar months or days where it is made of whole ones, else as long a time.

    Raises RangeInvalid for one that begins before the years that are counted."""
    try:
        found = _before(since, until, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None or found[0] < _YEAR_2:
        raise RangeInvalid("the range is so long that the period before it begins in no year of the calendar")
    return found


def _before(since: int, until: int, zone: ZoneInfo) -> tuple[int, int]:
    start, end = _local(since, zone), _local(until, zone)
    if midnight(start.date(), zone) == since and midnight(end.date(), zone) == until:
        if start.day == end.day == 1:
            months = (end.year - start.year) * 12 + end.month - start.month
            count = start.year * 12 + start.month - 1 - months
            return midnight(date(count // 12, count % 12 + 1, 1), zone), since
        return midnight(start.date() - (end.date() - start.date()), zone), since
    return since - (until - since), since


def midnight(day: date, zone: ZoneInfo) -> int:
    """The first instant of a day: of two midnights the first, and of none the jump of the clocks."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def _following(at: int, zone: ZoneInfo, grain: Grain) -> int:
    """The first beginning of an hour, day, week or month behind an instant."""
    if grain == "hour":
        return full_hour(zone, at // 1000)[1] * 1000
    day = _local(at, zone).date()
    while True:
        match grain:
            case "week":
                day += timedelta(days=7 - day.weekday())
            case "month":
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            case _:
                day += timedelta(days=1)
        # A day that a zone left out ends where it begins.
        if (found := midnight(day, zone)) > at:
            return found


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(zone)
