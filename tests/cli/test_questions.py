import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import BOB_KEY, CANARY, Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.client import Client
from tollway.cli.commands import app
from tollway.cli.questions import Asking, held, pairs_of, read_instant, show_logs, tokens
from tollway.money import dollars

here = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        await running.chat()
        await running.chat(model="anthropic/claude-haiku-4-5", stream=True)
        await running.chat(BOB_KEY)
        await running.logged("/api/v1/logs", 3)
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    """Runs a command against the gateway, in a thread of its own as the gateway is in ours."""

    async def run_it(*words: str) -> Result:
        given = [*words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)

    return run_it


@here
async def test_spend_shows_rows_and_the_exact_total(run: Run, caller: Caller) -> None:
    result = await run("spend", "--by", "model,user")
    assert result.exit_code == 0
    assert "claude-haiku-4-5" in result.output
    assert "alice@example.com" in result.output
    assert f"Exact total: {dollars(caller.bill.total)} US dollars." in result.output


@here
async def test_json_is_what_the_api_says(run: Run, caller: Caller) -> None:
    for words, target in (
        (("spend", "--by", "user"), "/api/v1/spend?group_by=user"),
        (("logs", "--limit", "2"), "/api/v1/logs?limit=2"),
    ):
        result = await run(*words, "--json")
        assert json.loads(result.output) == (await caller.admin(target)).json


@here
async def test_spend_is_told_by_team(run: Run) -> None:
    by_team, by_metadata = (
        await run("spend", "--by", "team", "--json"),
        await run("spend", "--by", "metadata.team", "--json"),
    )
    assert by_team.exit_code == 0
    assert json.loads(by_team.output) == json.loads(by_metadata.output)


@here
async def test_budgets_show_what_is_left_with_currency_and_zone(run: Run) -> None:
    result = await run("budgets")
    assert result.exit_code == 0
    assert "company" in result.output
    assert "each, a day: alice@example.com" in result.output
    assert "watched (watched)" in result.output
    assert "$20.00" in result.output
    assert "UTC" in result.output


@here
async def test_logs_show_requests_and_one_request_whole(run: Run) -> None:
    listed = await run("logs", "--status", "429")
    assert listed.exit_code == 0
    assert "budget_exceeded" in listed.output
    assert "bob@example.com" in listed.output
    answer = json.loads((await run("logs", "--where", "user=alice@example.com", "--json")).output)
    shown = await run("logs", answer["items"][-1]["request_id"])
    assert shown.exit_code == 0
    assert "at $0.15 per 1,000,000 = " in shown.output
    assert "each[user=alice@example.com]" in shown.output
    assert "only watched" in shown.output
    assert "ledger    charge:" in shown.output


@here
async def test_explain_says_what_fits_and_what_refuses(run: Run) -> None:
    passes = await run("explain", "--model", "openai/gpt-4o-mini", "--key", "alice", "--max-tokens", "50")
    assert passes.exit_code == 0
    assert "it would be sent" in passes.output
    assert "would refuse, but only watches" in passes.output
    refused = await run("explain", "--model", "claude-haiku-4-5", "--key", "bob", "--metadata", "x=y")
    assert refused.exit_code == 3
    assert "refused with 429 budget_exceeded" in refused.output
    assert "REFUSES" in refused.output
    unknown = await run("explain", "--model", "openai/gpt-4o-mini", "--key", "nobody")
    assert unknown.exit_code == 1
    assert 'No key is named "nobody"; there are: alice, bob, old.' in unknown.output


@here
async def test_doctor_finds_a_sound_gateway_sound(run: Run, caller: Caller) -> None:
    result = await run("doctor", "--config", str(caller.folder / "tollway.yaml"))
    assert result.exit_code == 0, result.output
    assert "ok       ledger" in result.output
    assert "ok       data folder" in result.output
    assert 'warning  settings: Provider "google" has no key' in result.output
    assert CANARY not in result.output


