"""Routes by the API: a version serves nothing until it is deployed, and is in the file, the audit log and in force then."""

from pathlib import Path
from typing import Any

import pytest
from tests.admin.gateways import SETTINGS, Caller, gateway
from tests.routes.routed import model, node
from tests.routes.test_read import OLDER

from tollway.document.text import parse

PATH = "/api/v1/routes"
COMMENTED = (
    SETTINGS
    + """
# Where calls go.
routes:
  # By hand.
  - name: small
    targets: [{{model: openai/gpt-4o-mini}}]   # the cheap one
"""
)
TARGETS = {
    "targets": [{"model": "openai/gpt-4o", "weight": 3}, {"model": "anthropic/claude-sonnet-4-5"}],
    "order": "cheapest",
}


def text_of(caller: Caller) -> str:
    return (caller.folder / "tollway.yaml").read_text()


def fallback(name: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}},
        {
            "id": "m",
            "type": "model",
            "properties": {"provider": "openai", "model": name, **more},
            "outputs": {"success": {"elementId": "end"}},
        },
        {"id": "end", "type": "end", "outputs": {}},
    ]


async def created(caller: Caller, body: dict[str, Any], status: int = 201) -> Any:
    answer = await caller.admin(PATH, body)
    assert answer.status == status, answer.json
    return answer.json


