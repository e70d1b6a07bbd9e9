"""What can stand behind a store has everything that the store asks of it, in the same words."""

import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tollway.storage.at_rest import at_rest
from tollway.storage.sql.database import AtRest, Database
from tollway.storage.sqlite.connection import FILE
from tollway.storage.sqlite.database import SqliteDatabase


def promised(protocol: type) -> dict[str, Any]:
    return {name: member for name, member in vars(protocol).items() if not name.startswith("_")}


def shape(member: Any) -> tuple[bool, list[tuple[str, Any, Any]]]:
    """Whether it is awaited, and what it takes."""
    taken = inspect.signature(member).parameters.values()
    return inspect.iscoroutinefunction(member), [(each.name, each.kind, each.default) for each in taken]


@pytest.fixture
def sqlite(blank: Path, tmp_path: Path) -> Iterator[dict[type, Any]]:
    """Each protocol, and what is it in a file."""
    (tmp_path / "rests").mkdir()
    shutil.copy(blank, tmp_path / "rests" / FILE)
    with at_rest(tmp_path / "rests") as resting:
        yield {Database: SqliteDatabase(tmp_path, "normal"), AtRest: resting}


@pytest.mark.parametrize("protocol", [Database, AtRest])
def test_a_file_has_every_method_that_is_promised_with_the_same_arguments(
    protocol: type, sqlite: dict[type, Any]
) -> None:
    methods = {name: member for name, member in promised(protocol).items() if inspect.isfunction(member)}
    assert methods
    for name, member in methods.items():
        made = getattr(type(sqlite[protocol]), name, None)
        assert made is not None, f"{name} is missing"
        assert shape(made) == shape(member), name


def test_a_file_says_where_it_is_and_whether_it_is_open(sqlite: dict[type, Any]) -> None:
    read = {name for name, member in promised(Database).items() if isinstance(member, property)}
    assert read == {"name", "is_open", "writer"}
    database: Database = sqlite[Database]
    assert (type(database.name), database.is_open) == (str, False)
    assert isinstance(inspect.getattr_static(database, "writer"), property)
