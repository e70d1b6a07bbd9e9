from importlib import resources

import pytest

from tollway.pricing.price import FILE, PriceBook
from tollway.providers.presets import ALIASES, BY_SLUG, PRESETS, names_of, preset_of

BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_a_preset_can_be_called(preset: object) -> None:
    from tollway.providers.presets import Preset

    assert isinstance(preset, Preset)
    assert preset.name and preset.roots, "it speaks nothing"
    assert preset.family in preset.roots
    assert preset.base_url is None or not preset.base_url.endswith("/")
    assert preset.local == (preset.base_url or "").startswith("http://")
    assert preset.key_header == preset.key_header.lower()
    assert all(root == "" or (root.startswith("/") and not root.endswith("/")) for root in preset.roots.values())


def test_no_name_means_two_providers() -> None:
    names = [preset.slug for preset in PRESETS] + [alias for preset in PRESETS for alias in preset.aliases]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize(
    ("cloudflare", "slug"),
    [
        ("openai", "openai"), ("anthropic", "anthropic"), ("google-ai-studio", "google"), ("google-vertex-ai", "google-vertex"),
        ("azure-openai", "azure"), ("aws-bedrock", "aws-bedrock"), ("workers-ai", "cloudflare"), ("perplexity-ai", "perplexity"),
        ("huggingface", "huggingface"), ("groq", "groq"), ("cohere", "cohere"), ("mistral", "mistral"), ("grok", "xai"),
        ("openrouter", "openrouter"), ("deepseek", "deepseek"), ("cerebras", "cerebras"), ("baseten", "baseten"),
    ],
)  # fmt: skip
def test_cloudflares_slugs_are_known(cloudflare: str, slug: str) -> None:
    found = preset_of(cloudflare)
    assert found is not None and found.slug == slug


@pytest.mark.parametrize(
    "slug",
    [
        "openai", "anthropic", "google", "google-vertex", "aws-bedrock", "azure", "mistral", "cohere", "groq", "deepseek", "xai",
        "perplexity", "openrouter", "cerebras", "together", "fireworks", "moonshotai", "zai", "voyageai", "cloudflare",
    ],
)  # fmt: skip
def test_the_provider_has_a_price_list(slug: str) -> None:
    price_list = BY_SLUG[slug].price_list
    assert price_list is not None and BOOK.lists(price_list)


def test_what_runs_on_ones_own_machines_has_no_price_list() -> None:
    assert {preset.slug for preset in PRESETS if preset.local} == {"ollama", "vllm", "lmstudio"}
    assert all(preset.price_list is None for preset in PRESETS if preset.local)


def test_a_provider_is_known_by_every_name_its_own_first() -> None:
    assert names_of("grok")[:2] == ("grok", "xai")
    assert set(names_of("xai")) == set(names_of("grok"))
    assert names_of("my-server") == ("my-server",)
    assert ALIASES["vertex_ai"] == "google-vertex"
    assert preset_of("MISTRAL") is BY_SLUG["mistral"]
    assert preset_of("nobody") is None
