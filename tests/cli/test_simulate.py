"""Simulations and suggestions as the command line shows them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway
from tests.admin.test_past import entry
from typer.testing import CliRunner, Result

from tollway.admin.simulate import SimulateBody, _stretch  # pyright: ignore[reportPrivateUsage]
from tollway.cli.commands import app
from tollway.cli.simulate import read_proposed
from tollway.ledger.entry import Context
from tollway.money import DOLLAR

here = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]
DAY_MS = 86_400_000
ALICE = Context(gateway="default", provider="openai", model="gpt-4o-mini", user="alice@example.com", key="alice")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    """alice spent $2 on each of 12 days of the last month."""
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        since, _ = _stretch(SimulateBody(), running.runtime.clock.now())
        for day in range(12):
            running.runtime.store.ledger.settle(entry(day, since + day * DAY_MS, 2 * DOLLAR, context=ALICE))
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    async def run_it(*words: str) -> Result:
        given = [*words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)

    return run_it


@pytest.fixture
def proposed(tmp_path: Path) -> str:
    path = tmp_path / "proposed.yaml"
    path.write_text("budgets:\n  - {name: tighter, limit: '20', window: {period: month}, split_by: [user]}\n")
    return str(path)


@here
async def test_proposed_budgets_are_told_in_words_and_in_a_table(run: Run, proposed: str) -> None:
    result = await run("simulate", "--budgets", proposed)
    assert result.exit_code == 0, result.output
    # Ten of $2 are $20; two more do not fit. In force is $1 a day for everybody, so all twelve would be blocked.
    assert "2 of 12 requests would have been blocked, $4.00 of $24.00." in result.output
    assert "In force: 12 of 12 requests would have been blocked, $24.00 of $24.00." in result.output
    assert 'Budget "tighter" would have blocked 2 requests, $4.00.' in result.output
    assert "alice@example.com: 2, $4.00" in result.output
    assert "openai/gpt-4o-mini: 2, $4.00" in result.output
    assert "100 %" in result.output


@here
async def test_without_a_file_the_budgets_in_force_are_told(run: Run) -> None:
    result = await run("simulate")
    assert result.exit_code == 0
    assert "Budgets in force, " in result.output
    assert "only watches" in result.output


@here
async def test_a_stretch_of_time_is_asked_for_as_elsewhere(run: Run, proposed: str) -> None:
    empty = await run("simulate", "--budgets", proposed, "--since", "2020-01-01", "--until", "2020-02-01")
    assert "0 of 0 requests would have been blocked" in empty.output
    assert "The ledger has no requests of this time; name another with --since" in empty.output
    assert "The ledger has no requests" not in (await run("simulate")).output
    wrong = await run("simulate", "--since", "yesterday")
    assert wrong.exit_code == 1
    assert "--since" in wrong.stderr


@here
async def test_json_is_what_the_api_says(run: Run, caller: Caller, proposed: str) -> None:
    told = json.loads((await run("simulate", "--budgets", proposed, "--suggest", "--json")).output)
    asked = {"budgets": read_proposed(Path(proposed)), "suggest": True}
    assert told == (await caller.admin("/api/v1/simulate", asked)).json
    found = json.loads((await run("suggest", "each", "--days", "92", "--json")).output)
    assert found["accounts"] == (await caller.admin("/api/v1/budgets/each/suggestion?days=92")).json["accounts"]


@here
async def test_a_suggestion_is_shown_for_each_account(run: Run, proposed: str) -> None:
    result = await run("suggest", "each", "--days", "92")
    assert result.exit_code == 0
    assert "Suggested for every account: $3.00." in result.output
    assert "each[user=alice@example.com]" in result.output
    assert "12 of " in result.output
    with_simulation = await run("simulate", "--budgets", proposed, "--suggest")
    assert "Suggested for every account: $" in with_simulation.output


MISSING = "Nothing can be suggested: 7 complete days with spend are needed, and there are 0"


@here
async def test_too_little_to_suggest_from_is_said(run: Run) -> None:
    result = await run("suggest", "tiny")
    assert (result.exit_code, MISSING in result.output) == (0, True)


@here
async def test_what_the_gateway_refuses_is_one_line(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("budgets: [{name: b, limit: '1', window: {period: fortnight}}]")
    for words, said in (
        ((("suggest", "none")), "No budget with the id"),
        (("simulate", "--budgets", str(wrong)), "fortnight"),
    ):
        result = await run(*words)
        assert result.exit_code == 1
        assert said in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: 3", "no list of budgets"),
        ("providers: {}", "no list of budgets"),
        ("a: [", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_file_without_budgets_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "proposed.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=said) as raised:
        read_proposed(path)
    assert "proposed.yaml" in str(raised.value)


def test_a_list_alone_is_enough_and_a_date_is_text(tmp_path: Path) -> None:
    path = tmp_path / "proposed.json"
    path.write_text('[{"name": "b", "limit": "1", "note": 2026-07-01}]')
    assert read_proposed(path) == [{"name": "b", "limit": "1", "note": "2026-07-01"}]
