"""A limit that what was spent until now suggests: one and a half times the median day, or what 95 % of windows stayed under.

The unit is a day on the clocks of the budget's window, or the window itself where it is shorter. Units without spend do
not count towards the median and the percentile; how many there were decides how a day becomes a longer window:

    median    of the units with spend, the middle one; of an even number the larger of the middle two
    p95       of the units with spend, the smallest that 95 % of them do not exceed (nearest rank)
    scale     1 where the window is a unit; else the window's days (31 of a month) times units with spend, divided by
              units since the first with spend, rounded up
    from the median    3 x median x scale / 2, rounded up to a cent
    from the windows   p95 of complete windows with spend (of a rolling one, of every day's look back), rounded up to a
                       cent; none where fewer than 3 are known
    suggested          the larger of the two

All in integers. Fewer than 7 units with spend are too little to suggest anything from.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.window import Calendar, Every, Fixed, Rolling, Total, Window
from tollway.money import CENT

UNITS_NEEDED = 7
"""Units with spend: days, or windows that are shorter."""
WINDOWS_NEEDED = 3
MOST_UNITS = 10_000
"""Of windows of a few seconds not more are looked at, the newest."""
_DAY_S = 86_400
_DAYS: dict[str, int] = {"day": 1, "week": 7, "month": 31}
_ROLLING_DAYS: dict[str, int] = {"day": 1, "week": 7, "month": 30}


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What the past of one account suggests. Amounts in nanodollars; `None` is not known."""

    account: str
    units: int
    """With spend."""
    observed: int
    """Units since the first with spend."""
    median: int | None = None
    p95: int | None = None
    windows: int = 0
    """Complete ones with spend that `p95_window` is of."""
    p95_window: int | None = None
    from_median: int | None = None
    suggested: int | None = None
    needed: str = ""
    """What is missing, in words, where nothing is suggested."""


def unit_of(window: Window) -> Window:
    """A day on the window's clocks, or the window itself where it is shorter."""
    match window:
        case Fixed(period="hour"):
            return window
        case Fixed():
            return Fixed("day", window.timezone, anchor_time=window.anchor_time)
        case Every(seconds=seconds) if seconds < _DAY_S:
            return Every(seconds)
        case Every() | Rolling() | Total():
            return Fixed("day")


def unit_name(window: Window) -> Literal["day", "hour", "window"]:
    unit = unit_of(window)
    return unit.period if isinstance(unit, Fixed) and unit.period in ("day", "hour") else "window"  # type: ignore[return-value]


def days_of(window: Window) -> int | None:
    """How many units the window has: days, or 1 where it is a unit itself; `None` of one that never starts anew."""
    match window:
        case Fixed(period=period):
            return _DAYS.get(period, 1)
        case Every(seconds=seconds):
            return max(1, -(-seconds // _DAY_S))
        case Rolling(period=period):
            return _ROLLING_DAYS[period]
        case Total():
            return None


class Observed:
    """What the accounts of one budget spent in each unit of a stretch of time."""

    __slots__ = ("_calendar", "_spent", "_starts", "budget", "until")

    def __init__(self, budget: Budget, calendar: Calendar, since: int, until: int) -> None:
        """Of [since, until) (Unix milliseconds), the units that lie in it as a whole, `MOST_UNITS` at most."""
        self.budget = budget
        self._calendar = calendar
        unit = unit_of(budget.window)
        if isinstance(unit, Every):
            since = max(since, until - unit.seconds * 1000 * MOST_UNITS)
        starts: list[int] = []
        start = calendar.span(unit, since).start
        if start < since:
            start = _end(calendar, unit, start)
        while (end := _end(calendar, unit, start)) <= until:
            starts.append(start)
            start = end
        self._starts = starts
        self.until = start
        """Where the last whole unit ends."""
        self._spent: dict[str, dict[int, int]] = {}

    def add(self, account: str, at: int, amount: int) -> None:
        """Counts `amount` (nanodollars) that a request admitted at `at` cost; nothing outside of the whole units."""
        if not self._starts or not self._starts[0] <= at < self.until:
            return
        unit = bisect_right(self._starts, at) - 1
        units = self._spent.setdefault(account, {})
        units[unit] = units.get(unit, 0) + amount

    def suggestions(self) -> Sequence[Suggestion]:
        """One for each account that spent, the largest first; those without a suggestion last."""
        found = [self.suggestion(account) for account in self._spent]
        return sorted(found, key=lambda one: (-(one.suggested if one.suggested is not None else -1), one.account))

    def suggestion(self, account: str) -> Suggestion:
        """What the account's past suggests."""
        spent = {unit: amount for unit, amount in sorted(self._spent.get(account, {}).items()) if amount > 0}
        observed = len(self._starts) - min(spent, default=len(self._starts))
        name, window = unit_name(self.budget.window), self.budget.window
        if len(spent) < UNITS_NEEDED:
            return Suggestion(
                account=account,
                units=len(spent),
                observed=observed,
                needed=f"{UNITS_NEEDED} complete {name}s with spend are needed, and there are {len(spent)}",
            )
        amounts = sorted(spent.values())
        median, p95 = amounts[len(amounts) // 2], _p95(amounts)
        days = days_of(window)
        if days is None:
            return Suggestion(
                account=account,
                units=len(spent),
                observed=observed,
                median=median,
                p95=p95,
                needed="a budget that never starts anew has no length that a day could be scaled to",
            )
        scale = 1 if days == 1 else max(1, -(-days * len(spent) // observed))
        from_median = _cents(-(-3 * median * scale // 2))
        windows = sorted(self._windows(spent))
        p95_window = _cents(_p95(windows)) if len(windows) >= WINDOWS_NEEDED else None
        return Suggestion(
            account=account,
            units=len(spent),
            observed=observed,
            median=median,
            p95=p95,
            windows=len(windows),
            p95_window=p95_window,
            from_median=from_median,
            suggested=max(from_median, p95_window or 0),
        )

    def _windows(self, spent: dict[int, int]) -> list[int]:
        """What was spent in each whole window that has spend."""
        window = self.budget.window
        days = days_of(window)
        assert days is not None
        if days == 1:
            return list(spent.values())
        if isinstance(window, Rolling) or (isinstance(window, Every) and window.technique == "sliding"):
            ends = range(min(spent) + days - 1, len(self._starts))
            sums = [sum(spent.get(unit, 0) for unit in range(end - days + 1, end + 1)) for end in ends]
            return [amount for amount in sums if amount > 0]
        by_window: dict[int, int] = {}
        for unit, amount in spent.items():
            span = self._calendar.span(window, self._starts[unit])
            if span.start >= self._starts[0] and span.end is not None and span.end <= self.until:
                by_window[span.start] = by_window.get(span.start, 0) + amount
        return list(by_window.values())


def overall(suggestions: Sequence[Suggestion]) -> int | None:
    """One limit for every account: the smallest that is enough for 95 % of those with a suggestion, in nanodollars."""
    known = sorted(one.suggested for one in suggestions if one.suggested is not None)
    return _p95(known) if known else None


def _p95(ascending: Sequence[int]) -> int:
    return ascending[-(-95 * len(ascending) // 100) - 1]


def _cents(amount: int) -> int:
    return -(-amount // CENT) * CENT


def _end(calendar: Calendar, unit: Window, start: int) -> int:
    end = calendar.span(unit, start).end
    assert end is not None, "a unit is a day, an hour or a number of seconds, and ends"
    return end
