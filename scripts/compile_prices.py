"""Compile the price book that Tollway ships: `src/tollway/pricing/book.json`.

    python scripts/compile_prices.py                                 # prices anew, output limits kept as they are
    python scripts/compile_prices.py --litellm litellm-1.106.2.whl   # and the output limits, from the wheel or its JSON

Prices, names, dates and context windows come from the installed `genai-prices`; the longest output (which it lacks)
from LiteLLM's price list (`pip download --no-deps litellm==1.106.2`; nothing of it is imported). Both are MIT, and the
notice is written into the file. Nothing here runs at run time, and nothing touches the network.
"""

import argparse
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types as source
from genai_prices.data import providers as SOURCE_PROVIDERS  # noqa: N812

from tollway.pricing.units import PER

BOOK = Path(__file__).parent.parent / "src" / "tollway" / "pricing" / "book.json"
LITELLM_FILE = "litellm/model_prices_and_context_window_backup.json"

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

FREE = {
    ("openai", "moderation"),
    ("google", "gemma-3"),
    ("google", "gemma-3n"),
    ("google", "gemma-4-26b-a4b-it"),
    ("google", "gemma-4-31b-it"),
    ("github-copilot", "gpt-3.5-turbo"),
    ("github-copilot", "gpt-4.1"),
    ("github-copilot", "gpt-4o"),
    ("github-copilot", "gpt-4o-mini"),
}
"""Models without a price that are free by their provider's own word. One that is not here, and is not called `…:free`,
has an unknown price: the source writes both in the same way."""

WINDOWS = {"claude-sonnet-4-5": 1_000_000}
"""Corrections: with the header of the 1M context beta this model takes more than the 200,000 tokens of the source."""

MISSING = {
    "gpt-4o-audio-preview": {"input_audio": [40_000_000_000], "output_audio": [80_000_000_000]},
    "gpt-4o-mini-audio-preview": {"input_audio": [10_000_000_000], "output_audio": [20_000_000_000]},
}
"""Corrections: the source has the text prices alone, but OpenAI bills the audio at these."""

AT_LEAST = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
"""Seconds of audio that are billed at least (the source has this in code, for these two)."""

LITELLM_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "openai": (("", "openai"),),
    "anthropic": (("", "anthropic"),),
    "google": (
        ("gemini/", "gemini"),
        ("", "vertex_ai-language-models"),
        ("", "vertex_ai-anthropic_models"),
        ("vertex_ai/", "vertex_ai-anthropic_models"),
    ),
    "azure": (("azure/", "azure"), ("azure_ai/", "azure_ai")),
    "aws-bedrock": (("", "bedrock"), ("", "bedrock_converse")),
    "mistral": (("mistral/", "mistral"), ("codestral/", "codestral")),
    "groq": (("groq/", "groq"),),
    "deepseek": (("deepseek/", "deepseek"), ("", "deepseek")),
    "xai": (("xai/", "xai"),),
    "cohere": (("", "cohere_chat"),),
    "perplexity": (("perplexity/", "perplexity"),),
    "together": (("together_ai/", "together_ai"),),
    "fireworks": (("fireworks_ai/", "fireworks_ai"),),
    "cerebras": (("cerebras/", "cerebras"),),
    "moonshotai": (("moonshot/", "moonshot"),),
    "zai": (("zai/", "zai"),),
    "minimax": (("minimax/", "minimax"),),
    "databricks": (("databricks/", "databricks"),),
    "novita": (("novita/", "novita"),),
    "github-copilot": (("github_copilot/", "github_copilot"),),
}
"""How LiteLLM writes a provider's models: the prefix of the key, and the value of `litellm_provider`."""

TEXT_MODES = ("chat", "completion", "responses")

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
    "max_input and max_output: LiteLLM's model price list. MIT License. Copyright (c) 2023 Berri AI.",
    PERMISSION,
]

Json = dict[str, Any]
Limits = Mapping[tuple[str, str], tuple[int | None, int | None]]
"""(provider, model) → longest input and output."""


def compile_book(limits: Limits, limits_version: str, compiled_on: str) -> Json:
    """The book as a JSON value: the same input gives the same book."""
    return {
        "version": f"genai-prices {version('genai-prices')}, litellm {limits_version}",
        "date": compiled_on,
        "notice": NOTICE,
        "providers": {SLUGS.get(p.id, p.id): compile_provider(p, limits) for p in SOURCE_PROVIDERS},
    }


