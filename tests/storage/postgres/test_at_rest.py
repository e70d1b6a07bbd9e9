"""The database of a gateway that is stopped: read and repaired while none can open it."""

import asyncio
from pathlib import Path

import pytest
from tests.postgres import PostgresServer

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, at, entry, held, hold
from tollway.storage.postgres import schema
from tollway.storage.postgres.at_rest import at_rest
from tollway.storage.postgres.driver import Connection
from tollway.storage.postgres.store import PostgresStore

MARKS = "SELECT count(*) FROM marks WHERE name = 'x'"


@pytest.fixture
def url(postgres_url: str) -> str:
    """Of a database with an empty store."""
    connection = Connection(postgres_url, use="writing")
    schema.upgrade(connection, "x")
    connection.close()
    return postgres_url


def test_what_is_written_stays_and_what_reads_cannot_write(url: str) -> None:
    with at_rest(url) as store:
        with store.writing() as writing, writing:
            writing.execute("INSERT INTO marks VALUES ('x', 1)")
        with store.reading() as reading:
            assert reading.execute(MARKS).get == 1
    with (
        pytest.raises(StoreUnavailable, match=r"cannot be used: .*read-only"),
        at_rest(url) as store,
        store.reading() as reading,
    ):
        reading.execute("DELETE FROM marks")
    with at_rest(url) as store, store.reading() as reading:
        assert reading.execute(MARKS).get == 1


async def test_no_gateway_can_open_it_meanwhile_and_one_can_afterwards(url: str, tmp_path: Path) -> None:
    store = PostgresStore(url, tmp_path)
    held_by = at_rest(url)
    await asyncio.to_thread(held_by.__enter__)
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await store.open(NOW)
    await asyncio.to_thread(held_by.__exit__, None, None, None)
    await store.open(NOW)
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await asyncio.to_thread(held_by_somebody, url)
    await store.close()


def held_by_somebody(url: str) -> None:
    with at_rest(url):
        pass


async def test_a_gateway_that_was_cut_off_while_it_was_repaired_has_to_be_started_again(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    made = await held(store, "r", hold())

    def repair() -> None:
        postgres_server.disconnect(postgres_url)
        with at_rest(postgres_url) as stopped, stopped.writing() as writing, writing:
            writing.execute("INSERT INTO marks VALUES ('x', 1)")

    await asyncio.to_thread(repair)
    store.ledger.settle(entry(made, 5))
    with pytest.raises(StoreUnavailable):
        await store.ledger.flush()
    with pytest.raises(StoreUnavailable, match="Restart this one"):
        await store.ledger.flush()
    assert at(store) == (5, 0)


async def test_a_gateway_that_was_cut_off_while_it_was_only_read_goes_on(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    made = await held(store, "r", hold())

    def look() -> None:
        postgres_server.disconnect(postgres_url)
        with at_rest(postgres_url) as stopped, stopped.reading() as reading:
            assert reading.execute("SELECT count(*) FROM intents").get == 1

    await asyncio.to_thread(look)
    store.ledger.settle(entry(made, 5))
    await store.ledger.flush()
    assert await store.ledger.verify() == []


def test_an_empty_database_is_told_and_left_as_it_is(postgres_url: str) -> None:
    with (
        pytest.raises(StoreUnavailable, match=r'There is no store in the database "127.*/tollway_\d+"'),
        at_rest(postgres_url),
    ):
        pass
    connection = Connection(postgres_url, use="reading")
    assert schema.revision(connection) is None
    connection.close()


def test_a_database_that_is_not_there_is_told_without_a_password(postgres_server: PostgresServer) -> None:
    url = f"postgresql://tollway:hunter2@127.0.0.1:{postgres_server.port}/nowhere"
    with (
        pytest.raises(StoreUnavailable, match='cannot be used: database "nowhere" does not exist') as refused,
        at_rest(url),
    ):
        pass
    assert "hunter2" not in str(refused.value)


def test_a_mistake_of_who_looks_at_it_stays_theirs_and_the_lock_is_let_go_of(url: str) -> None:
    with pytest.raises(KeyError, match="mine"), at_rest(url) as store, store.writing():
        raise KeyError("mine")
    held_by_somebody(url)
