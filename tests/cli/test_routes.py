"""`tollway routes`, against a real gateway."""

import asyncio
import json
from pathlib import Path

from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.document.text import parse

FIRST = """\
# Support, cheap first.
name: support
targets:
  - {model: openai/gpt-4o-mini, weight: 2}
  - {model: anthropic/claude-sonnet-4-5}
order: in_order
"""
ELEMENTS = """\
- {id: start, type: start, outputs: {next: plan}}
- {id: plan, type: conditional, properties: {condition: {metadata.plan: free}}, outputs: {true: mini, false: end}}
- {id: mini, type: model, properties: {model: openai/gpt-4o-mini}, outputs: {success: end}}
- {id: end, type: end}
"""


async def run(caller: Caller, *words: str) -> Result:
    given = ["routes", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)


async def test_routes_are_saved_deployed_rolled_back_and_taken_out(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(FIRST)
    second.write_text(ELEMENTS)
    async with gateway(tmp_path) as caller:
        assert (await run(caller)).stdout.startswith("No routes.")
        saved = await run(caller, "save", str(first), "--comment", "the first")
        assert saved.exit_code == 0, saved.output
        assert "It serves nothing yet: tollway routes deploy support" in saved.output
        listed = await run(caller, "list")
        assert "dynamic/support" in listed.output and "openai/gpt-4o-mini, anthropic/claude-sonnet-4-5" in listed.output
        assert "draft" in listed.output
        none_before = await run(caller, "rollback", "support")
        assert none_before.exit_code == 1 and "No version of route" in none_before.output
        deployed = await run(caller, "deploy", "support", "--by", "ann", "--comment", "go")
        assert "is in force. The settings are at revision 2." in deployed.output
        shown = (await run(caller, "show", "support")).output
        assert "state     in force" in shown and "by ann: go" in shown
        assert (
            'pool (pool): openai/gpt-4o-mini; anthropic/claude-sonnet-4-5; {"order": "in_order"}; success → end'
            in shown
        )

        again = await run(caller, "save", str(second), "--route", "support", "--deploy")
        assert "It is in force: callers name it as dynamic/support." in again.output
        assert parse((tmp_path / "tollway.yaml").read_text()).routes[0].elements
        versions = (await run(caller, "versions", "support")).output
        assert versions.count("yes") == 1 and "the first" in versions
        back = await run(caller, "rollback", "support")
        assert "is in force. The settings are at revision 4." in back.output
        assert parse((tmp_path / "tollway.yaml").read_text()).routes[0].targets
        assert (
            "was in force already"
            in (
                await run(caller, "deploy", "support", *_active(await run(caller, "versions", "support", "--json")))
            ).output
        )
        gone = await run(caller, "delete", "support")
        assert gone.output.startswith("Route support is gone")
        assert (await run(caller, "show", "support")).exit_code == 1


def _active(versions: Result) -> list[str]:
    return [one["version_id"] for one in json.loads(versions.stdout)["items"] if one["active"] == "true"]


async def test_everything_that_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.json"
    good.write_text(ELEMENTS)
    model = {"id": "m", "type": "model", "properties": {"model": "opena/x"}, "outputs": {"fallback": "m"}}
    bad.write_text(json.dumps([{"id": "start", "type": "start", "outputs": {"next": "m"}}, model]))
    async with gateway(tmp_path) as caller:
        valid = await run(caller, "validate", str(good))
        assert (valid.exit_code, valid.stdout) == (0, "Nothing is wrong with it: 4 elements.\n")
        wrong = await run(caller, "validate", str(bad))
        assert wrong.exit_code == 1
        assert 'element m, properties.provider: no provider "opena" is configured' in wrong.output
        assert 'element m, outputs: it leads back to where it came from: "m" → "m"' in wrong.output
        refused = await run(caller, "save", str(bad), "--name", "x")
        assert refused.exit_code == 1 and 'route "x", element "m"' in refused.output
        unnamed = await run(caller, "save", str(good))
        assert unnamed.exit_code == 1 and "Which route is it?" in unnamed.output
        assert (await run(caller, "save", str(tmp_path / "none.yaml"))).exit_code == 2
        assert (await run(caller, "deploy", "none")).exit_code == 1
