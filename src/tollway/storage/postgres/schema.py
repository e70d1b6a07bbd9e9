"""Making the tables in a database, and knowing whether they are those of this version."""

from importlib import resources
from typing import Final

from tollway.errors import StoreUnavailable
from tollway.storage.migrations import HEAD
from tollway.storage.postgres.driver import Connection

TABLES: Final = "tables.sql"
"""Made by scripts/make_schema.py from what SQLAlchemy knows of them; a test keeps it true."""

KEYS: Final = "keys.sql"
FUNCTIONS: Final = "functions.sql"

_HERE: Final = "SELECT to_regclass('alembic_version')::text"
_OTHERS: Final = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"

_COUNT_OPENING: Final = """
INSERT INTO marks (name, seq) VALUES ('opened', 1) ON CONFLICT (name) DO UPDATE SET seq = marks.seq + 1 RETURNING seq
"""
_OPENINGS: Final = "SELECT coalesce(max(seq), 0) FROM marks WHERE name = 'opened'"
_ENCODING: Final = "SELECT current_setting('server_encoding')"


def upgrade(connection: Connection, name: str) -> None:
    """Makes the tables where there are none, all of them or nothing.

    Raises StoreUnavailable where there are some of another version, or of somebody else.
    """
    if (encoding := connection.fetch(_ENCODING)[0][0]) != "UTF8":
        raise StoreUnavailable(
            f"The database {name} keeps texts as {encoding}, which cannot hold all of them. Give one with ENCODING 'UTF8'."
        )
    if connection.fetch(_HERE)[0][0] is None:
        if connection.fetch(_OTHERS)[0][0]:
            raise StoreUnavailable(
                f"The database {name} has tables that are not Tollway's. Give it a database, or a schema, of its own."
            )
        with connection:
            for file in (KEYS, TABLES, FUNCTIONS):
                connection.script(
                    resources.files("tollway.storage.postgres").joinpath(file).read_text(encoding="utf-8")
                )
            connection.script(f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')")
        return
    stored = revision(connection)
    if stored != HEAD:
        raise StoreUnavailable(
            f"The database {name} has schema {stored}, and this version of Tollway knows {HEAD}. "
            "Install the version that wrote it, or restore a backup made before."
        )


def revision(connection: Connection) -> str | None:
    """The schema that a database has; `None` for one that is none of ours. Raises one of `driver.FAILURES`."""
    if connection.fetch(_HERE)[0][0] is None:
        return None
    rows = connection.fetch("SELECT version_num FROM alembic_version")
    return rows[0][0] if rows else None


def count_opening(connection: Connection) -> int:
    """Says that somebody begins to write here, who has the lock; returns for the how manyth time."""
    return connection.fetch(_COUNT_OPENING)[0][0]


def openings(connection: Connection) -> int:
    """How often somebody has begun to write here."""
    return connection.fetch(_OPENINGS)[0][0]
