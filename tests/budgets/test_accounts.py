"""What an account's name says, and whose limit it has."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.accounts import NONE, UNLIMITED, account, limit_of, values_of
from tollway.budgets.budget import Budget, Override
from tollway.budgets.window import Total
from tollway.money import DOLLAR


def budget(*overrides: Override, split_by: tuple[str, ...] = ("user", "metadata.app")) -> Budget:
    return Budget(id="b", name="B", limit=DOLLAR, window=Total(), split_by=split_by, overrides=overrides)


VALUES = st.none() | st.text(alphabet=st.sampled_from("a,=[]%(none)25CBD8"), max_size=8) | st.text(max_size=8)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_a_name_says_what_it_was_made_of(user: str | None, app: str | None) -> None:
    values = {"user": user, "metadata.app": app}
    assert values_of(budget(), account("b", list(values.items()))) == values


@pytest.mark.parametrize("name", ["b", "c[user=a,metadata.app=b]", "b[user=a]", "b[metadata.app=b,user=a]", "b[]"])
def test_a_name_from_another_split_says_nothing(name: str) -> None:
    assert values_of(budget(), name) is None
    assert limit_of(budget(Override((("user", "*"),), 5)), name) == DOLLAR


def test_a_budget_that_is_not_split_has_one_name() -> None:
    assert values_of(budget(split_by=()), "b") == {}
    assert values_of(budget(split_by=()), "b[user=a]") is None


def limit(user: str | None, app: str | None, *overrides: Override) -> int:
    return limit_of(budget(*overrides), account("b", [("user", user), ("metadata.app", app)]))


def test_the_first_override_that_matches_gives_the_limit() -> None:
    alice = Override((("user", "alice@x.example"),), 3)
    all_x = Override((("user", "*@x.example"),), 5)
    assert limit("alice@x.example", "web", alice, all_x) == 3
    assert limit("alice@x.example", "web", all_x, alice) == 5
    assert limit("bob@x.example", "web", alice, all_x) == 5
    assert limit("carol@y.example", "web", alice, all_x) == DOLLAR


def test_every_value_of_an_override_must_match() -> None:
    both = Override((("user", "a"), ("metadata.app", "w*")), 3)
    assert limit("a", "web", both) == 3
    assert limit("a", "cli", both) == limit("b", "web", both) == DOLLAR


def test_an_override_may_take_the_limit_away() -> None:
    assert limit("a", "web", Override((("user", "a"),), None)) == UNLIMITED


def test_the_account_of_requests_without_a_value_has_a_pattern_of_its_own() -> None:
    untagged = Override((("metadata.app", NONE),), 3)
    assert limit("a", None, untagged) == 3
    # A caller that declares these words does not get what was meant for those that declare none.
    assert limit("a", NONE, untagged) == DOLLAR


@pytest.mark.parametrize("value", ["a,b", "50%", "[x]", "%2C", "a=b"])
def test_patterns_are_of_values_and_not_of_how_names_are_written(value: str) -> None:
    assert limit(value, "web", Override((("user", value),), 3)) == 3
