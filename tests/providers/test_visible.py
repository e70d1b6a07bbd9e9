import pytest

from tollway.providers.visible import VISIBLE, shows_every_token
from tollway.request import Ask


@pytest.mark.parametrize(
    ("price_list", "model", "shown"),
    [
        ("openai", "gpt-4o-mini", True),
        ("openai", "GPT-4.1", True),
        ("openai", "gpt-3.5-turbo-instruct", True),
        ("openai", "chatgpt-4o-latest", True),
        ("openai", "davinci-002", True),
        ("openai", "o3", False),
        ("openai", "o4-mini", False),
        ("openai", "gpt-5", False),
        ("openai", "a-model-nobody-knows", False),
        ("anthropic", "claude-2.1", True),
        ("anthropic", "claude-3-7-sonnet-20250219", True),
        ("anthropic", "claude-opus-4-1-20250805", True),
        ("anthropic", "claude-sonnet-5-20260401", False),
        ("google", "gemini-2.0-flash", True),
        ("google", "gemini-2.0-flash-thinking-exp", False),
        ("google", "gemini-2.5-flash", False),
        # What a reseller's model hides is not known, nor is another provider's model of the same name.
        ("openrouter", "openai/gpt-4o-mini", False),
        ("openrouter", "gpt-4o-mini", False),
        ("anthropic", "gpt-4o-mini", False),
        ("google-vertex", "gemini-2.0-flash", True),
        ("aws-bedrock", "us.anthropic.claude-3-5-haiku-20241022-v1:0", True),
        ("aws-bedrock", "us.deepseek.r1-v1:0", False),
        ("groq", "llama-3.3-70b-versatile", True),
        ("groq", "openai/gpt-oss-120b", False),
        ("mistral", "magistral-medium-latest", False),
        ("xai", "grok-4-fast-non-reasoning", True),
        ("xai", "grok-4-fast-reasoning", False),
        # A server of one's own, of which nothing is known.
        (None, "qwen3", False),
        (None, None, False),
        ("openai", None, False),
    ],
)
def test_only_models_that_are_known_to_hide_nothing_are_visible(
    price_list: str | None, model: str | None, shown: bool
) -> None:
    assert shows_every_token(price_list, model, Ask(model=model)) == shown


@pytest.mark.parametrize(
    ("price_list", "model"),
    [("openai", "gpt-5-mini"), ("anthropic", "claude-opus-4-1"), ("google", "gemini-2.0-flash")],
)
def test_a_request_that_asks_for_reasoning_is_not_shown_in_full(price_list: str, model: str) -> None:
    assert not shows_every_token(price_list, model, Ask(model=model, reasons=True))
    assert not shows_every_token(None, model, Ask(model=model))


@pytest.mark.parametrize(("price_list", "model"), [("openai", "gpt-4.1"), ("azure", "gpt-4o")])
def test_a_wish_for_reasoning_changes_nothing_of_a_model_that_cannot(price_list: str, model: str) -> None:
    assert shows_every_token(price_list, model, Ask(model=model, reasons=True))


def test_every_row_says_why_and_where_from() -> None:
    assert all(row.patterns and row.reason and row.source for row in VISIBLE)
    assert all(pattern == pattern.lower() for row in VISIBLE for pattern in row.patterns)


@pytest.mark.parametrize(
    ("price_list", "model"), [("openai", "gpt-4.1"), ("azure", "gpt-4o"), ("google", "gemini-2.0-flash")]
)
def test_what_a_request_hides_no_model_shows(price_list: str, model: str) -> None:
    assert not shows_every_token(price_list, model, Ask(model=model, hides=True))
