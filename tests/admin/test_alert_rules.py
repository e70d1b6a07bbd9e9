"""Alert rules by the API: written into the settings file, changed, taken out, refused with the way out, audited."""

from pathlib import Path

from tests.admin.gateways import SETTINGS, gateway


async def test_a_rule_is_made_changed_and_taken_out_in_the_file_and_audited(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        path = "/api/v1/alerts/rules/pace"
        made = await caller.admin(path, {"when": "forecast", "budgets": ["company"]}, method="PUT")
        assert made.status == 200, made.json
        assert (made.json["before"], made.json["after"]) == (
            None,
            {"name": "pace", "when": "forecast", "budgets": ["company"]},
        )
        assert "nobody is told" in made.json["warnings"][0]
        assert [rule.name for rule in caller.runtime.snapshot.alert_rules] == ["pace"]
        changed = await caller.admin(path, {"when": "forecast", "at": [120]}, method="PUT")
        assert changed.json["changed"] and "budgets" not in changed.json["after"]
        again = await caller.admin(path, {"when": "forecast", "at": [120]}, method="PUT")
        assert again.json["changed"] is False
        listed = (await caller.admin("/api/v1/alerts/rules")).json
        assert listed["items"] == [{"rule": {"name": "pace", "when": "forecast", "at": [120]}, "channels": []}]
        assert (await caller.admin(path, method="DELETE")).json["after"] is None
        assert caller.runtime.snapshot.alert_rules == ()
        lines = (await caller.admin("/api/v1/audit?target=pace")).json["items"]
        assert [line["action"] for line in lines] == ["alert.deleted", "alert.changed", "alert.created"]


async def test_what_cannot_be_a_rule_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS) as caller:
        before = (tmp_path / "tollway.yaml").read_text()
        for body, says in (
            ({"when": "spent"}, 'Add "at"'),
            ({"when": "forecast", "budgets": ["compny"]}, 'no budget "compny"'),
            ({"when": "nonsense"}, "when"),
            ({"name": "other", "when": "store"}, 'the path says "pace"'),
        ):
            answer = await caller.admin("/api/v1/alerts/rules/pace", body, method="PUT")
            assert answer.status in (400, 422) and says in answer.json["detail"], answer.json
        gone = await caller.admin("/api/v1/alerts/rules/nope", method="DELETE")
        assert gone.status == 404 and 'No alert rule "nope"' in gone.json["detail"]
        assert (tmp_path / "tollway.yaml").read_text() == before
