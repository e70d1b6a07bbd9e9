"""The cabinet in SQLite: one row a thing."""

from collections.abc import Sequence

from tollway.storage.protocol import Kept
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

SWEPT_AT_ONCE = 1_000

_PUT = """
INSERT INTO cabinet (drawer, id, record, at, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (drawer, id) DO UPDATE SET record = excluded.record, at = excluded.at, expires_at = excluded.expires_at
"""
_HELD = (
    "SELECT drawer, id, record, at, expires_at FROM cabinet WHERE drawer = ? AND (expires_at IS NULL OR expires_at > ?)"
)
_ONE = f"{_HELD} AND id = ?"
_ALL = f"{_HELD} ORDER BY id"
_DELETE = "DELETE FROM cabinet WHERE drawer = ? AND id = ?"
_EXPIRED = "SELECT drawer, id FROM cabinet WHERE expires_at <= ? LIMIT ?"


class SqlCabinet:
    """`protocol.Cabinet` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, *kept: Kept) -> None:
        rows = [_row(each) for each in kept]

        def work(writing: Connection) -> None:
            writing.executemany(_PUT, rows)

        await self._database.change(work)

    async def swap(self, kept: Kept, before: bytes | None) -> bool:
        def work(writing: Connection) -> bool:
            found = writing.execute(_ONE, (kept.drawer, kept.at, kept.id)).fetchone()
            if (None if found is None else found[2]) != before:
                return False
            writing.execute(_PUT, _row(kept))
            return True

        return await self._database.change(work)

    async def get(self, drawer: str, name: str, now: int) -> Kept | None:
        found = await self._database.query(lambda reading: reading.execute(_ONE, (drawer, now, name)).fetchone())
        return None if found is None else _kept(found)

    async def take(self, drawer: str, name: str, now: int) -> Kept | None:
        def work(writing: Connection) -> Kept | None:
            found = writing.execute(_ONE, (drawer, now, name)).fetchone()
            writing.execute(_DELETE, (drawer, name))
            return None if found is None else _kept(found)

        return await self._database.change(work)

    async def all(self, drawer: str, now: int) -> Sequence[Kept]:
        found = await self._database.query(lambda reading: reading.execute(_ALL, (drawer, now)).fetchall())
        return [_kept(row) for row in found]

    async def sweep(self, now: int) -> int:
        def work(writing: Connection) -> int:
            expired = writing.execute(_EXPIRED, (now, SWEPT_AT_ONCE)).fetchall()
            writing.executemany(_DELETE, expired)
            return len(expired)

        return await self._database.change(work)


def _row(kept: Kept) -> tuple[str, str, bytes, int, int | None]:
    return kept.drawer, kept.id, kept.record, kept.at, kept.expires_at


def _kept(row: tuple[str, str, bytes, int, int | None]) -> Kept:
    drawer, identity, record, at, expires_at = row
    return Kept(drawer=drawer, id=identity, record=record, at=at, expires_at=expires_at)
