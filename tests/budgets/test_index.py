"""The index finds what asking every budget finds."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims
from tollway.budgets.index import Index
from tollway.budgets.window import Total
from tollway.match import Attribute, Match

ATTRIBUTES = ("user", "key", "group", "model", "provider", "metadata.app")
VALUES = st.sampled_from(["a", "b", "ab", "x/a", "x/b"])
MATCHES = st.builds(
    Match,
    st.sampled_from(ATTRIBUTES),
    st.lists(VALUES | st.sampled_from(["*", "a*", "x/*"]), min_size=1, max_size=3).map(tuple),
    st.booleans(),
)
FACTS = st.dictionaries(
    st.sampled_from(ATTRIBUTES),
    st.builds(Attribute, st.lists(VALUES, max_size=3).map(tuple), st.sampled_from(["key", "header"])),
)
FIELDS = st.fixed_dictionaries(
    {
        "where": st.lists(MATCHES, max_size=3).map(tuple),
        "split_by": st.lists(st.sampled_from(ATTRIBUTES), max_size=2, unique=True).map(tuple),
        "untagged": st.sampled_from(["skip", "bucket"]),
        "attributes": st.sampled_from(["any", "verified"]),
        "enabled": st.booleans(),
    }
)


def budgets_of(written: list[dict[str, Any]]) -> tuple[Budget, ...]:
    return tuple(
        Budget(**{"id": f"b{n}", "name": f"B{n}", "limit": 1, "window": Total(), **fields})
        for n, fields in enumerate(written)
    )


@settings(deadline=None)
@given(st.lists(FIELDS, max_size=12), FACTS)
def test_the_index_claims_what_every_budget_one_by_one_claims(
    written: list[dict[str, Any]], facts: dict[str, Attribute]
) -> None:
    budgets = budgets_of(written)
    assert claims(Index(budgets).candidates(facts), facts) == claims(budgets, facts)


def of_user(*users: str, **fields: Any) -> dict[str, Any]:
    return {"where": (Match("user", users),), **fields}


def candidates(written: list[dict[str, Any]], **facts: str) -> list[str]:
    known = {name: Attribute((value,), "key") for name, value in facts.items()}
    return [budget.id for budget in Index(budgets_of(written)).candidates(known)]


def test_of_a_thousand_budgets_only_those_of_the_user_are_asked() -> None:
    written = [of_user(f"u{n}") for n in range(1_000)]
    assert candidates(written, user="u500") == ["b500"]
    assert candidates(written, user="nobody") == []
    assert candidates(written) == []


def test_a_budget_is_found_by_what_it_shares_with_the_fewest() -> None:
    openai = Match("provider", ("openai",))
    written = [{"where": (openai, Match("user", (f"u{n}",)))} for n in range(10)] + [{"where": (openai,)}]
    assert candidates(written, provider="openai", user="u3") == ["b3", "b10"]


def test_what_cannot_be_looked_up_is_always_asked_in_its_place() -> None:
    written = [
        of_user("*@x.example"),
        of_user("a"),
        {},
        of_user("b"),
        {"where": (Match("user", ("a",), negated=True),)},
    ]
    assert candidates(written, user="b") == ["b0", "b2", "b3", "b4"]


def test_a_budget_of_several_values_is_found_once() -> None:
    assert candidates([of_user("a", "b"), of_user("a", "a")], user="a") == ["b0", "b1"]
    groups = {"group": Attribute(("a", "b"), "key")}
    index = Index(budgets_of([{"where": (Match("group", ("a", "b")),)}]))
    assert [budget.id for budget in index.candidates(groups)] == ["b0"]


def test_a_budget_that_is_switched_off_is_never_asked() -> None:
    assert candidates([of_user("a", enabled=False), {"enabled": False}], user="a") == []
