from pathlib import Path
from typing import Any

from tests.admin.gateways import SETTINGS, Caller, gateway

NEW = {"name": "mini", "limit": "5", "window": {"period": "month", "timezone": "UTC"}, "where": {"model": "*mini"}}
COMMENTED = SETTINGS.replace("budgets:\n", "budgets:\n  # Everybody.\n")


def text_of(caller: Caller) -> str:
    return (caller.folder / "tollway.yaml").read_text()


async def spent(caller: Caller, budget: str) -> str:
    return str((await caller.admin(f"/api/v1/budgets/{budget}")).json["accounts"][0]["spent_usd"])


async def test_a_new_budget_has_spent_already_and_refuses_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        assert (await caller.chat()).status == 200
        whole = await spent(caller, "company")
        before = text_of(caller)
        tried = await caller.admin("/api/v1/budgets?dry_run=true", NEW | {"limit": whole})
        assert (tried.status, tried.json["dry_run"], tried.json["after"]["limit"]) == (200, True, whole)
        assert text_of(caller) == before
        made = await caller.admin("/api/v1/budgets", NEW | {"limit": whole})
        assert (made.status, made.json["id"], made.json["before"], made.json["revision"]) == (201, "mini", None, 2)
        assert 'Account "mini" has spent $0.0000' in made.json["warnings"][-1]
        assert made.headers["etag"] == '"2"'
        assert await spent(caller, "mini") == whole
        assert (await caller.chat()).headers["tollway-error"] == "budget_exceeded"
        assert "  # Everybody.\n" in text_of(caller)
        (line,) = (await caller.admin("/api/v1/audit?target=mini")).json["items"]
        assert (line["action"], line["by"], line["after"]["limit"]) == ("budget.created", "admin", whole)


async def test_a_patch_changes_only_what_it_names_and_usage_stays(tmp_path: Path) -> None:
    async with gateway(tmp_path, COMMENTED) as caller:
        assert (await caller.chat()).status == 200
        whole = await spent(caller, "company")
        for patch in (
            {"window": {"period": "day", "timezone": "UTC"}},
            {"window": {"period": "month", "timezone": "UTC"}},
            {"name": "All of us"},
            {"limit": "0.0000001", "note": "ask Ann"},
        ):
            answer = await caller.admin("/api/v1/budgets/company", patch, method="PATCH")
            assert (answer.status, answer.json["changed"]) == (200, True), answer.json
            assert await spent(caller, "company") == whole
        assert answer.json["before"] == {
            "id": "company",
            "name": "All of us",
            "limit": "20",
            "window": {"period": "month", "timezone": "UTC"},
        }
        assert answer.json["after"] == answer.json["before"] | {"limit": "0.0000001", "note": "ask Ann"}
        assert (await caller.chat()).headers["tollway-error"] == "budget_exceeded"
        assert "  # Everybody.\n" in text_of(caller)
        same = await caller.admin("/api/v1/budgets/company", {"note": "ask Ann"}, method="PATCH")
        assert (same.json["changed"], same.json["revision"]) == (False, 5)
        off = await caller.admin("/api/v1/budgets/company", {"enabled": False}, method="PATCH")
        assert off.json["after"]["enabled"] is False
        assert (await caller.chat()).status == 200
        on = await caller.admin("/api/v1/budgets/company", {"enabled": None}, method="PATCH")
        assert on.json["changed"] is True
        assert float(await spent(caller, "company")) == 2 * float(whole)


async def test_a_budget_is_taken_out_and_what_leans_on_it_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        leaning = await caller.admin("/api/v1/budgets/company", method="DELETE")
        assert (leaning.status, leaning.json["code"]) == (422, "settings_invalid")
        assert "company" in leaning.json["detail"]
        await caller.admin("/api/v1/budgets/watched/freeze", {})
        tried = (await caller.admin("/api/v1/budgets/watched?dry_run=true", method="DELETE")).json
        assert (tried["changed"], tried["after"], tried["revision"]) == (True, None, 1)
        assert (await caller.admin("/api/v1/budgets/watched")).status == 200
        gone = (await caller.admin("/api/v1/budgets/watched", method="DELETE")).json
        assert (gone["after"], gone["before"]["mode"], gone["revision"]) == (None, "monitor", 2)
        assert "Freezes and increases" in gone["warnings"][-1]
        assert (await caller.admin("/api/v1/budgets/watched")).status == 404
        assert (await caller.chat()).status == 200


