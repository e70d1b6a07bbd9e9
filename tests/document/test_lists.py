"""What is a list is nowhere taken for one value."""

from typing import Any

import pytest
import world

from tollway.errors import SettingsInvalid

DAY = {"period": "day"}
ISSUER = {
    "name": "company", "issuer": "https://idp.example.com", "audience": "tollway",
    "claims": {"lists": {"roles": "realm_access.roles"}, "metadata": {"dept": "dept"}},
}  # fmt: skip


def policy(**fields: Any) -> dict[str, Any]:
    return {
        "name": "p",
        "actor": "everyone",
        "resource": "*",
        "condition": "true",
        "action": {"type": "no-limit"},
    } | fields


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"budgets": [{"name": "b", "limit": "1", "window": DAY, "split_by": ["metadata.roles"]}]}, 'budget "b"'),
        ({"budgets": [{"name": "b", "limit": "1", "window": DAY, "where": {"metadata.roles": "ml"}}]}, 'budget "b"'),
        (
            {"budgets": [{"name": "b", "limit": "1", "window": DAY, "actions": [
                {"at": 50, "do": "slow", "delay_ms": 5, "where": {"metadata.roles": "ml"}}]}]},
            'budget "b"',
        ),
        ({"rate_limits": [{"name": "r", "requests": 1, "window_s": 60, "split_by": ["metadata.roles"]}]}, 'rate limit "r"'),
        ({"policies": [policy(actor="role:{cf.custom.roles}")]}, "a bucket has one name"),
        ({"policies": [policy(actor="role:{metadata.roles}")]}, 'policy "p"'),
        ({"policies": [policy(condition='verified.metadata.roles == "ml"')]}, 'policy "p"'),
    ],
)  # fmt: skip
def test_a_rule_that_needs_one_value_of_a_list_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"claims\.lists") as refused:
        world.snapshot(issuers=[ISSUER], **written)
    assert said in str(refused.value)
    world.snapshot(**written)


def test_conditions_ask_for_lists_and_budgets_for_what_has_one_value() -> None:
    budgets = [{"name": "b", "limit": "1", "window": DAY, "split_by": ["metadata.dept"]}]
    snapshot = world.snapshot(
        issuers=[ISSUER],
        budgets=budgets,
        policies=[policy(condition='"ml" in cf.custom.roles', actor="d:{metadata.dept}")],
    )
    (issuer,) = snapshot.issuers.all()
    assert issuer.claims.mapped == {"roles", "dept"}


@pytest.mark.parametrize("lists", [{"dept": "x"}, {"": "x"}, {"cf.x": "x"}, {"x": ""}])
def test_an_attribute_has_one_value_or_several_and_a_name(lists: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match=r"claims\.lists"):
        world.snapshot(issuers=[ISSUER | {"claims": {"lists": lists, "metadata": {"dept": "dept"}}}])
