"""The tables of a database: made once, brought up to date, all or nothing, and never mistaken for somebody else's."""

import importlib.util
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from random import Random

import pytest
from tests.postgres import PostgresServer

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.migrations import HEAD
from tollway.storage.postgres import schema
from tollway.storage.postgres.driver import Connection, asyncpg
from tollway.storage.schema import metadata

ROOT = Path(__file__).parents[3]
SEVERAL = "".join(map(chr, Random(1).choices(range(0x10000, 0x1F000), k=4_000)))
"""16,000 bytes that nothing makes shorter."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    made = Connection(postgres_url, use="writing")
    yield made
    made.close()


def tables(connection: Connection) -> set[str]:
    return {name for (name,) in connection.fetch(_TABLES)}


def test_every_table_is_made_once_and_nothing_is_made_again(connection: Connection) -> None:
    assert schema.revision(connection) is None
    schema.upgrade(connection, "x")
    assert tables(connection) == set(metadata.tables) | {"alembic_version"}
    assert schema.revision(connection) == HEAD
    connection.script("INSERT INTO marks VALUES ('kept', 1)")
    schema.upgrade(connection, "x")
    assert connection.fetch("SELECT seq FROM marks") == [(1,)]


def test_the_tables_are_those_that_are_known_to_the_code() -> None:
    spec = importlib.util.spec_from_file_location("make_schema", ROOT / "scripts" / "make_schema.py")
    assert spec is not None and spec.loader is not None
    make_schema = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_schema)
    written = resources.files("tollway.storage.postgres").joinpath(schema.TABLES).read_text(encoding="utf-8")
    assert written.partition("\n")[2] == make_schema.tables_of_postgres(), "run: python scripts/make_schema.py"


def test_whatever_may_be_of_any_length_is_a_key_by_its_digest(connection: Connection) -> None:
    schema.upgrade(connection, "x")
    names = [letter * 5_000 for letter in "ab"] + [f"{SEVERAL}x", f"{SEVERAL}y", "short", ""]
    for name in [*names, *names]:
        connection.fetch("INSERT INTO balances VALUES ($1, 1, 2, 3) ON CONFLICT DO NOTHING", name)
        connection.fetch("INSERT INTO attributes VALUES ('k', $1) ON CONFLICT DO NOTHING", name)
        connection.fetch("INSERT INTO sittings VALUES ($1, $1, 1, 1, 1, 1) ON CONFLICT DO NOTHING", name)
        connection.fetch("INSERT INTO snoozes VALUES ($1, 1, 'x') ON CONFLICT DO NOTHING", name)
        connection.fetch("INSERT INTO audit SELECT count(*), 1, '', '', $1, '', '', '' FROM audit", name)
    for table, column in (
        ("balances", "account"),
        ("attributes", "value"),
        ("sittings", "name"),
        ("snoozes", "target"),
    ):
        assert sorted(row[0] for row in connection.fetch(f"SELECT {column} FROM {table}")) == sorted(names), table


def test_no_text_has_the_key_of_another(connection: Connection) -> None:
    schema.upgrade(connection, "x")
    (key,) = connection.fetch("SELECT brief($1)", SEVERAL)[0]
    assert len(key) == 65
    texts = [SEVERAL, key, key[1:], "\x01", "", "a" * 800, "a" * 801, "é" * 400, "é" * 401]
    keys = [connection.fetch("SELECT brief($1)", text)[0][0] for text in texts]
    assert len(set(keys)) == len(texts)
    assert keys[4:6] == ["", "a" * 800] and keys[7] == "é" * 400
    assert connection.fetch("SELECT brief(NULL)") == [(None,)]


def test_tables_are_made_all_of_them_or_not_at_all(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "HEAD", "it's")
    with pytest.raises(asyncpg.PostgresError):
        schema.upgrade(connection, "x")
    assert tables(connection) == set()
    monkeypatch.undo()
    schema.upgrade(connection, "x")
    assert schema.revision(connection) == HEAD


_SHAPE = """
SELECT table_name, column_name, data_type, is_nullable, collation_name, column_default FROM information_schema.columns
WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position
"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2"
_CHECKS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2
"""
_TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid::regclass::text = ANY($1) ORDER BY 1"
_BACK = {
    "0009": "DROP TABLE stops",
    "0010": "DROP INDEX sittings_amount",
    "0011": "DROP TABLE meters, calls, apart",
    "0012": "SELECT 12",
}
"""What leads from each revision to the one before it."""


def shape(connection: Connection) -> list[object]:
    return [
        *(connection.fetch(each) for each in (_SHAPE, _INDEXES, _CHECKS)),
        connection.fetch(_TRIGGERS, sorted(tables(connection))),
    ]


def at(connection: Connection, revision: str) -> None:
    """Makes the tables as an older version did."""
    schema.upgrade(connection, "x")
    for newer in reversed(schema.REVISIONS[schema.REVISIONS.index(revision) + 1 :]):
        connection.script(_BACK[newer])
    connection.script(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_every_revision_of_the_file_is_one_here_too() -> None:
    known = sorted(path.name[:4] for path in (migrations.HERE / "versions").glob("0*.py"))
    assert list(schema.REVISIONS) == known[known.index(schema.REVISIONS[0]) :]
    assert schema.HEAD == HEAD


@pytest.mark.parametrize("revision", schema.REVISIONS)
def test_a_database_of_an_older_version_becomes_what_a_new_one_is(connection: Connection, revision: str) -> None:
    fresh = "DROP SCHEMA IF EXISTS ours CASCADE; CREATE SCHEMA ours; SET search_path = ours"
    connection.script(fresh)
    schema.upgrade(connection, "x")
    new = shape(connection)
    connection.script(fresh)
    at(connection, revision)
    connection.script("INSERT INTO marks VALUES ('kept', 1)")
    schema.upgrade(connection, "x")
    assert shape(connection) == new
    assert schema.revision(connection) == HEAD
    assert connection.fetch("SELECT seq FROM marks") == [(1,)]


def test_halves_of_hours_are_known_from_the_hour_behind_the_last_that_an_older_version_rolled_up(
    connection: Connection,
) -> None:
    at(connection, "0011")
    cell = "INSERT INTO spending VALUES ({level}, {slot}, 1, 'charge', 5, 1, 0, 0, 0, 0, 0, 0, 0)"
    connection.script(cell.format(level=0, slot=7))
    connection.script(cell.format(level=4, slot=9))
    schema.upgrade(connection, "x")
    assert connection.fetch("SELECT name, seq FROM marks") == [("spending_halved", 8)]


def test_a_database_is_brought_up_to_date_all_the_way_or_not_at_all(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(connection, "0008")
    read = schema._read
    broken = "CREATE TABLE half (id BIGINT); SELECT 1 / 0"
    with monkeypatch.context() as patched:
        patched.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9998"))
        patched.setattr(schema, "HEAD", "9998")
        patched.setattr(schema, "_read", lambda file: broken if "9998" in file else read(file))
        with pytest.raises(asyncpg.DivisionByZeroError):
            schema.upgrade(connection, "x")
    assert schema.revision(connection) == "0008"
    assert not {"stops", "half"} & tables(connection)
    schema.upgrade(connection, "x")
    assert "stops" in tables(connection)


def test_a_database_with_tables_of_somebody_else_is_left_alone(connection: Connection) -> None:
    connection.script("CREATE TABLE customers (id BIGINT)")
    with pytest.raises(
        StoreUnavailable, match=r"database x has tables that are not Tollway's. Give it a database, or a schema"
    ):
        schema.upgrade(connection, "x")
    assert tables(connection) == {"customers"}
    # A schema of its own is enough.
    connection.script("CREATE SCHEMA ours; SET search_path = ours")
    schema.upgrade(connection, "x")
    assert "entries" in tables(connection)


@pytest.mark.parametrize("stored", ["0001", "9999", None])
def test_a_schema_of_another_version_is_named_and_left_alone(connection: Connection, stored: str | None) -> None:
    schema.upgrade(connection, "x")
    connection.script("DELETE FROM alembic_version")
    if stored is not None:
        connection.script(f"INSERT INTO alembic_version VALUES ('{stored}')")
    with pytest.raises(StoreUnavailable, match=f"has schema {stored}, and this version of Tollway knows {HEAD}"):
        schema.upgrade(connection, "x")
    assert schema.revision(connection) == stored


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2] + "_latin"
    postgres_server.ask(f"CREATE DATABASE {name} OWNER tollway TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    url = f"{postgres_url}_latin"
    connection = Connection(url, use="writing")
    try:
        with pytest.raises(StoreUnavailable, match=r"keeps texts as LATIN1, .* ENCODING 'UTF8'"):
            schema.upgrade(connection, "x")
        assert tables(connection) == set()
    finally:
        connection.close()
        postgres_server.drop_database(url)


def test_each_opening_is_counted(connection: Connection) -> None:
    schema.upgrade(connection, "x")
    assert [schema.count_opening(connection) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("table", "column"), [("entries", "amount_nanodollars"), ("audit", "at"), ("freezes", "at"), ("frozen", "number")]
)
def test_what_is_written_for_good_cannot_be_changed_nor_deleted(
    connection: Connection, table: str, column: str
) -> None:
    schema.upgrade(connection, "x")
    for statement in (f"UPDATE {table} SET {column} = 1", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changed or deleted"):
            connection.script(statement)


def test_the_functions_that_sqlite_has_answer_as_there(connection: Connection) -> None:
    schema.upgrade(connection, "x")

    def answer(expression: str) -> object:
        return connection.execute(f"SELECT {expression}").get

    assert [answer("max(1::bigint, 2::bigint)"), answer("min(1::bigint, 2::bigint)")] == [2, 1]
    assert [answer("max(3::numeric, 2)"), answer("min(3::numeric, NULL)")] == [3, None]
    assert answer("max(NULL::bigint, 2::bigint)") is None
    assert [answer("instr(x'000102', x'0102')"), answer("instr(x'00', x'01')")] == [2, 0]
    assert answer("strftime('%Y-%m-%d', 1782864000::bigint, 'unixepoch')") == "2026-07-01"
    assert answer("strftime('%Y-%m-%dT%H:00Z', 1782867661::bigint, 'unixepoch')") == "2026-07-01T01:00Z"
    assert answer("""'["a", 2]' ->> 0""") == "a"
    each = 'SELECT key, value FROM json_each(\'{"b": "x", "a": 1}\') ORDER BY key'
    assert connection.execute(each).fetchall() == [("a", "1"), ("b", "x")]
    assert connection.execute("SELECT value FROM json_each('[\"x\", [1]]')").fetchall() == [("x",), ("[1]",)]
    assert connection.execute("SELECT value FROM json_each('')").fetchall() == []
    # Texts are in the order of their bytes, whatever the collation.
    connection.script("INSERT INTO marks VALUES ('b', 1), ('B', 1), ('é', 1), ('a', 1)")
    assert [row[0] for row in connection.execute("SELECT name FROM marks ORDER BY name")] == ["B", "a", "b", "é"]
