"""Comparisons as JSON has them: 1 is 1.0, and not true; text is text unless it is metadata."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.routes.routed import facts

from tollway.policies.fields import Path
from tollway.routes.clauses import All, Clause, Comparison, Either, Not, Operator, holds

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0])
    | st.sampled_from(["", "a", "1", "true"])
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
PATH: Path = ("body", "x")


def asked(operator: Operator, operand: Any, value: Any) -> bool:
    return holds(Comparison(PATH, operator, operand), facts(body={"x": value}), [])


@given(VALUES, VALUES)
def test_equal_and_unequal_are_opposites(value: Any, operand: Any) -> None:
    assert asked("$eq", operand, value) != asked("$ne", operand, value)
    assert asked("$in", [operand], value) == asked("$eq", operand, value)
    assert asked("$nin", [operand], value) == asked("$ne", operand, value)


@given(st.lists(VALUES, min_size=1, max_size=4), VALUES)
def test_in_is_equal_to_one_of_them(operand: list[Any], value: Any) -> None:
    assert asked("$in", operand, value) == any(asked("$eq", one, value) for one in operand)


def test_long_lists_take_no_time() -> None:
    began = time.perf_counter()
    assert not asked("$in", [f"b{number}" for number in range(2_000)], [f"a{number}" for number in range(100_000)])
    assert not asked("$eq", "z", ["a"] * 1_000 + ["z"])
    assert time.perf_counter() - began < 0.5


@given(VALUES)
def test_every_value_is_equal_to_itself(value: Any) -> None:
    assert asked("$eq", value, value)


@given(st.integers(-9, 9) | st.floats(-9, 9), st.integers(-9, 9) | st.floats(-9, 9))
def test_numbers_are_ordered(value: float, operand: float) -> None:
    assert [asked(o, operand, value) for o in ("$lt", "$lte", "$gt", "$gte")] == [
        value < operand, value <= operand, value > operand, value >= operand,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "operand"), [(1, True), (0, False), ("1", 1), ("true", True), (None, False), ([], None)]
)
def test_what_json_tells_apart_is_not_equal(value: Any, operand: Any) -> None:
    assert not asked("$eq", operand, value) and not asked("$eq", value, operand)


@pytest.mark.parametrize("said", ["3", "3.0", "true", "3" * 40, "nul", '"3"'])
def test_metadata_is_the_number_it_says(said: str) -> None:
    there = facts(metadata={"x": said})
    assert holds(Comparison(("metadata", "x"), "$eq", 3), there, []) == (said in ("3", "3.0"))
    assert holds(Comparison(("metadata", "x"), "$eq", True), there, []) == (said == "true")
    assert holds(Comparison(("metadata", "x"), "$eq", said), there, [])


def test_clauses_are_joined_as_logic_has_it() -> None:
    yes: Clause = Comparison(PATH, "$eq", 1)
    no: Clause = Not(yes)
    there = facts(body={"x": 1})
    for clause, answer in [
        (All((yes, no)), False),
        (All((yes, yes)), True),
        (Either((no, yes)), True),
        (Either((no, no)), False),
    ]:
        assert holds(clause, there, []) == answer
