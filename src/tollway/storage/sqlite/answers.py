"""Kept answers in a file of their own, with those of late in memory before it. Losing the file loses no money.

It is never in the ledger's file: a large answer must not stand before a small commit. The file is not synced, and is started over
where it cannot be read.
"""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tollway.cache.entry import Kept, decoded, encoded
from tollway.errors import StoreUnavailable
from tollway.storage.cached import OVERHEAD, Purge, Recent, Stats, Tally
from tollway.storage.sqlite.aside import Aside
from tollway.storage.sqlite.driver import Connection

log = logging.getLogger(__name__)

FILE = "tollway.cache.db"
MOST_QUEUED = 32 * 1024 * 1024
"""Bytes that wait for the disk; what comes while there are more is kept in memory alone."""
_STEP = 256
"""Rows that are let go of at a time, so that those who ask in between are answered."""
_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    gateway TEXT NOT NULL,
    provider TEXT NOT NULL,
    custom TEXT,
    size INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    written BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_used ON answer (used_at, size);
CREATE INDEX IF NOT EXISTS answer_expires ON answer (expires_at, size);
CREATE INDEX IF NOT EXISTS answer_gateway ON answer (gateway, size);
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL);
INSERT OR IGNORE INTO total (one, size) VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS answer_came AFTER INSERT ON answer BEGIN
    UPDATE total SET size = size + new.size;
END;
CREATE TRIGGER IF NOT EXISTS answer_went AFTER DELETE ON answer BEGIN
    UPDATE total SET size = size - old.size;
END;
"""
_READ = "SELECT written FROM answer WHERE key = ? AND expires_at > ?"
_SIZE = "SELECT size FROM total"
_HELD = "SELECT gateway, count(*), sum(size) FROM answer GROUP BY gateway"
_WRITE = """
INSERT INTO answer (key, gateway, provider, custom, size, expires_at, used_at, written) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_DROP = "DELETE FROM answer WHERE key = ?"
_TOUCH = "UPDATE answer SET used_at = ? WHERE key = ?"
_EXPIRE = "DELETE FROM answer WHERE id IN (SELECT id FROM answer WHERE expires_at <= ? LIMIT ?)"
_EVICT = "DELETE FROM answer WHERE id IN (SELECT id FROM answer ORDER BY used_at LIMIT ?) RETURNING id"
_PURGE = """
DELETE FROM answer WHERE id IN (
    SELECT id FROM answer
    WHERE (?1 IS NULL OR gateway = ?1) AND (?2 IS NULL OR provider = ?2) AND (?3 IS NULL OR custom = ?3)
    LIMIT ?4
) RETURNING id
"""


class SqliteAnswers:
    """`Answers` in `folder`. No file is made before the first answer is asked for."""

    def __init__(self, folder: Path, *, limit_bytes: int, memory_bytes: int) -> None:
        self._file = Aside(folder / FILE, _SCHEMA, _VERSION, "off")
        self._limit_bytes = limit_bytes
        self._recent = Recent(min(memory_bytes, limit_bytes))
        self._tally = Tally()
        self._queued = 0
        self._used: dict[bytes, int] = {}
        """When answers were last used, where the file does not know."""
        self._writing: set[asyncio.Task[None]] = set()
        self._purges = 0
        self._told = False
        """A failure is told once until something works again."""

    async def get(self, key: bytes, *, gateway: str, now: int) -> Kept | None:
        kept = self._recent.get(key, now)
        if kept is None:
            purges = self._purges
            try:
                written: bytes | None = await self._file.run(lambda connection: _read(connection, key, now))
                self._told = False
            except StoreUnavailable as error:
                self._tell(error)
                written = None
            kept = decoded(written) if written is not None else None
            if kept is not None and purges == self._purges:
                self._recent.put(key, kept)
        if kept is not None:
            self._used[key] = now
            if len(self._used) >= _STEP:
                self._begin(self._touch())
        self._tally.count(gateway, kept)
        return kept

    async def put(self, key: bytes, kept: Kept, now: int) -> None:
        if kept.expires_at <= now:
            return
        self._recent.put(key, kept)
        written = encoded(kept)
        size = len(written) + OVERHEAD
        if size > self._limit_bytes or self._queued + size > MOST_QUEUED:
            return
        self._queued += size
        self._begin(self._write(key, kept, written, now))

    async def purge(self, purge: Purge) -> int:
        await self.flush()
        self._purges += 1
        found = self._recent.purge(purge)
        if not self._file.exists:
            return found
        # What is in memory is in the file too, but for the little that no disk had time for.
        in_file = 0
        while gone := await self._file.run(lambda connection: _drop_meant(connection, purge)):
            in_file += gone
        await self._file.give_back()
        return max(found, in_file)

    async def stats(self) -> Stats:
        if not self._file.exists:
            return self._tally.stats(self._recent.held(), self._limit_bytes)
        await self.flush()
        return self._tally.stats(await self._file.run(_held), self._limit_bytes)

    async def flush(self) -> None:
        """Waits until the file has all that was put until now."""
        if self._writing:
            await asyncio.wait(set(self._writing))

    async def close(self) -> None:
        if self._used and self._file.exists:
            self._begin(self._touch())
        await self.flush()
        await self._file.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, key: bytes, kept: Kept, written: bytes, now: int) -> None:
        try:
            self._tally.evicted += await self._file.run(
                lambda connection: _replace(connection, key, kept, written, now, self._limit_bytes)
            )
            self._told = False
        except StoreUnavailable as error:
            self._tell(error)
        finally:
            self._queued -= len(written) + OVERHEAD

    async def _touch(self) -> None:
        used, self._used = self._used, {}
        try:
            await self._file.run(lambda connection: _touch(connection, used))
        except StoreUnavailable as error:
            self._tell(error)

    def _tell(self, error: StoreUnavailable) -> None:
        if not self._told:
            log.warning("kept answers cannot be used now: %s", error)
        self._told = True


def _read(connection: Connection, key: bytes, now: int) -> bytes | None:
    row = connection.execute(_READ, (key, now)).fetchone()
    return row[0] if row is not None else None


def _replace(connection: Connection, key: bytes, kept: Kept, written: bytes, now: int, limit_bytes: int) -> int:
    """Makes room for an answer, then keeps it; how many had to go that might have been used again."""
    connection.execute(_DROP, (key,))
    connection.execute(_EXPIRE, (now, _STEP))
    size, gone = len(written) + OVERHEAD, 0
    while connection.execute(_SIZE).get + size > limit_bytes:
        rows = connection.execute(_EVICT, (8,)).fetchall()
        assert rows, "an empty file has room for whatever is within its limit"
        gone += len(rows)
    connection.execute(_WRITE, (key, kept.gateway, kept.provider, kept.custom, size, kept.expires_at, now, written))
    return gone


def _touch(connection: Connection, used: dict[bytes, int]) -> None:
    connection.executemany(_TOUCH, [(at, key) for key, at in used.items()])


def _drop_meant(connection: Connection, purge: Purge) -> int:
    return len(connection.execute(_PURGE, (purge.gateway, purge.provider, purge.key, _STEP)).fetchall())


def _held(connection: Connection) -> dict[str, tuple[int, int]]:
    return {gateway: (entries, size) for gateway, entries, size in connection.execute(_HELD)}
