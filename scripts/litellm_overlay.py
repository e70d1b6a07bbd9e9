"""What LiteLLM's price list adds to genai-prices, and where the two disagree (compile time)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import corrections
import genai_source
import litellm_prices
from corrections import LITELLM
from genai_prices import types as source
from genai_prices.data import providers as SOURCE_PROVIDERS  # noqa: N812

from tollway.pricing.units import PER, usual

Json = dict[str, Any]
Limits = Mapping[tuple[str, str], tuple[int | None, int | None]]
"""(provider, model) → longest input and output."""

TEXT_MODES = ("chat", "completion", "responses")

MOST_FOR_PRIORITY = Decimal("2.5")
"""How many times the standard price a dearer tier costs at most: LiteLLM has one at fifty times, by a slip."""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What LiteLLM adds: of the price list itself, or of a book that was compiled with it."""

    version: str
    limits: Limits
    models: Mapping[str, list[Json]]
    """By provider, the models that genai-prices has not, as the book writes them."""
    added: Mapping[tuple[str, str], Json]
    """(provider, model) → the `units` and `per` of the meters that genai-prices lacks."""
    uplifts: frozenset[tuple[str, str]]
    """(provider, model) that cost more where the inference stays in one country."""
    priority: Mapping[tuple[str, str], list[Json]]
    """(provider, model) → the variants of the tier "priority", where genai-prices has none."""


def litellm_overlay(path: Path, compiled_on: str) -> tuple[Overlay, list[list[Any]]]:
    """What LiteLLM's wheel or JSON adds to genai-prices, and where the two disagree."""
    listed, found = litellm_prices.read(path)
    limits: dict[tuple[str, str], tuple[int | None, int | None]] = {}
    models: dict[str, list[Json]] = {}
    added: dict[tuple[str, str], Json] = {}
    uplifts: set[tuple[str, str]] = set()
    priority: dict[tuple[str, str], list[Json]] = {}
    differing: list[list[Any]] = []
    own = {genai_source.SLUGS.get(p.id, p.id): p for p in SOURCE_PROVIDERS}
    for slug in litellm_prices.NAMES:
        theirs = litellm_prices.models(listed, slug)
        provider = own.get(slug)
        resolver = own.get("google") if slug == "google-vertex" else provider
        models[slug] = [
            litellm_model(name, theirs[name]) for name in sorted(theirs) if not known(slug, resolver, name, theirs)
        ]
        if provider is None:
            continue
        limits |= {(slug, model): longest for model, longest in litellm_limits(provider, slug, listed)}
        for name in sorted(theirs, key=lambda name: (-len(name), name)):
            model = provider.find_model(name)
            if model is None:
                continue
            more = {m: s for m, s in theirs[name]["units"].items() if m.partition(":")[0] in ("web_search", "image")}
            if more:
                # The model's own name, the shortest, comes last.
                before = added.get((slug, model.id), {"units": {}})
                line = litellm_model(name, {"units": more, "variants": {}})["prices"][0]
                added[slug, model.id] = {"units": before["units"] | line["units"]}
                if per := before.get("per", {}) | line.get("per", {}):
                    added[slug, model.id]["per"] = per
            if dearer := priority_variants(model, name, theirs[name], compiled_on):
                priority[slug, model.id] = dearer
            differing += disagreement(slug, model, name, theirs[name]["units"], compiled_on)
        for name, entry in litellm_prices.entries(listed, slug):
            if slug == "anthropic" and (entry.get("provider_specific_entry") or {}).get("us"):
                model = provider.find_model(name)
                if model is not None:
                    uplifts.add((slug, model.id))
    overlay = Overlay(
        version=found,
        limits=limits,
        models={slug: lines for slug, lines in models.items() if lines},
        added=added,
        uplifts=frozenset(uplifts),
        priority=priority,
    )
    return overlay, sorted({tuple(row) for row in differing})  # type: ignore[return-value]


