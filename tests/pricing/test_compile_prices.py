"""The compiled book says what its source says. The source is imported by tests only."""

import importlib.util
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from genai_prices import types as source
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.pricing.catalogue import Book, Catalogue, ListedModel, midnight
from tollway.pricing.charge import charge
from tollway.pricing.price import FILE, PriceBook
from tollway.pricing.tiers import DEARER
from tollway.pricing.units import UNLISTED_TOOLS
from tollway.usage import Usage

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "src" / "tollway" / "pricing" / FILE
COMPILED = PriceBook.decode(BOOK.read_bytes())
INSTANTS = [
    "2025-01-01T12:00",
    "2026-08-20T23:59",
    "2026-11-21T02:00",
    "2026-11-21T12:00",
    "2026-11-21T17:00",
    "2027-06-01T00:00",
]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_prices", ROOT / "scripts" / "compile_prices.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compile_prices"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(msgspec.json.decode(BOOK.read_bytes(), type=Book))


CORRECTED = ("magistral-medium-latest", "mistralai/mixtral-8x7b-instruct-v0.1")
"""The ids under which names of the source mean another price to us; `scripts/corrections.py` says why."""


def slug_of(provider: source.Provider) -> str:
    return {"aws": "aws-bedrock", "x-ai": "xai"}.get(provider.id, provider.id)


def test_the_checked_in_book_is_what_the_script_makes(script: ModuleType) -> None:
    checked_in = BOOK.read_text()
    book = json.loads(checked_in)
    assert script.written(script.compile_book(script.overlay_of(book), book["date"])) == checked_in


def test_limits_are_read_from_litellms_price_list(script: ModuleType, tmp_path: Path) -> None:
    listed = {
        "gpt-5": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1, "max_output_tokens": 2},
        "gpt-5-codex": {"litellm_provider": "openai", "mode": "chat", "max_output_tokens": 9},
        "gpt-4o-2024-08-06": {"litellm_provider": "openai", "mode": "chat", "max_output_tokens": 3},
        "gemini/gemini-2.5-pro": {"litellm_provider": "gemini", "mode": "chat", "max_output_tokens": 4},
        "gpt-image-1": {"litellm_provider": "openai", "mode": "image_generation", "max_output_tokens": 5},
        "o3": {"litellm_provider": "azure", "mode": "chat", "max_output_tokens": 6},
        "nobody-knows": {"litellm_provider": "openai", "mode": "chat", "max_output_tokens": 7},
    }
    path = tmp_path / "1.2.3.json"
    path.write_text(json.dumps(listed))
    overlay, _ = script.litellm_overlay(path, "2026-11-21")
    assert overlay.version == "1.2.3"
    assert overlay.limits == {
        ("openai", "gpt-5"): (1, 2),
        ("openai", "gpt-4o"): (None, 3),
        ("google", "gemini-2.5-pro"): (None, 4),
    }


def disagreements(catalogue: Catalogue, provider: source.Provider, names: set[str]) -> list[tuple[str, str]]:
    """The names that mean another model to us than to the source."""
    found = {name: provider.find_model(name, all_providers=providers) for name in names}
    ours = {name: catalogue.model(slug_of(provider), name) for name in names}
    wrong = [(provider.id, n) for n, m in found.items() if (m and m.id) != ((o := ours[n]) and o.id)]
    # What the source has no price for may be another source's, under that very name; a correction takes a name away.
    return [(p, n) for p, n in wrong if not from_elsewhere(ours[n], found[n])]


def from_elsewhere(ours: ListedModel | None, theirs: source.ModelInfo | None) -> bool:
    if ours is None or ours.source == "genai-prices":
        return False
    return theirs is None or ours.id in CORRECTED or not priced(theirs)


def priced(model: source.ModelInfo) -> bool:
    dated = model.prices if isinstance(model.prices, list) else [source.ConditionalPrice(prices=model.prices)]
    return any(value is not None for price in dated for value in price.prices.__dict__.values())


