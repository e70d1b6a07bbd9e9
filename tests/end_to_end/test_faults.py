"""Providers that fail in every way, against a running gateway: another program judges how it behaves, and a bill how it books."""

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from calling import DOLLAR, Answered, body_of, call, chat, spent
from crowd import ask, bill, billing_provider
from gateway import KEY, RunningGateway, running


class Judge:
    """llmock: a provider that fails as it is told, and judges whoever calls it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        raw = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/_llmock{path}", raw, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def reset(self) -> None:
        self._ask("POST", "/reset", {})

    def script(self, *behaviors: dict[str, Any]) -> None:
        self._ask("POST", "/scenario", {"behaviors": list(behaviors)})

    def calls(self) -> list[Any]:
        return self._ask("GET", "/requests")["requests"]

    def models(self) -> list[str]:
        return [one["model"] for one in self.calls()]

    def verdict(self) -> Any:
        return self._ask("GET", "/verdict")


@contextlib.contextmanager
def judging() -> Iterator[Judge]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "llmock.cli", "serve", "-h", "127.0.0.1", "-p", str(port), "--log-level", "error"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    judge = Judge(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                judge.reset()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "llmock did not start"
                time.sleep(0.05)
        yield judge
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with judging() as started:
        yield started


@pytest.fixture(autouse=True)
def told_nothing(judge: Judge) -> None:
    judge.reset()


DEAR, CHEAP = "gpt-4o", "claude-haiku-4-5"


@pytest.fixture(scope="module")
def gateway(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    def route(name: str, **more: Any) -> dict[str, Any]:
        targets = [{"model": f"openai/{name}"}, {"model": f"anthropic/{CHEAP}"}]
        return {"name": name, "targets": targets, "order": "in_order", **more}

    settings: dict[str, Any] = {
        "providers": {
            "openai": {"base_url": f"{judge.url}/v1", "api_key": "sk-openai", "idle_timeout_s": 1},
            "anthropic": {"base_url": f"{judge.url}/anthropic", "api_key": "sk-anthropic"},
        },
        "keys": [{"name": "tests", "secret": KEY, "user": "tests@example.com"}],
        "gateways": [{"slug": "default", "retry": {"max_attempts": 3, "delay_ms": 100, "backoff": "exponential"}}],
        "budgets": [{"name": "all", "limit": "100", "window": {"period": "total"}}],
        # A target that fails often rests, so every test has one of its own.
        "routes": [
            route("gpt-4o"), route("gpt-4o-mini"), route("gpt-4.1"), route("gpt-4.1-mini"), route("gpt-4.1-nano"),
            route("gpt-4-turbo", timeout=600, retries=0), route("gpt-3.5-turbo"),
        ],
    }  # fmt: skip
    with running(settings, tmp_path_factory.mktemp("faults")) as started:
        yield started


def streamed(gateway: RunningGateway, model: str, said: str = "stream please") -> Answered:
    return call(gateway, "/v1/chat/completions", body_of(model, said, stream=True))


class TestTheVerdict:
    @pytest.fixture(autouse=True)
    def behaves(self, judge: Judge, gateway: RunningGateway) -> Iterator[None]:
        """However a test fails the provider, the gateway has made no mistake, and holds nothing afterwards."""
        yield
        verdict = judge.verdict()
        assert verdict["passed"] and verdict["errors"] == 0, verdict["findings"]
        deadline = time.monotonic() + 5
        while gateway.admin("/status")["open_reservations"] and time.monotonic() < deadline:
            time.sleep(0.05)
        status = gateway.admin("/status?verify=true")
        assert (status["open_reservations"], status["store"]["differences"]) == (0, [])

    def test_a_retry_after_is_waited_for(self, judge: Judge, gateway: RunningGateway) -> None:
        judge.script({"type": "fail", "status": 429, "retry_after": 1, "times": 2})
        begun = time.monotonic()
        answer = chat(gateway, "dynamic/gpt-4o")
        assert (answer.status, answer.headers["tollway-model"]) == (200, "gpt-4o")
        assert time.monotonic() - begun >= 2
        assert judge.models() == ["gpt-4o"] * 3

    def test_a_retry_after_that_nobody_waits_for_leads_to_the_fallback(
        self, judge: Judge, gateway: RunningGateway
    ) -> None:
        judge.script({"type": "fail", "status": 429, "retry_after": 3600, "match": {"model": "gpt-4o"}})
        begun = time.monotonic()
        answer = chat(gateway, "dynamic/gpt-4o", said="an hour")
        assert answer.headers["tollway-model"] == CHEAP
        assert time.monotonic() - begun < 5
        assert judge.models() == ["gpt-4o", CHEAP]

    @pytest.mark.parametrize("status", [500, 502, 503, 529])
    def test_what_keeps_failing_is_given_up_after_three_tries(
        self, judge: Judge, gateway: RunningGateway, status: int
    ) -> None:
        models = {500: "gpt-4o-mini", 502: "gpt-4.1", 503: "gpt-4.1-mini", 529: "gpt-4.1-nano"}
        judge.script({"type": "fail", "status": status, "times": None, "match": {"model": models[status]}})
        answer = chat(gateway, f"dynamic/{models[status]}", said=f"failing {status}")
        assert (answer.status, answer.headers["tollway-step"]) == (200, "1")
        assert judge.models() == [models[status]] * 3 + [CHEAP]
        # Delays that grow, so not even a warning.
        assert judge.verdict()["warnings"] == 0, judge.verdict()["findings"]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_what_cannot_succeed_is_not_tried_again(self, judge: Judge, gateway: RunningGateway, status: int) -> None:
        judge.script({"type": "fail", "status": status, "match": {"model": "gpt-4o"}})
        answer = chat(gateway, "dynamic/gpt-4o", said=f"never {status}")
        assert answer.status == 200
        assert judge.models() == ["gpt-4o", CHEAP]

    @pytest.mark.parametrize("kind", ["disconnect", "truncate", "stall"])
    def test_a_stream_that_breaks_is_told_of_and_may_be_asked_for_again(
        self, judge: Judge, gateway: RunningGateway, kind: str
    ) -> None:
        judge.script({"type": "stream_fault", "kind": kind, "after_chunks": 2, "stall_seconds": 20})
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:

            def said() -> str:
                chunks = client.chat.completions.create(
                    model="dynamic/gpt-4o", messages=[{"role": "user", "content": f"break by {kind}"}], max_tokens=50, stream=True
                )  # fmt: skip
                return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

            begun = time.monotonic()
            with pytest.raises((openai.APIError, openai.APIConnectionError)):
                said()
            assert time.monotonic() - begun < 8, "silence is not sat through"
            assert judge.models() == ["gpt-4o"], "no second try once the caller has a part"
            assert said(), "asked again, it is answered"

    def test_a_stream_whose_first_part_never_comes_is_passed_over(self, judge: Judge, gateway: RunningGateway) -> None:
        judge.script({"type": "slow_first_token", "seconds": 10, "match": {"model": "gpt-4-turbo"}})
        begun = time.monotonic()
        answer = streamed(gateway, "dynamic/gpt-4-turbo", "slow")
        assert time.monotonic() - begun < 6
        assert (answer.headers["tollway-model"], answer.headers["tollway-step"]) == (CHEAP, "1")
        assert b"[DONE]" in answer.raw
        # Its head had come, so it may have been billed.
        outcomes = [one["outcome"] for one in gateway.logged(answer.request_id)["attempts"]]
        assert outcomes == ["no_answer", "answered"]

    def test_a_stream_that_is_dropped_before_its_first_part_is_passed_over(
        self, judge: Judge, gateway: RunningGateway
    ) -> None:
        fault = {"type": "stream_fault", "kind": "disconnect", "after_chunks": 0, "match": {"model": "gpt-4-turbo"}}
        judge.script(fault)
        answer = streamed(gateway, "dynamic/gpt-4-turbo", "dropped")
        assert answer.headers["tollway-model"] == CHEAP
        assert b"[DONE]" in answer.raw

    def test_a_slow_answer_of_the_last_target_is_waited_for(self, judge: Judge, gateway: RunningGateway) -> None:
        judge.script(
            {"type": "fail", "status": 404, "match": {"model": "gpt-4-turbo"}},
            {"type": "delay", "seconds": 1.5, "match": {"model": CHEAP}},
        )
        answer = chat(gateway, "dynamic/gpt-4-turbo", said="patience")
        assert (answer.status, answer.headers["tollway-model"]) == (200, CHEAP)

    def test_a_chunk_that_is_no_json_is_passed_on_as_it_came(self, judge: Judge, gateway: RunningGateway) -> None:
        judge.script({"type": "stream_fault", "kind": "malformed", "after_chunks": 2})
        answer = streamed(gateway, "dynamic/gpt-3.5-turbo", "corrupt")
        assert answer.status == 200
        logged = gateway.logged(answer.request_id)
        assert logged["charge"] is not None, "what was made of it is booked"


MIXED = 300
FAULTS_PERCENT = 8.0


def audited(tmp_path: Path, *, requests: int, seed: int) -> Counter[int]:
    """Mixed requests, plain and streamed, by a route of two providers that fail; their bill against the ledger."""
    lots = random.Random(seed)
    with (
        billing_provider("--faults", str(FAULTS_PERCENT)) as first,
        billing_provider("--faults", str(FAULTS_PERCENT / 2)) as second,
    ):
        patient = {"api_key": "sk-provider", "first_byte_timeout_s": 1.5, "idle_timeout_s": 1.5}
        settings: dict[str, Any] = {
            "providers": {
                "openai": {"base_url": f"{first}/v1", **patient},
                "second": {
                    "api": "openai", "base_url": f"{second}/v1", "prices": "openai", "models": ["gpt-4o-mini"],
                    "metered": True, **patient,
                },
            },
            "keys": [{"name": "tests", "secret": KEY, "user": "tests"}],
            "gateways": [{"slug": "default", "retry": {"max_attempts": 2, "delay_ms": 20}, "timeout_ms": 1000}],
            "budgets": [{"name": "plenty", "limit": "1000", "window": {"period": "total"}}],
            "routes": [
                {"name": "both", "targets": [{"model": "openai/gpt-4o-mini"}, {"model": "second/gpt-4o-mini"}], "order": "in_order"}
            ],
        }  # fmt: skip
        with running(settings, tmp_path) as gateway:

            async def caller(number: int) -> int:
                body = {
                    "model": "dynamic/both",
                    "messages": [{"role": "user", "content": "x" * lots.randint(10, 600)}],
                    "max_tokens": lots.choice([200, 500, 1000]),
                    "stream": lots.random() < 0.5,
                }
                leave = lots.randint(1, 4000) if lots.random() < 0.1 else None
                async with turns:
                    return await ask(
                        gateway.url, KEY, f"{seed}.{number}", body, leave_after=leave, path="/v1/chat/completions"
                    )

            async def crowd() -> list[int]:
                return await asyncio.gather(*(caller(number) for number in range(requests)))

            turns = asyncio.Semaphore(24)
            statuses = Counter(asyncio.run(crowd()))
            settled(gateway)
            compared(gateway, first, second)
            return statuses


def settled(gateway: RunningGateway) -> None:
    deadline = time.monotonic() + 20
    while gateway.admin("/status")["open_reservations"] and time.monotonic() < deadline:
        time.sleep(0.1)


def compared(gateway: RunningGateway, *providers: str) -> None:
    """No try unbilled, none twice: each entry is one try, and pays for it at least what its provider billed."""
    billed: Counter[tuple[str, str]] = Counter()
    for slug, provider in zip(("openai", "second"), providers, strict=True):
        for identifier, amount in bill(provider)["by_id"].items():
            billed[slug, identifier] += amount
    booked: Counter[tuple[str, str]] = Counter()
    exact: Counter[tuple[str, str]] = Counter()
    tries: Counter[tuple[str, int]] = Counter()
    cursor = ""
    while True:
        page = gateway.admin(f"/ledger/entries?limit=500{cursor}")
        for entry in page["items"]:
            of = entry["provider"], entry["metadata"]["id"]
            amount = int(Decimal(entry["amount_usd"]) * DOLLAR)
            booked[of] += amount
            exact[of] += entry["charge"]["basis"] != "metered"
            tries[entry["request_id"], entry["attempt"]] += 1
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert max(tries.values()) == 1, "a try was booked twice"
    for of, amount in billed.items():
        assert of in booked, f"{of} was billed and is not in the ledger"
        assert booked[of] >= amount, f"{of} was booked as less than it was billed"
        if not exact[of]:
            assert booked[of] == amount, f"{of} was told in full, and booked as something else"
    assert not set(booked) - set(billed), "what no provider billed is in the ledger"
    assert spent(gateway, "plenty") == sum(booked.values())
    status = gateway.admin("/status?verify=true")
    assert (status["open_reservations"], status["store"]["differences"]) == (0, [])


def test_of_three_hundred_mixed_requests_none_is_unbilled_and_none_billed_twice(tmp_path: Path) -> None:
    statuses = audited(tmp_path, requests=MIXED, seed=6)
    assert sum(statuses.values()) == MIXED
    assert statuses[200] > MIXED * 0.85, statuses


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_of_three_thousand_neither(tmp_path: Path, seed: int) -> None:
    assert sum(audited(tmp_path, requests=3_000, seed=seed).values()) == 3_000
