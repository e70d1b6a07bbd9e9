"""Settings by the API: who may see them, changing a gateway, and the whole text."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway
from tests.admin.people import ADMIN, ALICE, FINANCE, OWNER, ROLES, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
LITERAL = "a-secret-that-is-written-here"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    text = f"{SETTINGS}{ROLES}".replace(
        "keys:\n", f"keys:\n  - {{{{name: plain, secret: {LITERAL}}}}}   # for now\n", 1
    )
    async with gateway(tmp_path_factory.mktemp("gateway"), text) as running:
        yield running


async def revision(caller: Caller) -> int:
    return (await caller.admin("/api/v1/settings")).json["revision"]


async def sent(caller: Caller, method: str, target: str, body: Any, at: object = None, token: str = "") -> Answer:
    headers = {"authorization": f"Bearer {token or caller.admin_token}"}
    if at is not None:
        headers["if-match"] = f'"{at}"'
    return await caller.ask(method, f"/api/v1/{target}", headers, json.dumps(body).encode())


async def test_each_process_setting_says_where_it_comes_from(caller: Caller) -> None:
    found = (await caller.admin("/api/v1/settings")).json
    by_name = {one["name"]: one for one in found["process"]}
    assert by_name["port"]["option"] == "--port" and by_name["port"]["environment"] == "TOLLWAY_PORT"
    assert {one["source"] for one in found["process"]} <= {"option", "environment", "default", "unknown"}
    assert found["path"].endswith("tollway.yaml")


async def test_a_change_of_a_gateway_is_shown_first_and_then_in_force(caller: Caller) -> None:
    at = await revision(caller)
    fields = {"retry": {"max_attempts": 3, "delay_ms": 10}, "timeout_ms": 9_000}
    told = (await sent(caller, "PATCH", "gateways/default?dry_run=true", fields, at)).json
    assert (told["changed"], told["before"], told["after"]) == (True, None, {"slug": "default", **fields})
    assert await revision(caller) == at
    done = await sent(caller, "PATCH", "gateways/default", fields, at)
    assert done.status == 200 and done.json["revision"] == at + 1
    listed = (await caller.admin("/api/v1/gateways")).json
    assert [one["written"] for one in listed["items"]] == [{"slug": "default", **fields}]
    assert "cache" in listed["fields"]
    assert caller.runtime.snapshot.gateways["default"].retry.max_attempts == 3
    audited = (await caller.admin("/api/v1/audit?limit=1")).json["items"][0]
    assert (audited["action"], audited["target"]) == ("gateway.created", "default")


async def test_a_change_that_was_thought_of_for_older_settings_is_refused(caller: Caller) -> None:
    answer = await sent(caller, "PATCH", "gateways/default", {"timeout_ms": 1}, 0)
    assert (answer.status, answer.json["code"]) == (412, "revision_stale")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timeout_ms": 0}, "gateways.default.timeout_ms: 0 is not from 1"),
        ({"retry": {"max_attempts": 9}}, "gateways.default.retry.max_attempts: 9"),
        ({"colour": "red"}, 'there is no field "colour"'),
    ],
)
async def test_what_a_gateway_cannot_be_is_told_at_its_field(caller: Caller, fields: Any, said: str) -> None:
    answer = await sent(caller, "PATCH", "gateways/default?dry_run=true", fields)
    assert (answer.status, answer.json["code"]) == (422, "settings_invalid")
    assert said in answer.json["detail"]


async def test_a_gateway_that_is_not_there_is_named_with_those_that_are(caller: Caller) -> None:
    answer = await sent(caller, "PATCH", "gateways/other", {})
    assert (answer.status, answer.json["code"]) == (404, "gateway_unknown")
    assert "default" in answer.json["detail"]


async def test_the_whole_text_is_read_without_its_secrets_and_written_with_them(caller: Caller) -> None:
    shown = await caller.admin("/api/v1/settings/document")
    text, at = shown.json["text"], shown.json["revision"]
    assert LITERAL not in text and "# for now" in text
    changed = text.replace('limit: "20"', 'limit: "21"')
    told = (await sent(caller, "PUT", "settings/document?dry_run=true", {"text": changed}, at)).json
    assert [(one["action"], one["target"]) for one in told["differences"]] == [("budget.changed", "company")]
    assert '"20"' in told["differences"][0]["before"] and '"21"' in told["differences"][0]["after"]
    assert LITERAL not in json.dumps(told)
    done = await sent(caller, "PUT", "settings/document", {"text": changed}, at)
    assert (done.status, done.json["revision"]) == (200, at + 1)
    kept = (caller.folder / "tollway.yaml").read_text()
    assert LITERAL in kept and 'limit: "21"' in kept
    same = await sent(caller, "PUT", "settings/document", {"text": changed}, at + 1)
    assert (same.json["changed"], same.json["differences"]) == (False, [])


async def test_a_text_that_cannot_be_used_changes_nothing(caller: Caller) -> None:
    text, at = (await caller.admin("/api/v1/settings/document")).json["text"], await revision(caller)
    moved = text.replace("name: plain", "name: other")
    for wrong, said in ((text + "colour: red\n", "colour"), ("keys: [", "not YAML"), (moved, "keys.other.secret")):
        answer = await sent(caller, "PUT", "settings/document", {"text": wrong}, at)
        assert (answer.status, answer.json["code"]) == (422, "settings_invalid"), wrong[-30:]
        assert said in answer.json["detail"]
    assert await revision(caller) == at
    blind = await sent(caller, "PUT", "settings/document", {"text": text})
    assert (blind.status, blind.json["code"]) == (400, "header_invalid")


async def test_only_an_owner_reads_and_writes_all_of_it(caller: Caller) -> None:
    owner, admin, finance, alice = (signed_in(caller, who) for who in (OWNER, ADMIN, FINANCE, ALICE))
    for target, may in (("settings", (owner, admin)), ("gateways", (owner, admin)), ("settings/document", (owner,))):
        for token in (owner, admin, finance, alice):
            assert (await caller.admin(f"/api/v1/{target}", token=token)).status == (200 if token in may else 403), (
                target
            )
    # Who could write all of it could make themselves an owner.
    assert (await sent(caller, "PUT", "settings/document", {"text": ""}, 1, admin)).status == 403
    assert (await sent(caller, "PATCH", "gateways/default", {}, token=finance)).status == 403
    assert (await sent(caller, "PATCH", "gateways/default", {}, token=admin)).status == 200
