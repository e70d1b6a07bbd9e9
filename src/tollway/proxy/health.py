"""How targets have done of late: who is left alone for a while (a circuit breaker), and how fast the others answer.

A target rests once at least `LEAST` of its last calls failed, and half of them or more. When its rest is over one call is let
through; it ends the rest, or makes it twice as long. What is seen here is this process's own, and forgotten when it ends.

Only those are watched that a route has asked about: their names stand in the settings, where those that callers make up would
crowd them out.
"""

from collections import deque
from collections.abc import Sequence

from tollway.exchange.steps import Seen

LEAST = 5
WINDOW_MS = 60_000
MOST_CALLS = 50
REST_MS = 15_000
LONGEST_REST_MS = 300_000
PROBE_MS = 60_000
"""After which a probe that nobody heard of again is given up."""
REMEMBERED = 4_096
"""Targets; past it the one that was asked about first is forgotten."""
_SMOOTH = 5
"""A new latency counts for a fifth of the average."""
_FAILED = frozenset({408, 425, 529})
_OF_OUR_KEY = frozenset({401, 429})


def failed(status: int, *, callers_key: bool = False) -> bool:
    """Whether an answer tells of its target rather than of its request. `callers_key`: it may be the caller's own key that was
    refused, which is nothing to anybody else."""
    return status >= 500 or status in _FAILED or (status in _OF_OUR_KEY and not callers_key)


class _Target:
    __slots__ = ("calls", "latency_ms", "probing_until", "rest_ms", "resting_until")

    def __init__(self) -> None:
        self.calls: deque[tuple[int, bool]] = deque(maxlen=MOST_CALLS)
        self.latency_ms: int | None = None
        self.resting_until = 0
        self.rest_ms = 0
        """Of the last rest; 0 while it does well."""
        self.probing_until = 0


class Health:
    """One for a process. `now` is Unix milliseconds everywhere."""

    __slots__ = ("watched",)

    def __init__(self) -> None:
        self.watched: dict[str, _Target] = {}
        """By their names; empty where no route has asked."""

    def note(self, name: str, now: int, *, ok: bool, latency_ms: int | None = None) -> None:
        """A call of the target has ended so. `latency_ms`: until the head of its answer."""
        target = self.watched.get(name)
        if target is None:
            return
        if latency_ms is not None and ok:
            known = target.latency_ms
            target.latency_ms = latency_ms if known is None else known + (latency_ms - known) // _SMOOTH
        probed = target.rest_ms > 0
        if ok:
            target.calls.append((now, True))
            if probed and not _rests(target, now):
                target.rest_ms = target.resting_until = target.probing_until = 0
                target.calls.clear()
            return
        if probed:
            # Calls that were under way when it began to rest do not make the rest longer.
            if not _rests(target, now):
                self._rest(target, now, min(2 * target.rest_ms, LONGEST_REST_MS))
            return
        target.calls.append((now, False))
        recent = [good for at, good in target.calls if abs(now - at) < WINDOW_MS]
        bad = recent.count(False)
        if bad >= LEAST and 2 * bad >= len(recent):
            self._rest(target, now, REST_MS)

    def _rest(self, target: _Target, now: int, rest_ms: int) -> None:
        target.rest_ms, target.resting_until, target.probing_until = rest_ms, now + rest_ms, 0
        target.calls.clear()

    def seen(self, names: Sequence[str], now: int) -> tuple[Seen, ...]:
        """What is known of each, which is watched from now on. A target whose rest is over does not rest: the next call is its
        probe (`probed`)."""
        return tuple(self._seen(name, now) for name in names)

    def _seen(self, name: str, now: int) -> Seen:
        target = self.watched.get(name)
        if target is None:
            if len(self.watched) >= REMEMBERED:
                del self.watched[next(iter(self.watched))]
            target = self.watched[name] = _Target()
        resting = _rests(target, now) or (target.rest_ms > 0 and now < target.probing_until <= now + PROBE_MS)
        return Seen(resting, target.latency_ms)

    def probed(self, name: str, now: int) -> None:
        """A call is about to be made of a target whose rest is over: others wait for how it ends."""
        target = self.watched.get(name)
        if target is not None and target.rest_ms and not _rests(target, now):
            target.probing_until = now + PROBE_MS

    def resting(self, now: int) -> dict[str, int]:
        """Targets that rest → until when."""
        return {name: target.resting_until for name, target in self.watched.items() if _rests(target, now)}


def _rests(target: _Target, now: int) -> bool:
    # A clock that was set back leaves nobody resting for longer than the rest.
    return now < target.resting_until <= now + target.rest_ms
