"""The request log in SQLite, and the questions people ask of log and ledger.

Records are written in batches after the ledger's rows, and read by connections of their own in a thread, so that a
long report never holds up a request. Every value in a statement is bound; names come from `fields.py` only.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import structs

from tollway.errors import StoreUnavailable
from tollway.ledger.entry import LedgerEntry
from tollway.logs.record import LogRecord
from tollway.storage.deep import DEEP_FIELDS, SCORE, is_deep, is_meant, shallow
from tollway.storage.fields import (
    ENTRY_FIELDS,
    GROUP_FIELDS,
    NOT_SPEND,
    RECORD_FIELDS,
    check_fields,
    cursor,
    read_cursor,
)
from tollway.storage.protocol import Filter, Page, SpendRow
from tollway.storage.sql import rows, statements
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.filters import conditions, grouping
from tollway.storage.sql.wide import halves, order, whole
from tollway.storage.sql.writer import Writer

FLUSH_S = 0.2
"""How long a record may lie in memory."""

WRITTEN_AT_ONCE = 50
"""Records in one transaction: about half a millisecond of the event loop's time."""

LOOKED_AT_MOST = 50_000
"""Records that are looked at by their columns for one page: a quarter of a second. A filter that few of ten million pass would
otherwise take half a minute."""

_INDEXED = frozenset({"code", "request_id", "feedback"})

SEARCHED_AT_MOST = 10_000
"""Records that are read for one page of a search: about a quarter of a second."""
_SEARCHED_AT_ONCE = 500

QUEUED_AT_MOST = 20_000
"""Records that may wait for the disk; beyond, the oldest is dropped."""


class SqlRecords:
    """`protocol.Records` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[LogRecord] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self.dropped = 0
        """Records lost: to a full queue, or because they have no encoding."""

    @property
    def waiting(self) -> int:
        """Records that wait for the disk."""
        return len(self._queue)

    def write(self, record: LogRecord) -> None:
        self._queue.append(record)
        if len(self._queue) > QUEUED_AT_MOST:
            self._queue.popleft()
            self.dropped += 1
        if self._writing is None:
            if len(self._queue) >= WRITTEN_AT_ONCE:
                self._start()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._start)

    @property
    def pressed(self) -> bool:
        """Whether so many records wait that none is to be lost for the sake of a body."""
        return len(self._queue) >= QUEUED_AT_MOST // 2

    async def flush(self) -> None:
        """Returns once every record queued so far is written. Raises StoreUnavailable."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._stop_timer()
        await self._write_all()

    async def record(self, request_id: str) -> LogRecord | None:
        return await self._database.query(partial(_record, request_id=request_id))

    async def records(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        check_fields(where.equals, RECORD_FIELDS | DEEP_FIELDS)
        read = _searched if is_deep(where) else _records
        return await self._database.query(partial(read, where=where, limit=limit, after=cursor))

    async def entries(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        check_fields(where.equals, ENTRY_FIELDS)
        return await self._database.query(partial(_entries, where=where, limit=limit, after=cursor))

    async def spend(self, where: Filter, group_by: Sequence[str]) -> Sequence[SpendRow]:
        check_fields(where.equals, ENTRY_FIELDS)
        check_fields(group_by, GROUP_FIELDS)
        return await self._database.query(partial(_spend, where=where, group_by=group_by))

    def _start(self) -> None:
        self._stop_timer()
        self._writing = asyncio.get_running_loop().create_task(self._write_in_background())

    async def _write_in_background(self) -> None:
        try:
            await self._write_all()
        except StoreUnavailable:
            # They are still queued; the next batch tries again.
            pass
        finally:
            self._writing = None
            if self._queue and self._timer is None and self._database.is_open:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._start)

    async def _write_all(self) -> None:
        writer = self._database.writer
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(WRITTEN_AT_ONCE, len(self._queue)))]
            await self._write_batch(writer, batch)

    async def _write_batch(self, writer: Writer, batch: list[LogRecord]) -> None:
        written = False
        try:
            self.dropped += await writer.run(partial(_insert, batch=batch))
            written = True
        finally:
            if not written:
                self._queue.extendleft(reversed(batch))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _insert(writing: Connection, batch: list[LogRecord]) -> int:
    """Writes a batch; returns how many had no encoding and were left out."""
    encoded: list[tuple[Any, ...]] = []
    for record in batch:
        try:
            encoded.append(rows.of_record(record))
        except (ValueError, OverflowError):
            continue
    writing.executemany(statements.INSERT_RECORD, encoded)
    return len(batch) - len(encoded)


def _record(reading: Connection, request_id: str) -> LogRecord | None:
    found = reading.execute(
        "SELECT record FROM records WHERE request_id = ? ORDER BY seq DESC LIMIT 1", (request_id,)
    ).fetchone()
    return None if found is None else rows.read_record(found[0])


def _records(reading: Connection, where: Filter, limit: int, after: str | None) -> Page:
    clauses, bindings, last = within_reach(reading, where, after)
    found = page(reading, "at, seq, record", "records", "at", clauses, bindings, limit, after)
    items: list[LogRecord] = [rows.read_record(row[2]) for row in found[:limit]]
    return Page(items, cursor(*found[limit - 1][:2]) if len(found) > limit else last)


