"""Reading log and ledger in the order in which they were written, in SQLite (`storage/following.py`)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from tollway.ledger.entry import LedgerEntry
from tollway.logs.record import LogRecord
from tollway.storage.fields import ENTRY_FIELDS, RECORD_FIELDS, check_fields
from tollway.storage.following import WIDEST, Measured, Source
from tollway.storage.protocol import Filter
from tollway.storage.sql import rows as of_rows
from tollway.storage.sql import statements
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.filters import conditions

QUARTER_MS: Final = 900_000

_KNOWN: Final[Mapping[Source, frozenset[str]]] = {"records": RECORD_FIELDS, "entries": ENTRY_FIELDS}
# What a row comes to, without reading it.
_SIZE: Final[Mapping[Source, str]] = {
    "records": "length(record)",
    "entries": '256 + length(charge) + length(legs) + length("groups") + length(metadata)',
}


class SqlFollowing:
    """`following.Following` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, source: Source) -> int:
        return await self._database.query(lambda reading: _one(reading, f"SELECT coalesce(max(seq), 0) FROM {source}"))

    async def first(self, source: Source) -> int:
        return await self._database.query(lambda reading: _one(reading, f"SELECT coalesce(min(seq), 0) FROM {source}"))

    async def measure(
        self, source: Source, equals: Mapping[str, str], *, after: int, until: int, rows: int, size: int
    ) -> Measured:
        check_fields(equals, _KNOWN[source])
        through = min(until, after + WIDEST)
        return await self._database.query(
            partial(_measured, source=source, equals=equals, after=after, through=through, rows=rows, size=size)
        )

    async def records(self, equals: Mapping[str, str], *, after: int, through: int) -> Sequence[tuple[int, LogRecord]]:
        check_fields(equals, RECORD_FIELDS)
        # Thousands of records are decoded in the thread that reads them.
        return await self._database.query(
            lambda reading: [
                (row[0], of_rows.read_record(row[1]))
                for row in _rows(reading, "seq, record", "records", equals, after, through)
            ]
        )

    async def entries(
        self, equals: Mapping[str, str], *, after: int, through: int
    ) -> Sequence[tuple[int, LedgerEntry]]:
        check_fields(equals, ENTRY_FIELDS)
        columns = statements.ENTRY_COLUMNS
        return await self._database.query(
            lambda reading: [
                of_rows.to_entry(row) for row in _rows(reading, columns, "entries", equals, after, through)
            ]
        )

    async def quarters(self, *, after: int, through: int) -> Sequence[int]:
        def read(reading: Connection) -> Sequence[int]:
            found = reading.execute(
                "SELECT DISTINCT occurred_at / ?1 FROM entries WHERE seq > ?2 AND seq <= ?3 AND kind <> 'opening' ORDER BY 1",
                (QUARTER_MS, after, through),
            )
            return [quarter * QUARTER_MS for (quarter,) in found]

        return await self._database.query(read)


def _one(reading: Connection, statement: str) -> int:
    return int(reading.execute(statement).get)


def _measured(
    reading: Connection, source: Source, equals: Mapping[str, str], after: int, through: int, rows: int, size: int
) -> Measured:
    with reading:
        clauses, bindings = conditions(source, Filter(equals=equals))
        found = reading.execute(
            f"SELECT seq, {_SIZE[source]} FROM {source} WHERE seq > ? AND seq <= ? AND {' AND '.join(clauses)} "
            "ORDER BY seq LIMIT ?",
            (after, through, *bindings, rows + 1),
        ).fetchall()
        items, taken = 0, 0
        for number, length in found:
            taken += length
            if items == rows or (items and taken > size):
                # What does not fit any more is the first of the next stretch.
                through = number - 1
                break
            items += 1
        there = reading.execute(f"SELECT count(*) FROM {source} WHERE seq > ? AND seq <= ?", (after, through)).get
    return Measured(max(through, after), items, max(0, through - after - there))


def _rows(
    reading: Connection, columns: str, source: Source, equals: Mapping[str, str], after: int, through: int
) -> list[Any]:
    clauses, bindings = conditions(source, Filter(equals=equals))
    return reading.execute(
        f"SELECT {columns} FROM {source} WHERE seq > ? AND seq <= ? AND {' AND '.join(clauses)} ORDER BY seq",
        (after, through, *bindings),
    ).fetchall()
