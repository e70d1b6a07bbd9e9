"""A database file of its own beside the ledger's, for what must not slow the ledger down.

It is opened when it is first needed. One thread has its only connection, so whatever is asked of it is done in turn, and all
that has gathered meanwhile in one transaction. A file that cannot be read is started over: what is kept here may be lost.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any, Literal, TypeVar

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage.sqlite.driver import Connection, connect

T = TypeVar("T")
log = logging.getLogger(__name__)

Synchronous = Literal["off", "normal", "full"]
"""off: never waits for the disk · normal: survives the end of the process · full: the loss of power too."""

MOST_AT_ONCE = 64
"""Pieces of work in one transaction: those behind it wait for no longer than that takes."""

_Work = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]


class Aside:
    """The file at `path`, with `schema`, whose version is `version`: a file of another one is started over."""

    def __init__(self, path: Path, schema: str, version: int, synchronous: Synchronous) -> None:
        self.path = path
        self._schema = schema
        self._version = version
        self._synchronous = synchronous
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None
        self._waiting: list[_Work] = []
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def exists(self) -> bool:
        """Whether there is anything to ask."""
        return self._connection is not None or bool(self._waiting) or self.path.exists()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is committed. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable(f'"{self.path}" is closed.')
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())
        return await done

    async def give_back(self) -> None:
        """Makes the file smaller by what was deleted, of which nothing is left in it then. Raises StoreUnavailable."""
        await self.run(lambda connection: connection.execute("PRAGMA incremental_vacuum").fetchall())
        thread = self._thread
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._checkpoint)

    async def close(self) -> None:
        """Finishes what was asked for, and lets go of the file."""
        self._closed = True
        if self._working is not None:
            await asyncio.shield(self._working)
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._let_go)
            thread.shutdown(wait=True)

    async def _work(self) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, self.path.stem)
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                works = [work for work, _ in batch]
                try:
                    found = await asyncio.get_running_loop().run_in_executor(self._thread, self._carry_out, works)
                except Exception as error:
                    # Whatever it is, somebody waits for it.
                    _fail(batch, error)
                    continue
                for (_, done), value in zip(batch, found, strict=True):
                    if not done.done():
                        done.set_result(value)
        finally:
            self._working = None

    def _carry_out(self, works: list[Callable[[Connection], Any]]) -> list[Any]:
        """In the thread: all of `works` in one transaction."""
        for again in (True, False):
            try:
                if self._connection is None:
                    self._connection = self._open()
                with self._connection:
                    return [work(self._connection) for work in works]
            except (apsw.CorruptError, apsw.NotADBError) as error:
                self._start_over(str(error))
                if not again:
                    raise StoreUnavailable(f'"{self.path}" cannot be used: {error}.') from error
            except (apsw.Error, OSError) as error:
                raise StoreUnavailable(f'"{self.path}" cannot be used: {error}.') from error
        raise AssertionError("the second time returns or raises")

    def _open(self) -> Connection:
        # Whatever SQLite makes beside it has the rights that it has.
        self.path.touch(mode=0o600)
        opened = connect(self.path)
        try:
            # Before anything is written: it cannot be changed later. What is let go of gives its room back.
            opened.execute("PRAGMA auto_vacuum = INCREMENTAL")
            opened.set_busy_timeout(1_000)
            opened.execute("PRAGMA journal_mode = WAL")
            opened.execute(f"PRAGMA synchronous = {self._synchronous.upper()}")
            opened.execute("PRAGMA journal_size_limit = 16777216")
            opened.execute("PRAGMA cache_size = -4096")
            # Answers that were purged are not to be found in the file.
            opened.execute("PRAGMA secure_delete = ON")
            found = opened.execute("PRAGMA user_version").get
            if found not in (0, self._version):
                raise apsw.CorruptError(f"its version is {found}, not {self._version}")
            opened.execute(self._schema)
            opened.execute(f"PRAGMA user_version = {self._version}")
        except BaseException:
            opened.close()
            raise
        return opened

    def _checkpoint(self) -> None:
        """In the thread, outside of any transaction: empties the write-ahead log into the file."""
        if self._connection is not None:
            with contextlib.suppress(apsw.Error):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _start_over(self, why: str) -> None:
        log.warning("%s is started over, empty: %s", self.path, why)
        self._let_go()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(apsw.Error):
                connection.close()


def _fail(batch: list[_Work], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            # One each: an exception that is raised in several places gathers the tracebacks of all.
            done.set_exception(copy(error))
