"""A request for a provider that does not speak its caller's API."""

import json
from typing import Any, get_args

import pytest
import world

from tollway.exchange.case import Candidate, Case
from tollway.exchange.holding import NOTHING_LEARNED
from tollway.exchange.other_api import api_there, in_other_api
from tollway.exchange.refusal import Refusal
from tollway.exchange.story import Story
from tollway.identity.identity import ANONYMOUS
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask, InferenceRequest
from tollway.snapshot import NoRoute, Snapshot

CHAT = {"model": "anthropic/claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
KINDS = ("openai.chat", "openai.responses", "anthropic.messages", "google.generate")


def test_only_what_can_be_put_into_other_words_is() -> None:
    snapshot = world.snapshot()
    for api in get_args(Api.__value__ if hasattr(Api, "__value__") else Api):
        for slug in ("openai", "anthropic", "google"):
            there = api_there(api, snapshot.providers[slug])
            if api not in KINDS:
                assert there is None, api
            elif there is not None:
                assert codec_for(there).dialect in snapshot.providers[slug].roots


@pytest.mark.parametrize(
    ("api", "slug", "there"),
    [
        ("openai.chat", "anthropic", "anthropic.messages"),
        ("openai.responses", "anthropic", "anthropic.messages"),
        ("anthropic.messages", "openai", "openai.chat"),
        ("anthropic.messages", "anthropic", None),
        ("openai.chat", "openai", None),
        ("openai.responses", "openai", None),
        ("google.generate", "anthropic", "anthropic.messages"),
        ("openai.responses", "google", "google.generate"),
        ("openai.chat", "google", None),
        ("anthropic.messages", "google", "google.generate"),
        ("openai.embeddings", "anthropic", None),
    ],
)
def test_a_request_goes_in_the_api_of_its_provider(api: Api, slug: str, there: str | None) -> None:
    assert api_there(api, world.snapshot().providers[slug]) == there


def put(body: Any, snapshot: Snapshot | None = None, **asked: Any) -> Candidate | Refusal:
    snapshot = snapshot or world.snapshot()
    request: InferenceRequest = world.request(body, **asked)
    case = Case(Story(request), ANONYMOUS, snapshot, world.calendar(), world.NOW, NOTHING_LEARNED)
    route = snapshot.route("anthropic/claude-sonnet-4-5", "openai", world.NOW)
    assert not isinstance(route, NoRoute)
    return in_other_api(case, request, Ask(model=route.model), route, "anthropic.messages")


def test_the_request_is_the_providers_in_path_body_and_headers() -> None:
    asked = (
        (b"content-type", b"application/json"),
        (b"openai-organization", b"theirs"),
        (b"x-stainless-lang", b"python"),
        (b"x-codex-turn-metadata", b"{}"),
        (b"user-agent", b"mine"),
    )
    found = put(CHAT, headers=asked)
    assert isinstance(found, Candidate)
    inner = found.request
    assert (inner.api, inner.dialect, inner.upstream_path) == ("anthropic.messages", "anthropic", "/v1/messages")
    body = json.loads(inner.body)
    assert (body["model"], body["max_tokens"]) == ("claude-sonnet-4-5", 9)
    assert set(inner.headers) == {
        (b"user-agent", b"mine"),
        (b"content-type", b"application/json"),
        (b"anthropic-version", b"2023-06-01"),
    }
    assert (found.target.name, found.target.rename) == ("anthropic/claude-sonnet-4-5", False)
    assert found.asked is not None and found.asked.api == "openai.chat"
    assert found.ask.max_output_tokens == 9, "what is held is what is sent"


def test_a_cap_that_the_api_must_have_is_no_more_than_the_gateway_and_the_model_give() -> None:
    uncapped = {name: value for name, value in CHAT.items() if name != "max_tokens"}
    gateways = [{"slug": "default", "default_output_tokens": 777}]
    found = put(uncapped, world.snapshot(gateways=gateways))
    assert isinstance(found, Candidate) and json.loads(found.request.body)["max_tokens"] == 777
    assert found.ask.max_output_tokens == 777


def test_what_cannot_be_said_there_is_refused_by_the_fields_name() -> None:
    refused = put({**CHAT, "n": 3})
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.details["field"], refused.details["api"]) == (
        "translation_unsupported",
        "n",
        "anthropic.messages",
    )
    assert "n" in refused.message and "anthropic/claude-sonnet-4-5" in refused.message


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'"x"', {"model": "anthropic/claude-sonnet-4-5"}, {**CHAT, "messages": 7}]
)
def test_a_body_that_is_no_request_is_refused_and_never_a_defect(body: Any) -> None:
    refused = put(body)
    assert isinstance(refused, Refusal) and refused.code in ("body_invalid", "translation_unsupported")


def test_without_a_key_of_the_provider_the_refusal_says_so() -> None:
    refused = put(CHAT, world.snapshot(providers={"anthropic": {}}))
    assert isinstance(refused, Refusal) and refused.code == "provider_key_missing"


def test_a_provider_is_not_sent_fields_that_it_is_known_not_to_take() -> None:
    snapshot = world.snapshot(providers={"mistral": {"api_key": "k"}})
    body = {
        **CHAT,
        "model": "mistral/mistral-large-latest",
        "stream": True,
        "metadata": {"user_id": "u"},
    }
    request: InferenceRequest = world.request(body, api="anthropic.messages", dialect="anthropic", path="/v1/messages")
    case = Case(Story(request), ANONYMOUS, snapshot, world.calendar(), world.NOW, NOTHING_LEARNED)
    route = snapshot.route("mistral/mistral-large-latest", "openai", world.NOW)
    assert not isinstance(route, NoRoute)
    found = in_other_api(case, request, Ask(model=route.model), route, "openai.chat")
    assert isinstance(found, Candidate) and found.lost == ("user",)
    assert not {"user", "stream_options"} & set(json.loads(found.request.body))
