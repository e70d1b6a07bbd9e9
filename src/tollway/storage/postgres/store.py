"""The store in a PostgreSQL database."""

from pathlib import Path

from tollway.storage.home import Home
from tollway.storage.postgres.database import PostgresDatabase
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite.bodies import SqliteBodies


class PostgresStore(SqlStore):
    """`protocol.Store` in the database at `url`; bodies are kept in `folder`. Nothing is touched before `open`."""

    def __init__(self, url: str, folder: Path) -> None:
        home = Home(folder, url)
        super().__init__(PostgresDatabase(url, home.check), lambda pressed: SqliteBodies(folder, pressed=pressed), home)
