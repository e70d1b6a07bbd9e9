"""Money through every way that a server can be lost: nothing is lost, nothing is booked twice, and it goes on by itself."""

import asyncio
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.postgres import PostgresServer
from tests.storage.postgres.conftest import Cut, When, until

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Exhausted, Gone, Held, Reservation
from tollway.storage.conformance.values import NOW, assert_sound, at, entry, held, metered, reservation, written
from tollway.storage.postgres import database
from tollway.storage.postgres.driver import asyncpg
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.postgres.writer import PostgresWriter
from tollway.storage.sql import writer as sql_writer

LIMIT = 10**12


def ask(identity: str, amount: int = 10, *, lenient: bool = False) -> Reservation:
    return msgspec.structs.replace(reservation(identity, metered("a", amount, LIMIT)), lenient=lenient)


async def reserved(store: PostgresStore, identity: str) -> Reservation:
    return await held(store, identity, metered("a", 10, LIMIT))


def works(store: PostgresStore) -> bool:
    return store.ledger.unavailable is None


async def broken(store: PostgresStore) -> None:
    """Asks until the server is known to be gone."""
    number = 0
    while works(store):
        number += 1
        with pytest.raises(StoreUnavailable):
            await store.ledger.reserve(ask(f"while-it-breaks-{number}"), NOW)


async def stored(store: PostgresStore, statement: str) -> list[Any]:
    return await store._database.query(lambda reading: reading.execute(statement).fetchall())


async def one_after_another(url: str, folder: Path, *gone: PostgresStore) -> tuple[PostgresStore, dict[str, int]]:
    """What a process finds that starts after those before it were killed, and what it presumes."""
    for each in gone:
        await asyncio.to_thread(each._database.writer._connection.abandon)  # type: ignore[attr-defined]
    again = PostgresStore(url, folder)
    while True:
        try:
            presumed = await again.open(NOW + 1)
        except StoreUnavailable as error:
            # The server has not noticed yet.
            assert "in use by another" in str(error)
        else:
            return again, {each.reservation_id: each.charge.amount for each in presumed}


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_wherever_the_connection_breaks_everything_is_booked_once_and_nothing_stays_held(
    store: PostgresStore, cut: Cut, when: When, twice: bool, postgres_url: str, tmp_path: Path
) -> None:
    booked: dict[str, int] = {}
    refused: set[str] = set()
    place = 0
    while True:
        grown, spent, given_back = [await reserved(store, f"{name}{place}") for name in ("grown", "spent", "back")]
        cut.at(place, when, place * 3 % 13 if twice else -1)
        asking = [
            asyncio.ensure_future(store.ledger.reserve(ask(f"strict{place}"), NOW)),
            asyncio.ensure_future(store.ledger.extend(grown.id, 30, NOW)),
            asyncio.ensure_future(store.ledger.reserve(ask(f"lenient{place}", lenient=True), NOW)),
        ]
        store.ledger.settle(entry(spent, 7))
        store.ledger.release(given_back.id, "not_sent", NOW)
        strict, extended, lenient = await asyncio.gather(*asking, return_exceptions=True)
        await until(lambda: works(store))
        await store.ledger.flush()
        # All of a commit has been gone through, from BEGIN to COMMIT.
        if not cut.came:
            break
        booked[spent.id] = 7
        assert isinstance(lenient, Held)
        for name, answer in ((f"strict{place}.1", strict), (grown.id, extended)):
            if isinstance(answer, StoreUnavailable):
                refused.add(name)
            else:
                assert isinstance(answer, Held)
        open_now = {each.id: each.bound for each in store.ledger.open_reservations()}
        assert (f"strict{place}.1" in open_now) is (f"strict{place}.1" not in refused)
        assert open_now[grown.id] == (10 if grown.id in refused else 30)
        assert spent.id not in open_now and given_back.id not in open_now
        await assert_sound(store)
        place += 1
    assert place >= 6
    # But for BEGIN, behind which nothing has been told yet.
    assert len(refused) >= 2 * 5
    assert twice or not {"strict0.1", "grown0.1"} & refused
    presumable = {each.id: each.bound for each in store.ledger.open_reservations()}
    entries = await written(store)
    assert {each.reservation_id: each.charge.amount for each in entries} == booked | {f"spent{place}.1": 7}
    assert max(Counter(each.id for each in entries).values()) == 1
    assert at(store) == (7 * (place + 1), sum(presumable.values()))
    numbers = [row[0] for row in await stored(store, "SELECT seq FROM entries ORDER BY seq")]
    assert numbers == list(range(1, place + 2))
    again, presumed = await one_after_another(postgres_url, tmp_path, store)
    assert presumed == presumable
    assert at(again) == (7 * (place + 1) + sum(presumable.values()), 0)
    await assert_sound(again)
    await again.close()


