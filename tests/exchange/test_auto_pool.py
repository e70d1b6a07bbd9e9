"""The models that a caller may have chosen from."""

import re
from typing import Any

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.rules import DEFAULT_ALSO, DEFAULT_MODELS, Auto, Pooled
from tollway.exchange.auto_pool import globbed, pool_of
from tollway.exchange.refusal import Refusal
from tollway.request import Handling

SNAPSHOT = world.snapshot()
AUTO = Auto(models=DEFAULT_MODELS, also=DEFAULT_ALSO)


def pool(auto: Auto = AUTO, **asked: Any) -> list[str]:
    found = pool_of(auto, Handling(**asked), SNAPSHOT)
    assert not isinstance(found, Refusal), found.message
    return [one.name for one in found]


def refused(**asked: Any) -> str:
    found = pool_of(AUTO, Handling(**asked), SNAPSHOT)
    assert isinstance(found, Refusal) and found.code == "header_invalid" and found.status == 400
    return found.message


def test_without_a_word_it_is_the_gateways_own() -> None:
    assert pool() == [one.name for one in DEFAULT_MODELS]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("anthropic/*",), ["anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-5"]),
        (("*/*-mini", "openai/gpt-5-mini"), ["openai/gpt-5-mini", "openai/gpt-4.1-mini", "openai/gpt-4o-mini"]),
        (("claude-*-4-5",), ["anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-5"]),
        (("gpt-5.1",), ["openai/gpt-5.1"]),
        (("google-ai-studio/gemini-2.5-pro",), ["google/gemini-2.5-pro"]),
        (("openai/o3", "openai/gpt-5-mini"), ["openai/o3", "openai/gpt-5-mini"]),
    ],
)
def test_a_callers_list_takes_its_place(patterns: tuple[str, ...], names: list[str]) -> None:
    assert sorted(pool(allowed_models=patterns)) == sorted(names)


def test_a_model_that_is_only_named_has_no_quality() -> None:
    found = pool_of(AUTO, Handling(allowed_models=("openai/o3",)), SNAPSHOT)
    assert found == (Pooled("openai/o3"),)


@pytest.mark.parametrize(
    "entry", ["openai", "nope/gpt-5", "openai/nope-*", "*/*/*", "xai/grok-4", "openai/", "/", "claude"]
)
def test_an_entry_that_means_no_model_here_is_refused_with_what_there_is(entry: str) -> None:
    said = refused(allowed_models=("openai/gpt-5-mini", entry))
    assert (
        f'"{entry}" means no model' in said and '"openai/gpt-5-mini"' in said and "grok" not in said.replace(entry, "")
    )


def test_a_lone_star_is_every_model_there_is_to_choose_from() -> None:
    assert len(pool(allowed_models=("*",))) > len(pool())


def test_providers_are_an_intersection() -> None:
    assert pool(allowed_providers=("anthropic",)) == ["anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5"]
    assert pool(allowed_models=("*/*pro*", "*/*opus*"), allowed_providers=("google-ai-studio",)) == [
        "google/gemini-2.5-pro",
        "google/gemini-3-pro-preview",
    ]


def test_a_provider_that_is_not_here_is_refused() -> None:
    assert 'no provider "xai" is configured; there are: anthropic, google, openai' in refused(
        allowed_providers=("xai",)
    )
    assert "none of the models" in refused(allowed_models=("openai/*",), allowed_providers=("google",))


def test_long_lists_are_refused() -> None:
    assert "50 models" in refused(allowed_models=("openai/gpt-5",) * 51)
    assert "50 models" in refused(allowed_providers=("openai",) * 51)


PATTERN = st.text(alphabet="ab*/", max_size=12)


@given(PATTERN, st.text(alphabet="ab/", max_size=12))
def test_a_pattern_means_what_the_expression_does_that_it_stands_for(pattern: str, name: str) -> None:
    expression = "[^/]*".join(map(re.escape, pattern.split("*")))
    assert globbed(pattern, name) is (re.fullmatch(expression, name) is not None)


def test_no_pattern_takes_long() -> None:
    assert not globbed("a*" * 2_000 + "b", "a" * 4_000)
