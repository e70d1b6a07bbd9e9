"""The default store: one SQLite file, written by one process.

store.py        puts the parts together
ledger.py       counters in memory, intents and entries on disk
writer.py       group commit on the event loop; batch.py is what one commit writes
recovery.py     ending what a crash left open, checking, pruning; balances.py saves balances, past.py looks things up
records.py      the request log and reports; filters.py turns filters into SQL
config.py       the settings
audit.py        who changed what
outbox.py       alerts and their deliveries
budgets.py      what is remembered of budgets
jobs.py         batches and files at providers
connection.py   the folder's lock, the writing connection, readers; database.py is what the parts share
statements.py   the ledger's SQL, each with its promise; rows.py encodes
"""

from tollway.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