def known(slug: str, provider: source.Provider | None, name: str, theirs: Mapping[str, Json]) -> bool:
    """Whether genai-prices prices `name` already, or a zone of it is a fraction of what it prices."""
    if provider is not None:
        found = provider.find_model(name, all_providers=SOURCE_PROVIDERS)
        if found is not None and (list(genai_source.compile_prices(found, False)) or found.id.endswith(":free")):
            return True
        if found is not None and (slug, found.id) in corrections.FREE:
            return True
    for zone, (up, down) in corrections.ZONES.get(slug, {}).items():
        if name.startswith(zone):
            of = theirs.get(name.removeprefix(zone))
            if of is None:
                return known(slug, provider, name.removeprefix(zone), theirs)
            here, there = (of["units"].get("input"), theirs[name]["units"].get("input"))
            return here is None or there is None or nearly(here[0], there[0], up, down)
    return False


def nearly(here: tuple[int, int], there: tuple[int, int], up: int, down: int) -> bool:
    """Whether a price is the fraction of another, but for the digits that were rounded away."""
    expected, got = Decimal(here[0]) / here[1] * up / down, Decimal(there[0]) / there[1]
    return abs(expected - got) <= expected * Decimal("0.02")


def litellm_model(name: str, model: Json) -> Json:
    """One of LiteLLM's models, as the book writes it."""

    def line(units: Mapping[str, litellm_prices.Steps]) -> Json:
        flat: dict[str, list[int]] = {}
        per: dict[str, int] = {}
        for meter, steps in sorted(units.items()):
            quantity = next(iter(steps.values()))[1]
            flat[meter] = [n for over, (amount, _) in steps.items() for n in (over, amount)][1:]
            if quantity != usual(meter):
                per[meter] = quantity
        return {"units": flat} | ({"per": per} if per else {})

    compiled: Json = {
        "id": name,
        "names": [name],
        "prices": [line(model["units"])],
        "variants": [{"tier": tier} | line(units) for tier, units in sorted(model["variants"].items())],
        "context": model.get("context"),
        "max_output": model.get("max_output"),
        "source": LITELLM,
    }
    return {key: value for key, value in compiled.items() if value not in (None, [], {}, False)}


def priority_variants(model: source.ModelInfo, name: str, theirs: Json, compiled_on: str) -> list[Json]:
    """LiteLLM's price of the tier "priority" for a model that genai-prices has no such price of, the latest first.

    Only where it can be believed: the two agree on the present standard price, and the tier costs no less than that, but
    no more than any provider's does. A standard price of another day has the same proportion.
    """
    listed = theirs["variants"].get("priority", {})
    if (
        not listed
        or not genai_source.is_name(name, model)
        or any(v["tier"] == "priority" for v in genai_source.compile_variants(model))
    ):
        return []
    dearer = litellm_model(name, {"units": listed, "variants": {}})["prices"][0]
    standard = litellm_model(name, theirs)["prices"][0]["units"]
    dated = list(genai_source.compile_prices(model, False))
    if "per" in dearer or any("between" in price or "per" in price for price in dated):
        return []
    present = max((p for p in dated if p.get("since", "") <= compiled_on), key=lambda p: p.get("since", ""))["units"]
    for meter, steps in dearer["units"].items():
        if meter not in present or present[meter] != standard[meter] or steps[1::2] != present[meter][1::2]:
            return []
        if any(not a <= b <= a * MOST_FOR_PRIORITY for a, b in zip(present[meter][::2], steps[::2], strict=True)):
            return []
    found: list[Json] = []
    for price in reversed(dated):
        units = {
            meter: in_proportion(steps, present[meter], price["units"][meter])
            for meter, steps in dearer["units"].items()
        }
        since = {"since": price["since"]} if "since" in price else {}
        found.append({"tier": "priority"} | since | {"units": units, "source": LITELLM})
    while len(found) > 1 and found[0]["units"] == found[1]["units"]:
        del found[0]
    return found


