"""One database file, opened by one process: its lock, its writer, its readers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.home import number_of
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.writer import Companion
from tollway.storage.sqlite import connection, driver
from tollway.storage.sqlite.writer import SqliteWriter

T = TypeVar("T")


class SqliteDatabase:
    """`sql.database.Database` in a file."""

    def __init__(
        self, folder: Path, sync: connection.Sync, check: Callable[[int | None], None] = lambda number: None
    ) -> None:
        """`check` is given the number of the books that are there, or none, before anything is changed in them."""
        self.name = f'"{folder}"'
        self.folder = folder
        self.path = folder / connection.FILE
        self._sync: connection.Sync = sync
        self._lock: connection.FolderLock | None = None
        self._writer: SqliteWriter | None = None

        self._reading: Connection | None = None
        self._check = check

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    @property
    def writer(self) -> SqliteWriter:
        """Raises StoreUnavailable while the store is not open."""
        if self._writer is None:
            raise StoreUnavailable(f'The store in "{self.folder}" is not open.')
        return self._writer

    async def open(self, load: Callable[[Connection], T], companion: Callable[[], Companion]) -> T:
        """Locks the folder, brings the schema up to date, runs `load`, and starts writing.

        `load` has the writing connection to itself, in a thread. Raises StoreUnavailable.
        """
        writing, loaded = await asyncio.to_thread(self._open, load)
        self._writer = SqliteWriter(writing, companion(), Path(f"{self.path}-wal"), threaded=self._sync == "full")
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

    def look_up(self, question: Callable[[Connection], T]) -> T:
        """Asks a reading connection that stays open, on the loop. Raises StoreUnavailable."""
        try:
            if self._reading is None:
                self._reading = connection.reader(self.path)
            return question(self._reading)
        except apsw.Error as error:
            raise StoreUnavailable(f'The store "{self.path}" cannot be read: {error}.') from error

    async def close(self) -> None:
        """Flushes and lets go of the file and the folder, even where flushing raises StoreUnavailable."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                await writer.close()
        finally:
            reading, self._reading = self._reading, None
            if reading is not None:
                reading.close()
            self._unlock()

    def _open(self, load: Callable[[Connection], T]) -> tuple[driver.Connection, T]:
        self._lock = connection.FolderLock(self.folder)
        writing: driver.Connection | None = None
        try:
            if not self.path.exists():
                connection.check_alone(self.path)
                self._check(None)
            migrations.upgrade(self.path)
            writing = connection.writer(self.path, self._sync)
            self._check(number_of(writing))
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
