"""What a request says of other models than the one it names is seen on every API that a router or a fallback speaks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import Requests
from tollway.providers.other_models import MOST_NAMED, picks_model
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask

SAID = [{"role": "user", "content": "hi"}]
OPUS = "claude-opus-4-6"
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": OPUS}
CLAUDE = {"anthropic_version": "x", "max_tokens": 5, "messages": SAID}
ROUTED: list[Api] = ["openai.chat", "openai.completions", "openai.responses", "anthropic.messages"]


def ask(extra: dict[str, Any], api: Api = "anthropic.messages", path: str = "") -> Ask:
    body = {"model": "m", "max_tokens": 5, "messages": SAID, "input": "x", "prompt": "x", **extra}
    if path:
        body = {**CLAUDE, **extra}
    found = codec_for(api).read_ask(path, b"", b"application/json", json.dumps(body).encode())
    assert isinstance(found, Ask), found
    return found


VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-haiku-4-5:rawPredict"
INVOKE = "/model/anthropic.claude-haiku-4-5-20251001-v1:0/invoke"


@pytest.mark.parametrize(
    ("api", "path"), [("anthropic.messages", ""), ("anthropic.vertex", VERTEX), ("bedrock.invoke", INVOKE)]
)
@pytest.mark.parametrize("fallbacks", ["default", [{"model": OPUS, "max_tokens": 32_000}], [OPUS], [1], {"a": 1}])
def test_fallbacks_are_seen_wherever_claude_is_called(api: Api, path: str, fallbacks: Any) -> None:
    found = ask({"fallbacks": fallbacks}, api, path)
    assert found.substitutes and found.uncapped == "fallbacks"
    assert found.also_models == ((OPUS,) if OPUS in json.dumps(fallbacks) else ())
    plain = ask({"fallbacks": None}, api, path)
    assert (plain.substitutes, plain.also_models, plain.uncapped) == (False, (), None)


def test_converse_passes_on_no_fallbacks_or_advisors_unseen() -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "h"}]}], "inferenceConfig": {"maxTokens": 5}}

    def read(extra: dict[str, Any]) -> Ask:
        raw = json.dumps({**body, "additionalModelRequestFields": extra}).encode()
        path = "/model/anthropic.claude-haiku-4-5-20251001-v1:0/converse"
        found = codec_for("bedrock.converse").read_ask(path, b"", b"application/json", raw)
        assert isinstance(found, Ask)
        return found

    assert read({"fallbacks": [{"model": OPUS}]}).substitutes
    assert read({"tools": [ADVISOR]}).also_models == (OPUS,)
    assert not read({"top_k": 5}).substitutes


@pytest.mark.parametrize(
    "extra",
    [
        {"models": ["openai/gpt-5"]},
        {"route": "fallback"},
        {"plugins": [{"id": "web"}]},
        {"preset": "dear"},
        {"model": "m@preset/dear"},
    ],
)
@pytest.mark.parametrize("api", [*ROUTED, "openai.embeddings", "openai.images"])
def test_what_a_router_is_told_is_seen_on_every_api_of_its(api: Api, extra: dict[str, Any]) -> None:
    assert ask(extra, api).substitutes and not ask({}, api).substitutes


def test_the_models_of_a_routers_list_are_told() -> None:
    assert all(ask({"models": ["a/b", "a/b", "c/d"]}, api).also_models == ("a/b", "c/d") for api in ROUTED)


@pytest.mark.parametrize("api", ["openai.chat", "openai.responses", "anthropic.messages"])
@pytest.mark.parametrize(
    ("tool", "substitutes"),
    [
        ("openrouter:advisor", True), ("openrouter:subagent", True), ("openrouter:fusion", True),
        ("openrouter:image_generation", True), ("openrouter:new", True), ("OpenRouter:advisor", True),
        ("openrouter:web_search", False), ("openrouter:datetime", False), ("function", False),
    ],
)  # fmt: skip
def test_a_routers_tool_that_may_run_a_model_is_not_the_named_models(api: Api, tool: str, substitutes: bool) -> None:
    found = ask({"tools": [{"type": tool, "name": "t", "parameters": {"model": "openai/gpt-5-pro"}}]}, api)
    assert (found.substitutes, found.uncapped is not None) == (substitutes, substitutes)


@pytest.mark.parametrize("tool", ["web_search", "image_generation"])
def test_a_routers_tools_are_called_alike_on_every_api(tool: str) -> None:
    apis: list[Api] = ["openai.chat", "openai.responses", "anthropic.messages"]
    assert {ask({"tools": [{"type": f"openrouter:{tool}"}]}, api).paid_tools for api in apis} == {(tool,)}


def test_a_tools_model_is_told() -> None:
    found = ask({"tools": [ADVISOR]})
    assert (found.also_models, found.substitutes, found.uncapped) == ((OPUS,), False, "advisor_20260301")
    pictures = ask({"tools": [{"type": "image_generation", "model": "gpt-image-1"}]}, "openai.responses")
    assert pictures.also_models == ("gpt-image-1",)
    # A caller's own tool may say what it likes.
    assert ask({"tools": [{"type": "custom", "name": "x", "model": OPUS}, {"name": "y", "model": 3}]}).also_models == ()


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "advisor_20260301", "name": "advisor"}],
        [{**ADVISOR, "model": ["a"]}],
        [{**ADVISOR, "cache_control": "odd"}],
        {"type": "advisor_20260301", "model": OPUS},
        [{**ADVISOR, "model": f"m{number}"} for number in range(MOST_NAMED + 1)],
    ],
)
def test_a_tool_that_cannot_be_read_may_run_any_model(tools: Any) -> None:
    assert ask({"tools": tools}).substitutes


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=MOST_NAMED, unique=True))
def test_every_model_that_is_named_is_told(names: list[str]) -> None:
    listed = ask({"fallbacks": [{"model": name} for name in names]})
    assert listed.also_models == tuple(names)
    assert ask({"tools": [{**ADVISOR, "model": name} for name in names]}).also_models == tuple(names)


def test_the_requests_of_a_batch_are_read_like_any_other() -> None:
    params = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": SAID, "fallbacks": [{"model": OPUS}]}
    body = json.dumps({"requests": [{"custom_id": "a", "params": params}]}).encode()
    found = read_requests("anthropic.batches", b"application/json", body)
    assert isinstance(found, Requests)
    assert [(one.ask.substitutes, one.ask.also_models) for one in found.all] == [(True, (OPUS,))]


@pytest.mark.parametrize(
    ("kind", "model", "picks"),
    [
        ("openrouter", "openrouter/auto", True),
        ("openrouter", "auto", True),
        ("openrouter", "openrouter/auto:online", True),
        ("openrouter", "~openai/gpt-latest", True),
        ("openrouter", "openai/gpt-5", False),
        ("openrouter", "autonomous/x", False),
        ("", "openrouter/auto", True),
        ("", "auto", False),
        ("openai", None, False),
    ],
)
def test_a_name_that_means_several_models_is_known(kind: str, model: str | None, picks: bool) -> None:
    assert picks_model(kind, model) is picks
