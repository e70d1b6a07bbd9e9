"""Cloudflare's universal endpoint against a running gateway: an array of calls, of which the first that answers is wanted."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from calling import call, entries, nanodollars, spent
from gateway import KEY, RunningGateway, running
from scripted_provider import ScriptedProvider, Turn, scripted_provider

OWN = "a-gateway-key-with-own-provider-keys"
CAP = {"max_tokens": 50}


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with scripted_provider() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    settings: dict[str, Any] = {
        "providers": {
            "openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-openai"},
            "anthropic": {"base_url": provider.url, "api_key": "sk-anthropic"},
            "groq": {"base_url": f"{provider.url}/v1", "api_key": "sk-groq"},
            "workers-ai": {"base_url": f"{provider.url}/accounts/a/ai", "api_key": "cf-token"},
            "custom-lab": {"api": "openai", "base_url": f"{provider.url}/v1", "api_key": "sk-lab", "free": True},
        },
        "keys": [{"name": "tests", "secret": KEY, "user": "tests@example.com"}],
        "gateways": [
            {"slug": "default", "cache": {"ttl_s": 3600}},
            {"slug": "open", "authentication": "none", "provider_keys": "caller"},
            {"slug": "patient", "retry": {"max_attempts": 3, "delay_ms": 0}},
        ],
        "routes": [
            {
                "name": "both",
                "targets": [{"model": "openai/gpt-4.1"}, {"model": "openai/gpt-4.1-mini"}],
                "order": "in_order",
            }
        ],
        "budgets": [{"name": "all", "limit": "100", "window": {"period": "total"}}],
    }
    with running(settings, tmp_path_factory.mktemp("universal")) as started:
        yield started


@pytest.fixture(autouse=True)
def told_nothing(provider: ScriptedProvider) -> None:
    provider.clear()


def step(provider: str = "openai", model: str = "gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    query = {"model": model, "messages": [{"role": "user", "content": fields.pop("said", "hi")}], **CAP}
    query |= fields.pop("query", {})
    return {"provider": provider, "endpoint": "chat/completions", "headers": {}, "query": query, **fields}


CLOUDFLARES = [
    {
        "provider": "workers-ai",
        "endpoint": "@cf/meta/llama-3.1-8b-instruct",
        "headers": {"Authorization": "Bearer {cloudflare_token}", "Content-Type": "application/json"},
        "query": {"messages": [{"role": "system", "content": "You are a friendly assistant"}]},
    },
    {
        "provider": "openai",
        "endpoint": "chat/completions",
        "headers": {"Authorization": "Bearer {open_ai_token}", "Content-Type": "application/json"},
        "query": {
            "model": "gpt-4o-mini",
            "stream": False,
            "messages": [{"role": "user", "content": "What is Cloudflare?"}],
        },
    },
]


class TestAnswers:
    def test_the_documented_example_of_two_steps(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        # A call of Workers AI has no model in its body.
        provider.fail("", Turn(status=500))
        answer = call(gateway, "/v1/an-account/default", CLOUDFLARES)
        assert answer.status == 200, answer.raw
        assert answer.headers["tollway-step"] == "1"
        assert answer.headers["tollway-provider"] == "openai"
        assert [one.path for one in provider.calls] == [
            "/accounts/a/ai/run/@cf/meta/llama-3.1-8b-instruct",
            "/v1/chat/completions",
        ]
        assert [one.headers["authorization"] for one in provider.calls] == ["Bearer cf-token", "Bearer sk-openai"]

    def test_cloudflares_headers_are_answered_in_its_spelling(self, gateway: RunningGateway) -> None:
        headers = {"authorization": "", "cf_aig_authorization": f"Bearer {KEY}"}
        answer = call(gateway, "/v1/an-account/default", [step()], **headers)
        assert answer.status == 200
        assert answer.headers["cf-aig-step"] == "0"
        assert answer.headers["cf-aig-model"] == "gpt-4o-mini"

    def test_a_trailing_slash_is_the_same_place(self, gateway: RunningGateway) -> None:
        assert call(gateway, "/v1/an-account/default/", [step()]).status == 200

    def test_an_anthropic_step_has_anthropics_answer(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        query = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
        headers = {"x-api-key": "{anthropic_token}", "anthropic-version": "2023-06-01"}
        steps = [{"provider": "anthropic", "endpoint": "v1/messages", "headers": headers, "query": query}]
        answer = call(gateway, "/v1/an-account/default", steps)
        assert answer.status == 200, answer.raw
        assert answer.body["type"] == "message"
        assert provider.calls[0].headers["x-api-key"] == "sk-anthropic"
        assert provider.calls[0].headers["anthropic-version"] == "2023-06-01"

    def test_a_provider_of_ones_own_is_a_step(self, gateway: RunningGateway) -> None:
        answer = call(gateway, "/v1/an-account/default", [step("custom-lab", "llama-9")])
        assert answer.status == 200
        assert answer.headers["tollway-provider"] == "custom-lab"

    def test_a_stream_is_passed_on_as_a_stream(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail("gpt-4o", Turn(status=500))
        steps = [step(model="gpt-4o", query={"stream": True}), step(query={"stream": True})]
        answer = call(gateway, "/v1/an-account/default", steps)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["tollway-step"] == "1"
        assert answer.raw.endswith(b"data: [DONE]\n\n")
        logged = gateway.logged(answer.request_id)
        assert logged["usage"]["output_tokens"] == 20

    def test_a_dynamic_route_is_a_step(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail("gpt-4.1", Turn(status=500), Turn(status=500))
        provider.fail("gpt-4.1-mini", Turn(status=500))
        body = [step("compat", "dynamic/both", said="a route"), step(said="a route")]
        answer = call(gateway, "/v1/an-account/default", body)
        assert answer.status == 200, answer.raw
        assert (answer.headers["tollway-step"], answer.headers["tollway-model"]) == ("1", "gpt-4o-mini")
        assert provider.models() == ["gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini"]
        numbers = [attempt["number"] for attempt in gateway.logged(answer.request_id)["attempts"]]
        assert numbers == sorted(set(numbers))
        answer = call(gateway, "/v1/an-account/default", body, tollway_skip_cache="true")
        assert (answer.headers["tollway-step"], answer.headers["tollway-model"]) == ("0", "gpt-4.1-mini")

    def test_a_repeat_of_the_whole_array_is_answered_once(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        body = [step(model="gpt-4o", said="once"), step(said="once")]
        provider.fail("gpt-4o", Turn(status=500))
        first, again = (
            call(gateway, "/v1/an-account/default", body, idempotency_key="an-array", tollway_cache_ttl="0")
            for _ in range(2)
        )
        assert again.headers["tollway-idempotent-replayed"] == "true"
        assert (again.raw, len(provider.calls)) == (first.raw, 2)


class TestFallingBack:
    @pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
    def test_an_error_leads_to_the_next_step(
        self, gateway: RunningGateway, provider: ScriptedProvider, status: int
    ) -> None:
        provider.fail("gpt-4o", Turn(status=status))
        answer = call(gateway, "/v1/an-account/default", [step(model="gpt-4o"), step()], tollway_skip_cache="true")
        assert answer.status == 200
        assert answer.headers["tollway-step"] == "1"
        assert provider.models() == ["gpt-4o", "gpt-4o-mini"]

    def test_each_step_is_held_and_billed_by_itself(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        before = spent(gateway, "all")
        # The first is cut in the middle of its answer, so it may have been billed.
        provider.fail("gpt-4o", Turn(cut=True))
        answer = call(gateway, "/v1/an-account/default", [step(model="gpt-4o", said="cut"), step(said="cut")])
        assert answer.status == 200, answer.raw
        logged = gateway.logged(answer.request_id)
        assert [attempt["outcome"] for attempt in logged["attempts"]] == ["broken_off", "answered"]
        booked = entries(gateway, answer.request_id)
        assert [entry["attempt"] for entry in booked] == [1, 2]
        assert [entry["model"] for entry in booked] == ["gpt-4o", "gpt-4o-mini"]
        amounts = [entry["amount_usd"] for entry in booked]
        # 10 tokens at $0.15 and 20 at $0.60 a million.
        assert amounts[1] == "0.0000135"
        assert spent(gateway, "all") - before == sum(map(nanodollars, amounts))
        assert gateway.admin("/status?verify=true")["open_reservations"] == 0

    def test_a_step_that_takes_too_long_leads_to_the_next(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        provider.fail("gpt-4o", Turn(silent=True))
        steps = [step(model="gpt-4o", config={"requestTimeout": 300}), step(said="late")]
        begun = time.monotonic()
        answer = call(gateway, "/v1/an-account/default", steps)
        assert answer.status == 200
        assert answer.headers["tollway-step"] == "1"
        assert 0.25 < time.monotonic() - begun < 5
        # It was sent, and nobody knows what it did.
        kinds = [entry["kind"] for entry in entries(gateway, answer.request_id)]
        assert kinds == ["presumed", "charge"]

    def test_retries_finish_before_the_next_step(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail("gpt-4o", Turn(status=503), Turn(status=503))
        config = {"maxAttempts": 3, "retryDelay": 10, "backoff": "linear"}
        answer = call(gateway, "/v1/an-account/default", [step(model="gpt-4o", said="thrice", config=config), step()])
        assert provider.models() == ["gpt-4o"] * 3
        assert answer.headers["tollway-step"] == "0"
        assert [attempt["number"] for attempt in gateway.logged(answer.request_id)["attempts"]] == [1, 2, 3]
        provider.fail("gpt-4o", *[Turn(status=503)] * 3)
        steps = [step(model="gpt-4o", said="often", config=config), step(said="often")]
        assert call(gateway, "/v1/an-account/default", steps).headers["tollway-step"] == "1"

    def test_where_no_step_answers_the_last_error_is_passed_on(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        provider.fail("gpt-4o", Turn(status=500))
        provider.fail("gpt-4o-mini", Turn(status=418))
        answer = call(gateway, "/v1/an-account/default", [step(model="gpt-4o", said="no"), step(said="no")])
        assert answer.status == 418
        assert answer.body["error"]["message"] == "scripted 418"
        assert answer.headers["tollway-step"] == "1"


class TestWhoSaysWhat:
    def test_a_steps_header_beats_the_requests(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        body = [step(said="said by headers", headers={"cf-aig-cache-ttl": "0"})]
        for _ in range(2):
            answer = call(gateway, "/v1/an-account/default", body, cf_aig_cache_ttl="3600")
            assert answer.headers.get("cf-aig-cache-status") != "HIT"
        assert len(provider.calls) == 2

    def test_the_requests_header_beats_the_gateways_setting(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        body = [step(said="beats the gateway")]
        first = call(gateway, "/v1/an-account/default", body)
        again = call(gateway, "/v1/an-account/default", body)
        anew = call(gateway, "/v1/an-account/default", body, tollway_cache_ttl="0")
        assert [one.headers.get("tollway-cache-status") for one in (first, again)] == ["MISS", "HIT"]
        assert anew.headers.get("tollway-cache-status") != "HIT"
        assert len(provider.calls) == 2

    def test_a_step_may_switch_off_what_the_request_switches_on(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        body = [step(said="switched off", headers={"tollway-skip-cache": "false"})]
        call(gateway, "/v1/an-account/default", body)
        again = call(gateway, "/v1/an-account/default", body, tollway_skip_cache="true")
        assert again.headers["tollway-cache-status"] == "HIT"

    def test_attempts_of_step_request_and_gateway(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        for number, (request, own, tries) in enumerate(
            [
                ({}, {}, 3),
                ({"tollway_max_attempts": "2"}, {}, 2),
                ({"tollway_max_attempts": "2"}, {"maxAttempts": 1}, 1),
            ]
        ):
            provider.clear()
            provider.usual["gpt-4o"] = Turn(status=500)
            body = [step(model="gpt-4o", said=f"tries {number}", config=own), step(said=f"tries {number}")]
            answer = call(gateway, "/v1/an-account/patient", body, **request)
            assert answer.status == 200
            assert provider.models() == ["gpt-4o"] * tries + ["gpt-4o-mini"]

    def test_each_step_sends_its_own_providers_key(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail("gpt-4o", Turn(status=500))
        steps = [
            step(model="gpt-4o", headers={"Authorization": "Bearer sk-mine-at-openai"}),
            step("groq", "llama-3.3-70b-versatile", authorization="Bearer sk-mine-at-groq"),
        ]
        answer = call(gateway, "/v1/an-account/open", steps, authorization="")
        assert answer.status == 200, answer.raw
        sent = [received.headers["authorization"] for received in provider.calls]
        assert sent == ["Bearer sk-mine-at-openai", "Bearer sk-mine-at-groq"]

    def test_the_gateways_key_never_reaches_a_provider(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        steps = [step(said="no keys", headers={"cf-aig-authorization": f"Bearer {KEY}", "x-mine": "passed on"})]
        assert call(gateway, "/v1/an-account/default", steps).status == 200
        seen = provider.calls[0]
        assert KEY not in json.dumps([seen.headers, seen.body])
        assert seen.headers["x-mine"] == "passed on"
        assert not [name for name in seen.headers if name.startswith(("cf-", "tollway-"))]


class TestWrongBodies:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"not json", "not an array of steps"),
            ({"provider": "openai"}, "not an array of steps"),
            ([], "0 steps; send 1 to 20"),
            ([step()] * 21, "21 steps; send 1 to 20"),
            ([{"provider": "openai", "endpoint": "chat/completions"}], "missing required field `query`"),
            ([{**step(), "qeury": {}}], "unknown field `qeury`"),
            ([step(), step(provider="no-such-provider")], "Step 1"),
            ([step(config={"maxAttempts": 6})], "max-attempts"),
            ([step(config={"backoff": "quadratic"})], "quadratic"),
            ([step(config={"requestTimeout": 0})], "request-timeout"),
            ([{**step(), "headers": {"x-a": "b\r\nx-c: d"}}], "line break"),
            ([{**step(), "endpoint": "../../admin"}], "Step 0"),
            ([{**step(), "query": "text"}], ""),
            (b"[" * 100_000, "not an array of steps"),
        ],
    )
    def test_what_is_no_array_of_steps_is_said_so(
        self, gateway: RunningGateway, provider: ScriptedProvider, body: Any, said: str
    ) -> None:
        answer = call(gateway, "/v1/an-account/default", body)
        assert answer.status in (400, 404), answer.raw
        assert said in answer.body["error"]["message"], answer.raw
        assert provider.calls == []

    def test_a_stranger_is_not_told_what_is_wrong_with_the_body(self, gateway: RunningGateway) -> None:
        answer = call(gateway, "/v1/an-account/default", b"not json", key="sk-nobodys-key")
        assert answer.status == 401

    def test_only_post(self, gateway: RunningGateway) -> None:
        answer = call(gateway, "/v1/an-account/default", b"", method="GET")
        assert answer.status == 405
        assert "POST" in answer.headers["allow"]

    def test_a_gateway_that_is_not_there(self, gateway: RunningGateway) -> None:
        answer = call(gateway, "/v1/an-account/nowhere", [step()])
        assert answer.status == 404
        assert answer.headers["tollway-error"] == "gateway_unknown"
