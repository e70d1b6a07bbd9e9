"""Batches and files in SQLite: one row each, replaced as more is known of it."""

from collections.abc import Sequence

import msgspec

from tollway.ledger.job import Job
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

# What is settled stays so: an older copy, written late, changes nothing. (id, kind, settled, created_at, ask_at, record)
_REMEMBER = """
INSERT INTO jobs (id, kind, settled, created_at, ask_at, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  kind = excluded.kind, settled = excluded.settled, created_at = excluded.created_at, ask_at = excluded.ask_at,
  record = excluded.record
WHERE excluded.settled >= jobs.settled
"""
_RECALL = "SELECT record FROM jobs WHERE id = ?"
# Batches to be settled that may be asked about, the one that might have been for longest first. (now, limit)
_OPEN = """
SELECT record FROM jobs WHERE settled = 0 AND kind = 'batch' AND ask_at <= ? ORDER BY ask_at, id LIMIT ?
"""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Job).decode


class SqlJobs:
    """`protocol.Jobs` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, job: Job) -> None:
        row = (job.id, job.kind, int(job.settled), job.created_at, job.ask_at, _pack(job))

        def work(writing: Connection) -> None:
            writing.execute(_REMEMBER, row)

        await self._database.change(work)

    async def recall(self, job_id: str) -> Job | None:
        found = await self._database.query(lambda reading: reading.execute(_RECALL, (job_id,)).fetchone())
        return None if found is None else _unpack(found[0])

    async def open(self, now: int, limit: int) -> Sequence[Job]:
        found = await self._database.query(lambda reading: reading.execute(_OPEN, (now, limit)).fetchall())
        return [_unpack(record) for (record,) in found]
