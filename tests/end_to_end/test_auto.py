"""`tollway/auto` as a user sees it: a real gateway before two providers, one of which may be down."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from gateway import KEY, RunningGateway, running

EASY = "Who painted the Mona Lisa?"
HARD = "Write a python function to find the longest palindromic subsequence in the given string."
USAGE = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}


class Provider:
    """Answers as its API does, and keeps the models it was asked for; `status` other than 200 is how it fails."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self.asked: list[str] = []
        self.status = 200
        self.url = ""


@contextmanager
def provider(said: Any) -> Iterator[Provider]:
    it = Provider(said)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            it.asked.append(body["model"])
            raw = json.dumps(it.said if it.status == 200 else {"error": {"message": "down"}}).encode()
            self.send_response(it.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: Any) -> None:
            """Nothing: a test that fails says more."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    it.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


OPENAI = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ok."}, "finish_reason": "stop"}],
}  # fmt: skip
ANTHROPIC = {
    "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Well."}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 10},
}  # fmt: skip
MINI, CLAUDE = "openai/gpt-5-mini", "anthropic/claude-sonnet-4-5"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, Provider, Provider]]:
    with provider(OPENAI) as openai, provider(ANTHROPIC) as anthropic:
        settings = {
            "providers": {
                "openai": {"api_key": "k", "base_url": f"{openai.url}/v1"},
                "anthropic": {"api_key": "k", "base_url": anthropic.url},
            },
            "gateways": [{"slug": "default", "auto": {"models": [MINI, CLAUDE]}}],
            "keys": [{"name": "tests", "secret": KEY, "user": "tests@example.com"}],
            "budgets": [{"name": "all", "limit": "100", "window": {"period": "month", "timezone": "UTC"}}],
        }
        folder: Path = tmp_path_factory.mktemp("auto")
        with running(settings, folder) as gateway:
            yield gateway, openai, anthropic


def ask(gateway: RunningGateway, *said: Any, **headers: str) -> tuple[dict[str, str], Any]:
    messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
    request = urllib.request.Request(
        f"{gateway.url}/v1/chat/completions",
        json.dumps({"model": "tollway/auto", "messages": messages}).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, json.loads(answer.read())


Parts = tuple[RunningGateway, Provider, Provider]


def test_an_easy_prompt_goes_to_the_cheap_model_and_a_hard_one_to_the_better_whatever_api_it_speaks(
    parts: Parts,
) -> None:
    gateway, openai, anthropic = parts
    headers, body = ask(gateway, EASY)
    assert headers["tollway-routed-model"] == MINI and body["choices"][0]["message"]["content"] == "Ok."
    assert headers["tollway-routing-reason"] == "cost_optimal_within_pool"
    headers, body = ask(gateway, HARD)
    assert headers["tollway-routed-model"] == CLAUDE and body["choices"][0]["message"]["content"] == "Well."
    assert (openai.asked[-1], anthropic.asked[-1]) == ("gpt-5-mini", "claude-sonnet-4-5")
    record = gateway.logged(headers["tollway-routing-decision-id"])
    assert any(
        decision["code"] == "auto" and decision["rule"] == "cost_optimal_within_pool"
        for decision in record["decisions"]
    )


def test_where_a_provider_fails_the_other_one_answers(parts: Parts) -> None:
    gateway, _, anthropic = parts
    anthropic.status = 500
    try:
        headers, _ = ask(gateway, HARD)
    finally:
        anthropic.status = 200
    assert headers["tollway-routed-model"] == MINI and headers["tollway-step"] == "1"
    assert headers["tollway-routing-reason"] == "fallback_candidate_unavailable"


def test_a_turn_stays_with_its_model(parts: Parts) -> None:
    gateway, _, _ = parts
    first, _ = ask(gateway, HARD, tollway_session_id="s1")
    assert first["tollway-routed-model"] == CLAUDE
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    follows = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ]
    second, _ = ask(gateway, HARD, *follows, tollway_session_id="s1")
    assert (second["tollway-routed-model"], second["tollway-routing-reason"]) == (CLAUDE, "pinned_by_turn")
    afresh, _ = ask(gateway, HARD, *follows, tollway_session_id="s1", tollway_no_session_affinity="true")
    assert afresh["tollway-routing-reason"] == "cost_optimal_within_pool"


def test_a_caller_may_choose_what_is_chosen_from(parts: Parts) -> None:
    gateway, _, _ = parts
    headers, _ = ask(gateway, EASY, cf_aig_allowed_models="anthropic/*")
    assert headers["cf-aig-routed-model"] == CLAUDE and headers["cf-aig-routing-reason"] == "forced_by_candidate_pool"
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(gateway, EASY, tollway_allowed_models="nope/*")
    with refused.value as answer:
        assert answer.code == 400 and json.loads(answer.read())["error"]["code"] == "header_invalid"


def test_it_is_listed(parts: Parts) -> None:
    gateway, _, _ = parts
    request = urllib.request.Request(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "tollway/auto" in [card["id"] for card in json.loads(answer.read())["data"]]
