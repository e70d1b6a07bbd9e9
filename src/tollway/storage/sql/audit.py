"""The audit log in SQLite: lines that are only ever added, each chained to the one before it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from tollway.ledger.change import Change, Recorded
from tollway.storage import chain
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

_LAST = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_INSERT = """
INSERT INTO audit (seq, at, "by", action, target, record, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
# The newest first, below ?1 if it is given, of a target ?2, of an action or of a noun ?3, at most ?4.
_CHANGES = """
SELECT seq, record, previous, hash FROM audit
WHERE (CAST(?1 AS BIGINT) IS NULL OR seq < ?1) AND (CAST(?2 AS TEXT) IS NULL OR target = ?2)
  AND (CAST(?3 AS TEXT) IS NULL OR action = ?3 OR action BETWEEN ?3 || '.' AND ?3 || '/')
ORDER BY seq DESC LIMIT ?4
"""
_ALL = "SELECT seq, record, previous, hash FROM audit ORDER BY seq"
_HASHES = "SELECT seq, hash FROM audit WHERE seq >= ? ORDER BY seq"
# What lines are found by: each says again what is in the record, which the hash is of.
_COLUMNS = """SELECT seq, record, at, "by", action, target FROM audit ORDER BY seq"""

_read = msgspec.json.Decoder(Change).decode


class SqlAudit:
    """`protocol.Audit` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, *changes: Change) -> None:
        lines = [(change, chain.canonical(change)) for change in changes]

        def work(writing: Connection) -> None:
            seq, previous = writing.execute(_LAST).fetchone() or (0, "")
            for change, line in lines:
                seq += 1
                link = chain.link(previous, line)
                writing.execute(
                    _INSERT, (seq, change.at, change.by, change.action, change.target, line, previous, link)
                )
                previous = link

        await self._database.change(work)

    async def changes(
        self, *, target: str | None = None, action: str | None = None, limit: int, before: int | None = None
    ) -> Sequence[Recorded]:
        bindings = (before, target, action, limit)
        found = await self._database.query(lambda reading: reading.execute(_CHANGES, bindings).fetchall())
        return [Recorded(seq, _read(line), previous, link) for seq, line, previous, link in found]

    async def verify(self) -> Sequence[str]:
        return await self._database.query(broken)

    async def hashes(self, lines: Collection[int]) -> Mapping[int, str]:
        if not lines:
            return {}
        return await self._database.query(lambda reading: hashes(reading, lines))


def hashes(reading: Connection, lines: Collection[int]) -> dict[int, str]:
    """`SqlAudit.hashes`."""
    first = min(lines, default=1)
    return {seq: found for seq, found in reading.execute(_HASHES, (first,)) if seq in lines}


def broken(reading: Connection) -> list[str]:
    """`SqlAudit.verify`."""
    return [*chain.broken(reading.execute(_ALL)), *_differing(reading.execute(_COLUMNS))]


def _differing(lines: Iterable[tuple[int, bytes, object, object, object, object]]) -> Iterator[str]:
    """Each column that says something else than the record of its line, in words."""
    for seq, line, *columns in lines:
        try:
            change = _read(line)
        except msgspec.MsgspecError:
            # The chain tells of it, unless somebody has made hashes to match.
            yield f"Audit line {seq} was changed: its record cannot be read."
            continue
        hashed = (change.at, change.by, change.action, change.target)
        for name, kept, meant in zip(("at", "by", "action", "target"), columns, hashed, strict=True):
            # PostgreSQL has the picture of U+0000 where the record has it itself.
            if kept != meant and not (isinstance(meant, str) and kept == meant.replace("\0", "␀")):
                yield f"Audit line {seq} was changed: {name} is kept as {kept!r}, and its record says {meant!r}."