@here
async def test_doctor_fails_on_a_ledger_that_differs(run: Run, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def verify() -> list[str]:
        return ["company: 5 counted, 4 booked"]

    monkeypatch.setattr(caller.runtime.store.ledger, "verify", verify)
    result = await run("doctor", "--config", str(caller.folder / "tollway.yaml"))
    assert result.exit_code == 1
    assert "wrong    ledger: company: 5 counted, 4 booked" in result.output


@here
async def test_a_wrong_question_is_one_line_and_exit_code_1(run: Run) -> None:
    for words, said in (
        (("spend", "--by", "colour"), '--by: "colour" is not a field; choose from day, gateway'),
        (("spend", "--since", "yesterday"), "--since: 'yesterday' is no instant"),
        (
            ("spend", "--since", "2026-11-01T00:00:00"),
            "'2026-11-01T00:00:00' has no zone; write \"2026-11-01T00:00:00Z\"",
        ),
        (("logs", "--where", "team"), "--where: 'team' is not of the form name=value"),
        (("logs", "no-such-request"), 'No request "no-such-request" in the log'),
        (("logs", "a/../b?c"), "Nothing is served there"),
        (("spend", "--token", "wrong"), "not this gateway's administrator token"),
    ):
        result = await run(*words)
        assert result.exit_code == 1, words
        assert said in result.output, words
        assert len(result.output.strip().splitlines()) == 1, words


def test_no_gateway_is_one_line_that_says_how_to_start_one() -> None:
    for words in (["spend"], ["budgets"], ["logs"], ["explain", "--model", "x/y"]):
        result = CliRunner().invoke(app, [*words, "--url", "http://127.0.0.1:9", "--token", "any-token-at-all"])
        assert result.exit_code == 1
        assert "No gateway answers at http://127.0.0.1:9" in result.output
        assert "Start one with: tollway serve" in result.output
        assert len(result.output.strip().splitlines()) == 1


def test_no_token_is_one_line_that_says_where_it_looked(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLWAY_ADMIN_TOKEN", raising=False)
    result = CliRunner().invoke(app, ["budgets", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "TOLLWAY_ADMIN_TOKEN" in result.output


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-07-01", "2026-07-01T00:00:00+00:00"),
        ("2026-07-01T13:00:00+02:00", "2026-07-01T13:00:00+02:00"),
        ("24h", "2026-07-09T12:00:00+00:00"),
        ("7d", "2026-07-03T12:00:00+00:00"),
        ("30m", "2026-07-10T11:30:00+00:00"),
    ],
)
def test_an_instant_may_be_written_in_several_ways(text: str, meant: str) -> None:
    assert read_instant("--since", text, datetime(2026, 7, 10, 12, tzinfo=UTC)) == meant


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-07-01T13:00:00", "7w", "999999d9"])
def test_what_is_no_instant_names_the_option(text: str) -> None:
    with pytest.raises(ValueError, match="--until"):
        read_instant("--until", text)


def test_a_value_may_hold_an_equals_sign() -> None:
    assert pairs_of("--where", ["metadata.a=b=c"]) == [("metadata.a", "b=c")]


@here
async def test_logs_fit_a_narrow_terminal(caller: Caller) -> None:
    given = ["logs", "--url", caller.url, "--data", str(caller.folder / "data")]
    result = await asyncio.to_thread(CliRunner(env={"COLUMNS": "80"}).invoke, app, given)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= 80
    listed = (await caller.admin("/api/v1/logs")).json["items"]
    for log in listed:
        assert log["request_id"] in result.output


def test_tokens_that_were_counted_have_a_star_and_unknown_ones_are_no_zero() -> None:
    row = {"input_tokens": 1_200, "counted_input_tokens": 0, "untold": 1}
    assert tokens(row, "input") == "1,200"
    assert tokens({**row, "counted_input_tokens": 7}, "input") == "1,200*"
    assert tokens({**row, "input_tokens": None}, "input") == "unknown"
    assert tokens({**row, "input_tokens": None, "untold": 0}, "input") == "-"


def test_a_hold_says_how_it_followed_a_stream_and_what_it_was_settled_at() -> None:
    hold = {
        "account": "team",
        "amount_usd": "0.005",
        "last_usd": "0.02",
        "raises": 7,
        "limit_usd": "1",
        "enforced": True,
    }
    cut = {"amount_usd": "0.0123", "basis": "counted"}
    assert held(hold, cut) == "$0.0050 of $1.00 on team; raised 7 times, $0.02 at the end, settled at $0.01 (counted)"
    assert held({**hold, "raises": 1, "limit_usd": None}, None) == "$0.0050 on team; raised once, $0.02 at the end"
    assert held({**hold, "raises": None, "enforced": False}, cut) == "$0.0050 of $1.00 on team, only watched"


def test_a_listing_goes_on_where_a_page_of_a_search_was_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [{"items": [], "next": "9.1"}, {"items": ["a"], "next": "5.1"}, {"items": ["b"], "next": None}]
    asked: list[dict[str, str]] = []

    def get(_: Client, path: str, query: Any) -> Any:
        asked.append(dict(query))
        return pages[len(asked) - 1]

    monkeypatch.setattr(Client, "get", get)
    asking = Asking(None, "t" * 16, None, True)
    assert show_logs(asking, limit=5, given={"code": None}, since=None, until=None, where=["user=ann"]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": ["a", "b"], "next": None}
    assert asked == [
        {"user": "ann", "limit": "5"},
        {"user": "ann", "limit": "5", "cursor": "9.1"},
        {"user": "ann", "limit": "4", "cursor": "5.1"},
    ]
