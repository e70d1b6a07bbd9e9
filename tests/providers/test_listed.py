import pytest

from tollway.providers.listed import listed_as, own_name, spelled_alike, without_variant


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


@pytest.mark.parametrize(
    ("family", "model", "names"),
    [
        ("ollama", "llama3", ("llama3", "llama3:latest", "library/llama3", "library/llama3:latest")),
        ("ollama", "library/llama3:latest", ("llama3", "llama3:latest", "library/llama3", "library/llama3:latest")),
        ("ollama", "registry.ollama.ai/library/llama3:8b", ("llama3:8b", "library/llama3:8b")),
        ("ollama", "someone/llama3", ("someone/llama3", "someone/llama3:latest")),
        ("openai", "llama3", ()),
        ("ollama", "", ()),
    ],
)
def test_ollama_adds_its_library_and_latest_itself(family: str, model: str, names: tuple[str, ...]) -> None:
    assert spelled_alike(family, model) == names


@pytest.mark.parametrize(
    ("kind", "model", "plain"),
    [
        ("openrouter", "openai/gpt-5:nitro", "openai/gpt-5"),
        ("openrouter", "openai/gpt-5:online:floor", "openai/gpt-5"),
        ("openrouter", "openai/gpt-5@preset/mine", "openai/gpt-5"),
        ("openrouter", "openai/gpt-5", "openai/gpt-5"),
        ("ollama", "llama3:8b", "llama3:8b"),
    ],
)
def test_a_variant_at_openrouter_is_of_a_model(kind: str, model: str, plain: str) -> None:
    assert without_variant(kind, model) == plain


@pytest.mark.parametrize(
    ("kind", "model", "name"),
    [
        ("openrouter", "auto", "openrouter/auto"),
        ("openrouter", "openai/gpt-5", "openai/gpt-5"),
        ("openrouter", "@preset/x", "@preset/x"),
        ("groq", "compound-mini", "groq/compound-mini"),
        ("groq", "compound-beta", "compound-beta"),
        ("openai", "gpt-5", "gpt-5"),
    ],
)
def test_a_provider_may_begin_its_own_names_with_its_own(kind: str, model: str, name: str) -> None:
    assert own_name(kind, model) == name
