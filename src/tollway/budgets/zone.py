"""What the clocks of a time zone show: their offset, and where a full hour begins and ends. Unix seconds throughout."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def full_hour(zone: ZoneInfo, now_s: int) -> tuple[int, int]:
    """[start, end) of the hour that the clocks of `zone` show at `now_s`; a jump begins one too."""
    offset_s = offset_at(zone, now_s)
    start = now_s - (now_s + offset_s) % 3600
    end = start + 3600
    if offset_at(zone, start) != offset_s:
        start = first_second(start, now_s, lambda second: offset_at(zone, second) == offset_s)
    if offset_at(zone, end - 1) != offset_s:
        end = first_second(now_s, end - 1, lambda second: offset_at(zone, second) != offset_s)
    return start, end


def offset_at(zone: ZoneInfo, second: int) -> int:
    """Seconds that the clocks of `zone` are ahead of UTC."""
    return offset_of(datetime.fromtimestamp(second, zone))


def offset_of(moment: datetime) -> int:
    """Seconds that the clocks of an aware `moment` are ahead of UTC."""
    return cast(timedelta, moment.utcoffset()) // _SECOND


def first_second(after: int, until: int, holds: Callable[[int], bool]) -> int:
    """The first second in (after, until] at which `holds`; it holds at `until`, and from its first second on."""
    while until - after > 1:
        middle = (after + until) // 2
        if holds(middle):
            until = middle
        else:
            after = middle
    return until
