import asyncio
from pathlib import Path

from tests.admin.gateways import gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app

PASSWORD = "correct horse battery"


async def test_an_administrator_is_made_listed_given_another_password_and_removed(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:

        async def run(*words: str, stdin: str = "") -> Result:
            given = ["users", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
            return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given, input=stdin)

        assert "There is nobody" in (await run("list")).output
        made = await run("add", "root", "--role", "owner", "--role", "finance", stdin=f"{PASSWORD}\n")
        assert made.exit_code == 0 and "Roles: owner, finance" in made.output and PASSWORD not in made.output
        assert "owner, finance" in (await run("list")).output
        weak = await run("password", "root", stdin="short")
        assert weak.exit_code == 1 and "use 12 or more" in weak.stderr
        assert "another password" in (await run("password", "root", stdin="another horse battery")).output
        twice = await run("password", "root", stdin="a third horse battery\na third horse battery\n")
        assert "another password" in twice.output
        lines = await run("password", "root", stdin="a third horse battery\nand another\n")
        assert lines.exit_code == 2 and "several lines; a password is one" in lines.output
        assert "is gone" in (await run("remove", "ROOT")).output
        assert (await run("remove", "root")).exit_code == 1
