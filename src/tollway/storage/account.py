"""One account's buckets, and the running totals of the window last looked at.

A fixed window has one bucket. A rolling one has many and moves forward: `look` takes away the buckets that have
fallen out, each once, so a look costs O(1) amortised.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping


class Bucket:
    """Nanodollars booked in one stretch of time."""

    __slots__ = ("held", "saved", "spent", "start", "wanted")

    def __init__(self, start: int) -> None:
        self.start = start
        self.spent = 0
        self.held = 0
        self.wanted = 0
        """What metered answers under way are likely to need beyond what they hold."""
        self.saved = True
        """`False` from a booking until its balance is taken to be written down."""


NOWHERE = Bucket(-(2**63))
"""A bucket before all time, which is nobody's."""


class Account:
    """Buckets by start, and the totals of all buckets from `since` on."""

    __slots__ = ("buckets", "floor", "held", "last", "order", "since", "spent", "wanted")

    def __init__(self, since: int) -> None:
        self.buckets: dict[int, Bucket] = {}
        self.order: list[int] = []
        self.last = NOWHERE
        """The bucket that was asked for last: almost always the one that is asked for next."""
        self.since = since
        self.spent = 0
        self.held = 0
        self.wanted = 0
        self.floor: int | None = None
        """Buckets that start before this are in the store only; `None` while none are."""

    def bucket(self, start: int) -> Bucket:
        """The bucket that starts at `start`, made if need be."""
        bucket = self.buckets.get(start)
        if bucket is None:
            bucket = self.buckets[start] = Bucket(start)
            if not self.order or start > self.order[-1]:
                self.order.append(start)
            else:
                insort(self.order, start)
        self.last = bucket
        return bucket

    def look(self, since: int) -> None:
        """Moves the running totals to the window that starts at `since`."""
        if since > self.since:
            for start in self.order[bisect_left(self.order, self.since) : bisect_left(self.order, since)]:
                bucket = self.buckets[start]
                self.spent -= bucket.spent
                self.held -= bucket.held
                self.wanted -= bucket.wanted
        else:
            self.spent, self.held, self.wanted = self.summed(since)
        self.since = since

    def summed(self, since: int, until: int | None = None) -> tuple[int, int, int]:
        """(spent, held, wanted) of all buckets from `since` on and before `until`, added up afresh."""
        spent = held = wanted = 0
        end = None if until is None else bisect_left(self.order, until)
        for start in self.order[bisect_left(self.order, since) : end]:
            bucket = self.buckets[start]
            spent += bucket.spent
            held += bucket.held
            wanted += bucket.wanted
        return spent, held, wanted

    def thin(self, keep: int) -> None:
        """Drops the oldest saved buckets that hold nothing and lie before `since`, down to `keep`."""
        dropped = 0
        for start in self.order[: max(0, len(self.order) - keep)]:
            bucket = self.buckets[start]
            if start >= self.since or bucket.held or bucket.wanted or not bucket.saved:
                break
            del self.buckets[start]
            self.floor = start + 1
            dropped += 1
        del self.order[:dropped]
        self.last = NOWHERE

    def restore(self, spent: Mapping[int, int]) -> None:
        """Takes back the buckets before the floor."""
        assert self.floor is not None
        for start, amount in spent.items():
            if start < self.floor:
                # None of them lies in the window of the running totals: `thin` drops only what is before it.
                self.bucket(start).spent = amount
        self.floor = None
