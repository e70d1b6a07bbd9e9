from importlib import resources

import msgspec
import pytest

from tollway.admin.price_warnings import price_warnings
from tollway.document import compile_document
from tollway.document.text import parse
from tollway.pricing.overrides import PriceOverride
from tollway.pricing.price import FILE, PriceBook
from tollway.snapshot import Snapshot

SETTINGS = """\
providers:
  openai: {}
  google-vertex: {project: p, region: europe-west1}
  azure: {resource: r, api_version: "2024-10-21", deployments: {chat: gpt-4o, ours: fine-tuned}}
  mine: {api: openai, base_url: "http://127.0.0.1:9/v1", models: ["llama-*", phi]}
  plain: {api: openai, base_url: "http://127.0.0.1:9/v1"}
  resold: {api: openai, base_url: "http://127.0.0.1:9/v1", prices: openai}
"""
NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    return compile_document(parse(SETTINGS), resolve=lambda text, _: text, book=book, pepper=bytes(32), revision=1)


def warned(snapshot: Snapshot, name: str, **fields: object) -> list[str]:
    provider, _, model = name.partition("/")
    price = PriceOverride(provider=provider, model=model, **fields)  # type: ignore[arg-type]
    # As it is when it is asked: the entry is in the settings already.
    book = snapshot.book.with_overrides([price])
    return price_warnings(price, msgspec.structs.replace(snapshot, book=book), NOW)


WHOLE = {"input": "1", "output": "2"}


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o",
        "openai/GPT-4o-Mini",
        "openai/gpt-4o-2024-08-06",
        "openai/gpt-4o*",
        "openrouter/openai/gpt-4o",
        "google-vertex/gemini-2.5-pro",
        "azure/gpt-4o",
        "azure/fine-tuned",
        "mine/llama-3",
        "mine/llama*",
        "mine/phi",
        "mine/*",
        "plain/anything",
        "resold/gpt-4o",
    ],
)
def test_a_name_that_something_matches_is_not_warned_of(snapshot: Snapshot, name: str) -> None:
    assert warned(snapshot, name, **WHOLE) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai/gpt-4o-mino", "Near it: openai/gpt-4o-mini"),
        ("openai/zzz*", "neither the price list nor the settings' models know that name"),
        ("resold/zzz", "neither the price list"),
        ("mine/mistral", "neither the price list"),
        ("azure/zzz", "neither the price list"),
        ("opnai/gpt-4o", 'no provider "opnai" is configured or has a price list, so it holds for nothing. Did you'),
        ("azure/ours", 'a deployment, and its price is looked up by the model behind it: write "fine-tuned"'),
    ],
)
def test_a_name_that_nothing_matches_is_told(snapshot: Snapshot, name: str, said: str) -> None:
    (warning,) = warned(snapshot, name, **WHOLE)
    assert warning.startswith(f"{name}: ")
    assert said in warning


@pytest.mark.parametrize("name", ["openai/gpt-4o-mino", "mine/llama-3", "plain/*"])
def test_a_part_of_a_price_that_no_list_has_changes_nothing(snapshot: Snapshot, name: str) -> None:
    (warning,) = warned(snapshot, name, discount="10%")
    assert "so it changes nothing" in warning
    assert warned(snapshot, "openai/gpt-4o", discount="10%") == []


def test_a_price_for_requests_alone_names_the_meters_that_will_be_free(snapshot: Snapshot) -> None:
    (warning,) = warned(snapshot, "openai/gpt-4o", request="0.1")
    assert warning.startswith("openai/gpt-4o: input, cache_read, output will be free")
    (unlisted,) = warned(snapshot, "plain/x", request="0.1")
    assert unlisted.startswith("plain/x: input, output will be free")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("openai/gpt-4o", {"free": True}),
        ("openai/gpt-4o", {"input": "0", "output": "0"}),
        ("openai/gpt-4o", WHOLE | {"request": "0.1"}),
        ("plain/pictures", {"image": "0.04"}),
        ("plain/pages", {"pages": "0.01"}),
    ],
)
def test_what_is_meant_to_be_free_or_has_units_of_its_own_is_not_warned_of(
    snapshot: Snapshot, name: str, fields: dict[str, object]
) -> None:
    assert warned(snapshot, name, **fields) == []


def test_a_pattern_names_the_meters_of_every_model_it_is_for(snapshot: Snapshot) -> None:
    (warning,) = warned(snapshot, "openai/*", **WHOLE)
    assert "characters" in warning
    assert "web_search" not in warning and "cache_read" not in warning
