"""Compile the price book that Tollway ships: `src/tollway/pricing/book.json`.

    python scripts/compile_prices.py                                 # prices anew, the overlay kept as it is
    python scripts/compile_prices.py --litellm litellm-1.106.2.whl   # and the overlay, from the wheel or its JSON

Prices, names, dates and context windows come from the installed `genai-prices`. What it lacks comes from LiteLLM's
price list (`pip download --no-deps litellm==1.106.2`; nothing of it is imported): the longest output, pictures, videos,
reranking, searches, whole models and providers. A few are read off the providers' own pages (`corrections.py`). Each
price says where it is from. Both lists are MIT, and the notice is written into the file. Where the two disagree the
first is taken, and `disagreements.json` says so. Nothing here runs at run time, and nothing touches the network.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types as source
from genai_prices.data import providers as SOURCE_PROVIDERS  # noqa: N812

sys.path.insert(0, str(Path(__file__).parent))

import corrections
import genai_source
from corrections import LITELLM
from litellm_overlay import Overlay, litellm_overlay, overlay_of

BOOK = Path(__file__).parent.parent / "src" / "tollway" / "pricing" / "book.json"
DISAGREEMENTS = BOOK.with_name("disagreements.json")

AT_LEAST = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
"""Seconds of audio that are billed at least (the source has this in code, for these two)."""

PERMISSION = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and "
    'associated documentation files (the "Software"), to deal in the Software without restriction, '
    "including without limitation the rights to use, copy, modify, merge, publish, distribute, "
    "sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is "
    "furnished to do so, subject to the following conditions: The above copyright notice and this "
    "permission notice shall be included in all copies or substantial portions of the Software. THE "
    'SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT '
    "LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. "
    "IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER "
    "LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN "
    "CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)

NOTICE = [
    "Prices, names, context windows: genai-prices. MIT License. Copyright (c) Pydantic Services Inc. 2025 to present.",
    "max_input, max_output, and all whose source is litellm: LiteLLM's model price list. MIT License. Copyright (c) 2023 Berri AI.",
    PERMISSION,
]

Json = dict[str, Any]


def compile_book(overlay: Overlay, compiled_on: str) -> Json:
    """The book as a JSON value: the same input gives the same book."""
    providers = {genai_source.SLUGS.get(p.id, p.id): compile_provider(p, overlay) for p in SOURCE_PROVIDERS}
    providers["huggingface"] = {"models": routed(providers)}
    for slug in sorted({*overlay.models, *corrections.MODELS} - providers.keys()):
        providers[slug] = {"fallback": ["google"]} if slug == "google-vertex" else {}
        providers[slug]["models"] = others(slug, overlay)
    return {
        "version": f"genai-prices {version('genai-prices')}, litellm {overlay.version}",
        "date": compiled_on,
        "notice": NOTICE,
        "providers": providers,
    }


def compile_provider(provider: source.Provider, overlay: Overlay) -> Json:
    slug = genai_source.SLUGS.get(provider.id, provider.id)
    # A name that an earlier model's rule takes means that model, whichever model lists it.
    names: dict[str, list[str]] = {model.id: [] for model in provider.models}
    corrected = {model["id"] for model in corrections.MODELS.get(slug, ())}
    for text in sorted({text.lower() for m in provider.models for text in genai_source.exact_names(m.match)}):
        winner = next(m for m in provider.models if m.is_match(text))
        if text == winner.id or text not in corrected:
            names[winner.id].append(text)
    compiled: Json = {"source_url": (provider.pricing_urls or [None])[0]}
    fallback = [genai_source.SLUGS.get(other, other) for other in provider.fallback_model_providers or ()]
    if fallback:
        compiled["fallback"] = fallback
    if slug in corrections.ZONES:
        compiled["zones"] = {zone: list(factor) for zone, factor in corrections.ZONES[slug].items()}
    own = [compile_model(slug, model, names[model.id], overlay) for model in provider.models]
    compiled["models"] = own + others(slug, overlay)
    return compiled


def routed(providers: Mapping[str, Json]) -> list[Json]:
    """The models of Hugging Face's router: as "author/model:provider" at that provider's price, and without one at the
    dearest, since any of them may serve it."""
    offers: dict[str, list[tuple[str, Json]]] = {}
    for slug, provider in providers.items():
        host = slug.removeprefix("huggingface_")
        for model in provider["models"] if host != slug else ():
            if len(model.get("prices", ())) == 1 and "per" not in model["prices"][0]:
                offers.setdefault(model["id"].lower(), []).append((host, model))
    compiled: list[Json] = []
    for name, hosts in sorted(offers.items()):
        dearest: dict[str, list[int]] = {}
        for _, model in hosts:
            for meter, steps in model["prices"][0]["units"].items():
                dearest[meter] = max(dearest.get(meter, [0]), steps)
        if any("cache_read" not in model["prices"][0]["units"] for _, model in hosts):
            dearest.pop("cache_read", None)
        compiled.append({"id": name, "names": [name], "prices": [{"units": dearest}]})
        compiled += [
            {"id": f"{name}:{host}", "names": [f"{name}:{host}"], "prices": model["prices"]} for host, model in hosts
        ]
    return compiled


def others(slug: str, overlay: Overlay) -> list[Json]:
    """The models of other sources than genai-prices: those read off the providers' pages, then LiteLLM's."""
    read = [{"names": [model["id"]], **model} for model in corrections.MODELS.get(slug, ())]
    taken = {name for model in read for name in model["names"]}
    compiled = [
        {"id": model["id"], **model}
        for model in [*read, *(m for m in overlay.models.get(slug, ()) if m["id"] not in taken)]
    ]
    if slug == "xai":
        for model in compiled:
            if sources := add_search(model["prices"]):
                model["added"] = sources
    return compiled


def add_search(prices: list[Json]) -> dict[str, str]:
    """Put xAI's fee for a search into the prices of text, and tell its source."""
    text = [price for price in prices if {"input", "output"} <= price["units"].keys()]
    for price in text:
        price["units"] = price["units"] | corrections.XAI_SEARCH_FEE
    return {"web_search": corrections.XAI_SEARCH} if text else {}


