from typing import Any

import msgspec
import pytest
import world

from tollway.exchange.refusal import Refusal
from tollway.exchange.target import LONGEST_MODEL, Target, choose
from tollway.request import Ask

OPENROUTER = {"api": "openai", "base_url": "https://openrouter.ai/api/v1", "api_key": "none"}
SNAPSHOT = world.snapshot(
    providers={"openai": {"api_key": "k"}, "anthropic": {"api_key": "k"}, "google": {}, "openrouter": OPENROUTER}
)


def chosen(model: str | None, *, snapshot: Any = SNAPSHOT, **fields: Any) -> Target | Refusal:
    return choose(world.request(**fields), Ask(model=model), snapshot, world.NOW)


def target(model: str | None, **fields: Any) -> Target:
    found = chosen(model, **fields)
    assert isinstance(found, Target)
    return found


def refusal(model: str | None, **fields: Any) -> Refusal:
    found = chosen(model, **fields)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize(
    ("provider", "asked", "model", "rename", "name"),
    [
        ("openai", "gpt-4o", "gpt-4o", False, "openai/gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o", True, "openai/gpt-4o"),
        ("openai", "anthropic/claude", "anthropic/claude", False, "openai/anthropic/claude"),
        ("openai", None, None, False, "openai"),
        ("openrouter", "openrouter/auto", "openrouter/auto", False, "openrouter/openrouter/auto"),
    ],
)
def test_a_providers_own_path_means_that_provider(
    provider: str, asked: str | None, model: str | None, rename: bool, name: str
) -> None:
    found = target(asked, provider=provider)
    assert (found.provider.slug, found.model, found.rename, found.name) == (provider, model, rename, name)


MODERATION = {"api": "openai.moderations", "path": "/v1/moderations"}


def test_a_moderation_that_names_no_model_is_openais_own_choice() -> None:
    for found in (target(None, **MODERATION), target(None, provider="openai", **MODERATION)):
        assert (found.name, found.rename) == ("openai/omni-moderation-latest", True)
    assert target("text-moderation-latest", **MODERATION).model == "text-moderation-latest"
    assert target(None, provider="openrouter", **MODERATION).model is None
    assert (
        refusal(None, snapshot=world.snapshot(providers={"mistral": {"api_key": "k"}}), **MODERATION).code
        == "model_missing"
    )
    assert refusal(None, api="openai.moderations", path="/v1/chat/moderations").code == "model_missing"


def test_a_provider_may_be_called_by_another_name() -> None:
    snapshot = world.snapshot()
    found = target("gemini/gemini-2.5-pro", provider="gemini", dialect="google", snapshot=snapshot)
    assert (found.provider.slug, found.model, found.rename) == ("google", "gemini-2.5-pro", True)


OWN_NAMES = world.snapshot(providers={"groq": {"api_key": "k"}, "openrouter": {"api_key": "k"}})