def test_every_listed_name_means_the_model_it_means_to_the_source(catalogue: Catalogue, script: ModuleType) -> None:
    looked_up = 0
    for provider in providers:
        own = {model.id for model in provider.models}
        own |= {name for model in provider.models for name in script.genai_source.exact_names(model.match)}
        tried = own | {f"{name}-20251211" for name in own} | {name.upper() for name in own}
        tried |= {"gpt-5.2-20259999", "accounts/fireworks/models/new", ""}
        assert not disagreements(catalogue, provider, tried)
        looked_up += len(tried)
    assert looked_up > 8_000


def test_every_recorded_name_means_the_model_it_means_to_the_source(
    catalogue: Catalogue, recorded: Callable[[str], list[dict[str, Any]]]
) -> None:
    seen = {row[key] for row in recorded("responses.jsonl") for key in ("model", "model_requested") if row.get(key)}
    seen |= {row["model"] for row in recorded("cost_cases.jsonl") if "model" in row}
    for provider in providers:
        assert not disagreements(catalogue, provider, seen)


def test_every_price_is_exactly_the_sources_at_every_time_and_tier(script: ModuleType) -> None:
    compared = 0
    for provider in providers:
        for model in provider.models:
            tiers = {
                script.genai_source.TIERS.get(next(iter(v.when.items()))): v.when for v in model.price_variants or ()
            }
            tiers.pop(None, None)
            for at in INSTANTS:
                moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
                for tier, context in [(None, None), *tiers.items()]:
                    theirs = model.get_prices(moment, context)
                    what = COMPILED.find(slug_of(provider), model.id)
                    if what is None or what.id != model.id or what.source != "genai-prices":
                        continue  # Another model's rule takes this model's own id: the source finds that one, too.
                    ours = COMPILED.price(slug_of(provider), model.id, at_ms=int(moment.timestamp()) * 1000, tier=tier)
                    listed = {k: v for k, v in theirs.__dict__.items() if v is not None}
                    if not listed:
                        assert ours is None or ours.free, model.id
                        continue
                    assert ours is not None and not ours.free, model.id
                    for key, price in listed.items():
                        meter = script.genai_source.METERS[key]
                        if meter in ours.added:
                            continue  # A correction; `test_every_correction_says_where_it_is_from` looks at these.
                        usual = Decimal(script.genai_source.PER[meter])
                        steps = [(-1, price)] if isinstance(price, Decimal) else [(-1, price.base)]
                        steps += [] if isinstance(price, Decimal) else [(t.start, t.price) for t in price.tiers]
                        for over, dollars in steps:
                            unit = ours.units_at(over + 1)[meter]
                            assert unit.amount * usual / unit.per == dollars * 10**9, (model.id, tier, at, key)
                            compared += 1
                    derived = set(ours.units) - {script.genai_source.METERS[key] for key in listed} - set(ours.added)
                    more = set(script.corrections.MISSING.get(model.id, {}))
                    assert derived <= ({"cache_write_1h"} if "claude" in model.id else more), model.id
    assert compared > 40_000


def test_a_dearer_tier_costs_no_more_than_the_factor_for_unlisted_ones() -> None:
    now = midnight("2026-11-21")
    ratios: list[Decimal] = []
    for provider in providers:
        for model in provider.models:
            for tier in DEARER:
                if any(next(iter(v.when.values())) == tier for v in model.price_variants or ()):
                    standard = COMPILED.price(slug_of(provider), model.id, at_ms=now)
                    dearer = COMPILED.price(slug_of(provider), model.id, at_ms=now, tier=tier)
                    assert standard is not None and dearer is not None
                    for meter, unit in dearer.units.items():
                        base = standard.units[meter]
                        ratios.append(Decimal(unit.amount * base.per) / (base.amount * unit.per))
    assert max(ratios) <= Decimal("2.5")
    assert len(ratios) > 100


