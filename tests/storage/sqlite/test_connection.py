"""Opening the file: one process a folder, one connection that writes, readers that do not."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.connection import FILE, LOCK, FolderLock, Sync


@pytest.fixture
def path(blank: Path, tmp_path: Path) -> Path:
    shutil.copy(blank, tmp_path)
    return tmp_path / FILE


@pytest.fixture
def writing(path: Path) -> Iterator[Connection]:
    made = connection.writer(path, "normal")
    yield made
    made.close()


def test_a_folder_is_made_for_its_owner_alone_and_says_who_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    lock = FolderLock(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / LOCK).stat().st_mode) == 0o600
    assert (folder / LOCK).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_folder_is_locked_once_and_free_again_when_it_is_let_go(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=rf"in use by another Tollway \(process {os.getpid()}\)"):
            FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_a_longer_number_of_the_process_before_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("123456789012345\n")
    lock = FolderLock(tmp_path)
    assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_folder_that_cannot_be_written_is_an_unavailable_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, written: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(connection.os, "write", full)
        with pytest.raises(StoreUnavailable, match=r"cannot be written: .*No space left"):
            FolderLock(tmp_path)
    FolderLock(tmp_path).release()


def test_a_folder_that_cannot_be_made_is_an_unavailable_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        FolderLock(tmp_path / "file" / "folder")


@pytest.mark.parametrize(("sync", "level"), [("normal", 1), ("full", 2)])
def test_the_writer_keeps_a_log_and_syncs_as_it_is_told(path: Path, sync: Sync, level: int) -> None:
    made = connection.writer(path, sync)
    assert made.execute("PRAGMA journal_mode").get == "wal"
    assert made.execute("PRAGMA synchronous").get == level
    assert made.execute("PRAGMA wal_autocheckpoint").get == 0
    assert made.execute("PRAGMA recursive_triggers").get == 1
    made.close()


def test_a_reader_sees_what_is_committed_and_writes_nothing(path: Path, writing: Connection) -> None:
    reading = connection.reader(path)
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("INSERT INTO marks VALUES ('probe', 1)")
    assert reading.execute("SELECT count(*) FROM marks").get == 0
    writing.execute("COMMIT")
    assert reading.execute("SELECT count(*) FROM marks").get == 1
    with pytest.raises(apsw.ReadOnlyError):
        reading.execute("DELETE FROM marks")
    reading.close()


def test_a_reader_that_closes_leaves_the_log_alone(path: Path, writing: Connection) -> None:
    writing.execute("INSERT INTO marks VALUES ('probe', 1)")
    log = Path(f"{path}-wal")
    before = log.stat().st_size
    assert before > 0
    reading = connection.reader(path)
    reading.execute("SELECT count(*) FROM marks").fetchall()
    reading.close()
    assert log.stat().st_size == before


def test_a_file_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(apsw.CantOpenError):
        connection.reader(tmp_path / FILE)
    assert list(tmp_path.iterdir()) == []
