"""One database, which one gateway has to itself: its lock, its readers, and what is told where it cannot be used."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.postgres import PostgresServer

from tollway.errors import StoreUnavailable
from tollway.storage.postgres import database as module
from tollway.storage.postgres import driver
from tollway.storage.postgres.database import (
    READERS,
    PostgresDatabase,
    Session,
    session_of,
    take_lock,
)
from tollway.storage.postgres.driver import FAILURES, Connection, asyncpg
from tollway.storage.sql.driver import Connection as SqlConnection

SECRET = "hunter2-correct-horse"


class Nothing:
    """A companion that saves no balances."""

    def join(self, batch: Any) -> None:
        return

    def written(self, batch: Any) -> None:
        return


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    made = PostgresDatabase(postgres_url)
    await made.open(count, Nothing)
    yield made
    await made.close()


def count(connection: SqlConnection) -> int:
    return int(connection.execute("SELECT count(*) FROM marks WHERE name = 'probe'").get)


def mark(writing: SqlConnection) -> str:
    writing.execute("INSERT INTO marks VALUES ('probe', 1)")
    return "loaded"


def who(connection: SqlConnection) -> int:
    return int(connection.execute("SELECT pg_backend_pid()").get)


async def test_what_loading_gives_is_given_back_and_the_companion_is_made_after_it(postgres_url: str) -> None:
    order: list[str] = []

    def load(writing: SqlConnection) -> str:
        order.append("load")
        return mark(writing)

    def companion() -> Nothing:
        order.append("companion")
        return Nothing()

    database = PostgresDatabase(postgres_url)
    assert not database.is_open
    assert await database.open(load, companion) == "loaded"
    assert order == ["load", "companion"]
    assert database.is_open
    assert await database.query(count) == 1
    await database.close()
    await database.close()
    assert not database.is_open
    with pytest.raises(StoreUnavailable, match="is not open"):
        _ = database.writer


async def test_it_names_itself_without_a_password(postgres_url: str) -> None:
    name = PostgresDatabase(f"postgresql://me:{SECRET}@db.example:6543/spend?sslmode=require&password={SECRET}").name
    assert name == '"db.example:6543/spend"'


async def test_a_second_one_is_refused_until_the_first_has_let_go(
    database: PostgresDatabase, postgres_url: str
) -> None:
    second = PostgresDatabase(postgres_url)
    with pytest.raises(StoreUnavailable, match=r"in use by another Tollway \(server process \d+, from 127.0.0.1\)"):
        await second.open(count, Nothing)
    assert not second.is_open
    await database.close()
    await second.open(count, Nothing)
    await second.close()


async def test_a_session_of_our_own_that_the_server_still_believes_in_does_not_keep_the_lock(
    database: PostgresDatabase, postgres_url: str
) -> None:
    before = database._session
    # To the gateway it is gone; the server has heard nothing of it, as behind a network that was cut.
    ghost = database.writer._connection
    found = await asyncio.to_thread(database._again)
    assert database._session != before
    assert await asyncio.to_thread(count, found) == 0
    with pytest.raises(FAILURES):
        await asyncio.to_thread(ghost.execute, "SELECT 1")
    await asyncio.to_thread(ghost.close)
    database.writer._connection = found
    assert await database.change(mark) == "loaded"


async def test_nobody_elses_session_is_ended_for_the_lock_even_if_its_number_is_that_of_an_old_one(
    database: PostgresDatabase, postgres_url: str
) -> None:
    session = database._session
    assert session is not None
    other = await asyncio.to_thread(Connection, postgres_url, use="writing")
    for former in (
        Session(session.pid, session.began - timedelta(microseconds=1)),
        Session(session.pid + 1, session.began),
        await asyncio.to_thread(session_of, other),
        None,
    ):
        with pytest.raises(StoreUnavailable, match=f"server process {session.pid},"):
            await asyncio.to_thread(take_lock, other, "x", former)
    assert await database.change(mark) == "loaded"
    await asyncio.to_thread(other.close)


async def test_the_server_notices_within_a_minute_that_the_gateway_is_gone(database: PostgresDatabase) -> None:
    def told(writing: SqlConnection) -> list[str]:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        return [writing.execute(f"SELECT current_setting('{name}')").get for name in names]

    assert await database.change(told) == ["10", "5", "3", "25000"]


async def test_another_database_of_the_same_server_is_another_store(
    database: PostgresDatabase, postgres_server: PostgresServer
) -> None:
    url = postgres_server.new_database()
    second = PostgresDatabase(url)
    await second.open(mark, Nothing)
    assert (await database.query(count), await second.query(count)) == (0, 1)
    await second.close()
    postgres_server.drop_database(url)


async def test_another_schema_of_the_same_database_is_another_store(
    database: PostgresDatabase, postgres_server: PostgresServer, postgres_url: str
) -> None:
    await database.change(lambda writing: writing.execute("CREATE SCHEMA ours"))
    url = f"{postgres_url}?options=-csearch_path%3Dours"
    second = PostgresDatabase(url)
    await second.open(mark, Nothing)
    assert (await database.query(count), await second.query(count)) == (0, 1)
    with pytest.raises(StoreUnavailable, match=r"in use by another Tollway \(server process \d+"):
        await PostgresDatabase(url).open(mark, Nothing)
    await second.close()


@pytest.mark.parametrize(
    ("raised", "told"), [(asyncpg.DataCorruptedError("bad"), StoreUnavailable), (KeyError("x"), KeyError)]
)
async def test_a_start_that_fails_lets_go_of_the_database(
    postgres_url: str, raised: Exception, told: type[Exception]
) -> None:
    database = PostgresDatabase(postgres_url)

    def fail(writing: SqlConnection) -> None:
        raise raised

    with pytest.raises(told):
        await database.open(fail, Nothing)
    assert not database.is_open
    assert await database.open(count, Nothing) == 0
    await database.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            f"postgresql://tollway:{SECRET}@127.0.0.1:1/DB",
            r'"127\.0\.0\.1:1/tollway_\d+" cannot be opened: ConnectionRefused.*Check the URL',
        ),
        (f"postgresql://tollway:{SECRET}@host.invalid:5432/DB", r'"host\.invalid:5432/tollway_\d+" cannot be opened'),
        (f"postgresql://nobody-here:{SECRET}@127.0.0.1:PORT/DB", 'role "nobody-here" does not exist'),
        (f"postgresql://tollway:{SECRET}@127.0.0.1:PORT/nowhere", 'database "nowhere" does not exist'),
        (f"postgresql://tollway:{SECRET}@127.0.0.1:PORT/DB?sslmode=require", "cannot be opened: .*SSL"),
        (f"postgresql://tollway:{SECRET}@127.0.0.1:PORT/DB?sslmode=perhaps", "cannot be opened: .*sslmode"),
        (f"postgresql://tollway:{SECRET}@127.0.0.1:PORT/DB?no_such_thing=1", 'cannot be opened: .*"no_such_thing"'),
        (f"mysql://tollway:{SECRET}@127.0.0.1:PORT/DB", "cannot be opened"),
    ],
)
async def test_a_url_that_leads_nowhere_is_told_without_its_password(
    postgres_url: str, postgres_server: PostgresServer, wrong: str, told: str
) -> None:
    url = wrong.replace("PORT", str(postgres_server.port)).replace("DB", postgres_url.rpartition("/")[2])
    database = PostgresDatabase(url)
    with pytest.raises(StoreUnavailable, match=told) as refused:
        await database.open(count, Nothing)
    assert SECRET not in str(refused.value)
    assert not database.is_open
    with pytest.raises(StoreUnavailable) as refused:
        await database.query(count)
    assert SECRET not in str(refused.value)
    with pytest.raises(StoreUnavailable):
        database.look_up(count)
    await database.close()


async def test_a_wrong_password_is_told_and_not_shown(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(url: str, **_: Any) -> None:
        raise asyncpg.InvalidPasswordError('password authentication failed for user "tollway"')

    monkeypatch.setattr(driver.asyncpg, "connect", refuse)
    database = PostgresDatabase(f"postgresql://tollway:{SECRET}@127.0.0.1:{postgres_server.port}/x")
    with pytest.raises(StoreUnavailable) as refused:
        await database.open(count, Nothing)
    assert str(refused.value) == (
        f'The store "127.0.0.1:{postgres_server.port}/x" cannot be opened: password authentication failed for user "tollway". '
        "Check the role, its password, and whether the server lets it in from here (pg_hba.conf)."
    )


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CONNECT_S", 0.1)
    with postgres_server.silenced(postgres_url):
        with pytest.raises(StoreUnavailable, match="cannot be opened: TimeoutError"):
            await PostgresDatabase(postgres_url).open(count, Nothing)
        with pytest.raises(StoreUnavailable, match="cannot be read: TimeoutError"):
            await PostgresDatabase(postgres_url).query(count)


async def test_a_question_that_fails_is_an_unavailable_store_and_its_own_mistake_stays_one(
    database: PostgresDatabase,
) -> None:
    with pytest.raises(StoreUnavailable, match=r'cannot be read: relation "nowhere" does not exist'):
        await database.query(lambda reading: reading.execute("SELECT * FROM nowhere").fetchall())
    with pytest.raises(StoreUnavailable, match="read-only transaction"):
        await database.query(mark)

    def wrong(reading: Connection) -> None:
        with reading:
            raise KeyError("no such field")

    with pytest.raises(KeyError, match="no such field"):
        await database.query(wrong)
    assert await database.query(count) == 0


async def test_fifty_questions_at_a_time_are_all_answered_by_a_few_readers(
    database: PostgresDatabase, postgres_server: PostgresServer, postgres_url: str
) -> None:
    now, most, together = 0, 0, threading.Lock()

    def look(number: int, reading: Connection) -> tuple[int, int]:
        nonlocal now, most
        with together:
            now += 1
            most = max(most, now)
        answered = reading.execute("SELECT ? + 0", (number,)).get
        pid = who(reading)
        with together:
            now -= 1
        return answered, pid

    answers = await asyncio.gather(
        *(database.query(lambda reading, number=number: look(number, reading)) for number in range(50))
    )
    assert [number for number, _ in answers] == list(range(50))
    assert 1 <= most <= READERS
    assert len({pid for _, pid in answers}) <= READERS
    # Its writer, and those that read.
    assert postgres_server.connections(postgres_url) <= READERS + 1
    await database.close()
    assert postgres_server.connections(postgres_url) == 0


async def test_a_reader_that_the_server_dropped_is_replaced(
    database: PostgresDatabase, postgres_server: PostgresServer, postgres_url: str
) -> None:
    first = await database.query(who)
    assert await database.query(who) == first
    looked = database.look_up(who)
    assert database.look_up(who) == looked
    await asyncio.to_thread(postgres_server.disconnect, postgres_url)
    again = await database.query(who)
    assert again != first
    assert await database.query(who) == again
    assert database.look_up(who) != looked
    # A failed question costs the reader that asked it, and no more.
    with pytest.raises(StoreUnavailable):
        await database.query(lambda reading: reading.execute("nonsense"))
    assert await database.query(count) == 0


async def test_a_look_up_is_answered_while_the_loop_waits_for_it_and_sees_what_was_committed_since(
    database: PostgresDatabase,
) -> None:
    assert database.look_up(count) == 0
    asking = asyncio.ensure_future(database.query(count))
    await database.change(mark)
    assert database.look_up(count) == 1
    assert await asking in (0, 1)
    with pytest.raises(StoreUnavailable, match="read-only"):
        database.look_up(mark)
    assert database.look_up(count) == 1


async def test_a_look_up_does_not_keep_the_loop_waiting_for_a_server_that_is_away(
    database: PostgresDatabase, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(postgres_server.stop, at_once=True)
    # The first is told that the connection broke, the second that there is no other.
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await database.change(mark)
    assert database.writer.broken is not None
    asked: list[str] = []
    monkeypatch.setattr(module, "Connection", lambda *_, **__: asked.append("connected"))
    with pytest.raises(StoreUnavailable, match="cannot be read now: The ledger cannot be written now"):
        database.look_up(count)
    assert asked == []
    monkeypatch.undo()
    await asyncio.to_thread(postgres_server.start)
    await database.writer.flush()
    # Neither was written before the server was stopped; that it can be written again is seen by a row of that name.
    assert database.look_up(count) == 1
