"""What both price lists get wrong or lack, with where the right figure is written. Read by `compile_prices.py`."""

from decimal import Decimal
from typing import Any

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

UPLIFTS = {"us": (11, 10)}
"""Anthropic, `inference_geo: "us"`: 1.1 times the price of all tokens, for the models that LiteLLM marks."""

ZONES = {"azure": {"us/": (11, 10), "eu/": (11, 10), "global/": (1, 1), "global-standard/": (1, 1)}}
"""Azure: a deployment in a data zone costs 1.1 times the global one. Models where it is more are listed one by one."""

OPENAI = "https://platform.openai.com/docs/pricing"
LITELLM = "litellm"


def usd(**prices: str) -> dict[str, list[int]]:
    """Dollars for the usual quantity (a million tokens, one picture, a second of video) as the book writes them."""
    return {meter: [int(Decimal(dollars) * 10**9)] for meter, dollars in prices.items()}


def pictures(**sizes: str) -> dict[str, list[int]]:
    """Dollars a picture by kind; `hd_1024x1024` is "hd/1024x1024", `s1024x1024` is "1024x1024"."""
    return {f"image:{kind.lstrip('s_').replace('_', '/')}": [int(Decimal(d) * 10**9)] for kind, d in sizes.items()}


def videos(**kinds: str) -> dict[str, list[int]]:
    """Dollars a second of video by kind; `v720p` is "720p"."""
    return {f"video_seconds:{kind.lstrip('v')}": [int(Decimal(d) * 10**9)] for kind, d in kinds.items()}


MODELS: dict[str, list[dict[str, Any]]] = {
    "openai": [
        {
            "id": "dall-e-3",
            "prices": [
                {
                    "units": {
                        "image:standard/1024x1024": [40_000_000],
                        "image:standard/1024x1792": [80_000_000],
                        "image:standard/1792x1024": [80_000_000],
                    }
                    | pictures(hd_1024x1024="0.08", hd_1024x1792="0.12", hd_1792x1024="0.12")
                }
            ],
            "source": OPENAI,
        },
        {
            "id": "dall-e-2",
            "prices": [{"units": pictures(s1024x1024="0.02", s512x512="0.018", s256x256="0.016")}],
            "source": OPENAI,
        },
        {
            # LiteLLM has the larger frame as a model of its own ("sora-2-pro-high-res").
            "id": "sora-2-pro",
            "names": ["sora-2-pro", "sora-2-pro-2025-10-06"],
            "prices": [
                {
                    "units": videos(
                        v720p="0.3",
                        v720x1280="0.3",
                        v1280x720="0.3",
                        v1024x1792="0.5",
                        v1792x1024="0.5",
                        v1024p="0.5",
                        v1080p="0.7",
                        v1080x1920="0.7",
                        v1920x1080="0.7",
                    )
                }
            ],
            "source": OPENAI,
        },
    ],
    "google": [
        {
            "id": "imagen-4.0-generate-001",
            "names": ["imagen-4.0-generate-001", "imagen-4.0-generate-preview-06-06"],
            "prices": [{"units": usd(image="0.04")}],
            "source": "https://ai.google.dev/gemini-api/docs/pricing",
        },
        {
            "id": "imagen-4.0-fast-generate-001",
            "prices": [{"units": usd(image="0.02")}],
            "source": "https://ai.google.dev/gemini-api/docs/pricing",
        },
        {
            "id": "imagen-4.0-ultra-generate-001",
            "names": ["imagen-4.0-ultra-generate-001", "imagen-4.0-ultra-generate-preview-06-06"],
            "prices": [{"units": usd(image="0.06")}],
            "source": "https://ai.google.dev/gemini-api/docs/pricing",
        },
    ],
    "google-vertex": [
        {
            "id": "gemini-2.0-flash",
            "names": ["gemini-2.0-flash", "gemini-2.0-flash-001"],
            "prices": [
                {"units": usd(input="0.15", output="0.6", cache_read="0.0375", input_audio="1", web_search="35")}
            ],
            "context": 1_048_576,
            "max_output": 8_192,
            "source": "https://cloud.google.com/vertex-ai/generative-ai/pricing",
        },
    ],
    "aws-bedrock": [
        {
            # Neither list has the name that the API answers with, and the bare one only by the version.
            "id": "anthropic.claude-v2",
            "names": ["anthropic.claude-v2", "anthropic.claude-v2:0", "claude-2.0", "claude-2.1"],
            "prices": [{"units": usd(input="8", output="24")}],
            "context": 200_000,
            "source": "https://aws.amazon.com/bedrock/pricing/",
        },
    ],
    "cohere": [
        {
            # LiteLLM has it a thousand times too dear.
            "id": "embed-multilingual-light-v3.0",
            "prices": [{"units": usd(input="0.1", output="0")}],
            "source": "https://cohere.com/pricing",
        },
    ],
    "mistral": [
        # "mistral-large-latest" has moved on as well, but to which of two newer models the lists do not agree: it keeps
        # genai-prices' price, the dearer one, and stands in disagreements.json.
        {
            # The alias moved on to a newer model; genai-prices keeps the retired one behind it.
            "id": "magistral-medium-latest",
            "prices": [{"units": usd(input="1.5", output="7.5")}],
            "context": 131_072,
            "source": LITELLM,
        },
    ],
    "writer": [
        {
            "id": "palmyra-x5",
            "prices": [{"units": usd(input="0.6", output="6")}],
            "context": 1_000_000,
            "source": "https://dev.writer.com/home/pricing",
        },
        {
            "id": "palmyra-x4",
            "prices": [{"units": usd(input="2.5", output="10")}],
            "context": 128_000,
            "source": "https://dev.writer.com/home/pricing",
        },
    ],
    "together": [
        {
            "id": "mistralai/mixtral-8x7b-instruct-v0.1",
            "prices": [{"units": usd(input="0.6", output="0.6")}],
            "context": 32_768,
            "source": LITELLM,
        },
    ],
}
"""Models that are listed wrongly, or not at all: these names mean them, whatever the other lists say."""

