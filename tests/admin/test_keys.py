"""Keys over the admin API: made, used, listed, changed, rotated, ended; the secret is told once."""

from typing import Any

import pytest
from tests.admin.gateways import Answer, Caller

here = pytest.mark.asyncio(loop_scope="module")


async def make(caller: Caller, name: str, **fields: Any) -> Any:
    answer = await caller.admin("/api/v1/keys", {"name": name} | fields)
    assert answer.status == 201, answer.body
    return answer.json


async def chat(caller: Caller, secret: str, **fields: Any) -> Answer:
    return await caller.chat(secret, **fields)


async def audit(caller: Caller, target: str) -> list[Any]:
    return (await caller.admin(f"/api/v1/audit?target={target}")).json["items"]


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


@here
async def test_a_key_opens_with_its_answer_and_carries_who_it_is_for(caller: Caller) -> None:
    answer = await caller.admin(
        "/api/v1/keys",
        {
            "name": "zoe laptop", "user": "zoe@example.com", "team": "ml", "groups": ["eng"], "metadata": {"cost_center": 7},
            "priority": "production", "note": "her laptop",
        },
    )  # fmt: skip
    assert answer.status == 201 and answer.headers["cache-control"] == "no-store"
    made = answer.json
    key = made["key"]
    assert made["secret"].startswith(key["prefix"]) and (key["owner"], key["state"]) == ("zoe@example.com", "active")
    assert (key["metadata"], key["team"]) == ({"cost_center": "7", "team": "ml"}, "ml")
    assert (await chat(caller, made["secret"])).status == 200
    page = await caller.logged("/api/v1/logs?key=zoe+laptop", 1)
    assert (page["items"][0]["user"], page["items"][0]["metadata"]["team"]) == ("zoe@example.com", "ml")
    shown = (await caller.admin("/api/v1/keys/zoe%20laptop")).json
    assert shown["id"] == key["id"] and shown["last_used_at"] is not None


@here
async def test_no_answer_but_the_first_has_the_secret_nor_a_digest(caller: Caller) -> None:
    made = await make(caller, "canary")
    body = made["secret"][16:59].encode()
    rotated = (await caller.admin(f"/api/v1/keys/{made['key']['id']}/rotate", {})).json
    for path in ("keys", "keys/canary", "audit?target=canary", "status", "logs"):
        answer = await caller.admin(f"/api/v1/{path}")
        assert answer.status == 200
        assert body not in answer.body and rotated["secret"][16:59].encode() not in answer.body
        assert b"digest" not in answer.body


@here
async def test_a_key_is_found_by_id_and_by_name_and_not_otherwise(caller: Caller) -> None:
    made = await make(caller, "found")
    assert (await caller.admin(f"/api/v1/keys/{made['key']['id']}")).json["name"] == "found"
    assert refused(await caller.admin("/api/v1/keys/nope")) == (404, "key_unknown")
    assert refused(await caller.admin(f"/api/v1/service-tokens/{made['key']['id']}")) == (404, "key_unknown")


@here
async def test_names_are_unique_with_those_of_the_settings(caller: Caller) -> None:
    await make(caller, "unique")
    for name in ("unique", "alice"):
        assert refused(await caller.admin("/api/v1/keys", {"name": name})) == (409, "key_taken")
    assert refused(await caller.admin("/api/v1/service-tokens", {"name": "unique"})) == (409, "key_taken")


@here
async def test_keys_of_the_settings_are_shown_and_changed_there(caller: Caller) -> None:
    alice = (await caller.admin("/api/v1/keys/alice")).json
    assert (alice["managed_by"], alice["id"], alice["team"], alice["state"]) == ("file", None, "ml", "active")
    assert (await caller.admin("/api/v1/keys/old")).json["state"] == "expired"
    for path, method, body in (
        ("keys/alice", "PATCH", {"enabled": False}),
        ("keys/alice", "DELETE", None),
        ("keys/alice/rotate", "POST", {}),
        ("keys/alice/revoke", "POST", {}),
    ):
        answer = await caller.admin(f"/api/v1/{path}", body, method=method)
        assert refused(answer) == (409, "key_of_settings") and "settings file" in answer.json["detail"]