OTHERWISE = ("gpt-4o-audio-preview", "gpt-4o-mini-audio-preview", "deepseek-chat", "deepseek-reasoner")
"""Models whose price is corrected, or has more meters of tokens than the source knows."""
PRICED = [
    (p, m)
    for p in providers
    for m in p.models
    if p.find_model(m.id) is m
    and m.id not in (*OTHERWISE, *CORRECTED)
    and not (p.id == "perplexity" and m.id.startswith("sonar"))
]


@st.composite
def usages(draw: st.DrawFn) -> dict[str, int]:
    """Consistent counts under the source's names; the modalities do not overlap with the cache."""
    tokens = st.integers(0, 300_000)
    parts = {
        "cache_read_tokens": draw(tokens),
        "cache_write_tokens": draw(tokens),
        "input_audio_tokens": draw(tokens),
        "input_image_tokens": draw(tokens),
    }
    counts = {"input_tokens": sum(parts.values()) + draw(tokens), **parts}
    counts["output_reasoning_tokens"] = draw(tokens)
    counts["output_audio_tokens"] = draw(tokens)
    counts["output_tokens"] = counts["output_reasoning_tokens"] + counts["output_audio_tokens"] + draw(tokens)
    counts["web_searches"] = draw(st.integers(0, 5))
    return counts


OURS = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "input_image_tokens": "input_image_tokens",
    "output_tokens": "output_tokens",
    "output_reasoning_tokens": "reasoning_output_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "web_searches": "web_searches",
}


@given(st.integers(0, len(PRICED) - 1), usages(), st.sampled_from(INSTANTS))
@settings(max_examples=400, deadline=None)
def test_a_charge_is_what_the_source_computes_rounded_up_line_by_line(
    index: int, counts: dict[str, int], at: str
) -> None:
    provider, model = PRICED[index]
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    price = COMPILED.price(slug_of(provider), model.id, at_ms=int(moment.timestamp()) * 1000)
    if price is None or price.source != "genai-prices" or {"input", "output"} & price.added.keys():
        # A correction of ours holds.
        return
    # Every joint count the source may ask for is nothing: the modalities do not overlap.
    joint = {"cache_audio_read_tokens": 0, "cache_image_read_tokens": 0, "cache_video_read_tokens": 0}
    theirs = model.calc_price(source.Usage(**counts, **joint), provider, genai_request_timestamp=moment)
    charged = charge(Usage(**{OURS[name]: count for name, count in counts.items()}), price)
    assert sum(line.amount for line in charged.lines) == charged.amount
    searches = 0
    if ("web_search" not in price.units and not price.free) or "web_search" in price.added:
        # The source takes a search that it does not list for free; some are corrected.
        searches = price.units.get("web_search", UNLISTED_TOOLS["web_search"]).times(counts["web_searches"])
        counts = counts | {"web_searches": 0}
        theirs = model.calc_price(source.Usage(**counts, **joint), provider, genai_request_timestamp=moment)
    exact = theirs.total_price * 10**9
    assert exact <= charged.amount - searches < exact + len(charged.lines) + 1


def test_every_correction_says_where_it_is_from(script: ModuleType) -> None:
    checked = 0
    for slug, models in script.corrections.MODELS.items():
        for model in models:
            price = COMPILED.price(slug, model["id"], at_ms=midnight("2026-11-21"))
            assert price is not None and price.source in (model["source"], "litellm")
            assert price.source == "litellm" or price.source.startswith("https://")
            checked += 1
    for slug, model in script.corrections.DATED:
        assert COMPILED.price(slug, model, at_ms=midnight("2026-11-21")).added["input"] == "litellm"  # type: ignore[union-attr]
    assert checked >= 10


def nanodollars(provider: str, model: str, meter: str, tier: str | None = None) -> Decimal:
    """For one unit."""
    price = COMPILED.price(provider, model, at_ms=midnight("2026-11-21"), tier=tier)
    assert price is not None, f"{provider}/{model}"
    unit = price.units[meter]
    return Decimal(unit.amount) / unit.per


