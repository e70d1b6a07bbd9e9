"""How fast an account spends: what was seen of it, and whether that is too fast to go on."""

from bisect import bisect_right


class Pace:
    """What one account has spent since it is looked at, with marks in time: at most `keep_ms / grain_ms` and two."""

    __slots__ = ("_spent", "_start", "_times", "_total", "_totals")

    def __init__(self, now: int, start: int, spent: int) -> None:
        """Beginning now, with so much spent in the window that began at `start`."""
        self._start, self._spent, self._total = start, spent, 0
        self._times, self._totals = [now], [0]

    def look(self, now: int, start: int, spent: int, *, keep_ms: int, grain_ms: int, rolling: bool = False) -> None:
        """Takes note of what is spent now. What leaves a rolling window is not given back; a correction is."""
        grown = spent - self._spent if start == self._start or rolling else spent
        if rolling:
            grown = max(0, grown)
        self._start, self._spent = start, spent
        self._total += grown
        if now - self._times[-1] >= grain_ms:
            self._times.append(now)
            self._totals.append(self._total)
        else:
            self._totals[-1] = self._total if len(self._totals) > 1 else 0
        # The last mark before the time that is kept says where it begins.
        old = bisect_right(self._times, now - keep_ms) - 1
        if old > 0:
            del self._times[:old], self._totals[:old]

    def since(self, instant: int) -> int:
        """Nanodollars spent after `instant`, as far as was seen: never more than was, but for what one look took in."""
        mark = bisect_right(self._times, instant) - 1
        return self._total - self._totals[max(0, mark)]


def burns(fast: int, fast_ms: int, slow: int, slow_ms: int, limit: int, window_ms: int, times: int) -> bool:
    """Whether both lengths of time saw `times` the pace at which `limit` lasts exactly as long as the window.

    The slow one says that it matters, the fast one that it goes on (Google's SRE workbook, "Alerting on SLOs", 6).
    """
    allowed = times * limit
    return limit > 0 and fast * window_ms >= allowed * fast_ms and slow * window_ms >= allowed * slow_ms
