"""Saved views over the admin API: whose they are, who sees them, and what is no view."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Caller, gateway
from tests.admin.people import ALICE, BOB, FINANCE, OWNER, ROLES, signed_in

from tollway.admin.principals import CSRF
from tollway.admin.views import DRAWER
from tollway.storage.protocol import Kept

pytestmark = pytest.mark.asyncio(loop_scope="module")
GIVEN = {"name": "Models by team", "page": "/spend", "address": "by=model&then=metadata.team&range=month"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(Path(tmp_path_factory.mktemp("gateway")), SETTINGS + ROLES) as running:
        yield running


async def saved(caller: Caller, who: str, **fields: Any) -> Any:
    answer = await caller.admin("/api/v1/views", GIVEN | fields, token=signed_in(caller, who))
    assert answer.status == 201, answer.body
    return answer.json


async def names(caller: Caller, who: str) -> list[str]:
    return [view["name"] for view in (await caller.admin("/api/v1/views", token=signed_in(caller, who))).json["items"]]


async def test_a_view_is_its_owners_alone_until_it_is_shared(caller: Caller) -> None:
    view = await saved(caller, ALICE, name="mine", address="?by=model")
    assert (view["mine"], view["shared"], view["by"], view["address"]) == (True, False, ALICE, "by=model")
    assert "mine" in await names(caller, ALICE)
    assert "mine" not in await names(caller, FINANCE)
    place = f"/api/v1/views/{view['id']}"
    # Of somebody else's that is not shared, nobody learns that it is there.
    for method, body in (("PUT", GIVEN), ("DELETE", None)):
        assert (await caller.admin(place, body, token=signed_in(caller, BOB), method=method)).status == 404
    shared = GIVEN | {"name": "ours", "shared": True}
    changed = await caller.admin(place, shared, token=signed_in(caller, ALICE), method="PUT")
    assert (changed.status, changed.json["name"]) == (200, "ours")
    assert "ours" in await names(caller, FINANCE)
    refused = await caller.admin(place, shared, token=signed_in(caller, FINANCE), method="PUT")
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert (await caller.admin(place, token=signed_in(caller, FINANCE), method="DELETE")).status == 403
    assert (await caller.admin(place, token=signed_in(caller, OWNER), method="DELETE")).status == 200
    assert "ours" not in await names(caller, ALICE)


async def test_names_are_one_of_a_kind_for_each_person_and_page(caller: Caller) -> None:
    await saved(caller, ALICE, name="Weekly  report")
    again = await caller.admin("/api/v1/views", GIVEN | {"name": "weekly report"}, token=signed_in(caller, ALICE))
    assert (again.status, again.json["code"]) == (409, "view_exists")
    await saved(caller, ALICE, name="weekly report", page="/requests")
    await saved(caller, BOB, name="weekly report")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": "  "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"page": "https://elsewhere.example"}, "page"),
        ({"page": "//elsewhere"}, "page"),
        ({"address": "javascript:alert(1)"}, "address"),
        ({"address": "&".join(f"a{n}=1" for n in range(65))}, "address"),
        ({"owner": "bob@example.com"}, "owner"),
    ],
)
async def test_what_is_no_view_is_refused_by_name(caller: Caller, wrong: dict[str, str], word: str) -> None:
    answer = await caller.admin("/api/v1/views", GIVEN | wrong)
    assert answer.status in (400, 422), answer.body
    assert word in answer.json["detail"]


async def test_a_person_keeps_no_more_than_a_hundred(caller: Caller) -> None:
    for number in range(100):
        await saved(caller, OWNER, name=f"view {number}")
    full = await caller.admin("/api/v1/views", GIVEN, token=signed_in(caller, OWNER))
    assert (full.status, full.json["code"]) == (409, "views_full")


async def test_a_view_that_nobody_has_is_named_in_the_answer(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/views/none", method="DELETE")
    assert answer.status == 404
    assert '"none"' in answer.json["detail"]


PASSWORD = "correct horse battery staple"


async def local(caller: Caller, name: str) -> dict[str, str]:
    """The headers of an administrator who is known here alone, and new."""
    made = await caller.admin("/api/v1/users", {"name": name, "password": PASSWORD, "roles": ["owner"]})
    assert made.status == 201, made.body
    begun = await caller.ask("POST", "/api/v1/session", {}, json.dumps({"name": name, "password": PASSWORD}).encode())
    assert begun.status in (200, 201), begun.body
    return {"cookie": begun.headers["set-cookie"].split(";")[0], CSRF: begun.json["csrf"]}


async def test_people_who_are_called_alike_have_views_of_their_own(caller: Caller) -> None:
    of_token = (await caller.admin("/api/v1/views", GIVEN | {"name": "token's"})).json
    root = await local(caller, "root")
    of_root = (await caller.ask("POST", "/api/v1/views", root, json.dumps(GIVEN | {"name": "root's"}).encode())).json
    for view, name in ((of_token, "admin"), (of_root, "root")):
        token = signed_in(caller, name)
        assert view["name"] not in await names(caller, name)
        for method, body in (("PUT", GIVEN), ("DELETE", None)):
            asked = await caller.admin(f"/api/v1/views/{view['id']}", body, token=token, method=method)
            assert (asked.status, asked.json["code"]) == (404, "view_unknown")
        # And the same name may be given to one of theirs.
        await saved(caller, name, name=view["name"], page=f"/{name}")
    mine = [view["name"] for view in (await caller.admin("/api/v1/views")).json["items"] if view["mine"]]
    assert "token's" in mine and "root's" not in mine
    assert (await caller.ask("DELETE", f"/api/v1/views/{of_root['id']}", root, b"")).status == 200
    assert (await caller.admin(f"/api/v1/views/{of_token['id']}", method="DELETE")).status == 200


async def test_views_from_before_kinds_of_owners_were_kept_stay_their_most_likely_owners(caller: Caller) -> None:
    warden = await local(caller, "Warden")
    for owner in ("admin", "warden", ALICE):
        old = {
            "name": f"of {owner}",
            "page": "/spend",
            "address": "",
            "shared": False,
            "owner": owner,
            "by": owner,
            "at": 1,
        }
        kept = Kept(drawer=DRAWER, id=f"old-{owner}", record=msgspec.json.encode(old), at=1)
        await caller.runtime.store.cabinet.put(kept)
    assert "of alice@example.com" in await names(caller, ALICE)
    assert "of admin" in [view["name"] for view in (await caller.admin("/api/v1/views")).json["items"]]
    of_warden = (await caller.ask("GET", "/api/v1/views", warden, b"")).json["items"]
    assert [view["name"] for view in of_warden if view["mine"]] == ["of warden"]
    for name in ("admin", "warden"):
        assert f"of {name}" not in await names(caller, name)
    changed = await caller.admin(f"/api/v1/views/old-{ALICE}", GIVEN, token=signed_in(caller, ALICE), method="PUT")
    assert (changed.status, changed.json["mine"]) == (200, True)