def compile_model(slug: str, model: source.ModelInfo, names: list[str], overlay: Overlay) -> Json:
    clauses = model.match.or_ if isinstance(model.match, source.ClauseOr) else [model.match]
    free = (slug, model.id) in corrections.FREE or model.id.endswith(":free")
    max_input, max_output = overlay.limits.get((slug, model.id), (None, None))
    prices, variants = list(genai_source.compile_prices(model, free)), list(genai_source.compile_variants(model))
    sources = add(slug, model.id, prices, variants, overlay)
    compiled: Json = {
        "id": model.id,
        "names": names,
        "rules": [genai_source.rule(c) for c in clauses if not isinstance(c, source.ClauseEquals)],
        "prices": prices,
        "variants": variants,
        "context": corrections.WINDOWS.get(model.id, model.context_window),
        "max_input": max_input,
        "max_output": corrections.TOKENS_OF_A_PICTURE.get(model.id, max_output),
        "free": free,
        "at_least": (
            {"audio_seconds": AT_LEAST[slug, model.id], "input_audio_seconds": AT_LEAST[slug, model.id]}
            if (slug, model.id) in AT_LEAST
            else {}
        ),
        "added": sources,
        "uplifts": {n: list(f) for n, f in corrections.UPLIFTS.items()} if (slug, model.id) in overlay.uplifts else {},
    }
    return {key: value for key, value in compiled.items() if value not in (None, [], {}, False)}


def add(slug: str, model: str, prices: list[Json], variants: list[Json], overlay: Overlay) -> dict[str, str]:
    """Put what other sources know into the prices of one model, and tell the source of each meter."""
    sources: dict[str, str] = {}
    more = overlay.added.get((slug, model))
    if more is not None and prices and slug != "perplexity":
        for price in prices:
            missing = {meter: steps for meter, steps in more["units"].items() if meter not in price["units"]}
            price["units"] = price["units"] | missing
            sources |= dict.fromkeys(missing, LITELLM)
            if per := {meter: n for meter, n in more.get("per", {}).items() if meter in missing}:
                price["per"] = price.get("per", {}) | per
    if (slug, model) in corrections.DATED:
        since, units, page = corrections.DATED[slug, model]
        prices.append({"since": since, "units": units})
        sources |= dict.fromkeys(units, page)
    if slug == "perplexity" and model in corrections.SEARCH_FEES:
        low, medium, high = (corrections.usd(request=fee) for fee in corrections.SEARCH_FEES[model])
        for price in prices:
            # The fee of the request is that of its searches.
            price["units"] = price["units"] | low | {"web_search": [0]}
        variants += [
            {"tier": "low", "units": low},
            {"tier": "medium", "units": medium},
            {"tier": "high", "units": high},
        ]
        sources |= {"request": LITELLM, "web_search": LITELLM}
    if slug in ("openai", "azure") and model.startswith(corrections.PREVIEW_SEARCH):
        for price in prices:
            if "input" in price["units"]:
                price["units"] = price["units"] | corrections.PREVIEW_SEARCH_FEE
                sources["web_search"] = corrections.OPENAI
    if slug == "xai":
        sources |= add_search(prices)
    if (slug, model) in overlay.priority and not any(variant["tier"] == "priority" for variant in variants):
        variants += overlay.priority[slug, model]
    if slug == "anthropic" and model in corrections.FAST:
        variants.append({"tier": "fast", "units": corrections.FAST[model]})
    return dict(sorted(sources.items()))


def written(book: Json) -> str:
    """The book as text: one model a line, so that a change of prices reads well in a diff."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    text = [f'"version": {line(book["version"])}', f'"date": {line(book["date"])}', f'"notice": {line(book["notice"])}']
    lists: list[str] = []
    for slug, provider in book["providers"].items():
        head = "".join(f"{line(key)}: {line(value)}, " for key, value in provider.items() if key != "models")
        models = ",\n".join(line(model) for model in provider["models"])
        lists.append(f'{line(slug)}: {{{head}"models": [\n{models}\n]}}')
    return "{" + ",\n".join([*text, '"providers": {\n' + ",\n".join(lists) + "\n}"]) + "}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--litellm", type=Path, help="LiteLLM's wheel, or its price list as JSON")
    parser.add_argument("--date", help="the day to write into the book (YYYY-MM-DD); today by default")
    parser.add_argument("--output", type=Path, default=BOOK)
    arguments = parser.parse_args()
    today = arguments.date or datetime.now(UTC).date().isoformat()
    if arguments.litellm is not None:
        overlay, differing = litellm_overlay(arguments.litellm, today)
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in differing)
        arguments.output.with_name(DISAGREEMENTS.name).write_text(f"[\n{lines}\n]\n")
    else:
        overlay = overlay_of(json.loads(BOOK.read_bytes()))
    book = compile_book(overlay, today)
    arguments.output.write_text(written(book))
    models = [model for provider in book["providers"].values() for model in provider["models"]]
    print(
        f"{arguments.output}: {len(book['providers'])} price lists, {len(models)} models, "
        f"{sum('source' in model for model in models)} of them not from genai-prices"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
