"""`tollway policies save`, against a real gateway."""

import asyncio
from pathlib import Path

import pytest
from tests.admin.gateways import Caller, gateway
from tests.cli.test_policies import POLICIES
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.cli.policies_saved import read_policies

MINI = "name: no mini\nresource: {model: '*mini'}\naction: {type: block}\n"


async def run(caller: Caller, *words: str, given: str | None = None) -> Result:
    command = ["policies", "save", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, command, given)


async def test_a_policy_is_staged_or_put_in_force_and_changed_by_its_id(tmp_path: Path) -> None:
    file = tmp_path / "mini.yaml"
    file.write_text(MINI)
    async with gateway(tmp_path, POLICIES) as caller:
        staged = await run(caller, str(file))
        assert staged.exit_code == 0 and "no-mini is staged" in staged.output, staged.output
        assert (await caller.chat()).status == 200
        assert "no-mini is in force." in (await run(caller, "-", "--commit", given=MINI)).output
        assert (await caller.chat()).headers["tollway-error"] == "policy_denied"
        off = await run(
            caller, "-", "--commit", given="policies: [{name: no mini, enabled: false, action: {type: block}}]"
        )
        assert "no-mini is in force." in off.output
        assert (await caller.chat()).status == 200


async def test_what_is_no_policy_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path, POLICIES) as caller:
        for given, said in (
            ("{nam: x}", "nam"),
            ("{name: x, action: {type: blok}}", "blok"),
            ("name: [", "cannot be read"),
        ):
            answer = await run(caller, "-", given=given)
            assert answer.exit_code != 0 and said in answer.output, answer.output
            assert isinstance(answer.exception, SystemExit), answer.exception


def test_a_file_has_one_policy_or_several(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    for text, number in (("{name: a}", 1), ("[{name: a}, {name: b}]", 2), ("policies: [{name: a}]", 1)):
        file.write_text(text)
        assert len(read_policies(str(file))) == number
    for text in ("", "[]", "[5]", "just text"):
        file.write_text(text)
        with pytest.raises(ValueError, match="has no policy in it"):
            read_policies(str(file))
    with pytest.raises(ValueError, match="cannot be read"):
        read_policies(str(tmp_path / "absent"))
