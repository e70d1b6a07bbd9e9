"""What is shown of the accounts of policies: the number that refuses, or none."""

from pathlib import Path
from typing import Any

from tests.admin.gateways import BOB_KEY, SETTINGS, Caller, gateway

# Alice leads, Bob does not.
POLICIES = """\
policies:
  - {{name: each, actor: "user:{{cf.user.id}}", action: {{type: limit, amount: "5", period: daily}}}}
  - name: leads
    actor: "user:{{cf.user.id}}"
    condition: '"leads" in cf.user.groups'
    action: {{type: limit, amount: "9", period: daily}}
"""
PLAIN = SETTINGS.split("budgets:")[0]


async def accounts(caller: Caller) -> dict[str, dict[str, Any]]:
    (budget,) = (await caller.admin("/api/v1/budgets")).json["items"]
    one = (await caller.admin(f"/api/v1/budgets/{budget['id']}")).json
    assert [each["limit_usd"] for each in one["accounts"]] == [each["limit_usd"] for each in budget["accounts"]]
    return {each["values"]["actor"].partition("@")[0]: each for each in budget["accounts"]}


async def test_the_limit_of_several_that_refuses_is_the_one_that_is_shown(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN + POLICIES) as caller:
        assert (await caller.chat()).headers["tollway-budget-limit-usd"] == "9"
        assert (await caller.chat(BOB_KEY)).headers["tollway-budget-limit-usd"] == "5"
        shown = await accounts(caller)
        assert {who: (one["limit_usd"], one["base_limit_usd"], one["limit_note"]) for who, one in shown.items()} == {
            "user:alice": ("9", "9", ""),
            "user:bob": ("5", "5", ""),
        }


async def test_alerts_are_about_the_same_limit(tmp_path: Path) -> None:
    rule = "alerts:\n  - {{name: r, when: spent, at: [1]}}\n"
    low = POLICIES.replace('"5"', '"0.0001"').replace('"9"', '"0.0002"')
    async with gateway(tmp_path, PLAIN + low + rule) as caller:
        answers = [await caller.chat(), await caller.chat(BOB_KEY)]
        assert [answer.status for answer in answers] == [200, 200]
        told = (await caller.logged("/api/v1/alerts", 2))["items"]
        assert {alert["title"].partition("@")[0]: alert["data"]["limit_usd"] for alert in told} == {
            "each, leads [user:alice": "0.0002",
            "each, leads [user:bob": "0.0001",
        }


async def test_a_limit_that_conditions_have_yet_to_give_is_not_guessed(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN + POLICIES) as caller:
        await caller.chat(BOB_KEY)
        edit = {"action": {"type": "limit", "amount": "0.0000001", "period": "daily"}}
        assert (await caller.admin("/api/v1/policies/each?commit=true", edit, method="PUT")).status == 200
        bob = (await accounts(caller))["user:bob"]
        assert (bob["limit_usd"], bob["base_limit_usd"], bob["available_usd"]) == (None, None, None)
        assert 'by policy "each", or $9' in bob["limit_note"] and 'by policy "leads"' in bob["limit_note"]
        # The next request is told by which, and refused by the number that is shown from then on.
        refused = await caller.chat(BOB_KEY)
        bob = (await accounts(caller))["user:bob"]
        assert refused.json["error"]["tollway"]["limit_usd"] == bob["limit_usd"] == "0.0000001"
        assert bob["limit_note"] == ""


async def test_where_one_limit_is_possible_it_is_shown_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN + POLICIES) as caller:
        await caller.chat(BOB_KEY)
        assert (await caller.admin("/api/v1/policies/leads", method="DELETE")).status == 200
        bob = (await accounts(caller))["user:bob"]
        assert (bob["limit_usd"], bob["limit_note"]) == ("5", "")
        free = {"name": "free", "actor": "user:{cf.user.id}", "action": {"type": "no-limit"}}
        assert (await caller.admin("/api/v1/policies?commit=true", free)).status == 201
        bob = (await accounts(caller))["user:bob"]
        assert bob["limit_usd"] is None and 'no limit by policy "free"' in bob["limit_note"]
        await caller.chat(BOB_KEY)
        bob = (await accounts(caller))["user:bob"]
        assert (bob["limit_usd"], bob["limit_note"]) == (None, "")
