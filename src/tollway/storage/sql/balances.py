"""Saving balances, a few at a time, so that a start reads only the newest entries.

A pass begins when enough has been booked since the last. It saves every bucket that was booked in before it began,
two hundred with each commit, each with the number of the last entry that is in it. When all are saved, the mark
`balances` moves to where the pass began: entries up to there need not be read at a start.
"""

from collections.abc import Iterable

from tollway.storage.counters import Counters
from tollway.storage.fields import NOT_SPEND
from tollway.storage.sql import statements
from tollway.storage.sql.batch import Batch
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.past import saved_balances
from tollway.storage.sql.rows import read_legs
from tollway.storage.sql.wide import split, whole, within

ENTRIES_BETWEEN_PASSES = 20_000
BUCKETS_BETWEEN_PASSES = 4_096
SAVED_AT_ONCE = 200

_HIGH, _LOW = "booked_high", "booked_low"

KEPT_BUCKETS = 1_024
"""Buckets of one account in memory (spec ledger 1.4)."""

KEPT_ENDS = 32_768
"""Ended reservations remembered at least; twice as many at most. Older ones are asked of the database."""


class Balances:
    """The companion of the writer: numbers entries, saves balances, and trims what memory need not hold."""

    __slots__ = ("_began", "_booked", "_counters", "_left", "seq")

    def __init__(self, counters: Counters, seq: int) -> None:
        self._counters = counters
        self._began = seq
        self._booked = counters.booked
        self._left = 0
        self.seq = seq
        """The number of the last entry booked."""

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def join(self, batch: Batch) -> None:
        """Adds the next balances to a batch; every entry booked so far is in it or before it."""
        if self._left == 0:
            if not self._due():
                return
            self._begin()
        self._add(batch, min(self._left, SAVED_AT_ONCE))

    def all(self) -> Batch:
        """A whole pass in one batch."""
        batch = Batch()
        self._begin()
        self._add(batch, self._left)
        return batch

    def written(self, batch: Batch) -> None:
        if batch.names:
            self._counters.thin(batch.names, KEPT_BUCKETS)
        self._counters.forget(KEPT_ENDS)

    def _due(self) -> bool:
        return self.seq - self._began >= ENTRIES_BETWEEN_PASSES or len(self._counters.unsaved) >= BUCKETS_BETWEEN_PASSES

    def _begin(self) -> None:
        self._began = self.seq
        self._booked = self._counters.booked
        self._left = len(self._counters.unsaved)

    def _add(self, batch: Batch, number: int) -> None:
        for name, bucket in self._counters.take_unsaved(number):
            batch.balances.append((name, bucket.start, within(bucket.spent), self.seq))
            batch.names.append(name)
        self._left -= number
        if self._left == 0:
            high, low = split(self._booked)
            batch.marks += [("balances", self._began), (_HIGH, high), (_LOW, low)]


def load(connection: Connection, counters: Counters) -> int:
    """Rebuilds what every account has spent, from saved balances and the entries after them.

    Returns the number of the last entry.
    """
    mark = int(connection.execute(statements.MARK, ("balances",)).get or 0)
    saved: dict[tuple[str, int], int] = {}
    rows: list[tuple[str, int, int]] = []
    for account, bucket, spent, through in saved_balances(connection):
        rows.append((account, bucket, spent))
        if through > mark:
            saved[account, bucket] = through
    counters.load(rows, _booked(connection, mark))
    last = mark
    names: set[str] = set()
    for seq, kind, amount, legs in connection.execute(statements.ENTRIES_AFTER, (mark,)):
        if kind not in NOT_SPEND:
            counters.booked += amount
        counters.book(_missing(read_legs(legs), seq, saved, names), amount)
        last = seq
    counters.thin([*names, *(account for account, _, _ in rows)], KEPT_BUCKETS)
    return last


def save(writing: Connection, batch: Batch) -> None:
    """Writes the balances of a batch, inside a transaction of the caller's."""
    writing.executemany(statements.SAVE_BALANCE, batch.balances)
    writing.executemany(statements.SAVE_MARK, batch.marks)


def _booked(connection: Connection, mark: int) -> int:
    """What all entries up to the mark come to; added up once, where it was never saved."""
    found = [connection.execute(statements.MARK, (name,)).get for name in (_HIGH, _LOW)]
    return whole(*(connection.execute(statements.ALL_BOOKED, (mark,)).fetchone() if None in found else found))


def _missing(
    legs: Iterable[tuple[str, int]], seq: int, saved: dict[tuple[str, int], int], names: set[str]
) -> Iterable[tuple[str, int]]:
    for leg in legs:
        if seq > saved.get(leg, 0):
            names.add(leg[0])
            yield leg
