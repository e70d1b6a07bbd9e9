"""A store moved from PostgreSQL to a file: row by row the same, and the gateway goes on there."""

import asyncio
from pathlib import Path

import pytest
from tests.storage.postgres.filled import HELD, fill
from tests.storage.postgres.test_copied import nothing, read

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, assert_sound, held, hold
from tollway.storage.opening import MOVED
from tollway.storage.postgres import copied_back
from tollway.storage.postgres.copied import copy
from tollway.storage.postgres.copied_back import copy_back
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.verified import verify
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE


@pytest.mark.parametrize("at_once", [copied_back.AT_ONCE, 7])
async def test_there_and_back_again_every_row_is_as_it_was(
    tmp_path: Path, postgres_url: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied_back, "AT_ONCE", at_once)
    there, back = tmp_path / "there", tmp_path / "back"
    await fill(there)
    await asyncio.to_thread(copy, there, postgres_url, nothing)
    back.mkdir()
    (back / MOVED).write_text("localhost/tollway\n")
    told: dict[str, int] = {}
    copied_rows = await asyncio.to_thread(copy_back, postgres_url, back, told.__setitem__)
    assert copied_rows == sum(told.values()) > 200
    assert sorted(path.name for path in back.iterdir()) == ["lock", FILE]
    assert await asyncio.to_thread(read, back) == await asyncio.to_thread(read, there)
    assert (await asyncio.to_thread(verify, back)).differences == []


async def test_what_was_booked_in_the_database_is_in_the_file_and_it_goes_on_from_there(
    tmp_path: Path, postgres_url: str
) -> None:
    server = PostgresStore(postgres_url, tmp_path / "server")
    await server.open(NOW)
    await held(server, "open", hold("a", HELD, 100))
    await server.close()
    await asyncio.to_thread(copy_back, postgres_url, tmp_path / "file", nothing)
    file = SqliteStore(tmp_path / "file")
    assert [each.reservation_id for each in await file.open(NOW)] == ["open.1"]
    await assert_sound(file)
    await file.close()
    # The database stays as it is.
    again = PostgresStore(postgres_url, tmp_path / "server")
    assert [each.reservation_id for each in await again.open(NOW)] == ["open.1"]
    await again.close()


async def test_a_folder_that_has_a_store_is_left_alone(tmp_path: Path, postgres_url: str) -> None:
    await fill(tmp_path)
    before = await asyncio.to_thread(read, tmp_path)
    await asyncio.to_thread(copy, tmp_path, postgres_url, nothing)
    with pytest.raises(StoreUnavailable, match=r"has a store already \(tollway.db\). Give one without"):
        await asyncio.to_thread(copy_back, postgres_url, tmp_path, nothing)
    assert await asyncio.to_thread(read, tmp_path) == before


async def test_what_does_not_arrive_leaves_no_file_behind(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "file"
    with pytest.raises(StoreUnavailable, match="There is no store in the database"):
        await asyncio.to_thread(copy_back, postgres_url, folder, nothing)
    await fill(tmp_path / "there")
    await asyncio.to_thread(copy, tmp_path / "there", postgres_url, nothing)
    real = copied_back._pages
    with monkeypatch.context() as patched:
        patched.setattr(copied_back, "_pages", lambda *asked: [page[1:] for page in real(*asked)])
        # What is lost on the way is not counted as sent, but its money is missed.
        with pytest.raises(StoreUnavailable, match="do not add up to those that were sent"):
            await asyncio.to_thread(copy_back, postgres_url, folder, nothing)
    server = PostgresStore(postgres_url, tmp_path)
    await server.open(NOW)
    with pytest.raises(StoreUnavailable, match="is in use by another Tollway"):
        await asyncio.to_thread(copy_back, postgres_url, folder, nothing)
    await server.close()
    assert [path.name for path in folder.iterdir()] == ["lock"]
