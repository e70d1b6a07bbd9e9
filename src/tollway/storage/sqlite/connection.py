"""Opening the database file: one connection that writes and checkpoints, and readers that do neither.

SQLite before 3.51.3 can corrupt a write-ahead log that two connections write or checkpoint, so there is one, and a
lock on the folder keeps every other process away.
"""

import os
import sys
from pathlib import Path
from typing import Literal

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import home
from tollway.storage.sqlite.driver import Connection, connect

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FILE = home.FILE
LOCK = "lock"

Sync = Literal["normal", "full"]
"""normal: survives the end of the process at any instant · full: survives the loss of power too."""

_BUSY_MS = 100
_READER_BUSY_MS = 5_000


class FolderLock:
    """Keeps a data folder to one process; the lock goes with the process, however it ends."""

    __slots__ = ("_file",)

    def __init__(self, folder: Path) -> None:
        """Raises StoreUnavailable when another process has the folder, or it cannot be made."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(f'The data folder "{folder}" cannot be used: {error}.') from error
        try:
            _lock(self._file)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() if sys.platform != "win32" else ""
            os.close(self._file)
            raise StoreUnavailable(
                f'The data folder "{folder}" is in use by another Tollway (process {holder or "unknown"}). '
                "Stop it first, or give this one a folder of its own."
            ) from error
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(self._file)
            raise StoreUnavailable(
                f'The data folder "{folder}" cannot be written: {error}. Make room, or make it writable.'
            ) from error

    def release(self) -> None:
        os.close(self._file)


def check_alone(path: Path) -> None:
    """Raises StoreUnavailable where a file of this name would get what was written last to another: SQLite keeps that beside the file
    until it has its place, which never comes for one whose process was killed."""
    beside = path.with_name(f"{path.name}-wal")
    if beside.exists() and beside.stat().st_size:
        raise StoreUnavailable(
            f'"{beside}" is a part of the store that was "{path.name}": what was written to it last. '
            "Move it to where that file is now, under the same name."
        )


def folded(path: Path) -> None:
    """Has all that was written be in the file, and nothing beside it. Raises apsw.Error."""
    connection = writer(path, "full")
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def writer(path: Path, sync: Sync) -> Connection:
    """The one connection that writes and checkpoints. Raises apsw.Error."""
    connection = connect(path)
    connection.set_busy_timeout(_BUSY_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if sync == 'full' else 'NORMAL'}")
    # Checkpoints run in a thread of their own time, never inside somebody's commit.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    # Without this, INSERT OR REPLACE would delete a ledger entry behind the trigger that forbids it.
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def reader(path: Path) -> Connection:
    """A connection that can only read, and never checkpoints when it closes. Raises apsw.Error."""
    connection = connect(path, read_only=True)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(_READER_BUSY_MS)
    return connection


def _lock(file: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
