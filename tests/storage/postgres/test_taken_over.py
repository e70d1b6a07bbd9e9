"""A server that is another one than it was, forgot what it was told, or takes nothing any more; and somebody else who came in."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import PostgresServer
from tests.storage.postgres.conftest import until
from tests.storage.postgres.pooler import pooling

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import NOW, assert_sound, at, entry, held, metered, reservation, written
from tollway.storage.postgres import schema, writer
from tollway.storage.postgres.database import PostgresDatabase
from tollway.storage.postgres.driver import Connection, Superseded
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.verified import verify


async def spent(store: PostgresStore, identity: str, amount: int = 5) -> None:
    made = await held(store, identity, metered("a", 10, 10**9))
    store.ledger.settle(entry(made, amount))
    await store.ledger.flush()


def ask(identity: str) -> Any:
    return reservation(identity, metered("a", 10, 10**9))


async def forgotten(server: PostgresServer, url: str, *statements: str) -> None:
    """What a standby lacks that took over, or a backup that was restored."""

    def forget() -> None:
        server.disconnect(url)
        database = url.rpartition("/")[2]
        server.ask(";".join(("SET session_replication_role = replica", *statements)), database)

    await asyncio.to_thread(forget)


async def test_a_connection_that_ended_while_nobody_used_it_costs_no_request(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await spent(store, "before")
    with caplog.at_level(logging.INFO, "tollway.storage"):
        await asyncio.to_thread(postgres_server.disconnect, postgres_url)
        await spent(store, "after")
        await asyncio.to_thread(postgres_server.stop)
        await asyncio.to_thread(postgres_server.start)
        assert await store._database.change(lambda writing: writing.execute("SELECT 3").get) == 3
        await spent(store, "later")
    assert caplog.messages == []
    assert at(store) == (15, 0)
    assert [each.reservation_id for each in await written(store)] == ["later.1", "after.1", "before.1"]
    await assert_sound(store)


async def test_a_server_without_the_last_entry_is_written_to_by_nobody_who_knows_of_it(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    for identity in ("one", "two", "three"):
        await spent(store, identity)
    await forgotten(postgres_server, postgres_url, "DELETE FROM entries WHERE seq = 3")
    for _ in range(2):
        with pytest.raises(
            StoreUnavailable, match="has lost what was written to it: entry 3 of the ledger is not there"
        ):
            await store.ledger.flush() if store.ledger.unavailable else await store.ledger.reserve(ask("four"), NOW)
    assert "then restart this gateway" in (store.ledger.unavailable or "")
    assert at(store) == (15, 0)
    # Nobody is kept out by who may write nothing any more; what is there is what a start counts.
    again = PostgresStore(postgres_url, tmp_path / "again")
    assert [each.reservation_id for each in await again.open(NOW)] == ["three.1"]
    assert at(again) == (5 + 5 + 10, 0)
    await assert_sound(again)
    await again.close()
    with pytest.raises(StoreUnavailable, match="has lost what was written to it"):
        await store.ledger.flush()


async def test_a_server_that_lacks_what_was_there_at_the_start_is_known_too(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    await spent(store, "one")
    await store.close()
    again = PostgresStore(postgres_url, tmp_path)
    await again.open(NOW)
    await forgotten(postgres_server, postgres_url, "DELETE FROM entries")
    with pytest.raises(StoreUnavailable, match="entry 1 of the ledger is not there"):
        await again.ledger.reserve(ask("two"), NOW)
    with pytest.raises(StoreUnavailable, match="lost"):
        await again.close()


async def test_a_server_without_the_last_intent_is_found_out_whichever_way_it_ended(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    await spent(store, "one")
    back = await held(store, "back", metered("a", 10, 10**9))
    store.ledger.release(back.id, "not_sent", NOW)
    await store.ledger.flush()
    await store.prune(NOW)
    # It is gone from the intents, and known all the same.
    await forgotten(postgres_server, postgres_url, "DELETE FROM intents")
    await spent(store, "two")
    await held(store, "open", metered("a", 10, 10**9))
    await forgotten(postgres_server, postgres_url, "DELETE FROM intents")
    with pytest.raises(StoreUnavailable, match=r"has lost what was written to it: reservation open\.1 is not there"):
        await store.ledger.reserve(ask("three"), NOW)


async def test_an_intent_of_long_ago_need_not_be_there(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_KNOWN_FOR_S", 0.0)
    await held(store, "open", metered("a", 10, 10**9))
    await forgotten(postgres_server, postgres_url, "DELETE FROM intents")
    await spent(store, "two")


async def test_a_server_that_takes_nothing_is_asked_again_over_another_connection(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    await spent(store, "one")
    postgres_server.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await asyncio.to_thread(postgres_server.disconnect, postgres_url)
    with pytest.raises(StoreUnavailable, match=r"cannot be written now \(ReadOnlySQLTransactionError: .*read-only"):
        await store.ledger.reserve(ask("two"), NOW)
    postgres_server.ask(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    # A session has from its beginning what it was begun with; nobody ends this one.
    await until(lambda: store.ledger.unavailable is None)
    await spent(store, "three")
    assert [each.reservation_id for each in await written(store)] == ["three.1", "one.1"]
    await assert_sound(store)


async def test_whoever_opens_the_database_keeps_out_who_had_it_although_the_lock_is_still_there(
    store: PostgresStore, postgres_url: str
) -> None:
    await spent(store, "one")
    # As behind a pooler that gives the session with the lock to somebody else.
    other = await asyncio.to_thread(Connection, postgres_url, use="writing")
    assert await asyncio.to_thread(schema.count_opening, other) == 2
    with pytest.raises(StoreUnavailable, match="was in use by another Tollway since this one opened it"):
        await store.ledger.reserve(ask("two"), NOW)
    with pytest.raises(StoreUnavailable, match="Restart this one"):
        await store._database.change(lambda writing: writing.execute("SELECT 1"))
    found = await asyncio.to_thread(other.fetch, "SELECT reservation_id FROM intents ORDER BY 1")
    assert found == [("one.1",)]
    await asyncio.to_thread(other.close)


async def test_an_opening_waits_for_what_is_being_written_and_reads_it(postgres_url: str) -> None:
    first = await asyncio.to_thread(Connection, postgres_url, use="writing")
    await asyncio.to_thread(schema.upgrade, first, "x")
    schema.fence(first, await asyncio.to_thread(schema.count_opening, first), '"x"')
    second = await asyncio.to_thread(Connection, postgres_url, use="writing")
    await asyncio.to_thread(first.begin)
    counted = threading.Event()

    def open_it() -> int:
        number = schema.count_opening(second)
        counted.set()
        return number

    opening = asyncio.ensure_future(asyncio.to_thread(open_it))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while not (await asyncio.to_thread(first.fetch, waiting))[0][0]:
        pass
    await asyncio.to_thread(first.script, "INSERT INTO marks VALUES ('last', 1)")
    assert not counted.is_set()
    await asyncio.to_thread(first.execute, "COMMIT")
    assert await opening == 2
    assert (await asyncio.to_thread(second.fetch, "SELECT seq FROM marks WHERE name = 'last'")) == [(1,)]
    with pytest.raises(Superseded, match='The database "x" was in use by another Tollway'):
        await asyncio.to_thread(first.begin)
    for connection in (first, second):
        await asyncio.to_thread(connection.close)


async def test_times_that_an_administrator_set_for_others_end_no_commit_and_no_lock(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    name = postgres_url.rpartition("/")[2]
    for timeout in ("statement_timeout", "idle_session_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        postgres_server.ask(f"ALTER DATABASE {name} SET {timeout} = '50ms'")
    store = PostgresStore(postgres_url, tmp_path)
    await store.open(NOW)
    process = store._database.writer._connection.process  # type: ignore[attr-defined]
    assert await store._database.change(lambda writing: writing.execute("SELECT count(pg_sleep(0.2))").get) == 1
    postgres_server.ask("SELECT pg_sleep(0.2)")
    await spent(store, "one")
    assert store._database.writer._connection.process == process  # type: ignore[attr-defined]
    # Questions too: budgets are completed from the ledger by some, and rollups made.
    assert await store._database.query(lambda reading: reading.execute("SELECT count(pg_sleep(0.2))").get) == 1
    assert [each.reservation_id for each in await written(store)] == ["one.1"]
    await store.close()


async def test_a_server_that_stays_away_is_tried_at_longer_and_longer_pauses(store: PostgresStore) -> None:
    found = store._database.writer
    pauses: list[float] = []
    for failures in (1, 2, 3, 8, 12, 500):
        found._failures = failures  # type: ignore[attr-defined]
        pauses.append(found._pause_s())
    assert pauses == [0.001, 0.002, 0.004, 0.128, 1.0, 1.0]
    assert isinstance(await store.ledger.reserve(ask("r"), NOW), Held)
    await store.ledger.flush()
    assert found._failures == 0  # type: ignore[attr-defined]


async def test_a_pooler_that_gives_one_session_to_many_is_refused(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    with pooling(postgres_url) as pooled:
        store = PostgresStore(pooled, tmp_path)
        with pytest.raises(StoreUnavailable, match=r"is behind a pooler .* Give the address of PostgreSQL itself"):
            await store.open(NOW)
        assert not store._database.is_open
    while postgres_server.connections(postgres_url):
        pass
    # Whoever takes a turn of the session that is left has its lock.
    store = PostgresStore(postgres_url, tmp_path)
    await store.open(NOW)
    await store.close()


async def test_behind_one_that_was_not_seen_through_only_the_last_that_came_writes(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresDatabase, "_is_shared", lambda *_: False)
    with pooling(postgres_url) as pooled:
        first, second = PostgresStore(pooled, tmp_path / "first"), PostgresStore(pooled, tmp_path / "second")
        await first.open(NOW)
        under_way = await held(first, "one", metered("a", 10, 10**9))
        # The lock is its session's, so it has it.
        presumed = await second.open(NOW)
        assert [each.reservation_id for each in presumed] == ["one.1"]
        first.ledger.settle(entry(under_way, 5))
        with pytest.raises(StoreUnavailable, match="Restart this one"):
            await first.ledger.reserve(ask("two"), NOW)
        await spent(second, "three")
        assert at(second) == (15, 0)
        await assert_sound(second)
        await second.close()
        with pytest.raises(StoreUnavailable, match="Restart this one"):
            await first.close()


async def test_what_rollups_remember_of_a_server_is_not_taken_for_what_the_next_one_has(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    await spent(store, "one")
    while await store.analytics.roll():
        pass
    lost = ("contexts", "spending", "traffic", "attributes", "sittings", "meters", "calls", "apart", "stops")
    marks = "DELETE FROM marks WHERE name IN ('spending', 'traffic', 'ever', 'meters', 'meters_latest', 'stops')"
    await forgotten(postgres_server, postgres_url, *(f"DELETE FROM {table}" for table in lost), marks)
    await spent(store, "two")
    while await store.analytics.roll():
        pass
    await store.close()
    found = await asyncio.to_thread(verify, postgres_url)
    assert (found.entries, found.behind, found.differences) == (2, 0, [])
