"""One number over time: what was counted in the window of now, and when some of it counts no more.

Time is Unix milliseconds that do not run backwards; `Counters` sees to that.
"""

from array import array

from tollway.rates.limit import Technique

FINE = 120
"""Instants that a sliding window keeps apart. Up to so many requests it is exact."""
STEPS = 60
"""Into so many steps a sliding window of more instants is divided. What was counted in a step counts until the last instant
that was counted in it has left the window: up to 1/60 of the window too long, never too short, and never longer than the
window from now on."""
_LARGEST = 2**62


class FixedSeries:
    """A count that begins anew at every multiple of the window's length."""

    __slots__ = ("_began", "_used", "window_ms")

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self._began = 0
        self._used = 0

    def used(self, now: int) -> int:
        return self._used if now < self._began + self.window_ms else 0

    def add(self, now: int, amount: int) -> None:
        if now >= self._began + self.window_ms:
            self._began = now - now % self.window_ms
            self._used = 0
        self._used = min(self._used + amount, _LARGEST)

    def take_back(self, at: int, amount: int, now: int) -> None:
        """Takes off what was added at `at`, where the window of then is that of `now`."""
        if self._began <= at and now < self._began + self.window_ms:
            self._used = max(0, self._used - amount)

    def room_at(self, now: int, amount: int) -> int:
        """When `amount` of what is used counts no more, not before `now`."""
        return self.ends_at() if amount > 0 and self.used(now) else now

    def resets_at(self, now: int) -> int:
        """When the first of what is used counts no more: the end of the window."""
        return now - now % self.window_ms + self.window_ms

    def ends_at(self) -> int:
        """From when on nothing of it counts."""
        return self._began + self.window_ms if self._used else 0


class SlidingSeries:
    """A count of the last `window_ms` milliseconds: what was added at `t` counts before `t + window_ms`."""

    __slots__ = ("_amounts", "_lasts", "_step", "_used", "window_ms")

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self._step = 1
        """Milliseconds; steps begin at its multiples."""
        self._lasts = array("q")
        """The last instant of each step that something was counted at."""
        self._amounts = array("q")
        self._used = 0

    def used(self, now: int) -> int:
        over = 0
        for last in self._lasts:
            if last + self.window_ms > now:
                break
            self._used -= self._amounts[over]
            over += 1
        if over:
            del self._lasts[:over], self._amounts[:over]
            if not self._lasts:
                self._step = 1
        return self._used

    def add(self, now: int, amount: int) -> None:
        self.used(now)
        amount = min(amount, _LARGEST - self._used)
        self._used += amount
        self._put(now, amount)
        if self._step == 1 and len(self._lasts) > FINE:
            fine = list(zip(self._lasts, self._amounts, strict=True))
            self._step = -(-self.window_ms // STEPS)
            self._lasts, self._amounts = array("q"), array("q")
            for at, counted in fine:
                self._put(at, counted)

    def take_back(self, at: int, amount: int, now: int) -> None:
        """Takes off what was added at `at`, where that still counts."""
        self.used(now)
        step = at // self._step
        for place in range(len(self._lasts) - 1, -1, -1):
            if self._lasts[place] // self._step == step:
                taken = min(amount, self._amounts[place])
                self._amounts[place] -= taken
                self._used -= taken
                return

    def room_at(self, now: int, amount: int) -> int:
        """When `amount` of what is used counts no more, not before `now`."""
        self.used(now)
        for last, counted in zip(self._lasts, self._amounts, strict=True):
            if amount <= 0:
                return now
            amount -= counted
            now = last + self.window_ms
        return now

    def resets_at(self, now: int) -> int:
        """When the first of what is used counts no more; `now` where nothing is."""
        self.used(now)
        for last, counted in zip(self._lasts, self._amounts, strict=True):
            if counted:
                return last + self.window_ms
        return now

    def ends_at(self) -> int:
        """From when on nothing of it counts."""
        return self._lasts[-1] + self.window_ms if self._lasts else 0

    def _put(self, at: int, amount: int) -> None:
        if self._lasts and self._lasts[-1] // self._step == at // self._step:
            self._lasts[-1] = at
            self._amounts[-1] += amount
        else:
            self._lasts.append(at)
            self._amounts.append(amount)


Series = FixedSeries | SlidingSeries


def series_of(technique: Technique, window_ms: int) -> Series:
    """A series that has counted nothing yet."""
    return FixedSeries(window_ms) if technique == "fixed" else SlidingSeries(window_ms)