def compile_provider(provider: source.Provider, limits: Limits) -> Json:
    slug = SLUGS.get(provider.id, provider.id)
    # A name that an earlier model's rule takes means that model, whichever model lists it.
    names: dict[str, list[str]] = {model.id: [] for model in provider.models}
    for text in sorted({text.lower() for m in provider.models for text in exact_names(m.match)}):
        winner = next(m for m in provider.models if m.is_match(text))
        names[winner.id].append(text)
    compiled: Json = {"source_url": (provider.pricing_urls or [None])[0]}
    fallback = [SLUGS.get(other, other) for other in provider.fallback_model_providers or ()]
    if fallback:
        compiled["fallback"] = fallback
    compiled["models"] = [
        compile_model(slug, model, names[model.id], limits.get((slug, model.id), (None, None)))
        for model in provider.models
    ]
    return compiled


def compile_model(slug: str, model: source.ModelInfo, names: list[str], limits: tuple[int | None, int | None]) -> Json:
    clauses = model.match.or_ if isinstance(model.match, source.ClauseOr) else [model.match]
    free = (slug, model.id) in FREE or model.id.endswith(":free")
    compiled: Json = {
        "id": model.id,
        "names": names,
        "rules": [rule(c) for c in clauses if not isinstance(c, source.ClauseEquals)],
        "prices": list(compile_prices(model, free)),
        "variants": list(compile_variants(model)),
        "context": WINDOWS.get(model.id, model.context_window),
        "max_input": limits[0],
        "max_output": limits[1],
        "free": free,
        "at_least": (
            {"audio_seconds": AT_LEAST[slug, model.id], "input_audio_seconds": AT_LEAST[slug, model.id]}
            if (slug, model.id) in AT_LEAST
            else {}
        ),
    }
    return {key: value for key, value in compiled.items() if value not in (None, [], {}, False)}


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
        units |= MISSING.get(model.id, {})
    return {"units": units} | ({"per": per} if per else {})


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


def litellm_limits(path: Path) -> tuple[Limits, str]:
    """Limits from LiteLLM's wheel or JSON, and their version."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            listed: dict[str, Json] = json.loads(wheel.read(LITELLM_FILE))
        found = path.name.split("-")[1]
    else:
        listed, found = json.loads(path.read_bytes()), path.stem
    limits: dict[tuple[str, str], tuple[int | None, int | None]] = {}
    for provider in SOURCE_PROVIDERS:
        slug = SLUGS.get(provider.id, provider.id)
        named: dict[str, list[Json]] = {}
        meant: dict[str, list[Json]] = {}
        for name, entry in litellm_entries(listed, slug):
            named.setdefault(name, []).append(entry)
            model = provider.find_model(name)
            if model is not None:
                meant.setdefault(model.id, []).append(entry)
        for model in provider.models:
            # The model's own name first: other names may have had smaller limits.
            for entries in (named.get(model.id.lower(), []), meant.get(model.id, [])):
                longest = (most(entries, "max_input_tokens"), most(entries, "max_output_tokens"))
                if longest != (None, None):
                    limits[slug, model.id] = longest
                    break
    return limits, found


def litellm_entries(listed: Mapping[str, Json], slug: str) -> Iterator[tuple[str, Json]]:
    """LiteLLM's models of text of one provider, by the provider's own name for them."""
    for key, entry in listed.items():
        for prefix, provider in LITELLM_NAMES.get(slug, ()):
            if entry.get("litellm_provider") == provider and entry.get("mode") in TEXT_MODES and key.startswith(prefix):
                yield key.removeprefix(prefix).lower(), entry


def most(entries: Iterable[Json], field: str) -> int | None:
    return max((int(entry[field]) for entry in entries if entry.get(field)), default=None)


def limits_of(book: Json) -> tuple[Limits, str]:
    """The limits that a compiled book has already, and their version."""
    limits = {
        (slug, model["id"]): (model.get("max_input"), model.get("max_output"))
        for slug, provider in book["providers"].items()
        for model in provider["models"]
        if "max_input" in model or "max_output" in model
    }
    return limits, book["version"].rpartition(" ")[2]


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
    if arguments.litellm is not None:
        limits, limits_version = litellm_limits(arguments.litellm)
    else:
        limits, limits_version = limits_of(json.loads(BOOK.read_bytes()))
    book = compile_book(limits, limits_version, arguments.date or datetime.now(UTC).date().isoformat())
    arguments.output.write_text(written(book))
    models = sum(len(provider["models"]) for provider in book["providers"].values())
    print(f"{arguments.output}: {len(book['providers'])} price lists, {models} models, {len(limits)} with limits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
