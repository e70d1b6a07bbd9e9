"""Service tokens over the admin API, sent as Cloudflare's clients send them, and as OAuth clients do."""

import base64
import json
from typing import Any

import pytest
from tests.admin.gateways import Answer, Caller

here = pytest.mark.asyncio(loop_scope="module")
CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60}


async def make(caller: Caller, name: str, **fields: Any) -> Any:
    answer = await caller.admin("/api/v1/service-tokens", {"name": name} | fields)
    assert answer.status == 201, answer.body
    return answer.json


async def ask(caller: Caller, headers: dict[str, str]) -> Answer:
    return await caller.ask("POST", "/v1/chat/completions", headers, json.dumps(CHAT).encode())


def ways(client_id: str, secret: str) -> list[dict[str, str]]:
    as_json = json.dumps({"cf-access-client-id": client_id, "cf-access-client-secret": secret})
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return [
        {"CF-Access-Client-Id": client_id, "CF-Access-Client-Secret": secret},
        {"tollway-client-id": client_id, "tollway-client-secret": secret},
        {"authorization": as_json},
        {"tollway-authorization": as_json},
        {"authorization": f"Basic {basic}"},
    ]


@here
async def test_a_service_token_opens_however_it_is_sent_and_is_known_by_its_name(caller: Caller) -> None:
    made = await make(caller, "nightly-ci", team="ml")
    for headers in ways(made["client_id"], made["client_secret"]):
        answer = await ask(caller, headers)
        assert answer.status == 200, (headers.keys(), answer.body)
    # The secret names its client id: clients that take one key may send it alone.
    assert (await ask(caller, {"authorization": f"Bearer {made['client_secret']}"})).status == 200
    page = await caller.logged("/api/v1/logs?service=nightly-ci", 6)
    assert {(item["service"], item["key"], item["user"]) for item in page["items"]} == {
        ("nightly-ci", "nightly-ci", None)
    }
    spend = (await caller.admin("/api/v1/spend?group_by=service&service=nightly-ci")).json
    assert spend["total"]["entries"] == 6


@here
async def test_the_halves_of_two_service_tokens_open_nothing(caller: Caller) -> None:
    one, other = await make(caller, "one"), await make(caller, "other")
    for headers in ways(one["client_id"], other["client_secret"]):
        answer = await ask(caller, headers)
        assert (answer.status, answer.headers["tollway-error"]) == (401, "credential_unknown")


@here
async def test_a_rotation_says_until_when_the_secret_before_opens(caller: Caller) -> None:
    made = await make(caller, "turning")
    path = f"/api/v1/service-tokens/{made['service_token']['id']}"
    assert made["previous_client_secret_expires_at"] is None
    fresh = (await caller.admin(f"{path}/rotate", {"grace_s": 3600})).json
    assert fresh["client_id"] == made["client_id"] and fresh["previous_client_secret_expires_at"] is not None
    for secret in (made["client_secret"], fresh["client_secret"]):
        assert (await ask(caller, ways(made["client_id"], secret)[0])).status == 200
    too_long = await caller.admin(f"{path}/rotate", {"grace_s": 31 * 86_400})
    assert (too_long.status, too_long.json["code"]) == (400, "body_invalid")


@here
async def test_service_tokens_are_listed_changed_revoked_and_deleted_apart_from_keys(caller: Caller) -> None:
    made = await make(caller, "living", owner="ann@example.com")
    path = f"/api/v1/service-tokens/{made['service_token']['id']}"
    assert (await caller.admin("/api/v1/keys/living")).status == 404
    assert b'"living"' not in (await caller.admin("/api/v1/keys?limit=500")).body
    listed = (await caller.admin("/api/v1/service-tokens?owner=ann@example.com")).json
    assert [item["name"] for item in listed["items"]] == ["living"]
    changed = (await caller.admin(path, {"enabled": False}, method="PATCH")).json["service_token"]
    assert (
        changed["state"] == "disabled"
        and (await ask(caller, ways(made["client_id"], made["client_secret"])[1])).status == 401
    )
    assert (await caller.admin(path)).json == changed
    assert (await caller.admin(f"{path}/revoke", {})).json["service_token"]["state"] == "revoked"
    assert (await caller.admin(path, method="DELETE")).json["service_token"]["name"] == "living"
    actions = [line["action"] for line in (await caller.admin("/api/v1/audit?target=living")).json["items"]]
    assert actions == [f"service_token.{verb}" for verb in ("deleted", "revoked", "changed", "created")]


@here
async def test_a_service_token_is_of_no_user(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/service-tokens", {"name": "x", "user": "ann@example.com"})
    assert (answer.status, answer.json["code"]) == (400, "body_invalid") and "user" in answer.json["detail"]


@here
async def test_no_later_answer_has_the_client_secret(caller: Caller) -> None:
    made = await make(caller, "quiet")
    for path in ("service-tokens", "service-tokens/quiet", "audit?target=quiet", "logs"):
        answer = await caller.admin(f"/api/v1/{path}")
        assert answer.status == 200 and made["client_secret"][16:59].encode() not in answer.body
