"""A policy's limit that is edited while a stream is under way is the one that the stream is judged by."""

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
policies:
  - {{name: each, actor: "user:{{cf.user.id}}", action: {{type: limit, amount: "{amount}", period: monthly}}}}
  - name: leads
    actor: "user:{{cf.user.id}}"
    condition: '"leads" in cf.user.groups'
    action: {{type: limit, amount: "30", period: monthly}}
"""
CHUNK = b'"content": "word'


@pytest.fixture
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RunningGateway, str]]:
    """Before a provider that makes so many tokens a second; with so much money for each person."""
    rate, amount = request.param
    (tmp_path / "alice.key").write_text(KEY)
    made = RunningGateway({}, tmp_path)
    with billing_provider("--rate", str(rate), "--longer", str(LEAST_TOKENS)) as url:
        made.config.write_text(SETTINGS.format(url=url, amount=amount))
        try:
            made.start()
            # The control plane is built when it is first asked for, which takes a while.
            made.admin("/budgets")
            yield made, url
        finally:
            made.kill()


def admin(gateway: RunningGateway, method: str, path: str, body: Any) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/api/v1{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def stream(gateway: RunningGateway, amount: str) -> tuple[str, list[str]]:
    """(request id, lines) of a stream; the policy is edited once its first words are there."""
    body = {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Tell me all of it"}],
        "max_tokens": 12_000,
        "stream": True,
    }
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", json.dumps(body).encode(), headers)
    lines: list[str] = []
    edited = False
    with urllib.request.urlopen(request, timeout=30) as answer:
        for line in answer:
            lines.append(line.decode().strip())
            if not edited and CHUNK in line:
                action = {"type": "limit", "amount": amount, "period": "monthly"}
                admin(gateway, "PUT", "/policies/each?commit=true", {"action": action})
                edited = True
        return answer.headers["tollway-request-id"], [line for line in lines if line]


@pytest.mark.parametrize("gateway", [(400, "20")], indirect=True)
def test_a_limit_that_is_lowered_ends_the_stream_that_is_under_way(gateway: tuple[RunningGateway, str]) -> None:
    running, url = gateway
    request_id, cut = stream(running, "0.000001")
    error = json.loads(cut[-1].removeprefix("data: "))["error"]
    assert error["code"] == "budget_exceeded", cut[-3:]
    assert 'policy "each"' in error["message"] and "of $0.000001" in error["message"]
    booked = running.logged(request_id)
    assert booked["code"] == "budget_exceeded"
    assert 0 < bill(url)["total"] * 2 < LEAST_TOKENS * OUTPUT_PER_TOKEN
    assert running.admin("/status?verify=true")["store"]["differences"] == []


@pytest.mark.parametrize("gateway", [(2_000, "0.003")], indirect=True)
def test_a_limit_that_is_raised_lets_the_stream_go_on(gateway: tuple[RunningGateway, str]) -> None:
    _, lines = stream(gateway[0], "20")
    assert lines[-1] == "data: [DONE]"
    assert '"finish_reason": "stop"' in lines[-2], "it was not given a smaller cap either"
