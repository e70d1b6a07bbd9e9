import pytest

from tollway.providers.listed import listed_as


@pytest.mark.parametrize(
    ("kind", "price_list", "model", "path", "found"),
    [
        ("openai", "openai", "gpt-4o", "/v1/chat/completions", ("openai", "gpt-4o")),
        ("", None, "llama", "/v1/chat/completions", (None, "llama")),
        ("huggingface", "huggingface", "org/m:nebius", "/v1/chat/completions", ("huggingface_nebius", "org/m")),
        ("huggingface", "huggingface", "org/m", "/novita/v3/openai/chat/completions", ("huggingface_novita", "org/m")),
        ("huggingface", "huggingface", "org/m", "/v1/chat/completions", ("huggingface", "org/m")),
        (
            "google-vertex",
            "google-vertex",
            "google/gemini-2.5-pro",
            "/v1/chat/completions",
            ("google-vertex", "gemini-2.5-pro"),
        ),
        ("google-vertex", "google", "gemini-2.5-pro", "", ("google", "gemini-2.5-pro")),
        ("google", "google", "claude-opus-4-1", "", (None, "claude-opus-4-1")),
        ("google-vertex", "google", "claude-opus-4-1", "", ("google", "claude-opus-4-1")),
        ("openrouter", "openrouter", "google/gemini-2.5-pro", "", ("openrouter", "google/gemini-2.5-pro")),
    ],
)
def test_a_price_list_is_asked_by_the_name_it_has(
    kind: str, price_list: str | None, model: str, path: str, found: tuple[str | None, str]
) -> None:
    assert listed_as(kind, price_list, model, path) == found