@pytest.mark.parametrize(
    ("provider", "asked", "model"),
    [
        ("groq", "groq/compound", "groq/compound"),
        ("groq", "groq/llama-3.3-70b-versatile", "llama-3.3-70b-versatile"),
        (None, "groq/compound-mini", "groq/compound-mini"),
        (None, "groq/groq/compound", "groq/compound"),
        (None, "groq/compound-beta", "compound-beta"),
        (None, "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (None, "openrouter/auto", "openrouter/auto"),
        (None, "openrouter/openrouter/auto", "openrouter/auto"),
        (None, "openrouter/openai/gpt-5", "openai/gpt-5"),
        (None, "openrouter/@preset/mine", "@preset/mine"),
    ],
)
def test_a_model_that_is_called_as_its_provider_is_keeps_its_name(provider: str | None, asked: str, model: str) -> None:
    found = target(asked, provider=provider, snapshot=OWN_NAMES)
    assert (found.model, found.rename) == (model, model != asked)


@pytest.mark.parametrize(
    "model",
    [
        "openai//gpt-5",
        "/gpt-5",
        "openai/gpt-5/",
        "openai/ gpt-5",
        "openai /gpt-5",
        " gpt-5",
        "gpt-5\n",
        "openai/gpt-5\u200b",
    ],
)
def test_a_name_that_a_provider_might_read_as_another_is_refused_with_the_one_to_write(model: str) -> None:
    for provider in (None, "openai"):
        found = refusal(model, provider=provider)
        assert found.code == "model_unknown" and 'gpt-5".' in found.message


def test_a_provider_that_is_not_configured_is_refused_by_name() -> None:
    found = refusal("x", provider="acme")
    assert (
        found.code == "provider_unknown" and '"acme"' in found.message and "anthropic, google, openai" in found.message
    )


def test_on_a_unified_path_the_models_name_decides() -> None:
    found = target("openai/gpt-4o")
    assert (found.provider.slug, found.model, found.rename) == ("openai", "gpt-4o", True)
    bare = target("claude-opus-4-1", dialect="anthropic", api="anthropic.messages")
    assert (bare.provider.slug, bare.model, bare.rename) == ("anthropic", "claude-opus-4-1", False)


@pytest.mark.parametrize("model", [None, ""])
def test_a_request_without_a_model_is_told_how_to_name_one(model: str | None) -> None:
    found = refusal(model)
    assert found.code == "model_missing" and "openai/gpt-4o-mini" in found.message


def test_an_unknown_model_is_refused() -> None:
    assert refusal("acme/x").code == "model_unknown"


def test_a_name_of_no_sane_length_is_refused_and_not_repeated() -> None:
    for provider in (None, "openai"):
        found = refusal("x" * (LONGEST_MODEL + 1), provider=provider)
        assert found.code == "model_unknown" and len(found.message) < 200
    assert isinstance(chosen("x" * LONGEST_MODEL, provider="openai"), Target)


@pytest.mark.parametrize(
    ("model", "dialect", "way"),
    [
        ("anthropic/claude-opus-4-1", "openai", "/v1/messages"),
        ("openai/gpt-4o", "anthropic", "/v1/chat/completions"),
        ("google/gemini-2.5-pro", "anthropic", "/v1beta/models/{model}:generateContent"),
    ],
)
def test_a_model_of_another_api_is_refused_with_the_path_that_serves_it(model: str, dialect: str, way: str) -> None:
    found = refusal(model, dialect=dialect)
    assert found.code == "translation_unsupported" and way in found.message


def test_a_provider_without_a_key_is_refused_unless_callers_bring_their_own() -> None:
    for fields in ({"provider": "google"}, {"dialect": "google"}):
        found = refusal("google/gemini-2.5-pro", **fields)
        assert (found.code, found.rule) == ("provider_key_missing", "google") and "api_key" in found.message
    own = world.snapshot(providers={"google": {}}, gateways=[{"slug": "default", "provider_keys": "caller"}])
    assert target("gemini-2.5-pro", provider="google", snapshot=own).provider.slug == "google"


def test_a_target_knows_whether_its_streams_show_what_they_bill() -> None:
    own = {"api": "openai", "api_key": "none", "base_url": "http://localhost:9"}
    snapshot = world.snapshot(providers={"openai": {"api_key": "k"}, "local": own})
    assert target("openai/gpt-4o", snapshot=snapshot).visible
    assert target("gpt-4o", provider="openai", snapshot=snapshot).visible
    assert not target("openai/o3", snapshot=snapshot).visible
    assert not target("o3", provider="openai", snapshot=snapshot).visible
    assert not target("openai/o3", provider="openai", snapshot=snapshot).visible
    # Nothing is known of a server of one's own, unless its settings say it.
    assert not target("local/o3", snapshot=snapshot).visible
    said = world.snapshot(providers={"local": {**own, "metered": True}})
    assert target("local/o3", snapshot=said).visible
    thinks = choose(world.request(), Ask(model="local/o3", reasons=True), said, world.NOW)
    assert isinstance(thinks, Target) and not thinks.visible
    hides = choose(world.request(), Ask(model="local/o3", hides=True), said, world.NOW)
    assert isinstance(hides, Target) and not hides.visible
    # What cannot reason does not, whatever it is asked.
    found = choose(world.request(), Ask(model="openai/gpt-4o", reasons=True), snapshot, world.NOW)
    assert isinstance(found, Target) and found.visible


def test_of_a_price_list_that_the_book_does_not_have_nothing_is_known_to_be_shown() -> None:
    snapshot = world.snapshot()
    lists = {"openai": msgspec.structs.replace(snapshot.providers["openai"], price_list="of-our-own")}
    assert not target("openai/gpt-4o", snapshot=msgspec.structs.replace(snapshot, providers=lists)).visible
