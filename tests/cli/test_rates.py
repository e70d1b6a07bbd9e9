"""`tollway rates`, against a real gateway."""

import asyncio
import json
from pathlib import Path

from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.rates.claims import RateClaim


async def run(caller: Caller, *words: str) -> Result:
    given = ["rates", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "300"}).invoke, app, given)


async def test_limits_are_made_changed_listed_and_deleted(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert "No rate limits. Make one: tollway rates set" in (await run(caller)).stdout
        made = await run(
            caller, "set", "per user", "--requests", "1,000", "--window", "10m", "--split-by", "user",
            "--where", "model=gpt-*", "--where", "model=o3", "--by", "ann",
        )  # fmt: skip
        assert made.stdout.startswith("per-user is in the settings"), made.output
        limit = caller.runtime.snapshot.rate_limits[0]
        assert (limit.requests, limit.window_s, limit.where[0].patterns) == (1_000, 600, ("gpt-*", "o3"))
        caller.runtime.rates.admit([RateClaim(limit, "per-user[user=ann]")], caller.runtime.clock.now())

        changed = await run(caller, "set", "per user", "--requests", "none", "--tokens", "50000", "--off")
        assert changed.exit_code == 0, changed.output
        limit = caller.runtime.snapshot.rate_limits[0]
        assert (limit.requests, limit.tokens, limit.enabled) == (None, 50_000, False)
        assert (await run(caller, "set", "per-user", "--off")).stdout == "per-user was so already.\n"
        await run(caller, "set", "per-user", "--requests", "9", "--mode", "monitor", "--on")
        listed = (await run(caller, "list")).stdout
        assert (await run(caller)).stdout == listed
        for said in (
            "9 requests and 50,000 tokens in 600 s, sliding",
            "model gpt-*, o3",
            "monitors",
            "per-user[user=ann]: 1 requests",
        ):
            assert said in listed, listed
        asked = json.loads((await run(caller, "list", "--json")).stdout)
        assert asked["items"][0]["id"] == "per-user"

        assert (await run(caller, "delete", "per user")).stdout.startswith("per-user is gone.")
        audited = (await caller.admin("/api/v1/audit?target=per-user")).json["items"]
        assert audited[-1]["action"] == "rate_limit.created" and "ann" in audited[-1]["by"]


async def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        for words, said in (
            (["set", "x", "--window", "soon"], "'soon' is no length"),
            (["set", "x", "--requests", "many"], "'many' is no number"),
            (["set", "x", "--where", "gpt"], "not of the form name=value"),
            (["set", "x", "--requests", "5"], "say its window, such as 1m"),
            (["set", "x", "--window", "5"], "it limits nothing"),
            (["delete", "nope"], 'No rate limit with the id "nope"'),
        ):
            answer = await run(caller, *words)
            assert answer.exit_code != 0 and said in " ".join(answer.output.split()), answer.output
