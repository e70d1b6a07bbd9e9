"""What LiteLLM's price list has and genai-prices has not: pictures, videos, reranking, whole providers (compile time).

LiteLLM's `model_prices_and_context_window_backup.json` is MIT (Copyright (c) 2023 Berri AI). Its numbers are read as
decimals, never as floats. A model whose prices are all zero is left out: the list writes an unknown price and none at
all in the same way.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal
from math import gcd
from pathlib import Path
from typing import Any

from tollway.pricing.units import usual

FILE = "litellm/model_prices_and_context_window_backup.json"

Json = dict[str, Any]

VERTEX = (
    "vertex_ai",
    *(
        f"vertex_ai-{kind}"
        for kind in (
            "language-models",
            "anthropic_models",
            "embedding-models",
            "text-models",
            "video-models",
            "mistral_models",
            "llama_models",
            "ai21_models",
            "deepseek_models",
            "qwen_models",
            "zai_models",
            "openai_models",
            "minimax_models",
            "moonshot_models",
        )
    ),
)

NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "openai": (("", "openai"), ("openai/", "openai"), ("", "text-completion-openai")),
    "anthropic": (("", "anthropic"),),
    "google": (("gemini/", "gemini"),),
    "google-vertex": tuple((prefix, provider) for provider in VERTEX for prefix in ("vertex_ai/", "")),
    "azure": (("azure/", "azure"), ("azure_ai/", "azure_ai")),
    "aws-bedrock": (("", "bedrock"), ("", "bedrock_converse"), ("bedrock_mantle/", "bedrock_mantle")),
    "mistral": (("mistral/", "mistral"), ("codestral/", "codestral")),
    "groq": (("groq/", "groq"),),
    "deepseek": (("deepseek/", "deepseek"), ("", "deepseek")),
    "xai": (("xai/", "xai"), ("", "xai")),
    "cohere": (("cohere/", "cohere"), ("", "cohere"), ("", "cohere_chat")),
    "perplexity": (("perplexity/", "perplexity"),),
    "together": (("together_ai/", "together_ai"),),
    "fireworks": (("fireworks_ai/", "fireworks_ai"), ("fireworks_ai/", "fireworks_ai-embedding-models")),
    "cerebras": (("cerebras/", "cerebras"),),
    "moonshotai": (("moonshot/", "moonshot"),),
    "zai": (("zai/", "zai"),),
    "minimax": (("minimax/", "minimax"),),
    "databricks": (("databricks/", "databricks"),),
    "novita": (("novita/", "novita"),),
    "github-copilot": (("github_copilot/", "github_copilot"),),
    "cloudflare": (("cloudflare/", "cloudflare"),),
    "baseten": (("baseten/", "baseten"),),
    "ovhcloud": (("ovhcloud/", "ovhcloud"),),
    "meta": (("meta/", "meta"),),
    "voyageai": (("voyage/", "voyage"),),
    "elevenlabs": (("elevenlabs/", "elevenlabs"),),
    # Providers that genai-prices does not know at all.
    "ai21": (("", "ai21"),),
    "alibaba": (("dashscope/", "dashscope"),),
    "assemblyai": (("assemblyai/", "assemblyai"),),
    "black-forest-labs": (("black_forest_labs/", "black_forest_labs"),),
    "crusoe": (("crusoe/", "crusoe"),),
    "deepgram": (("deepgram/", "deepgram"),),
    "deepinfra": (("deepinfra/", "deepinfra"),),
    "fal": (("fal_ai/", "fal_ai"),),
    "friendliai": (("friendliai/", "friendliai"),),
    "gmi": (("gmi/", "gmi"),),
    "hyperbolic": (("hyperbolic/", "hyperbolic"),),
    "inception": (("inception/", "inception"),),
    "jina": (("jina_ai/", "jina_ai"), ("", "jina_ai")),
    "lambda": (("lambda_ai/", "lambda_ai"),),
    "morph": (("morph/", "morph"),),
    "nebius": (("nebius/", "nebius"),),
    "nscale": (("nscale/", "nscale"),),
    "oci": (("oci/", "oci"),),
    "recraft": (("recraft/", "recraft"),),
    "replicate": (("replicate/", "replicate"),),
    "runwayml": (("runwayml/", "runwayml"),),
    "sambanova": (("sambanova/", "sambanova"),),
    "scaleway": (("scaleway/", "scaleway"),),
    "snowflake": (("snowflake/", "snowflake"),),
    "soniox": (("soniox/", "soniox"),),
    "stability": (("stability/", "stability"),),
    "tencent": (("tencent/", "tencent"),),
    "vercel": (("vercel_ai_gateway/", "vercel_ai_gateway"),),
    "volcengine": (("volcengine/", "volcengine"), ("", "volcengine")),
    "wandb": (("wandb/", "wandb"),),
    "watsonx": (("watsonx/", "watsonx"),),
}
"""How LiteLLM writes a provider's models: the prefix of the key, and the value of `litellm_provider`."""

