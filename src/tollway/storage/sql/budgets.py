"""What is remembered of budgets in SQLite: one row each."""

from collections.abc import Sequence

from tollway.storage.protocol import Known
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

_KNOWN = "SELECT id, fingerprint, since, settled FROM budgets ORDER BY id"
_REMEMBER = """
INSERT INTO budgets (id, fingerprint, since, settled) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, since = excluded.since, settled = excluded.settled
"""


class SqlBudgets:
    """`protocol.Budgets` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self) -> Sequence[Known]:
        found = await self._database.query(lambda reading: reading.execute(_KNOWN).fetchall())
        return [
            Known(budget=budget, fingerprint=fingerprint, since=since, settled=bool(settled))
            for budget, fingerprint, since, settled in found
        ]

    async def remember(self, *known: Known) -> None:
        """Raises StoreUnavailable."""
        rows = [(each.budget, each.fingerprint, each.since, int(each.settled)) for each in known]

        def work(writing: Connection) -> None:
            writing.executemany(_REMEMBER, rows)

        await self._database.change(work)
