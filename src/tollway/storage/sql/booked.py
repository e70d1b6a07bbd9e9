"""Reading the ledger in the order in which it was written, a stretch at a time, with as little of each entry as is asked."""

from functools import lru_cache
from typing import Any, Final

import msgspec

from tollway.ledger.entry import Context
from tollway.storage.books import Booked, Stretch
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.rows import read_legs
from tollway.storage.sql.statements import LAST_SEQ

_KNOWN_CONTEXTS = 16_384

# Entries ?1 < seq <= ?2 admitted in [?3, ?4), oldest row first. The plus keeps the index of instants, which would have
# to be sorted, out of it.
_STRETCH: Final = """
SELECT seq, kind, amount_nanodollars, attempt, occurred_at, legs,
  gateway, provider, model, user, "key", service, "groups", metadata, declared
FROM entries
WHERE seq > ?1 AND seq <= ?2 AND +occurred_at >= ?3 AND +occurred_at < ?4
ORDER BY seq LIMIT ?5
"""
# The first row that may be asked for; read from the index of instants alone.
_FIRST: Final = "SELECT min(seq) FROM entries WHERE occurred_at >= ?1"
_NEVER = (1 << 63) - 1

_read_names = msgspec.json.Decoder(tuple[str, ...]).decode
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode


def booked(reading: Connection, after: int, since: int, until: int | None, limit: int) -> Stretch:
    """`Ledger.booked`."""
    through: int = reading.execute(LAST_SEQ).get
    if after == 0:
        first: int | None = reading.execute(_FIRST, (since,)).get
        after = through if first is None else first - 1
    ending = _NEVER if until is None else until
    found = reading.execute(_STRETCH, (after, through, since, ending, limit + 1)).fetchall()
    more = len(found) > limit
    items = [_booked(row) for row in found[:limit]]
    return Stretch(items, items[-1].seq if more else max(after, through), more)


def _booked(row: tuple[Any, ...]) -> Booked:
    seq, kind, amount, attempt, occurred_at, legs, *who = row
    return Booked(seq, kind, amount, attempt, occurred_at, read_legs(legs), _context(*who))


@lru_cache(_KNOWN_CONTEXTS)
def _context(
    gateway: str,
    provider: str,
    model: str,
    user: str | None,
    key: str | None,
    service: str | None,
    groups: str,
    metadata: str,
    declared: str,
) -> Context:
    """Most entries are of somebody who has others: the same context is the same object."""
    return Context(
        gateway=gateway,
        provider=provider,
        model=model,
        user=user,
        groups=_read_names(groups),
        key=key,
        service=service,
        metadata=_read_metadata(metadata),
        declared=_read_names(declared),
    )
