"""Cloudflare's simulator: its question, its answer, and that it agrees with what is enforced."""

from typing import Any

import pytest
import world

from tollway.admin.policy_simulate import SimulateRequest, simulated
from tollway.admin.problem import Problem
from tollway.snapshot import Snapshot

LIMITS = [
    {
        "name": "everyone",
        "actor": "user:{cf.user.id}",
        "action": {"type": "limit", "amount": 1000, "period": "monthly", "technique": "named-interval"},
    },
    {
        "name": "contractors",
        "action": {"type": "block"},
        "condition": '"contractors" in cf.user.groups',
        "resource": {"model": "gpt-5*"},
    },
]
ANN = {"cf": {"user": {"id": "ann", "groups": ["eng"]}}, "metadata": {"beta": True}}


def answer(
    policies: list[dict[str, Any]] | None = None, snapshot: Snapshot | None = None, **asked: Any
) -> dict[str, Any]:
    there = snapshot or world.snapshot(policies=LIMITS if policies is None else policies)
    question = {"identity": ANN, "model": "gpt-4o-mini", "provider": "openai", **asked}
    found = simulated(SimulateRequest.model_validate(question), there, there.policies_of, world.NOW)
    return found.model_dump()


@pytest.mark.parametrize(
    ("spent", "allowed"), [(0, True), (999.99, True), (1000, False), (1000.42, False), ("1000.000000001", False)]
)
def test_a_limit_is_exceeded_once_it_is_reached(spent: Any, allowed: bool) -> None:
    found = answer(bucketUsage={"everyone": {"spent": spent}})
    assert found["evaluation"]["decision"] == "check_limits"
    assert found["policiesEvaluated"] == 2
    (bucket,) = found["evaluation"]["buckets"]
    assert (bucket["bucket"], bucket["limit"], bucket["period"], bucket["policyName"]) == (
        "user:ann",
        1000,
        "monthly",
        "everyone",
    )
    enforcement = found["enforcement"]
    assert enforcement["allowed"] is allowed
    if not allowed:
        assert enforcement["reason"] == "limit_exceeded"
        assert (enforcement["bucket"], enforcement["limit"], enforcement["policyName"]) == (
            "user:ann",
            1000,
            "everyone",
        )
        assert enforcement["spent"] == float(spent)


def test_a_block_names_the_policy_and_default_deny_names_none() -> None:
    person = {"cf": {"user": {"id": "eve", "groups": ["contractors"]}}}
    found = answer(identity=person, model="gpt-5")
    assert found["evaluation"] == {"decision": "block", "buckets": []}
    assert (found["enforcement"]["allowed"], found["enforcement"]["reason"]) == (False, "blocked")
    assert found["enforcement"]["policyName"] == "contractors"
    nobody = answer(identity={"cf": {}, "metadata": {}})
    assert (nobody["enforcement"]["reason"], nobody["enforcement"]["policyName"]) == ("blocked", None)
    assert [(one["name"], one["outcome"], one["why"]) for one in nobody["policies"]] == [
        ("everyone", "field_missing", "cf.user.id is not known of this caller"),
        ("contractors", "other_resource", ""),
    ]


def test_no_limit_is_said_so_and_so_is_a_gateway_without_policies() -> None:
    found = answer([{"name": "all", "action": {"type": "no-limit"}}])
    assert (found["evaluation"]["decision"], found["enforcement"]["allowed"]) == ("no-limit", True)
    (bucket,) = found["evaluation"]["buckets"]
    assert (bucket["unchecked"], bucket["limit"], bucket["policyName"]) == (True, None, None)
    empty = answer([])
    assert (empty["evaluation"], empty["policiesEvaluated"]) == ({"decision": "no-limit", "buckets": []}, 0)


@pytest.mark.parametrize(
    ("condition", "identity", "holds"),
    [
        ('metadata.beta == "true"', ANN, True),
        ('user == "ann" && groups == ["eng"]', ANN, True),
        ('identity.user == "ann"', ANN, True),
        ('service == "ci" && cf.service == "ci"', {"cf": {"service": "ci"}}, True),
        ('key == "k"', {"key": "k"}, True),
        ('verified.metadata.team == "ml"', {"verified": {"metadata": {"team": "ml"}}}, True),
        ('verified.metadata.team == "ml"', {"metadata": {"team": "ml"}}, False),
        ('gateway == "default"', {}, True),
        ('cf.custom.org.team == "ml"', {"cf": {"custom": {"org": {"team": "ml"}}}}, True),
    ],
)
def test_every_field_may_be_given(condition: str, identity: dict[str, Any], holds: bool) -> None:
    found = answer([{"name": "only", "action": {"type": "no-limit"}, "condition": condition}], identity=identity)
    assert found["enforcement"]["allowed"] is holds


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"gateway": "nope"}, 'gateway: no gateway "nope"'),
        ({"bucketUsage": {"evryone": {"spent": 1}}}, 'did you mean "everyone"?'),
        ({"bucketUsage": {"everyone": {"spent": "many"}}}, "is not an amount of US dollars"),
        ({"bucketUsage": {"everyone": {"spent": 1e400}}}, "is not an amount"),
        ({"identity": {"email": "x", "mail": "y"}}, 'identity: it has no "mail"'),
        ({"identity": {"cf": 3}}, "identity.cf is no object"),
        ({"identity": {"cf": {"user": "ann"}}}, "identity.cf.user is no object"),
    ],
)
def test_what_cannot_be_asked_is_told(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem) as raised:
        answer(**asked)
    assert raised.value.status == 400 and said in raised.value.detail


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5"),
        (None, "openai/gpt-5"),
        ("openai", "openai/gpt-5"),
        ("unknown", "gpt-5"),
        (None, "elsewhere/gpt-5"),
    ],
)
def test_a_model_may_be_written_in_every_way(provider: str | None, model: str) -> None:
    person = {"cf": {"user": {"id": "eve", "groups": ["contractors"]}}}
    assert answer(identity=person, provider=provider, model=model)["enforcement"]["policyName"] == "contractors"
