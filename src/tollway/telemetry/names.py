"""OpenTelemetry's words for ours: the GenAI conventions, as of November 2026, when they had no release of their own yet.

github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and gen-ai-metrics.md.
"""

from collections.abc import Mapping
from typing import Final

from tollway.usage import Usage

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.42.0"

_PROVIDERS: Final[Mapping[str, str]] = {
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "aws-bedrock": "aws.bedrock",
    "aws-bedrock-mantle": "aws.bedrock",
    "azure": "azure.ai.openai",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}
"""Presets whose well-known value of `gen_ai.provider.name` is another word."""

_OPERATIONS: Final[Mapping[str, str]] = {
    "openai.chat": "chat",
    "openai.responses": "chat",
    "anthropic.messages": "chat",
    "anthropic.vertex": "chat",
    "bedrock.converse": "chat",
    "bedrock.invoke": "chat",
    "cohere.chat": "chat",
    "ollama.chat": "chat",
    "openai.completions": "text_completion",
    "ollama.generate": "text_completion",
    "google.generate": "generate_content",
    "openai.embeddings": "embeddings",
    "google.embed": "embeddings",
    "cohere.embed": "embeddings",
    "ollama.embed": "embeddings",
}
"""APIs that have a well-known value of `gen_ai.operation.name`; others are called by the last part of their own names."""

USAGE: Final[Mapping[str, str]] = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_input_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
    "input_audio_tokens": "gen_ai.usage.audio.input_tokens",
    "input_image_tokens": "gen_ai.usage.image.input_tokens",
    "input_video_tokens": "gen_ai.usage.video.input_tokens",
    "output_audio_tokens": "gen_ai.usage.audio.output_tokens",
}
"""Counts of `Usage` that have a name there; both sides count inclusively."""

TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))
"""1 to 67,108,864: the boundaries that the conventions ask of `gen_ai.client.token.usage`."""
SECOND_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Of whole operations."""
FIRST_BUCKETS: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
"""Of the first token or chunk."""
EACH_BUCKETS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
"""Of each token behind it."""


def provider_name(slug: str, kind: str = "") -> str:
    """`gen_ai.provider.name` of a provider: by the preset it is, else by its own name here."""
    return _PROVIDERS.get(kind or slug, kind or slug)


def operation_name(api: str) -> str:
    """`gen_ai.operation.name` of an API; "unknown" where a request was refused before its API was known."""
    return _OPERATIONS.get(api) or api.partition(".")[2] or "unknown"


def usage_attributes(usage: Usage) -> dict[str, int]:
    """The counts that were told, by their names there. What was not told is left out, and is not zero."""
    found: dict[str, int] = {}
    for field, name in USAGE.items():
        count: int | None = getattr(usage, field)
        if count is not None:
            found[name] = count
    return found
