"""A data folder leads to the store in it, whatever database that is."""

import shutil
from pathlib import Path

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.at_rest import at_rest
from tollway.storage.home import Home
from tollway.storage.sqlite.connection import FILE


def test_a_data_folder_with_a_file_leads_to_the_file(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path / FILE)
    with at_rest(tmp_path) as store:
        with store.writing() as writing:
            writing.execute("INSERT INTO marks VALUES ('x', 7)")
        with store.reading() as reading:
            assert reading.execute("SELECT seq FROM marks").get == 7


def test_an_empty_data_folder_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="There is no store in"), at_rest(tmp_path):
        pass


def test_a_file_from_before_its_books_were_moved_is_not_taken_for_them(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    Home(tmp_path, "postgresql://db.example/spend").remember(1)
    with pytest.raises(StoreUnavailable, match=r"are in PostgreSQL, at db\.example/spend"), at_rest(tmp_path):
        pass
