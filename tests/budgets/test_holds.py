from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.budgets.budget import Budget
from tollway.budgets.holds import NONE, Claim, account, claims, holds
from tollway.budgets.window import Calendar, Fixed, Rolling, Total
from tollway.match import Attribute, Match

NOW = 1_790_000_000_000
CALENDAR = Calendar()
FACTS = {
    "user": Attribute(("alice",), "key"),
    "group": Attribute(("eng", "ml"), "key"),
    "model": Attribute(("openai/gpt-4o", "gpt-4o"), "gateway"),
    "provider": Attribute(("openai",), "gateway"),
    "metadata.app": Attribute(("chat",), "header"),
}


def budget(**fields: Any) -> Budget:
    return Budget(**{"id": "b", "name": "B", "limit": 100, "window": Fixed("day"), **fields})


def accounts(facts: dict[str, Attribute] = FACTS, **fields: Any) -> tuple[str, ...]:
    found = claims([budget(**fields)], facts)
    return found[0].accounts if found else ()


def test_a_budget_that_is_not_split_has_one_account() -> None:
    assert accounts() == ("b",)


def test_every_value_has_an_account_of_its_own() -> None:
    assert accounts(split_by=("user",)) == ("b[user=alice]",)
    assert accounts({"user": Attribute(("bob",), "key")}, split_by=("user",)) == ("b[user=bob]",)


def test_several_attributes_split_together() -> None:
    assert accounts(split_by=("user", "metadata.app")) == ("b[user=alice,metadata.app=chat]",)


def test_a_caller_of_several_groups_counts_against_each() -> None:
    assert accounts(split_by=("group",)) == ("b[group=eng]", "b[group=ml]")
    assert accounts(split_by=("group", "user")) == ("b[group=eng,user=alice]", "b[group=ml,user=alice]")


def test_a_group_that_is_named_twice_counts_once() -> None:
    assert accounts({"group": Attribute(("a", "b", "a"), "key")}, split_by=("group",)) == ("b[group=a]", "b[group=b]")


def test_a_budget_about_some_groups_has_no_account_for_others() -> None:
    where = (Match("group", ("team-*",)), Match("group", ("everyone",)))
    facts = {"group": Attribute(("everyone", "team-a", "team-b"), "key")}
    assert accounts(facts, where=where, split_by=("group",)) == ("b[group=team-a]", "b[group=team-b]")


def test_a_model_has_one_account_though_it_has_two_names() -> None:
    assert accounts(split_by=("model",)) == ("b[model=openai/gpt-4o]",)


def test_a_request_that_lacks_the_attribute_is_not_counted() -> None:
    assert accounts(split_by=("service",)) == ()
    assert accounts(split_by=("user", "service")) == ()


def test_a_request_that_lacks_the_attribute_may_share_an_account() -> None:
    assert accounts(split_by=("service",), untagged="bucket") == (f"b[service={NONE}]",)
    assert accounts(split_by=("user", "service"), untagged="bucket") == (f"b[user=alice,service={NONE}]",)


def test_a_declared_value_opens_no_account_where_proof_is_asked() -> None:
    assert accounts(split_by=("metadata.app",), attributes="verified") == ()
    assert accounts(split_by=("metadata.app",), attributes="verified", untagged="bucket") == (
        f"b[metadata.app={NONE}]",
    )
    assert accounts(where=(Match("metadata.app", ("chat",)),), attributes="verified") == ()
    assert accounts(where=(Match("metadata.app", ("chat",)),)) == ("b",)


def test_a_value_that_reads_as_none_is_not_the_account_of_those_without_one() -> None:
    declared = {"metadata.app": Attribute((NONE,), "header")}
    assert accounts(declared, split_by=("metadata.app",), untagged="bucket") != (f"b[metadata.app={NONE}]",)


VALUES = st.none() | st.text(alphabet=st.sampled_from("a,=[]%(none)25CBD8"), max_size=8) | st.text(max_size=8)
TUPLES = st.tuples(VALUES, VALUES)


@given(TUPLES, TUPLES)
def test_no_two_tuples_of_values_share_an_account(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    first, second = (account("b", list(zip(("user", "metadata.app"), values, strict=True))) for values in (one, other))
    assert (first == second) == (one == other)


@given(TUPLES)
def test_an_account_is_known_as_one_of_its_budget(values: tuple[str | None, ...]) -> None:
    named = account("b", list(zip(("user", "group"), values, strict=True)))
    assert named.startswith("b[") and named.endswith("]")
    assert named.count("[") == 1 and named.count("]") == 1


def test_a_budget_that_is_switched_off_claims_nothing() -> None:
    assert claims([budget(enabled=False)], FACTS) == ()


def test_claims_keep_the_order_of_the_budgets() -> None:
    found = claims([budget(id="one"), budget(id="two", where=(Match("user", ("bob",)),)), budget(id="three")], FACTS)
    assert [claim.budget.id for claim in found] == ["one", "three"]


def hold_of(amount: int, **fields: Any) -> Any:
    (hold,) = holds([Claim(budget(**fields), ("b",))], amount, NOW, CALENDAR)
    return hold


def test_a_hold_is_the_bound_on_every_account_of_every_budget() -> None:
    placed = holds([Claim(budget(), ("b[x=1]", "b[x=2]")), Claim(budget(id="c", limit=7), ("c",))], 5, NOW, CALENDAR)
    assert [(hold.account, hold.amount, hold.limit) for hold in placed] == [
        ("b[x=1]", 5, 100),
        ("b[x=2]", 5, 100),
        ("c", 5, 7),
    ]


def test_a_hold_names_instants_and_no_calendar() -> None:
    span = CALENDAR.span(Fixed("day"), NOW)
    hold = hold_of(5)
    assert (hold.bucket, hold.since, hold.until) == (span.start, span.start, span.end)
    rolling = hold_of(5, window=Rolling("day"))
    assert rolling.since < rolling.bucket <= NOW and rolling.until is None
    assert hold_of(5, window=Total()).until is None


@pytest.mark.parametrize(("mode", "enforced"), [("enforce", True), ("monitor", False)])
def test_a_monitored_budget_holds_the_same_and_refuses_nothing(mode: str, enforced: bool) -> None:
    hold = hold_of(5, mode=mode)
    assert (hold.amount, hold.enforced, hold.spent_only) == (5, enforced, False)


def test_a_settled_budget_holds_nothing_and_looks_at_what_is_spent() -> None:
    hold = hold_of(5, guarantee="settled")
    assert (hold.amount, hold.spent_only) == (0, True)


@pytest.mark.parametrize("guarantee", ["hard", "settled"])
def test_a_request_that_costs_nothing_passes_a_spent_budget(guarantee: str) -> None:
    hold = hold_of(0, guarantee=guarantee)
    assert (hold.amount, hold.spent_only) == (0, False)
