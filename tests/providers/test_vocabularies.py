import pytest

from tollway.providers.vocabularies import vocabulary_of


@pytest.mark.parametrize(
    ("price_list", "model", "name"),
    [
        ("openai", "gpt-4o-mini-2024-07-18", "o200k_base"),
        ("openai", "GPT-4.1", "o200k_base"),
        ("openai", "gpt-5.2", "o200k_base"),
        ("openai", "o3-mini", "o200k_base"),
        ("openai", "gpt-4", "cl100k_base"),
        ("openai", "gpt-4-0613", "cl100k_base"),
        ("openai", "gpt-3.5-turbo", "cl100k_base"),
        ("openai", "ft:gpt-4o-mini:acme::abc", "o200k_base"),
        ("azure", "gpt-35-turbo", "cl100k_base"),
        ("groq", "openai/gpt-oss-120b", "o200k_harmony"),
        ("fireworks", "accounts/fireworks/models/qwen3.5-397b", "qwen3.5"),
        ("anthropic", "claude-3-5-haiku-latest", "claude"),
        ("anthropic", "claude-opus-4-20250514", "claude"),
        ("anthropic", "claude-opus-4-6", "claude"),
        ("anthropic", "claude-opus-4-7", "claude-4.7"),
        ("anthropic", "claude-sonnet-5", "claude-4.7"),
        ("google-vertex", "claude-sonnet-4-5@20250929", "claude"),
    ],
)
def test_a_model_counts_with_the_vocabulary_of_its_family(price_list: str, model: str, name: str) -> None:
    found = vocabulary_of(price_list, model)
    assert found is not None and found.name == name
    assert found.exact == (not name.startswith("claude"))


@pytest.mark.parametrize(
    ("price_list", "model"),
    [
        (None, "gpt-4o"),
        ("openai", "some-new-thing"),
        ("google", "gemini-2.0-flash"),
        ("mistral", "mistral-large"),
        ("together", "qwen2.5-72b"),
        ("xai", "grok-2"),
    ],
)
def test_what_is_not_published_or_not_known_has_none(price_list: str | None, model: str) -> None:
    assert vocabulary_of(price_list, model) is None
