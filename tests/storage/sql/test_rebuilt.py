"""Rebuilding makes the rollups that keeping them would have made."""

import shutil
from pathlib import Path

import pytest
from tests.storage.sqlite.rolling import HOUR, START

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sql.rebuilt import rebuild
from tollway.storage.sql.verified import verify
from tollway.storage.sqlite import SqliteStore, connection


async def test_rollups_that_were_spoiled_are_right_afterwards_and_the_figures_of_the_log_stay(
    blank: Path, tmp_path: Path
) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    for number in range(250):
        store.ledger.settle(spending(f"r{number}", number, at=START + number * HOUR, user="ann"))
        store.records.write(record(f"r{number}", START + number * HOUR))
    await store.records.flush()
    await store.ledger.flush()
    while await store.analytics.roll():
        pass
    await store.close()
    assert verify(tmp_path).differences == []
    writing = connection.writer(tmp_path / connection.FILE, "normal")
    traffic = writing.execute("SELECT * FROM traffic").fetchall()
    kept = writing.execute("SELECT * FROM spending ORDER BY 1, 2, 3, 4").fetchall()
    sittings = writing.execute("SELECT * FROM sittings").fetchall()
    writing.execute("UPDATE spending SET amount_nanodollars = amount_nanodollars * 2")
    writing.close()
    assert verify(tmp_path).differences
    assert rebuild(tmp_path) == 250
    assert verify(tmp_path) == (250, 0, [], None)
    reading = connection.reader(tmp_path / connection.FILE)
    assert reading.execute("SELECT * FROM traffic").fetchall() == traffic
    assert reading.execute("SELECT * FROM spending ORDER BY 1, 2, 3, 4").fetchall() == kept
    assert reading.execute("SELECT * FROM sittings").fetchall() == sittings
    reading.close()


async def test_a_folder_in_use_is_left_alone(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    with pytest.raises(StoreUnavailable, match="in use"):
        rebuild(tmp_path)
    await store.close()


def test_a_folder_without_a_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no store"):
        rebuild(tmp_path)


async def test_a_rebuild_that_fails_leaves_everything_as_it_was_and_is_told_by_verifying(
    blank: Path, tmp_path: Path
) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    for number in range(20):
        store.ledger.settle(spending(f"r{number}", number, at=START + number * HOUR, user="ann"))
    await store.ledger.flush()
    await store.analytics.roll()
    store.ledger.settle(spending("late", 5, at=START, user="ann"))
    await store.close()
    assert verify(tmp_path) == (20, 1, [], None)
    writing = connection.writer(tmp_path / connection.FILE, "normal")
    writing.execute("CREATE TRIGGER spoilt BEFORE INSERT ON sittings BEGIN SELECT RAISE(ABORT, 'spoilt'); END")
    before = writing.execute("SELECT * FROM spending ORDER BY 1, 2, 3, 4").fetchall()
    writing.close()
    with pytest.raises(StoreUnavailable, match="spoilt"):
        rebuild(tmp_path)
    reading = connection.reader(tmp_path / connection.FILE)
    assert reading.execute("SELECT * FROM spending ORDER BY 1, 2, 3, 4").fetchall() == before
    reading.close()
    found = verify(tmp_path)
    assert found[:3] == (20, 1, []) and found.stuck is not None and "spoilt" in found.stuck
