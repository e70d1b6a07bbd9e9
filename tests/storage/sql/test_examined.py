from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, entry, held, hold, opening
from tollway.storage.sql.examined import examine
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.driver import connect


async def filled(folder: Path) -> SqliteStore:
    store = SqliteStore(folder)
    await store.open(NOW)
    for number in range(3):
        store.ledger.settle(entry(await held(store, f"r{number}", hold("a"), hold("b")), 7))
    await store.ledger.move(opening("o", 5, "b"))
    return store


async def test_what_a_start_would_count_is_compared_with_the_entries_and_nothing_is_written(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    with pytest.raises(StoreUnavailable, match="in use"):
        examine(tmp_path)
    await store.close()
    before = (tmp_path / "tollway.db").read_bytes()
    found = examine(tmp_path)
    assert (found.entries, found.accounts, found.open, found.held) == (4, 2, 0, 0)
    assert found.kinds == {"charge": (3, 21), "opening": (1, 5)}
    assert list(found.differences) == []
    assert (tmp_path / "tollway.db").read_bytes() == before


async def test_a_balance_that_is_not_the_sum_and_an_entry_that_is_gone_are_told(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    await store.close()
    database = connect(tmp_path / "tollway.db")
    database.execute("UPDATE balances SET spent_nanodollars = 20 WHERE account = 'a'")
    database.close()
    assert 'Account "a"' in examine(tmp_path).differences[0]
    database = connect(tmp_path / "tollway.db")
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute("DELETE FROM entries WHERE seq = 2")
    database.close()
    assert "some are gone" in examine(tmp_path).differences[-1]


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="There is no store"):
        examine(tmp_path)
    (tmp_path / "tollway.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        examine(tmp_path)
