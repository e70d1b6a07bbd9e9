"""Every recorded answer of OpenAI, Anthropic and Google through the running gateway: bytes, usage, cost."""

import http.client
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from gateway import KEY, RunningGateway, running
from replay import replaying, rows

FAMILIES = {"openai": "openai", "anthropic": "anthropic", "google-gemini": "google"}
ROWS = [row for row in rows() if row["provider"] in FAMILIES]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with replaying() as upstream:
        settings: dict[str, Any] = {
            "providers": {
                "openai": {"base_url": f"{upstream}/v1", "api_key": "sk-provider"},
                "anthropic": {"base_url": upstream, "api_key": "sk-provider"},
                "google": {"base_url": upstream, "api_key": "sk-provider"},
            },
            "keys": [{"name": "tests", "secret": KEY, "user": "tests@example.com"}],
            "budgets": [
                {
                    "name": "watch",
                    "limit": "1000",
                    "window": {"period": "month"},
                    "mode": "monitor",
                    "on_unpriced": "count",
                }
            ],
        }
        with running(settings, tmp_path_factory.mktemp("replay")) as started:
            yield started


# The provider refused these as well, with the same status; Tollway refuses them itself, so the words are its own.
REFUSED = {"d0219": "max_tokens is -1"}


def call(gateway: RunningGateway, row: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    url = urlsplit(row["url"])
    path = f"/{FAMILIES[row['provider']]}{url.path}" + (f"?{url.query}" if url.query else "")
    body = row["request"] if isinstance(row["request"], str) else json.dumps(row["request"])
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    headers = {
        "authorization": f"Bearer {KEY}",
        "content-type": (row.get("request_headers") or {}).get("content-type", "application/json"),
        "x-replay-id": row["id"],
    }
    connection.request(row["method"], path, body=body.encode(), headers=headers)
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, raw


def recorded(row: dict[str, Any]) -> bytes:
    import base64

    return base64.b64decode(row["response_b64"]) if row.get("response_b64") else (row["response"] or "").encode()


# Our names of the counts that `expected.usage` names.
NAMES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "reasoning": "reasoning_output_tokens",
    "web_searches": "web_searches",
    "input_audio": "input_audio_tokens",
    "input_image": "input_image_tokens",
    "input_video": "input_video_tokens",
    "output_audio": "output_audio_tokens",
    "tool_use_prompt": "tool_use_input_tokens",
}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']}-{row['api']}" for row in ROWS])
def test_a_recorded_answer_passes_byte_for_byte_with_its_usage_and_its_cost(
    gateway: RunningGateway, row: dict[str, Any]
) -> None:
    status, headers, raw = call(gateway, row)
    assert status == row["response_status"], raw
    if row["id"] in REFUSED:
        assert REFUSED[row["id"]] in json.loads(raw)["error"]["message"]
        return
    assert raw == recorded(row)
    logged = gateway.logged(headers["tollway-request-id"])
    expected = row["expected"]
    usage = logged["usage"] or {}
    for theirs, count in (expected.get("usage") or {}).items():
        if theirs in NAMES:
            assert (usage.get(NAMES[theirs]) or 0) == count, f"{theirs}: {usage}"
    charged = logged["charge"]
    if row["response_status"] >= 400:
        assert charged is None
    elif expected.get("basis") == "token counting is free":
        assert charged is None or Decimal(charged["amount_usd"]) == 0
    elif expected.get("confidence") == "high":
        assert Decimal(charged["amount_usd"]) == Decimal(str(expected["cost_usd"])), charged


def test_an_unpriced_answer_is_told_apart_from_a_free_one(gateway: RunningGateway) -> None:
    if not ROWS:
        pytest.skip("no recorded responses")
    row = next(row for row in ROWS if row["api"] == "images.generations")
    _, headers, _ = call(gateway, row)
    assert gateway.logged(headers["tollway-request-id"])["charge"] is None
    assert gateway.admin("/spend")["total"]["unpriced"] >= 1