async def test_a_version_serves_nothing_until_it_is_deployed_and_an_older_one_rolls_back(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        before = text_of(caller)
        made = await created(caller, {"name": "support", "elements": fallback("gpt-4o"), "comment": "the first"})
        assert (made["id"], made["model"], made["in_force"], made["deployment"]) == (
            "support",
            "dynamic/support",
            False,
            None,
        )
        assert (made["version"]["active"], made["version"]["comment"]) == ("false", "the first")
        assert text_of(caller) == before and not caller.runtime.snapshot.routes
        first = made["version"]["version_id"]

        deployed = await caller.admin(f"{PATH}/support/deployments", {"version_id": first, "comment": "go"})
        assert (deployed.status, deployed.json["changed"], deployed.headers["etag"]) == (201, True, '"2"')
        assert parse(text_of(caller)).routes[0].elements == fallback("gpt-4o")
        assert caller.runtime.snapshot.routes["default", "support"].targets[0].model == "gpt-4o"
        shown = (await caller.admin(f"{PATH}/support")).json
        assert (shown["in_force"], shown["edited"], shown["version"]["active"]) == (True, False, "true")
        assert shown["deployment"]["version_id"] == first and shown["elements"] == fallback("gpt-4o")

        second = (await caller.admin(f"{PATH}/support/versions", {"elements": fallback("o3"), "deploy": True})).json
        assert (second["active"], second["is_valid"], second["problems"]) == ("true", True, [])
        assert caller.runtime.snapshot.routes["default", "support"].targets[0].model == "o3"
        listed = (await caller.admin(f"{PATH}/support/versions")).json["items"]
        assert [(one["version_id"], one["active"]) for one in listed] == [
            (second["version_id"], "true"),
            (first, "false"),
        ]

        back = await caller.admin(f"{PATH}/support/deployments", {"version_id": first})
        assert back.status == 201
        assert caller.runtime.snapshot.routes["default", "support"].targets[0].model == "gpt-4o"
        deployments = (await caller.admin(f"{PATH}/support/deployments")).json["items"]
        assert [one["version_id"] for one in deployments] == [first, second["version_id"], first]
        again = await caller.admin(f"{PATH}/support/deployments", {"version_id": first})
        assert again.json["changed"] is False
        lines = (await caller.admin("/api/v1/audit?target=support")).json["items"]
        actions = [line["action"] for line in lines]
        assert actions.count("route.deployed") == 4 and actions.count("route.version_saved") == 2
        assert actions.count("route.created") == 1 and actions.count("route.changed") == 2
        assert next(line for line in lines if line["reason"] == "go")["after"]["version_id"] == first


async def test_the_file_keeps_its_comments_and_what_was_written_by_hand_can_be_gone_back_to(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        (listed,) = (await caller.admin(PATH)).json["items"]
        assert (listed["id"], listed["in_force"], listed["version"], listed["edited"]) == ("small", True, None, True)
        assert listed["elements"][1]["type"] == "pool"
        assert (await caller.admin(f"{PATH}/small/versions")).json == {"items": []}
        saved = (await caller.admin(f"{PATH}/small/versions", TARGETS)).json
        versions = (await caller.admin(f"{PATH}/small/versions")).json["items"]
        assert [(one["active"], one["created_by"]) for one in versions] == [("false", "admin"), ("true", "file")]
        await caller.admin(f"{PATH}/small/deployments", {"version_id": saved["version_id"]})
        text = text_of(caller)
        assert "# Where calls go." in text and "# By hand." in text
        assert parse(text).routes[0].targets == TARGETS["targets"] and parse(text).routes[0].order == "cheapest"
        await caller.admin(f"{PATH}/small/deployments", {"version_id": versions[1]["version_id"]})
        assert parse(text_of(caller)).routes[0].targets == [{"model": "openai/gpt-4o-mini"}]


async def test_what_is_edited_in_the_file_is_told_and_kept_when_it_is_deployed_over(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", **TARGETS, "deploy": True})
        assert (made["in_force"], made["edited"]) == (True, False)
        path = caller.folder / "tollway.yaml"
        path.write_text(text_of(caller).replace('"cheapest"', '"in_order"'))
        assert (await caller.admin("/api/v1/reload", method="POST")).status == 200
        shown = (await caller.admin(f"{PATH}/support")).json
        assert (shown["edited"], shown["version"]["active"]) == (True, "false")
        assert shown["elements"][1]["properties"]["order"] == "in_order"
        await caller.admin(f"{PATH}/support/deployments", {"version_id": made["version"]["version_id"]})
        versions = (await caller.admin(f"{PATH}/support/versions")).json["items"]
        assert [(one["active"], one["comment"]) for one in versions] == [
            ("false", "As the settings file had it."),
            ("true", None),
        ]


async def test_either_dialect_is_saved_in_the_newer_one(tmp_path: Path) -> None:
    elements = [
        {**one, "properties": {**one["properties"], "provider": "openai"}} if one["type"] == "model" else one
        for one in OLDER
    ]
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", "gateway": "default", "elements": elements})
        assert (made["id"], made["gateway_id"]) == ("default.support", "default")
        assert made["elements"][1]["properties"] == {"conditions": {"metadata.plan": {"$eq": "free"}}}
        assert made["elements"][3]["type"] == "rate" and "window" in made["elements"][3]["properties"]
        checked = await caller.admin(f"{PATH}/validate", {"elements": elements})
        assert checked.json == {"valid": True, "problems": [], "elements": made["elements"]}


async def test_everything_that_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    wrong = fallback("gpt-4o", exempt=["none"])
    wrong[1]["properties"]["provider"] = "opena"
    wrong[1]["outputs"]["fallback"] = {"elementId": "m"}
    async with gateway(tmp_path) as caller:
        found = (await caller.admin(f"{PATH}/validate", {"elements": wrong})).json
        assert not found["valid"] and [(one["element"], one["field"]) for one in found["problems"]] == [
            ("m", "properties.provider"),
            ("m", "properties.exempt"),
            ("m", "outputs"),
        ]
        refused = await created(caller, {"name": "support", "elements": wrong}, 400)
        assert refused["code"] == "route_invalid"
        assert (
            'route "support", element "m", properties.provider: no provider "opena" is configured' in refused["detail"]
        )
        assert '"m" → "m"' in refused["detail"]
        assert (await caller.admin(PATH)).json["items"] == []
        for body, says in [
            ({"name": "a b", **TARGETS}, "is no name of a route"),
            ({"name": "a", "gateway": "none", **TARGETS}, 'no gateway "none"; there are default'),
            ({"name": "a"}, "it goes nowhere"),
            ({"name": "a", "elements": [{"id": "\ud800"}]}, "half of a surrogate pair"),
            ({"name": "a", "elemnts": []}, "elemnts"),
            ({"elements": []}, "name"),
        ]:
            assert says in (await created(caller, body, 400))["detail"], body


async def test_a_name_is_there_once_and_a_route_that_is_renamed_keeps_its_id(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", **TARGETS, "deploy": True})
        assert (await created(caller, {"name": "support", **TARGETS}, 409))["code"] == "route_exists"
        changed = await caller.admin(f"{PATH}/support", {"name": "help"}, method="PATCH")
        assert (changed.status, changed.json["id"], changed.json["name"]) == (200, "support", "help")
        assert set(caller.runtime.snapshot.routes) == {("default", "help")}
        assert changed.json["version"]["version_id"] == made["version"]["version_id"] and not changed.json["edited"]
        other = await created(caller, {"name": "support", **TARGETS})
        assert other["id"] == "support-2"
        taken = await caller.admin(f"{PATH}/support-2", {"name": "help"}, method="PATCH")
        assert (taken.status, taken.json["code"]) == (409, "route_exists")
        bad = await caller.admin(f"{PATH}/support-2", {"name": "dynamic/x"}, method="PATCH")
        assert bad.status == 400 and 'write "x"' in bad.json["detail"]
        named = await caller.admin(f"{PATH}/support-2", {"name": "later"}, method="PATCH")
        assert (named.json["name"], named.json["in_force"]) == ("later", False)
        deployed = {"version_id": named.json["version"]["version_id"]}
        assert (await caller.admin(f"{PATH}/support-2/deployments", deployed)).status == 201
        assert set(caller.runtime.snapshot.routes) == {("default", "help"), ("default", "later")}
        assert (await caller.admin(f"{PATH}/support-2", {}, method="PATCH")).status == 400


async def test_a_route_is_switched_off_and_taken_out(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", **TARGETS})
        early = await caller.admin(f"{PATH}/support", {"enabled": False}, method="PATCH")
        assert early.status == 400 and "deploy a version of it first" in early.json["detail"]
        deployed = {"version_id": made["version"]["version_id"]}
        await caller.admin(f"{PATH}/support/deployments", deployed)
        off = (await caller.admin(f"{PATH}/support", {"enabled": False}, method="PATCH")).json
        assert (off["enabled"], off["in_force"]) == (False, False)
        assert not caller.runtime.snapshot.routes["default", "support"].enabled
        # Deploying is not switching on.
        await caller.admin(f"{PATH}/support/deployments", deployed)
        assert not caller.runtime.snapshot.routes["default", "support"].enabled
        gone = await caller.admin(f"{PATH}/support", method="DELETE")
        assert gone.status == 200 and not caller.runtime.snapshot.routes
        missing = await caller.admin(f"{PATH}/support")
        assert (missing.status, missing.json["code"]) == (404, "route_unknown")
        lines = (await caller.admin("/api/v1/audit?target=support")).json["items"]
        assert [line["action"] for line in lines][:2] == ["route.versions_dropped", "route.deleted"]


async def test_the_revision_that_a_change_is_for_is_compared(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", **TARGETS})
        headers = {"authorization": f"Bearer {caller.admin_token}", "if-match": '"7"'}
        body = f'{{"version_id": "{made["version"]["version_id"]}"}}'.encode()
        stale = await caller.ask("POST", f"{PATH}/support/deployments", headers, body)
        assert (stale.status, stale.json["code"]) == (412, "revision_stale")
        assert (await caller.admin(f"{PATH}/support/deployments")).json["items"] == []


async def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        await created(caller, {"name": "support", **TARGETS})
        for path, body, code in [
            (f"{PATH}/suport", None, "route_unknown"),
            (f"{PATH}/suport/versions", TARGETS, "route_unknown"),
            (f"{PATH}/suport/deployments", {"version_id": "x"}, "route_unknown"),
            (f"{PATH}/support/deployments", {"version_id": "x"}, "version_unknown"),
            (f"{PATH}/support/versions/x", None, "version_unknown"),
            (f"{PATH}/support/simulate", {"version_id": "x"}, "version_unknown"),
        ]:
            answer = await caller.admin(path, body)
            assert (answer.status, answer.json["code"]) == (404, code), path
        assert "there are: support" in (await caller.admin(f"{PATH}/suport")).json["detail"]


async def test_a_version_tells_whether_it_could_be_deployed_now(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await created(caller, {"name": "support", "targets": [{"model": "google/gemini-2.5-pro"}]})
        version = made["version"]["version_id"]
        path = caller.folder / "tollway.yaml"
        path.write_text("\n".join(line for line in text_of(caller).splitlines() if "google:" not in line))
        assert (await caller.admin("/api/v1/reload", method="POST")).status == 200
        shown = (await caller.admin(f"{PATH}/support/versions/{version}")).json
        assert not shown["is_valid"] and 'no provider "google"' in shown["problems"][0]["message"]
        refused = await caller.admin(f"{PATH}/support/deployments", {"version_id": version})
        assert (refused.status, refused.json["code"]) == (400, "route_invalid")


async def test_a_request_is_walked_through_a_route_without_a_call(tmp_path: Path) -> None:
    limit = {"limitType": "cost", "key": "user.id", "limit": 5, "window": 86400}
    elements = [
        {"id": "start", "type": "start", "outputs": {"next": "plan"}},
        node("plan", "conditional", {"conditions": {"metadata.plan": "free"}}, true_="limit", false_="big"),
        node("limit", "rate", limit, success="big", fallback="mini"),
        model("big", "openai/gpt-4o", success="end", fallback="mini"),
        node("mini", "model", {"model": "openai/gpt-4o-mini", "exempt": ["each"]}, success="end"),
        {"id": "end", "type": "end"},
    ]
    async with gateway(tmp_path) as caller:
        await created(caller, {"name": "support", "elements": elements})
        asked = {"metadata": {"plan": "free"}, "user": {"id": "ada"}}
        found = (await caller.admin(f"{PATH}/support/simulate", asked)).json
        assert found["path"] == ["start", "plan", "limit", "big", "mini"]
        assert [one["model"] for one in found["targets"]] == ["gpt-4o", "gpt-4o-mini"]
        assert found["steps"][0]["counter"] == "route:*:support:limit:ada"
        assert found["steps"][0]["limit"] == "$5.00 in 86,400 s (fixed)"
        assert found["steps"][2]["exempt"] == ["each"] and "without an answer" in found["ended"]
        limited = (
            await caller.admin(f"{PATH}/support/simulate", {**asked, "limited": ["limit"], "answers": ["mini"]})
        ).json
        assert (limited["path"], limited["answered_by"], limited["ended"]) == (
            ["start", "plan", "limit", "mini"],
            "mini",
            "",
        )
        assert (await caller.admin(f"{PATH}/support/simulate", {})).status == 200
        wrong = await caller.admin(f"{PATH}/support/simulate", {"limited": ["x"]})
        assert wrong.status == 400 and 'no element "x"; there are start, plan' in wrong.json["detail"]
        assert caller.bill.requests == 0


@pytest.mark.parametrize("gateway_slug", ["default", "none"])
async def test_the_list_is_narrowed_to_what_a_gateway_can_call(tmp_path: Path, gateway_slug: str) -> None:
    async with gateway(tmp_path) as caller:
        await created(caller, {"name": "all", **TARGETS})
        await created(caller, {"name": "own", "gateway": "default", **TARGETS})
        found = (await caller.admin(f"{PATH}?gateway={gateway_slug}")).json["items"]
        assert [one["name"] for one in found] == (["all", "own"] if gateway_slug == "default" else ["all"])
