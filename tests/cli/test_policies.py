"""`tollway policies`, against a real gateway."""

import asyncio
import json
from pathlib import Path

from tests.admin.gateways import SETTINGS, Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app

POLICIES = (
    SETTINGS.split("budgets:")[0]
    + """
policies:
  - {{name: each, actor: "user:{{cf.user.id}}", action: {{type: limit, amount: 5, period: monthly}}}}
  - {{name: no o3, resource: {{model: o3}}, condition: '"leads" in cf.user.groups', action: {{type: block}}}}
  - {{name: berlin, actor: team, enabled: false, action: {{type: limit, amount: "7", period: month, timezone: Europe/Berlin}}}}
"""
)


async def run(caller: Caller, *words: str) -> Result:
    given = ["policies", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)


async def test_policies_are_listed_shown_tried_committed_and_rolled_back(tmp_path: Path) -> None:
    async with gateway(tmp_path, POLICIES) as caller:
        listed = (await run(caller, "list")).stdout
        assert (await run(caller)).stdout == listed
        for said in (
            "limit $5 monthly",
            "model o3",
            "user:{cf.user.id}",
            "switched off",
            "limit $7 month, Europe/Berlin",
        ):
            assert said in listed
        assert '  condition  "leads" in cf.user.groups' in (await run(caller, "show", "no-o3")).output
        assert "No policy with the id" in (await run(caller, "show", "nope")).output

        tried = await run(caller, "simulate", "openai/o3", "--user", "ann", "--group", "leads", "--group", "eng")
        assert "no o3 (block) blocks" in tried.output
        assert tried.stdout.endswith("Outcome   refused with 403: policy no o3 blocks it\n")
        spent = await run(caller, "simulate", "openai/gpt-4o", "--user", "ann", "--spent", "each=5")
        assert spent.stdout.endswith("Outcome   refused with 429: policy each, bucket user:ann is spent\n")
        allowed = await run(
            caller, "simulate", "openai/gpt-4o", "--user", "ann", "--metadata", "a=b", "--country", "US"
        )
        assert "Bucket    user:ann on *: $5.00 monthly by policy each" in allowed.output
        assert allowed.stdout.endswith("Outcome   allowed\n")
        nobody = await run(caller, "simulate", "openai/gpt-4o", "--service", "ci")
        assert "each (limit) does not apply: cf.user.id is not known of this caller" in nobody.output
        assert nobody.stdout.endswith("Outcome   refused with 403: no policy allows it\n")
        asked = json.loads((await run(caller, "simulate", "openai/gpt-4o", "--user", "ann", "--json")).stdout)
        assert asked["enforcement"]["allowed"] is True

        assert (await run(caller, "commit")).stdout == "No drafts to commit.\n"
        await caller.admin(
            "/api/v1/policies", {"name": "ci", "condition": 'service == "ci"', "action": {"type": "no-limit"}}
        )
        assert "draft" in (await run(caller)).output
        staged = await run(caller, "simulate", "openai/gpt-4o", "--service", "ci", "--staging")
        assert "Bucket    everyone on *: not checked" in staged.output
        done = await run(caller, "commit", "--by", "ann")
        assert done.exit_code == 0 and "ci is in force." in done.output and "revision 2" in done.output
        await caller.admin("/api/v1/policies", {"name": "new", "action": {"type": "block"}})
        await caller.admin(
            "/api/v1/policies?commit=true", {"name": "new", "id": "other", "action": {"type": "no-limit"}}
        )
        failed = await run(caller, "commit")
        assert failed.exit_code == 1 and "new is still a draft: policy" in failed.output

        back = await run(caller, "rollback", "1", "--by", "ann")
        assert "Policies in force: each, no-o3, berlin." in back.output
        assert (await run(caller, "rollback", "1")).stdout == "The policies were these already.\n"
        assert "No revision 99 is kept" in (await run(caller, "rollback", "99")).output


async def test_without_policies_that_is_said(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert (await run(caller)).output.startswith("No policies: every caller may use every model.")
