"""A store moved from PostgreSQL to a file: row by row the same, and the gateway goes on there."""

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.storage.postgres.filled import HELD, fill
from tests.storage.postgres.test_copied import nothing, read

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, assert_sound, entry, held, hold
from tollway.storage.home import REMEMBERED, Home, remembered
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
    told: dict[str, int] = {}
    copied_rows = await asyncio.to_thread(copy_back, postgres_url, back, told.__setitem__)
    assert copied_rows == sum(told.values()) > 200
    assert sorted(path.name for path in back.iterdir()) == [REMEMBERED, "lock", FILE]
    assert remembered(there) != remembered(back)
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


async def test_what_a_killed_gateway_had_beside_its_file_is_in_no_other(tmp_path: Path, postgres_url: str) -> None:
    killed = SqliteStore(tmp_path / "killed")
    await killed.open(NOW)
    made = await held(killed, "r", hold("a", HELD, 100))
    killed.ledger.settle(entry(made, HELD))
    await killed.ledger.flush()
    folder, before = tmp_path / "folder", tmp_path / "before"
    folder.mkdir()
    before.mkdir()
    for beside in ("", "-wal", "-shm"):
        shutil.copy(tmp_path / "killed" / f"{FILE}{beside}", folder)
    await killed.close()
    assert (folder / f"{FILE}-wal").stat().st_size > 0
    shutil.copytree(folder, tmp_path / "again")
    await asyncio.to_thread(copy, folder, postgres_url, nothing)
    server = PostgresStore(postgres_url, folder)
    await server.open(NOW)
    server.ledger.settle(entry(await held(server, "s", hold("a", 5, 100)), 5))
    await server.close()
    # As the guide says, and without what is beside it: that is in it since it was copied.
    (folder / FILE).rename(before / FILE)
    await asyncio.to_thread(copy_back, postgres_url, folder, nothing)
    found = await asyncio.to_thread(read, folder)
    assert len(found["entries"]) == 2
    assert len((await asyncio.to_thread(read, before))["entries"]) == 1
    assert (await asyncio.to_thread(verify, folder)).differences == []
    # Where it was not copied from here, nothing is put beside it.
    (tmp_path / "again" / FILE).unlink()
    with pytest.raises(StoreUnavailable, match="is a part of the store that was"):
        await asyncio.to_thread(copy_back, postgres_url, tmp_path / "again", nothing)


async def test_only_the_books_that_a_folder_goes_by_are_copied(tmp_path: Path, postgres_url: str) -> None:
    await fill(tmp_path / "there")
    await asyncio.to_thread(copy, tmp_path / "there", postgres_url, nothing)
    # The file is from before now.
    with pytest.raises(StoreUnavailable, match=r"are in PostgreSQL, at .*, and not in tollway\.db"):
        await SqliteStore(tmp_path / "there").open(NOW)
    with pytest.raises(StoreUnavailable, match=r"are in PostgreSQL, at .*, and not in tollway\.db"):
        await asyncio.to_thread(copy, tmp_path / "there", postgres_url, nothing)
    (tmp_path / "there" / FILE).unlink()
    await asyncio.to_thread(copy_back, postgres_url, tmp_path / "there", nothing)
    # And now the database is.
    with pytest.raises(StoreUnavailable, match=r"are in tollway\.db, and not in PostgreSQL"):
        await PostgresStore(postgres_url, tmp_path / "there").open(NOW)
    (tmp_path / "there" / FILE).unlink()
    with pytest.raises(StoreUnavailable, match=r"are in tollway\.db, and not in PostgreSQL"):
        await asyncio.to_thread(copy_back, postgres_url, tmp_path / "there", nothing)
    Home(tmp_path / "other", postgres_url).check(None)


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
