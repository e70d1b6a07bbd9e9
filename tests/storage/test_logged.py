import inspect

from tollway.storage.logged import Logged, Picked, Tail
from tollway.storage.sql.logged import SqlLogged


def test_a_database_has_everything_that_is_asked_of_it() -> None:
    for name, asked in inspect.getmembers(Logged, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(SqlLogged, name)) == inspect.signature(asked), name


def test_nothing_newer_and_nothing_meant_are_told_apart() -> None:
    assert Tail([], None) != Tail([], "r9")
    assert Picked([], None) != Picked([], "5.1")
