"""What has been counted for rate limits and for the rate elements of routes, in the memory of this process.

All or nothing: a request is counted in every bucket that claims it, or in none. An admitted request counts, whatever
becomes of it. Its tokens are counted as expected when it is admitted and put right once they are known: what it used less
is given back where it was counted, what it used more counts when that is known.

Memory is bounded. A bucket is forgotten only when nothing in it counts any more. Where there is no room for one more, the
newcomers of a limit share one bucket, with the limit of one: they may wait for each other, and nobody passes uncounted.

Time is the caller's clock, as long as it goes on. Readings up to `HELD_MS` in the past, such as of requests that overtook
each other, count as the latest one. A clock set back by more goes on from there: windows keep their length, and those
that were aligned with the clock are not until the next start.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, nlargest

import msgspec

from tollway.clock import FARTHEST_MS
from tollway.rates.claims import RateClaim
from tollway.rates.limit import RateLimit, Technique, Unit
from tollway.rates.series import Series, series_of

MOST = 200_000
"""Buckets, of all limits together. A limit has up to half of them, so that one that is split by what callers make up leaves
room for the others."""
HELD_MS = FARTHEST_MS
_SWEPT = 16
"""Buckets looked at each time for being over: more than most requests add, and little enough to wait for."""
_UNITS: tuple[Unit, ...] = ("requests", "tokens")


class Standing(msgspec.Struct, frozen=True):
    """How far one bucket of a limit is used, for one of the things it counts."""

    claim: RateClaim
    unit: Unit
    limit: int
    used: int
    """May be above `limit`: tokens are known after they are used, and a monitoring limit refuses nothing."""
    resets_at: int
    """When the first of it counts no more, Unix milliseconds; of a limit that refuses, when the request will fit."""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class Admitted(msgspec.Struct, frozen=True):
    """A request that every limit let through, and that is counted."""

    at: int
    """The counters' own time, for the correction."""
    claims: tuple[RateClaim, ...]
    tokens: int
    """As many as were counted."""
    standings: tuple[Standing, ...]
    """Of every claim, this request included."""
    exceeded: tuple[Standing, ...]
    """Of monitoring limits that would have refused it."""
    counted: tuple[Series, ...]
    """Where the tokens were counted."""


class Limited(msgspec.Struct, frozen=True):
    """A request that a limit refuses; it is counted nowhere. Of several the one that it has to wait for longest."""

    claim: RateClaim
    unit: Unit
    limit: int
    used: int
    asked: int
    """What it would have added."""
    retry_after_s: int | None
    """After which it fits if nobody else asks, at least 1 and at most the window; `None` where it asks for more than the limit and
    never will."""
    resets_at: int | None
    """The same as an instant, Unix milliseconds."""
    standings: tuple[Standing, ...]
    """Of every claim, without this request."""


class Use(msgspec.Struct, frozen=True):
    """One bucket of a limit as it is now. `None`: the limit does not count that."""

    bucket: str
    """Empty for the one that newcomers share where there is no room for more."""
    requests: int | None
    tokens: int | None


class _Leg(msgspec.Struct):
    """One number that a request adds to."""

    claim: RateClaim
    unit: Unit
    limit: int
    asked: int
    series: Series
    used: int


