"""What is generic is tested in a file and in PostgreSQL: a test that names `store` runs on both."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.storage.conformance.values import NOW
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, blank: Path, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Open, and empty. `places.in_a_file` keeps a test to the file."""
    made: SqlStore
    if request.param == "postgres":
        made = PostgresStore(request.getfixturevalue("postgres_url"), tmp_path)
    else:
        shutil.copy(blank, tmp_path)
        made = SqliteStore(tmp_path)
    await made.open(NOW - 1_000)
    yield made
    await made.close()
