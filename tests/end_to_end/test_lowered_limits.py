"""A limit that is lowered while a stream is under way ends it, by the number that is shown."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from billing_provider import OUTPUT_PER_TOKEN
from crowd import bill, billing_provider
from gateway import ADMIN_TOKEN, KEY, RunningGateway

LEAST_TOKENS = 6_000
SETTINGS = """\
providers:
  openai: {{base_url: "{url}/v1", api_key: "sk-provider"}}
keys:
  - {{name: alice, secret: "file:alice.key", user: alice}}
budgets:
  - {{name: team, limit: "20", window: {{period: month}}}}
"""
CHUNK = b'"content": "word'


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> Iterator[str]:
    """A provider that makes so many tokens a second."""
    with billing_provider("--rate", str(request.param), "--longer", str(LEAST_TOKENS)) as url:
        yield url


@pytest.fixture
def gateway(provider: str, tmp_path: Path) -> Iterator[RunningGateway]:
    (tmp_path / "alice.key").write_text(KEY)
    made = RunningGateway({}, tmp_path)
    made.config.write_text(SETTINGS.format(url=provider))
    try:
        made.start()
        # The control plane is built when it is first asked for, which takes a while.
        made.admin("/budgets")
        yield made
    finally:
        made.kill()


def admin(gateway: RunningGateway, method: str, path: str, body: Any) -> Any:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/api/v1{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def stream(gateway: RunningGateway, edit: tuple[str, Any] | None) -> tuple[str, list[str]]:
    """(request id, lines) of a stream; the budget is edited once its first words are there."""
    body = {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Tell me all of it"}],
        "max_tokens": 12_000,
        "stream": True,
    }
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", json.dumps(body).encode(), headers)
    lines: list[str] = []
    with urllib.request.urlopen(request, timeout=30) as answer:
        for line in answer:
            lines.append(line.decode().strip())
            if edit is not None and CHUNK in line:
                admin(gateway, "PATCH", f"/budgets/{edit[0]}", edit[1])
                edit = None
        return answer.headers["tollway-request-id"], [line for line in lines if line]


@pytest.mark.parametrize("provider", [400], indirect=True)
def test_a_limit_that_is_lowered_ends_the_stream_that_is_under_way(gateway: RunningGateway, provider: str) -> None:
    request_id, cut = stream(gateway, ("team", {"limit": "0.000001"}))
    error = json.loads(cut[-1].removeprefix("data: "))["error"]
    assert error["code"] == "budget_exceeded", cut[-3:]
    assert 'budget "team"' in error["message"]
    assert "of $0.000001" in error["message"]
    # It was ended while it still cost less than was held for it, long before its end.
    booked = gateway.logged(request_id)
    assert booked["code"] == "budget_exceeded"
    (account,) = gateway.admin("/budgets/team")["accounts"]
    assert account["limit_usd"] == "0.000001"
    assert account["spent_usd"] == booked["amount_usd"]
    assert 0 < bill(provider)["total"] * 2 < LEAST_TOKENS * OUTPUT_PER_TOKEN
    assert gateway.admin("/status?verify=true")["store"]["differences"] == []


@pytest.mark.parametrize("provider", [2_000], indirect=True)
def test_a_limit_that_is_raised_lets_the_stream_go_on(gateway: RunningGateway) -> None:
    # Enough for the first of it, which is held at once, and not for the rest.
    admin(gateway, "PATCH", "/budgets/team", {"limit": "0.003"})
    _, lines = stream(gateway, ("team", {"limit": "20"}))
    assert lines[-1] == "data: [DONE]"
    assert '"finish_reason": "stop"' in lines[-2], "it was not given a smaller cap either"
