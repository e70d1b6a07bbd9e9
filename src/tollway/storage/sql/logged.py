"""`storage.logged.Logged` in a database."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import structs

from tollway.logs.record import LogRecord
from tollway.logs.remark import Patch, Remark, patched
from tollway.storage.deep import DEEP_FIELDS, is_deep, is_meant, shallow
from tollway.storage.fields import RECORD_FIELDS, check_fields, cursor
from tollway.storage.logged import Picked, Tail
from tollway.storage.protocol import Filter
from tollway.storage.sql import records, rollups, rows, stopped
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.filters import conditions

LOOKED_AT: Final = 10_000
"""Records that are looked at for one answer of a tail."""
_FORGOTTEN_AT_ONCE: Final = 100

_READ_REMARK = (
    'SELECT request_id, recorded_at, at, "by", feedback, score_millionths, metadata FROM remarks WHERE request_id = ?'
)
_PUT_REMARK = (
    'INSERT INTO remarks (request_id, recorded_at, at, "by", feedback, score_millionths, metadata) '
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO UPDATE SET recorded_at = excluded.recorded_at, at = excluded.at, "
    '"by" = excluded."by", feedback = excluded.feedback, score_millionths = excluded.score_millionths, metadata = excluded.metadata'
)
_DROP_REMARK = "DELETE FROM remarks WHERE request_id = ?"


class SqlLogged:
    """`logged.Logged` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remark(
        self, patch: Patch, *, request_id: str, recorded_at: int, at: int, by: str
    ) -> tuple[Remark | None, Remark]:
        work = partial(_remark, patch=patch, request_id=request_id, recorded_at=recorded_at, at=at, by=by)
        return await self._database.change(work)

    async def remarks(self, request_ids: Collection[str]) -> Mapping[str, Remark]:
        return await self._database.query(partial(_remarks, request_ids=request_ids)) if request_ids else {}

    async def tail(self, where: Filter, *, after: str, limit: int, only: str | None = None) -> Tail | None:
        check_fields(where.equals, RECORD_FIELDS | DEEP_FIELDS)
        return await self._database.query(
            partial(_tail, where=where, after=after, limit=limit, only=only, deep=is_deep(where))
        )

    async def pick(self, where: Filter, *, limit: int, cursor: str | None) -> Picked:
        check_fields(where.equals, RECORD_FIELDS | DEEP_FIELDS)
        return await self._database.query(partial(_pick, where=where, limit=limit, after=cursor, deep=is_deep(where)))

    async def erase(self, rows: Sequence[tuple[int, str]]) -> int:
        return await self._database.change(partial(_erase, picked=rows)) if rows else 0

    async def oldest(self) -> int | None:
        return await self._database.query(lambda reading: reading.execute("SELECT min(at) FROM records").get)

    async def forget(self, before: int) -> int:
        return await self._database.change(partial(_forget, before=before))


def _remark(
    writing: Connection, patch: Patch, request_id: str, recorded_at: int, at: int, by: str
) -> tuple[Remark | None, Remark]:
    before = _remarks(writing, (request_id,)).get(request_id)
    after = patched(before, patch, request_id=request_id, recorded_at=recorded_at, at=at, by=by)
    if after.empty:
        writing.execute(_DROP_REMARK, (request_id,))
    else:
        metadata = msgspec.json.encode(after.metadata).decode()
        writing.execute(
            _PUT_REMARK, (request_id, recorded_at, at, by, after.feedback, after.score_millionths, metadata)
        )
    return before, after


def _remarks(reading: Connection, request_ids: Collection[str]) -> dict[str, Remark]:
    found: dict[str, Remark] = {}
    for request_id in request_ids:
        row = reading.execute(_READ_REMARK, (request_id,)).fetchone()
        if row is not None:
            found[request_id] = Remark(
                request_id=row[0],
                recorded_at=row[1],
                at=row[2],
                by=row[3],
                feedback=row[4],
                score_millionths=row[5],
                metadata=msgspec.json.decode(row[6], type=dict[str, str]),
            )
    return found