async def test_a_refused_reserve_that_was_written_all_the_same_is_ended_and_its_id_is_never_taken_up(
    store: PostgresStore, cut: Cut
) -> None:
    # Behind BEGIN: the intent prepared and asked in one, COMMIT.
    for place in range(1, 10):
        cut.at(place, "after")
        with pytest.raises(StoreUnavailable):
            await store.ledger.reserve(ask(f"r{place}"), NOW)
        assert at(store) == (0, 0)
        await until(lambda: works(store))
        await store.ledger.flush()
        assert cut.came
        if f"r{place}.1" in {row[0] for row in await stored(store, "SELECT reservation_id FROM intents")}:
            break
    else:
        pytest.fail("no commit was reached")
    assert await stored(store, f"SELECT code FROM releases WHERE reservation_id = 'r{place}.1'") == [("not_written",)]
    assert await store.ledger.reserve(ask(f"r{place}"), NOW) == Gone("released")
    await assert_sound(store)


async def test_the_server_drops_its_connections_again_and_again_while_money_moves(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    charged: dict[str, int] = {}
    open_yet: set[str] = set()
    stop = asyncio.Event()

    async def spend(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            made = ask(f"w{worker}-{number}", lenient=worker == 0)
            try:
                assert isinstance(await store.ledger.reserve(made, NOW), Held)
                open_yet.add(made.id)
                await store.ledger.extend(made.id, 20, NOW)
            except StoreUnavailable:
                await until(lambda: works(store) or stop.is_set())
            if made.id in open_yet and number % 3:
                store.ledger.settle(entry(made, number % 10 + 1))
                charged[made.id] = number % 10 + 1
                open_yet.discard(made.id)
            await asyncio.sleep(0)

    spending = [asyncio.create_task(spend(worker)) for worker in range(4)]
    sessions: set[Any] = set()
    for _ in range(6):
        before = len(charged)
        await until(lambda before=before: len(charged) > before + 20 and works(store))
        sessions.add(store._database._session)  # type: ignore[attr-defined]
        # Its writer and its readers.
        assert await asyncio.to_thread(postgres_server.disconnect, postgres_url) >= 1
    await until(lambda: works(store))
    stop.set()
    await asyncio.gather(*spending)
    await until(lambda: works(store))
    await assert_sound(store)
    assert len(sessions) == 6
    entries = await written(store) if len(charged) < 1_000 else None
    if entries is not None:
        assert {each.reservation_id: each.charge.amount for each in entries} == charged
    (count,) = (await stored(store, "SELECT count(*) FROM entries"))[0]
    assert count == len(charged)
    assert at(store)[0] == sum(charged.values())
    assert {each.id for each in store.ledger.open_reservations()} == open_yet
    bounds = {each.id: each.bound for each in store.ledger.open_reservations()}
    again, presumed = await one_after_another(postgres_url, tmp_path, store)
    assert presumed == bounds
    await assert_sound(again)
    await again.close()


async def test_while_the_server_is_away_nothing_new_is_reserved_but_what_may_go_on_without_it(
    store: PostgresStore, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = [await reserved(store, name) for name in ("one", "two", "three")]
    await asyncio.to_thread(postgres_server.stop, at_once=True)
    with caplog.at_level(logging.ERROR, "tollway.storage"):
        await broken(store)
    with pytest.raises(StoreUnavailable) as refusal:
        await store.ledger.reserve(ask("strict"), NOW)
    name = f"127.0.0.1:{postgres_server.port}/tollway_"
    assert f'check that PostgreSQL answers at "{name}' in str(refusal.value)
    assert "Nothing new is reserved until it can" in str(refusal.value)
    with pytest.raises(StoreUnavailable):
        await store.ledger.extend(first.id, 50, NOW)
    assert at(store) == (0, 30)
    # What was promised before is kept, and what may go on without the ledger does.
    store.ledger.settle(entry(first, 5))
    store.ledger.release(second.id, "not_sent", NOW)
    verdict = await store.ledger.reserve(ask("lenient", lenient=True), NOW)
    assert isinstance(verdict, Held) and verdict.unwritten
    assert store.ledger.unwritten.waiting == 1
    raised = await store.ledger.extend("lenient.1", 25, NOW)
    assert isinstance(raised, Held)
    passing = ask("passing", lenient=True)
    assert isinstance(await store.ledger.reserve(passing, NOW), Held)
    store.ledger.settle(entry(passing, 4))
    tight = msgspec.structs.replace(reservation("tight", metered("a", LIMIT, LIMIT)), lenient=True)
    assert isinstance(await store.ledger.reserve(tight, NOW), Exhausted)
    # Whether this one had ended before cannot be looked up.
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(msgspec.structs.replace(tight, opened_at=NOW - 1_000), NOW)
    assert at(store) == (9, 35)
    with pytest.raises(StoreUnavailable):
        await store.records.record("r")
    with pytest.raises(StoreUnavailable):
        await store.ledger.flush()
    await asyncio.to_thread(postgres_server.start)
    await until(lambda: works(store))
    await reserved(store, "afterwards")
    assert {each.reservation_id: each.charge.amount for each in await written(store)} == {"one.1": 5, "passing.1": 4}
    assert store.ledger.unwritten.waiting == 0
    assert {each.id: each.bound for each in store.ledger.open_reservations()} == {
        third.id: 10,
        "lenient.1": 25,
        "afterwards.1": 10,
    }
    await assert_sound(store)


async def test_a_server_that_says_nothing_is_given_up_and_taken_up_again(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await reserved(store, "r")
    store._database.writer._connection._answer_s = 0.05  # type: ignore[attr-defined]
    monkeypatch.setattr("tollway.storage.postgres.driver.CONNECT_S", 0.3)
    with postgres_server.silenced(postgres_url):
        with pytest.raises(StoreUnavailable, match=r"cannot be written now \(TimeoutError\)"):
            await store.ledger.reserve(ask("s"), NOW)
        store.ledger.settle(entry(made, 5))
        assert at(store) == (5, 0)
    # The other end of what was given up lets go of the lock as soon as it can.
    await until(lambda: works(store))
    await reserved(store, "t")
    assert [each.reservation_id for each in await written(store)] == ["r.1"]
    await assert_sound(store)


async def test_a_second_gateway_that_came_in_meanwhile_keeps_the_first_one_out_for_ever(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    made = await reserved(store, "r")
    second = PostgresStore(postgres_url, tmp_path / "second")
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await second.open(NOW)
    # As a server does that was cut off from the first, and gave it up.
    holding = store._database.writer
    await holding.flush()
    await asyncio.to_thread(postgres_server.disconnect, postgres_url)
    presumed = await second.open(NOW + 1)
    assert {each.reservation_id: each.charge.amount for each in presumed} == {"r.1": 10}
    store.ledger.settle(entry(made, 5))
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(ask("first"), NOW)
    await until(lambda: "in use by another Tollway" in (store.ledger.unavailable or ""))
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        await store.ledger.flush()
    assert isinstance(await second.ledger.reserve(ask("second"), NOW + 1), Held)
    second.ledger.settle(entry(ask("second"), 3))
    await second.close()
    # The lock is free again, but what the first one counts is not what is there.
    await until(lambda: "Restart this one" in (store.ledger.unavailable or ""))
    with pytest.raises(StoreUnavailable, match="was in use by another Tollway since this one opened it"):
        await store.ledger.flush()
    third = PostgresStore(postgres_url, tmp_path / "third")
    assert not await third.open(NOW + 2)
    assert {each.reservation_id: each.kind for each in await written(third)} == {
        "r.1": "presumed",
        "second.1": "charge",
    }
    assert at(third) == (13, 0)
    await assert_sound(third)
    await third.close()
    with pytest.raises(StoreUnavailable, match=r"1 ledger entries could not be written before closing: .*Restart"):
        await store.close()


async def test_a_job_that_fails_leaves_nothing_behind_and_the_ledger_goes_on(store: PostgresStore) -> None:
    def wrong(connection: Any) -> None:
        connection.execute("INSERT INTO marks VALUES ('x', 1)")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store._database.change(wrong)
    assert await stored(store, "SELECT seq FROM marks WHERE name = 'x'") == []
    with pytest.raises(StoreUnavailable, match=r'does not take this \(.*"nonsense".*This is a defect'):
        await store._database.change(lambda connection: connection.execute("nonsense"))
    assert works(store)
    await reserved(store, "r")
    await assert_sound(store)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_job_whose_connection_breaks_is_told_so_and_what_is_written_next_is_written_once(
    store: PostgresStore, cut: Cut, when: When
) -> None:
    made = await reserved(store, "r")

    def work(connection: Any) -> None:
        connection.execute("INSERT INTO marks VALUES ('x', 1) ON CONFLICT DO NOTHING")

    # Its COMMIT is the third wait.
    cut.at(2, when)
    with pytest.raises(StoreUnavailable, match="cannot be written now"):
        await store._database.change(work)
    assert cut.came
    assert await stored(store, "SELECT seq FROM marks WHERE name = 'x'") == ([(1,)] if when == "after" else [])
    store.ledger.settle(entry(made, 5))
    assert [each.charge.amount for each in await written(store)] == [5]
    await store._database.change(work)
    await assert_sound(store)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (asyncpg.DiskFullError("could not extend file"), r"cannot be written now \(DiskFullError: could not extend"),
        (asyncpg.TooManyConnectionsError("sorry"), "has room"),
        (asyncpg.ReadOnlySQLTransactionError("read-only"), "check that PostgreSQL answers at"),
        (asyncpg.AdminShutdownError("terminating"), "cannot be written now"),
        (ConnectionResetError(), r"now \(ConnectionResetError\)"),
        (asyncpg.UndefinedColumnError("no such column"), r"does not take this \(.*This is a defect. Please report it"),
    ],
)
async def test_what_the_server_says_is_told_with_the_way_out(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str
) -> None:
    made = await reserved(store, "r")
    with monkeypatch.context() as patched:
        patched.setattr("tollway.storage.postgres.writer.write", lambda *_, **__: _raise(raised))
        with pytest.raises(StoreUnavailable, match=told):
            await store.ledger.reserve(ask("s"), NOW)
        assert not works(store)
        assert at(store) == (0, 10)
    await until(lambda: works(store))
    store.ledger.settle(entry(made, 5))
    await assert_sound(store)


def _raise(error: Exception) -> Any:
    raise error


async def test_a_thousand_that_wait_are_not_tried_before_one_can_be_written(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, bool]] = []
    made = database.PostgresWriter._attempt
    from tollway.storage.postgres import writer

    real = writer.write
    failing = True

    def write(connection: Any, batch: Any, *, again: bool) -> Any:
        tried.append((len(batch.late), batch.probe))
        if failing:
            raise asyncpg.DiskFullError("full")
        return real(connection, batch, again=again)

    assert made is PostgresWriter._attempt
    monkeypatch.setattr(writer, "write", write)
    monkeypatch.setattr(sql_writer, "RETRY_S", 60.0)
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(ask("strict"), NOW)
    for number in range(1_000):
        assert isinstance(await store.ledger.reserve(ask(f"l{number}", lenient=True), NOW), Held)
    tried.clear()
    with pytest.raises(StoreUnavailable):
        await store.ledger.flush()
    assert tried == [(0, True)]
    failing = False
    await store.ledger.flush()
    assert tried == [(0, True), (0, True), (1_000, True)]
    assert await stored(store, "SELECT count(*) FROM intents") == [(1_000,)]
    await assert_sound(store)


async def test_closing_while_the_server_is_away_says_what_could_not_be_written(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    made = await reserved(store, "r")
    await asyncio.to_thread(postgres_server.stop, at_once=True)
    store.ledger.settle(entry(made, 5))
    with pytest.raises(StoreUnavailable, match="1 ledger entries could not be written before closing"):
        await store._database.close()
    assert not store._database.is_open
    await asyncio.to_thread(postgres_server.start)
    again = PostgresStore(postgres_url, tmp_path)
    assert [each.charge.amount for each in await again.open(NOW)] == [10]
    await again.close()
