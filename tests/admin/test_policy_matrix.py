"""The matrix says of each caller and each model what a single simulation says."""

from pathlib import Path
from typing import Any

import world
from tests.admin.gateways import SETTINGS, gateway

from tollway.admin.policy_matrix import MatrixAsked, judged

POLICIES: list[dict[str, Any]] = [
    {"name": "engineers", "condition": '"eng" in cf.user.groups', "action": {"type": "no-limit"}},
    {
        "name": "students",
        "actor": "user:{cf.user.id}",
        "condition": '"students" in cf.user.groups',
        "action": {"type": "limit", "amount": 5, "period": "monthly"},
    },
    {
        "name": "no frontier for students",
        "resource": {"model": ["gpt-5*"]},
        "condition": '"students" in cf.user.groups',
        "action": {"type": "block"},
    },
]


def person(name: str, *groups: str) -> dict[str, Any]:
    return {"name": name, "identity": {"cf": {"user": {"id": name, "groups": list(groups)}}}}


def rows(policies: list[dict[str, Any]], *callers: dict[str, Any], models: list[str]) -> dict[str, dict[str, Any]]:
    there = world.snapshot(policies=policies)
    asked = MatrixAsked.model_validate({"callers": list(callers), "models": models})
    found = judged(asked, there, there.policies_of, world.NOW)
    return {row.name: {cell.model: cell for cell in row.cells} for row in found.rows}


def test_each_cell_has_its_decision_and_its_reason() -> None:
    models = ["openai/gpt-4o-mini", "openai/gpt-5"]
    found = rows(POLICIES, person("ann", "eng"), person("sam", "students"), person("zoe", "others"), models=models)
    decided = {name: [cells[model].decision for model in models] for name, cells in found.items()}
    assert decided == {
        "ann": ["permitted", "permitted"],
        "sam": ["limited", "blocked"],
        "zoe": ["not_permitted", "not_permitted"],
    }
    limited, blocked = found["sam"]["openai/gpt-4o-mini"], found["sam"]["openai/gpt-5"]
    assert (limited.limit_usd, limited.period, limited.policies) == ("5", "monthly", ["students"])
    assert 'up to $5 monthly in the bucket "user:sam"' in limited.why
    assert blocked.policies == ["no frontier for students"] and "no frontier for students" in blocked.why
    assert not blocked.allowed and limited.allowed


def test_without_policies_everything_is_permitted_and_it_says_so() -> None:
    found = rows([], person("ann"), models=["openai/gpt-5"])
    cell = found["ann"]["openai/gpt-5"]
    assert (cell.decision, cell.allowed) == ("no_policies", True) and "no policies" in cell.why


async def test_a_policy_that_is_not_saved_is_tried_beside_those_in_force(tmp_path: Path) -> None:
    settings = SETTINGS + "policies:\n  - {{name: all, action: {{type: no-limit}}}}\n"
    async with gateway(tmp_path, settings) as caller:
        asked = {"callers": [{"name": "ann"}], "models": ["openai/gpt-4o-mini"]}

        async def decided(policy: dict[str, Any]) -> str:
            answer = await caller.admin("/api/v1/policies/matrix", asked | {"policy": policy})
            return answer.json["rows"][0]["cells"][0]["decision"]

        assert await decided({"name": "none", "action": {"type": "block"}}) == "blocked"
        # A change of one that is in force, in its place.
        assert await decided({"id": "all", "enabled": False}) == "no_policies"
        mistaken = {"name": "x", "action": {"type": "blok"}}
        wrong = await caller.admin("/api/v1/policies/matrix", asked | {"policy": mistaken})
        assert wrong.status == 400 and 'did you mean "block"' in wrong.json["detail"]
        # Nothing of it was kept.
        kept = await caller.admin("/api/v1/policies/matrix", asked | {"includeStaging": True})
        assert kept.json["rows"][0]["cells"][0]["decision"] == "permitted"


async def test_drafts_are_judged_where_they_are_asked_for(tmp_path: Path) -> None:
    settings = SETTINGS + "policies:\n  - {{name: all, action: {{type: no-limit}}}}\n"
    async with gateway(tmp_path, settings) as caller:
        draft = {"name": "no mini", "resource": {"model": ["gpt-4o-mini"]}, "action": {"type": "block"}}
        assert (await caller.admin("/api/v1/policies", draft)).status == 201
        asked = {"callers": [{"name": "ann"}], "models": ["openai/gpt-4o-mini"]}
        now = await caller.admin("/api/v1/policies/matrix", asked)
        then = await caller.admin("/api/v1/policies/matrix", asked | {"includeStaging": True})
        assert [answer.json["rows"][0]["cells"][0]["decision"] for answer in (now, then)] == ["permitted", "blocked"]
        wrong = await caller.admin("/api/v1/policies/matrix", asked | {"gateway": "nope"})
        assert wrong.status == 400 and 'no gateway "nope"' in wrong.json["detail"]
        none = await caller.admin("/api/v1/policies/matrix", {"callers": [], "models": ["a"]})
        assert none.status == 400
