"""What models take, by their names."""

import pytest

from tollway.translate.abilities import claude, openai, openai_effort
from tollway.translate.conversation import Reasoning


@pytest.mark.parametrize(
    ("model", "thinks", "adaptive", "samples"),
    [
        ("claude-3-haiku-20240307", False, False, True),
        ("claude-3-5-sonnet-20241022", False, False, True),
        ("claude-3-7-sonnet-latest", True, False, True),
        ("claude-sonnet-4-20250514", True, False, True),
        ("claude-opus-4-1-20250805", True, False, True),
        ("claude-haiku-4-5-20251001", True, False, True),
        ("anthropic.claude-opus-4-6-v1", True, True, True),
        ("claude-opus-4-7", True, True, False),
        ("claude-sonnet-5", True, True, False),
        ("anthropic/claude-sonnet-4.6", True, True, True),
        ("claude-mythos-preview", True, True, False),
        ("MiniMax-M2", True, False, True),
    ],
)
def test_a_claude_is_known_by_its_version(model: str, thinks: bool, adaptive: bool, samples: bool) -> None:
    found = claude(model)
    assert (found.thinks, found.adaptive, found.samples) == (thinks, adaptive, samples)


@pytest.mark.parametrize(
    ("model", "reasons", "efforts"),
    [
        ("gpt-4o", False, ()),
        ("gpt-4.1-mini", False, ()),
        ("o4-mini", True, ("low", "medium", "high")),
        ("gpt-5-mini-2025-08-07", True, ("minimal", "low", "medium", "high")),
        ("gpt-5.1", True, ("none", "low", "medium", "high")),
        ("openai/gpt-5.2", True, ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.2-chat-latest", True, ()),
        ("openai/gpt-oss-120b", False, ("low", "medium", "high")),
        ("deepseek-reasoner", False, ("low", "medium", "high")),
    ],
)
def test_an_openai_model_is_known_by_its_name(model: str, reasons: bool, efforts: tuple[str, ...]) -> None:
    found = openai(model)
    assert (found.reasons, found.efforts) == (reasons, efforts)


@pytest.mark.parametrize(
    ("model", "wanted", "asked"),
    [
        ("gpt-5.2", Reasoning(effort="max"), "xhigh"),
        ("gpt-5", Reasoning(effort="xhigh"), "high"),
        ("gpt-5", Reasoning(tokens=0), None),
        ("gpt-5.1", Reasoning(tokens=0), "none"),
        ("gpt-5.1", Reasoning(effort="minimal"), "low"),
        ("gpt-4o", Reasoning(effort="high"), None),
        ("qwen3", Reasoning(tokens=2000), "low"),
        ("qwen3", Reasoning(adaptive=True), None),
    ],
)
def test_the_effort_is_the_one_meant_or_the_next_lower(model: str, wanted: Reasoning, asked: str | None) -> None:
    assert openai_effort(model, wanted) == asked