@here
async def test_a_change_is_in_force_with_the_next_request(caller: Caller) -> None:
    made = await make(caller, "changed", user="u@example.com", team="a")
    path = f"/api/v1/keys/{made['key']['id']}"
    off = await caller.admin(path, {"enabled": False}, method="PATCH")
    assert off.json["key"]["state"] == "disabled"
    answer = await chat(caller, made["secret"])
    assert (answer.status, answer.headers["tollway-error"]) == (401, "credential_unknown")
    again = await caller.admin(
        path, {"enabled": True, "team": None, "project": "p", "gateways": ["default"]}, method="PATCH"
    )
    assert (again.json["key"]["metadata"], again.json["key"]["user"]) == ({"project": "p"}, "u@example.com")
    assert (await chat(caller, made["secret"])).status == 200
    before = len(await audit(caller, "changed"))
    await caller.admin(path, {"enabled": True}, method="PATCH")
    assert len(await audit(caller, "changed")) == before


@here
async def test_of_a_rotation_both_secrets_open_under_one_name(caller: Caller) -> None:
    made = await make(caller, "rotated")
    path = f"/api/v1/keys/{made['key']['id']}"
    fresh = (await caller.admin(f"{path}/rotate", {"grace_s": 3600})).json
    assert fresh["secret"] != made["secret"] and fresh["key"]["id"] == made["key"]["id"]
    assert fresh["key"]["previous_secret_expires_at"] is not None and len(fresh["key"]["secrets"]) == 2
    for secret in (made["secret"], fresh["secret"]):
        assert (await chat(caller, secret)).status == 200
    assert len((await caller.logged("/api/v1/logs?key=rotated", 2))["items"]) == 2
    last = (await caller.admin(f"{path}/rotate", {"grace_s": 0})).json
    for secret, status in ((made["secret"], 401), (fresh["secret"], 401), (last["secret"], 200)):
        assert (await chat(caller, secret)).status == status


@here
async def test_a_revoked_key_opens_nothing_stays_listed_and_is_final(caller: Caller) -> None:
    made = await make(caller, "revoked")
    path = f"/api/v1/keys/{made['key']['id']}"
    done = (await caller.admin(f"{path}/revoke", {}, method="POST")).json["key"]
    assert (done["state"], done["revoked_by"]) == ("revoked", "admin")
    assert (await chat(caller, made["secret"])).headers["tollway-error"] == "credential_unknown"
    assert (await caller.admin(f"{path}/revoke", {}, method="POST")).json["key"] == done
    assert refused(await caller.admin(path, {"expires_at": None}, method="PATCH")) == (409, "key_ended")
    assert refused(await caller.admin(f"{path}/rotate", {})) == (409, "key_ended")
    assert refused(await caller.admin("/api/v1/keys", {"name": "revoked"})) == (409, "key_taken")


@here
async def test_a_deleted_key_is_gone_and_its_name_free(caller: Caller) -> None:
    made = await make(caller, "deleted")
    gone = await caller.admin("/api/v1/keys/deleted", method="DELETE")
    assert (gone.status, gone.json["key"]["name"]) == (200, "deleted")
    assert (await chat(caller, made["secret"])).status == 401
    assert refused(await caller.admin("/api/v1/keys/deleted")) == (404, "key_unknown")
    await make(caller, "deleted")


