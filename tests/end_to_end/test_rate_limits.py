"""Rate limits against a running gateway: who has to wait, what everybody is told of it, and that an SDK waits as it is told."""

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from calling import Answered, administer, call, chat, spent
from gateway import KEY, RunningGateway, running
from scripted_provider import ScriptedProvider, Turn, scripted_provider

ANN, BOB, CAT, DAN, EVE = (f"a-gateway-key-of-{name}-for-tests" for name in ("ann", "bob", "cat", "dan", "eve"))


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with scripted_provider() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    names = {"ann": ANN, "bob": BOB, "cat": CAT, "dan": DAN, "eve": EVE, "tests": KEY}
    settings: dict[str, Any] = {
        "providers": {"openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-openai"}},
        "keys": [{"name": name, "secret": key, "user": f"{name}@example.com"} for name, key in names.items()],
        "gateways": [
            {"slug": "default"},
            {"slug": "cloudflares", "rate_limiting_limit": 2, "rate_limiting_interval": 3600},
        ],
        "rate_limits": [
            {
                "name": "each person", "split_by": ["user"], "requests": 3, "window_s": 2, "technique": "sliding",
                "where": {"model": "*/gpt-4o-mini"}, "gateway": "default",
            },
            {
                "name": "tokens", "split_by": ["user"], "tokens": 400, "window_s": 3600,
                "where": {"model": "*/gpt-4.1-mini"},
            },
            {"name": "few", "requests": 1, "window_s": 3600, "where": {"model": "*/gpt-4.1-nano"}},
            {"name": "some", "requests": 5, "window_s": 60, "where": {"model": "*/gpt-4.1-nano"}},
            {"name": "watched", "requests": 1, "window_s": 3600, "where": {"model": "*/gpt-4o"}, "mode": "monitor"},
            {"name": "slow", "split_by": ["user"], "requests": 1, "window_s": 2, "where": {"model": "*/gpt-4-turbo"}},
            {"name": "tried once", "requests": 3, "window_s": 3600, "where": {"model": "*/gpt-3.5-turbo"}},
        ],
        "budgets": [{"name": "all", "limit": "100", "window": {"period": "total"}}],
    }  # fmt: skip
    with running(settings, tmp_path_factory.mktemp("rates")) as started:
        yield started


def left(answer: Answered, name: str) -> int:
    """What is left of a limit, as the answer says."""
    (one,) = [part for part in answer.headers["ratelimit"].split(", ") if part.startswith(f'"{name}"')]
    return int(one.split(";r=")[1].split(";")[0])


def test_each_person_has_a_sliding_window_of_its_own(gateway: RunningGateway) -> None:
    answers = [chat(gateway, "gpt-4o-mini", key=ANN) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [left(answer, "each person") for answer in answers] == [2, 1, 0, 0]
    assert answers[0].headers["ratelimit-policy"] == '"each person";q=3;w=2'
    refused = answers[3]
    assert refused.headers["tollway-error"] == "rate_limited"
    assert refused.headers["x-should-retry"] == "true"
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert '"each person"' in refused.body["error"]["message"]
    assert chat(gateway, "gpt-4o-mini", key=BOB).status == 200
    logged = gateway.logged(refused.request_id)
    assert (logged["status"], logged["code"], logged["user"]) == (429, "rate_limited", "ann@example.com")


def test_the_sdk_waits_as_it_is_told_and_then_is_served(gateway: RunningGateway, provider: ScriptedProvider) -> None:
    before = len(provider.calls)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CAT, max_retries=2) as client:
        begun = time.monotonic()
        for _ in range(2):
            client.chat.completions.create(
                model="gpt-4-turbo", messages=[{"role": "user", "content": "hi"}], max_tokens=20
            )
        took = time.monotonic() - begun
    assert 0.9 < took < 8
    assert len(provider.calls) - before == 2, "nothing was sent that was refused"
    refused = gateway.admin("/logs?user=cat@example.com&code=rate_limited")["items"]
    assert 1 <= len(refused) <= 2


