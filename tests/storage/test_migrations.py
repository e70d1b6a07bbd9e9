"""The schema that migrations make is the one the code believes in."""

from pathlib import Path

import apsw
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from tollway.storage import migrations
from tollway.storage.schema import metadata


def test_the_newest_revision_is_the_one_named_head() -> None:
    assert ScriptDirectory(str(migrations.HERE)).get_current_head() == migrations.HEAD


def test_migrating_an_empty_file_makes_the_tables_of_the_metadata(blank: Path) -> None:
    engine = create_engine(URL.create("sqlite", database=str(blank)), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_every_table_is_strict_and_has_the_shape_of_the_metadata(blank: Path) -> None:
    connection = apsw.Connection(str(blank))
    shapes = {
        name: (bool(without_rowid), bool(strict))
        for _, name, kind, _, without_rowid, strict in connection.execute("PRAGMA table_list")
        if kind == "table" and name in metadata.tables
    }
    connection.close()
    assert shapes == {
        name: (table.dialect_options["sqlite"]["with_rowid"] is False, True) for name, table in metadata.tables.items()
    }


def test_money_and_instants_are_never_null(blank: Path) -> None:
    connection = apsw.Connection(str(blank))
    for table in metadata.tables:
        for _, name, kind, not_null, _, _ in connection.execute(f"PRAGMA table_info({table})"):
            if name.endswith(("nanodollars", "_at")) or name == "at":
                assert (kind, not_null) == ("INTEGER", 1), f"{table}.{name}"
    connection.close()


def test_a_file_at_head_is_left_alone(blank: Path) -> None:
    before = blank.read_bytes()
    migrations.upgrade(blank)
    assert blank.read_bytes() == before


def test_a_file_that_is_not_there_has_no_revision(tmp_path: Path) -> None:
    assert migrations.revision(tmp_path / "none.db") is None


def test_a_file_of_an_older_version_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO settings (number, at, saved_by, document) VALUES (1, 2, 'me', 'a: 1')")
        connection.commit()
    assert migrations.revision(path) == "0001"
    migrations.upgrade(path)
    assert migrations.revision(path) == migrations.HEAD
    reading = apsw.Connection(str(path))
    assert reading.execute("SELECT number, at, saved_by, document FROM settings").fetchall() == [(1, 2, "me", "a: 1")]
    assert reading.execute("SELECT count(*) FROM jobs").fetchall() == [(0,)]
    reading.close()
