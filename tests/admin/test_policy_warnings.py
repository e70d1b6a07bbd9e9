"""Policies about what nothing here is."""

from typing import Any

import pytest
from tests.admin.test_warnings import NOW, compiled

from tollway.admin.policy_warnings import policy_warnings

PROVIDERS = {
    "openai": {"api_key": "k"},
    "azure": {"base_url": "https://a.example", "api_key": "k", "deployments": {"prod": "gpt-4o"}},
}
LOCAL = {**PROVIDERS, "ollama": {"base_url": "http://127.0.0.1:11434", "api_key": "none"}}


def warned(resource: Any, providers: Any = PROVIDERS, **more: Any) -> list[str]:
    policy = {"name": "p", "action": {"type": "block"}, "resource": resource, **more}
    return policy_warnings(compiled(providers=providers, policies=[policy]), NOW)


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (
            {"provider": "opanai"},
            'no provider "opanai" is configured, so it is about nothing there. Did you mean "openai"?',
        ),
        ({"model": "openai/gpt4.1"}, 'no model "openai/gpt4.1" is known'),
        ({"model": "openai/gpt4.1"}, 'Did you mean "openai/gpt-4.1"?'),
        (
            {"model": "anthropic/claude-*"},
            'no provider "anthropic" is configured, so "anthropic/claude-*" is about nothing.',
        ),
    ],
)
def test_a_resource_that_nothing_here_is_is_told(resource: Any, said: str) -> None:
    (warning,) = warned(resource)
    assert warning.startswith('Policy "p": ') and said in warning
    assert warned(resource, enabled=False) == []


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        {"provider": ["OpenAI", "azure-openai"]},
        {"model": ["openai/gpt-4.1", "openai/gpt-*", "*opus*", "*/*gpt-5*"]},
        {"model": ["azure/prod", "ollama/anything", "llama3"]},
    ],
)
def test_a_resource_that_may_be_something_here_is_not(resource: Any) -> None:
    assert warned(resource, LOCAL) == []


def test_a_name_that_a_list_has_versions_of_is_about_those_and_never_its_own_hint() -> None:
    mistral = {"mistral": {"api_key": "k"}}
    assert warned({"model": ["mistral/codestral", "mistral/codestral-2508"]}, mistral) == []
    (warning,) = warned({"model": "mistral/codestrel"}, mistral)
    assert 'Did you mean "mistral/codestral' in warning
    assert len(warned({"model": "openai/gpt-4o-2024-05-31"})) == 1, "a date that is none is told"


def test_a_bare_name_that_no_price_list_has_is_told_where_all_have_one() -> None:
    assert "gpt4.1" in warned({"model": "gpt4.1"}, {"openai": {"api_key": "k"}})[0]
    reseller = {"openrouter": {"api_key": "k"}}
    assert warned({"model": "anthropic/claude-*"}, reseller) == []
