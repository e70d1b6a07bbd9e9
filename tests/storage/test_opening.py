"""Which store a gateway gets, and what it says where a driver is missing."""

import sys
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.opening import of_postgres, store_at
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

URL = "postgresql://tollway@db.invalid/tollway"


def test_a_store_without_a_url_is_a_file_of_the_data_folder_and_with_one_a_database(tmp_path: Path) -> None:
    assert type(store_at(None, tmp_path, sync="normal")) is SqliteStore
    assert type(store_at(URL, tmp_path, sync="normal")) is PostgresStore
    assert not (tmp_path / FILE).exists()


def test_a_missing_driver_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("tollway.storage.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreUnavailable, match=r"pip install 'tollway\[postgres\]'"):
        store_at(URL, tmp_path, sync="normal")
    # A file needs none of it.
    assert type(store_at(None, tmp_path, sync="normal")) is SqliteStore


def test_a_module_that_is_missing_otherwise_is_no_matter_of_installing() -> None:
    with pytest.raises(ModuleNotFoundError, match="nothing"):
        of_postgres("nothing")


def test_a_folder_that_is_not_there_yet_is_nobody_elses(tmp_path: Path) -> None:
    assert type(store_at(None, tmp_path / "new", sync="normal")) is SqliteStore
    assert not (tmp_path / "new").exists()
