"""What is done beside the path of requests: ending what a crash left open, checking counters, removing what has ended."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.storage.sqlite import rows, statements
from tollway.storage.sqlite.driver import Connection

PRUNED_AT_ONCE = 1_000
"""Rows looked at in one step of pruning, which other writes have to wait for."""

RELEASES_KEPT_MS = 72 * 3_600_000
"""How long a release is remembered at least, so that a reserve it overtook answers Gone (spec ledger 2.2)."""


class Truth(NamedTuple):
    """What the tables say, whatever the counters believe."""

    spent: dict[journal.Place, int]
    saved: dict[journal.Place, int]
    """The cache of balances."""
    open: set[str]
    """Reservations with an intent and no end."""


def presume_open(writing: Connection, seq: int, now: int) -> Sequence[LedgerEntry]:
    """Ends every reservation that is still open as spent to its bound, in one transaction; `seq` is the last entry's.

    Raises apsw.Error, having written nothing.
    """
    with writing:
        mark = _mark(writing, "entries")
        found = writing.execute(statements.OPEN_INTENTS, (mark,)).fetchall()
        presumed = [journal.presumption(rows.read_reservation(record), now) for _, record in found]
        writing.executemany(
            statements.INSERT_ENTRY,
            [(seq + number, *rows.of_entry(entry)) for number, entry in enumerate(presumed, start=1)],
        )
    return presumed


def truth(reading: Connection, through: int) -> Truth:
    """What every account has spent by entries up to number `through`, and which reservations are open now."""
    with reading:
        mark = _mark(reading, "entries")
        return Truth(
            spent={
                (account, bucket): amount for account, bucket, amount in reading.execute(statements.SPENT, (through,))
            },
            saved={
                (account, bucket): amount for account, bucket, amount, _ in reading.execute(statements.ALL_BALANCES)
            },
            open={reservation_id for reservation_id, _ in reading.execute(statements.OPEN_INTENTS, (mark,))},
        )


def spent_drift(counted: Mapping[journal.Place, int], floors: Mapping[str, int], truth: Truth) -> list[str]:
    """Where what is counted as spent differs from the entries: in memory, or, for buckets that memory has let go of
    (those before the account's floor), in the saved balances."""
    below = {place for place in truth.spent.keys() | truth.saved.keys() if place[1] < floors.get(place[0], place[1])}
    within = {place: amount for place, amount in truth.spent.items() if place not in below}
    return journal.drift("spent", counted, within) + journal.drift(
        "saved spend",
        {place: truth.saved.get(place, 0) for place in below},
        {place: truth.spent.get(place, 0) for place in below},
    )


def prune(writing: Connection, now: int) -> bool:
    """One step: removes intents that have ended, and releases older than 72 hours. `True` when there is more to do."""
    more = _prune_intents(writing, "entries", statements.LAST_SEQ, statements.PRUNE_ENDED_INTENTS)
    more |= _prune_intents(writing, "releases", statements.LAST_RELEASE, statements.PRUNE_RELEASED_INTENTS)
    before = writing.total_changes()
    bindings = (_mark(writing, "releases"), now - RELEASES_KEPT_MS, PRUNED_AT_ONCE)
    writing.execute(statements.PRUNE_RELEASES, bindings)
    return more or writing.total_changes() - before == PRUNED_AT_ONCE


def _prune_intents(writing: Connection, mark: str, last_statement: str, statement: str) -> bool:
    begin = _mark(writing, mark)
    last = int(writing.execute(last_statement).get)
    end = min(begin + PRUNED_AT_ONCE, last)
    if end > begin:
        writing.execute(statement, (begin, end))
        writing.execute(statements.SAVE_MARK, (mark, end))
    return end < last


def _mark(connection: Connection, name: str) -> int:
    return int(connection.execute(statements.MARK, (name,)).get or 0)
