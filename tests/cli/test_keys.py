"""`tollway keys` and `tollway service-tokens` against a real gateway."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app

here = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]
SECRET = re.compile(r"tw_[0-9a-z]{12}_[0-9A-Za-z]{49}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    async def run_it(*words: str) -> Result:
        given = [*words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, app, given)

    return run_it


@here
async def test_a_key_is_made_used_rotated_and_revoked(run: Run, caller: Caller) -> None:
    made = await run(
        "keys", "create", "zoe-laptop", "--user", "zoe@example.com", "--team", "ml", "--group", "eng", "--metadata", "a=b",
        "--model", "openai/*", "--address", "127.0.0.0/8", "--expires", "90d", "--priority", "batch", "--by", "ann",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    (secret,) = SECRET.findall(made.output)
    assert (await caller.chat(secret)).status == 200
    shown = (await run("keys", "show", "zoe-laptop")).output
    assert SECRET.search(shown) is None and secret[16:59] not in shown
    for said in (
        "zoe-laptop (active)",
        "zoe@example.com",
        "a=b, team=ml",
        "openai/*",
        "127.0.0.0/8",
        "batch",
        "by ann",
    ):
        assert said in shown
    rotated = await run("keys", "rotate", "zoe-laptop", "--grace", "0")
    (fresh,) = SECRET.findall(rotated.output)
    assert "The secret before it opens until" in rotated.output
    assert [(await caller.chat(each)).status for each in (secret, fresh)] == [401, 200]
    assert (await run("keys", "revoke", "zoe-laptop")).output.strip() == '"zoe-laptop" opens nothing any more.'
    assert (await caller.chat(fresh)).status == 401
    assert "zoe-laptop (revoked)" in (await run("keys", "show", "zoe-laptop")).output
    assert (await run("keys", "delete", "zoe-laptop")).output.strip() == '"zoe-laptop" was deleted.'
    assert (await run("keys", "show", "zoe-laptop")).exit_code == 1


@here
async def test_a_key_is_switched_off_and_on(run: Run, caller: Caller) -> None:
    (secret,) = SECRET.findall((await run("keys", "create", "switched", "--service", "ci")).output)
    assert "opens nothing until it is enabled" in (await run("keys", "disable", "switched")).output
    assert (await caller.chat(secret)).status == 401
    assert "opens again" in (await run("keys", "enable", "switched")).output
    assert (await caller.chat(secret)).status == 200


@here
async def test_the_list_has_both_kinds_of_keys_and_can_be_narrowed(run: Run) -> None:
    soon = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    await run("keys", "create", "listed", "--team", "web", "--expires", soon)
    whole = (await run("keys", "list")).output
    assert "alice" in whole and "(settings file)" in whole and "listed" in whole
    narrowed = (await run("keys", "list", "--team", "web", "--state", "active")).output
    assert "listed" in narrowed and "alice" not in narrowed


@here
async def test_a_service_token_is_made_rotated_and_listed(run: Run, caller: Caller) -> None:
    made = json.loads((await run("service-tokens", "create", "nightly", "--team", "ml", "--json")).output)
    headers = {"cf-access-client-id": made["client_id"], "cf-access-client-secret": made["client_secret"]}
    body = b'{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}'
    assert (await caller.ask("POST", "/v1/chat/completions", headers, body)).status == 200
    rotated = (await run("service-tokens", "rotate", "nightly")).output
    assert made["client_id"] in rotated and SECRET.search(rotated) is not None and "opens until" in rotated
    assert (await caller.ask("POST", "/v1/chat/completions", headers, body)).status == 200
    listed = (await run("service-tokens", "list")).output
    assert "nightly" in listed and "alice" not in listed
    assert "service nightly" in (await run("service-tokens", "show", "nightly")).output


@here
async def test_what_cannot_be_done_is_said_in_one_line(run: Run) -> None:
    for words, said in (
        (("keys", "show", "nope"), 'No key has the id or name "nope"'),
        (("keys", "create", "alice"), "names are unique"),
        (("keys", "revoke", "alice"), "settings file"),
        (("keys", "rotate", "alice", "--grace", "soon"), "--grace"),
        (("keys", "create", "x", "--metadata", "team"), "--metadata"),
        (("keys", "create", "x", "--expires", "soon"), "--expires"),
        (("keys", "create", "x", "--address", "office"), "10.0.0.0/8"),
    ):
        failed = await run(*words)
        assert (failed.exit_code, said in failed.output + failed.stderr) == (1, True), (words, failed.output)
