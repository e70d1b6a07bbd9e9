"""Dynamic routes against a running gateway, called by the official SDKs: which model answers, what it costs whom, and what says so."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from calling import administer, body_of, call, chat, entries, nanodollars, spent
from gateway import KEY, RunningGateway, running
from scripted_provider import ScriptedProvider, Turn, scripted_provider

ANN, BOB = "a-gateway-key-of-ann-for-tests", "a-gateway-key-of-bob-for-tests"
LARGE, SMALL, CLAUDE, OWN = "gpt-4o", "gpt-4o-mini", "claude-haiku-4-5", "llama-own"
# Failures are remembered of a target, so what is to fail often is a model of its own.
FLAKY, BROKEN = "gpt-4-turbo", "claude-sonnet-4-5"
START = {"id": "start", "type": "start"}
END = {"id": "end", "type": "end"}


def model(element: str, name: str, fallback: str | None = None, **properties: Any) -> dict[str, Any]:
    outputs = {"success": "end"} | ({"fallback": fallback} if fallback is not None else {})
    return {"id": element, "type": "model", "properties": {"model": name, **properties}, "outputs": outputs}


def elements(first: str, *others: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**START, "outputs": {"next": first}}, *others, END]


LARGE_AT, SMALL_AT = f"openai/{LARGE}", f"openai/{SMALL}"
ROUTES: list[dict[str, Any]] = [
    {"name": "small", "targets": [{"model": SMALL_AT}]},
    {"name": "claude", "targets": [{"model": f"anthropic/{CLAUDE}"}]},
    {"name": "own", "targets": [{"model": f"custom-lab/{OWN}"}]},
    {"name": "in-order", "targets": [{"model": LARGE_AT}, {"model": f"anthropic/{CLAUDE}"}, {"model": SMALL_AT}], "order": "in_order"},
    {"name": "cheapest", "targets": [{"model": LARGE_AT}, {"model": SMALL_AT}], "order": "cheapest"},
    {"name": "weighted", "targets": [{"model": LARGE_AT, "weight": 1}, {"model": SMALL_AT, "weight": 3}]},
    {
        "name": "plan",
        "elements": elements(
            "which",
            {
                "id": "which", "type": "conditional", "properties": {"conditions": {"metadata.plan": {"$eq": "free"}}},
                "outputs": {"true": "small", "false": "large"},
            },
            model("small", SMALL_AT),
            model("large", LARGE_AT),
        ),
    },
    {
        # Cloudflare's older dialect.
        "name": "older",
        "elements": [
            {"id": "s", "type": "start", "outputs": {"next": {"elementId": "c"}}},
            {
                "id": "c", "type": "conditional", "properties": {"condition": {"metadata.plan": "free"}},
                "outputs": {"true": {"elementId": "a"}, "false": {"elementId": "b"}},
            },
            {"id": "a", "type": "model", "properties": {"provider": "openai", "model": SMALL, "timeout": 0, "retries": 0},
             "outputs": {"success": {"elementId": "e"}}},
            {"id": "b", "type": "model", "properties": {"provider": "openai", "model": LARGE, "timeout": 0, "retries": 0},
             "outputs": {"success": {"elementId": "e"}}},
            {"id": "e", "type": "end", "outputs": {}},
        ],
    },
    {
        "name": "split",
        "elements": elements(
            "split",
            {
                "id": "split", "type": "percentage", "properties": {"sticky": "metadata.session"},
                "outputs": {"50%": "small", "else": "large"},
            },
            model("small", SMALL_AT),
            model("large", LARGE_AT),
        ),
    },
    {
        "name": "counted",
        "elements": elements(
            "two",
            {
                "id": "two", "type": "rate", "properties": {"limitType": "count", "key": "user.id", "limit": 2, "window": 3600},
                "outputs": {"success": "large", "fallback": "small"},
            },
            model("large", LARGE_AT),
            model("small", SMALL_AT),
        ),
    },
    {
        "name": "counted-out",
        "elements": elements(
            "one",
            {
                "id": "one", "type": "rate", "properties": {"limitType": "count", "key": "key", "limit": 1, "window": 3600},
                "outputs": {"success": "large"},
            },
            model("large", LARGE_AT),
        ),
    },
    {
        "name": "costly",
        "elements": elements(
            "cents",
            {
                "id": "cents", "type": "rate", "properties": {"limitType": "cost", "limit": "0.0003", "window": 3600},
                "outputs": {"success": "large", "fallback": "small"},
            },
            model("large", LARGE_AT),
            model("small", SMALL_AT),
        ),
    },
    {
        "name": "patient",
        "elements": elements(
            "flaky", model("flaky", f"openai/{FLAKY}", "small", timeout=400, retries=1), model("small", SMALL_AT)
        ),
    },
    {
        "name": "frugal",
        "elements": elements("dear", model("dear", f"anthropic/{CLAUDE}", "cheap"), model("cheap", "openai/gpt-4.1-nano")),
    },
    {
        "name": "exempt",
        "elements": elements(
            "dear", model("dear", "openai/gpt-4.1", "cheap"), model("cheap", "openai/gpt-4.1-mini", exempt=["gpt41"])
        ),
    },
    {
        "name": "not-exempt",
        "elements": elements("dear", model("dear", "openai/gpt-4.1", "cheap"), model("cheap", "openai/gpt-4.1-mini")),
    },
    {"name": "resting", "elements": elements("broken", model("broken", f"anthropic/{BROKEN}", "small"), model("small", SMALL_AT))},
    {"name": "off", "enabled": False, "targets": [{"model": SMALL_AT}]},
    {"name": "elsewhere", "gateway": "other", "targets": [{"model": SMALL_AT}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with scripted_provider() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    month = {"period": "total"}
    settings: dict[str, Any] = {
        "providers": {
            "openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-openai"},
            "anthropic": {"base_url": provider.url, "api_key": "sk-anthropic"},
            "custom-lab": {"api": "openai", "base_url": f"{provider.url}/lab/v1", "api_key": "sk-lab", "models": ["llama-*"]},
        },
        "prices": [{"provider": "custom-lab", "model": "*", "input": "1", "output": "2"}],
        "keys": [
            {"name": "tests", "secret": KEY, "user": "tests@example.com"},
            {"name": "ann", "secret": ANN, "user": "ann@example.com"},
            {"name": "bob", "secret": BOB, "user": "bob@example.com"},
        ],
        "gateways": [{"slug": "default", "retry": {"max_attempts": 1, "delay_ms": 0}}, {"slug": "other"}],
        "budgets": [
            {"name": "all", "limit": "1000", "window": month},
            # One answer of 10 and 20 tokens costs $0.00011.
            {"name": "claudes", "limit": "0.0005", "window": month, "where": {"model": f"anthropic/{CLAUDE}", "user": "bob@example.com"}},
            {"name": "gpt41", "limit": "0.002", "window": month, "where": {"model": ["openai/gpt-4.1", "openai/gpt-4.1-mini"]}},
        ],
        "routes": ROUTES,
    }  # fmt: skip
    with running(settings, tmp_path_factory.mktemp("routes")) as started:
        yield started


@pytest.fixture(autouse=True)
def told_nothing(provider: ScriptedProvider) -> None:
    provider.clear()


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(gateway: RunningGateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        yield client


SAID: list[Any] = [{"role": "user", "content": "hi"}]
SERVED = {"small": ("openai", SMALL), "claude": ("anthropic", CLAUDE), "own": ("custom-lab", OWN)}


@pytest.mark.parametrize("route", list(SERVED))
class TestEveryApiCallsEveryProvider:
    """Providers that speak another API than the caller are spoken to in theirs."""

    def check(self, headers: Any, route: str) -> None:
        assert (headers["tollway-provider"], headers["tollway-model"]) == SERVED[route]
        assert headers["tollway-step"] == "0"

    def test_chat(self, client: openai.OpenAI, route: str) -> None:
        answer = client.chat.completions.with_raw_response.create(
            model=f"dynamic/{route}", messages=SAID, max_tokens=50
        )
        self.check(answer.headers, route)
        parsed = answer.parse()
        assert parsed.choices[0].message.content == f"call 1 of {SERVED[route][1]}"
        assert parsed.usage is not None and (parsed.usage.prompt_tokens, parsed.usage.completion_tokens) == (10, 20)

    def test_chat_streamed(self, client: openai.OpenAI, route: str) -> None:
        answer = client.chat.completions.with_raw_response.create(
            model=f"dynamic/{route}", messages=SAID, max_tokens=50, stream=True, stream_options={"include_usage": True}
        )
        self.check(answer.headers, route)
        chunks = list(answer.parse())
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert said.replace(" ", "") == f"call1of{SERVED[route][1]}"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 20

    def test_responses(self, client: openai.OpenAI, route: str) -> None:
        answer = client.responses.with_raw_response.create(model=f"dynamic/{route}", input="hi", max_output_tokens=50)
        self.check(answer.headers, route)
        parsed = answer.parse()
        assert parsed.output_text == f"call 1 of {SERVED[route][1]}"
        assert parsed.usage is not None and parsed.usage.output_tokens == 20

    def test_responses_streamed(self, client: openai.OpenAI, route: str) -> None:
        answer = client.responses.with_raw_response.create(
            model=f"dynamic/{route}", input="hi", max_output_tokens=50, stream=True
        )
        self.check(answer.headers, route)
        events = list(answer.parse())
        assert events[-1].type == "response.completed"
        assert events[-1].response.usage is not None and events[-1].response.usage.output_tokens == 20

    def test_messages(self, claude: anthropic.Anthropic, route: str) -> None:
        answer = claude.messages.with_raw_response.create(model=f"dynamic/{route}", messages=SAID, max_tokens=50)
        self.check(answer.headers, route)
        parsed = answer.parse()
        assert parsed.content[0].text == f"call 1 of {SERVED[route][1]}"
        assert parsed.usage.output_tokens == 20

    def test_messages_streamed(self, claude: anthropic.Anthropic, route: str) -> None:
        with claude.messages.stream(model=f"dynamic/{route}", messages=SAID, max_tokens=50) as stream:
            self.check(stream.response.headers, route)
            final = stream.get_final_message()
        assert final.content[0].text.replace(" ", "") == f"call1of{SERVED[route][1]}"
        assert final.usage.output_tokens == 20


def test_what_is_paid_is_the_price_of_what_served(gateway: RunningGateway) -> None:
    answer = chat(gateway, "dynamic/own")
    # 10 tokens at $1 and 20 at $2 a million.
    assert answer.headers["tollway-cost-usd"] == "0.00005"
    logged = gateway.logged(answer.request_id)
    assert (logged["provider"], logged["charge"]["amount_usd"]) == ("custom-lab", "0.00005")
    assert [entry["amount_usd"] for entry in entries(gateway, answer.request_id)] == ["0.00005"]


class TestElements:
    @pytest.mark.parametrize("route", ["plan", "older"])
    def test_a_condition_on_metadata(self, gateway: RunningGateway, route: str) -> None:
        free = chat(gateway, f"dynamic/{route}", tollway_metadata='{"plan": "free"}')
        paid = chat(gateway, f"dynamic/{route}", cf_aig_metadata='{"plan": "paid"}')
        none = chat(gateway, f"dynamic/{route}")
        assert free.headers["tollway-model"] == SMALL
        assert paid.headers["cf-aig-model"] == LARGE
        assert none.headers["tollway-model"] == LARGE

    def test_a_share_is_sticky(self, gateway: RunningGateway) -> None:
        def served(session: int) -> str:
            return chat(gateway, "dynamic/split", tollway_metadata=f'{{"session": "{session}"}}').headers[
                "tollway-model"
            ]

        first = [served(session) for session in range(40)]
        assert [served(session) for session in range(40)] == first
        assert 8 < first.count(SMALL) < 32, Counter(first)

    def test_a_count_for_each_user(self, gateway: RunningGateway) -> None:
        of_ann = [chat(gateway, "dynamic/counted", key=ANN).headers["tollway-model"] for _ in range(4)]
        of_bob = chat(gateway, "dynamic/counted", key=BOB).headers["tollway-model"]
        assert of_ann == [LARGE, LARGE, SMALL, SMALL]
        assert of_bob == LARGE

    def test_a_count_without_a_fallback_ends_the_route(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        assert chat(gateway, "dynamic/counted-out").status == 200
        answer = chat(gateway, "dynamic/counted-out")
        assert answer.status == 429
        assert answer.headers["tollway-error"] == "rate_limited"
        assert int(answer.headers["retry-after"]) > 0
        assert '"one"' in answer.body["error"]["message"], answer.raw
        assert provider.models() == [LARGE]

    def test_a_limit_of_cost(self, gateway: RunningGateway) -> None:
        # An answer of the large model costs $0.000225, so the second passes the limit and the third finds it passed.
        served = [chat(gateway, "dynamic/costly").headers["tollway-model"] for _ in range(4)]
        assert served == [LARGE, LARGE, SMALL, SMALL]

    def test_a_model_is_tried_again_and_then_passed_over(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        provider.fail(FLAKY, Turn(status=500), Turn(status=502))
        answer = chat(gateway, "dynamic/patient")
        assert answer.status == 200
        assert (answer.headers["tollway-model"], answer.headers["tollway-step"]) == (SMALL, "1")
        assert provider.models() == [FLAKY, FLAKY, SMALL]
        logged = gateway.logged(answer.request_id)
        assert [(one["number"], one["model"], one["status"]) for one in logged["attempts"]] == [
            (1, FLAKY, 500), (2, FLAKY, 502), (3, SMALL, 200),
        ]  # fmt: skip
        (note,) = [one for one in logged["decisions"] if one["code"] == "passed_over"]
        assert f"openai/{FLAKY}" in note["detail"]

    def test_a_model_that_is_silent_is_passed_over_and_what_it_may_bill_is_booked(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        provider.fail(FLAKY, Turn(silent=True), Turn(silent=True))
        begun = time.monotonic()
        answer = chat(gateway, "dynamic/patient")
        assert answer.headers["tollway-model"] == SMALL
        assert time.monotonic() - begun < 8
        booked = entries(gateway, answer.request_id)
        assert [(entry["kind"], entry["model"]) for entry in booked] == [
            ("presumed", FLAKY), ("presumed", FLAKY), ("charge", SMALL),
        ]  # fmt: skip

    def test_a_stream_is_passed_over_before_its_first_byte(
        self, client: openai.OpenAI, provider: ScriptedProvider
    ) -> None:
        provider.fail(LARGE, Turn(status=503))
        provider.fail(CLAUDE, Turn(status=529))
        answer = client.chat.completions.with_raw_response.create(
            model="dynamic/in-order", messages=SAID, max_tokens=50, stream=True
        )
        assert (answer.headers["tollway-model"], answer.headers["tollway-step"]) == (SMALL, "2")
        assert [chunk for chunk in answer.parse() if chunk.choices]

    def test_a_stream_that_has_begun_is_never_tried_again(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        provider.fail(LARGE, Turn(cut=True))
        answer = call(gateway, "/v1/chat/completions", body_of("dynamic/in-order", stream=True))
        assert answer.status == 200
        assert b"data: [DONE]" not in answer.raw
        assert b"error" in answer.raw, "the caller is told"
        assert provider.models() == [LARGE]
        gateway.logged(answer.request_id)
        assert len(entries(gateway, answer.request_id)) == 1

    def test_the_last_error_is_the_providers_own(self, client: openai.OpenAI, provider: ScriptedProvider) -> None:
        for name in (LARGE, CLAUDE, SMALL):
            provider.fail(name, Turn(status=500))
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="dynamic/in-order", messages=SAID, max_tokens=50)
        assert "scripted 500" in str(caught.value)
        assert caught.value.response.headers["tollway-model"] == SMALL
        assert caught.value.response.headers["tollway-step"] == "2"


class TestPools:
    def test_the_cheapest_comes_first(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail(SMALL, Turn(status=500))
        assert chat(gateway, "dynamic/cheapest").headers["tollway-model"] == LARGE
        assert provider.models() == [SMALL, LARGE]
        assert chat(gateway, "dynamic/cheapest").headers["tollway-model"] == SMALL

    def test_weights_share_the_traffic_out(self, gateway: RunningGateway) -> None:
        served = Counter(chat(gateway, "dynamic/weighted").headers["tollway-model"] for _ in range(100))
        # Three of four; a binomial of 100 is outside of this once in a hundred thousand.
        assert 56 <= served[SMALL] <= 92, served

    def test_a_target_that_keeps_failing_rests(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.usual[BROKEN] = Turn(status=500)
        for _ in range(30):
            answer = chat(gateway, "dynamic/resting")
            assert (answer.status, answer.headers["tollway-model"]) == (200, SMALL)
        called = provider.models().count(BROKEN)
        assert called < 25, "it was left alone after a while"
        provider.calls.clear()
        answer = chat(gateway, "dynamic/resting")
        assert provider.models() == [SMALL]
        (note,) = [one for one in gateway.logged(answer.request_id)["decisions"] if one["code"] == "passed_over"]
        assert "upstream_resting" in note["detail"]


class TestFallingBackOnABudget:
    def test_once_the_dear_one_is_spent_the_cheap_one_serves(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        before = spent(gateway, "all")
        answers = [chat(gateway, "dynamic/frugal", key=BOB) for _ in range(8)]
        assert [answer.status for answer in answers] == [200] * 8
        served = [answer.headers["tollway-model"] for answer in answers]
        assert served[0] == CLAUDE and served[-1] == "gpt-4.1-nano"
        assert served == sorted(served), "it does not come back"
        last = answers[-1]
        assert (last.headers["tollway-provider"], last.headers["tollway-step"]) == ("openai", "1")
        assert last.headers["tollway-budget"] != "claudes"
        # The dear one has not been called once it was spent, and never passed its budget.
        assert provider.models() == served
        assert spent(gateway, "claudes") == served.count(CLAUDE) * 110_000 <= 500_000
        logged = gateway.logged(last.request_id)
        (note,) = [one for one in logged["decisions"] if one["code"] == "passed_over"]
        assert note["rule"] == "claudes"
        assert "budget_exceeded" in note["detail"]
        (entry,) = entries(gateway, last.request_id)
        assert (entry["model"], entry["amount_usd"]) == ("gpt-4.1-nano", last.headers["tollway-cost-usd"])
        cost = sum(nanodollars(answer.headers["tollway-cost-usd"]) for answer in answers)
        assert spent(gateway, "all") - before == cost

    def test_a_fallback_that_is_exempt_is_counted_and_never_refused(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        # gpt-4.1: $2 and $8 a million, so an answer is $0.00018; the bound of 50 tokens is about $0.00042.
        served: list[str] = []
        for _ in range(20):
            answer = chat(gateway, "dynamic/exempt")
            assert answer.status == 200, answer.raw
            served.append(answer.headers["tollway-model"])
        assert served[0] == "gpt-4.1" and served[-1] == "gpt-4.1-mini"
        dear = served.count("gpt-4.1")
        # $0.40 and $1.60 a million: $0.000036 each.
        assert spent(gateway, "gpt41") == dear * 180_000 + (20 - dear) * 36_000

    def test_without_the_exemption_the_last_refusal_is_the_budgets(
        self, client: openai.OpenAI, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        for _ in range(90):
            # It is spent by the fallback of the route that is exempt.
            if spent(gateway, "gpt41") >= 2_000_000:
                break
            assert chat(gateway, "dynamic/exempt").status == 200
        provider.calls.clear()
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="dynamic/not-exempt", messages=SAID, max_tokens=50)
        assert caught.value.code == "budget_exceeded"
        assert caught.value.response.headers["tollway-budget"] == "gpt41"
        assert provider.calls == []


class TestNames:
    def test_an_unknown_route_names_those_there_are(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="dynamic/no-such", messages=SAID)
        assert 'The route "dynamic/no-such" is not known on this gateway' in str(caught.value)
        assert '"dynamic/small"' in str(caught.value)
        assert "elsewhere" not in str(caught.value)

    def test_one_that_is_switched_off_says_so(self, gateway: RunningGateway) -> None:
        answer = chat(gateway, "dynamic/off")
        assert answer.status == 404
        assert "is switched off" in answer.body["error"]["message"]

    def test_a_route_of_another_gateway(self, gateway: RunningGateway) -> None:
        assert chat(gateway, "dynamic/elsewhere").status == 404
        assert chat(gateway, "dynamic/elsewhere", tollway_gateway_id="other").headers["tollway-model"] == SMALL
        cloudflares = call(gateway, "/v1/an-account/other/compat/chat/completions", body_of("dynamic/elsewhere"))
        assert cloudflares.headers["tollway-model"] == SMALL


def test_versions_are_deployed_and_rolled_back_with_the_next_request(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    settings = {
        "providers": {"openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-openai"}},
        "keys": [{"name": "tests", "secret": KEY}],
    }
    gateway = RunningGateway(settings, tmp_path)
    # What is deployed is written into the file, which has to be one that a person would write.
    gateway.config.write_text(
        f"# by hand\nproviders: {json.dumps(settings['providers'])}\nkeys:\n  - {json.dumps(settings['keys'][0])}\n"
    )
    try:
        deploys(gateway.start())
    finally:
        gateway.kill()
    assert gateway.config.read_text().startswith("# by hand")


def deploys(gateway: RunningGateway) -> None:
    made = administer(gateway, "POST", "/routes", {"name": "edited", "targets": [{"model": LARGE_AT}]}).body
    assert chat(gateway, "dynamic/edited").status == 404, "a version serves nothing until it is deployed"
    route = made["id"]
    first = made["version"]["version_id"]
    administer(gateway, "POST", f"/routes/{route}/deployments", {"version_id": first})
    assert chat(gateway, "dynamic/edited").headers["tollway-model"] == LARGE
    second = administer(gateway, "POST", f"/routes/{route}/versions", {"targets": [{"model": SMALL_AT}]}).body
    assert chat(gateway, "dynamic/edited").headers["tollway-model"] == LARGE
    administer(gateway, "POST", f"/routes/{route}/deployments", {"version_id": second["version_id"], "comment": "mini"})
    assert chat(gateway, "dynamic/edited").headers["tollway-model"] == SMALL
    administer(gateway, "POST", f"/routes/{route}/deployments", {"version_id": first})
    assert chat(gateway, "dynamic/edited").headers["tollway-model"] == LARGE
    history = gateway.admin(f"/routes/{route}/deployments")
    assert len(history.get("items", history.get("deployments", []))) == 3, history
    administer(gateway, "PATCH", f"/routes/{route}", {"enabled": False})
    assert chat(gateway, "dynamic/edited").status == 404
    administer(gateway, "DELETE", f"/routes/{route}")
    assert "is not known" in chat(gateway, "dynamic/edited").body["error"]["message"]