class Counters:
    """One for a process."""

    __slots__ = ("_ahead", "_ends", "_groups", "_last", "_size", "most")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._groups: dict[str, dict[str, Series]] = {}
        """Limit, or element of a route → bucket, unit and window → what was counted."""
        self._ends: list[tuple[int, str, str]] = []
        """A heap with one entry for each series: not before when it may be forgotten, and where it is."""
        self._size = 0
        self._last = 0
        self._ahead = 0
        """By how much the counters' time is ahead of the callers' clock, since that was set back."""

    def __len__(self) -> int:
        return self._size

    def admit(
        self, claims: Sequence[RateClaim], now: int, *, tokens_expected: int = 0, requests: int = 1
    ) -> Admitted | Limited:
        """Counts a request at `now` (Unix milliseconds) in all its buckets, or says which limit refuses it.

        `tokens_expected`: what it is likely to use, input and output; a request that is likely to use more than a limit
        has is refused by that limit for good. `requests`: 0 for more tokens of one that is counted already.
        """
        t = self._instant(now)
        legs = [leg for leg in self._legs(claims, requests, tokens_expected, t) if requests or leg.unit == "tokens"]
        over = [leg for leg in legs if leg.used + leg.asked > leg.limit]
        refusing = [leg for leg in over if leg.claim.limit.mode == "enforce"]
        if refusing:
            return _limited(legs, refusing, now, t)
        for leg in legs:
            if leg.asked:
                leg.series.add(t, leg.asked)
        standings = tuple(_standing(leg, leg.used + leg.asked, now, t) for leg in legs)
        return Admitted(
            t,
            tuple(claims),
            tokens_expected,
            standings,
            tuple(s for leg, s in zip(legs, standings, strict=True) if leg.used + leg.asked > leg.limit),
            tuple(leg.series for leg in legs if leg.unit == "tokens"),
        )

    def tokens(self, admitted: Admitted, actual: int, now: int) -> None:
        """Puts right what an admitted request was expected to use, once for each request."""
        t = self._instant(now)
        if actual < admitted.tokens:
            for series in admitted.counted:
                series.take_back(admitted.at, admitted.tokens - actual, t)
        elif actual > admitted.tokens:
            for leg in self._legs(admitted.claims, 0, actual - admitted.tokens, t):
                if leg.asked:
                    leg.series.add(t, leg.asked)

    def release(self, admitted: Admitted, now: int) -> None:
        """Gives back the tokens of a request that was never sent. The request itself stays counted: it was asked."""
        self.tokens(admitted, 0, now)

    def weigh(self, name: str, limit: int, window_s: int, technique: Technique, now: int, amount: int = 1) -> int:
        """0 where `amount` more stays within the limit of a bucket, and is counted; else how many milliseconds it has to wait if
        nobody else asks, at least 1 and at most the window.

        `name`: unique among all that is weighed; what stands before the first "[" is what newcomers would share.
        """
        t = self._instant(now)
        series = self._named(name, "requests", window_s, technique, t)
        over = series.used(t) + amount - limit
        if over > 0:
            return _wait_ms(series, t, over)
        series.add(t, amount)
        return 0

    def spent(self, name: str, nanodollars: int, window_s: int, technique: Technique, now: int) -> None:
        """Counts what a request cost, as it is known: past the limit too."""
        t = self._instant(now)
        if nanodollars > 0:
            self._named(name, "spent", window_s, technique, t).add(t, nanodollars)

    def under(self, name: str, limit: int, window_s: int, technique: Technique, now: int) -> int:
        """0 where a bucket has spent less than `limit` nanodollars; else in how many milliseconds it will have, as `weigh` tells it.
        Requests under way are not in it."""
        t = self._instant(now)
        series = self._named(name, "spent", window_s, technique, t)
        over = series.used(t) - limit + 1
        return _wait_ms(series, t, over) if over > 0 else 0

    def busiest(self, limit: RateLimit, now: int, most: int) -> list[Use]:
        """The buckets of a limit that are nearest to it, at most so many; those without use are left out."""
        t = self._instant(now)
        members = self._groups.get(limit.id, {})
        shapes: dict[Unit, str] = {
            unit: _shape(unit, limit.window_s, limit.technique) for unit in _UNITS if limit.most(unit) is not None
        }
        # Whoever is among the fullest is so by requests or by tokens.
        fullest: dict[str, float] = {}
        for unit, shape in shapes.items():
            counts = ((series.used(t), key) for key, series in members.items() if key.endswith(shape))
            for count, key in nlargest(most, counts):
                if count:
                    bucket, part = key.removesuffix(shape), count / (limit.most(unit) or 1)
                    fullest[bucket] = max(fullest.get(bucket, part), part)

        def used(bucket: str, unit: Unit) -> int | None:
            series = members.get(bucket + shapes[unit]) if unit in shapes else None
            return series.used(t) if series is not None else 0 if unit in shapes else None

        return [
            Use(bucket, used(bucket, "requests"), used(bucket, "tokens"))
            for bucket in nlargest(most, fullest, key=fullest.__getitem__)
        ]

    def _legs(self, claims: Sequence[RateClaim], requests: int, tokens: int, t: int) -> Iterator[_Leg]:
        seen: set[int] = set()
        for claim in claims:
            limit = claim.limit
            for unit, asked in zip(_UNITS, (requests, tokens), strict=True):
                most = limit.most(unit)
                if most is None:
                    continue
                shape = _shape(unit, limit.window_s, limit.technique)
                series = self._series(limit.id, claim.bucket, shape, limit.window_s, limit.technique, t)
                # Two buckets of one limit that share one series for want of room count a request once.
                if id(series) not in seen:
                    seen.add(id(series))
                    yield _Leg(claim, unit, most, asked, series, series.used(t))

    def _named(self, name: str, unit: str, window_s: int, technique: Technique, t: int) -> Series:
        # No limit has such an id.
        group = f":{name.partition('[')[0]}"
        return self._series(group, name, _shape(unit, window_s, technique), window_s, technique, t)

    def _series(self, group: str, bucket: str, shape: str, window_s: int, technique: Technique, t: int) -> Series:
        """The series of a bucket; the shared one where there is no room for another, and as long as anything in that counts:
        whoever was counted there would escape it otherwise."""
        members = self._groups.get(group)
        if members is None:
            members = self._groups[group] = {}
        found = members.get(bucket + shape)
        if found is not None:
            return found
        shared = members.get(shape)
        if shared is not None and shared.used(t):
            return shared
        if self._size >= self.most or len(members) >= self.most // 2:
            if shared is not None:
                return shared
            bucket = ""
        made = members[bucket + shape] = series_of(technique, window_s * 1000)
        self._size += 1
        # Empty as yet, it may go with the next instant; by then it is known for how long it counts.
        heappush(self._ends, (t + 1, group, bucket + shape))
        return made

    def _instant(self, now: int) -> int:
        """The counters' time at `now`; forgets some of what no longer counts."""
        t = now + self._ahead
        if t < self._last:
            if t < self._last - HELD_MS:
                self._ahead = self._last - now
            t = self._last
        self._last = t
        for _ in range(_SWEPT):
            if not self._ends or self._ends[0][0] > t:
                break
            _, group, key = heappop(self._ends)
            members = self._groups[group]
            ends_at = members[key].ends_at()
            if ends_at > t:
                heappush(self._ends, (ends_at, group, key))
                continue
            del members[key]
            self._size -= 1
            if not members:
                del self._groups[group]
        return t


