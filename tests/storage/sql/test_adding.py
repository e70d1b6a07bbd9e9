"""Cells are added to, and what 64 bits do not hold is said to be inexact."""

import apsw
import pytest

from tollway.money import LARGEST
from tollway.storage.sql.adding import add, adding
from tollway.storage.sqlite.driver import Connection, connect

INTO = adding("cells", ("slot", "name"), ("number", "amount"))


@pytest.fixture
def writing(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    made = connect(tmp_path_factory.mktemp("cells") / "cells.db")
    made.execute(
        "CREATE TABLE cells (slot INTEGER, name TEXT, number INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (slot, name)) STRICT"
    )
    return made


def cells(writing: Connection) -> list[tuple[object, ...]]:
    return writing.execute("SELECT * FROM cells ORDER BY 1, 2").fetchall()


def test_what_is_added_makes_a_cell_or_is_added_to_it(writing: Connection) -> None:
    with writing:
        assert add(writing, INTO, {(1, "a"): [1, 5], (2, "a"): [1, -7]})
        assert add(writing, INTO, {(1, "a"): [2, 6], (1, "b"): [0, 0]})
    assert cells(writing) == [(1, "a", 3, 11), (1, "b", 0, 0), (2, "a", 1, -7)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("beyond", [(LARGEST, LARGEST), (LARGEST * 3, 0)], ids=["by the sum", "by itself"])
def test_a_sum_beyond_64_bits_stays_at_the_largest_and_the_others_are_exact(
    writing: Connection, beyond: tuple[int, int], sign: int
) -> None:
    with writing:
        exact = [add(writing, INTO, {(1, "a"): [1, sign * amount], (2, "a"): [1, 4]}) for amount in beyond]
    assert not all(exact)
    assert cells(writing) == [(1, "a", 2, sign * LARGEST), (2, "a", 2, 8)]


def test_what_fails_for_another_reason_is_raised_and_leaves_nothing_behind(writing: Connection) -> None:
    with pytest.raises(apsw.ConstraintError), writing:
        add(writing, INTO, {(1, "a"): [1, 5], ("no number", "a"): [1, 5]})
    assert cells(writing) == []
