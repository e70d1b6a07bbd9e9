"""Moving a store from a PostgreSQL database to a file: all of it, or nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.home import Home, number_of, renumber
from tollway.storage.postgres.at_rest import at_rest
from tollway.storage.postgres.copied import AMOUNTS, AT_ONCE, COLUMNS
from tollway.storage.postgres.driver import Connection
from tollway.storage.sqlite import connection

_MAKING: Final = "tollway.db.copying"


def copy_back(url: str, folder: Path, told: Callable[[str, int], None]) -> int:
    """Writes what is in the database at `url` into the store of `folder`, which has to have none, and goes by it from then on.

    `told(table, rows)` is called as each table is there. Returns how many rows there are. Raises StoreUnavailable, having left no
    store in the folder, where either cannot be used, or where what arrived is not what was sent.
    """
    path, making = folder / connection.FILE, folder / _MAKING
    lock = connection.FolderLock(folder)
    try:
        if path.exists():
            raise StoreUnavailable(
                f'The folder "{folder}" has a store already ({path.name}). Give one without, or move it away.'
            )
        connection.check_alone(path)
        _remove(path)
        _remove(making)
        with at_rest(url) as store, store.reading() as reading:
            Home(folder, url).check(number_of(reading))
            migrations.upgrade(making)
            writing = connection.writer(making, "full")
            try:
                with reading, writing:
                    rows = _copy(reading, writing, told)
                    number = renumber(writing)
                writing.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            finally:
                writing.close()
        making.replace(path)
        Home(folder).remember(number)
        return rows
    except (apsw.Error, OSError) as error:
        raise StoreUnavailable(
            f'The store "{path}" cannot be written: {error}. Make room, or make it writable.'
        ) from error
    finally:
        _remove(making)
        lock.release()


def _copy(reading: Connection, writing: Any, told: Callable[[str, int], None]) -> int:
    copied = 0
    for table, columns in reading.fetch(COLUMNS):
        names = ", ".join(f'"{column}"' for column in columns)
        insert = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
        number = 0
        for rows in _pages(reading, table, names):
            writing.executemany(insert, rows)
            number += len(rows)
        there = writing.execute(f'SELECT count(*) FROM "{table}"').get
        if there != number:
            raise StoreUnavailable(f"Of {number} rows of {table}, {there} arrived. Nothing was written.")
        copied += number
        told(table, number)
    sent, arrived = reading.fetch(AMOUNTS)[0], writing.execute(AMOUNTS).fetchone()
    if tuple(sent) != tuple(arrived):
        raise StoreUnavailable("The entries that arrived do not add up to those that were sent. Nothing was written.")
    return copied


def _pages(reading: Connection, table: str, names: str) -> Iterator[list[tuple[Any, ...]]]:
    reading.script(f'DECLARE of_{table} NO SCROLL CURSOR FOR SELECT {names} FROM "{table}"')
    while rows := reading.fetch(f"FETCH {AT_ONCE} FROM of_{table}"):
        yield rows
    reading.script(f"CLOSE of_{table}")


def _remove(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
