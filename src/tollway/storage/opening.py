"""Which store it is: a file in the data folder, or a PostgreSQL database, whose driver is loaded only then.

A data folder remembers that its books are in a database: whoever starts on it without naming one would go on with a file from before
the move, or with none, and with nothing spent.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tollway.errors import StoreUnavailable
from tollway.storage.postgres.url import without_password
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import Sync

MOVED: Final = "database"
"""The file in a data folder that says where its books are."""


def store_at(database: str | None, folder: Path, *, sync: Sync) -> SqlStore:
    """The store at a URL, with what stays in `folder`; without one, all of it in `folder`. Nothing is touched before it is opened.

    Raises StoreUnavailable where what it needs is not installed, or where the books of `folder` are elsewhere.
    """
    if database is None:
        check_here(folder)
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


def remember(folder: Path, database: str) -> None:
    """Notes in a data folder that its books are in the database at this URL. Raises OSError."""
    (folder / MOVED).write_text(f"{without_password(database)}\n", encoding="utf-8")


def check_here(folder: Path) -> None:
    """Raises StoreUnavailable where the books of a data folder are in a database."""
    try:
        where = (folder / MOVED).read_text(encoding="utf-8").strip()
    except OSError:
        return
    raise StoreUnavailable(
        f'The books of "{folder}" are in PostgreSQL, at {where}. Name it (TOLLWAY_DATABASE_URL), or copy it back: '
        f"tollway store copy --from URL. Who wants another ledger takes another folder, or removes {MOVED} from this one."
    )
