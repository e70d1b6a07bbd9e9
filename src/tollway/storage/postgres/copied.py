"""Moving a store from its file to a PostgreSQL database: all of it, or nothing."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tollway.errors import StoreUnavailable
from tollway.storage.at_rest import at_rest
from tollway.storage.home import Home, number_of, renumber
from tollway.storage.postgres import schema
from tollway.storage.postgres.database import take_lock
from tollway.storage.postgres.driver import FAILURES, Connection
from tollway.storage.postgres.troubles import said, way_out
from tollway.storage.postgres.url import without_password
from tollway.storage.sql.driver import Connection as Reading
from tollway.storage.sqlite.connection import FILE, folded

AT_ONCE: Final = 20_000
COLUMNS: Final = """
SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name <> 'alembic_version' GROUP BY table_name ORDER BY table_name
"""
_NUMBERED: Final = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'
"""
AMOUNTS: Final = (
    "SELECT coalesce(sum(amount_nanodollars >> 32), 0), coalesce(sum(amount_nanodollars & 4294967295), 0) FROM entries"
)


def copy(folder: Path, url: str, told: Callable[[str, int], None]) -> int:
    """Writes what is in the store of `folder` into the database at `url`, which has to be empty, and by which the folder goes from then on.

    `told(table, rows)` is called as each table is there. Returns how many rows there are. Raises StoreUnavailable, having written
    nothing, where either cannot be used, or where what arrived is not what was sent.
    """
    name = f'"{without_password(url)}"'
    try:
        with at_rest(folder) as store, store.reading() as reading:
            Home(folder).check(number_of(reading))
            # From here on the file alone is all of it, wherever it is moved.
            folded(folder / FILE)
            writing = Connection(url, use="writing")
            try:
                take_lock(writing, name)
                schema.upgrade(writing, name)
                with writing:
                    rows = _copy(reading, writing, name, told)
                    number = renumber(writing)
                Home(folder, url).remember(number)
                # The planner would think that the tables are empty.
                writing.script("ANALYZE")
                return rows
            finally:
                writing.close()
    except (*FAILURES, ValueError) as error:
        if isinstance(error, StoreUnavailable):
            raise
        raise StoreUnavailable(f"The store {name} cannot be written: {said(error)}. {way_out(error)}") from error


def _copy(reading: Reading, writing: Connection, name: str, told: Callable[[str, int], None]) -> int:
    copied = 0
    for table, columns in writing.fetch(COLUMNS):
        if writing.fetch(f'SELECT 1 FROM "{table}" LIMIT 1'):
            raise StoreUnavailable(
                f"The database {name} has a store with rows in it already ({table}). Give an empty one."
            )
        number = 0
        for rows in _pages(reading, table, columns):
            writing.copy(table, columns, rows)
            number += len(rows)
        there = writing.fetch(f'SELECT count(*) FROM "{table}"')[0][0]
        if there != number:
            raise StoreUnavailable(f"Of {number} rows of {table}, {there} arrived. Nothing was written.")
        copied += number
        told(table, number)
    for table, column in writing.fetch(_NUMBERED):
        writing.script(
            f"SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), "
            f'(SELECT coalesce(max("{column}"), 0) + 1 FROM "{table}"), false)'
        )
    sent, arrived = reading.execute(AMOUNTS).fetchone(), writing.fetch(AMOUNTS)[0]
    if tuple(sent) != tuple(arrived):
        raise StoreUnavailable("The entries that arrived do not add up to those that were sent. Nothing was written.")
    return copied


def _pages(reading: Reading, table: str, columns: Sequence[str]) -> Iterator[list[Any]]:
    names = ", ".join(f'"{column}"' for column in columns)
    rows = iter(reading.execute(f'SELECT {names} FROM "{table}"'))
    while page := list(islice(rows, AT_ONCE)):
        yield page
