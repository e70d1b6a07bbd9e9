"""The schema that migrations make is the one the code believes in."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from tollway.storage import migrations, schema
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


def test_money_and_instants_are_never_null_but_for_what_has_not_come_yet(blank: Path) -> None:
    connection = apsw.Connection(str(blank))
    for table in metadata.tables:
        for _, name, kind, not_null, _, _ in connection.execute(f"PRAGMA table_info({table})"):
            if name.endswith(("nanodollars", "_at")) or name == "at":
                nullable = (table, name) in schema.OPTIONAL
                assert (kind, not_null) == ("INTEGER", not nullable), f"{table}.{name}"
    connection.close()


def test_a_file_at_head_is_left_alone(blank: Path) -> None:
    before = blank.read_bytes()
    migrations.upgrade(blank)
    assert blank.read_bytes() == before


def test_a_file_that_is_not_there_has_no_revision(tmp_path: Path) -> None:
    assert migrations.revision(tmp_path / "none.db") is None


def made_at(path: Path, revision: str, *lines: str) -> None:
    """A database as an older version left it."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for line in lines:
            connection.exec_driver_sql(line)
        connection.commit()


ENTRY = (
    "INSERT INTO entries VALUES ({seq}, '{id}', 'r.1', 'r', 1, '{kind}', {amount}, 'openai', 'gpt', NULL, 'g', 'alice', "
    "NULL, NULL, '[\"ml\"]', '{{\"team\":\"x\"}}', 5, NULL, '[[\"a\",1]]', x'01', x'02', 7, 8)"
)


def test_entries_of_an_older_version_are_the_same_afterwards_and_as_well_guarded(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    kinds = ("charge", "presumed", "unpriced", "correction", "credit")
    made_at(
        path,
        "0002",
        *(
            ENTRY.format(seq=seq, id=f"r.1.{kind}", kind=kind, amount=-seq * 10**18)
            for seq, kind in enumerate(kinds, start=1)
        ),
        "INSERT INTO balances VALUES ('a', 1, 5, 3)",
    )
    reading = apsw.Connection(str(path))
    before = reading.execute("SELECT * FROM entries ORDER BY seq").fetchall()
    reading.close()
    migrations.upgrade(path)
    connection = apsw.Connection(str(path))
    names = [row[1] for row in connection.execute("PRAGMA table_info(entries)")]
    kept = ", ".join(f'"{name}"' for name in names if name != "declared")
    assert connection.execute(f"SELECT {kept} FROM entries ORDER BY seq").fetchall() == before
    assert connection.execute("SELECT DISTINCT declared FROM entries").fetchall() == [("[]",)]
    assert connection.execute("SELECT * FROM balances").fetchall() == [("a", 1, 5, 3)]

    def copy_first(**values: str) -> None:
        picked = ", ".join(values.get(name, f'"{name}"') for name in names)
        connection.execute(f"INSERT INTO entries SELECT {picked} FROM entries WHERE seq = 1")

    copy_first(seq="6", id="'o.1.opening'", kind="'opening'")
    for refused in ("UPDATE entries SET amount_nanodollars = 0 WHERE seq = 1", "DELETE FROM entries WHERE seq = 1"):
        with pytest.raises(apsw.ConstraintError, match="never changed or deleted"):
            connection.execute(refused)
    with pytest.raises(apsw.ConstraintError, match="entries_kind"):
        copy_first(seq="9", id="'x'", kind="'gift'")
    with pytest.raises(apsw.ConstraintError, match="UNIQUE"):
        copy_first(seq="9")
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT 1 FROM entries WHERE occurred_at > 5").fetchall()
    assert "entries_occurred_at" in plan[0][3]
    connection.close()


def test_a_file_of_an_older_version_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    made_at(path, "0001", "INSERT INTO settings (number, at, saved_by, document) VALUES (1, 2, 'me', 'a: 1')")
    assert migrations.revision(path) == "0001"
    migrations.upgrade(path)
    assert migrations.revision(path) == migrations.HEAD
    reading = apsw.Connection(str(path))
    assert reading.execute("SELECT number, at, saved_by, document FROM settings").fetchall() == [(1, 2, "me", "a: 1")]
    assert reading.execute("SELECT count(*) FROM jobs").fetchall() == [(0,)]
    reading.close()


def test_a_new_file_gets_what_the_migrations_would_have_made(tmp_path: Path) -> None:
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    migrations.upgrade(made)
    migrations.migrate(migrated)

    def schema_in(path: Path) -> list[tuple[str, ...]]:
        database = sqlite3.connect(path)
        try:
            found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
            return [(*row[:3], " ".join((row[3] or "").split())) for row in found]
        finally:
            database.close()

    assert schema_in(made) == schema_in(migrated)
    assert migrations.revision(made) == migrations.revision(migrated) == migrations.HEAD
    assert made.stat().st_mode & 0o077 == 0


def test_a_new_file_needs_no_alembic(tmp_path: Path) -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from tollway.storage import migrations\n"
            "migrations.upgrade(pathlib.Path(sys.argv[1]) / 'new.db')\n"
            "print(any(name.startswith(('alembic', 'sqlalchemy')) for name in sys.modules))",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"


def test_halves_of_hours_are_known_from_the_hour_behind_the_last_that_an_older_version_rolled_up(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.db"
    cell = "INSERT INTO spending VALUES ({level}, {slot}, 1, 'charge', 5, 1, 0, 0, 0, 0, 0, 0, 0)"
    made_at(path, "0011", cell.format(level=0, slot=7), cell.format(level=4, slot=9))
    migrations.upgrade(path)
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT name, seq FROM marks").fetchall() == [("spending_halved", 8)]
    connection.close()


@pytest.mark.parametrize(
    ("oldest", "marks"), [(8 * 3_600_000, [("log_since", 8 * 3_600_000)]), (8 * 3_600_000 - 1, [])]
)
def test_a_log_of_which_an_older_version_deleted_the_oldest_is_known_from_then_on(
    tmp_path: Path, oldest: int, marks: list[tuple[str, int]]
) -> None:
    path = tmp_path / "old.db"
    counted = ", ".join("0" * 23)
    made_at(
        path,
        "0011",
        f"INSERT INTO traffic VALUES (0, 7, 1, 2, {counted})",
        f'INSERT INTO records (request_id, at, gateway, status, code, "groups", metadata, record) '
        f"VALUES ('a', {oldest}, 'g', 200, '', '[]', '{{}}', x'80')",
    )
    migrations.upgrade(path)
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT name, seq FROM marks WHERE name LIKE 'log%'").fetchall() == marks
    connection.close()