@pytest.mark.parametrize(
    ("provider", "model", "meter", "dollars"),
    [
        ("openai", "dall-e-3", "image:hd/1024x1792", "0.12"),
        ("openai", "dall-e-2", "image:512x512", "0.018"),
        ("openai", "gpt-image-1", "image:high/1024x1536", "0.25"),
        ("openai", "sora-2", "video_seconds", "0.1"),
        ("openai", "sora-2-pro", "video_seconds:1792x1024", "0.5"),
        ("azure", "dall-e-3", "image:standard/1024x1024", "0.044"),
        ("google", "imagen-4.0-ultra-generate-001", "image", "0.06"),
        ("google", "veo-3.1-fast-generate-preview", "video_seconds:4k", "0.3"),
        ("google-vertex", "veo-3.0-generate-001", "video_seconds", "0.4"),
        ("google-vertex", "text-embedding-005", "characters", "0.000000025"),
        ("aws-bedrock", "amazon.nova-canvas-v1:0", "image", "0.06"),
        ("aws-bedrock", "amazon.titan-image-generator-v2:0", "image", "0.008"),
        ("aws-bedrock", "cohere.rerank-v3-5:0", "search_unit", "0.002"),
        ("aws-bedrock", "amazon.rerank-v1:0", "search_unit", "0.001"),
        ("xai", "grok-imagine-image", "image", "0.02"),
        ("xai", "grok-imagine-video-1.5", "video_seconds:1080p", "0.25"),
        ("black-forest-labs", "flux-pro-1.1-ultra", "image", "0.06"),
        ("stability", "stable-image-core", "image", "0.03"),
        ("cohere", "rerank-v3.5", "search_unit", "0.002"),
        ("cohere", "embed-english-v3.0", "input", "0.0000001"),
        ("voyage", "rerank-2.5", "input", "0.00000005"),
        ("jina", "jina-reranker-v2-base-multilingual", "input", "0.00000005"),
        ("mistral", "mistral-ocr-latest", "annotated_pages", "0.005"),
        ("openai", "tts-1-hd", "characters", "0.00003"),
        ("elevenlabs", "eleven_v3", "characters", "0.00018"),
        ("deepgram", "nova-3", "input_audio_seconds", "0.00007167"),
        ("perplexity", "sonar", "request", "0.005"),
        ("perplexity", "sonar-deep-research", "citation", "0.000002"),
        ("azure", "eu/gpt-5.1", "input", "0.000001375"),
        ("azure", "global/gpt-5.1", "input", "0.00000125"),
        ("azure", "eu/gpt-6-sol", "input", "0.0000024"),
        ("alibaba", "qwen3-max", "output", "0.000006"),
        ("huggingface", "deepseek-ai/DeepSeek-R1:together", "output", "0.000007"),
    ],
)
def test_what_one_list_lacks_is_in_the_book(provider: str, model: str, meter: str, dollars: str) -> None:
    assert nanodollars(provider, model, meter) == Decimal(dollars) * 10**9


@pytest.mark.parametrize(
    ("provider", "model", "tier", "meter", "dollars"),
    [
        ("perplexity", "sonar-pro", "medium", "request", "0.010"),
        ("perplexity", "sonar-pro", "high", "request", "0.014"),
        ("anthropic", "claude-opus-4-6", "us", "output", "0.0000275"),
        ("anthropic", "claude-opus-4-8", "fast", "input", "0.00001"),
        ("anthropic", "claude-opus-4-8", "fast+us", "input", "0.000011"),
        ("anthropic", "claude-opus-4-6", "fast", "cache_write_1h", "0.00006"),
        ("google", "gemini-2.5-pro", "batch", "input", "0.000000625"),
        # Of LiteLLM, where the first list has no such tier.
        ("google", "gemini-2.5-flash", "priority", "output", "0.0000045"),
        ("aws-bedrock", "amazon.nova-pro-v1:0", "priority", "input", "0.0000014"),
        # LiteLLM's is fifty times the standard price: it is left out.
        ("openai", "gpt-5-nano", "priority", "input", "0.00000005"),
    ],
)
def test_a_tier_has_its_own_price(provider: str, model: str, tier: str, meter: str, dollars: str) -> None:
    assert nanodollars(provider, model, meter, tier) == Decimal(dollars) * 10**9


