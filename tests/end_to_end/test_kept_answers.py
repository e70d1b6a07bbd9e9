"""Answers that are given again, against a running gateway: from the cache, and to a repeat with the same Idempotency-Key."""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from calling import Answered, administer, body_of, call, chat, entries, nanodollars, spent
from gateway import KEY, RunningGateway, running
from scripted_provider import ScriptedProvider, Turn, scripted_provider

ANN, BOB, CAT, BROKE = (f"a-gateway-key-of-{name}-for-tests" for name in ("ann", "bob", "cat", "broke"))
SMALL = "gpt-4o-mini"


def settings_for(provider: ScriptedProvider) -> dict[str, Any]:
    return {
        "providers": {
            "openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-openai"},
            "anthropic": {"base_url": provider.url, "api_key": "sk-anthropic"},
        },
        "keys": [
            {"name": "tests", "secret": KEY, "user": "tests@example.com"},
            {"name": "ann", "secret": ANN, "user": "ann@example.com", "groups": ["research"]},
            {"name": "bob", "secret": BOB, "user": "bob@example.com", "groups": ["research"]},
            {"name": "cat", "secret": CAT, "user": "cat@example.com", "groups": ["sales"]},
            {"name": "broke", "secret": BROKE, "user": "broke@example.com", "groups": ["research"]},
        ],
        "gateways": [
            {"slug": "default"},
            {"slug": "user", "cache": {"ttl_s": 3600}},
            {"slug": "team", "cache": {"ttl_s": 3600, "scope": "team"}},
            {"slug": "everybody", "cache": {"ttl_s": 3600, "scope": "none"}},
            {"slug": "cloudflares", "cache_ttl": 3600},
            {"slug": "zero", "cache_ttl": 0},
            {"slug": "closed", "cache": {"ttl_s": 0, "by_headers": False}},
        ],
        "routes": [{"name": "claude", "targets": [{"model": "anthropic/claude-haiku-4-5"}]}],
        "budgets": [
            {"name": "all", "limit": "100", "window": {"period": "total"}},
            {"name": "nothing", "limit": "0", "window": {"period": "day"}, "where": {"user": "broke@example.com"}},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with scripted_provider() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running(settings_for(provider), tmp_path_factory.mktemp("kept")) as started:
        yield started


@pytest.fixture(autouse=True)
def told_nothing(provider: ScriptedProvider) -> None:
    provider.clear()


def ask(gateway: RunningGateway, slug: str, said: str, *, key: str = KEY, **headers: str) -> Answered:
    return chat(gateway, SMALL, key=key, said=said, tollway_gateway_id=slug, **headers)


class TestHits:
    def test_a_hit_costs_nothing_and_says_what_it_saved(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        first = ask(gateway, "user", "what does a hit cost?")
        gateway.logged(first.request_id)
        before = spent(gateway, "all")
        again = ask(gateway, "user", "what does a hit cost?")
        assert [one.headers["tollway-cache-status"] for one in (first, again)] == ["MISS", "HIT"]
        assert again.raw == first.raw
        assert (first.headers["tollway-cost-usd"], again.headers["tollway-cost-usd"]) == ("0.0000135", "0")
        assert len(provider.calls) == 1
        assert spent(gateway, "all") == before
        assert entries(gateway, again.request_id) == []
        logged = gateway.logged(again.request_id)
        assert logged["cached"] is True
        assert logged["saved_usd"] == "0.0000135", logged
        assert logged["attempts"] == [] and logged["holds"] == []
        assert gateway.admin("/status?verify=true")["store"]["differences"] == []

    def test_a_hit_is_given_to_whom_no_money_is_left(self, gateway: RunningGateway) -> None:
        # It costs nothing, so there is nothing that a budget could refuse.
        assert ask(gateway, "team", "who pays?", key=ANN).status == 200
        answer = ask(gateway, "team", "who pays?", key=BROKE)
        assert (answer.status, answer.headers["tollway-cache-status"]) == (200, "HIT")
        assert ask(gateway, "team", "who pays for this?", key=BROKE).status == 429

    @pytest.mark.parametrize("api", ["chat", "responses"])
    def test_a_stream_is_given_again_as_a_stream_byte_for_byte(
        self, gateway: RunningGateway, provider: ScriptedProvider, api: str
    ) -> None:
        path = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}[api]
        body: dict[str, Any] = {"model": SMALL, "stream": True}
        if api == "chat":
            body |= {"messages": [{"role": "user", "content": "stream"}], "max_tokens": 50}
        else:
            body |= {"input": "stream", "max_output_tokens": 50, "store": False}
        raw = [call(gateway, path, body, tollway_gateway_id="user") for _ in range(2)]
        assert [one.headers["tollway-cache-status"] for one in raw] == ["MISS", "HIT"]
        assert raw[0].raw == raw[1].raw
        assert raw[1].headers["content-type"] == raw[0].headers["content-type"] == "text/event-stream"
        assert raw[1].headers["tollway-cost-usd"] == "0"
        assert len(provider.calls) == 1

    def test_the_openai_sdk_reads_a_stream_that_is_given_again(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        headers = {"tollway-gateway-id": "user"}
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, default_headers=headers) as client:
            heard: list[Any] = []
            for _ in range(2):
                stream = client.chat.completions.create(
                    model=SMALL, messages=[{"role": "user", "content": "by the sdk"}], max_tokens=50, stream=True,
                    stream_options={"include_usage": True},
                )  # fmt: skip
                heard.append([chunk.model_dump() for chunk in stream])
        assert heard[0] == heard[1]
        assert heard[1][-1]["usage"]["completion_tokens"] == 20
        assert len(provider.calls) == 1

    def test_the_anthropic_sdk_reads_a_translated_stream_that_is_given_again(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        headers = {"tollway-gateway-id": "user"}
        with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, default_headers=headers) as client:
            heard: list[Any] = []
            for _ in range(2):
                with client.messages.stream(
                    model=f"openai/{SMALL}", messages=[{"role": "user", "content": "translated"}], max_tokens=50
                ) as stream:
                    heard.append(stream.get_final_message().model_dump())
        assert heard[0] == heard[1]
        assert len(provider.calls) == 1

    def test_a_stream_and_a_whole_answer_are_two_requests(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        for stream in (False, True, False, True):
            body = body_of(SMALL, "whole or stream", stream=stream)
            answer = call(gateway, "/v1/chat/completions", body, tollway_gateway_id="user", tollway_cache_key="one")
            assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
        assert len(provider.calls) == 2

    def test_what_a_route_answered_is_kept_for_the_model_that_served(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        body = body_of("dynamic/claude", "by a route")
        first, again = (call(gateway, "/v1/chat/completions", body, tollway_gateway_id="user") for _ in range(2))
        assert (again.raw, again.headers["tollway-cache-status"]) == (first.raw, "HIT")
        assert (again.headers["tollway-provider"], again.headers["tollway-model"]) == ("anthropic", "claude-haiku-4-5")
        assert again.headers["tollway-cost-usd"] == "0"
        assert len(provider.calls) == 1

    def test_errors_are_not_kept(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail(SMALL, Turn(status=500), Turn(cut=True))
        first, cut, answered = (ask(gateway, "user", "an error") for _ in range(3))
        assert (first.status, cut.status, answered.status) == (500, 502, 200)
        assert answered.headers["tollway-cache-status"] == "MISS"

    def test_a_stream_that_broke_off_is_not_kept(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        provider.fail(SMALL, Turn(cut=True))
        body = body_of(SMALL, "half", stream=True)
        half, whole = (call(gateway, "/v1/chat/completions", body, tollway_gateway_id="user") for _ in range(2))
        assert b"[DONE]" not in half.raw and b"[DONE]" in whole.raw
        assert whole.headers["tollway-cache-status"] == "MISS"


class TestWhoShares:
    @pytest.mark.parametrize(
        ("slug", "shared"),
        [("user", {ANN}), ("cloudflares", {ANN}), ("team", {ANN, BOB}), ("everybody", {ANN, BOB, CAT})],
    )
    def test_only_those_of_the_scope(self, gateway: RunningGateway, slug: str, shared: set[str]) -> None:
        assert ask(gateway, slug, "shared?", key=ANN).headers["tollway-cache-status"] == "MISS"
        for key in (ANN, BOB, CAT):
            answer = ask(gateway, slug, "shared?", key=key)
            assert answer.headers["tollway-cache-status"] == ("HIT" if key in shared else "MISS"), key

    def test_a_name_of_ones_own_reaches_no_further(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        for key in (ANN, BOB):
            assert ask(gateway, "user", "mine", key=key, tollway_cache_key="same name").status == 200
        assert len(provider.calls) == 2

    def test_metadata_that_is_declared_is_no_identity(self, gateway: RunningGateway) -> None:
        asked = {"tollway_metadata": '{"user": "ann@example.com", "team": "research"}'}
        assert ask(gateway, "team", "declared", key=ANN).status == 200
        assert ask(gateway, "team", "declared", key=CAT, **asked).headers["tollway-cache-status"] == "MISS"


class TestWhatCallersAsk:
    def test_zero_is_off(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        for slug, headers in (("zero", {}), ("default", {}), ("user", {"tollway_cache_ttl": "0"})):
            provider.clear()
            for _ in range(2):
                answer = ask(gateway, slug, f"zero of {slug}", **headers)
                assert answer.headers.get("tollway-cache-status") in (None, "BYPASS")
            assert len(provider.calls) == 2, slug

    def test_a_header_turns_it_on(self, gateway: RunningGateway) -> None:
        answers = [ask(gateway, "default", "by header", tollway_cache_ttl="60") for _ in range(2)]
        assert [one.headers["tollway-cache-status"] for one in answers] == ["MISS", "HIT"]
        cloudflares = [ask(gateway, "default", "by cf header", cf_aig_cache_ttl="60") for _ in range(2)]
        assert [one.headers["cf-aig-cache-status"] for one in cloudflares] == ["MISS", "HIT"]

    def test_not_where_headers_may_not(self, gateway: RunningGateway) -> None:
        for headers in ({"tollway_cache_ttl": "60"}, {"tollway_cache_key": "mine"}):
            answers = [ask(gateway, "closed", "not by header", **headers) for _ in range(2)]
            assert [one.headers.get("tollway-cache-status") for one in answers] == [None, None]

    def test_skipping_makes_it_anew_and_takes_the_old_ones_place(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        first = ask(gateway, "user", "skipped")
        anew = ask(gateway, "user", "skipped", tollway_skip_cache="true")
        again = ask(gateway, "user", "skipped")
        assert anew.headers["tollway-cache-status"] == "BYPASS"
        assert again.headers["tollway-cache-status"] == "HIT"
        assert (again.text, len(provider.calls)) == (anew.text, 2)
        assert first.text != anew.text

    def test_a_name_of_ones_own_stands_for_the_request(self, gateway: RunningGateway) -> None:
        name = {"tollway_cache_key": "greeting"}
        first, other = ask(gateway, "user", "hello", **name), ask(gateway, "user", "good morning", **name)
        assert other.headers["tollway-cache-status"] == "HIT"
        assert other.raw == first.raw

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("tollway_cache_ttl", "59", "cache_invalid"),
            ("tollway_cache_ttl", "9999999", "cache_invalid"),
            ("tollway_cache_ttl", "an hour", "header_invalid"),
            ("tollway_skip_cache", "perhaps", "header_invalid"),
        ],
    )
    def test_what_cannot_be_asked(
        self, gateway: RunningGateway, provider: ScriptedProvider, name: str, value: str, code: str
    ) -> None:
        answer = ask(gateway, "user", "asked wrongly", **{name: value})
        assert (answer.status, answer.headers["tollway-error"]) == (400, code)
        assert value in answer.body["error"]["message"].replace(",", "") or code == "cache_invalid"
        assert provider.calls == []


def test_a_purge_lets_go_of_what_it_names(gateway: RunningGateway) -> None:
    ask(gateway, "user", "purged", tollway_cache_key="purged")
    ask(gateway, "user", "kept")
    administer(gateway, "DELETE", "/cache?key=purged")
    assert ask(gateway, "user", "purged", tollway_cache_key="purged").headers["tollway-cache-status"] == "MISS"
    assert ask(gateway, "user", "kept").headers["tollway-cache-status"] == "HIT"
    administer(gateway, "DELETE", "/cache?gateway=user")
    assert ask(gateway, "user", "kept").headers["tollway-cache-status"] == "MISS"
    administer(gateway, "DELETE", "/cache")
    assert ask(gateway, "user", "kept").headers["tollway-cache-status"] == "MISS"
    actions = [entry["action"] for entry in gateway.admin("/audit")["items"]]
    assert len([action for action in actions if "cache" in action]) == 3, actions


def test_whoever_may_not_use_a_model_is_not_shown_its_kept_answers(provider: ScriptedProvider, tmp_path: Path) -> None:
    settings = settings_for(provider)
    settings["policies"] = [
        {"name": "anything", "action": {"type": "no-limit"}},
        {
            "name": "not for sales", "action": {"type": "block"}, "resource": {"model": f"openai/{SMALL}"},
            "condition": '"sales" in cf.user.groups',
        },
    ]  # fmt: skip
    with running(settings, tmp_path) as gateway:
        assert ask(gateway, "everybody", "denied?", key=ANN).status == 200
        assert ask(gateway, "everybody", "denied?", key=BOB).headers["tollway-cache-status"] == "HIT"
        denied = ask(gateway, "everybody", "denied?", key=CAT)
        assert (denied.status, denied.headers["tollway-error"]) == (403, "policy_denied")


class TestRepeats:
    def test_a_repeat_is_answered_once_and_billed_once(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        before, key = spent(gateway, "all"), str(uuid.uuid4())
        first, again = (ask(gateway, "default", "twice", idempotency_key=key) for _ in range(2))
        assert again.raw == first.raw
        assert "tollway-idempotent-replayed" not in first.headers
        assert again.headers["tollway-idempotent-replayed"] == "true"
        assert again.headers["tollway-cost-usd"] == "0"
        assert len(provider.calls) == 1
        assert spent(gateway, "all") - before == nanodollars(first.headers["tollway-cost-usd"])
        assert entries(gateway, again.request_id) == []

    def test_a_stream_is_repeated_as_a_stream(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        body, key = body_of(SMALL, "a stream twice", stream=True), str(uuid.uuid4())
        first, again = (call(gateway, "/v1/chat/completions", body, idempotency_key=key) for _ in range(2))
        assert again.raw == first.raw and again.headers["content-type"] == "text/event-stream"
        assert again.headers["tollway-idempotent-replayed"] == "true"
        assert len(provider.calls) == 1

    def test_ten_at_once_are_billed_once(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        before, key, held = spent(gateway, "all"), str(uuid.uuid4()), threading.Event()
        provider.fail(SMALL, Turn(held=held))
        with ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(ask, gateway, "default", "at once", idempotency_key=key) for _ in range(10)]
            deadline = time.monotonic() + 10
            while not provider.calls and time.monotonic() < deadline:
                threading.Event().wait(0.02)
            # Long enough for the others to arrive.
            threading.Event().wait(0.5)
            held.set()
            answers = [one.result() for one in asked]
        assert [answer.status for answer in answers] == [200] * 10, [a.raw for a in answers if a.status != 200][:1]
        assert len({answer.raw for answer in answers}) == 1
        assert [answer.headers.get("tollway-idempotent-replayed") for answer in answers].count("true") == 9
        assert len(provider.calls) == 1
        paid = {nanodollars(answer.headers["tollway-cost-usd"]) for answer in answers}
        assert spent(gateway, "all") - before == sum(paid) == 13_500

    def test_another_request_of_the_same_key_is_told_so(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        key = str(uuid.uuid4())
        assert ask(gateway, "default", "one", idempotency_key=key).status == 200
        answer = ask(gateway, "default", "another", idempotency_key=key)
        assert (answer.status, answer.headers["tollway-error"]) == (422, "idempotency_mismatch")
        assert len(provider.calls) == 1

    def test_keys_are_the_callers_own(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        key = str(uuid.uuid4())
        for whose in (ANN, BOB):
            answer = ask(gateway, "default", "mine", key=whose, idempotency_key=key)
            assert answer.status == 200 and "tollway-idempotent-replayed" not in answer.headers
        assert len(provider.calls) == 2

    def test_what_was_refused_or_failed_runs_anew(self, gateway: RunningGateway, provider: ScriptedProvider) -> None:
        key = str(uuid.uuid4())
        provider.fail(SMALL, Turn(status=500))
        first, again = (ask(gateway, "default", "failed", idempotency_key=key) for _ in range(2))
        assert (first.status, again.status) == (500, 200)
        assert len(provider.calls) == 2

    def test_where_the_answer_was_lost_a_repeat_is_told_so(
        self, gateway: RunningGateway, provider: ScriptedProvider
    ) -> None:
        key = str(uuid.uuid4())
        provider.fail(SMALL, Turn(cut=True))
        cut = ask(gateway, "default", "lost", idempotency_key=key)
        again = ask(gateway, "default", "lost", idempotency_key=key)
        assert cut.status == 502
        assert (again.status, again.headers["tollway-error"]) == (409, "idempotency_interrupted")
        assert again.headers["x-should-retry"] == "false"
        assert len(provider.calls) == 1

    def test_a_kill_in_between_leaves_no_second_bill(self, provider: ScriptedProvider, tmp_path: Path) -> None:
        gateway = RunningGateway(settings_for(provider), tmp_path).start()
        key, held = str(uuid.uuid4()), threading.Event()
        try:
            done = ask(gateway, "default", "before the kill", idempotency_key="done")
            provider.fail(SMALL, Turn(held=held))
            with ThreadPoolExecutor(1) as pool:
                cut = pool.submit(ask, gateway, "default", "in between", idempotency_key=key)
                deadline = time.monotonic() + 10
                while len(provider.calls) < 2 and time.monotonic() < deadline:
                    threading.Event().wait(0.02)
                gateway.kill()
                assert cut.exception() is not None
            held.set()
            gateway.start()
            again = ask(gateway, "default", "in between", idempotency_key=key)
            assert (again.status, again.headers["tollway-error"]) == (409, "idempotency_interrupted")
            assert len(provider.calls) == 2, "it was not sent a second time"
            assert ask(gateway, "default", "in between", idempotency_key=str(uuid.uuid4())).status == 200
            # What had been answered before the kill is still given again.
            replayed = ask(gateway, "default", "before the kill", idempotency_key="done")
            assert replayed.raw == done.raw
            assert replayed.headers["tollway-idempotent-replayed"] == "true"
            # What the kill interrupted counts as spent.
            kinds = [entry["kind"] for entry in gateway.admin("/ledger/entries?limit=50")["items"]]
            assert sorted(kinds) == ["charge", "charge", "presumed"]
        finally:
            held.set()
            gateway.kill()
