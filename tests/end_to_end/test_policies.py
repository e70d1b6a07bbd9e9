"""Policies seen through the official SDKs: 403 and 429 in each one's own words, and what is permitted passes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import KEY, RunningGateway, running
from replay import replaying, rows

ROWS = {row["id"]: row for row in rows()}
CHAT, CHAT_STREAM, MESSAGES, GEMINI = "d0212", "d0217", "d0015", "d0128"
CONTRACTOR, BROKE, SERVICE, STRANGER = (
    f"a-key-of-{who}-for-tests" for who in ("contractor", "broke", "ci", "stranger")
)
KEYS = [
    {"name": "tests", "secret": KEY, "user": "tests@example.com", "groups": ["engineering"]},
    {"name": "contractor", "secret": CONTRACTOR, "user": "con@example.org", "groups": ["contractors"]},
    {"name": "broke", "secret": BROKE, "user": "broke@example.com", "groups": ["engineering"]},
    {"name": "ci", "secret": SERVICE, "service": "nightly-ci", "models": ["openai/*"]},
    {"name": "stranger", "secret": STRANGER, "user": "stranger@example.net"},
]
POLICIES = [
    {
        "name": "each employee",
        "actor": "user:{cf.user.id}",
        "condition": '"engineering" in cf.user.groups && cf.user.email.endsWith("@example.com")',
        "action": {"type": "limit", "amount": 100, "period": "monthly", "technique": "named-interval"},
    },
    {
        "name": "almost nothing",
        "actor": "broke:{cf.user.id}",
        "condition": 'cf.user.id == "broke@example.com"',
        "action": {"type": "limit", "amount": "0.000000001", "period": "day", "timezone": "Europe/Berlin"},
    },
    {"name": "services", "actor": "service:{service}", "condition": 'cf.service == "nightly-ci"', "action": {"type": "no-limit"}},
    {"name": "contractors", "condition": '"contractors" in groups', "action": {"type": "no-limit"}},
    {
        "name": "no frontier models for contractors",
        "resource": {"provider": ["anthropic", "google"]},
        "condition": '"contractors" in cf.user.groups',
        "action": {"type": "block"},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with replaying() as upstream:
        providers = {
            "openai": {"base_url": f"{upstream}/v1", "api_key": "sk-provider"},
            "anthropic": {"base_url": upstream, "api_key": "sk-provider"},
            "google": {"base_url": upstream, "api_key": "sk-provider"},
        }
        folder: Path = tmp_path_factory.mktemp("policies")
        with running({"providers": providers, "keys": KEYS, "policies": POLICIES}, folder) as started:
            yield started


def asked(identifier: str) -> dict[str, Any]:
    body = dict(ROWS[identifier]["request"])
    body.pop("stream", None)
    return body


def chat(gateway: RunningGateway, key: str, **more: Any) -> Any:
    import openai

    body = asked(CHAT)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        return client.chat.completions.with_raw_response.create(
            model=body["model"], messages=body["messages"], extra_headers={"x-replay-id": CHAT}, **more
        )


def messages(gateway: RunningGateway, key: str) -> Any:
    import anthropic

    body = asked(MESSAGES)
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        return client.messages.create(**body, extra_headers={"x-replay-id": MESSAGES})


def test_what_a_policy_permits_passes_and_is_counted_in_its_bucket(gateway: RunningGateway) -> None:
    answer = chat(gateway, KEY)
    assert answer.parse().usage.total_tokens == 124
    assert answer.headers["tollway-budget"] == "each employee"
    (listed,) = [one for one in gateway.admin("/budgets")["items"] if one["name"] == "each employee"]
    (account,) = [one for one in listed["accounts"] if one["values"] == {"actor": "user:tests@example.com"}]
    assert account["spent_usd"] == answer.headers["tollway-cost-usd"]
    assert messages(gateway, KEY).content


def test_openais_sdk_gets_403_of_what_no_policy_permits(gateway: RunningGateway) -> None:
    import openai

    with pytest.raises(openai.PermissionDeniedError) as refused:
        chat(gateway, STRANGER)
    assert refused.value.code == "policy_denied" and "No policy allows" in str(refused.value)
    body = asked(CHAT)
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=STRANGER, max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        client.chat.completions.create(model=body["model"], messages=body["messages"], stream=True)


def test_anthropics_sdk_gets_403_of_a_block(gateway: RunningGateway) -> None:
    import anthropic

    assert chat(gateway, CONTRACTOR).status_code == 200
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        messages(gateway, CONTRACTOR)
    error: Any = refused.value.body
    assert error["error"]["type"] == "permission_error"
    assert error["error"]["tollway"]["policy"] == "no frontier models for contractors"


def test_googles_sdk_gets_403_of_a_block(gateway: RunningGateway) -> None:
    from google import genai
    from google.genai import errors, types

    options = types.HttpOptions(base_url=gateway.url, api_version="v1beta")
    client = genai.Client(api_key=CONTRACTOR, http_options=options)
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert refused.value.code == 403 and refused.value.status == "PERMISSION_DENIED"
    client.close()


def test_a_spent_bucket_is_429_with_its_policy_and_its_reset(gateway: RunningGateway) -> None:
    import openai

    with pytest.raises(openai.RateLimitError) as refused:
        chat(gateway, BROKE)
    error: Any = refused.value.body
    assert (error["code"], error["tollway"]["policy"]) == ("budget_exceeded", "almost nothing")
    assert error["tollway"]["bucket"] == "broke:broke@example.com"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert int(refused.value.response.headers["retry-after"]) > 0


def test_a_service_is_an_actor_and_its_key_is_for_its_models_alone(gateway: RunningGateway) -> None:
    import anthropic
    import openai

    assert chat(gateway, SERVICE).status_code == 200
    with pytest.raises(anthropic.PermissionDeniedError, match="it may use: openai/"):
        messages(gateway, SERVICE)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SERVICE) as client:
        listed = [model.id for model in client.models.list()]
    assert listed and all(name.startswith("openai/") for name in listed)


def test_every_refusal_is_in_the_log_with_its_rule(gateway: RunningGateway) -> None:
    import openai

    with pytest.raises(openai.PermissionDeniedError):
        chat(gateway, STRANGER)
    found = gateway.admin("/logs?code=policy_denied&user=stranger@example.net")["items"]
    assert found and found[0]["status"] == 403
