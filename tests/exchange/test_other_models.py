"""What names another model passes no budget at the named model's bound, and no block and no key that is not for it."""

from typing import Any

import pytest
import world
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import CHAT, Playbook

from tollway.exchange.batch_telling import Aimed, Stopped, Telling, aim
from tollway.exchange.steps import Reserve
from tollway.exchange.story import Story
from tollway.identity.identity import ANONYMOUS
from tollway.request import Ask

EVERYONE = {"name": "everyone", "action": {"type": "no-limit"}}
BLOCK = {
    "name": "dear",
    "action": {"type": "block"},
    "resource": {"model": ["*opus*", "*/*gpt-5*", "*gpt-5*", "*gemini-2.5-pro*", "gpt-image-*"]},
}
PROVIDERS: dict[str, Any] = {
    "openai": {"api_key": "k"},
    "anthropic": {"api_key": "k"},
    "google": {"api_key": "k"},
    "openrouter": {"api_key": "k"},
    "azure": {"base_url": "https://a.example", "api_key": "k", "api_version": "2024-10-21",
              "deployments": {"Prod": "gpt-5", "small": "gpt-4o-mini"}},
    "aws-bedrock": {"api_key": "k", "region": "us-east-1"},
}  # fmt: skip
HARD = [{"name": "all", "limit": "100", "window": {"period": "total"}}]
SAID = [{"role": "user", "content": "hi"}]
HAIKU = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": SAID}
ANTHROPIC: dict[str, Any] = {"api": "anthropic.messages", "dialect": "anthropic", "path": "/v1/messages"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6"}


def ended(
    body: dict[str, Any], *, policies: Any = (), budgets: Any = (), models: tuple[str, ...] = (), **asked: Any
) -> str:
    """ "reserved", or the code of the refusal and what it says."""
    keys = [{"name": "alice", "secret": world.KEY, "user": "a", **({"models": list(models)} if models else {})}]
    snapshot = world.snapshot(providers=PROVIDERS, keys=keys, policies=list(policies), budgets=list(budgets))
    play = Playbook(snapshot, body=body, **asked)
    play.authenticated()
    if isinstance(play.command, Reserve):
        return "reserved"
    send, record = play.sent_and_logged()
    return f"{record.code}: {send.body.decode()}"


OTHERS = [
    {"fallbacks": [{"model": "claude-opus-4-6", "max_tokens": 32_000}]},
    {"fallbacks": "default"},
    {"tools": [ADVISOR]},
    {"models": ["claude-opus-4-6"]},
    {"plugins": [{"id": "web"}]},
]


@pytest.mark.parametrize("extra", OTHERS)
def test_another_model_passes_neither_budget_nor_block_nor_key(extra: dict[str, Any]) -> None:
    body = {**HAIKU, **extra}
    assert ended(body, budgets=HARD, **ANTHROPIC).startswith("price_unknown")
    assert ended(body, policies=[EVERYONE, BLOCK], **ANTHROPIC).startswith("policy_denied")
    assert ended(body, models=("claude-haiku-*",), **ANTHROPIC).startswith("model_not_allowed")
    assert ended(HAIKU, budgets=HARD, policies=[EVERYONE, BLOCK], models=("claude-haiku-*",), **ANTHROPIC) == "reserved"


def test_a_refusal_names_the_other_model() -> None:
    for extra in OTHERS[0], OTHERS[2]:
        assert "anthropic/claude-opus-4-6" in ended({**HAIKU, **extra}, policies=[EVERYONE, BLOCK], **ANTHROPIC)


def test_an_advisor_that_is_permitted_passes_policies() -> None:
    allowed = {**HAIKU, "tools": [{**ADVISOR, "model": "claude-sonnet-4-5"}]}
    assert ended(allowed, policies=[EVERYONE, BLOCK], **ANTHROPIC) == "reserved"


def test_a_budget_of_the_other_model_alone_refuses() -> None:
    never = [{"name": "no opus", "limit": "0", "where": {"model": "claude-opus-*"}, "window": {"period": "total"}}]
    assert ended({**HAIKU, **OTHERS[0]}, budgets=never, **ANTHROPIC).startswith("price_unknown")
    assert ended(HAIKU, budgets=never, **ANTHROPIC) == "reserved"


def test_at_the_ceiling_an_answer_beyond_the_cap_has_no_bound() -> None:
    ceiling = [{**HARD[0], "on_unpriced": "ceiling"}]
    assert ended({**HAIKU, **OTHERS[0]}, budgets=ceiling, **ANTHROPIC).startswith("request_unbounded")


def test_the_model_of_a_tool_that_makes_pictures_is_asked_for() -> None:
    body = {"model": "openai/gpt-4o", "input": "x", "max_output_tokens": 16,
            "tools": [{"type": "image_generation", "model": "gpt-image-1"}]}  # fmt: skip
    asked: dict[str, Any] = {"api": "openai.responses", "path": "/v1/responses"}
    said = ended(body, policies=[EVERYONE, BLOCK], **asked)
    assert said.startswith("policy_denied") and "gpt-image-1" in said
    assert ended(body, models=("gpt-4o*",), **asked).startswith("model_not_allowed")


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["fallbacks", "tools", "models"]),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12),
)
def test_whatever_model_is_named_besides_no_hard_budget_holds_the_named_models_bound(where: str, name: str) -> None:
    value: Any = [name] if where == "models" else [{**ADVISOR, "model": name}]
    assert ended({**HAIKU, where: value}, budgets=HARD, **ANTHROPIC).startswith("price_unknown")
    assert ended({**HAIKU, where: value}, models=("claude-haiku-4-5",), **ANTHROPIC).startswith("model_not_allowed")


