"""A month as far as it is added up already (`meters.py`): by caller and meter, and which time of it is left to be read."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from tollway.statements.tally import Parts
from tollway.storage.asked import Piece, pieces
from tollway.storage.fields import METADATA
from tollway.storage.rolled import FINE, HOUR_MS
from tollway.storage.sql import meters, rollups
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.wide import halves, whole

_STRETCH: Final = "WHERE level = ? AND slot >= ? AND slot < ?"
_CALLS: Final = f"""
SELECT context, sum(entries), sum(attempts), sum(unpriced), sum(presumed) FROM calls {_STRETCH} GROUP BY context
"""
_METERS: Final = f"""
SELECT context, meter, {halves("quantity")}, {halves("amount_nanodollars")} FROM meters {_STRETCH} GROUP BY context, meter
"""
_CALLERS: Final = "SELECT id, user, provider, model, {value} FROM contexts WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"


class Added(NamedTuple):
    """What all calls of a model by one caller add up to."""

    value: str | None
    """As the column of the dimension has it."""
    user: str | None
    provider: str
    model: str
    parts: Parts


class Summed(NamedTuple):
    """The sums of a month, and what is not in them."""

    through: int
    """The place in the ledger that they have come to."""
    added: Sequence[Added]
    edges: Sequence[tuple[int, int]]
    """Time that they do not have: [start, end) in Unix milliseconds."""
    start: int
    end: int
    """They have [start, end), in Unix milliseconds, without its credits."""


def summed(reading: Connection, span: tuple[int, int], field: str, column: str) -> Summed | None:
    """The sums of the month [span[0], span[1]) by a dimension, whose value is in `column`; `None` where they cannot tell it."""
    known = field.startswith(METADATA)
    if not meters.exact(reading) or (known and rollups.attributes(reading).level(field.removeprefix(METADATA)) is None):
        return None
    # Statements tell more of an entry than sums can be made less by, so what no whole hour has is only ever added.
    start, end = -(-span[0] // HOUR_MS) * HOUR_MS, span[1] // HOUR_MS * HOUR_MS
    slots, _ = pieces((start, end), FINE)
    edges = [(a, b) for a, b in ((span[0], start), (end, span[1])) if a < b]
    return Summed(meters.through(reading), list(_added(reading, slots, column)), edges, start, end)


def _added(reading: Connection, slots: Sequence[Piece], column: str) -> Iterator[Added]:
    calls: dict[int, list[int]] = {}
    used: dict[int, dict[str, list[int]]] = {}
    for piece in slots:
        stretch = (piece.level, piece.start, piece.end)
        for context, *counted in reading.execute(_CALLS, stretch):
            known = calls.setdefault(context, [0, 0, 0, 0])
            for place, number in enumerate(counted):
                known[place] += piece.sign * number
        for context, meter, *sums in reading.execute(_METERS, stretch):
            told = used.setdefault(context, {}).setdefault(meter, [0, 0])
            told[0] += piece.sign * whole(*sums[:2])
            told[1] += piece.sign * whole(*sums[2:])
    # Who is only in hours that are taken away from a day is not there at all.
    there = [context for context, (entries, *_) in calls.items() if entries]
    callers = reading.execute(_CALLERS.format(value=column), (msgspec.json.encode(there).decode(),))
    for context, user, provider, model, value in callers:
        _, attempts, unpriced, presumed = calls[context]
        by_meter = [(meter, quantity, amount) for meter, (quantity, amount) in used.get(context, {}).items()]
        yield Added(value, user, provider, model, Parts(attempts, unpriced, presumed, by_meter))
