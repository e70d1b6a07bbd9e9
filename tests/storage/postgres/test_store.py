"""Killed at any instant, a gateway loses nothing that it acknowledged; and one that comes second is kept out."""

import asyncio
import random
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.postgres import PostgresServer

from tollway.alerts import Event, Snooze
from tollway.errors import StoreUnavailable
from tollway.ledger.change import Change
from tollway.ledger.entry import Context
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, assert_sound, at, entry, held, hold, metered, written
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.examined import examine

CRASHER = Path(__file__).with_name("crasher.py")
KILLS = 4


async def run_and_kill(url: str, folder: Path, lines: int) -> list[str]:
    """What the process said until it was killed, some time after its `lines`th line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CRASHER), url, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest = await process.stdout.read()
    await process.wait()
    whole = (b"".join(said) + rest).decode()
    # The last line may be cut off; what is not whole was not acknowledged.
    return whole[: whole.rfind("\n")].split("\n")[1:]


async def opened(url: str, folder: Path) -> tuple[PostgresStore, dict[str, int]]:
    """Once the server has noticed that who was in before is gone; what is presumed then."""
    store = PostgresStore(url, folder)
    while True:
        try:
            presumed = await store.open(NOW + 1)
        except StoreUnavailable as error:
            assert "in use by another" in str(error)
        else:
            return store, {each.reservation_id: each.charge.amount for each in presumed}


async def ask(store: PostgresStore, statement: str) -> list[Any]:
    return await store._database.query(lambda reading: reading.execute(statement).fetchall())


async def test_what_was_acknowledged_survives_a_kill(postgres_url: str, tmp_path: Path) -> None:
    random_lines = random.Random("1")
    said: dict[str, set[str]] = {"R": set(), "E": set(), "S": set(), "L": set()}
    presumed: dict[str, int] = {}
    for _ in range(KILLS):
        for line in await run_and_kill(postgres_url, tmp_path, random_lines.randrange(20, 400)):
            kind, _, identity = line.partition(" ")
            said[kind].add(identity)
        store, more = await opened(postgres_url, tmp_path)
        presumed |= more
        await assert_sound(store)
        assert not store.ledger.open_reservations()
        await store.close()
        found = await asyncio.to_thread(examine, postgres_url)
        assert (found.differences, found.open) == ([], 0)
    store, more = await opened(postgres_url, tmp_path)
    assert not more
    rows = await ask(store, "SELECT reservation_id, kind, amount_nanodollars FROM entries ORDER BY seq")
    charges = {identity for identity, kind, _ in rows if kind == "charge"}
    given_back = {row[0] for row in await ask(store, "SELECT reservation_id FROM releases")}
    assert len(rows) == len({row[0] for row in rows}) == len(charges) + len(presumed)
    assert {identity: amount for identity, kind, amount in rows if kind == "presumed"} == presumed
    assert said["S"] <= charges
    assert said["L"] <= given_back
    assert charges.isdisjoint(given_back) and charges.isdisjoint(presumed) and given_back.isdisjoint(presumed)
    # What was answered and not ended is presumed; what was ended just before the kill may be in the store without a word.
    assert said["R"] <= charges | given_back | presumed.keys()
    assert {presumed[identity] for identity in said["E"] & presumed.keys()} == {20}
    assert set(presumed.values()) == {10, 20}
    assert min(len(said["S"]), len(said["L"]), len(presumed)) > KILLS
    assert [row[0] for row in await ask(store, "SELECT seq FROM entries ORDER BY seq")] == list(range(1, len(rows) + 1))
    assert at(store, "a") == at(store, "b") == (3 * len(charges) + sum(presumed.values()), 0)
    await store.close()


async def test_a_second_process_is_refused_and_leaves_no_trace(
    store: PostgresStore, postgres_url: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CRASHER), postgres_url, str(tmp_path / "second"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"StoreUnavailable" in err
    assert b"is in use by another Tollway (server process " in err and b", from 127.0.0.1)" in err
    assert await written(store) == []
    await held(store, "r", hold())
    await assert_sound(store)


async def test_a_server_that_crashes_loses_nothing_that_was_acknowledged(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    # A server may be told to answer before anything is on its disk; not of money.
    postgres_server.ask("ALTER ROLE tollway SET synchronous_commit = off")
    try:
        store = PostgresStore(postgres_url, tmp_path)
        await store.open(NOW)
        for number in range(40):
            made = await held(store, f"r{number}", metered("a", 10, 10**6))
            if number % 2:
                store.ledger.settle(entry(made, 3))
        await store.ledger.flush()
        await asyncio.to_thread(postgres_server.stop, at_once=True)
        with pytest.raises(StoreUnavailable):
            await store.close()
        await asyncio.to_thread(postgres_server.start)
        again, presumed = await opened(postgres_url, tmp_path)
        assert presumed == {f"r{number}.1": 10 for number in range(0, 40, 2)}
        assert at(again) == (20 * 3 + 20 * 10, 0)
        await assert_sound(again)
        await again.close()
    finally:
        postgres_server.ask("ALTER ROLE tollway RESET synchronous_commit")


async def test_nothing_is_touched_before_it_is_opened_and_bodies_stay_in_the_folder(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    store = PostgresStore(postgres_url, folder)
    assert not folder.exists()
    assert postgres_server.connections(postgres_url) == 0
    with pytest.raises(StoreUnavailable, match="is not open"):
        _ = store._database.writer
    assert "is not open" in str(store.ledger.unavailable)
    await store.close()
    await store.open(NOW)
    await store.open(NOW)
    await store.close()
    await store.close()
    assert not list(folder.glob("tollway.db*"))
    assert postgres_server.connections(postgres_url) == 0


async def test_names_of_any_length_are_kept(store: PostgresStore, postgres_url: str, tmp_path: Path) -> None:
    name = "".join(map(chr, random.Random(1).choices(range(0x10000, 0x1F000), k=4_000)))
    made = await held(store, "r", metered(f"each[user={name}]", 10, 100))
    context = Context(gateway="g", provider="p", model="m", user=name, metadata={"session": name, "team": name})
    store.ledger.settle(msgspec.structs.replace(entry(made, 7), context=context))
    store.records.write(record("r", NOW, user=name, metadata={"team": name}))
    await store.records.flush()
    while await store.analytics.roll():
        pass
    await store.outbox.raise_(Event(id="e", key=name, kind="store", at=NOW, title="t", text="t"))
    await store.outbox.raise_(Event(id="f", key=name, kind="store", at=NOW, title="t", text="t"))
    await store.outbox.snooze(Snooze(target=name, until=NOW + 1, by="x"))
    await store.outbox.snooze(Snooze(target=name, until=NOW + 2, by="x"))
    await store.audit.append(Change(at=NOW, by="x", action="y", target=name))
    await store.close()
    again = PostgresStore(postgres_url, tmp_path)
    await again.open(NOW)
    assert at(again, f"each[user={name}]") == (7, 0)
    assert [each.name for each in await again.analytics.sittings(since=0, until=NOW * 2, user=name)] == [name]
    assert [(each.target, each.until) for each in await again.outbox.snoozes(NOW)] == [(name, NOW + 2)]
    assert [each.id for each in await again.outbox.events(limit=9)] == ["e"]
    assert [each.change.target for each in await again.audit.changes(target=name, limit=9)] == [name]
    await assert_sound(again)
    await again.close()
    assert (await asyncio.to_thread(examine, postgres_url)).differences == []
