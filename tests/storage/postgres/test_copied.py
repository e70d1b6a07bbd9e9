"""A store moved from its file to PostgreSQL: row by row the same, whole by every check there is, and it goes on from there."""

import asyncio
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tollway.alerts import Snooze
from tollway.errors import StoreUnavailable
from tollway.logs.record import Decision
from tollway.logs.remark import Patch
from tollway.statements.month import Month
from tollway.storage.at_rest import at_rest
from tollway.storage.conformance.cabinet import kept
from tollway.storage.conformance.controls import control
from tollway.storage.conformance.jobs import batch
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.remembered import change, event
from tollway.storage.conformance.values import NOW, entry, held, hold, metered, opening
from tollway.storage.postgres.copied import copy
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.protocol import Known
from tollway.storage.schema import metadata
from tollway.storage.sql import stopped
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore

TABLES = sorted(metadata.tables)
DENIED = (Decision(step="reserve", outcome="deny"),)


async def filled(store: SqlStore) -> None:
    """Some of everything."""
    await store.open(NOW)
    for number in range(20):
        made = await held(store, f"r{number}", metered("a", 10, 10**9), hold("b", 10, 10**9))
        await store.ledger.extend(made.id, 20 + number, NOW)
        store.ledger.settle(entry(made, 5 + number, "presumed" if number % 7 == 0 else "charge"))
        store.ledger.settle(
            spending(f"s{number}", number, user=f"ü{number % 3}", metadata={"team": "ml", "'": '"\\n'}, at=NOW + number)
        )
    store.ledger.release((await held(store, "back", hold("a", 10, 10**9))).id, "not_sent", NOW)
    await held(store, "open", metered("a", 10, 10**9))
    await store.ledger.extend("open.1", 33, NOW)
    await store.ledger.move(opening("o", 5, "b"))
    store.ledger.settle(spending("wide", 2**62, "credit"))
    await store.ledger.control(control("freeze", "a"), NOW)
    for number in range(30):
        more: Any = {"status": 429, "code": "budget_exceeded", "decisions": DENIED} if number % 3 == 0 else {}
        store.records.write(record(f"r{number}", NOW + number * 1_000, user=f"ü{number % 3}", **more))
    await store.records.flush()
    await store.logged.remark(Patch(feedback=1), request_id="r1", recorded_at=NOW, at=NOW, by="ann")
    for number in range(3):
        await store.audit.append(change("budget.changed", f"b{number}", after='{"é": 1}'))
    await store.outbox.raise_(event("e1", "k1"))
    await store.outbox.snooze(Snooze(target="a", until=NOW + 9, by="ann"))
    await store.jobs.remember(batch("openai/b1"))
    await store.config.save("budgets: []  # 'quoted'", by="admin", at=NOW)
    await store.budgets.remember(Known(budget="a", fingerprint="f", since=NOW, settled=True))
    await store.cabinet.put(kept("k", b"\x00\xff"))
    await store.ledger.flush()
    while await store.analytics.roll():
        pass
    assert await store.billing.freeze(Month(2026, 6), "user", ZoneInfo("UTC"), at=NOW, frozen_by="ann", word="w")
    assert await store.billing.freeze(Month(2026, 7), "user", ZoneInfo("UTC"), at=NOW, frozen_by="ann", word="w")


async def aged(store: SqlStore) -> None:
    """As if what was logged were of an older version, and some of it listed since."""

    def forget(writing: Any) -> None:
        writing.execute("DELETE FROM stops")
        writing.execute("DELETE FROM marks WHERE name = 'stops'")

    await store._database.change(forget)
    assert await store.analytics.roll() is True


def rows_of(place: Path | str, table: str) -> list[Any]:
    key = ", ".join(f'"{column.name}"' for column in metadata.tables[table].primary_key)
    names = ", ".join(f'"{column.name}"' for column in metadata.tables[table].columns)
    with at_rest(place) as resting, resting.reading() as reading:
        return [tuple(row) for row in reading.execute(f'SELECT {names} FROM "{table}" ORDER BY {key}')]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a store with rows in every table; of the older part of its log, not all is listed."""
    monkeypatch.setattr(stopped, "LISTED_AT_ONCE", 12)

    async def fill() -> None:
        store = SqliteStore(tmp_path)
        await filled(store)
        await aged(store)
        await store.close()

    asyncio.run(fill())
    return tmp_path


def test_every_row_of_every_table_arrives_as_it_was(folder: Path, postgres_url: str) -> None:
    told: dict[str, int] = {}
    number = copy(folder, postgres_url, told.__setitem__)
    assert sorted(told) == TABLES and sum(told.values()) == number
    for table in TABLES:
        sent, arrived = rows_of(folder, table), rows_of(postgres_url, table)
        # Texts of JSON and names are as they were; what a database cannot hold has a test of its own.
        assert arrived == sent, table
        assert len(sent) == told[table] > 0, table


def test_what_was_stopped_is_told_as_before_and_the_rest_of_the_log_is_listed_there(
    folder: Path, postgres_url: str
) -> None:
    copy(folder, postgres_url, lambda table, rows: None)

    async def told(store: SqlStore) -> list[Any]:
        await store.open(NOW)
        span = {"since": NOW, "until": NOW + 30_000}
        found = [await store.analytics.stops(**span)]
        while await store.analytics.roll():
            pass
        found.append(await store.analytics.stops(**span))
        assert await store.ledger.verify() == []
        await store.close()
        return found

    of_server, of_file = asyncio.run(told(PostgresStore(postgres_url, folder))), asyncio.run(told(SqliteStore(folder)))
    assert of_server == of_file
    partly, whole = of_server
    assert partly.refused_since > whole.refused_since == NOW
    assert sum(one.requests for one in whole.refused) == 10 > sum(one.requests for one in partly.refused) > 0


def test_a_database_with_rows_in_it_is_refused_and_stays_as_it_is(folder: Path, postgres_url: str) -> None:
    copy(folder, postgres_url, lambda table, rows: None)
    before = rows_of(postgres_url, "entries")
    with pytest.raises(StoreUnavailable, match="has a store with rows in it already"):
        copy(folder, postgres_url, lambda table, rows: None)
    assert rows_of(postgres_url, "entries") == before
