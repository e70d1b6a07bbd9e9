"""An empty database, made once, as bringing a new one to the schema takes a second; an open store on a copy of it; and a way to
make its disk fail."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tollway.storage import migrations
from tollway.storage.conformance.values import NOW
from tollway.storage.postgres.driver import Connection, asyncpg
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

FULL = "database or disk is full"


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / FILE
    migrations.upgrade(path)
    return path


@pytest.fixture
async def store(blank: Path, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    shutil.copy(blank, tmp_path)
    made = SqliteStore(tmp_path)
    await made.open(NOW - 1_000)
    yield made
    await made.close()


class Failing:
    """A writing connection whose COMMIT fails while `failing`; everything else is the real one's."""

    def __init__(self, store: SqlStore) -> None:
        writer = store._database.writer
        self._real: Any = writer._connection
        self._full: Exception = (asyncpg.DiskFullError if isinstance(self._real, Connection) else apsw.FullError)(FULL)
        self.failing = False
        self.commits = 0
        writer._connection = self  # type: ignore[assignment]

    def execute(self, statements: str, *bindings: Any) -> Any:
        self._count(statements)
        return self._real.execute(statements, *bindings)

    def script(self, statements: str) -> None:
        self._count(statements)
        self._real.script(statements)

    def _count(self, statements: str) -> None:
        if statements == "COMMIT":
            if self.failing:
                raise self._full
            self.commits += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def fail() -> Callable[[SqlStore], Failing]:
    """Puts a connection that can fail in the place of an open store's."""
    return Failing