MODES = frozenset(
    {
        "chat",
        "completion",
        "responses",
        "embedding",
        "image_generation",
        "image_edit",
        "video_generation",
        "audio_transcription",
        "audio_speech",
        "rerank",
        "ocr",
        "realtime",
    }
)

TOKENS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "input_cost_per_image_token": "input_image",
    "input_cost_per_video_token": "input_video",
    "output_cost_per_reasoning_token": "reasoning",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_image_token": "output_image",
    "citation_cost_per_token": "citation",
}
WHOLE = {
    "input_audio": "input",
    "input_image": "input",
    "input_video": "input",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
}
"""What each part is billed as where it has no price of its own: the same price need not be written twice."""

TIERS = {"": None, "_batches": "batch", "_flex": "flex", "_priority": "priority"}
_TIERED = re.compile(
    rf"({'|'.join(sorted(TOKENS, key=len, reverse=True))})(?:_above_([0-9]+)k_tokens)?(|_batches|_flex|_priority)"
)
_SIZE = re.compile(r"([0-9]+|max)-x-([0-9]+|max)")
_SECONDS = re.compile(r"output_cost_per_second_([0-9]+(?:p|k))")
_NOT_A_NAME = re.compile(r"commitment|^bedrock/|^sagemaker/|^[a-z]{2}-[a-z]+-[0-9]/|container$")
_MOST_PER_TOKEN = {"input": Decimal("0.0002"), "output": Decimal("0.0008")}
"""Nobody's token costs more than $200 and $800 a million: a model above it is listed wrongly."""
_DIGITS = Context(prec=10)
"""The list's numbers went through floats: what is beyond the tenth digit is noise."""


