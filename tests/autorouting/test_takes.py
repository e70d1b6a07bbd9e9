import pytest

from tollway.autorouting.takes import takes


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("gpt-5-mini", {"tools", "image", "document"}),
        ("GPT-4o-2024-11-20", {"tools", "image", "document"}),
        ("gpt-4o-audio-preview", {"tools", "audio"}),
        ("o3-mini", {"tools"}),
        ("o3", {"tools", "image", "document"}),
        ("gpt-3.5-turbo", {"tools"}),
        ("claude-sonnet-4-5", {"tools", "image", "document"}),
        ("claude-2.1", set()),
        ("anthropic.claude-haiku-4-5-v1:0", {"tools", "image", "document"}),
        ("gemini-2.5-flash", {"tools", "image", "document", "audio", "video"}),
        ("grok-4-fast", {"tools", "image"}),
        ("pixtral-large-latest", {"tools", "image"}),
        ("qwen2.5-vl-72b", {"tools", "image"}),
        ("llama-3.3-70b-versatile", {"tools"}),
        ("something-of-our-own", {"tools"}),
    ],
)
def test_what_a_model_takes_is_told_by_its_name(model: str, taken: set[str]) -> None:
    assert takes(model) == taken
