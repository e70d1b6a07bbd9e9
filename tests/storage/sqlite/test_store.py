"""The file itself: what it refuses, and who may have it."""

import os
import shutil
from pathlib import Path

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.conformance.values import NOW, entry, held, hold, reservation, written
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE


def raw(store: SqliteStore) -> apsw.Connection:
    """Somebody else's connection."""
    return apsw.Connection(os.fspath(store._database.path))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount_nanodollars = 0",
        "DELETE FROM entries",
        "INSERT INTO entries SELECT * FROM entries",
        "INSERT INTO entries (seq, id, reservation_id, request_id, attempt, kind, amount_nanodollars, provider, model, "
        "gateway, groups, metadata, legs, charge, occurred_at, recorded_at) "
        "SELECT 9, 'x', 'x', 'x', 1, 'charge', NULL, '', '', '', '', '', '', x'', 0, 0",
        "INSERT INTO entries (seq, id, reservation_id, request_id, attempt, kind, amount_nanodollars, provider, model, "
        "gateway, groups, metadata, legs, charge, occurred_at, recorded_at) "
        "SELECT 9, 'x', 'x', 'x', 1, 'charge', 1.5, '', '', '', '', '', '', x'', 0, 0",
        "INSERT INTO entries (seq, id, reservation_id, request_id, attempt, kind, amount_nanodollars, provider, model, "
        "gateway, groups, metadata, legs, charge, occurred_at, recorded_at) "
        "SELECT 9, 'x', 'x', 'x', 1, 'refund', 1, '', '', '', '', '', '', x'', 0, 0",
    ],
)
async def test_the_ledger_cannot_be_changed_and_takes_whole_amounts_only(store: SqliteStore, statement: str) -> None:
    store.ledger.settle(entry(await held(store, "r", hold()), 5))
    (before,) = await written(store)
    other = raw(store)
    with pytest.raises(apsw.ConstraintError):
        other.execute(statement)
    other.close()
    assert await written(store) == [before]


async def test_replacing_an_entry_is_refused_on_our_own_connection(store: SqliteStore) -> None:
    store.ledger.settle(entry(await held(store, "r", hold()), 5))
    await store.ledger.flush()
    with pytest.raises(StoreUnavailable, match="never changed or deleted"):
        await store._database.writer.run(
            lambda own: own.execute("INSERT OR REPLACE INTO entries SELECT * FROM entries")
        )


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    await held(store, "r", hold())
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}  # noqa: ASYNC240
    assert modes == {"lock": 0o600, FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    await store.close()


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nothing")
    with pytest.raises(StoreUnavailable, match="is not open"):
        await store.ledger.reserve(reservation("r", hold()), NOW)
    await store.close()
    assert not (tmp_path / "nothing").exists()


async def test_a_file_that_is_no_database_is_refused_and_the_folder_let_go(blank: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1_000)
    store = SqliteStore(tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await store.open(NOW)
    shutil.copy(blank, tmp_path / FILE)
    await store.open(NOW)
    with pytest.raises(StoreUnavailable, match="in use by another"):
        await SqliteStore(tmp_path).open(NOW)
    await store.close()


async def test_a_file_of_a_newer_version_is_refused(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    newer = apsw.Connection(os.fspath(tmp_path / FILE))
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(StoreUnavailable, match="written by a newer version"):
        await SqliteStore(tmp_path).open(NOW)


async def test_a_new_folder_is_made_and_brought_to_the_schema(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a" / "b")
    await store.open(NOW)
    assert migrations.revision(store._database.path) == migrations.HEAD
    await held(store, "r", hold())
    await store.close()
