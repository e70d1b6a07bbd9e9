"""A provider with its own bill and a gateway that may die, and how the two books are compared."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from gateway import KEY, RunningGateway

DOLLAR = 1_000_000_000
Kind = Literal["plain", "metered", "unmetered", "shrinking"]
SLUGS = {"plain": "openai", "metered": "openai", "unmetered": "lasting", "shrinking": "anthropic"}


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """The address of provider_with_bill.py in a process of its own."""
    program = Path(__file__).with_name("provider_with_bill.py")
    process = subprocess.Popen([sys.executable, "-u", str(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def bill(address: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"{address}/bill", timeout=30) as answer:
        return json.loads(answer.read())


def settings(address: str, *more: dict[str, Any]) -> dict[str, Any]:
    """Settings with one budget that is never reached, and `more` budgets."""
    return {
        "providers": {
            "openai": {"base_url": f"{address}/v1", "api_key": "sk-provider"},
            "anthropic": {"base_url": address, "api_key": "sk-provider"},
            # It says of itself that it bills on: nothing of it is metered, the whole is held.
            "lasting": {"api": "openai", "prices": "openai", "base_url": f"{address}/v1", "api_key": "sk-provider",
                        "bills_after_disconnect": True},
        },
        "keys": [{"name": "tests", "secret": KEY, "user": "tests"}],
        "budgets": [{"name": "plenty", "limit": "100000", "window": {"period": "total"}}, *more],
    }  # fmt: skip


def ask(
    gateway: RunningGateway, kind: Kind, identifier: str, tokens: int = 900, *, pause_s: float = 0.002
) -> tuple[int, bytes]:
    """One request of a kind: its status and what came of the body; status 0 where the gateway died before answering."""
    where = urlsplit(gateway.url)
    slug = SLUGS[kind]
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": "x" * 300}],
        "max_tokens": 4000 if kind == "shrinking" else 16_000,
    }
    body["model"] = "claude-3-haiku-20240307" if slug == "anthropic" else "gpt-4o-mini"
    body["stream"] = kind != "plain"
    path = "/anthropic/v1/messages" if slug == "anthropic" else f"/{slug}/v1/chat/completions"
    headers = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "tollway-metadata": json.dumps({"id": identifier}),
        "x-test-id": identifier,
        "x-test-tokens": str(tokens),
        "x-test-pause-s": str(pause_s),
    }
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    status, came = 0, b""
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        status = answer.status
        while piece := answer.read1(65536):
            came += piece
    except (http.client.HTTPException, ConnectionError):
        pass
    finally:
        connection.close()
    return status, came


@contextlib.contextmanager
def failing(points: str) -> Iterator[None]:
    """Processes that are started meanwhile have these failpoints."""
    os.environ["TOLLWAY_FAILPOINTS"] = points
    try:
        yield
    finally:
        del os.environ["TOLLWAY_FAILPOINTS"]


def entries(gateway: RunningGateway) -> list[Any]:
    """The whole ledger, openings aside, newest first."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = gateway.admin(f"/ledger/entries?limit=500{cursor}")
        found += [each for each in page["items"] if each["kind"] != "opening"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def amount(entry: Any) -> int:
    return int(Decimal(entry["amount_usd"]) * DOLLAR)


def assert_books_balance(gateway: RunningGateway) -> None:
    """Entries, balances and counters are one, and nothing is held."""
    status = gateway.admin("/status?verify=true")
    assert status["store"]["verified"] and status["store"]["differences"] == []
    assert status["open_reservations"] == 0
    total = sum(amount(each) for each in entries(gateway))
    for budget in gateway.admin("/budgets")["items"]:
        accounts = budget["accounts"]
        assert sum(int(Decimal(each["spent_usd"]) * DOLLAR) for each in accounts) == total, budget["name"]
        assert all(Decimal(each["held_usd"]) == 0 for each in accounts)
