"""A policy in words."""

from typing import Any

import pytest

from tollway.cli.policies_shown import OUTCOMES, show_committed, show_policy
from tollway.policies.decide import Outcome

POLICY: dict[str, Any] = {
    "id": "a", "name": "A", "actor": "everyone", "resource": "*", "condition": "true", "action": {"type": "no-limit"},
    "gateway": None, "enabled": True, "staging": False, "updated_by": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "  state      in force"),
        ({"staging": True, "updated_by": "ann"}, "  state      a draft by ann"),
        ({"enabled": False}, "  state      switched off"),
        ({"action": {"type": "block", "except": True}}, "  action     block except"),
        ({"action": {"type": "limit", "amount": 2, "rolling": "week"}}, "  action     limit $2 week"),
        ({"resource": {"model": ["a", "b"], "provider": "p"}}, "  resource   model a, b; provider p"),
    ],
)
def test_a_policy_is_shown(capsys: pytest.CaptureFixture[str], changed: dict[str, Any], said: str) -> None:
    show_policy(POLICY | changed)
    assert said in capsys.readouterr().out


def test_every_outcome_has_words() -> None:
    assert set(OUTCOMES) == set(Outcome.__args__)


def test_what_was_not_committed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"policyId": "b", "message": "no."}]
    show_committed(
        {"committed": 1, "failed": 1, "policies": [POLICY], "errors": errors, "revision": 3, "warnings": ["w"]}
    )
    assert capsys.readouterr().out.splitlines() == [
        "a is in force.", "b is still a draft: no.", "The settings are at revision 3.", "Note: w",
    ]  # fmt: skip
