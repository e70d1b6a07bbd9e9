"""Thresholds and forecasts, in integers: what was reached, and when the limit will be."""

from collections.abc import Iterable

from tollway.budgets.window import Every, Fixed, Rolling, Span, Total, Window

_ROLLING_DAYS = {"day": 1, "week": 7, "month": 30}


def reached(spent: int, limit: int, thresholds: Iterable[int]) -> tuple[int, ...]:
    """The percentages of `limit` that `spent` has reached. Of nothing spent none is, whatever the limit."""
    return tuple(percent for percent in thresholds if spent > 0 and spent * 100 >= limit * percent)


def crossed(
    previous: int, current: int, limit: int, thresholds: Iterable[int], previous_limit: int | None = None
) -> tuple[int, ...]:
    """The thresholds (percent of `limit`) that are reached now and were not before.

    A limit that was lowered crosses them too: `previous` is compared with the limit of its own time.
    """
    now = reached(current, limit, thresholds)
    before = set(reached(previous, limit if previous_limit is None else previous_limit, now))
    return tuple(percent for percent in now if percent not in before)


def length_ms(window: Window, span: Span) -> int | None:
    """How long the window is; `None` for one that never ends."""
    match window:
        case Fixed():
            assert span.end is not None
            return span.end - span.start
        case Every(seconds=seconds):
            return seconds * 1000
        case Rolling(period=period):
            return _ROLLING_DAYS[period] * 86_400_000
        case Total():
            return None


def elapsed_percent(span: Span, now: int) -> int | None:
    """How much of a window with an end is over, rounded down; `None` for one without."""
    return None if span.end is None else (now - span.start) * 100 // (span.end - span.start)


def reached_at(spent: int, limit: int, span: Span, now: int, min_elapsed: int) -> int | None:
    """The instant (Unix milliseconds) at which `limit` is reached if it goes on as it has since the window began.

    `None` where that is not before the window ends, where it is reached already, and before `min_elapsed` percent of the
    window are over: a first request would look like a pace.
    """
    elapsed = now - span.start
    over = elapsed_percent(span, now)
    if over is None or over < min_elapsed or elapsed <= 0 or spent <= 0 or spent >= limit:
        return None
    assert span.end is not None
    instant = span.start + -(-limit * elapsed // spent)
    return instant if instant < span.end else None


def rolling_reached_at(spent: int, recent: int, recent_ms: int, limit: int, window_ms: int, now: int) -> int | None:
    """The same of a window that rolls: `spent` in all of it, of which `recent` in its last `recent_ms`.

    What comes in goes on at the recent pace, and what leaves does so at the average one. `None` where the limit is not
    reached within one length of the window.
    """
    if spent <= 0 or spent >= limit:
        return None
    # Nanodollars by which it grows in recent_ms x window_ms milliseconds: both paces on one denominator.
    growth = recent * window_ms - spent * recent_ms
    if growth <= 0:
        return None
    wait = -(-(limit - spent) * recent_ms * window_ms // growth)
    return now + wait if wait <= window_ms else None
