"""Making the tables in a database, and bringing those of an older version up to date."""

import zlib
from importlib import resources
from typing import Final

from tollway.errors import StoreUnavailable
from tollway.storage.postgres.driver import Connection

TABLES: Final = "tables.sql"
"""Made by scripts/make_schema.py from what SQLAlchemy knows of them; a test keeps it true."""

KEYS: Final = "keys.sql"
FUNCTIONS: Final = "functions.sql"

REVISIONS: Final = ("0008", "0009", "0010", "0011", "0012")
"""The schemas that a database may have, oldest first. The script `upgrades/<revision>.sql` makes each of the one before it; the last is
what `TABLES` and `FUNCTIONS` make of nothing."""
HEAD: Final = REVISIONS[-1]

_HERE: Final = "SELECT to_regclass('alembic_version')::text"
_OTHERS: Final = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"

_FENCE: Final = zlib.crc32(b"tollway transaction")
_COUNT_OPENING: Final = """
INSERT INTO marks (name, seq) VALUES ('opened', 1) ON CONFLICT (name) DO UPDATE SET seq = marks.seq + 1 RETURNING seq
"""
_ENCODING: Final = "SELECT current_setting('server_encoding')"


def upgrade(connection: Connection, name: str) -> None:
    """Makes the tables where there are none, and brings those of an older version up to date: all of it, or nothing.

    Raises StoreUnavailable where there are some of a newer version, or of somebody else.
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
                connection.script(_read(file))
            connection.script(f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')")
        return
    stored = revision(connection)
    if stored == HEAD:
        return
    if stored not in REVISIONS:
        raise StoreUnavailable(
            f"The database {name} has schema {stored}, and this version of Tollway knows {HEAD}. "
            "Install the version that wrote it, or restore a backup made before."
        )
    with connection:
        for lacking in REVISIONS[REVISIONS.index(stored) + 1 :]:
            connection.script(_read(f"upgrades/{lacking}.sql"), patient=True)
        connection.script(f"UPDATE alembic_version SET version_num = '{HEAD}'")


def _read(file: str) -> str:
    return resources.files("tollway.storage.postgres").joinpath(file).read_text(encoding="utf-8")


def revision(connection: Connection) -> str | None:
    """The schema that a database has; `None` for one that is none of ours. Raises one of `driver.FAILURES`."""
    if connection.fetch(_HERE)[0][0] is None:
        return None
    rows = connection.fetch("SELECT version_num FROM alembic_version")
    return rows[0][0] if rows else None


def count_opening(connection: Connection) -> int:
    """Says that somebody begins to write here, who has the lock; returns for the how manyth time.

    Nobody who is fenced by an earlier number writes from here on; what one of them was writing is there before this returns.
    """
    with connection:
        connection.fetch("SELECT pg_advisory_xact_lock($1::bigint)", _FENCE)
        return connection.fetch(_COUNT_OPENING)[0][0]


def fence(connection: Connection, opened: int, name: str) -> None:
    """Has no transaction begin over this connection any more once the database was opened again, after the `opened`th time.

    A lock belongs to a session, and what stands between may give that to somebody else; this belongs to each transaction.
    """
    connection.fence(
        f"SELECT pg_advisory_xact_lock_shared({_FENCE}::bigint); SELECT FROM marks WHERE name = 'opened' AND seq = {opened:d}",
        f"The database {name} was in use by another Tollway since this one opened it. Restart this one.",
    )
