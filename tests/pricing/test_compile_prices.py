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

from tollway.pricing.catalogue import Book, Catalogue, midnight
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


def slug_of(provider: source.Provider) -> str:
    return {"aws": "aws-bedrock", "x-ai": "xai"}.get(provider.id, provider.id)


def test_the_checked_in_book_is_what_the_script_makes(script: ModuleType) -> None:
    checked_in = BOOK.read_text()
    book = json.loads(checked_in)
    limits, version = script.limits_of(book)
    assert script.written(script.compile_book(limits, version, book["date"])) == checked_in


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
    limits, version = script.litellm_limits(path)
    assert version == "1.2.3"
    assert limits == {
        ("openai", "gpt-5"): (1, 2),
        ("openai", "gpt-4o"): (None, 3),
        ("google", "gemini-2.5-pro"): (None, 4),
    }


def disagreements(catalogue: Catalogue, provider: source.Provider, names: set[str]) -> list[tuple[str, str]]:
    """The names that mean another model to us than to the source."""
    found = {name: provider.find_model(name, all_providers=providers) for name in names}
    ours = {name: catalogue.model(slug_of(provider), name) for name in names}
    return [(provider.id, n) for n, m in found.items() if (m and m.id) != ((o := ours[n]) and o.id)]


def test_every_listed_name_means_the_model_it_means_to_the_source(catalogue: Catalogue, script: ModuleType) -> None:
    looked_up = 0
    for provider in providers:
        own = {model.id for model in provider.models}
        own |= {name for model in provider.models for name in script.exact_names(model.match)}
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
            tiers = {script.TIERS.get(next(iter(v.when.items()))): v.when for v in model.price_variants or ()}
            tiers.pop(None, None)
            for at in INSTANTS:
                moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
                for tier, context in [(None, None), *tiers.items()]:
                    theirs = model.get_prices(moment, context)
                    what = COMPILED._find(slug_of(provider), model.id)
                    if what.model is None or what.model.id != model.id:
                        continue  # Another model's rule takes this model's own id: the source finds that one, too.
                    ours, _ = COMPILED._price(what, int(moment.timestamp()) * 1000, tier)
                    listed = {k: v for k, v in theirs.__dict__.items() if v is not None}
                    if not listed:
                        assert ours is None or ours.free, model.id
                        continue
                    assert ours is not None and not ours.free, model.id
                    for key, price in listed.items():
                        meter = script.METERS[key]
                        usual = Decimal(script.PER[meter])
                        steps = [(-1, price)] if isinstance(price, Decimal) else [(-1, price.base)]
                        steps += [] if isinstance(price, Decimal) else [(t.start, t.price) for t in price.tiers]
                        for over, dollars in steps:
                            unit = ours.units_at(over + 1)[meter]
                            assert unit.amount * usual / unit.per == dollars * 10**9, (model.id, tier, at, key)
                            compared += 1
                    derived = set(ours.units) - {script.METERS[key] for key in listed}
                    added = set(script.MISSING.get(model.id, {}))
                    assert derived <= ({"cache_write_1h"} if "claude" in model.id else added), model.id
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


CORRECTED = ("gpt-4o-audio-preview", "gpt-4o-mini-audio-preview")
PRICED = [(p, m) for p in providers for m in p.models if p.find_model(m.id) is m and m.id not in CORRECTED]


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


@given(st.sampled_from(PRICED), usages(), st.sampled_from(INSTANTS))
@settings(max_examples=400, deadline=None)
def test_a_charge_is_what_the_source_computes_rounded_up_line_by_line(
    listed: tuple[source.Provider, source.ModelInfo], counts: dict[str, int], at: str
) -> None:
    provider, model = listed
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    price = COMPILED.price(slug_of(provider), model.id, at_ms=int(moment.timestamp()) * 1000)
    if price is None:
        return
    # Every joint count the source may ask for is nothing: the modalities do not overlap.
    joint = {"cache_audio_read_tokens": 0, "cache_image_read_tokens": 0, "cache_video_read_tokens": 0}
    theirs = model.calc_price(source.Usage(**counts, **joint), provider, genai_request_timestamp=moment)
    charged = charge(Usage(**{OURS[name]: count for name, count in counts.items()}), price)
    assert sum(line.amount for line in charged.lines) == charged.amount
    searches = 0
    if "web_search" not in price.units and not price.free:
        # The source takes an unlisted search for free.
        searches = UNLISTED_TOOLS["web_search"].times(counts["web_searches"])
    exact = theirs.total_price * 10**9
    assert exact <= charged.amount - searches < exact + len(charged.lines) + 1
