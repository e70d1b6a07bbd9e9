"""Bodies of requests in a file of their own, compressed: a body of megabytes must not stand before a small commit.

Secrets are painted over, and bodies compressed, in the file's thread. Losing the file loses no money and no record.
"""

import asyncio
import logging
import zlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tollway.errors import StoreUnavailable
from tollway.logs.bodies import PARTS, About, Bodies, KeptBody, Part, to_keep
from tollway.storage.bodies import MOST_HELD, Room
from tollway.storage.sqlite.aside import Aside
from tollway.storage.sqlite.driver import Connection

log = logging.getLogger(__name__)

FILE: Final = "tollway.bodies.db"
STEP: Final = 200
"""Requests that are let go of at a time, so that those who ask in between are answered."""
_VERSION = 1
_LEVEL = 3
"""Of zlib: chat in JSON comes to a quarter, at some hundred megabytes a second."""
_PLAIN, _DEFLATED = b"\x00", b"\x01"
"""The first byte of a stored body."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS body (
    seq INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    about BLOB NOT NULL,
    asked BLOB,
    sent BLOB,
    returned BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS body_at ON body (at);
CREATE TABLE IF NOT EXISTS total (
    one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, requests INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO total (one, size, requests) VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS body_came AFTER INSERT ON body BEGIN
    UPDATE total SET size = size + new.size, requests = requests + 1;
END;
CREATE TRIGGER IF NOT EXISTS body_went AFTER DELETE ON body BEGIN
    UPDATE total SET size = size - old.size, requests = requests - 1;
END;
"""
_DROP = "DELETE FROM body WHERE request_id = ?"
_WRITE = "INSERT INTO body (request_id, at, size, about, asked, sent, returned) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ABOUT = "SELECT about FROM body WHERE request_id = ?"
_READ: dict[Part, str] = {part: f"SELECT about, {part} FROM body WHERE request_id = ?" for part in PARTS}
_TOTAL = "SELECT size, requests FROM total"
_OLD = "DELETE FROM body WHERE seq IN (SELECT seq FROM body WHERE at < ? ORDER BY at LIMIT ?)"
_OLDEST = "DELETE FROM body WHERE seq IN (SELECT seq FROM body ORDER BY seq LIMIT ?)"
_FIRST_SIZES = "SELECT size FROM body ORDER BY seq LIMIT ?"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[About]).decode


class SqliteBodies:
    """`bodies.BodyStore` in `folder`. No file is made before the first body is kept."""

    def __init__(
        self, folder: Path, *, most_held: int = MOST_HELD, pressed: Callable[[], bool] = lambda: False
    ) -> None:
        """`pressed`: whether records wait for the disk already, before which bodies are given up."""
        self._file = Aside(folder / FILE, _SCHEMA, _VERSION, "normal")
        self._room = Room(most_held)
        self._pressed = pressed
        self._writing: set[asyncio.Task[None]] = set()
        self._told = False
        """A failure is told once until something works again."""

    @property
    def dropped(self) -> int:
        return self._room.dropped

    @property
    def held(self) -> int:
        return self._room.held

    def hold(self, size: int) -> bool:
        return not self._pressed() and self._room.hold(size)

    def let_go(self, size: int) -> None:
        self._room.let_go(size)

    def drop(self) -> None:
        self._room.dropped += 1

    def keep(self, bodies: Bodies) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._write(bodies))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def parts(self, request_id: str) -> Sequence[About]:
        if not self._file.exists:
            return []
        await self.flush()
        return await self._file.run(lambda connection: _about(connection, request_id))

    async def body(self, request_id: str, part: Part) -> KeptBody | None:
        if not self._file.exists:
            return None
        await self.flush()
        return await self._file.run(lambda connection: _body(connection, request_id, part))

    async def delete(self, request_ids: Collection[str]) -> int:
        if not self._file.exists:
            return 0
        await self.flush()
        return await self._file.run(lambda connection: _delete(connection, request_ids))

    async def retain(self, *, before: int | None, requests: int | None, limit_bytes: int | None) -> int:
        if not self._file.exists:
            return 0
        return await self._file.run(lambda connection: _retain(connection, before, requests, limit_bytes))

    async def give_back(self) -> None:
        if self._file.exists:
            await self._file.give_back()

    async def flush(self) -> None:
        if self._writing:
            await asyncio.wait(set(self._writing))

    async def close(self) -> None:
        await self.flush()
        await self._file.close()

    async def _write(self, bodies: Bodies) -> None:
        try:
            await self._file.run(lambda connection: _write(connection, bodies))
            self._told = False
        except StoreUnavailable as error:
            self.drop()
            if not self._told:
                log.warning("bodies of requests are not kept now: %s", error)
            self._told = True
        finally:
            self._room.let_go(bodies.held)


def _write(connection: Connection, bodies: Bodies) -> None:
    kept = {each.about.part: each for each in to_keep(bodies)}
    stored = {part: _stored(kept[part].content) if part in kept else None for part in PARTS}
    about = _encode([each.about for each in kept.values()])
    size = len(about) + sum(len(content) for content in stored.values() if content is not None)
    connection.execute(_DROP, (bodies.request_id,))
    connection.execute(_WRITE, (bodies.request_id, bodies.at, size, about, *(stored[part] for part in PARTS)))


def _stored(content: bytes) -> bytes:
    deflated = zlib.compress(content, _LEVEL)
    return _DEFLATED + deflated if len(deflated) < len(content) else _PLAIN + content


def _about(connection: Connection, request_id: str) -> list[About]:
    row = connection.execute(_ABOUT, (request_id,)).fetchone()
    return _decode(row[0]) if row is not None else []


def _body(connection: Connection, request_id: str, part: Part) -> KeptBody | None:
    row = connection.execute(_READ[part], (request_id,)).fetchone()
    if row is None or row[1] is None:
        return None
    about = next(each for each in _decode(row[0]) if each.part == part)
    stored: bytes = row[1]
    return KeptBody(about, zlib.decompress(stored[1:]) if stored[:1] == _DEFLATED else stored[1:])


def _delete(connection: Connection, request_ids: Collection[str]) -> int:
    before = connection.execute(_TOTAL).fetchone()
    connection.executemany(_DROP, [(each,) for each in request_ids])
    return _gone(connection, before)


def _retain(connection: Connection, before: int | None, requests: int | None, limit_bytes: int | None) -> int:
    total = connection.execute(_TOTAL).fetchone()
    if before is not None:
        connection.execute(_OLD, (before, STEP))
    size, there = connection.execute(_TOTAL).fetchone() or (0, 0)
    most = max(there - requests, 0) if requests is not None else 0
    if limit_bytes is not None and size > limit_bytes:
        number = 0
        for (each,) in connection.execute(_FIRST_SIZES, (STEP,)).fetchall():
            if size <= limit_bytes:
                break
            size -= each
            number += 1
        most = max(most, number)
    if most:
        connection.execute(_OLDEST, (min(most, STEP),))
    return _gone(connection, total)


def _gone(connection: Connection, before: tuple[int, int] | None) -> int:
    """How many requests there are less than before."""
    after = connection.execute(_TOTAL).fetchone()
    return (before[1] if before is not None else 0) - (after[1] if after is not None else 0)
