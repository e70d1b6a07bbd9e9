"""One name for each provider, whatever people call it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.pricing.price import PriceBook
from tollway.pricing.slugs import PROVIDER_ALIASES, canonical


@pytest.mark.parametrize("alias", PROVIDER_ALIASES)
def test_every_alias_leads_to_a_provider_whose_prices_the_book_has(alias: str, book: PriceBook) -> None:
    assert book.models(canonical(alias)), f"{alias} means {canonical(alias)}, which the book does not know"


@pytest.mark.parametrize("alias", PROVIDER_ALIASES)
def test_an_alias_is_written_as_it_is_looked_up(alias: str) -> None:
    assert alias == alias.lower()
    assert alias != PROVIDER_ALIASES[alias]
    assert canonical(alias.upper()) == PROVIDER_ALIASES[alias]


@given(st.sampled_from(sorted(PROVIDER_ALIASES)) | st.text(alphabet="abcXYZ-_.019", max_size=12))
def test_a_canonical_name_is_its_own_canonical_name(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name)


@pytest.mark.parametrize("name", ["my-vllm", "openai", "", "google ", "bedrock/eu", "vertex-"])
def test_a_name_that_nobody_knows_stays(name: str) -> None:
    assert canonical(name) == name


def test_a_name_that_nobody_knows_is_still_one_name_in_capitals() -> None:
    assert canonical("My-vLLM") == "my-vllm"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Cloudflare, LiteLLM, the OpenTelemetry conventions, and authors' own names.
        ("google-ai-studio", "gcp.vertex_ai"),
        ("google-vertex-ai", "gemini"),
        ("azure-openai", "azure.ai.openai"),
        ("aws.bedrock", "bedrock"),
        ("grok", "x_ai"),
        ("mistralai", "mistral_ai"),
        ("togetherai", "together_ai"),
    ],
)
def test_names_of_different_books_mean_one_provider(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"), [("azure-openai", "openai"), ("google-vertex", "anthropic"), ("grok", "groq")]
)
def test_a_reseller_is_not_the_maker_it_is_named_after(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
