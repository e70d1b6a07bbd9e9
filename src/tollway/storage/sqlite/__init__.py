"""The default store: one SQLite file, written by one process.

store.py        puts the parts together, most of which are in `storage/sql`
database.py     the file: the folder's lock, the writing connection, readers (connection.py)
writer.py       commits on the event loop, the disk and checkpoints beside it
bodies.py, answers.py, repeats.py   files of their own (aside.py), for what must not slow the ledger down
at_rest.py      the file of a gateway that is stopped
"""

from tollway.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
