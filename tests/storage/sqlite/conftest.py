"""An open store on a copy of the blank database, and a way to make its disk fail."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore


@pytest.fixture
async def store(blank: Path, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    shutil.copy(blank, tmp_path)
    made = SqliteStore(tmp_path)
    await made.open(NOW - 1_000)
    yield made
    await made.close()


class Failing:
    """A writing connection whose COMMIT fails while `failing`; everything else is the real one's."""

    def __init__(self, store: SqliteStore) -> None:
        writer = store._database.writer
        self._real: Any = writer._connection
        self.failing = False
        self.commits = 0
        writer._connection = self  # type: ignore[assignment]

    def execute(self, statements: str, *bindings: Any) -> Any:
        if statements == "COMMIT":
            if self.failing:
                raise apsw.FullError("database or disk is full")
            self.commits += 1
        return self._real.execute(statements, *bindings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def fail() -> Callable[[SqliteStore], Failing]:
    """Puts a connection that can fail in the place of an open store's."""
    return Failing
