"""A data folder goes by the books that it went by before, wherever else a start is led."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW
from tollway.storage.home import REMEMBERED, Home, check_here, remembered
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

URL = "postgresql://me:hunter2@db.example:6543/spend?options=-csearch_path%3Da"


async def start(store: SqlStore) -> None:
    """As a gateway does, which is stopped again."""
    await store.open(NOW)
    await store.settle_in()
    await store.close()


def test_a_folder_remembers_where_its_books_are_and_never_the_password(tmp_path: Path) -> None:
    assert remembered(tmp_path) is None
    check_here(tmp_path)
    Home(tmp_path, URL).remember(7)
    assert (tmp_path / REMEMBERED).read_bytes() == b'{"number":7,"database":"db.example:6543/spend"}'
    Home(tmp_path, URL).check(7)
    with pytest.raises(StoreUnavailable, match=r"are in PostgreSQL, at db\.example:6543/spend, and not in tollway\.db"):
        check_here(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"copy them back: tollway store copy --from URL\..* remove books\.json"):
        Home(tmp_path).check(8)
    with pytest.raises(
        StoreUnavailable, match=r"are not what is in PostgreSQL, at db\.example:6543/spend now.*right database"
    ):
        Home(tmp_path, URL).check(None)
    with pytest.raises(StoreUnavailable, match=r"db\.example:6543/spend, and not in PostgreSQL, at other/spend"):
        Home(tmp_path, "postgresql://other/spend").check(8)
    Home(tmp_path).remember(9)
    check_here(tmp_path)
    with pytest.raises(
        StoreUnavailable, match=r"are in tollway\.db, and not in PostgreSQL, .*tollway store copy --to URL"
    ):
        Home(tmp_path, URL).check(None)


def test_what_cannot_be_read_there_is_told(tmp_path: Path) -> None:
    (tmp_path / REMEMBERED).write_text("{")
    with pytest.raises(StoreUnavailable, match=r'books\.json" cannot be read: .* Put back what was there'):
        Home(tmp_path).check(None)
    with pytest.raises(StoreUnavailable, match=r'books\.json" cannot be written'):
        Home(tmp_path / "nowhere").remember(1)


async def test_a_start_on_a_file_that_is_gone_or_another_is_refused_before_it_is_made(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    await start(SqliteStore(mine))
    await start(SqliteStore(mine))
    await start(SqliteStore(other))
    (mine / FILE).rename(tmp_path / "away.db")
    with pytest.raises(StoreUnavailable, match=r"are not what is in tollway\.db now"):
        await SqliteStore(mine).open(NOW)
    assert not (mine / FILE).exists()
    shutil.copy(other / FILE, mine)
    with pytest.raises(StoreUnavailable, match=r"remove books\.json from the folder"):
        await SqliteStore(mine).open(NOW)
    (mine / REMEMBERED).unlink()
    await start(SqliteStore(mine))
    assert remembered(mine) == remembered(other)


async def test_what_was_written_last_to_a_file_that_was_moved_away_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}-wal").write_bytes(b"committed")
    with pytest.raises(StoreUnavailable, match=r"tollway\.db-wal\" is a part of the store that was"):
        await SqliteStore(tmp_path).open(NOW)
    assert (tmp_path / f"{FILE}-wal").read_bytes() == b"committed"
    (tmp_path / f"{FILE}-wal").write_bytes(b"")
    await start(SqliteStore(tmp_path))


async def test_a_start_on_an_empty_database_is_refused_before_a_table_is_made(
    tmp_path: Path, postgres_url: str
) -> None:
    await start(SqliteStore(tmp_path))
    before = (tmp_path / REMEMBERED).read_bytes()
    with pytest.raises(StoreUnavailable, match=r"are in tollway\.db, and not in PostgreSQL"):
        await PostgresStore(postgres_url, tmp_path).open(NOW)
    assert (tmp_path / REMEMBERED).read_bytes() == before
    assert await asyncio.to_thread(tables, postgres_url) == 0
    await start(SqliteStore(tmp_path))


async def test_a_start_on_another_database_or_schema_is_refused(tmp_path: Path, postgres_url: str) -> None:
    await start(PostgresStore(postgres_url, tmp_path))
    await start(PostgresStore(postgres_url, tmp_path))
    before = (tmp_path / REMEMBERED).read_bytes()
    await asyncio.to_thread(make_schema, postgres_url, "other")
    elsewhere = f"{postgres_url}?options=-csearch_path%3Dother"
    with pytest.raises(StoreUnavailable, match=r"are not what is in PostgreSQL, at .* now"):
        await PostgresStore(elsewhere, tmp_path).open(NOW)
    # Another folder may begin there.
    (tmp_path / "new").mkdir()
    await start(PostgresStore(elsewhere, tmp_path / "new"))
    with pytest.raises(StoreUnavailable, match=r"are not what is in PostgreSQL, at .* now"):
        await PostgresStore(elsewhere, tmp_path).open(NOW)
    assert (tmp_path / REMEMBERED).read_bytes() == before


def tables(url: str) -> int:
    return asked(url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")


def make_schema(url: str, name: str) -> None:
    from tollway.storage.postgres.driver import Connection

    connection = Connection(url, use="writing")
    connection.script(f"CREATE SCHEMA {name}")
    connection.close()


def asked(url: str, question: str) -> int:
    from tollway.storage.postgres.driver import Connection

    connection = Connection(url, use="reading")
    try:
        return connection.fetch(question)[0][0]
    finally:
        connection.close()
