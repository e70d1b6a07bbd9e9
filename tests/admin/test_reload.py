import asyncio
from pathlib import Path

from tests.admin.gateways import full_disk, gateway


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


async def test_a_reload_while_the_store_cannot_be_written_waits_for_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        settings = tmp_path / "tollway.yaml"
        before = settings.read_text()
        with full_disk(caller):
            # A limit is in force without a revision that is kept; what must be counted first is not.
            settings.write_text(before.replace('limit: "20"', 'limit: "30"'))
            answer = await asyncio.wait_for(caller.admin("/api/v1/reload", method="POST"), 5)
            assert answer.json == {"revision": 2, "changed": True}
            settings.write_text(before.replace("window: {period: month", "window: {period: week"))
            answer = await asyncio.wait_for(caller.admin("/api/v1/reload", method="POST"), 5)
            assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
            assert caller.runtime.snapshot.revision == 2
        assert (await caller.admin("/api/v1/reload", method="POST")).json == {"revision": 3, "changed": True}
