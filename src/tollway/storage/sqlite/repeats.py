"""Requests that may be repeated, in a file of their own: a claim is durable before its request is sent."""

import logging
from collections.abc import Callable
from pathlib import Path

from tollway.cache.entry import Kept, decoded, encoded
from tollway.cache.idempotency import LIFETIME_MS, Begun, Fresh
from tollway.errors import StoreUnavailable
from tollway.storage.repeats import MOST_BYTES, State, judged
from tollway.storage.sqlite.aside import Aside
from tollway.storage.sqlite.connection import Sync
from tollway.storage.sqlite.driver import Connection

log = logging.getLogger(__name__)

FILE = "tollway.repeats.db"
_VERSION = 1
_STEP = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS repeat (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    state TEXT NOT NULL,
    size INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    written BLOB
);
CREATE INDEX IF NOT EXISTS repeat_expires ON repeat (expires_at);
CREATE INDEX IF NOT EXISTS repeat_held ON repeat (id, size) WHERE size > 0;
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL);
INSERT OR IGNORE INTO total (one, size) VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS repeat_changed AFTER UPDATE OF size ON repeat BEGIN
    UPDATE total SET size = size + new.size - old.size;
END;
CREATE TRIGGER IF NOT EXISTS repeat_went AFTER DELETE ON repeat BEGIN
    UPDATE total SET size = size - old.size;
END;
"""
_EXPIRE = "DELETE FROM repeat WHERE id IN (SELECT id FROM repeat WHERE expires_at <= ? LIMIT ?)"
_READ = "SELECT fingerprint, state, written FROM repeat WHERE key = ? AND expires_at > ?"
_CLAIM = """
INSERT INTO repeat (key, fingerprint, state, size, expires_at) VALUES (?, ?, 'under way', 0, ?)
"""
_END = "UPDATE repeat SET state = ?, size = ?, written = ? WHERE key = ?"
_FORGET = "DELETE FROM repeat WHERE key = ?"
_SIZE = "SELECT size FROM total"
_SHRINK = """
UPDATE repeat SET state = 'not_kept', size = 0, written = NULL
WHERE id IN (SELECT id FROM repeat WHERE size > 0 ORDER BY id LIMIT 8) RETURNING id
"""


class SqliteShelf:
    """`storage.repeats.Shelf` in `folder`. No file is made before the first key is sent.

    `sync`: "normal" survives the death of the process at any instant, "full" the loss of power too.
    """

    def __init__(self, folder: Path, *, sync: Sync = "normal", most_bytes: int = MOST_BYTES) -> None:
        self._file = Aside(folder / FILE, _SCHEMA, _VERSION, sync)
        self._most_bytes = most_bytes

    async def claim(self, key: bytes, fingerprint: bytes, now: int) -> Begun:
        return await self._file.run(lambda connection: _claim(connection, key, fingerprint, now))

    async def end(self, key: bytes, state: State, kept: Kept | None, now: int) -> None:
        written = encoded(kept) if kept is not None else None
        await self._change(lambda connection: _end(connection, key, state, written, self._most_bytes))

    async def forget(self, key: bytes) -> None:
        await self._change(lambda connection: _forget(connection, key))

    async def close(self) -> None:
        await self._file.close()

    async def _change(self, work: Callable[[Connection], None]) -> None:
        try:
            await self._file.run(work)
        except StoreUnavailable as error:
            # It stays as under way, so that its repeat is not billed again.
            log.error("how a request with an idempotency key ended cannot be kept: %s", error)


def _claim(connection: Connection, key: bytes, fingerprint: bytes, now: int) -> Begun:
    connection.execute(_EXPIRE, (now, _STEP))
    row = connection.execute(_READ, (key, now)).fetchone()
    if row is not None:
        return judged(row[0] == fingerprint, row[1], decoded(row[2]) if row[2] is not None else None)
    # What has expired may be more than a step takes.
    connection.execute(_FORGET, (key,))
    connection.execute(_CLAIM, (key, fingerprint, now + LIFETIME_MS))
    return Fresh()


def _end(connection: Connection, key: bytes, state: State, written: bytes | None, most_bytes: int) -> None:
    connection.execute(_END, (state, len(written) if written is not None else 0, written, key))
    while connection.execute(_SIZE).get > most_bytes:
        rows = connection.execute(_SHRINK).fetchall()
        assert rows, "without answers it is empty"


def _forget(connection: Connection, key: bytes) -> None:
    connection.execute(_FORGET, (key,))