def read(path: Path) -> tuple[dict[str, Json], str]:
    """The price list in LiteLLM's wheel, or in its JSON, and its version."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            text, version = wheel.read(FILE), path.name.split("-")[1]
    else:
        text, version = path.read_bytes(), path.stem
    return json.loads(text, parse_float=Decimal, parse_int=Decimal), version


def entries(listed: Mapping[str, Json], slug: str) -> Iterator[tuple[str, Json]]:
    """LiteLLM's entries of one provider, by the provider's own name for the model, in lower case."""
    for key, entry in listed.items():
        for prefix, provider in NAMES.get(slug, ()):
            if entry.get("mode") in MODES and entry.get("litellm_provider") == provider and key.startswith(prefix):
                name = key.removeprefix(prefix).lower()
                if not _NOT_A_NAME.search(name):
                    yield name, entry
                break


def models(listed: Mapping[str, Json], slug: str) -> dict[str, Json]:
    """All models of one provider that have a price, as the book writes them; pictures of all sizes under one model."""
    found: dict[str, Json] = {}
    for key, entry in entries(listed, slug):
        name, kind = _pictured(key) if entry.get("mode") in ("image_generation", "image_edit") else (key, "")
        units, variants = prices(entry, kind)
        if not any(amount for steps in units.values() for amount, _ in steps.values()):
            continue
        model = found.setdefault(name, {"units": {}, "variants": {}})
        model["units"] |= {meter: steps for meter, steps in units.items() if meter not in model["units"]}
        for tier, tiered in variants.items():
            model["variants"].setdefault(tier, {}).update(tiered)
        for field, source in (("context", "max_input_tokens"), ("max_output", "max_output_tokens")):
            if not kind and entry.get(source) and entry.get("mode") in ("chat", "completion", "responses"):
                model[field] = max(int(entry[source]), model.get(field, 0))
    return found


def _pictured(key: str) -> tuple[str, str]:
    """The model and the "quality/size" in a key such as "hd/1024-x-1792/dall-e-3"."""
    first, _, _rest = key.partition("/")
    sized = [part for part in key.split("/") if _SIZE.fullmatch(part)]
    if not sized:
        return key, ""
    parts = key.split("/")
    at = parts.index(sized[0])
    size = "x".join(_SIZE.fullmatch(sized[0]).groups())  # type: ignore[union-attr]
    steps = next((part for part in parts if part.endswith("-steps")), None)
    quality = steps or (first if at > 0 else "")
    return parts[-1], f"{quality}/{size}" if quality else size


Steps = dict[int, tuple[int, int]]
"""Threshold of input tokens (0: the base) → amount in nanodollars, and for how many."""


def prices(entry: Json, kind: str) -> tuple[dict[str, Steps], dict[str, dict[str, Steps]]]:
    """The unit prices of an entry, and what differs from them at a service tier."""
    tokens: dict[str | None, dict[str, dict[int, Decimal]]] = {}
    for field, value in entry.items():
        match = _TIERED.fullmatch(field)
        if match is not None and isinstance(value, Decimal):
            over = int(match[2] or 0) * 1000
            tokens.setdefault(TIERS[match[3]], {}).setdefault(TOKENS[match[1]], {})[over] = value
    for bounds in entry.get("tiered_pricing") or ():
        # The first of its steps takes the place of the model's own price.
        for field, value in bounds.items():
            if field in TOKENS and isinstance(value, Decimal) and "range" in bounds:
                tokens.setdefault(None, {}).setdefault(TOKENS[field], {})[int(bounds["range"][0])] = value
    standard = {meter: steps for meter, steps in tokens.pop(None, {}).items() if 0 in steps}
    if "input" in standard and "output" not in standard and entry.get("mode") in ("chat", "completion", "responses"):
        standard = {}
    if not any(value for steps in standard.values() for value in steps.values()):
        standard = {}
    if any(standard.get(meter, {}).get(0, Decimal(0)) > most for meter, most in _MOST_PER_TOKEN.items()):
        return {}, {}
    if entry.get("mode") in ("image_generation", "image_edit") and not {"input_image", "output_image"} & set(standard):
        standard = {}  # Made-up tokens: what such a model bills is pictures, or steps.
    plain = _without_repeats(standard) if not kind else {}
    flat = {meter: {0: value} for meter, value in _others(entry, kind, by_token=bool(standard)).items()}
    variants = {
        tier: {
            meter: steps for meter, steps in changed.items() if 0 in steps and meter in plain and steps != plain[meter]
        }
        for tier, changed in tokens.items()
        if tier is not None
    }
    return (
        {meter: _exact(meter, steps) for meter, steps in (plain | flat).items()},
        {t: {m: _exact(m, s) for m, s in changed.items()} for t, changed in variants.items() if changed},
    )


def _without_repeats(units: dict[str, dict[int, Decimal]]) -> dict[str, dict[int, Decimal]]:
    return {
        meter: steps
        for meter, steps in units.items()
        if steps != units.get(WHOLE.get(meter, "")) and (meter in ("input", "output") or all(steps.values()))
    }


def _others(entry: Json, kind: str, *, by_token: bool) -> dict[str, Decimal]:
    """What is billed by the piece, the second, the character, the page."""
    mode = entry.get("mode")
    found: dict[str, Decimal] = {}

    def first(*fields: str) -> Decimal | None:
        return next((entry[f] for f in fields if isinstance(entry.get(f), Decimal) and entry[f]), None)

    if mode in ("image_generation", "image_edit") and (kind or not by_token):
        each = first("output_cost_per_image", "input_cost_per_image")
        if each is None and (pixel := first("input_cost_per_pixel", "output_cost_per_pixel")) is not None and kind:
            width, height = kind.rpartition("/")[2].split("x")
            each = pixel * int(width) * int(height)
            # The list divides a round price by the pixels; what comes out is that price again, but for the last digits.
            near = each.quantize(Decimal("0.0001"))
            each = near if abs(near - each) < Decimal("0.000005") else each
        if each is not None:
            found[f"image:{kind}" if kind else "image"] = each
    elif mode == "video_generation" and not by_token:
        each = first("output_cost_per_second", "output_cost_per_video_per_second")
        if each is not None:
            found["video_seconds"] = each
        for field, value in entry.items():
            if (at := _SECONDS.fullmatch(field)) and value and value != each:
                found[f"video_seconds:{at[1]}"] = value
    elif mode == "audio_transcription" and not by_token:
        if (each := first("input_cost_per_second", "output_cost_per_second")) is not None:
            found["input_audio_seconds"] = each
    elif mode == "audio_speech" and not by_token:
        if (each := first("input_cost_per_character")) is not None:
            found["characters"] = each
        elif (each := first("output_cost_per_second")) is not None:
            found["output_audio_seconds"] = each
    elif mode == "rerank" and not by_token:
        if (each := first("input_cost_per_query")) is not None:
            found["search_unit"] = each
    elif mode == "ocr" and not by_token:
        for field, meter in (("ocr_cost_per_page", "pages"), ("annotation_cost_per_page", "annotated_pages")):
            if (each := first(field)) is not None:
                found[meter] = each
    elif mode == "embedding" and (each := first("input_cost_per_character")) is not None:
        found["characters"] = each
    if by_token and (search := entry.get("search_context_cost_per_query")):
        found["web_search"] = search.get("search_context_size_medium", Decimal(0))
    return {meter: value for meter, value in found.items() if value}


def _exact(meter: str, steps: dict[int, Decimal]) -> Steps:
    """Nanodollars for the usual quantity, or for as many more as it takes to be exact."""
    per = usual(meter)
    steps = {over: _DIGITS.plus(value) for over, value in steps.items()}
    ratios = [(value * 10**9 * per).as_integer_ratio() for value in steps.values()]
    scale = 1
    for _, denominator in ratios:
        scale = scale * denominator // gcd(scale, denominator)
    per *= scale
    return {over: (int(value * 10**9 * per), per) for over, value in sorted(steps.items())}