def test_tokens_are_counted_as_expected_and_put_right(gateway: RunningGateway, provider: ScriptedProvider) -> None:
    first = chat(gateway, "gpt-4.1-mini", key=DAN)
    assert first.status == 200
    # It expects the 50 tokens of its cap besides its body, and used 30.
    expected = 400 - left(first, "tokens")
    assert expected > 50
    second = chat(gateway, "gpt-4.1-mini", key=DAN)
    assert left(second, "tokens") == 400 - 30 - expected
    assert 'tollway-unit="tokens"' in second.headers["ratelimit-policy"]
    provider.fail("gpt-4.1-mini", Turn(input_tokens=10, output_tokens=2_000))
    # More than was expected counts too, so the next one waits.
    assert chat(gateway, "gpt-4.1-mini", key=DAN).status == 200
    refused = chat(gateway, "gpt-4.1-mini", key=DAN)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 60
    assert chat(gateway, "gpt-4.1-mini", key=EVE).status == 200


def test_what_never_fits_is_not_to_be_tried_again(gateway: RunningGateway) -> None:
    answer = chat(gateway, "gpt-4.1-mini", key=BOB, said="word " * 2_000)
    assert answer.status == 422
    assert answer.headers["tollway-error"] == "rate_unreachable"
    assert "retry-after" not in answer.headers
    assert answer.headers["x-should-retry"] == "false"


def test_of_two_limits_the_one_that_is_reached_says_its_name(gateway: RunningGateway) -> None:
    first = chat(gateway, "gpt-4.1-nano")
    assert first.headers["ratelimit"].startswith('"few";r=0'), "the tightest comes first"
    assert left(first, "some") == 4
    refused = chat(gateway, "gpt-4.1-nano")
    assert refused.status == 429
    assert '"few"' in refused.body["error"]["message"]
    # A refused one is counted in none.
    assert left(refused, "some") == 4


def test_a_limit_that_is_only_watched_refuses_nothing_and_is_noted(gateway: RunningGateway) -> None:
    answers = [chat(gateway, "gpt-4o") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    notes = gateway.logged(answers[1].request_id)["decisions"]
    assert [note["rule"] for note in notes if note["code"] == "would_refuse"] == ["watched"]


def test_cloudflares_three_fields_limit_the_whole_gateway(gateway: RunningGateway) -> None:
    asked = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
    path = "/v1/an-account/cloudflares/compat/chat/completions"
    answers = [call(gateway, path, asked, key=key) for key in (ANN, BOB, EVE)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["tollway-error"] == "rate_limited"


def test_tries_of_one_request_count_once(gateway: RunningGateway, provider: ScriptedProvider) -> None:
    provider.fail("gpt-3.5-turbo", Turn(status=500), Turn(status=500))
    answer = chat(gateway, "gpt-3.5-turbo", tollway_max_attempts="3", tollway_retry_delay="0")
    assert answer.status == 200
    assert left(answer, "tried once") == 2


def test_a_refused_request_holds_and_costs_nothing(gateway: RunningGateway) -> None:
    chat(gateway, "gpt-4.1-nano")
    before = spent(gateway, "all")
    for _ in range(5):
        assert chat(gateway, "gpt-4.1-nano").status == 429
    assert spent(gateway, "all") == before
    assert gateway.admin("/status?verify=true")["open_reservations"] == 0


def test_a_limit_that_is_raised_by_the_api_is_in_force_with_the_next_request(
    provider: ScriptedProvider, tmp_path: Any
) -> None:
    gateway = RunningGateway({}, tmp_path)
    gateway.config.write_text(
        f"providers:\n  openai: {{base_url: '{provider.url}/v1', api_key: sk-openai}}\n"
        f"keys:\n  - {{name: tests, secret: {KEY}}}\n"
        "rate_limits:\n  - name: all of us  # together\n    requests: 1\n    window_s: 3600\n"
    )
    try:
        gateway.start()
        assert [chat(gateway, "gpt-4o-mini").status for _ in range(2)] == [200, 429]
        (limit,) = gateway.admin("/rate-limits")["items"]
        administer(gateway, "PATCH", f"/rate-limits/{limit['id']}", {"requests": 2})
        assert [chat(gateway, "gpt-4o-mini").status for _ in range(2)] == [200, 429]
        assert "# together" in gateway.config.read_text()
        administer(gateway, "DELETE", f"/rate-limits/{limit['id']}")
        assert chat(gateway, "gpt-4o-mini").status == 200
    finally:
        gateway.kill()