@pytest.mark.parametrize("model", ["openrouter/auto", "openrouter/openrouter/auto", "openrouter/~openai/gpt-latest"])
def test_a_name_that_lets_a_router_choose_is_no_models(model: str) -> None:
    body = {**CHAT, "model": model}
    assert ended(body, budgets=HARD).startswith("price_unknown")
    assert ended(body, policies=[EVERYONE, BLOCK]).startswith("policy_denied")


@pytest.mark.parametrize(
    "model",
    ["models/gemini-2.5-pro", "google/models/gemini-2.5-pro", "Models/Gemini-2.5-pro", "models/models/gemini-2.5-pro"],
)
def test_a_folder_in_front_of_googles_name_hides_nothing(model: str) -> None:
    asked = {"provider": "google", "path": "/v1beta/openai/chat/completions"}
    exact = {"name": "pro", "action": {"type": "block"}, "resource": {"model": "gemini-2.5-pro"}}
    assert ended({**CHAT, "model": model}, policies=[EVERYONE, exact], **asked).startswith("policy_denied")
    assert ended({**CHAT, "model": model, "max_tokens": 9}, budgets=HARD, **asked) == "reserved"


@pytest.mark.parametrize(("model", "code"), [
    ("azure/Prod", "policy_denied"), ("azure/prod", "policy_denied"), ("azure/unlisted", "policy_denied"),
    ("azure/small", "reserved"), ("azure/SMALL", "reserved"),
])  # fmt: skip
def test_a_deployment_that_nobody_has_listed_may_be_any_model(model: str, code: str) -> None:
    assert ended({**CHAT, "model": model}, policies=[EVERYONE, BLOCK]).startswith(code)
    assert ended({**CHAT, "model": model}, policies=[EVERYONE]) == "reserved"


@pytest.mark.parametrize(("name", "code"), [
    ("application-inference-profile/abc", "policy_denied"), ("prompt/ABC:1", "policy_denied"),
    ("provisioned-model/abc", "policy_denied"), ("imported-model/abc", "policy_denied"),
    ("inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", "reserved"),
    ("foundation-model/anthropic.claude-opus-4-6-v1", "policy_denied"),
])  # fmt: skip
def test_an_arn_without_a_model_in_it_may_be_any_model(name: str, code: str) -> None:
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{name}".replace("/", "%2F")
    body = {"messages": [{"role": "user", "content": [{"text": "h"}]}], "inferenceConfig": {"maxTokens": 5}}
    asked = {
        "api": "bedrock.converse",
        "dialect": "bedrock",
        "path": f"/model/{arn}/converse",
        "provider": "aws-bedrock",
    }
    assert ended(body, policies=[EVERYONE, BLOCK], **asked).startswith(code)


def test_the_requests_of_a_batch_are_asked_for_too() -> None:
    snapshot = world.snapshot(providers=PROVIDERS, policies=[EVERYONE, BLOCK], budgets=[])
    request = world.request(HAIKU, **ANTHROPIC, provider="anthropic")
    telling = Telling(Story(request), request, ANONYMOUS, snapshot, world.calendar(), world.NOW)
    plain = Ask(model="claude-haiku-4-5")
    assert isinstance(aim(telling, "claude-haiku-4-5", [plain]), Aimed)
    for other in Ask(also_models=("claude-opus-4-6",)), Ask(substitutes=True):
        found = aim(telling, "claude-haiku-4-5", [plain, other])
        assert isinstance(found, Stopped) and found.refusal.code == "policy_denied"


def test_a_tuned_model_may_be_any_model() -> None:
    asked = {"provider": "google", "path": "/v1beta/openai/chat/completions"}
    assert ended({**CHAT, "model": "tunedModels/x"}, policies=[EVERYONE, BLOCK], **asked).startswith("policy_denied")
    assert ended({**CHAT, "model": "tunedModels/x"}, policies=[EVERYONE], **asked) == "reserved"
