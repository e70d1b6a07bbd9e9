"""Bringing a database to the schema of this version, from code: no configuration file, no command.

Alembic and SQLAlchemy take most of a second to load, and memory that is never given back, so they are loaded only when there is
something to migrate: a new file is made from `fresh.sql`, which is what the migrations make of an empty one. They reach
SQLite through the standard library, whose copy of SQLite must not have the file open together with ours: `upgrade` runs
before the store opens its own connection, and closes its own before it returns.
"""

import os
from importlib import resources
from pathlib import Path

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage.sqlite.driver import connect

HEAD = "0012"
"""The newest revision in `versions/`; a test keeps this true."""

HERE = Path(__file__).parent
FRESH = "fresh.sql"
"""Made by scripts/make_schema.py; a test keeps it true."""


def revision(path: Path) -> str | None:
    """The revision that a database file is at; `None` for one that is empty or not there. Raises apsw.Error."""
    if not path.exists():
        return None
    connection = connect(path, create=False)
    try:
        if connection.table_exists(None, "alembic_version"):
            return connection.execute("SELECT version_num FROM alembic_version").get
        return None
    finally:
        connection.close()


def upgrade(path: Path) -> None:
    """Brings the file to `HEAD`, all migrations or none of the one that fails; does nothing if it is there already.

    Raises StoreUnavailable for a file that a newer version has written, and apsw.Error for one that is no database.
    """
    stored = revision(path)
    if stored == HEAD:
        return
    if stored is not None and stored not in _known():
        raise StoreUnavailable(
            f'"{path}" was written by a newer version of Tollway (schema {stored}, this one knows up to {HEAD}). '
            "Install that version, or restore a backup made before."
        )
    if stored is None and _is_empty(path):
        _make(path)
    else:
        migrate(path)


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _make(path: Path) -> None:
    """A new database of the schema `HEAD`. Raises StoreUnavailable."""
    statements = resources.files(__name__).joinpath(FRESH).read_text(encoding="utf-8")
    # The log of a ledger is nobody else's to read; what SQLite makes beside the file takes its mode from it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = connect(path, create=False)
    try:
        # All of it or nothing: whoever is killed here leaves an empty file.
        connection.execute(f"BEGIN IMMEDIATE;\n{statements}")
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))
        connection.execute("COMMIT")
    except apsw.Error as error:
        raise StoreUnavailable(f'"{path}" cannot be brought to schema {HEAD}: {error}') from error
    finally:
        connection.close()


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(os.fspath(HERE)).walk_revisions()}


def migrate(path: Path) -> None:
    """Runs every migration that the file lacks, an empty one's all. Raises StoreUnavailable."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    # The log of a ledger is nobody else's to read; what SQLite makes beside the file takes its mode from it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(URL.create("sqlite", database=os.fspath(path)), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", os.fspath(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.connect() as connection:
            # The driver begins no transaction before DDL; without this, half a migration could stay.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except SQLAlchemyError as error:
        raise StoreUnavailable(f'"{path}" cannot be brought to schema {HEAD}: {error}') from error
    finally:
        engine.dispose()
