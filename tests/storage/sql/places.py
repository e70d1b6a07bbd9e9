"""Where the store of a test is, so that it can be opened there again; and a mark for what is true of a file alone."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from tollway.ledger.entry import LedgerEntry
from tollway.storage.at_rest import at_rest
from tollway.storage.conformance.values import NOW
from tollway.storage.postgres.database import PostgresDatabase
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.batch import Batch
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.bodies import SqliteBodies
from tollway.storage.sqlite.database import SqliteDatabase

T = TypeVar("T")

in_a_file = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""For a test that looks into the file, or that is about how it is written: on the loop itself."""


def same_place(store: SqlStore) -> SqlStore:
    """Another store where this one is, not open yet."""
    bodies, database = store.bodies, store._database
    assert isinstance(bodies, SqliteBodies)
    folder = bodies._file.path.parent
    return PostgresStore(database._url, folder) if isinstance(database, PostgresDatabase) else SqliteStore(folder)


def place_of(store: SqlStore) -> Path | str:
    """What `at_rest` takes."""
    database = store._database
    return database._url if isinstance(database, PostgresDatabase) else database.folder  # type: ignore[attr-defined]


async def while_closed(store: SqlStore, work: Callable[[Connection], T]) -> T:
    """What `work` returns of the database of a store that is closed, in a transaction."""

    def run() -> T:
        with at_rest(place_of(store)) as resting, resting.writing() as writing, writing:
            return work(writing)

    return await asyncio.to_thread(run)


def dropping_triggers(store: SqlStore, table: Literal["audit", "freezes", "frozen"]) -> list[str]:
    """What takes away the guard of a table."""
    if isinstance(store._database, PostgresDatabase):
        return [f"DROP TRIGGER {table}_no_change ON {table}"]
    return [f"DROP TRIGGER {table}_no_{change}" for change in ("update", "delete")]


async def reopened(store: SqlStore, now: int = NOW) -> SqlStore:
    """What the next process finds where this store was."""
    await store.close()
    again = same_place(store)
    await again.open(now)
    return again


async def killed(store: SqlStore, folder: Path, now: int = NOW) -> tuple[SqlStore, Sequence[LedgerEntry]]:
    """The store as another process finds it that starts after this one has died without a word, and what it presumes. A file is
    copied to `folder`, and this one lives on; of a database, this one's connections are gone."""
    database = store._database
    again: SqlStore
    if isinstance(database, PostgresDatabase):
        again = same_place(store)
        writer = database.writer
        while (running := writer._running) is not None:
            await asyncio.wait([running])
        writer._stop_timers()
        writer._batch, writer._jobs, writer.broken = Batch(), [], None
        await database.close()
    else:
        assert isinstance(database, SqliteDatabase)
        shutil.copytree(database.folder, folder)
        again = SqliteStore(folder)
    return again, await again.open(now)
