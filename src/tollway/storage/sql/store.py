"""The ledger, the log, the settings and what else is remembered, in one database."""

from collections.abc import Callable, Sequence

from tollway.ledger.entry import LedgerEntry
from tollway.storage.bodies import BodyStore
from tollway.storage.home import Home, numbered
from tollway.storage.sql.analytics import SqlAnalytics
from tollway.storage.sql.audit import SqlAudit
from tollway.storage.sql.billed import SqlBilling
from tollway.storage.sql.budgets import SqlBudgets
from tollway.storage.sql.cabinet import SqlCabinet
from tollway.storage.sql.config import SqlConfig
from tollway.storage.sql.database import Database
from tollway.storage.sql.following import SqlFollowing
from tollway.storage.sql.jobs import SqlJobs
from tollway.storage.sql.ledger import SqlLedger
from tollway.storage.sql.logged import SqlLogged
from tollway.storage.sql.outbox import SqlOutbox
from tollway.storage.sql.records import SqlRecords


class SqlStore:
    """`protocol.Store` in a database. Nothing is touched before `open`."""

    def __init__(self, database: Database, bodies: Callable[[Callable[[], bool]], BodyStore], home: Home) -> None:
        """`bodies` makes the store of bodies, given what tells whether records wait already."""
        self.ledger = SqlLedger(database)
        self.records = SqlRecords(database)
        self.logged = SqlLogged(database)
        self.bodies = bodies(lambda: self.records.pressed)
        self.config = SqlConfig(database)
        self.jobs = SqlJobs(database)
        self.audit = SqlAudit(database)
        self.outbox = SqlOutbox(database)
        self.budgets = SqlBudgets(database)
        self.cabinet = SqlCabinet(database)
        self.analytics = SqlAnalytics(database)
        self.billing = SqlBilling(database)
        self.following = SqlFollowing(database)
        self._database = database
        self._home = home

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        return await self.ledger.open(now)

    async def settle_in(self) -> None:
        """Has the data folder go by these books from here on. Raises StoreUnavailable."""
        self._home.remember(await self._database.change(numbered))

    async def prune(self, now: int) -> bool:
        return await self.ledger.prune(now)

    async def close(self) -> None:
        await self.bodies.close()
        if self._database.is_open:
            try:
                await self.records.flush()
            finally:
                await self.ledger.close()
