"""When a budget starts anew: a window's settings, and the `Span` of instants that it makes of "now".

Four kinds, each with its own name, because thirty days are not a month:

    {period: month, timezone: Europe/Berlin}    calendar: hour, day, week or month on the clocks of a time zone
    {every: 3600, technique: sliding}           a number of seconds: aligned to the Unix epoch, or sliding
    {rolling: month}                            the last 24 hours, 7 x 24 hours or 30 x 24 hours
    {period: total}                             never starts anew

A calendar window begins at the first instant at which the zone's clocks show its time or a later one: the first of two
midnights, and the jump where midnight is skipped. Months are as long as they are; a day has 22 to 26 hours; a day that
a zone left out (Apia, 2011-12-30) has no span. An hour begins whenever the clocks show a full hour, or jump.

A sliding or rolling window counts money in buckets of a 288th of its length (5 minutes of a day), the oldest in full:
never less than was spent in the window, never more than in the window and one bucket before it.

Which zones there are, and their rules, `zone.py` says.
"""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

import tzdata
from msgspec import Struct

from tollway.budgets.zone import first_second, full_hour, offset_at, offset_of, wrong_zone, zone_named
from tollway.errors import WindowInvalid

Period = Literal["hour", "day", "week", "month"]
RollingPeriod = Literal["day", "week", "month"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Technique = Literal["fixed", "sliding"]

PERIODS: tuple[Period, ...] = get_args(Period)
ROLLING_PERIODS: tuple[RollingPeriod, ...] = get_args(RollingPeriod)
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
TECHNIQUES: tuple[Technique, ...] = get_args(Technique)

ZONE_DATA: str = tzdata.IANA_VERSION
"""The release of the time zone database by which calendar windows are computed: "2026f"."""

LONGEST_S = 366 * 86_400
BUCKETS = 288
_ROLLING_S: dict[RollingPeriod, int] = {"day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
# What each field is where it is not written, and the periods in which it says something.
_ANCHORS: dict[str, tuple[str | int, tuple[Period, ...]]] = {
    "week_start": ("monday", ("week",)),
    "anchor_day": (1, ("month",)),
    "anchor_time": ("00:00", ("day", "week", "month")),
}
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall times are naive until a zone is given.
_SECOND = timedelta(seconds=1)
_CACHED_WINDOWS = 4_096
_NEVER = 1 << 63


class Fixed(Struct, frozen=True, tag_field="kind", tag="fixed", cache_hash=True):
    """A calendar hour, day, week or month of `timezone`.

    Days, weeks and months begin at `anchor_time` ("HH:MM"); months on `anchor_day`, or their last day if they end
    before it. Raises WindowInvalid, also for a field that says nothing in this period: one meaning has one value.
    """

    period: Period
    timezone: str = "UTC"
    week_start: Weekday = "monday"
    anchor_day: int = 1
    anchor_time: str = "00:00"

    def __post_init__(self) -> None:
        _check_choice("period", self.period, PERIODS)
        _check_timezone(self.timezone)
        _check_choice("week_start", self.week_start, WEEKDAYS)
        _check_whole_number("anchor_day", self.anchor_day, 31)
        _check_time("anchor_time", self.anchor_time)
        for field, (default, periods) in _ANCHORS.items():
            if getattr(self, field) != default and self.period not in periods:
                raise WindowInvalid(f"{field} says nothing here; leave it out, or write period: {periods[0]}")


class Every(Struct, frozen=True, tag_field="kind", tag="every", cache_hash=True):
    """So many seconds: `fixed` spans begin at multiples of them since 1970-01-01 UTC; `sliding` is the last so many."""

    seconds: int
    technique: Technique = "fixed"

    def __post_init__(self) -> None:
        _check_whole_number("every", self.seconds, LONGEST_S)
        _check_choice("technique", self.technique, TECHNIQUES)


class Rolling(Struct, frozen=True, tag_field="kind", tag="rolling", cache_hash=True):
    """The last 24 hours (day), 7 x 24 hours (week) or 30 x 24 hours (month), in no time zone."""

    period: RollingPeriod

    def __post_init__(self) -> None:
        _check_choice("rolling", self.period, ROLLING_PERIODS)


class Total(Struct, frozen=True, tag_field="kind", tag="total", cache_hash=True):
    """All time: the budget never starts anew."""


Window = Fixed | Every | Rolling | Total


class Span(Struct, frozen=True, gc=False):
    """What a window comes to at one instant, all in Unix milliseconds.

    What is admitted now is booked in `bucket`; what counts is every bucket from `since` on. Calendar, fixed and total
    spans are one bucket, of `bucket_ms` 0 and bucket = since = `start`: each is [start, end) and begins where the one
    before it ends. Sliding and rolling spans have buckets of `bucket_ms`, start = since, and no `end`, like the total.
    """

    start: int
    end: int | None
    bucket: int
    since: int
    bucket_ms: int


_ALL_TIME = Span(start=0, end=None, bucket=0, since=0, bucket_ms=0)


class Calendar:
    """Resolves windows to spans, and remembers the last span of each window and the zones it has read.

    Instants are Unix milliseconds from 1970 to the year 9998. One for a process is enough; it holds no decision.
    """

    __slots__ = ("_before", "_current", "_zones")

    def __init__(self) -> None:
        self._current: dict[Window, tuple[int, int, Span]] = {}
        self._before: dict[Window, tuple[int, int]] = {}
        self._zones: dict[str, ZoneInfo] = {}

    def span(self, window: Window, now_ms: int) -> Span:
        """The span of `window` that `now_ms` lies in."""
        current = self._current.get(window)
        if current is not None and current[0] <= now_ms < current[1]:
            return current[2]
        current = self._resolve(window, now_ms)
        # Edited budgets leave their old windows behind; starting over costs one computation for each.
        if len(self._current) >= _CACHED_WINDOWS:
            self._current.clear()
        self._current[window] = current
        return current[2]

    def previous(self, window: Window, now_ms: int) -> int | None:
        """The start of the span before the one that `now_ms` lies in; `None` where spans do not follow each other (sliding,
        rolling, total) and before 1970."""
        span = self.span(window, now_ms)
        if span.end is None or span.start <= 0:
            return None
        known = self._before.get(window)
        if known is None or known[0] != span.start:
            if len(self._before) >= _CACHED_WINDOWS:
                self._before.clear()
            known = self._before[window] = span.start, self._resolve(window, span.start - 1)[2].start
        return known[1]

    def drops_at(self, window: Window, bucket: int) -> int | None:
        """The first instant at which money booked in the bucket that starts at `bucket` does not count, if any."""
        match window:
            case Fixed():
                return self._resolve(window, bucket)[2].end
            case Every(seconds=seconds, technique="fixed"):
                return bucket + seconds * 1000
            case Every() | Rolling():
                length_ms, bucket_ms = _bucketed(window)
                # The bucket's last millisecond leaves (now - length, now] when now is a length later.
                return bucket + bucket_ms - 1 + length_ms
            case Total():
                return None

    def next_reset(self, window: Window, now_ms: int, oldest_bucket: int | None = None) -> int | None:
        """When the count of `window` next falls, for Retry-After; None if it does not.

        A fixed window starts anew at its end. A sliding or rolling one loses its oldest bucket that holds money, which
        the ledger knows: `oldest_bucket`, or None if no bucket holds any.
        """
        span = self.span(window, now_ms)
        if span.bucket_ms == 0:
            return span.end
        return None if oldest_bucket is None else self.drops_at(window, oldest_bucket)

    def _resolve(self, window: Window, now_ms: int) -> tuple[int, int, Span]:
        """The first instant at which the span is the answer, the first at which it no longer is, and the span."""
        match window:
            case Fixed():
                first_s, end_s = _fixed(window, self._zone(window.timezone), now_ms // 1000)
                return _whole(first_s * 1000, end_s * 1000)
            case Every(seconds=seconds, technique="fixed"):
                start = now_ms - now_ms % (seconds * 1000)
                return _whole(start, start + seconds * 1000)
            case Every() | Rolling():
                length_ms, bucket_ms = _bucketed(window)
                bucket = now_ms - now_ms % bucket_ms
                oldest = now_ms - length_ms + 1
                since = oldest - oldest % bucket_ms
                first, last = max(bucket, since + length_ms - 1), min(bucket, since + length_ms - 1) + bucket_ms
                return first, last, Span(since, None, bucket, since, bucket_ms)
            case Total():
                return -_NEVER, _NEVER, _ALL_TIME

    def _zone(self, name: str) -> ZoneInfo:
        zone = self._zones.get(name)
        if zone is None:
            zone = self._zones[name] = zone_named(name)
        return zone


def _whole(start: int, end: int) -> tuple[int, int, Span]:
    return start, end, Span(start, end, start, start, 0)


def _bucketed(window: Every | Rolling) -> tuple[int, int]:
    """The length and the bucket width in milliseconds: from 3 (of a second), at most 335 buckets at once."""
    seconds = _ROLLING_S[window.period] if isinstance(window, Rolling) else window.seconds
    return seconds * 1000, seconds * 1000 // BUCKETS


def _fixed(window: Fixed, zone: ZoneInfo, now_s: int) -> tuple[int, int]:
    """The Unix seconds [start, end) of the calendar period around `now_s`."""
    if window.period == "hour":
        return full_hour(zone, now_s)
    index = _index(window, datetime.fromtimestamp(now_s, zone).date())
    start = _begins(window, zone, index)
    # The clocks may show a time before today's anchor, or a date that they have shown before.
    while start > now_s:
        index -= 1
        start = _begins(window, zone, index)
    while (end := _begins(window, zone, index + 1)) <= now_s:
        index, start = index + 1, end
    return start, end


def _index(window: Fixed, day: date) -> int:
    """The number of the day, week or month that `day` is in, the anchors of time and month left aside."""
    match window.period:
        case "month":
            return day.year * 12 + day.month - 1
        case "week":
            # Day 1 of the proleptic Gregorian calendar was a Monday.
            return (day.toordinal() - 1 - WEEKDAYS.index(window.week_start)) // 7
        case "day" | "hour":
            return day.toordinal()


def _begins(window: Fixed, zone: ZoneInfo, index: int) -> int:
    """The Unix second at which the day, week or month of that number begins: never before the one before it."""
    match window.period:
        case "month":
            year, month = index // 12, index % 12 + 1
            day = date(year, month, min(window.anchor_day, monthrange(year, month)[1]))
        case "week":
            day = date.fromordinal(index * 7 + 1 + WEEKDAYS.index(window.week_start))
        case "day" | "hour":
            day = date.fromordinal(index)
    wall = datetime.combine(day, time.fromisoformat(window.anchor_time))
    wall_s = (wall - _EPOCH) // _SECOND
    # PEP 495: fold=0 is the first of two such times, and before a jump over it has the smaller offset.
    offset_s = offset_of(wall.replace(tzinfo=zone, fold=0))
    later_offset_s = offset_of(wall.replace(tzinfo=zone, fold=1))
    if later_offset_s <= offset_s:
        return wall_s - offset_s
    jump = wall_s - later_offset_s, wall_s - offset_s
    return first_second(*jump, lambda second: second + offset_at(zone, second) >= wall_s)


def parse_window(settings: object) -> Window:
    """The window that a settings document describes; the four forms are above.

    Raises WindowInvalid with the field, its value and the way out.
    """
    if not isinstance(settings, Mapping):
        raise WindowInvalid(f"window is {settings!r}; write its fields, for example {{period: month, timezone: UTC}}")
    # Values are checked where a window is made, so that one made in code is as valid as one that was written.
    fields = dict(cast(Mapping[str, Any], settings))
    kinds = [kind for kind in ("period", "every", "rolling") if kind in fields]
    if len(kinds) != 1:
        raise WindowInvalid(f"a window has {' and '.join(kinds) or 'no kind'}; write one of period, every and rolling")
    match kinds[0]:
        case "every":
            _check_fields(fields, ("every", "technique"))
            return Every(fields.pop("every"), **fields)
        case "rolling":
            _check_fields(fields, ("rolling",))
            return Rolling(fields["rolling"])
        case _ if fields["period"] == "total":
            _check_fields(fields, ("period",))
            return Total()
        case _:
            _check_choice("period", fields["period"], (*PERIODS, "total"))
            _check_fields(fields, Fixed.__struct_fields__)
            return Fixed(**fields)


def window_to_settings(window: Window) -> dict[str, str | int]:
    """What `parse_window` reads as `window`: defaults left out, but for the zone and the technique."""
    match window:
        case Fixed():
            anchors = {field: getattr(window, field) for field in _ANCHORS}
            written = {field: value for field, value in anchors.items() if value != _ANCHORS[field][0]}
            return {"period": window.period, "timezone": window.timezone, **written}
        case Every():
            return {"every": window.seconds, "technique": window.technique}
        case Rolling():
            return {"rolling": window.period}
        case Total():
            return {"period": "total"}


def describe(window: Window) -> str:
    """The window in words: "calendar month, Europe/Berlin", "the last 30 days, rolling"."""
    match window:
        case Fixed():
            time_of_day = [window.anchor_time] if window.anchor_time != "00:00" else []
            begins = time_of_day
            if window.period == "week":
                begins = [window.week_start.capitalize(), *time_of_day]
            elif window.anchor_day != 1 or (window.period == "month" and time_of_day):
                begins = [f"day {window.anchor_day}{' (or the last)' if window.anchor_day > 28 else ''}", *time_of_day]
            start = f" from {' at '.join(begins)}" if begins else ""
            return f"calendar {window.period}{start}, {window.timezone}"
        case Every(seconds=seconds, technique="fixed"):
            return f"every {_length(seconds)}, counted from 1970-01-01 00:00 UTC"
        case Every(seconds=seconds):
            return f"the last {_length(seconds)}, sliding"
        case Rolling(period=period):
            return f"the last {_length(_ROLLING_S[period])}, rolling"
        case Total():
            return "total, never resets"


def _length(seconds: int) -> str:
    # One day is told as 24 hours: a calendar day is another kind of window.
    units = (("day", 86_400, 2), ("hour", 3_600, 1), ("minute", 60, 1), ("second", 1, 1))
    unit, count = next(
        (unit, seconds // size) for unit, size, least in units if seconds >= size * least and not seconds % size
    )
    return unit if count == 1 else f"{count:,} {unit}s"


def _check_fields(fields: Mapping[str, object], known: Sequence[str]) -> None:
    for field in fields:
        if field not in known:
            raise WindowInvalid(f"{field} is not a field of this kind of window; it has {', '.join(known)}")


def _check_choice(field: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise WindowInvalid(f"{field} is {value!r}; write {', '.join(choices[:-1])} or {choices[-1]}")


def _check_whole_number(field: str, value: object, largest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise WindowInvalid(f"{field} is {value!r}; write a whole number from 1 to {largest}")


def _check_time(field: str, value: object) -> None:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        # YAML 1.1 reads 16:00 without quotes as the number 960, in base 60.
        meant = value if isinstance(value, int) and 0 <= value < 1440 else 360
        raise WindowInvalid(f'{field} is {value!r}; write a time in quotes, such as "{meant // 60:02}:{meant % 60:02}"')


def _check_timezone(value: object) -> None:
    if (wrong := wrong_zone(value)) is not None:
        raise WindowInvalid(wrong)
