"""Names that rules speak of are not for everybody to take."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))
import world

from tollway.admin.key_names import check_own_name, is_spoken_of
from tollway.admin.problem import Problem
from tollway.snapshot import Snapshot

DAY = {"period": "day"}


def policed(condition: str, **fields: Any) -> Snapshot:
    policy = {"name": "p", "actor": "everyone", "resource": "*", "condition": condition, "action": {"type": "no-limit"}}
    return world.snapshot(policies=[policy | fields])


@pytest.mark.parametrize(
    ("condition", "spoken", "free"),
    [
        ('key == "nightly"', ["nightly"], ["Nightly", "nightly-2", "ide"]),
        ('"x" in groups && key != "nightly"', ["nightly"], ["ide"]),
        ("identity.key in [\"a\", 'b']", ["a", "b"], ["c"]),
        ('has(identity.key) && key.startsWith("ci-")', ["ci-", "ci-me"], ["my-ci-"]),
        ('key.endsWith("-ci") || key.contains(r"prod")', ["my-ci", "non-prod-1"], ["ci-my", "pro"]),
        ('key.matches("^n[0-9]+$")', ["n1"], ["nx"]),
        ('user == "ide"', [], ["ide"]),
        ("true", [], ["true"]),
    ],
)
def test_names_of_which_a_policy_says_anything(condition: str, spoken: list[str], free: list[str]) -> None:
    snapshot = policed(condition)
    assert [name for name in spoken if not is_spoken_of(name, snapshot)] == []
    assert [name for name in free if is_spoken_of(name, snapshot)] == []


@pytest.mark.parametrize(
    "condition",
    [
        'key == "vip" + "5"',
        '"rev-" + key == "rev-vip"',
        "size(key) == 17",
        '["vip"].exists(n, key == n)',
        'key > "vip" && key < "viq"',
        'identity["k" + "ey"] == "vip"',
        'key in ["vi" + "p"]',
        'key in ["a"] + ["vip"]',
        "key == metadata.owner",
        'key.startsWith("v" + "ip")',
        'has(identity.key) ? key == "x" : key.size() == 3',
        '"xvip".endsWith(key)',
    ],
)
def test_where_a_policy_asks_of_names_in_a_way_that_is_not_understood_any_may_be_meant(condition: str) -> None:
    snapshot = policed(condition)
    assert is_spoken_of("vip", snapshot) and is_spoken_of("anything", snapshot)


def test_names_of_which_a_budget_or_a_rate_limit_says_anything() -> None:
    budgets = [
        {"name": "all", "limit": "9", "window": DAY, "where": {"key": "*"}},
        {"name": "prod", "limit": "9", "window": DAY, "where": {"key": ["*", "prod-*"]}},
        {"name": "each", "limit": "9", "window": DAY, "split_by": ["key"], "overrides": [{"key": "big", "limit": "99"}]},
        {
            "name": "late", "limit": "9", "window": DAY,
            "actions": [{"at": 50, "do": "slow", "delay_ms": 5, "where": {"key": "slow"}}],
        },
    ]  # fmt: skip
    limits = [{"name": "pace", "requests": 5, "window_s": 60, "where": {"key": "paced"}}]
    snapshot = world.snapshot(budgets=budgets, rate_limits=limits)
    assert all(is_spoken_of(name, snapshot) for name in ("prod-1", "big", "slow", "paced"))
    assert not any(is_spoken_of(name, snapshot) for name in ("ide", "prod", "bigger", "all"))


@pytest.mark.parametrize(
    ("condition", "spoken"),
    [
        ({"key": "vip"}, True),
        ({"key": {"$ne": "vip"}}, True),
        ({"$or": [{"metadata.plan": "x"}, {"$not": {"key": {"$in": ["a", "vip"]}}}]}, True),
        ({"key": {"$regex": "^vi"}}, True),
        ({"cel": 'key == "vip"'}, True),
        ({"key": {"$exists": True}}, False),
        ({"metadata.key": "vip"}, False),
    ],
)
def test_names_of_which_a_route_says_anything(condition: Any, spoken: bool) -> None:
    elements = [
        {"id": "s", "type": "start", "outputs": {"next": {"elementId": "c"}}},
        {
            "id": "c", "type": "conditional", "properties": {"conditions": condition},
            "outputs": {"true": {"elementId": "m"}, "false": {"elementId": "e"}},
        },
        {
            "id": "m", "type": "model", "properties": {"provider": "openai", "model": "gpt-4o-mini"},
            "outputs": {"success": {"elementId": "e"}, "fallback": {"elementId": "e"}},
        },
        {"id": "e", "type": "end", "outputs": {}},
    ]  # fmt: skip
    snapshot = world.snapshot(routes=[{"name": "r", "elements": elements}])
    assert is_spoken_of("vip", snapshot) is spoken
    assert not is_spoken_of("ide", snapshot)


def test_whoever_is_refused_a_name_is_not_told_which_rule_speaks_of_it() -> None:
    snapshot = policed('key == "nightly"', name="secret-project")
    with pytest.raises(Problem, match='keys that are called "nightly"') as refused:
        check_own_name("nightly", snapshot)
    assert refused.value.status == 403 and "secret-project" not in refused.value.detail
    check_own_name("ide", snapshot)