def _shape(unit: str, window_s: int, technique: Technique) -> str:
    """Distinguishes what one bucket counts. Of a limit whose window is changed everything counts anew."""
    return f" {unit} {technique} {window_s}"


def _wait_ms(series: Series, t: int, amount: int) -> int:
    return max(1, series.room_at(t, amount) - t)


def _limited(legs: Sequence[_Leg], refusing: Sequence[_Leg], now: int, t: int) -> Limited:
    never = next((leg for leg in refusing if leg.asked > leg.limit), None)
    rooms = {id(leg): leg.series.room_at(t, leg.used + leg.asked - leg.limit) for leg in refusing}
    leg = never or max(refusing, key=lambda leg: rooms[id(leg)])
    room = rooms[id(leg)] - t
    standings = tuple(
        _standing(each, each.used, now, t, None if each is never else rooms.get(id(each))) for each in legs
    )
    return Limited(
        leg.claim,
        leg.unit,
        leg.limit,
        leg.used,
        leg.asked,
        None if never is not None else max(1, -(-room // 1000)),
        None if never is not None else now + room,
        standings,
    )


def _standing(leg: _Leg, used: int, now: int, t: int, room_at: int | None = None) -> Standing:
    resets_at = leg.series.resets_at(t) if room_at is None else room_at
    return Standing(leg.claim, leg.unit, leg.limit, used, now + resets_at - t)
