from importlib import resources
from typing import Any

import pytest
import yaml

from tollway.admin.warnings import warnings_of
from tollway.document import compile_document, read_document
from tollway.pricing.price import FILE, PriceBook

NOW = 1_790_000_000_000
BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
SOUND: dict[str, Any] = {
    "providers": {"openai": {"api_key": "env:OPENAI_API_KEY"}},
    "keys": [{"name": "alice", "secret": "file:alice.key", "user": "alice@example.com", "groups": ["eng"]}],
    "budgets": [{"name": "all", "limit": "5", "window": {"period": "day"}}],
}


def warned(**changes: Any) -> list[str]:
    written = SOUND | changes

    def resolve(reference: str, where: str) -> str:
        return "" if reference == "env:MISSING" else f"secret-of-{reference}"

    document = read_document(written)
    text = yaml.safe_dump(written)
    snapshot = compile_document(document, resolve=resolve, book=BOOK, pepper=b"p", revision=1, text=text)
    return warnings_of(snapshot, NOW)


def budget(**where: Any) -> list[dict[str, Any]]:
    return [{"name": "b", "limit": "1", "window": {"period": "day"}, "where": where}]


def test_sound_settings_are_not_warned_of() -> None:
    assert warned() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"providers": {"openai": {"api_key": "env:MISSING"}}}, 'Provider "openai" has no key'),
        ({"providers": {"openai": {"api_key": "sk-literal"}}}, "providers.openai.api_key is written in the settings"),
        ({"budgets": []}, 'No budget stops anything on gateway "default"'),
        ({"gateways": [{"slug": "default", "authentication": "none"}]}, 'Gateway "default" asks for no key'),
        ({"budgets": budget(user="alise@example.com")}, 'Did you mean "alice@example.com"?'),
        ({"budgets": budget(groups=["eng", "ops"])}, 'no group "ops" is known'),
        ({"budgets": budget(provider="anthropic")}, 'no provider "anthropic" is known'),
        ({"budgets": budget(model="openai/gpt-nope")}, '"openai/gpt-nope" has no price'),
        (
            {"providers": {"azure": {"resource": "r", "api_key": "env:K", "deployments": {"prod": "gpt-4oo"}}}},
            'the deployment "prod" stands for "gpt-4oo", which has no price',
        ),
        (
            {"providers": {"lab": {"api": "openai", "base_url": "https://lab", "api_key": "none"}}},
            'Provider "lab" has no prices',
        ),
        (
            {"keys": [SOUND["keys"][0] | {"expires_at": "2020-01-01T00:00:00Z"}]},
            'Key "alice" has expired',
        ),
    ],
)
def test_what_is_probably_not_meant_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    (warning,) = warned(**changes)
    assert said in warning
    assert "secret-of" not in warning
    assert "sk-literal" not in warning


@pytest.mark.parametrize(
    "where",
    [
        {"user": "*"},
        {"user": "alice@*"},
        {"groups": ["eng"]},
        {"metadata.team": "anything"},
        {"model": ["openai/gpt-4o-mini", "gpt-4o", "anthropic/*"]},
    ],
)
def test_what_can_match_is_not_warned_of(where: dict[str, Any]) -> None:
    assert warned(budgets=budget(**where)) == []


def test_a_gateway_that_passes_callers_keys_on_needs_none_of_its_own() -> None:
    gateways = [{"slug": "default", "provider_keys": "caller"}]
    assert warned(providers={"openai": {}}, gateways=gateways) == []


def test_a_split_by_what_callers_declare_is_warned_of_unless_something_bounds_it() -> None:
    split = {"name": "b", "limit": "1", "window": {"period": "day"}, "split_by": ["metadata.app"]}
    assert any("each new value is a fresh account" in line for line in warned(budgets=[split]))
    assert not any("fresh account" in line for line in warned(budgets=[split | {"attributes": "verified"}]))
    bounded = [*SOUND["budgets"], split | {"parent": "all"}]
    assert not any("fresh account" in line for line in warned(budgets=bounded))
