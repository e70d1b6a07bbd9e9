"""The file of a gateway that is stopped: read and repaired while none can open it."""

import shutil
from pathlib import Path

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.at_rest import at_rest
from tollway.storage.sqlite.connection import FILE, LOCK, FolderLock
from tollway.storage.sqlite.driver import connect

MARKS = "SELECT count(*) FROM marks"


@pytest.fixture
def folder(blank: Path, tmp_path: Path) -> Path:
    shutil.copy(blank, tmp_path)
    return tmp_path


def test_what_is_written_is_in_the_file_itself_and_not_in_a_log_beside_it(folder: Path) -> None:
    with at_rest(folder) as store:
        with store.writing() as writing:
            writing.execute("INSERT INTO marks VALUES ('x', 1)")
        assert (folder / f"{FILE}-wal").exists() is False
        with store.reading() as reading:
            assert reading.execute(MARKS).get == 1


def test_what_reads_cannot_write_and_changes_no_byte(folder: Path) -> None:
    before = (folder / FILE).read_bytes()
    with at_rest(folder) as store, store.reading() as reading:
        assert reading.execute(MARKS).get == 0
        with pytest.raises(apsw.ReadOnlyError):
            reading.execute("INSERT INTO marks VALUES ('x', 1)")
    assert (folder / FILE).read_bytes() == before


def test_an_older_schema_is_brought_up_to_date_before_it_is_written_and_not_before_it_is_read(folder: Path) -> None:
    database = connect(folder / FILE)
    (head,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    database.execute("DELETE FROM alembic_version")
    for kind, name in database.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        database.execute(f'DROP {kind} IF EXISTS "{name}"')
    database.close()
    with at_rest(folder) as store:
        with store.reading() as reading, pytest.raises(apsw.SQLError, match="no such table"):
            reading.execute(MARKS)
        with store.writing() as writing:
            assert writing.execute(MARKS).get == 0
            assert writing.execute("SELECT version_num FROM alembic_version").get == head


async def test_no_gateway_can_open_it_meanwhile_and_one_can_afterwards(folder: Path) -> None:
    store = SqliteStore(folder)
    with at_rest(folder), pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await store.open(NOW)
    await store.open(NOW)
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"), at_rest(folder):
        pass
    await store.close()


def test_a_folder_without_a_store_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match=f'There is no store in "{tmp_path}": it has no {FILE}'),
        at_rest(tmp_path),
    ):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_file_that_is_no_database_is_told_and_its_folder_let_go_of(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1_000)
    for _ in range(2):
        with (
            pytest.raises(StoreUnavailable, match=f'"{tmp_path / FILE}" cannot be read: '),
            at_rest(tmp_path) as store,
            store.reading() as reading,
        ):
            reading.execute(MARKS)
    FolderLock(tmp_path).release()


def test_a_mistake_of_who_looks_at_it_stays_theirs_and_the_connection_is_closed(folder: Path) -> None:
    with pytest.raises(ValueError, match="mine"), at_rest(folder) as store, store.writing() as writing:
        raise ValueError("mine")
    with pytest.raises(apsw.ConnectionClosedError):
        writing.execute(MARKS)
    FolderLock(folder).release()