def within_reach(reading: Connection, where: Filter, after: str | None) -> tuple[list[str], list[Any], str | None]:
    """The clauses and bindings of a page of records that looks at `LOOKED_AT_MOST` of them, and where the one behind it begins;
    `None` where it looks at all there are. Raises ValueError for a cursor that is none."""
    clauses, bindings = conditions("records", where)
    # A few fields have an index, or are of few requests, which are then found from there.
    remarked = SCORE in where.least or SCORE in where.most
    if not where.equals or remarked or any(where.equals.get(name) for name in _INDEXED):
        return clauses, bindings, None
    spans, instants = conditions("records", structs.replace(where, equals={}, least={}, most={}))
    # Of an index alone, so that it takes a millisecond.
    behind = page(reading, "at, seq", "records", "at", spans, instants, 1, after, LOOKED_AT_MOST - 1)
    if len(behind) < 2:
        return clauses, bindings, None
    last = behind[0]
    return [*clauses, "(at, seq) >= (?, ?)"], [*bindings, *last], cursor(*last)


def _searched(reading: Connection, where: Filter, limit: int, after: str | None) -> Page:
    """A page of what columns do not tell: whole records are read, a bounded number of them."""
    by_columns = structs.replace(where, equals=shallow(where))
    items: list[LogRecord] = []
    clauses, bindings, last = within_reach(reading, by_columns, after)
    for _ in range(SEARCHED_AT_MOST // _SEARCHED_AT_ONCE):
        found = page(reading, "at, seq, record", "records", "at", clauses, bindings, _SEARCHED_AT_ONCE, after)
        for row in found[:_SEARCHED_AT_ONCE]:
            record = rows.read_record(row[2])
            after = cursor(*row[:2])
            if is_meant(record, where):
                items.append(record)
                if len(items) == limit:
                    return Page(items, after)
        if len(found) <= _SEARCHED_AT_ONCE:
            return Page(items, last)
    return Page(items, after)


def _entries(reading: Connection, where: Filter, limit: int, after: str | None) -> Page:
    clauses, bindings = conditions("entries", where)
    found = page(reading, statements.ENTRY_COLUMNS, "entries", "occurred_at", clauses, bindings, limit, after)
    read = [rows.to_entry(row) for row in found[:limit]]
    items: list[LedgerEntry] = [entry for _, entry in read]
    return Page(items, cursor(items[-1].occurred_at, read[-1][0]) if len(found) > limit else None)


def page(
    reading: Connection,
    columns: str,
    table: str,
    instant: str,
    clauses: list[str],
    bindings: list[Any],
    limit: int,
    after: str | None,
    skipped: int = 0,
) -> list[Any]:
    """A page and one row more, newest first, behind the cursor `after` and as many rows behind that."""
    if limit < 1:
        raise ValueError(f"a page of {limit} rows cannot be asked for")
    if after is not None:
        clauses = [*clauses, f"({instant}, seq) < (?, ?)"]
        bindings = [*bindings, *read_cursor(after)]
    statement = f"SELECT {columns} FROM {table} WHERE {' AND '.join(clauses)} ORDER BY {instant} DESC, seq DESC LIMIT ? OFFSET ?"
    return reading.execute(statement, (*bindings, limit + 1, skipped)).fetchall()


# A re-rate gives what had no price its cost in a correction; the look-up is of a unique index, and for few rows.
STILL_UNPRICED = (
    "kind = 'unpriced' AND NOT EXISTS (SELECT 1 FROM entries AS later "
    "WHERE later.id = entries.request_id || '.' || entries.attempt || '.correction')"
)

# The charge is msgpack: its key "basis" and the value "counted", each behind a byte that no text has in it.
_COUNTED = f"instr(charge, X'{(bytes([0xA5]) + b'basis' + bytes([0xA7]) + b'counted').hex()}') > 0"
# A late settlement of what was presumed is a correction, and may tell the usage. What is free by definition has none.
_UNTOLD = (
    "usage IS NULL AND (kind IN ('presumed', 'unpriced') OR (kind = 'charge' AND amount_nanodollars <> 0)) "
    "AND NOT EXISTS (SELECT 1 FROM entries AS later "
    "WHERE later.id = entries.request_id || '.' || entries.attempt || '.correction' AND later.usage IS NOT NULL)"
)


def _spend(reading: Connection, where: Filter, group_by: Sequence[str]) -> Sequence[SpendRow]:
    clauses, bindings = conditions("entries", where)
    clauses += [f"kind <> '{kind}'" for kind in sorted(NOT_SPEND)]
    columns, joins, group_bindings = grouping(group_by)
    width = len(columns)
    groups = ", ".join(str(place) for place in range(1, width + 1))
    ordered = ", ".join(f"{place} NULLS FIRST" for place in range(1, width + 1))
    statement = (
        f"SELECT {''.join(f'{column}, ' for column in columns)}"
        f"{halves('amount_nanodollars')}, count(*), "
        f"count(*) FILTER (WHERE {STILL_UNPRICED}), "
        "sum(input_tokens), sum(output_tokens), "
        f"coalesce(sum(CASE WHEN {_COUNTED} THEN input_tokens END), 0), "
        f"coalesce(sum(CASE WHEN {_COUNTED} THEN output_tokens END), 0), "
        f"count(*) FILTER (WHERE {_UNTOLD}) "
        f"FROM entries{joins} WHERE {' AND '.join(clauses)} "
        + (f"GROUP BY {groups} ORDER BY {order('amount_nanodollars')}, {ordered}" if width else "")
    )
    found = reading.execute(statement, (*group_bindings, *bindings)).fetchall()
    return [
        SpendRow(
            group=tuple(row[:width]),
            spent=whole(row[width], row[width + 1]),
            entries=row[width + 2],
            unpriced=row[width + 3],
            input_tokens=row[width + 4],
            output_tokens=row[width + 5],
            counted_input_tokens=row[width + 6],
            counted_output_tokens=row[width + 7],
            untold=row[width + 8],
        )
        for row in found
        if width or row[width + 2]
    ]