def _tail(reading: Connection, where: Filter, after: str, limit: int, only: str | None, *, deep: bool) -> Tail | None:
    begun: int | None = reading.execute(
        'SELECT seq FROM records WHERE request_id = ?1 AND (CAST(?2 AS TEXT) IS NULL OR "user" = ?2) ORDER BY seq DESC LIMIT 1',
        (after, only),
    ).get
    if begun is None:
        return None
    if only is not None:
        # From one of their own to the next: however many of others lie between, none of those can be where to go on.
        own: int | None = reading.execute(
            'SELECT seq FROM records WHERE seq > ? AND "user" = ? ORDER BY seq LIMIT 1', (begun, only)
        ).get
        if own is None:
            return Tail([], None)
        begun = own - 1
    clauses, bindings = conditions("records", structs.replace(where, equals=shallow(where)))
    # Bounded by how many rows are looked at, not by how many are found.
    last: int | None = reading.execute(
        "SELECT max(seq) FROM (SELECT seq FROM records WHERE seq > ? ORDER BY seq LIMIT ?) AS few", (begun, LOOKED_AT)
    ).get
    if last is None:
        return Tail([], None)
    items: list[LogRecord] = []
    statement = f"SELECT seq, request_id, record FROM records WHERE seq > ? AND seq <= ? AND {' AND '.join(clauses)} ORDER BY seq"
    for _, request_id, encoded in reading.execute(statement, (begun, last, *bindings)):
        record = rows.read_record(encoded)
        if not deep or is_meant(record, where):
            items.append(record)
            if len(items) == limit:
                return Tail(items, request_id)
    newest = """
        SELECT request_id FROM records WHERE seq > ?1 AND seq <= ?2 AND (CAST(?3 AS TEXT) IS NULL OR "user" = ?3) ORDER BY seq DESC LIMIT 1
    """
    return Tail(items, reading.execute(newest, (begun, last, only)).get)


def _pick(reading: Connection, where: Filter, limit: int, after: str | None, *, deep: bool) -> Picked:
    by_columns = structs.replace(where, equals=shallow(where))
    clauses, bindings, last = records.within_reach(reading, by_columns, after)
    looked_at = LOOKED_AT if deep else limit
    columns = "at, seq, request_id, record" if deep else "at, seq, request_id"
    found = records.page(reading, columns, "records", "at", clauses, bindings, looked_at, after)
    picked: list[tuple[int, str]] = []
    for row in found[:looked_at]:
        if not deep or is_meant(rows.read_record(row[3]), where):
            picked.append((row[1], row[2]))
            if len(picked) == limit:
                return Picked(picked, cursor(row[0], row[1]) if row is not found[-1] else last)
    more = len(found) > looked_at
    return Picked(picked, cursor(*found[looked_at - 1][:2]) if more else last)


def _erase(writing: Connection, picked: Sequence[tuple[int, str]]) -> int:
    newest: int = writing.execute("SELECT coalesce(max(seq), 0) FROM records").get
    through = min(rollups.mark(writing, "traffic"), newest - 1)
    gone: list[tuple[Any, ...]] = [(seq, request_id) for seq, request_id in picked if seq <= through]
    for record in gone:
        stopped.drop(writing, "SELECT at, seq FROM records WHERE seq = ? AND request_id = ?", record)
    before = writing.total_changes()
    writing.executemany("DELETE FROM records WHERE seq = ? AND request_id = ?", gone)
    deleted = writing.total_changes() - before
    writing.executemany(_DROP_REMARK, [(request_id,) for _, request_id in gone])
    return deleted


def _forget(writing: Connection, before: int) -> int:
    changes = writing.total_changes()
    writing.execute(
        "DELETE FROM remarks WHERE request_id IN (SELECT request_id FROM remarks WHERE recorded_at < ? LIMIT ?)",
        (before, _FORGOTTEN_AT_ONCE),
    )
    return writing.total_changes() - changes
