"""Bodies in the log of a running gateway: kept where its settings say so, less where a header does, and never a secret."""

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from calling import Answered, call, chat, entries
from gateway import RunningGateway, running
from scripted_provider import ScriptedProvider, Turn, scripted_provider

CANARY = "Zq7canary"
KEY = f"a-gateway-key-{CANARY}-tests"
PROVIDER_KEYS = {"openai": f"sk-openai/{CANARY}+abc", "anthropic": f"sk-ant-{CANARY}-def"}
CHAT, CLAUDE = "gpt-4o-mini", "anthropic/claude-haiku-4-5"


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with scripted_provider() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("logged")
    # References, as the settings are kept with their history.
    for name, secret in {**PROVIDER_KEYS, "tests": KEY}.items():
        (folder / f"{name}.key").write_text(secret)
    settings: dict[str, Any] = {
        "providers": {
            "openai": {"base_url": f"{provider.url}/v1", "api_key": "file:openai.key"},
            "anthropic": {"base_url": provider.url, "api_key": "file:anthropic.key"},
        },
        "keys": [{"name": "tests", "secret": "file:tests.key", "user": "tests@example.com"}],
        "gateways": [{"slug": "default"}, {"slug": "kept", "logs": {"payload": True}}],
        "budgets": [{"name": "all", "limit": "100", "window": {"period": "total"}}],
    }
    with running(settings, folder) as started:
        yield started


def ask(gateway: RunningGateway, said: str, *, model: str = CHAT, slug: str = "kept", **headers: str) -> Answered:
    return chat(gateway, model, key=KEY, said=said, tollway_gateway_id=slug, **headers)


def kept(gateway: RunningGateway, request_id: str) -> dict[str, str]:
    """Part → its text."""
    gateway.logged(request_id)
    found: dict[str, str] = {}
    for which in ("request", "response"):
        answer = gateway.admin(f"/logs/{request_id}/{which}")
        found |= {part: body["content"] for part, body in answer.items() if isinstance(body, dict)}
    return found


def is_logged(gateway: RunningGateway, request_id: str) -> bool:
    """Once a request behind it is there."""
    gateway.logged(ask(gateway, "behind", slug="default").request_id)
    try:
        gateway.admin(f"/logs/{request_id}")
    except urllib.error.HTTPError as error:
        error.close()
        return False
    return True


def test_what_was_asked_in_one_api_sent_in_another_and_returned_is_kept(
    gateway: RunningGateway, provider: ScriptedProvider
) -> None:
    answered = ask(gateway, "How are you?", model=CLAUDE)
    parts = kept(gateway, answered.request_id)
    assert json.loads(parts["asked"])["messages"] == [{"role": "user", "content": "How are you?"}]
    assert json.loads(parts["sent"]) == provider.calls[-1].body and json.loads(parts["sent"])["model"] != CLAUDE
    assert json.loads(parts["returned"]) == answered.body


def test_a_stream_is_kept_as_the_sdk_was_sent_it(gateway: RunningGateway) -> None:
    client = openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=KEY, default_headers={"tollway-gateway-id": "kept"}, max_retries=0
    )
    asked: Any = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50, "stream": True}
    with client, client.chat.completions.with_streaming_response.create(**asked) as answer:
        request_id = answer.headers["tollway-request-id"]
        said = "".join(chunk.choices[0].delta.content or "" for chunk in answer.parse() if chunk.choices)
    returned = kept(gateway, request_id)["returned"]
    events = [line.removeprefix("data: ") for line in returned.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    told = [json.loads(event) for event in events[:-1]]
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in told if one["choices"]) == said != ""


@pytest.mark.parametrize("spelling", ["tollway", "cf-aig"])
def test_headers_have_less_kept_and_the_ledger_has_all_of_it(gateway: RunningGateway, spelling: str) -> None:
    headers = {f"{spelling}-collect-log-payload": "false"}
    without = ask(gateway, "Say it in passing", **headers)
    assert is_logged(gateway, without.request_id) and gateway.admin(f"/logs/{without.request_id}")["bodies"] == []
    none = ask(gateway, "Say it to nobody", **{f"{spelling}-collect-log": "false"})
    assert not is_logged(gateway, none.request_id)
    for answered in (without, none):
        assert [entry["kind"] for entry in entries(gateway, answered.request_id)] == ["charge"]


def test_a_header_does_not_switch_on_what_the_gateway_has_off(gateway: RunningGateway) -> None:
    answered = ask(gateway, "Keep this", slug="default", tollway_collect_log_payload="true")
    assert is_logged(gateway, answered.request_id) and gateway.admin(f"/logs/{answered.request_id}")["bodies"] == []


def test_no_secret_is_in_any_file_of_the_data_folder(gateway: RunningGateway, provider: ScriptedProvider) -> None:
    said = f"These are my keys: {KEY}, {PROVIDER_KEYS['openai']} and {PROVIDER_KEYS['anthropic']}."
    answered = ask(gateway, said)
    stars = json.loads(kept(gateway, answered.request_id)["asked"])["messages"][0]["content"]
    assert stars.startswith("These are my keys: ****") and CANARY not in stars
    provider.script[CHAT].append(Turn(status=401))
    refused = ask(gateway, "Hello again")
    assert refused.status >= 400 and kept(gateway, refused.request_id)["returned"]
    assert gateway.stop() == 0
    for path in sorted(gateway.data.rglob("*")):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path.name
            assert PROVIDER_KEYS["openai"].encode() not in path.read_bytes(), path.name
            assert CANARY.encode() not in path.read_bytes(), path.name
    gateway.start()


def test_feedback_is_given_and_the_request_taken_out(gateway: RunningGateway) -> None:
    answered = ask(gateway, "Was this good?")
    said = call(
        gateway,
        f"/api/v1/logs/{answered.request_id}",
        {"feedback": 1, "score": 0.9},
        key="an-admin-token-for-tests",
        method="PATCH",
    )
    assert said.status == 200
    assert [log["request_id"] for log in gateway.admin("/logs?feedback=1&min_score=0.9")["items"]] == [
        answered.request_id
    ]
    ask(gateway, "The newest stays")
    assert Path(gateway.data / "tollway.bodies.db").stat().st_mode & 0o077 == 0
