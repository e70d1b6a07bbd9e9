"""Making rollups anew from the ledger, in the folder of a gateway that is stopped."""

from pathlib import Path
from typing import Final

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.sqlite import connection, rollups
from tollway.storage.sqlite.driver import Connection
from tollway.storage.sqlite.statements import SAVE_MARK

_AT_ONCE: Final = 5_000


def rebuild(folder: Path) -> int:
    """Forgets what rollups say of money and adds the ledger up again; returns how many entries there are.

    One transaction: killed at any instant, or where it fails, it leaves the rollups as they were. What they say of the request
    log stays, as records may be gone. Raises StoreUnavailable.
    """
    path = folder / connection.FILE
    if not path.exists():
        raise StoreUnavailable(f'There is no store in "{folder}": it has no {connection.FILE}')
    lock = connection.FolderLock(folder)
    try:
        migrations.upgrade(path)
        writing = connection.writer(path, "normal")
        try:
            return _rebuild(writing)
        finally:
            writing.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            writing.close()
    except apsw.Error as error:
        raise StoreUnavailable(f'The store "{path}" cannot be written: {error}') from error
    finally:
        lock.release()


def _rebuild(writing: Connection) -> int:
    with writing:
        for table in ("spending", "sittings"):
            writing.execute(f"DELETE FROM {table}")
        writing.execute(SAVE_MARK, ("spending", 0))
        take_in(writing)
        return writing.execute("SELECT count(*) FROM entries").get


def take_in(writing: Connection) -> None:
    """Adds all entries that rollups lack, in the transaction that is under way."""
    known = rollups.Known()
    more = True
    while more:
        gathered = rollups.gather(writing, "spending", _AT_ONCE)
        rollups.book(writing, gathered, known)
        more = gathered.more
