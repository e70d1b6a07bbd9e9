import asyncio
from pathlib import Path

from tests.admin.gateways import ALICE_KEY, CANARY, Answer, Caller, gateway

from tollway.errors import StoreUnavailable
from tollway.storage.sql.audit import SqlAudit


async def as_ann(caller: Caller, target: str, body: bytes, method: str = "POST", name: str = "ann") -> Answer:
    headers = {"authorization": f"Bearer {caller.admin_token}", "tollway-actor": name}
    return await caller.ask(method, target, headers, body)


async def test_the_first_start_is_in_the_log_thing_by_thing_and_no_secret_is(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        page = (await caller.admin("/api/v1/audit?limit=100")).json
        assert {(line["action"], line["by"]) for line in page["items"]} == {
            ("provider.created", "file"),
            ("key.created", "file"),
            ("budget.created", "file"),
        }
        company = (await caller.admin("/api/v1/audit?target=company")).json["items"]
        assert [line["after"]["limit"] for line in company] == ["20"]
        assert company[0]["before"] is None
        assert CANARY not in str(page)
        assert page["next"] is None


async def test_a_reload_tells_what_changed_and_a_key_that_was_replaced_in_its_file(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file = tmp_path / "tollway.yaml"
        file.write_text(file.read_text().replace('limit: "20"', 'limit: "30"'))
        (tmp_path / "alice.key").write_text("another-key-of-alice-0123456789")
        await caller.admin("/api/v1/reload", method="POST")
        rotated, changed = (await caller.admin("/api/v1/audit?limit=2")).json["items"][::-1]
        assert (rotated["action"], rotated["target"], rotated["by"]) == ("key.rotated", "alice", "file")
        assert (changed["action"], changed["target"], changed["by"]) == ("budget.changed", "company", "file")
        assert (changed["before"]["limit"], changed["after"]["limit"]) == ("20", "30")
        assert (await caller.chat(ALICE_KEY)).status == 401


async def test_settings_that_were_edited_while_it_was_stopped_are_told_at_the_start(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        text = (tmp_path / "tollway.yaml").read_text().replace('limit: "20"', 'limit: "40"')
    async with gateway(tmp_path, text.replace("{", "{{").replace("}", "}}")) as caller:
        lines = (await caller.admin("/api/v1/audit?action=budget.changed")).json["items"]
        assert [(line["target"], line["after"]["limit"]) for line in lines] == [("company", "40")]
        verified = (await caller.admin("/api/v1/audit/verify")).json
        assert verified["ok"] is True
        assert verified["lines"] > 5
        assert len(verified["last_hash"]) == 64
        assert 1 <= verified["anchors"] <= 3
        assert 5 < verified["anchored_line"] <= verified["lines"]
        assert verified["anchored_at"].endswith("Z")
        assert [len(key) for key in verified["keys"]] == [44]


async def test_anchors_that_cannot_be_written_are_told_and_stop_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert "tollway_audit_anchors_writable 1" in (await caller.admin("/metrics")).body.decode()
        anchors = caller.runtime.anchors
        while anchors.trouble is not None or not anchors.path.exists():
            await asyncio.sleep(0)
        await anchors.write()
        anchors.path.rename(anchors.path.with_suffix(".old"))
        anchors.path.mkdir()
        assert (await caller.admin("/api/v1/budgets/company/unfreeze", {})).status in (200, 409)
        await caller.admin("/api/v1/budgets/company/freeze", {})
        assert not await anchors.write()
        said = (await caller.admin("/metrics")).body.decode()
        assert "tollway_audit_anchors_writable 0" in said and "tollway_audit_anchor_failures_total 1" in said
        warnings = (await caller.admin("/api/v1/status")).json["warnings"]
        assert any("could not be anchored" in warning for warning in warnings)
        answer = await caller.admin("/api/v1/audit/verify")
        assert (answer.status, answer.json["code"]) == (503, "anchors_unavailable")
        await caller.admin("/api/v1/budgets/company/unfreeze", {})
        assert (await caller.chat()).status == 200


async def test_a_declared_name_is_who_did_it(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert (await as_ann(caller, "/api/v1/budgets/company/freeze", b'{"reason": "leak"}')).status == 200
        price = b'{"provider": "openai", "model": "gpt-4o", "discount": "15%"}'
        assert (await as_ann(caller, "/api/v1/prices/overrides", price)).status == 201
        lines = (await caller.admin("/api/v1/audit?limit=2")).json["items"]
        assert [(line["action"], line["by"]) for line in lines] == [("price.created", "ann"), ("budget.frozen", "ann")]
        assert lines[1]["reason"] == "leak"
        for name in ("", "x" * 129, "file", "Gateway", "ADMIN", "a\tb"):
            answer = await as_ann(caller, "/api/v1/budgets/company/unfreeze", b"{}", name=name)
            assert (answer.status, answer.json["code"]) == (400, "header_invalid"), name


async def test_pages_follow_each_other_and_a_noun_finds_its_actions(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        seen: list[int] = []
        before = ""
        while True:
            page = (await caller.admin(f"/api/v1/audit?limit=3{before}")).json
            seen += [line["seq"] for line in page["items"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert seen == list(range(max(seen), 0, -1))
        keys = (await caller.admin("/api/v1/audit?action=key")).json["items"]
        assert {line["target"] for line in keys} == {"alice", "bob", "old"}
        assert (await caller.admin("/api/v1/audit?since=now")).json["code"] == "parameter_unknown"


async def test_a_rerate_is_in_the_log_with_what_it_came_to(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert (await caller.chat()).status == 200
        await caller.admin(
            "/api/v1/prices/overrides", {"provider": "openai", "model": "gpt-4o-mini", "discount": "50%"}
        )
        where = {"where": {"since": "2020-01-01T00:00:00Z"}, "unknown_tier": "standard"}
        preview = (await caller.admin("/api/v1/prices/rerate", where)).json
        applied = (await caller.admin("/api/v1/prices/rerate/apply", where | {"token": preview["token"]})).json
        (line,) = (await caller.admin("/api/v1/audit?action=ledger")).json["items"]
        assert line["after"]["corrections"] == applied["booked"] == 1
        assert line["after"]["difference_usd"] == applied["difference_usd"]


async def test_a_control_that_cannot_be_audited_is_in_force_and_says_so(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    async with gateway(tmp_path) as caller:

        async def away(*_: object) -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(SqlAudit, "append", away)
        answer = (await caller.admin("/api/v1/budgets/company/freeze", {})).json
        assert "could not be written into the audit log" in answer["warnings"][0]
        assert (await caller.chat()).status == 429


async def test_a_page_before_a_number_that_no_line_can_have_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        for before in ("99999999999999999999999", str(2**63), "0"):
            answer = await caller.admin(f"/api/v1/audit?before={before}")
            assert (answer.status, answer.json["code"]) == (400, "parameter_invalid"), before
            assert "before" in answer.json["detail"]
        assert (await caller.admin(f"/api/v1/audit?before={2**63 - 1}")).status == 200