@here
async def test_every_change_is_in_the_audit_log_with_who_and_what(caller: Caller) -> None:
    made = await make(caller, "audited", team="a")
    path = f"/api/v1/keys/{made['key']['id']}"
    await caller.admin(path, {"team": "b"}, method="PATCH")
    await caller.admin(f"{path}/rotate", {})
    await caller.admin(f"{path}/revoke", {}, method="POST")
    await caller.admin(path, method="DELETE")
    lines = (await audit(caller, "audited"))[::-1]
    assert [line["action"] for line in lines] == [
        f"key.{v}" for v in ("created", "changed", "rotated", "revoked", "deleted")
    ]
    assert (lines[0]["before"], lines[0]["after"]["team"], lines[0]["by"]) == (None, "a", "admin")
    assert (lines[1]["before"]["team"], lines[1]["after"]["team"]) == ("a", "b")
    assert (lines[3]["after"]["state"], lines[4]["after"]) == ("revoked", None)


@here
async def test_pages_follow_the_names_through_both_kinds_of_keys_and_filters_hold(caller: Caller) -> None:
    for n in range(5):
        await make(caller, f"page {n}", user=f"p{n % 2}@example.com", team="paged")
    whole = (await caller.admin("/api/v1/keys?limit=500")).json
    names = [item["name"] for item in whole["items"]]
    assert names == sorted(names) and {"alice", "bob", "old", "page 4"} <= {*names} and whole["next"] is None
    found: list[str] = []
    cursor = ""
    while True:
        page = (await caller.admin(f"/api/v1/keys?limit=2{cursor}")).json
        found += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next'].replace(' ', '+')}"
    assert found == names
    of_team = (await caller.admin("/api/v1/keys?team=paged&owner=p1@example.com")).json["items"]
    assert [item["name"] for item in of_team] == ["page 1", "page 3"]
    assert [item["name"] for item in (await caller.admin("/api/v1/keys?state=expired")).json["items"]] == ["old"]
    assert (await caller.admin("/api/v1/keys?state=gone")).status == 400
    assert refused(await caller.admin("/api/v1/keys?nope=1")) == (400, "parameter_unknown")


@here
async def test_a_key_of_other_networks_is_refused_by_the_address_that_is_seen(caller: Caller) -> None:
    near = await make(caller, "near", addresses=["127.0.0.0/8"])
    far = await make(caller, "far", addresses=["192.0.2.0/24"])
    assert (await chat(caller, near["secret"])).status == 200
    answer = await chat(caller, far["secret"])
    assert (answer.status, answer.headers["tollway-error"]) == (403, "address_not_allowed")


@here
async def test_an_issued_key_can_be_explained_by_its_name(caller: Caller) -> None:
    await make(caller, "explained", user="alice@example.com", addresses=["192.0.2.0/24"])
    answer = await caller.admin("/api/v1/explain", {"key": "explained", "model": "openai/gpt-4o-mini", "messages": []})
    assert answer.status in (200, 400) and b"key_unknown" not in answer.body


@here
async def test_a_listing_of_many_keys_lets_others_have_their_turn(caller: Caller) -> None:
    for n in range(12):
        await make(caller, f"zz {n:02}")
    assert (await caller.admin("/api/v1/keys?cursor=zz&limit=20")).json["items"][-1]["name"] == "zz 11"


@here
async def test_a_team_that_is_changed_counts_from_the_next_request(caller: Caller) -> None:
    async def teams(secret: str, name: str, requests: int) -> list[str | None]:
        assert (await chat(caller, secret)).status == 200
        page = await caller.logged(f"/api/v1/logs?key={name}", requests)
        return [item["metadata"].get("team") for item in page["items"]]

    made = await make(caller, "moved", user="zoe@example.com", team="ml")
    assert await teams(made["secret"], "moved", 1) == ["ml"]
    assert (await caller.admin("/api/v1/keys/moved", {"team": "ops"}, method="PATCH")).status == 200
    assert await teams(made["secret"], "moved", 2) == ["ops", "ml"]
    assert (await caller.admin("/api/v1/keys/moved", method="DELETE")).status == 200
    again = await make(caller, "moved", user="zoe@example.com", team="third")
    assert await teams(again["secret"], "moved", 3) == ["third", "ops", "ml"]
