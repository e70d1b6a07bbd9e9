"""The file of a store: opened by one, read by many, let go of whatever happens."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite.connection import FILE
from tollway.storage.sqlite.database import SqliteDatabase


class Nothing:
    """A companion that saves no balances."""

    def join(self, batch: Any) -> None:
        return

    def written(self, batch: Any) -> None:
        return


@pytest.fixture
def database(blank: Path, tmp_path: Path) -> SqliteDatabase:
    shutil.copy(blank, tmp_path)
    return SqliteDatabase(tmp_path, "normal")


def count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM marks").get)


def mark(writing: Connection) -> str:
    writing.execute("INSERT INTO marks VALUES ('probe', 1)")
    return "loaded"


async def test_nothing_is_touched_before_it_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    database = SqliteDatabase(folder, "normal")
    assert not database.is_open
    assert not folder.exists()
    with pytest.raises(StoreUnavailable, match=f'The store in "{folder}" is not open'):
        _ = database.writer
    await database.close()
    assert not folder.exists()


async def test_what_loading_gives_is_given_back_and_the_companion_is_made_after_it(database: SqliteDatabase) -> None:
    order: list[str] = []

    def load(writing: Connection) -> str:
        order.append("load")
        return mark(writing)

    def companion() -> Nothing:
        order.append("companion")
        return Nothing()

    assert await database.open(load, companion) == "loaded"
    assert order == ["load", "companion"]
    assert database.is_open
    assert await database.query(count) == 1
    await database.close()
    assert not database.is_open


async def test_a_folder_is_brought_to_the_schema(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "new", "normal")
    await database.open(count, Nothing)
    assert database.path == tmp_path / "new" / FILE
    assert await database.query(count) == 0
    await database.close()


async def test_a_second_one_is_refused_until_the_first_has_let_go(database: SqliteDatabase) -> None:
    await database.open(count, Nothing)
    second = SqliteDatabase(database.folder, "normal")
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await second.open(count, Nothing)
    assert not second.is_open
    await database.close()
    await second.open(count, Nothing)
    await second.close()


@pytest.mark.parametrize(
    ("raised", "told"), [(apsw.CorruptError("bad"), StoreUnavailable), (ValueError("x"), ValueError)]
)
async def test_a_start_that_fails_lets_go_of_the_folder(
    database: SqliteDatabase, raised: Exception, told: type[Exception]
) -> None:
    def fail(writing: Connection) -> None:
        raise raised

    with pytest.raises(told):
        await database.open(fail, Nothing)
    assert not database.is_open
    assert await database.open(count, Nothing) == 0
    await database.close()


async def test_a_question_that_fails_is_an_unavailable_store_and_its_own_mistake_stays_one(
    database: SqliteDatabase,
) -> None:
    await database.open(count, Nothing)
    with pytest.raises(StoreUnavailable, match=r"cannot be read: .*no such table"):
        await database.query(lambda reading: reading.execute("SELECT * FROM nowhere").fetchall())
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.query(mark)

    def wrong(reading: Connection) -> None:
        raise ValueError("no such field")

    with pytest.raises(ValueError, match="no such field"):
        await database.query(wrong)
    assert await database.query(count) == 0
    await database.close()


async def test_closing_twice_is_closing_once(database: SqliteDatabase) -> None:
    await database.open(count, Nothing)
    await database.close()
    await database.close()
    with pytest.raises(StoreUnavailable):
        _ = database.writer


def test_what_cannot_be_looked_up_is_an_unavailable_store_until_it_can(blank: Path, tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path, "normal")
    with pytest.raises(StoreUnavailable, match=r"cannot be read: "):
        database.look_up(count)
    shutil.copy(blank, tmp_path)
    assert database.look_up(count) == 0
    with pytest.raises(StoreUnavailable, match=r"cannot be read: .*readonly"):
        database.look_up(mark)
    asyncio.run(database.close())


async def test_one_reading_connection_answers_every_look_up_and_sees_what_was_committed_since(
    database: SqliteDatabase,
) -> None:
    await database.open(count, Nothing)
    asked: list[Connection] = []

    def look(reading: Connection) -> int:
        asked.append(reading)
        return count(reading)

    assert database.look_up(look) == 0
    await database.change(mark)
    assert database.look_up(look) == 1
    assert asked[0] is asked[1]
    await database.close()
    with pytest.raises(apsw.ConnectionClosedError):
        asked[0].execute("SELECT 1")


async def test_it_names_itself_by_its_folder(database: SqliteDatabase) -> None:
    assert database.name == f'"{database.folder}"'
