import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.admin.gateways import CANARY, SETTINGS, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app

WITHOUT = SETTINGS.replace('openai:    {{api_key: "file:provider.key", ', "openai:    {{")
SECRET = f"sk-stored-{CANARY}-0001"

Run = Callable[..., Awaitable[Result]]


async def test_a_key_is_set_from_standard_input_listed_rotated_and_deleted(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:

        async def run(*words: str, stdin: str = "") -> Result:
            given = ["secrets", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
            return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given, input=stdin)

        made = await run("set", "openai", stdin=f"{SECRET}\n")
        assert made.exit_code == 0 and "openai/default is stored, sealed" in made.output
        assert (await caller.chat()).status == 200
        second = await run(
            "set", "openai/ci", "--gateway", "default", "--expires", "2099-01-01", "--by", "bob", stdin=SECRET
        )
        assert "default/openai/ci is stored" in second.output
        listed = await run("list")
        assert "anthropic/default" in listed.output and "2099-01-01" in listed.output and "bob" in listed.output
        assert "active" in listed.output and CANARY not in listed.output
        assert "2 of the stored keys were wrapped anew" in (await run("rotate", "--new-key")).output
        assert "is gone" in (await run("delete", "openai/ci", "--gateway", "default")).output
        unknown = await run("delete", "openai/ci")
        assert unknown.exit_code == 1 and "there are: openai/default" in unknown.stderr
        wrong = await run("set", "openai", "--expires", "soon", stdin=SECRET)
        assert wrong.exit_code == 1 and "--expires" in wrong.stderr
