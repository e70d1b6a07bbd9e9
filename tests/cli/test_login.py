"""Signing in from the command line: real processes, a real gateway, a certified identity provider."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from idps import running_oidc_provider
from tests.admin.signing_in import Person, Program, callback, free_port, signing_in

from tollway.cli import login
from tollway.cli.client import Unreachable
from tollway.cli.logins import Kept, Logins
from tollway.cli.oauth import Answer, NotSignedIn, kept_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Program]:
    port = free_port()
    with running_oidc_provider(tmp_path_factory.mktemp("idp"), (callback(port),)) as idp:
        scopes = ("openid", "email", "profile", "groups", "offline_access")
        async with signing_in(tmp_path_factory.mktemp("gateway"), idp, port, scopes=scopes) as running:
            yield running


async def started(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    env = {**os.environ, "TOLLWAY_LOGINS": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}
    env.pop("TOLLWAY_URL", None)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tollway",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )


async def run(folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    process = await started(folder, *arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def shown(process: asyncio.subprocess.Process, wanted: str) -> re.Match[str]:
    """What the process prints, as soon as it does."""
    said = ""
    assert process.stdout is not None
    while True:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line, said
        said += line
        found = re.search(wanted, said)
        if found is not None:
            return found


async def signed_in(program: Program, folder: Path, name: str = "alice") -> None:
    process = await started(folder, "login", "--url", program.url)
    found = await shown(process, r"or open (\S+)\n")
    assert "You are signed in" in await asyncio.to_thread(program.allow, found[1], name)
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert f"Signed in at {program.url} as {name}@example.com." in out.decode()


async def seeded(program: Program, folder: Path) -> None:
    """The same without the process, which waits five seconds before it polls."""
    body = await program.signed_in("alice")
    await put(
        folder,
        kept_of(program.url, f"{program.url}/oauth/token", f"{program.url}/oauth/revoke", body, int(time.time())),
    )


def stale(folder: Path) -> dict[str, Any]:
    """Makes the access token look as if it ended now; what was kept."""
    path = folder / "logins.json"
    file = json.loads(path.read_text())
    for one in file["logins"].values():
        one["ends_at"] = 0
    path.write_text(json.dumps(file))
    return next(iter(file["logins"].values()))


async def test_somebody_signs_in_looks_around_and_leaves(program: Program, tmp_path: Path) -> None:
    await signed_in(program, tmp_path)
    code, token, err = await run(tmp_path, "token")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"twa_[0-9A-Za-z]{49}\n", token), "nothing else is printed"
    assert (await program.chat(token.strip())).status == 200

    code, out, _ = await run(tmp_path, "whoami")
    assert code == 0
    for said in ("alice@example.com", program.url, "eng, staff", "each, a day", "$1.00"):
        assert said in out
    code, out, _ = await run(tmp_path, "whoami", "--json")
    assert json.loads(out)["user"] == "alice@example.com"

    code, out, _ = await run(tmp_path, "env", "--shell", "sh")
    assert f"export OPENAI_BASE_URL={program.url}/v1\n" in out
    assert f"export ANTHROPIC_AUTH_TOKEN={token}" in out
    assert (await run(tmp_path, "env", "--shell", "cmd"))[0] == 2

    code, out, _ = await run(tmp_path, "logout")
    assert (code, out) == (0, f"Signed out of {program.url}.\n")
    assert (await program.whoami(token.strip())).status == 401
    code, out, err = await run(tmp_path, "token")
    assert (code, out) == (1, "")
    assert "Nobody is signed in" in err


async def test_two_processes_that_find_the_token_ended_refresh_it_once(program: Program, tmp_path: Path) -> None:
    await seeded(program, tmp_path)
    before = stale(tmp_path)
    newest = (await program.runtime.tokens.families())[0]
    assert newest.upstream, "the identity provider is asked for groups again"
    answers = await asyncio.gather(*(run(tmp_path, "token") for _ in range(3)))
    assert [code for code, _, _ in answers] == [0, 0, 0], answers
    tokens = {out.strip() for _, out, _ in answers}
    assert len(tokens) == 1
    assert tokens != {before["access_token"]}
    assert (await program.whoami(tokens.pop())).status == 200
    assert (await program.runtime.tokens.families())[0].rotated_at > newest.rotated_at


async def test_a_browser_on_the_same_machine_needs_no_code(program: Program, tmp_path: Path) -> None:
    process = await started(tmp_path, "login", "--url", program.url, "--browser")
    found = await shown(process, r"  (http\S+)\n")

    def browse() -> str:
        person = Person("bob")
        person.visit(found[1])
        person.sign_in()
        return person.submit(decision="allow")

    assert "Go back to your terminal" in await asyncio.to_thread(browse)
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert "as bob@example.com" in out.decode()
    assert (await run(tmp_path, "token"))[0] == 0


async def test_a_login_that_was_ended_elsewhere_is_forgotten(program: Program, tmp_path: Path) -> None:
    await seeded(program, tmp_path)
    kept = stale(tmp_path)
    await program.form("/oauth/revoke", {"token": kept["refresh_token"]})
    code, out, err = await run(tmp_path, "token")
    assert (code, out) == (1, "")
    assert (
        f"has ended: The refresh token has ended, or was never good. Sign in again. Run: tollway login --url {program.url}"
        in err
    )
    assert "twr_" not in (tmp_path / "logins.json").read_text()


async def test_a_no_in_the_browser_is_a_no(program: Program, tmp_path: Path) -> None:
    process = await started(tmp_path, "login", "--url", program.url)
    found = await shown(process, r"or open (\S+)\n")
    await asyncio.to_thread(program.allow, found[1], "alice", "any", "deny")
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (1, "It was denied in the browser.\n")
    assert not (tmp_path / "logins.json").exists()


KEPT = Kept(
    url="https://ai.example.com",
    token_endpoint="https://ai.example.com/oauth/token",
    access_token="twa_a'b",
    refresh_token="twr_r",
    ends_at=10_000,
    lasts_s=3_600,
)


async def put(folder: Path, kept: Kept) -> Logins:
    logins = Logins(folder)
    with logins.locked():
        logins.put(kept)
    return logins


async def test_a_gateway_that_is_away_ends_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = await put(tmp_path, KEPT)

    def away(_: Kept) -> Answer:
        raise Unreachable("away")

    monkeypatch.setattr("tollway.cli.login.oauth.refresh", away)
    assert login.current(logins, None, now_s=lambda: 9_000) == KEPT, "fresh, so nobody is asked"
    assert login.current(logins, None, now_s=lambda: 9_900) == KEPT, "good still"
    with pytest.raises(Unreachable, match="Your token has ended"):
        login.current(logins, None, now_s=lambda: 10_000)
    monkeypatch.setattr("tollway.cli.login.oauth.refresh", lambda _: Answer(503, {"error": "temporarily_unavailable"}))
    with pytest.raises(Unreachable, match="Try again shortly"):
        login.current(logins, None, now_s=lambda: 10_000)
    assert logins.find(None) == KEPT
    monkeypatch.setattr("tollway.cli.login.oauth.refresh", lambda _: Answer(401, {"error": "invalid_grant"}))
    with pytest.raises(NotSignedIn, match="has ended"):
        login.current(logins, None, now_s=lambda: 9_900)
    assert logins.find(None) is None


async def test_who_leaves_while_the_gateway_is_away_is_told_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = await put(tmp_path, KEPT)
    monkeypatch.setattr("tollway.cli.login.oauth.revoke", lambda _: False)
    monkeypatch.delenv("TOLLWAY_URL", raising=False)
    assert login.sign_out(None, logins=logins) == 1
    assert "could not be told" in capsys.readouterr().err
    assert logins.find(None) is None
    assert login.sign_out(None, logins=logins) == 0


async def test_a_variable_is_written_as_the_shell_reads_it() -> None:
    assert login.exported("A", "x'y", "sh") == "export A='x'\"'\"'y'"
    assert login.exported("A", "x'y\\", "fish") == "set -gx A 'x\\'y\\\\'"
    assert login.exported("A", "x'y", "powershell") == "$env:A = 'x''y'"
    assert login.exported("A", "x\u2019; calc; \u2018\u201a\u201b", "powershell") == (
        "$env:A = 'x\u2019\u2019; calc; \u2018\u2018\u201a\u201a\u201b\u201b'"
    )
    assert login.guessed_shell({"SHELL": "/usr/bin/fish"}) in ("fish", "powershell")
    assert login.guessed_shell({"SHELL": "/bin/bash"}) in ("sh", "powershell")


async def test_a_second_sign_in_ends_the_first(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seeded(program, tmp_path)
    logins = Logins(tmp_path)
    first = logins.find(None)
    assert first is not None
    body = await program.signed_in("alice")
    monkeypatch.setattr("tollway.cli.login.oauth.await_device", lambda *_: body)

    def sign_in() -> int:
        return login.sign_in(program.url, browser=False, opens=False, logins=logins)

    assert await asyncio.to_thread(sign_in) == 0
    assert (await program.whoami(first.access_token)).status == 401
    assert (await program.refresh(first.refresh_token)).status == 401
    second = logins.find(None)
    assert second is not None
    assert (await program.whoami(second.access_token)).status == 200


async def test_a_token_that_is_refreshed_for_one_gateway_leaves_the_other_the_one_that_is_meant(
    program: Program, tmp_path: Path
) -> None:
    await seeded(program, tmp_path)
    logins = await put(tmp_path, KEPT)
    stale(tmp_path)
    code, _, err = await run(tmp_path, "token", "--url", program.url)
    assert code == 0, err
    meant = logins.find(None)
    assert meant is not None
    assert meant.url == KEPT.url


BUDGET = {"budget": "b", "frozen": False, "left_usd": "1", "spent_usd": "0", "limit_usd": "1", "resets_at": None}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"budgets": {}},
        {"budgets": [{}]},
        {"budgets": [BUDGET | {"frozen": 1}]},
        {"budgets": [BUDGET | {"spent_usd": "x"}]},
        {"budgets": [BUDGET | {"left_usd": 1}]},
    ],
)
async def test_budgets_that_cannot_be_read_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], body: dict[str, Any]
) -> None:
    logins = await put(tmp_path, msgspec.structs.replace(KEPT, ends_at=int(time.time()) + 3_600))
    monkeypatch.delenv("TOLLWAY_URL", raising=False)
    monkeypatch.setattr("tollway.cli.login.oauth.budget", lambda _: Answer(200, body))
    assert login.show_who(None, as_json=False, logins=logins) == 1
    assert "cannot be read" in capsys.readouterr().err


async def test_a_budgets_name_is_shown_without_what_a_terminal_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = await put(tmp_path, msgspec.structs.replace(KEPT, ends_at=int(time.time()) + 3_600))
    monkeypatch.delenv("TOLLWAY_URL", raising=False)
    said = Answer(200, {"budgets": [BUDGET | {"budget": "\x1b[31mred\x9b2J"}]})
    monkeypatch.setattr("tollway.cli.login.oauth.budget", lambda _: said)
    for as_json in (False, True):
        assert login.show_who(None, as_json=as_json, logins=logins) == 0
        out = capsys.readouterr().out
        assert "[31mred2J" in out
        assert "\x1b[31mred" not in out and "\x9b" not in out
