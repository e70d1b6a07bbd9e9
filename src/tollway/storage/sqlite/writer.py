"""Writing to SQLite, and what that needs besides: the disk, and checkpoints.

In WAL mode with `synchronous=NORMAL` a commit is a few write() calls into the page cache, so it runs on the loop itself. Behind it
the log is synced every `SYNC_EVERY_S` in a thread: so much a loss of power may take, and never a part of it without what came
after. With `FULL` a commit waits for the disk, and is made in that thread. Checkpoints always run there.
"""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage.sql.writer import Companion, Writer
from tollway.storage.sqlite.driver import Connection

SYNC_EVERY_S = 0.05
"""How long what was committed may wait for the disk, where a commit does not (spec promises 6)."""

CHECKPOINT_PAGES = 1_000
"""Pages of 4 KiB that the write-ahead log grows by before it is folded into the database: writes wait for that, so
little and often (measured: 3 ms for 1,000 pages)."""

OVERDUE = 4
"""So many times `CHECKPOINT_PAGES`, and what waits to be written waits for the checkpoint."""


class SqliteWriter(Writer):
    """The only user of the writing connection, on one event loop."""

    _connection: Connection

    def __init__(self, connection: Connection, companion: Companion, log: Path, *, threaded: bool) -> None:
        """`log` is the file of the write-ahead log."""
        super().__init__(connection, companion, threaded=threaded, name="tollway-sqlite")
        self._log = log
        self._syncing: asyncio.Future[Any] | None = None
        self._next_sync: asyncio.TimerHandle | None = None
        self._pages = 0
        self._checkpointed_pages = 0
        connection.set_wal_hook(self._count_pages)

    async def checkpoint(self) -> None:
        """Folds the whole write-ahead log into the database and empties it, when nothing else is to be done."""
        if not (self._running or self._batch or self._jobs or self.broken or self._pages == 0):
            await self._start_checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _stop_timers(self) -> None:
        super()._stop_timers()
        if self._next_sync is not None:
            self._next_sync.cancel()

    def _committed(self) -> None:
        if not self._threaded:
            self._sync_later()

    def _tidied(self, busy: bool) -> bool:
        if self._threaded and self._checkpoint_due(OVERDUE if busy else 1):
            # Each commit is on the disk already; and a log that is never let rest must not grow without end.
            self._start_checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
            return True
        if not busy and self._checkpoint_due():
            self._sync()
        return False

    def _told(self, error: Exception) -> Exception:
        return self._unavailable(error) if isinstance(error, apsw.Error) else error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, apsw.ConstraintError | apsw.MismatchError | apsw.SQLError):
            return StoreUnavailable(
                f"The store does not take this ({type(error).__name__}: {error}). No disk is in the way: this is a defect. "
                "Please report it."
            )
        return StoreUnavailable(
            f"The ledger cannot be written now ({type(error).__name__}: {error}). "
            "Nothing new is reserved until it can; check that the disk has space and the data folder is writable."
        )

    def _shut(self) -> None:
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error:
            # A reader is still at work, or the disk is full: the log stays, and the next start reads it.
            pass
        finally:
            self._connection.close()

    def _start_checkpoint(self, mode: int) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        self._running = self._loop.run_in_executor(self._executor(), partial(_checkpoint, self._connection, mode))
        self._running.add_done_callback(partial(self._checkpointed, done, mode))
        return done

    def _checkpoint_due(self, times: int = 1) -> bool:
        return self._pages - self._checkpointed_pages >= CHECKPOINT_PAGES * times and not self._closing

    def _sync_later(self) -> None:
        if self._next_sync is None and not self._closing:
            self._next_sync = self._loop.call_later(SYNC_EVERY_S, self._sync)

    def _sync(self) -> None:
        """Has the disk take the log in while writing goes on: a checkpoint behind it keeps nobody waiting then."""
        if self._next_sync is not None:
            self._next_sync.cancel()
            self._next_sync = None
        if self._syncing is not None:
            # What was written since that one began is not in it.
            self._sync_later()
            return
        self._syncing = self._loop.run_in_executor(self._executor(), _sync, self._log)
        self._syncing.add_done_callback(self._synced)

    def _synced(self, synced: asyncio.Future[Any]) -> None:
        self._syncing = None
        if not synced.cancelled() and (error := synced.exception()) is not None and not self._closing:
            assert isinstance(error, Exception)
            self._break(error)
        elif self._running is None and self._checkpoint_due():
            self._start_checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _checkpointed(self, done: asyncio.Future[None], mode: int, _: asyncio.Future[Any]) -> None:
        self._running = None
        # After a complete checkpoint the next commit starts the log anew, and the hook counts from the beginning;
        # after one that a reader held up, the next is due when as many pages have come again.
        self._checkpointed_pages = self._pages
        if mode == apsw.SQLITE_CHECKPOINT_TRUNCATE:
            self._pages = self._checkpointed_pages = 0
        if not done.done():
            done.set_result(None)
        if self._batch or self._jobs:
            self._schedule()

    def _count_pages(self, connection: Connection, name: str, pages: int) -> int:
        if pages < self._pages:
            self._checkpointed_pages = 0
        self._pages = pages
        return apsw.SQLITE_OK


def _sync(path: Path) -> None:
    """Has the disk take in what was written to the log. Raises OSError."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        # Folded in and removed.
        return
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _checkpoint(connection: Connection, mode: int) -> None:
    try:
        connection.wal_checkpoint(mode=mode)
    except apsw.Error:
        # A reader is in the way, or the disk is full. Nothing is lost: the log goes on growing and is tried again later.
        return
