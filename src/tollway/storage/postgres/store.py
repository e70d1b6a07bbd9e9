"""The store in a PostgreSQL database."""

from pathlib import Path

from tollway.storage.postgres.database import PostgresDatabase
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite.bodies import SqliteBodies


class PostgresStore(SqlStore):
    """`protocol.Store` in the database at `url`; bodies are kept in `folder`. Nothing is touched before `open`."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(PostgresDatabase(url), lambda pressed: SqliteBodies(folder, pressed=pressed))
