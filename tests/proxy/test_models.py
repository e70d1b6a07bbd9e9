import json
from typing import Any

import pytest
import world

from tollway.exchange.refusal import Refusal
from tollway.proxy.models import models_answer
from tollway.proxy.surface import Models

LOCAL = {"api": "openai", "base_url": "https://l/v1", "api_key": "none", "models": ["mine", "llama-*"]}
SNAPSHOT = world.snapshot(providers={"openai": {}, "anthropic": {}, "google": {}, "local": LOCAL})


def listed(family: Any, model: str | None = None, **request: Any) -> Any:
    answer = models_answer(Models("default", family, model), world.request(**request), SNAPSHOT)
    return answer if isinstance(answer, Refusal) else json.loads(answer)


def test_openais_list_has_every_priced_or_named_model_of_that_api() -> None:
    answer = listed("openai")
    names = [card["id"] for card in answer["data"]]
    assert answer["object"] == "list" and names == sorted(set(names))
    assert {"openai/gpt-4o", "openai/gpt-4o-mini", "local/mine"} <= set(names)
    assert not any("*" in name or name.startswith("anthropic/") for name in names)
    assert {"id": "local/mine", "object": "model", "created": 0, "owned_by": "local"} in answer["data"]


def test_anthropics_list_says_where_it_begins_and_ends() -> None:
    answer = listed("anthropic")
    names = [card["id"] for card in answer["data"]]
    assert (answer["first_id"], answer["last_id"], answer["has_more"]) == (names[0], names[-1], False)
    assert all(
        name.startswith("anthropic/") and card["type"] == "model"
        for name, card in zip(names, answer["data"], strict=True)
    )


def test_an_empty_list_of_anthropic_begins_nowhere() -> None:
    empty = world.snapshot(providers={})
    answer = models_answer(Models("default", "anthropic", None), world.request(), empty)
    assert not isinstance(answer, Refusal)
    assert json.loads(answer) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_googles_list_names_its_models_as_google_does() -> None:
    assert all(card["name"].startswith("models/google/") for card in listed("google")["models"])


@pytest.mark.parametrize("name", ["openai/gpt-4o", "gpt-4o", "mine"])
def test_one_model_is_found_by_its_full_and_its_bare_name(name: str) -> None:
    assert listed("openai", name)["id"] == name


@pytest.mark.parametrize("name", ["nope", "openai/claude-opus-4-1", "local/", "llama-*", ""])
def test_a_model_that_is_not_here_is_refused(name: str) -> None:
    answer = listed("openai", name)
    assert isinstance(answer, Refusal) and answer.code == "model_unknown"


def test_a_list_needs_a_key_as_all_else_does() -> None:
    assert listed("openai", secret=None).code == "credential_missing"
    assert listed("openai", secret="not-a-key-of-anyone").code == "credential_unknown"


def test_the_sdks_read_their_lists() -> None:
    import anthropic
    import openai
    from google.genai import types

    openai.types.Model.model_validate(listed("openai")["data"][0])
    card = anthropic.types.ModelInfo.construct(**listed("anthropic", "claude-opus-4-1"))
    assert (card.id, card.type) == ("claude-opus-4-1", "model")
    assert types.Model(name=listed("google")["models"][0]["name"]).name


NAMED = world.snapshot(
    gateways=[{"slug": "default", "auto": {}}, {"slug": "plain"}],
    routes=[
        {"name": "support", "targets": [{"model": "openai/gpt-4o"}]},
        {"name": "own", "gateway": "plain", "targets": [{"model": "openai/gpt-4o"}]},
        {"name": "off", "enabled": False, "targets": [{"model": "openai/gpt-4o"}]},
    ],
)


@pytest.mark.parametrize(
    ("gateway", "names"),
    [("default", ["dynamic/support", "tollway/auto"]), ("plain", ["dynamic/own", "dynamic/support"])],
)
@pytest.mark.parametrize("family", ["openai", "anthropic", "google"])
def test_what_a_gateway_has_under_names_of_its_own_is_listed_on_every_api(
    family: Any, gateway: str, names: list[str]
) -> None:
    answer = models_answer(Models(gateway, family, None), world.request(gateway=gateway), NAMED)
    assert not isinstance(answer, Refusal)
    cards = json.loads(answer).get("data") or json.loads(answer)["models"]
    found = [(card.get("id") or card["name"]).removeprefix("models/") for card in cards]
    assert [name for name in found if name.startswith(("dynamic/", "tollway/"))] == names
    card = models_answer(Models(gateway, family, names[0]), world.request(gateway=gateway), NAMED)
    assert not isinstance(card, Refusal)
