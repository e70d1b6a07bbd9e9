"""Policies by the API: staged, committed, tried, rolled back; in force at once, in the file, and in the audit log."""

from pathlib import Path
from typing import Any

import pytest
from tests.admin.gateways import BOB_KEY, SETTINGS, Caller, gateway

EVERYONE = {"name": "everyone", "action": {"type": "no-limit"}}
LIMIT = {
    "name": "each",
    "actor": "user:{cf.user.id}",
    "action": {"type": "limit", "amount": 5, "period": "monthly", "technique": "named-interval"},
}
PLAIN = SETTINGS.split("budgets:")[0]
"""Without budgets: policies alone decide."""
COMMENTED = PLAIN + "policies:\n  # For all of us.\n  - {{name: everyone, action: {{type: no-limit}}}}\n"


def text_of(caller: Caller) -> str:
    return (caller.folder / "tollway.yaml").read_text()


async def policies(caller: Caller, query: str = "") -> dict[str, Any]:
    answer = await caller.admin(f"/api/v1/policies{query}")
    assert answer.status == 200, answer.json
    return {one["id"]: one for one in answer.json["items"]}


async def test_a_draft_changes_nothing_until_it_is_committed(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        before = text_of(caller)
        staged = await caller.admin(
            "/api/v1/policies", {"name": "no mini", "action": {"type": "block"}, "resource": {"model": "*mini"}}
        )
        assert (staged.status, staged.json["id"], staged.json["staging"]) == (201, "no-mini", True)
        assert any("only what a policy permits" in warning for warning in staged.json["warnings"])
        assert any("No policy of gateway" in warning for warning in staged.json["warnings"])
        await caller.admin("/api/v1/policies", EVERYONE)
        assert text_of(caller) == before and (await caller.chat()).status == 200
        assert await policies(caller) == {}
        assert {name: one["staging"] for name, one in (await policies(caller, "?includeStaging=true")).items()} == {
            "no-mini": True,
            "everyone": True,
        }
        assert (await caller.admin("/api/v1/policies/no-mini")).json["staging"] is True
        done = (await caller.admin("/api/v1/policies/commit", method="POST")).json
        assert (done["committed"], done["failed"], done["errors"]) == (2, 0, [])
        assert {name: one["staging"] for name, one in (await policies(caller, "?includeStaging=true")).items()} == {
            "everyone": False,
            "no-mini": False,
        }
        refused = await caller.chat()
        assert (refused.status, refused.headers["tollway-error"]) == (403, "policy_denied")
        assert 'policy "no mini"' in refused.json["error"]["message"]
        assert (await caller.chat(model="openai/gpt-4o")).status == 200
        lines = (await caller.admin("/api/v1/audit?target=no-mini")).json["items"]
        assert [line["action"] for line in lines] == ["policy.created", "policy.staged"]


async def test_a_policy_is_in_force_with_the_next_request_and_gone_with_its_removal(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        made = await caller.admin("/api/v1/policies?commit=true", LIMIT)
        assert (made.status, made.json["staging"], made.headers["etag"]) == (201, False, '"2"')
        answer = await caller.chat()
        assert answer.status == 200 and answer.headers["tollway-budget"] == "each"
        assert answer.headers["tollway-budget-limit-usd"] == "5"
        changed = await caller.admin(
            "/api/v1/policies/each?commit=true", {"action": LIMIT["action"] | {"amount": "0.0000001"}}, method="PUT"
        )
        assert changed.status == 200, changed.json
        over = await caller.chat()
        assert (over.status, over.headers["tollway-error"]) == (429, "budget_exceeded")
        told = over.json["error"]["tollway"]
        assert (told["policy"], told["bucket"], told["limit_usd"]) == ("each", "user:alice@example.com", "0.0000001")
        assert told["spent_usd"] == answer.headers["tollway-cost-usd"]
        assert "retry-after" in over.headers and told["resets_at"]
        gone = await caller.admin("/api/v1/policies/each", method="DELETE")
        assert gone.status == 200 and any("no policies any more" in warning for warning in gone.json["warnings"])
        assert (await caller.chat()).status == 200


async def test_what_a_bucket_has_spent_is_shown_wherever_budgets_are(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        await caller.admin("/api/v1/policies?commit=true", LIMIT)
        cost = (await caller.chat()).headers["tollway-cost-usd"]
        own = (
            await caller.ask("GET", "/v1/budget", {"authorization": "Bearer alice-gateway-key-canary-7f3a9c"}, b"")
        ).json
        (row,) = own["budgets"]
        assert (row["policy"], row["bucket"], row["spent_usd"], row["limit_usd"]) == (
            "each",
            "user:alice@example.com",
            cost,
            "5",
        )
        (listed,) = (await caller.admin("/api/v1/budgets")).json["items"]
        assert (listed["name"], listed["limit_usd"]) == ("each", "5")
        (account,) = listed["accounts"]
        assert (account["values"], account["spent_usd"]) == ({"actor": "user:alice@example.com"}, cost)
        frozen = await caller.admin(f"/api/v1/budgets/{listed['id']}/freeze", {"reason": "look"})
        assert frozen.status == 200, frozen.json
        assert (await caller.chat()).headers["tollway-error"] == "budget_frozen"
        changed = await caller.admin(f"/api/v1/budgets/{listed['id']}", {"limit": "9"}, method="PATCH")
        assert (changed.status, changed.json["code"]) == (409, "budget_elsewhere")
        assert "change the policies: each" in changed.json["detail"]


async def test_a_draft_that_cannot_be_in_force_is_told_and_stays(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        await caller.admin("/api/v1/policies", EVERYONE)
        await caller.admin("/api/v1/policies", LIMIT)
        # Meanwhile somebody takes its name.
        await caller.admin("/api/v1/policies?commit=true", LIMIT | {"id": "other"})
        done = (await caller.admin("/api/v1/policies/commit", method="POST")).json
        assert (done["committed"], done["failed"]) == (1, 1)
        (error,) = done["errors"]
        assert error["policyId"] == "each" and "the name is used twice" in error["message"]
        assert {name: one["staging"] for name, one in (await policies(caller, "?includeStaging=true")).items()} == {
            "other": False,
            "everyone": False,
            "each": True,
        }
        dropped = await caller.admin("/api/v1/policies/each", method="DELETE")
        assert dropped.status == 200
        again = (await caller.admin("/api/v1/policies/commit", method="POST")).json
        assert (again["committed"], again["failed"], again["policies"]) == (0, 0, [])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"condition": "cf.user.email =="}, 'policy "x", condition, column 17: it ends too early; in: cf.user.email =='),
    ({"condition": 'cf.user.mail == "a"'}, 'nothing is called "cf.user.mail"; did you mean "cf.user.email"?'),
    ({"actor": "user:{cf.user.name}"}, 'actor, column 6: nothing is called "cf.user.name"'),
    ({"resource": "gpt-4o"}, '"gpt-4o" is not "*"; write {model: "gpt-4o"}'),
    ({"action": {"type": "allow"}}, "'allow' is no action"),
    ({"action": {"type": "limit", "amount": 0, "period": "monthly"}}, "0 is not above zero"),
    ({"gateway": "nope"}, 'no gateway "nope"'),
    ({"nope": 1}, "nope"),
    ({"action": None}, "action"),
]


async def test_what_is_no_policy_is_400_and_nothing_is_staged(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        for policy, said in WRONG:
            for query in ("", "?commit=true"):
                body = {"name": "x", "action": {"type": "block"}} | policy
                answer = await caller.admin(f"/api/v1/policies{query}", body)
                assert (answer.status, answer.json["code"]) == (400, "policy_invalid"), answer.json
                assert said in answer.json["detail"]
        assert await policies(caller, "?includeStaging=true") == {}
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/commit"), ("POST", "/simulate"), ("DELETE", "/x")):
            answer = await caller.admin(f"/api/v1/policies{path}", token="", method=method)
            assert answer.status == 401


async def test_put_changes_only_what_it_names_and_comments_stay(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        assert "# For all of us." in text_of(caller)
        staged = await caller.admin(
            "/api/v1/policies/everyone", {"condition": 'user != "bob@example.com"'}, method="PUT"
        )
        assert (staged.status, staged.json["staging"], staged.json["action"]) == (200, True, {"type": "no-limit"})
        assert (await caller.chat(BOB_KEY)).status == 200
        further = await caller.admin("/api/v1/policies/everyone", {"name": "Most of us"}, method="PUT")
        assert further.json["condition"] == 'user != "bob@example.com"' and further.json["id"] == "everyone"
        assert (await caller.admin("/api/v1/policies/commit", method="POST")).json["committed"] == 1
        assert (await caller.chat(BOB_KEY)).headers["tollway-error"] == "policy_denied"
        assert "# For all of us." in text_of(caller) and "Most of us" in text_of(caller)
        for path, body, status, code in (
            ("/api/v1/policies/nope", {"name": "a"}, 404, "policy_unknown"),
            ("/api/v1/policies/everyone", {"id": "other"}, 400, "body_invalid"),
            ("/api/v1/policies/everyone", {"nope": 1}, 400, "policy_invalid"),
        ):
            answer = await caller.admin(path, body, method="PUT")
            assert (answer.status, answer.json["code"]) == (status, code), answer.json
        assert (await caller.admin("/api/v1/policies", EVERYONE)).json["code"] == "policy_exists"
        await caller.admin("/api/v1/policies", LIMIT)
        answer = await caller.admin("/api/v1/policies/each", {"name": "b"}, method="PUT")
        assert (answer.status, answer.json["code"]) == (409, "policy_staged")
        assert (await caller.admin("/api/v1/policies/gone")).json["code"] == "policy_unknown"
        assert (await caller.admin("/api/v1/policies/gone", method="DELETE")).json["code"] == "policy_unknown"


async def test_a_change_that_was_thought_of_for_another_revision_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, PLAIN) as caller:
        headers = {"authorization": f"Bearer {caller.admin_token}", "if-match": '"7"'}
        for method, path, body in (
            ("POST", "/api/v1/policies?commit=true", b'{"name":"a","action":{"type":"block"}}'),
        ):
            answer = await caller.ask(method, path, headers, body)
            assert (answer.status, answer.json["code"]) == (412, "revision_stale")


async def test_policies_go_back_to_an_earlier_revision_and_nothing_else_does(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        await caller.admin("/api/v1/policies?commit=true", LIMIT)
        await caller.admin("/api/v1/policies/everyone", method="DELETE")
        await caller.admin("/api/v1/budgets", {"name": "b", "limit": "9", "window": {"period": "total"}})
        assert list(await policies(caller)) == ["each"]
        back = await caller.admin("/api/v1/policies/rollback", {"revision": 1})
        assert back.status == 200, back.json
        assert [one["id"] for one in back.json["policies"]] == ["everyone"] and back.json["revision"] == 5
        assert [one["id"] for one in (await caller.admin("/api/v1/budgets")).json["items"]] == ["b"]
        again = await caller.admin("/api/v1/policies/rollback", {"revision": 1})
        assert (again.json["changed"], again.json["revision"]) == (False, 5)
        missing = await caller.admin("/api/v1/policies/rollback", {"revision": 77})
        assert (missing.status, missing.json["code"]) == (404, "revision_unknown")
        assert "there are 1 to 5" in missing.json["detail"]


async def test_only_models_that_may_be_used_are_listed_and_work(tmp_path: Path) -> None:
    settings = PLAIN.replace(
        "metadata: {{team: ml}}", "metadata: {{team: ml}}, models: [openai/gpt-4o-mini, openai/gpt-4o]"
    )
    async with gateway(tmp_path, settings) as caller:
        headers = {"authorization": "Bearer alice-gateway-key-canary-7f3a9c"}

        async def listed() -> list[str]:
            return [one["id"] for one in (await caller.ask("GET", "/v1/models", headers, b"")).json["data"]]

        assert sorted(await listed()) == ["openai/gpt-4o", "openai/gpt-4o-mini"]
        refused = await caller.chat(model="openai/gpt-4.1")
        assert (refused.status, refused.headers["tollway-error"]) == (403, "model_not_allowed")
        assert "it may use: openai/gpt-4o-mini, openai/gpt-4o" in refused.json["error"]["message"]
        await caller.admin("/api/v1/policies?commit=true", EVERYONE)
        await caller.admin(
            "/api/v1/policies?commit=true", {"name": "no", "action": {"type": "block"}, "resource": {"model": "gpt-4o"}}
        )
        assert await listed() == ["openai/gpt-4o-mini"]
        asked = "/v1/budget?model=openai/gpt-4o&model=openai/gpt-4o-mini&model=openai/gpt-4.1"
        models = (await caller.ask("GET", asked, headers, b"")).json["models"]
        assert [(one["status"], one["said"], one["code"]) for one in models] == [
            ("refused", "not allowed", "policy_denied"),
            ("works", "works", None),
            ("refused", "not allowed", "model_not_allowed"),
        ]


async def test_an_explanation_tells_what_became_of_each_policy(tmp_path: Path) -> None:
    american = EVERYONE | {"condition": 'cf.country == "US"'}
    no_o3 = {"name": "o3", "action": {"type": "block"}, "resource": {"model": "o3"}}
    async with gateway(tmp_path, PLAIN) as caller:
        for policy in (LIMIT, american, no_o3):
            await caller.admin("/api/v1/policies?commit=true", policy)
        asked = {
            "key": "alice",
            "body": {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]},
        }
        found = (await caller.admin("/api/v1/explain", asked)).json
        assert [(one["name"], one["outcome"]) for one in found["policies"]] == [
            ("each", "matches"),
            ("everyone", "field_missing"),
            ("o3", "other_resource"),
        ]
        (leg,) = found["budgets"]
        assert (leg["name"], leg["values"], leg["verdict"]) == ("each", {"actor": "user:alice@example.com"}, "fits")
        blocked = (await caller.admin("/api/v1/explain", asked | {"body": asked["body"] | {"model": "openai/o3"}})).json
        assert (blocked["outcome"], blocked["code"], blocked["refusal"]["status"]) == ("refuse", "policy_denied", 403)
        assert ("o3", "blocks") in [(one["name"], one["outcome"]) for one in blocked["policies"]]


async def test_nothing_is_forwarded_while_policies_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a defect in a rule")

    async with gateway(tmp_path, COMMENTED) as caller:
        assert (await caller.chat()).status == 200
        served = caller.bill.requests
        for name in ("decide", "claims_of", "values_of"):
            with monkeypatch.context() as patched:
                patched.setattr(f"tollway.exchange.access.{name}", broken)
                answer = await caller.chat(model="openai/gpt-4o")
                assert (answer.status, answer.headers["tollway-error"]) == (500, "internal_error"), name
                assert "a defect in a rule" not in answer.body.decode()
        assert caller.bill.requests == served
        assert (await caller.chat(model="openai/gpt-4o")).status == 200


async def test_a_bucket_outlives_a_restart(tmp_path: Path) -> None:
    settings = PLAIN + (
        'policies:\n  - {{name: each, actor: "user:{{cf.user.id}}", action: {{type: limit, amount: 5, period: monthly}}}}\n'
    )
    headers = {"authorization": "Bearer alice-gateway-key-canary-7f3a9c"}
    async with gateway(tmp_path, settings) as caller:
        cost = (await caller.chat()).headers["tollway-cost-usd"]
    async with gateway(tmp_path, settings) as caller:
        (row,) = (await caller.ask("GET", "/v1/budget", headers, b"")).json["budgets"]
        assert (row["bucket"], row["spent_usd"], row["held_usd"]) == ("user:alice@example.com", cost, "0")


async def put(caller: Caller, query: str, **fields: Any) -> dict[str, Any]:
    answer = await caller.admin(f"/api/v1/policies/everyone{query}", fields, method="PUT")
    assert answer.status == 200, answer.json
    return answer.json


async def test_what_is_put_in_force_at_once_has_nothing_of_a_draft(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        await put(caller, "", condition='user == "nobody"')
        done = await put(caller, "?commit=true", name="all of us")
        assert any("A draft of" in warning for warning in done["warnings"])
        assert (await policies(caller))["everyone"]["condition"] == "true"
        assert "nobody" not in text_of(caller)
        assert (await policies(caller, "?includeStaging=true"))["everyone"]["condition"] == 'user == "nobody"'


async def test_a_draft_takes_back_no_change_that_was_made_since(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        await put(caller, "", condition='user == "nobody"')
        await put(caller, "", name="staged twice")
        await put(caller, "?commit=true", actor="team:x")
        done = (await caller.admin("/api/v1/policies/commit", method="POST")).json
        assert (done["committed"], done["failed"]) == (0, 1)
        assert "has been changed since" in done["errors"][0]["message"]
        assert (await policies(caller))["everyone"]["actor"] == "team:x"
        again = await put(caller, "", name="staged again")
        assert (again["actor"], again["condition"]) == ("team:x", "true")
        done = (await caller.admin("/api/v1/policies/commit", method="POST")).json
        assert (done["committed"], done["errors"]) == (1, [])
        assert (await policies(caller))["everyone"]["name"] == "staged again"
