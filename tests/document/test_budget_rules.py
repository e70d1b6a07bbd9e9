"""Every field of a budget: what is written is what is meant, and what cannot be meant is told."""

from typing import Any

import msgspec
import pytest
import world
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.budget import Action, Budget, Override
from tollway.budgets.holds import claims
from tollway.document import Document, compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.match import Attribute, Match
from tollway.money import DOLLAR
from tollway.snapshot import Snapshot

BOOK = world.book()
DAY = {"period": "day"}
PROVIDERS = {"openai": {"api_key": "none"}, "anthropic": {"api_key": "none"}}


def compiled(written: dict[str, Any]) -> Snapshot:
    document = read_document(written)
    # What is written out again is the same document.
    assert msgspec.convert(msgspec.to_builtins(document), Document) == document
    return compile_document(document, resolve=lambda reference, _: reference, book=BOOK, pepper=b"p", revision=1)


def budget(**fields: Any) -> Budget:
    written = {"name": "b", "limit": "1", "window": DAY, **fields}
    (found,) = compiled({"providers": PROVIDERS, "budgets": [written]}).budgets
    return found


def refused(*budgets: dict[str, Any], **more: Any) -> str:
    written = [{"name": "b", "limit": "1", "window": DAY, **fields} for fields in budgets]
    with pytest.raises(SettingsInvalid) as refusal:
        compiled({"providers": PROVIDERS, "budgets": written, **more})
    return str(refusal.value)


SPLIT = {"split_by": ["users", "metadata.team", "model"]}


