"""Settings in SQLite, every revision kept."""

from collections.abc import Sequence

from tollway.storage.protocol import Revision
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

_NEWEST = "SELECT number, at, saved_by, document FROM settings ORDER BY number DESC LIMIT ?"
_INSERT = "INSERT INTO settings (number, at, saved_by, document) VALUES (?, ?, ?, ?)"


class SqlConfig:
    """`protocol.Config` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, document: str, *, by: str, at: int) -> Revision:
        """Raises StoreUnavailable, at once while nothing can be written."""

        def work(writing: Connection) -> Revision:
            newest = _history(writing, 1)
            if newest and newest[0].document == document:
                return newest[0]
            revision = Revision(number=newest[0].number + 1 if newest else 1, at=at, by=by, document=document)
            writing.execute(_INSERT, (revision.number, at, by, document))
            return revision

        return await self._database.change(work)

    async def latest(self) -> Revision | None:
        newest = await self.history(limit=1)
        return newest[0] if newest else None

    async def history(self, *, limit: int) -> Sequence[Revision]:
        return await self._database.query(lambda reading: _history(reading, limit))


def _history(connection: Connection, limit: int) -> list[Revision]:
    return [
        Revision(number=number, at=at, by=by, document=document)
        for number, at, by, document in connection.execute(_NEWEST, (limit,))
    ]