def test_a_dearer_tier_of_the_overlay_names_its_source_and_is_never_cheaper_than_the_standard_one() -> None:
    instants = [midnight(day) for day in ("2025-06-01", "2026-11-21", "2026-12-15", "2027-06-01")]
    checked = 0
    for slug in COMPILED.providers():
        for model in COMPILED.listed(slug):
            for variant in model.variants:
                if variant.source is None:
                    continue
                assert (variant.tier, variant.source) == ("priority", "litellm")
                name = next((n for n in (model.id, *model.names) if COMPILED.find(slug, n) is model), None)
                assert name is not None
                for at_ms in instants:
                    standard = COMPILED.price(slug, name, at_ms=at_ms)
                    dearer = COMPILED.price(slug, name, at_ms=at_ms, tier="priority")
                    assert standard is not None and dearer is not None and dearer.added["input"] == "litellm"
                    for meter, unit in standard.units.items():
                        assert not unit.exceeds(dearer.units[meter]), (slug, name, meter)
                checked += 1
    assert checked > 40


def test_a_search_of_xai_has_a_fee_that_names_its_source() -> None:
    for model in ("grok-4-fast-reasoning", "grok-4.20-beta"):
        price = COMPILED.price("xai", model, at_ms=midnight("2026-11-21"))
        assert price is not None and price.added["web_search"].startswith("litellm (")
        assert nanodollars("xai", model, "web_search") == 5_000_000
    picture = COMPILED.price("xai", "grok-imagine-image", at_ms=midnight("2026-11-21"))
    assert picture is not None and "web_search" not in picture.units


PRIORITY = {
    "gemini/gemini-2.5-pro": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 1.25e-06,
        "input_cost_per_token_above_200k_tokens": 2.5e-06,
        "input_cost_per_token_priority": 2.25e-06,
        "input_cost_per_token_above_200k_tokens_priority": 4.5e-06,
        "output_cost_per_token": 1e-05,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_flex": 6e-07,
    },
    "gemini/gemini-3.8-flash": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 7.5e-07,
        "input_cost_per_token_priority": 1.35e-06,
        "output_cost_per_token": 3.75e-06,
    },
    # Another standard price than the first list's; a slip; a tier that the first list has itself.
    "gemini/gemini-2.5-flash": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 4e-07,
        "input_cost_per_token_priority": 5e-07,
        "output_cost_per_token": 2.5e-06,
    },
    "gpt-5-nano": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 5e-08,
        "input_cost_per_token_priority": 2.5e-06,
        "output_cost_per_token": 4e-07,
    },
    "gpt-5": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 1.25e-06,
        "input_cost_per_token_priority": 2e-06,
        "output_cost_per_token": 1e-05,
    },
}


