"""The price list of the installed `genai-prices`, as the book writes it (compile time)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import corrections
from genai_prices import types as source

from tollway.pricing.units import PER

SLUGS = {"aws": "aws-bedrock", "x-ai": "xai"}
"""Where our slug is not the source's."""

METERS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "input_video_mtok": "input_video",
    "cache_audio_read_mtok": "cache_read_audio",
    "cache_image_read_mtok": "cache_read_image",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_video_mtok": "output_video",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "requests_kcount": "request",
    "audio_hours": "audio_seconds",
    "input_audio_hours": "input_audio_seconds",
    "input_mchars": "characters",
    "input_text_messages_kcount": "messages",
    "input_document_kpages": "pages",
    "input_annotated_document_kpages": "annotated_pages",
}

TIERS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
}
"""The source's variants that are service tiers. Its others choose a route or a kind of search: the standard price."""

Json = dict[str, Any]


def compile_prices(model: source.ModelInfo, free: bool) -> Iterator[Json]:
    dated = model.prices if isinstance(model.prices, list) else [source.ConditionalPrice(prices=model.prices)]
    for price in dated:
        units = unit_prices(model, price.prices)
        if free:
            assert not units["units"], f"{model.id} is said to be free, but has a price"
            units = {"units": {"input": [0], "output": [0]}}
        if units["units"]:
            yield when(price.constraint) | units
        else:
            # No price for one period would leave that period to another one's: then none is known at all.
            assert len(dated) == 1, f"{model.id} has no price for a time"


def compile_variants(model: source.ModelInfo) -> Iterator[Json]:
    for variant in model.price_variants or ():
        assert len(variant.when) == 1, variant.when
        tier = TIERS.get(next(iter(variant.when.items())))
        units = unit_prices(model, variant.prices)
        if tier is not None and units["units"]:
            yield {"tier": tier} | when(variant.constraint) | units


def unit_prices(model: source.ModelInfo, prices: source.ModelPrice) -> Json:
    """Integers that are exactly the source's decimals."""
    units: dict[str, list[int]] = {}
    per: dict[str, int] = {}
    for key, price in prices.__dict__.items():
        if price is None:
            continue
        meter = METERS[key]
        tiers = [] if isinstance(price, Decimal) else [(tier.start, tier.price) for tier in price.tiers]
        steps = [(0, price if isinstance(price, Decimal) else price.base), *tiers]
        quantity = PER[meter]
        while any(amount * quantity * 10**9 / PER[meter] % 1 for _, amount in steps):
            quantity *= 10
        flat = [n for over, amount in steps for n in (over, int(amount * quantity * 10**9 / PER[meter]))]
        units[meter] = flat[1:]
        if quantity != PER[meter]:
            per[meter] = quantity
    if "claude" in model.id and "cache_write" in units and "cache_write_1h" not in units and "input" not in per:
        # Anthropic bills a cache write that is kept for an hour at twice the input price, whoever resells it.
        flat = units["input"]
        units["cache_write_1h"] = [flat[0] * 2] + [n * (1 if i % 2 == 0 else 2) for i, n in enumerate(flat[1:])]
    if units:
        units |= corrections.MISSING.get(model.id, {})
    return {"units": units} | ({"per": per} if per else {})


def present_prices(model: source.ModelInfo, compiled_on: str) -> Json:
    """What genai-prices has for `model` at noon of that day."""
    noon = datetime.fromisoformat(f"{compiled_on}T12:00:00+00:00")
    return unit_prices(model, model.get_prices(noon, None))


def when(constraint: source.StartDateConstraint | source.TimeOfDateConstraint | None) -> Json:
    if constraint is None:
        return {}
    if isinstance(constraint, source.StartDateConstraint):
        return {"since": constraint.start_date.isoformat()}
    minutes: list[int] = []
    for moment in (constraint.start_time, constraint.end_time):
        utc = datetime.combine(date(2000, 1, 1), moment).replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        assert utc.second == 0, constraint
        minutes.append(utc.hour * 60 + utc.minute)
    return {"between": minutes}


def rule(clause: Any) -> list[Any]:
    match clause:
        case source.ClauseEquals():
            return ["equals", clause.equals.lower()]
        case source.ClauseStartsWith():
            return ["starts_with", clause.starts_with.lower()]
        case source.ClauseEndsWith():
            return ["ends_with", clause.ends_with.lower()]
        case source.ClauseContains():
            return ["contains", clause.contains.lower()]
        case source.ClauseRegex():
            return ["regex", clause.regex]
        case source.ClauseOr():
            return ["any", [rule(c) for c in clause.or_]]
        case source.ClauseAnd():
            return ["all", [rule(c) for c in clause.and_]]
        case _:
            raise TypeError(clause)


def exact_names(clause: Any) -> Iterator[str]:
    match clause:
        case source.ClauseEquals():
            yield clause.equals
        case source.ClauseOr():
            for inner in clause.or_:
                yield from exact_names(inner)
        case _:
            pass


def is_name(name: str, model: source.ModelInfo) -> bool:
    """Whether `name` is one of the model's own, and does not just fall under a rule of it."""
    return name == model.id.lower() or name in {text.lower() for text in exact_names(model.match)}