DATED: dict[tuple[str, str], tuple[str, dict[str, list[int]], str]] = {
    ("deepseek", model): ("2025-09-29", usd(input="0.28", output="0.42", cache_read="0.028"), LITELLM)
    for model in ("deepseek-chat", "deepseek-reasoner")
}
"""A price that the list does not have yet, from a date on: (provider, model) → date, price, source."""

SEARCH_FEES = {
    "sonar": ("5", "8", "12"),
    "sonar-pro": ("6", "10", "14"),
    "sonar-reasoning": ("5", "8", "12"),
    "sonar-reasoning-pro": ("6", "10", "14"),
}
"""Perplexity: dollars for a thousand requests by `search_context_size`: low (the default), medium, high."""

TOKENS_OF_A_PICTURE = {"gpt-image-1": 6_600, "gpt-image-1-mini": 6_600}
"""The most output tokens of one picture (1024x1536 at high quality: 6,240, and three partial ones of 100 each)."""


PREVIEW_SEARCH = ("gpt-4o", "gpt-4.1")
"""OpenAI: a search of `web_search_preview` costs $25 a thousand with models that do not reason, and only $10 with others
or with the later `web_search`. An answer does not say which it was in its usage, so the dearer is charged for these."""
PREVIEW_SEARCH_FEE = usd(web_search="25")

XAI_SEARCH_FEE = usd(web_search="5")
"""xAI: a search costs $5 a thousand with any of its models of text. Its answers state their cost; this is for one that
does not. LiteLLM has it in code (`_DEFAULT_WEB_SEARCH_COST_PER_CALL`), not in its list."""
XAI_SEARCH = "litellm (llms/xai/cost_calculator.py)"

FAST = {
    model: usd(input="30", output="150", cache_read="3", cache_write="37.5", cache_write_1h="60")
    for model in ("claude-opus-4-6", "claude-opus-4-7")
}
"""Anthropic's fast mode of the models for which genai-prices has no variant: six times the price."""
ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
