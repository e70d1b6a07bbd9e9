"""Looking at the money of a store that no gateway has open: nothing is written, and nothing is taken at its word."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tollway.storage.at_rest import at_rest
from tollway.storage.counters import Counters
from tollway.storage.sql import balances, recovery, statements
from tollway.storage.sql.past import SqlPast
from tollway.storage.sql.wide import halves, whole

_KINDS = f"SELECT kind, count(*), {halves('amount_nanodollars')} FROM entries GROUP BY kind ORDER BY kind"


class Examined(NamedTuple):
    """What is in the books."""

    entries: int
    kinds: Mapping[str, tuple[int, int]]
    """Kind of entry → how many there are, and the nanodollars they come to."""
    accounts: int
    """That have a balance."""
    open: int
    """Reservations that nobody has ended: the next start takes what they hold as spent."""
    held: int
    """Nanodollars of them."""
    differences: Sequence[str]
    """Where what a start would count differs from the sum of the entries, in words."""


def examine(place: Path | str) -> Examined:
    """Adds the ledger at `place` (`at_rest`) up and compares it with the balances that a start would begin with.

    Raises StoreUnavailable where there is none, where another process has it, or where it cannot be read.
    """
    with at_rest(place) as store, store.reading() as reading:
        counters = Counters(SqlPast(lambda question: question(reading)))
        last = balances.load(reading, counters)
        truth = recovery.truth(reading, through=last)
        kinds = {kind: (count, whole(high, low)) for kind, count, high, low in reading.execute(_KINDS)}
        counted = int(reading.execute(statements.LAST_SEQ).get)
    words = recovery.spent_drift(counters.snapshot().spent, counters.floors(), truth)
    entries = sum(count for count, _ in kinds.values())
    if counted != entries:
        words.append(f"The last entry is number {counted}, but there are {entries}: some are gone.")
    return Examined(
        entries=entries,
        kinds=kinds,
        accounts=len({account for account, _ in truth.spent}),
        open=len(truth.open),
        held=sum(reservation.bound for reservation in truth.open.values()),
        differences=words,
    )