def test_the_overlay_has_the_dearer_tier_that_the_source_lacks_where_both_agree_on_the_standard_price(
    script: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "9.9.9.json"
    path.write_text(json.dumps(PRIORITY))
    overlay, _ = script.litellm_overlay(path, "2026-11-21")
    long = {"input": [2_250_000_000, 200_000, 4_500_000_000]}
    assert overlay.priority == {
        ("google", "gemini-2.5-pro"): [{"tier": "priority", "units": long, "source": "litellm"}],
        # Its standard price doubles on that day.
        ("google", "gemini-3.8-flash"): [
            {"tier": "priority", "since": "2027-01-01", "units": {"input": [2_700_000_000]}, "source": "litellm"},
            {"tier": "priority", "units": {"input": [1_350_000_000]}, "source": "litellm"},
        ],
    }


def test_a_region_at_bedrock_costs_a_tenth_more_than_the_whole_world() -> None:
    name = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert nanodollars("aws-bedrock", f"us.{name}", "input") == Decimal("1.1") * nanodollars(
        "aws-bedrock", f"global.{name}", "input"
    )


def test_no_model_is_priced_at_nothing_by_the_overlay() -> None:
    book = json.loads(BOOK.read_bytes())
    for provider in book["providers"].values():
        for model in provider["models"]:
            if model.get("source") == "litellm":
                assert any(steps[0] for price in model["prices"] for steps in price["units"].values()), model["id"]


LISTED = {
    "dall-e-9": {"litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.5},
    "hd/1024-x-1792/dall-e-9": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_image": 0.75},
    "512-x-512/dall-e-9": {
        "litellm_provider": "openai",
        "mode": "image_generation",
        "input_cost_per_pixel": 6.86646e-08,
    },
    "nothing-1": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
    "slip-1": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1, "output_cost_per_token": 1},
    "half-1": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06},
    "noisy-1": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 8.900000000000001e-08,
        "input_cost_per_token_above_200k_tokens": 2e-07,
        "input_cost_per_token_batches": 4.45e-08,
        "output_cost_per_token": 1e-06,
        "output_cost_per_reasoning_token": 1e-06,
        "cache_read_input_token_cost": 0,
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
    },
    "gpt-5": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 2e-06,
        "output_cost_per_token": 1e-05,
    },
    # genai-prices has no price of its cached input.
    "mistral/codestral-latest": {
        "litellm_provider": "mistral",
        "mode": "chat",
        "input_cost_per_token": 3e-07,
        "output_cost_per_token": 9e-07,
        "cache_read_input_token_cost": 3e-08,
    },
    "azure/eu/gpt-5": {
        "litellm_provider": "azure",
        "mode": "chat",
        "input_cost_per_token": 1.375e-06,
        "output_cost_per_token": 1.1e-05,
    },
    "claude-opus-4-6": {"litellm_provider": "anthropic", "mode": "chat", "provider_specific_entry": {"us": 1.1}},
}


def test_the_overlay_has_what_the_source_lacks_and_nothing_else(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "9.9.9.json"
    path.write_text(json.dumps(LISTED))
    overlay, differing = script.litellm_overlay(path, "2026-11-21")
    assert set(overlay.models) == {"openai"}
    models = {model["id"]: model for model in overlay.models["openai"]}
    assert set(models) == {"dall-e-9", "noisy-1"}
    # $0.018 a picture, which the list divides by its pixels.
    assert models["dall-e-9"]["prices"] == [
        {"units": {"image": [500_000_000], "image:512x512": [18_000_000], "image:hd/1024x1792": [750_000_000]}}
    ]
    assert models["noisy-1"] == {
        "id": "noisy-1",
        "names": ["noisy-1"],
        "prices": [{"units": {"input": [89_000_000, 200_000, 200_000_000], "output": [1_000_000_000]}}],
        "variants": [{"tier": "batch", "units": {"input": [44_500_000]}}],
        "context": 1000,
        "max_output": 100,
        "source": "litellm",
    }
    assert differing == [
        ("mistral", "codestral-latest", "cache_read", 300_000_000, 30_000_000, "input"),
        ("openai", "gpt-5", "input", 1_250_000_000, 2_000_000_000),
    ]
    assert overlay.uplifts == {("anthropic", "claude-opus-4-6")}


def test_the_script_writes_the_book_and_the_disagreements(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, output = tmp_path / "9.9.9.json", tmp_path / "book.json"
    listed.write_text(json.dumps(LISTED))
    arguments = ["compile_prices.py", "--litellm", str(listed), "--date", "2026-11-21", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert script.main() == 0
    assert "81 price lists" not in capsys.readouterr().out
    book = PriceBook.decode(output.read_bytes())
    assert book.version.endswith("litellm 9.9.9")
    assert book.price("openai", "dall-e-9", at_ms=midnight("2026-11-21")) is not None
    assert json.loads((tmp_path / "disagreements.json").read_bytes()) == [
        ["mistral", "codestral-latest", "cache_read", 300_000_000, 30_000_000, "input"],
        ["openai", "gpt-5", "input", 1_250_000_000, 2_000_000_000],
    ]