def in_proportion(dearer: list[int], present: list[int], then: list[int]) -> list[int]:
    """What is to a meter's price of another day as `dearer` is to its `present` one, rounded up to a nanodollar."""
    assert then[1::2] == present[1::2], "the thresholds of a price change"
    return [n if i % 2 else -(-n * then[i] // present[i]) for i, n in enumerate(dearer)]


def disagreement(slug: str, model: source.ModelInfo, name: str, theirs: Json, compiled_on: str) -> Iterator[list[Any]]:
    """Where LiteLLM's price of text differs from genai-prices' present one by more than rounding: nanodollars a million.

    Cached input that genai-prices has no price of is charged as input: the row says so at its end."""
    if not genai_source.is_name(name, model):
        return
    ours = genai_source.present_prices(model, compiled_on)
    for meter in ("input", "output", "cache_read", "cache_write"):
        charged_as = meter if meter in ours["units"] or not meter.startswith("cache") else "input"
        here, there = ours["units"].get(charged_as), theirs.get(meter)
        if here is None or there is None:
            continue
        mine = Decimal(here[0]) / ours.get("per", {}).get(charged_as, PER[charged_as]) * PER[meter]
        other = Decimal(there[0][0]) / there[0][1] * PER[meter]
        if abs(mine - other) > max(mine, other) * Decimal("0.005"):
            row = [slug, name if name != model.id.lower() else model.id, meter, int(mine), int(other)]
            yield row if charged_as == meter else [*row, charged_as]


def litellm_limits(
    provider: source.Provider, slug: str, listed: Mapping[str, Json]
) -> Iterator[tuple[str, tuple[int | None, int | None]]]:
    """The longest input and output of the models of one provider."""
    named: dict[str, list[Json]] = {}
    meant: dict[str, list[Json]] = {}
    for name, entry in litellm_prices.entries(listed, slug):
        if entry.get("mode") not in TEXT_MODES:
            continue
        named.setdefault(name, []).append(entry)
        model = provider.find_model(name)
        if model is not None:
            meant.setdefault(model.id, []).append(entry)
    for model in provider.models:
        # The model's own name first: other names may have had smaller limits.
        for entries in (named.get(model.id.lower(), []), meant.get(model.id, [])):
            longest = (most(entries, "max_input_tokens"), most(entries, "max_output_tokens"))
            if longest != (None, None):
                yield model.id, longest
                break


def most(entries: Iterable[Json], field: str) -> int | None:
    return max((int(entry[field]) for entry in entries if entry.get(field)), default=None)


def is_overlaid(slug: str, model: Json, meter: str) -> bool:
    """Whether a meter of LiteLLM's came by the overlay, and not by a correction that quotes it."""
    return meter.partition(":")[0] in ("web_search", "image") and slug != "perplexity"


def overlay_of(book: Json) -> Overlay:
    """The overlay that a book was compiled with, read out of it."""
    every = [(slug, model) for slug, provider in book["providers"].items() for model in provider["models"]]
    models: dict[str, list[Json]] = {}
    for slug, model in every:
        if model.get("source") == LITELLM and not any(m["id"] == model["id"] for m in corrections.MODELS.get(slug, ())):
            models.setdefault(slug, []).append(model)
    added: dict[tuple[str, str], Json] = {}
    for slug, model in every:
        meters = [m for m, page in model.get("added", {}).items() if page == LITELLM and is_overlaid(slug, model, m)]
        if meters:
            price = model["prices"][0]
            per = {meter: n for meter, n in price.get("per", {}).items() if meter in meters}
            added[slug, model["id"]] = {"units": {m: price["units"][m] for m in meters}} | ({"per": per} if per else {})
    return Overlay(
        version=book["version"].rpartition(" ")[2],
        limits={
            (slug, model["id"]): (
                model.get("max_input"),
                None if model["id"] in corrections.TOKENS_OF_A_PICTURE else model.get("max_output"),
            )
            for slug, model in every
            if "source" not in model
        },
        models=models,
        added=added,
        uplifts=frozenset((slug, model["id"]) for slug, model in every if "uplifts" in model),
        priority={
            (slug, model["id"]): dearer
            for slug, model in every
            if (dearer := [variant for variant in model.get("variants", ()) if variant.get("source") == LITELLM])
        },
    )
