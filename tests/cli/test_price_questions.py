import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app

pytestmark = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway"), SETTINGS) as running:
        assert (await running.chat()).status == 200
        assert (await running.chat(model="openai/nobody-knows-this")).status == 422
        await running.logged("/api/v1/logs", 2)
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    """Runs a command against the gateway, in a thread of its own as the gateway is in ours."""

    async def run_it(*words: str) -> Result:
        given = ["prices", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)

    return run_it


async def test_models_without_a_price_are_shown_with_the_way_out(run: Run) -> None:
    result = await run("unpriced")
    assert result.exit_code == 0
    assert "openai/nobody-knows-this" in result.output
    assert "tollway prices override PROVIDER/MODEL" in result.output
    assert json.loads((await run("unpriced", "--json")).output)["items"][0]["refused"] == 1


async def test_a_rerate_is_previewed_and_then_booked_once(run: Run, caller: Caller) -> None:
    nothing = await run("rerate", "--since", "24h")
    assert nothing.exit_code == 0, nothing.output
    assert "There is nothing to correct." in nothing.output
    config = caller.folder / "tollway.yaml"
    config.write_text(config.read_text() + 'prices:\n  - {provider: openai, model: "gpt-4o-mini", markup: "100%"}\n')
    assert (await caller.admin("/api/v1/reload", method="POST")).status == 200
    preview = await run("rerate", "--since", "24h", "--where", "provider=openai")
    assert preview.exit_code == 0
    assert "Requests: 1. Cost what they were charged: 0. Corrected: 1." in preview.output
    assert "openai/gpt-4o-mini" in preview.output
    token = preview.output.rpartition("--apply ")[2].strip()
    applied = await run("rerate", "--since", "24h", "--where", "provider=openai", "--apply", token)
    assert applied.exit_code == 0
    assert "Corrections booked: 1." in applied.output
    twice = await run("rerate", "--since", "24h", "--apply", token)
    assert twice.exit_code == 1
    assert "booked already" in twice.output


async def test_a_wrong_question_is_one_line_and_exit_code_1(run: Run) -> None:
    for words, said in (
        (("rerate",), "--since: say from when on"),
        (("rerate", "--since", "yesterday"), "--since: 'yesterday' is no instant"),
        (("rerate", "--since", "1d", "--where", "colour=red"), 'no query parameter "colour"'),
    ):
        result = await run(*words)
        assert result.exit_code == 1, words
        assert said in result.output, words
        assert len(result.output.strip().splitlines()) == 1, words
