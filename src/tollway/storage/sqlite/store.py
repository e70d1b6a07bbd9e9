"""The store in one data folder."""

from pathlib import Path

from tollway.storage.home import Home
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite.bodies import SqliteBodies
from tollway.storage.sqlite.connection import Sync
from tollway.storage.sqlite.database import SqliteDatabase


class SqliteStore(SqlStore):
    """`protocol.Store` in `folder`, which is made if need be. Nothing is touched before `open`."""

    def __init__(self, folder: Path, *, sync: Sync = "normal") -> None:
        """`sync`: "normal" survives the death of the process at any instant, "full" the loss of power too."""
        home = Home(folder)
        database = SqliteDatabase(folder, sync, home.check)
        super().__init__(database, lambda pressed: SqliteBodies(folder, pressed=pressed), home)
