"""Bringing a database to the schema of this version, from code: no configuration file, no command.

Alembic and SQLAlchemy take most of a second to load, so they are loaded only when there is something to do. They reach
SQLite through the standard library, whose copy of SQLite must not have the file open together with ours: `upgrade` runs
before the store opens its own connection, and closes its own before it returns.
"""

import os
from pathlib import Path

from tollway.errors import StoreUnavailable
from tollway.storage.sqlite.driver import connect

HEAD = "0004"
"""The newest revision in `versions/`; a test keeps this true."""

HERE = Path(__file__).parent


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
    _upgrade(path)


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(os.fspath(HERE)).walk_revisions()}


def _upgrade(path: Path) -> None:
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
