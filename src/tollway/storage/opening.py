"""Which store it is: a file in the data folder, or a PostgreSQL database, whose driver is loaded only then."""

from importlib import import_module
from pathlib import Path
from typing import Any

from tollway.errors import StoreUnavailable
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import Sync


def store_at(database: str | None, folder: Path, *, sync: Sync) -> SqlStore:
    """The store at a URL, with what stays in `folder`; without one, all of it in `folder`. Nothing is touched before it is opened.

    Raises StoreUnavailable where what it needs is not installed.
    """
    if database is None:
        return SqliteStore(folder, sync=sync)
    return of_postgres("store").PostgresStore(database, folder)


def of_postgres(module: str) -> Any:
    """A module of `storage.postgres`. Raises StoreUnavailable where its driver is not installed."""
    try:
        return import_module(f"tollway.storage.postgres.{module}")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreUnavailable(
            "A store in PostgreSQL needs asyncpg, which is not installed: pip install 'tollway[postgres]'."
        ) from error
