"""Time zones: which names there are, and what their clocks show. Unix seconds throughout.

Names and rules come from the `tzdata` package, not from the machine, so that all replicas agree on every instant. A machine
has more names, such as "localtime": what they mean is another thing on the next one.
"""

import difflib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import cast
from zoneinfo import ZoneInfo

UTC = "UTC"
_SECOND = timedelta(seconds=1)
_NO_PLACE = "Factory"
"""In the list of the database, for machines whose zone nobody has set."""


def wrong_zone(name: object) -> str | None:
    """What is wrong with the name of a zone, in words behind which a full stop may stand; `None` where it is one."""
    if name == UTC or (isinstance(name, str) and name in _names()):
        return None
    near = difflib.get_close_matches(str(name)[:64], _names(), n=1) or ["Europe/Berlin"]
    said = f"{name[:64]!r}" if isinstance(name, str) else repr(name)
    return f'timezone is {said}; write an IANA name, such as "{near[0]}"'


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone of a name in which `wrong_zone` finds nothing wrong."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def _names() -> tuple[str, ...]:
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return tuple(name for name in names if name != _NO_PLACE)


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
