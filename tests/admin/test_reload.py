from pathlib import Path

from tests.admin.gateways import gateway


async def test_a_reload_puts_new_settings_in_force_and_bad_ones_change_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        settings = tmp_path / "tollway.yaml"
        before = settings.read_text()
        assert (await caller.admin("/api/v1/reload", method="POST")).json == {"revision": 1, "changed": False}

        settings.write_text(before.replace('limit: "20"', 'limit: "0"'))
        assert (await caller.admin("/api/v1/reload", method="POST")).json == {"revision": 2, "changed": True}
        assert (await caller.admin("/api/v1/budgets/company")).json["limit_usd"] == "0"
        assert (await caller.chat()).status == 429

        settings.write_text(before.replace("limit:", "limt:"))
        answer = await caller.admin("/api/v1/reload", method="POST")
        assert (answer.status, answer.json["code"]) == (422, "settings_invalid")
        assert "limt" in answer.json["detail"]
        assert (await caller.admin("/api/v1/status")).json["revision"] == 2
