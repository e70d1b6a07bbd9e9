"""What is done beside the path of requests: ending what a crash left open, checking counters, removing what has ended."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Reservation, resized
from tollway.storage.sql import rows, statements
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.past import saved_balances
from tollway.storage.sql.wide import whole

PRUNED_AT_ONCE = 1_000
"""Rows looked at in one step of pruning, which other writes have to wait for."""

RELEASES_KEPT_MS = 72 * 3_600_000
"""How long a release is remembered at least, so that a reserve it overtook answers Gone (spec ledger 2.2)."""


_ENDED = (statements.PRUNE_ENDED_RESIZES, statements.PRUNE_ENDED_INTENTS)
_RELEASED = (statements.PRUNE_RELEASED_RESIZES, statements.PRUNE_RELEASED_INTENTS)


class Truth(NamedTuple):
    """What the tables say, whatever the counters believe."""

    spent: dict[journal.Place, int]
    saved: dict[journal.Place, int]
    """The cache of balances."""
    open: dict[str, Reservation]
    """Reservations with an intent and no end, with their metered holds as they were last resized."""


def presume_open(writing: Connection, seq: int, now: int) -> Sequence[LedgerEntry]:
    """Ends every reservation that is still open as spent to its bound, which follows its metered holds as they were last
    resized, in one transaction; `seq` is the last entry's.

    Raises what the database raises, having written nothing.
    """
    with writing:
        presumed = [journal.presumption(each, now) for each in _open(writing)]
        writing.executemany(
            statements.INSERT_ENTRY,
            [(seq + number, *rows.of_entry(entry)) for number, entry in enumerate(presumed, start=1)],
        )
    return presumed


def truth(reading: Connection, through: int) -> Truth:
    """What every account has spent by entries up to number `through`, and which reservations are open now."""
    with reading:
        return Truth(
            spent={
                (account, bucket): whole(high, low)
                for account, bucket, high, low in reading.execute(statements.SPENT, (through,))
            },
            saved={(account, bucket): spent for account, bucket, spent, _ in saved_balances(reading)},
            open={each.id: each for each in _open(reading)},
        )


def holds_drift(held: Mapping[str, Reservation], truth: Truth) -> list[str]:
    """Reservations that hold other amounts in memory than in the store, of those that both have, in words."""
    return [
        f"Reservation {identity} holds {_amounts(reservation)} in memory, but {_amounts(stored)} in the store."
        for identity, reservation in held.items()
        if (stored := truth.open.get(identity)) is not None and stored.holds != reservation.holds
    ]


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


def _open(connection: Connection) -> list[Reservation]:
    resizes: dict[str, int] = dict(connection.execute(statements.LAST_RESIZES).fetchall())
    found = connection.execute(statements.OPEN_INTENTS, (_mark(connection, "entries"),)).fetchall()
    return [
        resized(reservation, resizes[identity]) if identity in resizes else reservation
        for identity, reservation in ((identity, rows.read_reservation(record)) for identity, record in found)
    ]


def _amounts(reservation: Reservation) -> str:
    return ", ".join(f'{hold.amount} on "{hold.account}"' for hold in reservation.holds) or "nothing"


def prune(writing: Connection, now: int) -> bool:
    """One step: removes intents that have ended, their resizes, and releases older than 72 hours. `True` when there is more to do."""
    more = _prune_intents(writing, "entries", statements.LAST_SEQ, _ENDED)
    more |= _prune_intents(writing, "releases", statements.LAST_RELEASE, _RELEASED)
    before = writing.total_changes()
    bindings = (_mark(writing, "releases"), now - RELEASES_KEPT_MS, PRUNED_AT_ONCE)
    writing.execute(statements.PRUNE_RELEASES, bindings)
    return more or writing.total_changes() - before == PRUNED_AT_ONCE


def _prune_intents(writing: Connection, mark: str, last_statement: str, removing: tuple[str, ...]) -> bool:
    begin = _mark(writing, mark)
    last = int(writing.execute(last_statement).get)
    end = min(begin + PRUNED_AT_ONCE, last)
    if end > begin:
        for statement in removing:
            writing.execute(statement, (begin, end))
        writing.execute(statements.SAVE_MARK, (mark, end))
    return end < last


def _mark(connection: Connection, name: str) -> int:
    return int(connection.execute(statements.MARK, (name,)).get or 0)
