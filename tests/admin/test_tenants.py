"""Every route × every role × what is another's: nobody gets what is not granted to them."""

import json
import re
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, BOB_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ADMIN, ALICE, BOB, FINANCE, OWNER, ROLES, signed_in

from tollway.admin.access import ACCESS, OPEN
from tollway.identity.roles import GRANTS, Role

here = pytest.mark.asyncio(loop_scope="module")
WHO: dict[str, tuple[Role, ...]] = {
    OWNER: ("owner", "developer"),
    ADMIN: ("admin", "developer"),
    FINANCE: ("finance", "developer"),
    ALICE: ("developer",),
}
ENDS = frozenset({"POST /api/v1/reload", "POST /api/v1/prices/rerate/apply"})
"""Would change the gateway under the other cells; they are asked without a right only."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway"), SETTINGS + ROLES) as running:
        for key in (ALICE_KEY, BOB_KEY):
            await running.chat(key)
        await running.logged("/api/v1/logs", 2)
        yield running


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "nothing"), path)


@here
@pytest.mark.parametrize("place", sorted(ACCESS))
async def test_a_route_does_for_each_role_what_the_table_says(caller: Caller, place: str) -> None:
    method, _, path = place.partition(" ")
    access = ACCESS[place]
    if access.scope == OPEN:
        return
    caller.runtime.attempts.__init__()
    # A body that no route takes: whoever may ask gets as far as being told so.
    body = None if method in ("GET", "DELETE") else {"no such field": 1}
    for token in ("", ALICE_KEY, "twa_made_up", caller.admin_token[:-1]):
        caller.runtime.attempts.__init__()
        assert (await caller.admin(filled(path, {}), body, token=token, method=method)).status == 401, token
    for user, roles in WHO.items():
        may = any(access.scope in GRANTS[role] for role in roles)
        own = access.own is not None and any(access.own in GRANTS[role] for role in roles)
        if may and place in ENDS:
            continue
        # Whoever sees only their own asks for it.
        answer = await caller.admin(filled(path, {"user": user}), body, token=signed_in(caller, user), method=method)
        if may or own:
            assert answer.status not in (401, 403, 500), (place, user, answer.body)
        else:
            assert (answer.status, answer.json["code"]) == (403, "forbidden"), (place, user, answer.body)
            assert user in answer.json["detail"]


@here
async def test_somebody_without_a_name_gets_nothing(caller: Caller) -> None:
    nobody = signed_in(caller, "")
    for place, access in ACCESS.items():
        method, _, path = place.partition(" ")
        if access.scope != OPEN:
            answer = await caller.admin(filled(path, {}), None, token=nobody, method=method)
            caller.runtime.attempts.__init__()
            assert answer.status == 401, (place, answer.body)


async def found_of(caller: Caller, token: str, path: str) -> Any:
    answer = await caller.admin(path, token=token)
    assert answer.status == 200, answer.body
    return answer.json


@here
async def test_a_developer_sees_only_what_is_their_own(caller: Caller) -> None:
    alice, finance = signed_in(caller, ALICE), signed_in(caller, FINANCE)
    for path in ("/api/v1/logs", "/api/v1/ledger/entries"):
        users = {item["user"] for item in (await found_of(caller, finance, path))["items"]}
        assert ALICE in users and (BOB in users or "entries" in path)
        mine = (await found_of(caller, alice, path))["items"]
        assert mine and {item["user"] for item in mine} == {ALICE}
        for query in (f"user={BOB}", f"user={BOB.upper()}", "user=", "user=*"):
            asked = await caller.admin(f"{path}?{query}", token=alice)
            assert (asked.status, asked.json["code"]) == (403, "forbidden"), query
        assert (await caller.admin(f"{path}?user={ALICE}", token=alice)).status == 200
        narrowed = await found_of(caller, alice, f"{path}?key=bob")
        assert narrowed["items"] == []
    for log in (await found_of(caller, finance, "/api/v1/logs"))["items"]:
        answer = await caller.admin(f"/api/v1/logs/{log['request_id']}", token=alice)
        assert answer.status == (200 if log["user"] == ALICE else 404)
        if answer.status == 404:
            # Another's request and none at all are the same to whoever asks.
            none = await caller.admin("/api/v1/logs/nothing", token=alice)
            assert none.json["code"] == answer.json["code"]
    spent = await found_of(caller, alice, "/api/v1/spend?group_by=user")
    assert [row["group"] for row in spent["rows"]] == [{"user": ALICE}] or [
        r["group"]["user"] for r in spent["rows"]
    ] == [ALICE]
    assert spent["total"]["spent_usd"] == next(
        row["spent_usd"]
        for row in (await found_of(caller, finance, "/api/v1/spend?group_by=user"))["rows"]
        if row["group"]["user"] == ALICE
    )


@here
async def test_a_developer_has_keys_of_their_own_that_prove_no_more_than_they_are(caller: Caller) -> None:
    alice, bob = signed_in(caller, ALICE), signed_in(caller, BOB)
    made = await caller.admin("/api/v1/keys", {"name": "alice-ide"}, token=alice)
    assert made.status == 201, made.body
    key = made.json["key"]
    assert (key["user"], sorted(key["groups"])) == (ALICE, ["eng", "leads"])
    assert (await caller.chat(made.json["secret"])).status == 200
    for more, said in [
        ({"user": BOB}, "for yourself"), ({"service": "ci"}, "for yourself"), ({"groups": ["platform"]}, '"platform"'),
        ({"metadata": {"team": "ml"}}, "metadata"), ({"team": "ml"}, "team"), ({"project": "x"}, "project"),
        ({"groups": []}, "groups"), ({"groups": ["eng"]}, "groups"),
        ({"custom_cost": True}, "custom_cost"), ({"priority": "production"}, "priority"), ({"owner": BOB}, "owner"),
    ]:  # fmt: skip
        refused = await caller.admin("/api/v1/keys", {"name": "more"} | more, token=alice)
        assert (refused.status, refused.json["code"]) == (403, "forbidden") and said in refused.json["detail"], more
        if "user" not in more and "service" not in more:
            again = await caller.admin(f"/api/v1/keys/{key['id']}", more, token=alice, method="PATCH")
            assert (again.status, again.json["code"]) == (403, "forbidden"), more
    assert [item["name"] for item in (await found_of(caller, bob, "/api/v1/keys"))["items"]] == ["bob"]
    for method, path, body in [
        ("GET", "", None), ("PATCH", "", {"note": "x"}), ("DELETE", "", None), ("POST", "/rotate", {}), ("POST", "/revoke", None),
    ]:  # fmt: skip
        for name in (key["id"], "alice-ide", "alice"):
            theirs = await caller.admin(f"/api/v1/keys/{name}{path}", body, token=bob, method=method)
            nothing = await caller.admin(f"/api/v1/keys/nothing{path}", body, token=bob, method=method)
            assert theirs.status == nothing.status == 404, (method, path, name, theirs.body)
            assert json.dumps(theirs.json).replace(name, "nothing") == json.dumps(nothing.json)
    assert (
        await caller.admin(f"/api/v1/keys/{key['id']}", {"note": "mine"}, token=alice, method="PATCH")
    ).status == 200
    assert (await caller.admin(f"/api/v1/keys/{key['id']}/revoke", token=alice, method="POST")).status == 200
    assert (await caller.chat(made.json["secret"])).status == 401


@here
async def test_a_key_of_ones_own_is_restricted_as_its_owner_is(caller: Caller) -> None:
    identity = {
        "gateways": ("default",),
        "metadata": {"department": "rd"},
        "proven_only": frozenset({"department", "site"}),
    }
    alice = signed_in(caller, ALICE, priority="batch", **identity)
    made = await caller.admin("/api/v1/keys", {"name": "restricted"}, token=alice)
    assert made.status == 201, made.body
    key = made.json["key"]
    assert (key["gateways"], key["metadata"], key["priority"]) == (["default"], {"department": "rd"}, "batch")
    found = caller.runtime.snapshot.key(made.json["secret"])
    assert found.proven_only == {"department", "site"} and found.person.subject == ALICE
    caller.runtime.snapshot.issued.drop(found.digest)
    await caller.runtime.keyring.load()
    assert caller.runtime.snapshot.key(made.json["secret"]) == found, "and so it is after a restart"
    path = "/api/v1/keys/restricted"
    for change in ({"groups": []}, {"metadata": {}}, {"priority": "standard"}, {"gateways": ["lab"]}):
        assert (await caller.admin(path, change, token=alice, method="PATCH")).json["code"] == "forbidden", change
    widened = await caller.admin(path, {"gateways": [], "models": []}, token=alice, method="PATCH")
    assert (widened.status, widened.json["key"]["gateways"]) == (200, ["default"])
    # An owner's new secret proves who they are by then.
    fewer = signed_in(caller, ALICE, priority="batch", **identity | {"metadata": {"department": "it"}})
    rotated = await caller.admin(f"{path}/rotate", {"grace_s": 0}, token=fewer)
    assert (rotated.status, rotated.json["key"]["metadata"]) == (200, {"department": "it"})


@here
async def test_what_an_administrator_set_of_a_key_stands(caller: Caller) -> None:
    alice = signed_in(caller, ALICE)
    given = {"name": "given", "user": ALICE, "models": ["openai/o1"], "addresses": ["10.0.0.0/8"], "expires_in": "1h"}
    assert (await caller.admin("/api/v1/keys", given)).status == 201
    assert (await caller.admin("/api/v1/keys", {"name": "stopped"}, token=alice)).status == 201
    assert (await caller.admin("/api/v1/keys/stopped", {"enabled": False}, method="PATCH")).status == 200
    for name in ("given", "stopped"):
        path = f"/api/v1/keys/{name}"
        for change in ({"enabled": True}, {"models": []}, {"addresses": []}, {"gateways": []}, {"expires_at": None}):
            refused = await caller.admin(path, change, token=alice, method="PATCH")
            assert (refused.status, refused.json["code"]) == (403, "forbidden"), change
        assert (await caller.admin(f"{path}/rotate", {}, token=alice)).status == 403
        assert (await caller.admin(path, token=alice, method="DELETE")).status == 403
        assert (await caller.admin(path, {"enabled": False, "note": "lost"}, token=alice, method="PATCH")).status == 200
        assert (await caller.admin(f"{path}/revoke", token=alice, method="POST")).status == 200


@here
async def test_somebody_has_so_many_keys_of_their_own_and_no_more(caller: Caller) -> None:
    bob = signed_in(caller, BOB)
    for n in range(20):
        assert (await caller.admin("/api/v1/keys", {"name": f"bob-{n}"}, token=bob)).status == 201
    over = await caller.admin("/api/v1/keys", {"name": "bob-20"}, token=bob)
    assert (over.status, over.json["code"]) == (409, "key_limit") and "20 keys" in over.json["detail"]
    assert (await caller.admin("/api/v1/keys", {"name": "bob-20", "user": BOB})).status == 201, "others give more"
    assert (await caller.admin("/api/v1/keys/bob-0/revoke", token=bob, method="POST")).status == 200
    assert (await caller.admin("/api/v1/keys", {"name": "bob-21"}, token=bob)).status == 201


@here
async def test_who_has_signed_in_is_who_did_it_and_cannot_say_to_be_another(caller: Caller) -> None:
    admin = signed_in(caller, ADMIN)
    assert (await caller.admin("/api/v1/budgets/company/freeze", {}, token=admin)).json["control"]["by"] == ADMIN
    assert (await caller.admin("/api/v1/budgets/company/unfreeze", {}, token=admin)).status == 200
    line = (await caller.admin("/api/v1/audit?action=budget.unfrozen")).json["items"][0]
    assert line["by"] == ADMIN
    headers = {"authorization": f"Bearer {admin}", "tollway-actor": "ada@example.com"}
    answer = await caller.ask("POST", "/api/v1/budgets/company/freeze", headers, b"{}")
    assert (answer.status, answer.json["code"]) == (400, "header_invalid")


@here
async def test_a_token_that_has_expired_or_was_switched_off_is_nobodys(caller: Caller) -> None:
    caller.runtime.attempts.__init__()
    assert (await caller.admin("/api/v1/status", token=signed_in(caller, OWNER, expires_at=1))).status == 401


@here
async def test_a_key_of_ones_own_takes_nobody_elses_name(caller: Caller) -> None:
    alice, bob = signed_in(caller, "carol@example.com"), signed_in(caller, "carl@example.com")

    async def made_by(token: str, name: str) -> tuple[int, str]:
        answer = await caller.admin("/api/v1/keys", {"name": name}, token=token)
        return answer.status, answer.json.get("code", "")

    assert await made_by(alice, f"login:{BOB}") == (400, "body_invalid")
    await caller.admin("/api/v1/keys", {"name": "nightly-job", "service": "nightly"})
    assert (await caller.admin("/api/v1/keys/nightly-job", method="DELETE")).status == 200
    assert await made_by(alice, "nightly-job") == (409, "key_taken")
    assert await made_by(bob, "bobs-ide") == (201, "")
    assert (await caller.admin("/api/v1/keys/bobs-ide", method="DELETE", token=bob)).status == 200
    assert await made_by(alice, "bobs-ide") == (409, "key_taken")
    assert await made_by(bob, "bobs-ide") == (201, "")


@here
async def test_a_key_that_an_administrator_switched_off_is_not_switched_on_by_its_owner(caller: Caller) -> None:
    alice = signed_in(caller, ALICE)
    for off_already in (False, True):
        name = f"stopped-{off_already}"
        made = (await caller.admin("/api/v1/keys", {"name": name}, token=alice)).json
        path = f"/api/v1/keys/{made['key']['id']}"
        if off_already:
            await caller.admin(path, {"enabled": False}, token=alice, method="PATCH")
        assert (await caller.admin(path, {"enabled": False}, method="PATCH")).status == 200
        again = await caller.admin(path, {"enabled": True}, token=alice, method="PATCH")
        assert (again.status, again.json["code"]) == (403, "forbidden"), name
        assert (await caller.chat(made["secret"])).status == 401
        # They can still end it, and say why.
        assert (await caller.admin(path, {"note": "lost"}, token=alice, method="PATCH")).status == 200
        assert (await caller.admin(f"{path}/revoke", token=alice, method="POST")).status == 200
