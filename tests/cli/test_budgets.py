import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.clock import iso

here = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]
ALICE = "each[user=alice@example.com]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        await running.chat()
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    async def run_it(*words: str) -> Result:
        given = [*words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)

    return run_it


@here
async def test_the_list_is_what_budgets_alone_shows(run: Run) -> None:
    alone, listed = await run("budgets"), await run("budgets", "list")
    assert alone.exit_code == listed.exit_code == 0
    assert alone.output.splitlines()[1:] == listed.output.splitlines()[1:]
    assert "each, a day: alice@example.com" in alone.output


@here
async def test_a_freeze_is_said_shown_and_undone(run: Run, caller: Caller) -> None:
    frozen = await run("budgets", "freeze", "each", "--account", ALICE, "--reason", "a leak", "--by", "ann")
    assert (frozen.exit_code, frozen.output.splitlines()[0]) == (
        0,
        f"{ALICE} is frozen. Undo it with: tollway budgets unfreeze each --account '{ALICE}'",
    )
    assert (await caller.chat()).headers["tollway-error"] == "budget_frozen"
    assert "alice@example.com (frozen)" in (await run("budgets")).output
    shown = (await run("budgets", "show", "each")).output
    assert f"{ALICE}, since" in shown
    assert "by ann: a leak" in shown
    assert "is frozen already" in (await run("budgets", "freeze", "each", "--account", ALICE)).output
    undone = await run("budgets", "unfreeze", "each", "--account", ALICE)
    assert undone.output.strip() == f"{ALICE} is no longer frozen."
    assert (await caller.chat()).status == 200


@here
async def test_the_freeze_of_a_whole_budget_is_undone_without_an_account(run: Run) -> None:
    frozen = await run("budgets", "freeze", "tiny")
    assert frozen.output.splitlines()[0] == "all of tiny is frozen. Undo it with: tollway budgets unfreeze tiny"
    assert (await run("budgets", "unfreeze", "tiny")).exit_code == 0


@here
async def test_the_help_of_an_increase_names_how_long_it_is_by_itself(run: Run) -> None:
    helped = await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, ["budgets", "increase", "--help"])
    assert "24h without it and --until" in helped.output


@here
async def test_increases_and_grants_are_made_listed_and_ended(run: Run, caller: Caller) -> None:
    made = json.loads((await run("budgets", "increase", "company", "5", "--for", "2h", "--json")).output)["control"]
    granted = await run("budgets", "grant", "each", "0.5", "--reason", "launch")
    assert granted.output.startswith("The limit of all of each is $0.50 higher until ")
    dated = await run("budgets", "increase", "company", "1", "--until", "2999-01-01")
    assert (dated.exit_code, "within 366 days" in dated.output + dated.stderr) == (1, True)
    assert "$5.00" in (await run("budgets", "increases", "company")).output
    assert "$25.00" in (await run("budgets", "show", "company")).output
    ended = await run("budgets", "increases", "company", "--end", made["id"])
    assert ended.output.strip() == "The increase of all of company has ended."
    assert made["id"] not in (await run("budgets", "increases", "company")).output


@here
async def test_what_cannot_be_done_is_one_line_and_exit_code_1(run: Run) -> None:
    for words, said in (
        (("freeze", "nobody"), 'No budget with the id "nobody"'),
        (("increase", "company", "x"), "amount_usd"),
        (("increase", "company", "1", "--until", "soon"), "--until"),
        (("unfreeze", "company"), "is not frozen"),
        (("freeze", "company", "--by", "Zoë"), "--by"),
        (("increases", "company", "--end", "a/b"), ""),
    ):
        result = await run("budgets", *words)
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


@here
async def test_a_negative_amount_is_named_with_the_way_out_and_is_no_option(run: Run) -> None:
    for command in ("grant", "increase"):
        refused = await run("budgets", command, "company", "-5")
        assert refused.exit_code == 1
        assert 'amount_usd: "-5" would not raise the limit of "company"' in refused.output
        assert "tollway budgets increases company --end ID" in refused.output


@here
async def test_what_is_no_option_is_still_told(run: Run) -> None:
    refused = await run("budgets", "increase", "company", "5", "--acount", "x")
    assert refused.exit_code == 2
    assert "--acount" in refused.output


@here
async def test_those_who_are_refused_by_a_freeze_are_told_why_and_not_by_whom(run: Run, caller: Caller) -> None:
    assert (await run("budgets", "freeze", "each", "--reason", "A leaked key.", "--by", "ann@ops")).exit_code == 0
    begun = iso(caller.runtime.clock.now())
    refused = await caller.chat()
    told = await run("explain", "--model", "openai/gpt-4o-mini", "--key", "alice")
    request_id = refused.headers["tollway-request-id"]
    await caller.logged(f"/api/v1/logs?code=budget_frozen&since={begun}", 1)
    logged = (await caller.admin(f"/api/v1/logs/{request_id}")).json
    assert (await run("budgets", "unfreeze", "each")).exit_code == 0
    assert (
        'frozen by an administrator (account each[user=alice@example.com]): "A leaked key"'
        in refused.json["error"]["message"]
    )
    assert b"ann@ops" not in refused.body
    assert 'REFUSES: frozen by ann@ops: "A leaked key."' in told.output
    assert "(frozen by ann@ops)" in logged["decisions"][-1]["detail"]
