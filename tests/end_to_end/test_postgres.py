"""The gateway as people run it, with its books in PostgreSQL: through kills, an outage of the server and a move from a file, what
is booked is what the provider bills, and nobody ever sees the password."""

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from calling import Answered, call
from click.testing import Result
from crowd import ask, bill, billing_provider, body_of
from gateway import ADMIN_TOKEN, KEY, RunningGateway
from test_kill import DOLLAR, audit, entries
from tests.postgres import PostgresServer
from typer.testing import CliRunner

from tollway.cli.commands import app

SECRET = "hunter2-correct-horse"
POOR = "a-poor-key-for-tests"
PROMPT = "x" * 200
PATIENCE_S = 20.0


@pytest.fixture
def provider() -> Iterator[str]:
    with billing_provider("--rate", "400") as address:
        yield address


@pytest.fixture
def database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL with a password, which the server does not ask for."""
    monkeypatch.delenv("TOLLWAY_DATABASE_URL", raising=False)
    return postgres_url.replace("tollway@", f"tollway:{SECRET}@")


@pytest.fixture
def gateway(provider: str, database: str, tmp_path: Path) -> Iterator[RunningGateway]:
    """Not started yet."""
    made = RunningGateway(settings(provider), tmp_path, "--database", database, "--log-level", "debug")
    yield made
    made.kill()
    assert SECRET not in "\n".join(made.lines)
    assert "Traceback" not in "\n".join(made.lines)


def settings(provider: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {
        "providers": {"openai": {"base_url": f"{provider}/v1", "api_key": "sk-provider"}},
        "keys": [{"name": "tests", "secret": KEY, "user": "tests"}, {"name": "poor", "secret": POOR, "user": "poor"}],
        "budgets": [{"name": "plenty", "limit": "100", "window": {"period": "total"}}, *more],
    }


def chat(gateway: RunningGateway, identifier: str, *, key: str = KEY, tokens: int = 500) -> Answered:
    body = {"model": "gpt-4o-mini", "max_tokens": tokens, "messages": [{"role": "user", "content": PROMPT}]}
    named = {"x_test_id": identifier, "tollway_metadata": json.dumps({"id": identifier})}
    return call(gateway, "/openai/v1/chat/completions", body, key=key, **named)


def streaming(gateway: RunningGateway, provider: str, identifier: str) -> threading.Thread:
    """A stream of some seconds, of which the provider has billed something."""
    body = {**body_of(random.Random(1)), "stream": True, "max_tokens": 4_000}
    begun = threading.Thread(target=lambda: asyncio.run(ask(gateway.url, KEY, identifier, body)))
    begun.start()
    until(lambda: bill(provider)["by_id"].get(identifier, 0) > 0)
    return begun


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not come to be"
        threading.Event().wait(0.02)


def spent(gateway: RunningGateway, budget: str) -> tuple[int, int]:
    """What is spent of a budget, and held; nanodollars."""
    (found,) = [each for each in gateway.admin("/budgets")["items"] if each["name"] == budget]
    (account,) = found["accounts"]
    return nanodollars(account["spent_usd"]), nanodollars(account["held_usd"])


def nanodollars(text: str) -> int:
    return int(Decimal(text) * DOLLAR)


def tell(*words: str) -> Result:
    """What a command says; nothing of it is the password."""
    done = CliRunner(env={"TOLLWAY_ADMIN_TOKEN": ADMIN_TOKEN, "COLUMNS": "200"}).invoke(app, words)
    assert SECRET not in done.output
    return done


def serve(*words: str) -> "subprocess.CompletedProcess[str]":
    """A gateway that does not come to be."""
    program = [sys.executable, "-m", "tollway", "serve", "--port", "0", *words]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def readable(gateway: RunningGateway) -> Iterator[tuple[str, str]]:
    """Everything that the API tells without being asked for one thing."""
    with urllib.request.urlopen(f"{gateway.url}/api/openapi.json", timeout=30) as answer:
        paths = json.loads(answer.read())["paths"]
    for path, methods in paths.items():
        if "get" in methods and "{" not in path and "/follow" not in path and "/tail" not in path:
            try:
                request = urllib.request.Request(gateway.url + path, headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
                with urllib.request.urlopen(request, timeout=30) as answer:
                    yield path, answer.read().decode()
            except urllib.error.HTTPError as error:
                yield path, error.read().decode()


def test_a_database_keeps_the_books_through_a_kill_and_every_command_reads_them(
    provider: str, database: str, gateway: RunningGateway, tmp_path: Path
) -> None:
    small = {"name": "small", "limit": "0.002", "where": {"user": ["poor"]}, "window": {"period": "total"}}
    gateway.config.write_text(json.dumps(settings(provider, small)))
    gateway.start()
    assert any(line.split() == ["database", database.rpartition("@")[2]] for line in gateway.lines)
    client = openai.OpenAI(base_url=f"{gateway.url}/openai/v1", api_key=KEY, max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4o-mini", max_tokens=50, messages=[{"role": "user", "content": PROMPT}],
        extra_headers={"x-test-id": "sdk", "tollway-metadata": '{"id": "sdk"}'},
    )  # fmt: skip
    assert answer.usage is not None and answer.usage.completion_tokens == 50
    client.close()
    (charged,) = entries(gateway)
    assert nanodollars(charged["amount_usd"]) == bill(provider)["by_id"]["sdk"]

    asked = [chat(gateway, f"poor.{number}", key=POOR, tokens=900) for number in range(6)]
    refused = [each for each in asked if each.status == 429]
    assert refused and asked[0].status == 200
    assert refused[-1].headers["tollway-error"] == "budget_exceeded"
    assert '"small"' in refused[-1].body["error"]["message"]
    poor = sum(owed for name, owed in bill(provider)["by_id"].items() if name.startswith("poor."))
    assert spent(gateway, "small") == (poor, 0)
    assert 0 < poor <= 2_000_000

    own = ("--config", str(gateway.config), "--data", str(tmp_path / "second"))
    second = serve(*own, "--database", database)
    assert second.returncode == 1
    assert "is in use by another Tollway (server process " in second.stderr and "Stop it first" in second.stderr
    assert "is in use by another Tollway" in tell("audit", "--offline", "--database", database).stderr

    before = spent(gateway, "plenty")
    stream = streaming(gateway, provider, "killed")
    gateway.kill()
    stream.join()
    gateway.start()
    by_id = {entry["metadata"]["id"]: entry for entry in entries(gateway)}
    presumed = nanodollars(by_id["killed"]["amount_usd"])
    assert by_id["killed"]["kind"] == "presumed" and presumed >= bill(provider)["by_id"]["killed"]
    assert spent(gateway, "plenty") == (before[0] + presumed, 0)
    assert spent(gateway, "small") == (poor, 0)
    assert chat(gateway, "poor.again", key=POOR, tokens=900).status == 429

    told = dict(readable(gateway))
    assert len(told) > 20
    assert [path for path, said in told.items() if SECRET in said] == []
    assert "every balance equals the sum of its entries and holds" in tell("doctor", "--url", gateway.url).stdout
    assert gateway.stop() == 0
    for words in (
        ("audit", "--offline"),
        ("audit", "verify", "--offline", "--data", str(gateway.data)),
        ("analytics", "verify"),
        ("analytics", "rebuild"),
        ("analytics", "verify"),
    ):
        done = tell(*words, "--database", database)
        assert done.exit_code == 0, (words, done.output)
    # The folder knows where its books are, for those who are told of no database.
    where = database.rpartition("@")[2]
    assert f"are in PostgreSQL, at {where}" in tell("audit", "--offline", "--data", str(gateway.data)).stderr


def test_while_the_server_is_away_nothing_is_sent_and_when_it_is_back_work_goes_on(
    gateway: RunningGateway, provider: str, postgres_server: PostgresServer, postgres_url: str
) -> None:
    gateway.start()
    assert chat(gateway, "before").status == 200
    # What ends between two requests is nobody's failure.
    assert postgres_server.disconnect(postgres_url) > 0
    assert chat(gateway, "between").status == 200

    stream = streaming(gateway, provider, "stream")
    postgres_server.stop(at_once=True)
    for number in range(4):
        refused = chat(gateway, f"away.{number}")
        assert (refused.status, refused.headers["tollway-error"]) == (503, "budget_store_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert "cannot be written now, so nothing was sent" in refused.body["error"]["message"]
    assert status_of(gateway, "/ready") == 503
    assert status_of(gateway, "/health") == 200
    for path in ("/api/v1/logs", "/api/v1/spend", "/api/v1/ledger/entries"):
        assert status_of(gateway, path) == 503, path
    stream.join()
    assert not [name for name in bill(provider)["by_id"] if name.startswith("away.")]
    postgres_server.start()
    until(lambda: status_of(gateway, "/ready") == 200)
    assert chat(gateway, "after").status == 200
    # What was ended for want of a store is counted, in a process apart, and may be booked behind what came later.
    until(lambda: len(entries(gateway)) == 4)
    audit(gateway, provider)
    assert {"before", "between", "stream", "after"} == {entry["metadata"]["id"] for entry in entries(gateway)}
    assert any("the store can be written again" in line for line in gateway.lines)
    assert gateway.stop() == 0


def test_a_gateway_that_is_stopped_while_the_server_is_away_says_what_it_could_not_write(
    gateway: RunningGateway, provider: str, postgres_server: PostgresServer
) -> None:
    gateway.start()
    stream = streaming(gateway, provider, "stream")
    postgres_server.stop(at_once=True)
    stream.join()
    assert gateway.stop() == 1
    assert any("1 ledger entries could not be written before closing" in line for line in gateway.lines)
    postgres_server.start()
    gateway.start()
    # Of what was not written, all is presumed that was held.
    (found,) = entries(gateway)
    assert found["kind"] == "presumed"
    audit(gateway, provider)
    assert gateway.stop() == 0


def test_a_store_that_is_copied_goes_on_where_the_file_was_and_back_again(
    provider: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = RunningGateway(settings(provider), tmp_path)
    try:
        gateway.start()
        assert [chat(gateway, f"file.{number}").status for number in range(3)] == [200] * 3
        before = spent(gateway, "plenty")
        assert gateway.stop() == 0
        copied = tell("store", "copy", "--data", str(gateway.data), "--to", database)
        assert copied.exit_code == 0, copied.output
        monkeypatch.setenv("TOLLWAY_DATABASE_URL", database)
        gateway.start()
        assert spent(gateway, "plenty") == before
        assert [chat(gateway, f"server.{number}").status for number in range(3)] == [200] * 3
        audit(gateway, provider)
        after = spent(gateway, "plenty")
        assert gateway.stop() == 0
        monkeypatch.delenv("TOLLWAY_DATABASE_URL")
        # The file is from before: nobody goes on with it by mistake.
        forgot = serve("--config", str(gateway.config), "--data", str(gateway.data))
        assert (forgot.returncode, "are in PostgreSQL, at" in forgot.stderr) == (1, True)
        (gateway.data / "tollway.db").rename(tmp_path / "before.db")
        back = tell("store", "copy", "--data", str(gateway.data), "--from", database)
        assert back.exit_code == 0, back.output
        gateway.start()
        assert spent(gateway, "plenty") == after
        assert chat(gateway, "file.again").status == 200
        audit(gateway, provider)
        assert len(entries(gateway)) == 7
        assert gateway.stop() == 0
        assert SECRET not in "\n".join(gateway.lines)
    finally:
        gateway.kill()


def status_of(gateway: RunningGateway, path: str) -> int:
    request = urllib.request.Request(gateway.url + path, headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