async def test_what_cannot_be_is_refused_by_name_and_changes_nothing(tmp_path: Path) -> None:
    limits = "\ngateways:\n  - {slug: g, spend_limits: {rules: [{id: one, limit: 5, window: 86400}]}}\n"
    async with gateway(tmp_path, SETTINGS + limits.replace("{", "{{").replace("}", "}}")) as caller:
        before = text_of(caller)
        asked: list[tuple[str, str, Any, int, str, str]] = [
            ("POST", "", NEW | {"limt": "1"}, 422, "settings_invalid", "limt"),
            ("POST", "", NEW | {"limit": 0.5}, 422, "settings_invalid", "quotes"),
            ("POST", "", NEW | {"name": "company"}, 422, "settings_invalid", "used twice"),
            ("POST", "", {"name": "x"}, 422, "settings_invalid", "limit"),
            ("PATCH", "/company", {"id": "other"}, 400, "body_invalid", 'stays "company"'),
            ("PATCH", "/company", {"window": {"period": "year"}}, 422, "settings_invalid", "year"),
            ("PATCH", "/nobody", {"limit": "1"}, 404, "budget_unknown", "there are: company"),
            ("PATCH", "/g.one", {"limit": "1"}, 409, "budget_elsewhere", "spend_limits"),
            ("DELETE", "/g.one", None, 409, "budget_elsewhere", "spend_limits"),
            ("PATCH", "/company?dry=1", {"limit": "1"}, 400, "parameter_unknown", "dry"),
        ]
        for method, target, body, status, code, said in asked:
            answer = await caller.admin(f"/api/v1/budgets{target}", body, method=method)
            assert (answer.status, answer.json["code"]) == (status, code), answer.json
            assert said in answer.json["detail"], answer.json
        headers = {"authorization": f"Bearer {caller.admin_token}", "if-match": '"7"'}
        stale = await caller.ask("PATCH", "/api/v1/budgets/company?dry_run=true", headers, b'{"limit": "3"}')
        assert (stale.status, stale.json["code"]) == (412, "revision_stale")
        assert text_of(caller) == before


async def test_half_a_surrogate_pair_is_refused_with_the_field_it_stands_in(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        before = text_of(caller)
        asked: list[tuple[str, str, Any, str]] = [
            ("POST", "budgets", NEW | {"name": "\ud800"}, "name is no text"),
            ("POST", "budgets", NEW | {"note": "a\udfff"}, "note is no text"),
            ("POST", "budgets", NEW | {"where": {"user": ["a", "\ud800"]}}, "where.user.1 is no text"),
            ("POST", "budgets", NEW | {"\ud800": 1}, "a field name is no text"),
            ("PATCH", "budgets/company", {"name": "\ud800"}, "name is no text"),
            ("PATCH", "budgets/company", {"where": {"metadata.\ud800": "x"}}, "where is no text"),
            ("POST", "simulate", {"budgets": [NEW, NEW | {"note": "\ud800"}]}, "budgets.1.note is no text"),
            ("POST", "budgets/company/freeze", {"reason": "\ud800"}, "reason"),
            ("POST", "budgets/company/freeze", {"\ud800": "x"}, "a field name is no text"),
            (
                "POST",
                "prices/overrides",
                {"provider": "openai", "model": "\ud800", "discount": "5%"},
                "model is no text",
            ),
        ]
        for method, target, body, said in asked:
            answer = await caller.admin(f"/api/v1/{target}", body, method=method)
            assert (answer.status, answer.json["code"]) == (400, "body_invalid"), (target, body, answer.body)
            assert said in answer.json["detail"], answer.json
        assert text_of(caller) == before
