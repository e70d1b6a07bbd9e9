"""The one clock: Unix milliseconds that never run backwards, and do not leap.

Only the edge reads it; everything else is given `now`.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

FARTHEST_MS = 60_000
"""A machine's clock that is set by more than this, forward or back, is not followed (spec ledger 1.4)."""


def elapsed_ns() -> int:
    """Nanoseconds since some instant, whatever the machine's clock is set to; the machine's sleep counts."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class Clock:
    """Unix time in milliseconds, held at its highest value when the machine's clock is set back a little.

    With `elapsed` it is also compared with the time that has passed since it was last read. Where they differ by more than
    `FARTHEST_MS` it goes on by what has passed, until the machine's clock is near again: windows neither end early nor
    begin twice because somebody set a clock.
    """

    __slots__ = ("_ahead", "_elapsed", "_last", "_read", "drift_ms")

    def __init__(self, read: Callable[[], int] = time.time_ns, elapsed: Callable[[], int] | None = None) -> None:
        """`read` and `elapsed` tell nanoseconds."""
        self._read = read
        self._elapsed = elapsed
        self._ahead = 0 if elapsed is None else (read() - elapsed()) // 1_000_000
        """By how much the clock is ahead of `elapsed`."""
        self._last = 0
        self.drift_ms = 0
        """By how much the machine's clock was ahead of this one when last read, while it is not followed; else 0."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        read = self._read() // 1_000_000
        if self._elapsed is not None:
            passed = self._elapsed() // 1_000_000
            drift = read - self._ahead - passed
            if -FARTHEST_MS <= drift <= FARTHEST_MS:
                self._ahead += drift
                self.drift_ms = 0
            else:
                self.drift_ms = drift
                read -= drift
        if read > self._last:
            self._last = read
        return self._last

    def begin(self, latest: int) -> None:
        """Takes in the latest instant (Unix milliseconds) that an earlier process has written down: it is not before that."""
        behind = latest - self.now()
        if behind > 0:
            self._last = latest
        if behind > FARTHEST_MS and self._elapsed is not None:
            self._ahead += behind
            self.drift_ms = -behind


def instant(ms: int) -> datetime:
    """The UTC instant of Unix milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def iso(ms: int) -> str:
    """RFC 3339 text of Unix milliseconds: "2026-07-01T00:00:00.000Z"."""
    return instant(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
