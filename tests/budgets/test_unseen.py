"""Budgets that select by model, for a request whose model is not known."""

from typing import Any

import pytest

from tollway.budgets.budget import Budget
from tollway.budgets.unseen import hides_model, may_mean, unseen_budgets
from tollway.budgets.window import Fixed
from tollway.match import HIDDEN_MODEL, Attribute, Facts, Match

OPENAI: Facts = {"provider": Attribute(("openai",), "gateway"), "user": Attribute(("a",), "key")}
GPT = (Match("model", ("gpt-*",)),)


def budget(**changes: Any) -> Budget:
    return Budget(**{"id": "b", "name": "b", "limit": 1, "window": Fixed("day"), "where": GPT, **changes})


@pytest.mark.parametrize(
    ("changes", "unseen"),
    [
        ({}, True),
        ({"where": ()}, False),
        ({"enabled": False}, False),
        ({"mode": "monitor"}, False),
        ({"on_unpriced": "count"}, False),
        ({"on_unpriced": "ceiling"}, True),
        ({"guarantee": "settled"}, True),
        ({"where": (*GPT, Match("user", ("b",)))}, False),
        ({"where": (*GPT, Match("user", ("a",)))}, True),
        ({"where": (*GPT, Match("provider", ("anthropic",)))}, False),
        ({"where": (Match("model", ("anthropic/*",)),)}, False),
        ({"where": (Match("model", ("open*/*",)),)}, True),
        ({"where": (Match("model", ("gpt-5",), negated=True),)}, True),
        ({"where": (), "split_by": ("model",)}, True),
        ({"where": (), "split_by": ("model",), "untagged": "bucket"}, False),
        ({"split_by": ("user",)}, True),
        ({"split_by": ("service",)}, False),
        ({"split_by": ("service",), "untagged": "bucket"}, True),
    ],
)
def test_a_budget_that_might_count_the_call_is_told(changes: dict[str, Any], unseen: bool) -> None:
    assert bool(list(unseen_budgets([budget(**changes)], OPENAI))) is unseen


def test_a_model_is_not_known_where_none_is_named_or_its_owner_named_it() -> None:
    named = {**OPENAI, "model": Attribute(("openai/x", "x"), "gateway")}
    assert hides_model(OPENAI)
    assert not hides_model(named)
    assert hides_model({**named, HIDDEN_MODEL: Attribute(("true",), "gateway")})


@pytest.mark.parametrize(("provider", "pattern", "means"), [
    ("openai", "openai/gpt-*", True), ("openai", "anthropic/*", False), ("openai", "*", True), ("openai", "*/*", True),
    ("openrouter", "openai/gpt-5", True), (None, "openai/x", True),
])  # fmt: skip
def test_a_pattern_may_mean_a_model_of_its_provider(provider: str | None, pattern: str, means: bool) -> None:
    facts = {"provider": Attribute((provider,), "gateway")} if provider is not None else {}
    assert may_mean((pattern,), facts) is means
