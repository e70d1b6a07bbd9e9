"""The one clock: Unix milliseconds that never run backwards.

Only the edge reads it; everything else is given `now`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Unix time in milliseconds, held at its highest value when the machine's clock is set back."""

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[], int] = time.time_ns) -> None:
        self._read = read
        self._last = 0

    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        read = self._read() // 1_000_000
        if read > self._last:
            self._last = read
        return self._last


def instant(ms: int) -> datetime:
    """The UTC instant of Unix milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def iso(ms: int) -> str:
    """RFC 3339 text of Unix milliseconds: "2026-07-01T00:00:00.000Z"."""
    return instant(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