@pytest.mark.parametrize(
    ("written", "field", "meant"),
    [
        ({"overrides": []}, "overrides", ()),
        (
            {"overrides": [{"user": "a", "limit": "100"}], **SPLIT},
            "overrides",
            (Override((("user", "a"),), 100 * DOLLAR),),
        ),
        ({"overrides": [{"users": "*@x", "limit": 0}], **SPLIT}, "overrides", (Override((("user", "*@x"),), 0),)),
        (
            {"overrides": [{"metadata.team": "ml", "limit": "unlimited", "user": "a"}], **SPLIT},
            "overrides",
            (Override((("user", "a"), ("metadata.team", "ml")), None),),
        ),
        (
            {"overrides": [{"model": "*/GPT-4o", "limit": "0.5"}, {"model": "(none)", "limit": "2"}], **SPLIT},
            "overrides",
            (Override((("model", "*/gpt-4o"),), DOLLAR // 2), Override((("model", "(none)"),), 2 * DOLLAR)),
        ),
        ({"actions": [{"at": 80, "do": "warn"}]}, "actions", (Action(at=80, do="warn"),)),
        (
            {"actions": [{"at": 100, "do": "slow", "delay_ms": 60_000}, {"at": 1, "do": "slow", "delay_ms": 1}]},
            "actions",
            (Action(at=1, do="slow", delay_ms=1), Action(at=100, do="slow", delay_ms=60_000)),
        ),
        (
            {"actions": [{"at": 80, "do": "block", "priority": "batch"}, {"at": 100, "do": "block"}]},
            "actions",
            (Action(at=80, do="block", priority="batch"), Action(at=100, do="block")),
        ),
        (
            {"actions": [{"at": 50, "do": "block", "where": {"models": ["*/GPT-4o"], "group": "eng"}}]},
            "actions",
            (Action(at=50, do="block", where=(Match("model", ("*/gpt-4o",)), Match("group", ("eng",)))),),
        ),
        (
            {"actions": [{"at": 100, "do": "downgrade", "to": "openai/gpt-4o-mini"}]},
            "actions",
            (Action(at=100, do="downgrade", to="openai/gpt-4o-mini"),),
        ),
        ({}, "carry_over", 0),
        ({"carry_over": "100"}, "carry_over", 100 * DOLLAR),
        ({"carry_over": 5}, "carry_over", 5 * DOLLAR),
        ({"carry_over": {"cap": "0.5"}}, "carry_over", DOLLAR // 2),
        ({"carry_over": "1", "window": {"every": 60}}, "carry_over", DOLLAR),
        ({"note": "ask finance first"}, "note", "ask finance first"),
        ({}, "note", ""),
        ({"mode": "monitor"}, "mode", "monitor"),
        ({"guarantee": "expected"}, "guarantee", "expected"),
        ({"on_unpriced": "ceiling"}, "on_unpriced", "ceiling"),
        ({"on_store_failure": "allow"}, "on_store_failure", "allow"),
        ({"attributes": "verified"}, "attributes", "verified"),
        ({"untagged": "bucket"}, "untagged", "bucket"),
        ({"enabled": False}, "enabled", False),
        ({"contention_wait_ms": 0}, "contention_wait_ms", 0),
        ({"alerts": [50, 100]}, "alerts", (50, 100)),
    ],
)
def test_what_is_written_is_what_is_meant(written: dict[str, Any], field: str, meant: Any) -> None:
    assert getattr(budget(**written), field) == meant


def override(**fields: Any) -> dict[str, Any]:
    return {"overrides": [fields], "split_by": ["user", "model"]}


def action(**fields: Any) -> dict[str, Any]:
    return {"actions": [{"at": 80, **fields}]}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"overrides": [{"user": "a", "limit": "1"}]}, 'budget "b", overrides: the budget is not split'),
        (
            override(user="a"),
            'budget "b", overrides, entry 1: no limit is written; add limit: "5", or limit: unlimited.',
        ),
        (override(limit="1"), "entry 1: no account is named; add one of user, model"),
        (override(user="a", limit="none"), "entry 1, limit: 'none' is not an amount"),
        (override(user="a", limit="-1"), "entry 1, limit: -1 is below zero"),
        (override(user="a", limit=1.5), 'entry 1, limit: 1.5 is not exact; write it in quotes: limit: "1.5".'),
        (override(team="a", limit="1"), 'entry 1: unknown attribute "team"'),
        (override(group="a", limit="1"), "entry 1: the budget is not split by group, only by user, model."),
        (override(user=7, limit="1"), 'entry 1, user: 7 is no text; write it in quotes: "7".'),
        (override(user="", limit="1"), "entry 1, user: an empty pattern matches no account"),
        (override(user="a", users="b", limit="1"), "entry 1: user is named twice"),
        (override(model="gpt-4o", limit="1"), 'entry 1, model: "gpt-4o" names no provider; write "*/gpt-4o"'),
        (
            {"overrides": [{"user": "a", "limit": "1"}, {"users": "a", "limit": "2"}], "split_by": ["user"]},
            'overrides, entry 2: user "a" has a limit by entry 1 already',
        ),
        (
            action(do="warn", at=0),
            'budget "b", actions, entry 1, at: 0 is not a percentage of the limit from 1 to 100.',
        ),
        (action(do="warn", at=101), "entry 1, at: 101 is not a percentage"),
        (action(do="block"), "entry 1, do: block at 80 stops every request, so nobody can spend the rest; name whom"),
        (action(do="slow"), "entry 1: slow needs to know for how long; add delay_ms: 500."),
        (action(do="slow", delay_ms=0), "entry 1, delay_ms: 0 is not between 1 and 60,000."),
        (action(do="slow", delay_ms=60_001), "entry 1, delay_ms: 60001 is not between 1 and 60,000."),
        (action(do="warn", delay_ms=5), "entry 1, delay_ms: warn delays nothing; leave it out, or write do: slow."),
        (action(do="downgrade"), "entry 1: downgrade needs a model; add to: openai/gpt-4o-mini."),
        (action(do="downgrade", to="gpt-4o"), 'entry 1, to: "gpt-4o" is not one model of a provider'),
        (action(do="downgrade", to="openai/*"), 'entry 1, to: "openai/*" is not one model of a provider'),
        (
            action(do="downgrade", to="groq/x"),
            'entry 1, to: no provider "groq" is configured; there are: anthropic, openai.',
        ),
        (action(do="block", priority="batch", to="openai/x"), "entry 1, to: block changes no model"),
        (action(do="warn", where={"team": "a"}), 'entry 1, where: unknown attribute "team"'),
        (action(do="warn", where={"user": []}), "entry 1, where.user: an empty list selects nothing"),
        (
            {"actions": [{"at": 80, "do": "warn"}, {"at": 90, "do": "warn"}, {"at": 80, "do": "warn"}]},
            "actions, entry 3: the same as entry 1; leave one of them out.",
        ),
        ({"carry_over": 1.5}, 'budget "b", carry_over: 1.5 is not exact; write it in quotes: carry_over: "1.5".'),
        ({"carry_over": {"cap": "x"}}, "budget \"b\", carry_over.cap: 'x' is not an amount"),
        ({"carry_over": "0"}, "carry_over: nothing is carried over up to $0; leave it out."),
        ({"carry_over": "-1"}, "carry_over: -1 is below zero."),
        ({"carry_over": "1", "window": {"period": "total"}}, "carry_over: this window has no window before it"),
        ({"carry_over": "1", "window": {"rolling": "day"}}, "leave it out, or use a window of period hour"),
        ({"carry_over": "1", "window": {"every": 60, "technique": "sliding"}}, "or every with technique: fixed."),
        ({"note": "x" * 2_001}, 'budget "b", note: it has 2,001 characters; write 2,000 at most.'),
        # What is not even of the right kind is told with the budget's name too.
        (action(do="stop"), "Invalid enum value 'stop' - at `budgets.b.actions[0].do`"),
        (action(do="warn", at="80"), "Expected `int`, got `str` - at `budgets.b.actions[0].at`, which is '80'"),
        (action(do="warn", when=5), "unknown field `when` - at `budgets.b.actions[0]`"),
        (action(do="warn", priority="low"), "Invalid enum value 'low' - at `budgets.b.actions[0].priority`"),
        ({"alerts": ["x"]}, "at `budgets.b.alerts[0]`, which is 'x'"),
        ({"overrides": [{"user": ["a"], "limit": "1"}], "split_by": ["user"]}, "at `budgets.b.overrides[0][...]`"),
        ({"carry_over": {"up_to": "5"}}, "at `budgets.b.carry_over`"),
        ({"note": 5}, "at `budgets.b.note`, which is 5"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place_and_the_way_out(fields: dict[str, Any], said: str) -> None:
    assert said in refused(fields)


def test_a_key_is_classed_and_nothing_else_is_a_class() -> None:
    keys = [{"name": "k", "secret": "a-secret-of-sixteen", "priority": "batch"}]
    (key,) = compiled({"keys": keys}).keys.values()
    assert key.priority == "batch"
    (key,) = compiled({"keys": [{"name": "k", "secret": "a-secret-of-sixteen"}]}).keys.values()
    assert key.priority == "standard"
    assert "Invalid enum value 'urgent'" in refused(keys=[keys[0] | {"priority": "urgent"}])


def parent(**fields: Any) -> dict[str, Any]:
    return {"name": "p", "split_by": ["user"], **fields}


@pytest.mark.parametrize(
    "child",
    [
        {"split_by": ["user"]},
        {"split_by": ["model", "user"]},
        {"where": {"user": "a"}},
        {"where": {"user": "*"}, "untagged": "bucket"},
    ],
)
def test_a_child_may_have_a_split_parent_that_counts_all_it_counts(child: dict[str, Any]) -> None:
    assert (
        len(
            compiled(
                {
                    "budgets": [
                        {"limit": "1", "window": DAY, **b} for b in (parent(), {"name": "c", "parent": "p", **child})
                    ]
                }
            ).budgets
        )
        == 2
    )


@pytest.mark.parametrize("child", [{}, {"split_by": ["key"]}, {"split_by": ["user"], "untagged": "bucket"}])
def test_a_child_may_not_count_what_its_split_parent_has_no_account_for(child: dict[str, Any]) -> None:
    said = refused(parent(), {"name": "c", "parent": "p", **child})
    assert 'budget "c": it would count requests without user, which its parent "p", split by user, does not.' in said
    assert 'Set untagged: bucket on "p", or split "c" by user too.' in said
    both = [
        {"limit": "1", "window": DAY, **b} for b in (parent(untagged="bucket"), {"name": "c", "parent": "p", **child})
    ]
    assert len(compiled({"budgets": both}).budgets) == 2


ATTRIBUTES = ("user", "group", "metadata.app", "provider")
NODE = st.fixed_dictionaries(
    {
        "where": st.dictionaries(st.sampled_from(ATTRIBUTES), st.sampled_from(["a", "b", "*"]), max_size=2),
        "split_by": st.lists(st.sampled_from(ATTRIBUTES), max_size=2, unique=True),
        "untagged": st.sampled_from(["skip", "bucket"]),
        "attributes": st.sampled_from(["any", "verified"]),
    }
)
KNOWN = st.dictionaries(
    st.sampled_from(ATTRIBUTES[:3]),
    st.builds(
        Attribute,
        st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple),
        st.sampled_from(["key", "header"]),
    ),
)


@settings(deadline=None)
@given(st.lists(NODE, min_size=2, max_size=5), st.lists(KNOWN, min_size=1, max_size=8))
def test_whatever_a_child_counts_all_of_its_ancestors_count(
    nodes: list[dict[str, Any]], requests: list[dict[str, Attribute]]
) -> None:
    chain = [
        {"name": f"b{n}", "limit": "1", "window": DAY, **node, **({"parent": f"b{n - 1}"} if n else {})}
        for n, node in enumerate(nodes)
    ]
    try:
        budgets = compiled({"budgets": chain}).budgets
    except SettingsInvalid as refusal:
        assert "it would count requests without" in str(refusal)
        return
    for facts in requests:
        counted = [c.budget.id for c in claims(budgets, {**facts, "provider": Attribute(("a",), "gateway")})]
        assert counted == [budget.id for budget in budgets[: len(counted)]]


def test_people_are_selected_by_their_addresses_as_they_are_known() -> None:
    keys = [{"name": "k", "secret": "a-gateway-key-of-alice", "user": "Alice@Example.com"}]
    written = {"providers": PROVIDERS, "keys": keys, "budgets": [
        {"name": "hers", "limit": "1", "window": DAY, "where": {"user": ["Alice@Example.com", "00uAbC"]}},
        {"name": "theirs", "limit": "1", "window": DAY, "split_by": ["user"], "overrides": [{"user": "*@Example.com", "limit": "2"}]},
    ]}  # fmt: skip
    snapshot = compiled(written)
    assert [key.user for key in snapshot.keys.values()] == ["alice@example.com"]
    hers, theirs = snapshot.budgets
    assert hers.where == (Match("user", ("alice@example.com", "00uAbC")),)
    assert theirs.overrides == (Override((("user", "*@example.com"),), 2 * DOLLAR),)


def test_a_key_of_the_settings_is_not_called_like_a_login() -> None:
    keys = [{"name": "login:bob@example.com", "secret": "a-gateway-key-of-alice"}]
    assert "begins with login:" in refused(keys=keys)
