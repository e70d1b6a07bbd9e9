"""A store moved from its file to PostgreSQL: row by row the same, whole by every check there is, and it goes on from there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.storage.postgres.filled import HELD, SPENT, fill, rows

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, assert_sound, at, held, hold
from tollway.storage.home import REMEMBERED
from tollway.storage.postgres import at_rest as postgres
from tollway.storage.postgres import copied
from tollway.storage.postgres.copied import copy
from tollway.storage.postgres.driver import Connection
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.protocol import Filter
from tollway.storage.schema import metadata
from tollway.storage.sql.examined import examine
from tollway.storage.sql.verified import verify
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite import at_rest as sqlite


def nothing(table: str, rows: int) -> None:
    return


def read(place: Path | str) -> dict[str, list[tuple[Any, ...]]]:
    """All that is there, also in a file that is not in force any more."""
    at = postgres.at_rest(place) if isinstance(place, str) else sqlite.at_rest(place)
    with at as store, store.reading() as reading:
        return rows(reading)


@pytest.mark.parametrize("at_once", [copied.AT_ONCE, 7])
async def test_every_row_of_every_table_arrives_and_every_check_finds_it_whole(
    tmp_path: Path, postgres_url: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied, "AT_ONCE", at_once)
    await fill(tmp_path)
    told: dict[str, int] = {}
    copied_rows = await asyncio.to_thread(copy, tmp_path, postgres_url, told.__setitem__)
    sent, arrived = await asyncio.to_thread(read, tmp_path), await asyncio.to_thread(read, postgres_url)
    assert arrived == sent
    assert [name for name, found in sent.items() if not found] == []
    assert told.keys() == set(metadata.tables)
    assert copied_rows == sum(told.values())
    (tmp_path / REMEMBERED).unlink()
    for examined in (await asyncio.to_thread(examine, postgres_url), await asyncio.to_thread(examine, tmp_path)):
        assert (examined.differences, examined.open, examined.held) == ([], 1, HELD)
    compared = await asyncio.to_thread(verify, postgres_url)
    assert (compared.differences, compared.behind) == ([], 0)


async def test_it_goes_on_from_there_with_numbers_that_were_never_given(tmp_path: Path, postgres_url: str) -> None:
    await fill(tmp_path)
    await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)
    store = PostgresStore(postgres_url, tmp_path)
    presumed = await store.open(NOW + 1)
    assert [(each.reservation_id, each.charge.amount) for each in presumed] == [("open.1", HELD)]
    assert at(store)[0] == SPENT + HELD
    made = await held(store, "new", hold("a", 1, 2**63 - 1))
    store.ledger.release(made.id, "not_sent", NOW)
    store.records.write(record("new", NOW))
    await store.records.flush()
    assert (await store.config.save("again", by="admin", at=NOW)).number == 2
    while await store.analytics.roll():
        pass
    assert (await store.records.records(Filter(), limit=100, cursor=None)).items[0].request_id
    assert await store.audit.verify() == []
    await assert_sound(store)
    await store.close()
    assert (await asyncio.to_thread(verify, postgres_url)).differences == []


async def test_what_does_not_arrive_leaves_nothing_behind(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(tmp_path)
    real = Connection.copy

    def lossy(connection: Connection, table: str, columns: Any, pages: Any) -> None:
        real(connection, table, columns, pages[1:] if table == "spending" else pages)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "copy", lossy)
        with pytest.raises(StoreUnavailable, match=r"Of \d+ rows of spending, \d+ arrived. Nothing was written"):
            await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)

    def cheaper(connection: Connection, table: str, columns: Any, pages: Any) -> None:
        if table == "entries":
            amount = columns.index("amount_nanodollars")
            pages = [(*row[:amount], row[amount] - (row[0] == 1), *row[amount + 1 :]) for row in pages]
        real(connection, table, columns, pages)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "copy", cheaper)
        with pytest.raises(StoreUnavailable, match="do not add up to those that were sent"):
            await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)
    assert not any((await asyncio.to_thread(read, postgres_url)).values())
    await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)
    (tmp_path / REMEMBERED).unlink()
    with pytest.raises(StoreUnavailable, match="has a store with rows in it already"):
        await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)


async def test_neither_may_be_in_use(tmp_path: Path, postgres_url: str) -> None:
    folder = tmp_path / "file"
    await fill(folder)
    file, server = SqliteStore(folder), PostgresStore(postgres_url, tmp_path)
    await file.open(NOW)
    with pytest.raises(StoreUnavailable, match="is in use by another Tollway"):
        await asyncio.to_thread(copy, folder, postgres_url, nothing)
    await file.close()
    await server.open(NOW)
    with pytest.raises(StoreUnavailable, match="is in use by another Tollway"):
        await asyncio.to_thread(copy, folder, postgres_url, nothing)
    await server.close()


async def test_a_role_that_may_make_nothing_is_told_what_it_lacks(tmp_path: Path, postgres_url: str) -> None:
    await fill(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"cannot be written: permission denied .* own the database"):
        await asyncio.to_thread(copy, tmp_path, postgres_url.rpartition("/")[0] + "/postgres", nothing)
