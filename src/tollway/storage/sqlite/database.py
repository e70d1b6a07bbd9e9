"""One database file, opened by one process: its lock, its writer, its readers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.driver import Connection
from tollway.storage.sqlite.writer import Companion, Writer

T = TypeVar("T")


class Database:
    """What the ledger, the log and the settings of one store share."""

    def __init__(self, folder: Path, sync: connection.Sync) -> None:
        self.folder = folder
        self.path = folder / connection.FILE
        self._sync: connection.Sync = sync
        self._lock: connection.FolderLock | None = None
        self._writer: Writer | None = None

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    @property
    def writer(self) -> Writer:
        """Raises StoreUnavailable while the store is not open."""
        if self._writer is None:
            raise StoreUnavailable(f'The store in "{self.folder}" is not open.')
        return self._writer

    async def open(self, load: Callable[[Connection], T], companion: Callable[[], Companion]) -> T:
        """Locks the folder, brings the schema up to date, runs `load`, and starts writing.

        `load` has the writing connection to itself, in a thread. Raises StoreUnavailable.
        """
        writing, loaded = await asyncio.to_thread(self._open, load)
        self._writer = Writer(writing, companion(), Path(f"{self.path}-wal"), threaded=self._sync == "full")
        return loaded

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a transaction of its own and returns once that is durable. Raises StoreUnavailable, at once while
        nothing can be written."""
        writer = self.writer
        if writer.broken is not None:
            raise StoreUnavailable(str(writer.broken))
        return await writer.run(work)

    async def query(self, read: Callable[[Connection], T]) -> T:
        """Runs `read` on a reader of its own, in a thread. Raises StoreUnavailable."""
        return await asyncio.to_thread(self._read, read)

    async def close(self) -> None:
        """Flushes and lets go of the file and the folder, even where flushing raises StoreUnavailable."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                await writer.close()
        finally:
            self._unlock()

    def _open(self, load: Callable[[Connection], T]) -> tuple[Connection, T]:
        self._lock = connection.FolderLock(self.folder)
        writing: Connection | None = None
        try:
            migrations.upgrade(self.path)
            writing = connection.writer(self.path, self._sync)
            return writing, load(writing)
        except BaseException as error:
            if writing is not None:
                writing.close()
            self._unlock()
            if isinstance(error, apsw.Error):
                raise StoreUnavailable(f'The store "{self.path}" cannot be opened: {error}.') from error
            raise

    def _read(self, read: Callable[[Connection], T]) -> T:
        try:
            reading = connection.reader(self.path)
            try:
                return read(reading)
            finally:
                reading.close()
        except apsw.Error as error:
            raise StoreUnavailable(f'The store "{self.path}" cannot be read: {error}.') from error

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
