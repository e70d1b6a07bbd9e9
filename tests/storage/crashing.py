"""A process that is gone from one instant to the next; another one starts from its files as they were."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tollway.ledger.entry import LedgerEntry
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE


async def started_again(store: SqliteStore, folder: Path, now: int) -> tuple[SqliteStore, Sequence[LedgerEntry]]:
    """A store of the files that `store` had written by now, copied to `folder`; and what it presumed when it was opened."""
    await store.ledger.flush()
    _copy(store._database.folder, folder)
    await store.close()
    again = SqliteStore(folder)
    return again, await again.open(now)


def _copy(written: Path, folder: Path) -> None:
    folder.mkdir()
    for file in written.glob(f"{FILE}*"):
        shutil.copy(file, folder)
