"""Every store passes every check."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.storage.conformance import CHECKS
from tollway.storage.conformance.values import NOW, Check
from tollway.storage.memory import MemoryStore
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.protocol import Store
from tollway.storage.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite", "sqlite, full sync", "postgres"])
async def store(request: pytest.FixtureRequest, blank: Path, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "postgres":
        made = PostgresStore(request.getfixturevalue("postgres_url"), tmp_path)
    else:
        made = SqliteStore(tmp_path, sync="full" if "full" in request.param else "normal")
        shutil.copy(blank, tmp_path)
    assert not await made.open(NOW - 1_000)
    yield made
    await made.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_every_store_passes(check: Check, store: Store) -> None:
    await check(store)
