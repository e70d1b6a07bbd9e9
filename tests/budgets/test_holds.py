from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.budgets.budget import Action, Budget, Override
from tollway.budgets.holds import MOST_LEGS, NONE, UNLIMITED, Claim, account, claims, holds, too_many_legs
from tollway.budgets.window import Calendar, Fixed, Rolling, Total
from tollway.identity.keys import Priority
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


OVERRIDES = (Override((("user", "alice"),), 7), Override((("user", "root"),), None))


def test_an_override_gives_an_account_its_own_limit() -> None:
    split = budget(split_by=("user",), overrides=OVERRIDES)
    for user, limit in [("alice", 7), ("bob", 100)]:
        (hold,) = holds(claims([split], {"user": Attribute((user,), "key")}), 5, NOW, CALENDAR)
        assert (hold.limit, hold.enforced, hold.amount) == (limit, True, 5)


def test_an_account_without_a_limit_is_counted_and_refuses_nothing() -> None:
    fields: dict[str, Any] = {"split_by": ("user",), "overrides": OVERRIDES, "carry_over": 9}
    split = budget(**fields, actions=(Action(at=50, do="block", priority="production"),))
    (hold,) = holds(claims([split], {"user": Attribute(("root",), "key")}), 5, NOW, CALENDAR)
    assert (hold.amount, hold.limit, hold.enforced) == (5, UNLIMITED, False)
    assert (hold.share, hold.carry, hold.previous) == (100, 0, None)


def test_accounts_named_without_a_request_have_the_limits_of_their_overrides() -> None:
    split = budget(split_by=("user",), overrides=OVERRIDES)
    named = Claim(split, ("b[user=alice]", "b[user=bob]", "b[user=root]"))
    assert [hold.limit for hold in holds([named], 0, NOW, CALENDAR)] == [7, 100, UNLIMITED]


CLASSES: tuple[Priority, ...] = ("batch", "standard", "production")


def test_a_budget_without_accounts_yet_changes_no_other_budgets_holds() -> None:
    split = budget(id="c", split_by=("user",), overrides=OVERRIDES, carry_over=9)
    assert holds([Claim(budget(), ("b",)), Claim(split, ())], 5, NOW, CALENDAR) == (hold_of(5),)


def share(priority: Priority, *actions: Action, **fields: Any) -> int:
    (hold,) = holds(claims([budget(actions=actions, **fields)], FACTS, priority), 5, NOW, CALENDAR)
    return hold.share


def test_a_block_leaves_a_part_of_the_limit_to_those_above_its_class() -> None:
    batch = Action(at=80, do="block", priority="batch")
    standard = Action(at=95, do="block", priority="standard")
    assert [share(p, batch, standard) for p in CLASSES] == [80, 95, 100]


def test_a_block_may_be_about_some_requests_only() -> None:
    ml = Action(at=60, do="block", where=(Match("group", ("ml",)),))
    ops = Action(at=40, do="block", where=(Match("group", ("ops",)),))
    assert share("standard", ml, ops) == 60


def test_what_a_caller_declares_is_no_reason_where_proof_is_asked() -> None:
    chat = Action(at=60, do="block", where=(Match("metadata.app", ("chat",)),))
    assert share("standard", chat) == 60
    assert share("standard", chat, attributes="verified") == 100


def test_only_a_block_takes_a_part_of_the_limit_away() -> None:
    others = (Action(at=50, do="warn"), Action(at=60, do="slow", delay_ms=5), Action(at=70, do="downgrade", to="a/b"))
    assert share("batch", *others) == 100
    (claim,) = claims([budget(actions=others)], FACTS)
    assert claim.actions == others


def test_a_claim_has_the_actions_that_are_about_the_request() -> None:
    production, batch = (Action(at=50, do="warn", priority=p) for p in ("production", "batch"))
    (claim,) = claims([budget(actions=(production, batch))], FACTS, "standard")
    assert claim.actions == (production,)


def test_a_window_may_take_over_what_the_one_before_left() -> None:
    hold = hold_of(5, carry_over=40)
    assert (hold.carry, hold.previous) == (40, hold.since - 86_400_000)
    assert (hold_of(5).carry, hold_of(5).previous) == (0, None)


@pytest.mark.parametrize("window", [Total(), Rolling("day")])
def test_a_window_without_one_before_it_takes_nothing_over(window: Any) -> None:
    hold = hold_of(5, carry_over=40, window=window)
    assert (hold.carry, hold.previous) == (0, None)


@pytest.mark.parametrize(
    ("guarantee", "expected", "amount", "metered"),
    [
        ("hard", None, 5, True),
        ("hard", 3, 5, True),
        ("expected", 3, 3, False),
        # Nothing was learned of it: the bound is held, so it follows the answer too.
        ("expected", None, 5, True),
        ("settled", 3, 0, False),
    ],
)
def test_a_hold_of_a_bound_follows_a_metered_answer(
    guarantee: Any, expected: int | None, amount: int, metered: bool
) -> None:
    claim = Claim(budget(guarantee=guarantee), ("b",))
    (hold,) = holds([claim], 5, NOW, CALENDAR, expected, metered=True)
    assert (hold.amount, hold.metered) == (amount, metered)
    (whole,) = holds([claim], 5, NOW, CALENDAR, expected)
    assert not whole.metered


def test_a_request_on_too_many_accounts_is_told_of_the_budgets_that_have_most() -> None:
    groups = {"group": Attribute(tuple(f"g{n}" for n in range(MOST_LEGS)), "key")}
    claimed = claims([budget(id="c", name="company"), budget(name="each", split_by=("group",))], groups)
    assert len(holds(claimed, 5, NOW, CALENDAR)) == MOST_LEGS + 1
    message = too_many_legs(claimed)
    assert message.startswith('33 accounts of budgets count this request, more than 32: "each" (32), "company" (1).')
    many = claims([budget(id=f"b{n}", name=f"b{n}") for n in range(40)], FACTS)
    assert '"b4" (1) and 35 more. Let fewer' in too_many_legs(many)
