"""The ledger, the log, the settings and what else is remembered, in one data folder."""

from collections.abc import Sequence
from pathlib import Path

from tollway.ledger.entry import LedgerEntry
from tollway.storage.sqlite.analytics import SqliteAnalytics
from tollway.storage.sqlite.audit import SqliteAudit
from tollway.storage.sqlite.billed import SqliteBilling
from tollway.storage.sqlite.bodies import SqliteBodies
from tollway.storage.sqlite.budgets import SqliteBudgets
from tollway.storage.sqlite.cabinet import SqliteCabinet
from tollway.storage.sqlite.config import SqliteConfig
from tollway.storage.sqlite.connection import Sync
from tollway.storage.sqlite.database import Database
from tollway.storage.sqlite.following import SqliteFollowing
from tollway.storage.sqlite.jobs import SqliteJobs
from tollway.storage.sqlite.ledger import SqliteLedger
from tollway.storage.sqlite.logged import SqliteLogged
from tollway.storage.sqlite.outbox import SqliteOutbox
from tollway.storage.sqlite.records import SqliteRecords


class SqliteStore:
    """`protocol.Store` in `folder`, which is made if need be. Nothing is touched before `open`."""

    def __init__(self, folder: Path, *, sync: Sync = "normal") -> None:
        """`sync`: "normal" survives the death of the process at any instant, "full" the loss of power too."""
        database = Database(folder, sync)
        self.ledger = SqliteLedger(database)
        self.records = SqliteRecords(database)
        self.logged = SqliteLogged(database)
        self.bodies = SqliteBodies(folder, pressed=lambda: self.records.pressed)
        self.config = SqliteConfig(database)
        self.jobs = SqliteJobs(database)
        self.audit = SqliteAudit(database)
        self.outbox = SqliteOutbox(database)
        self.budgets = SqliteBudgets(database)
        self.cabinet = SqliteCabinet(database)
        self.analytics = SqliteAnalytics(database)
        self.billing = SqliteBilling(database)
        self.following = SqliteFollowing(database)
        self._database = database

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        return await self.ledger.open(now)

    async def prune(self, now: int) -> bool:
        return await self.ledger.prune(now)

    async def close(self) -> None:
        await self.bodies.close()
        if self._database.is_open:
            try:
                await self.records.flush()
            finally:
                await self.ledger.close()
