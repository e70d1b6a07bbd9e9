from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from tollway.providers.presets import PRESETS
from tollway.telemetry.names import (
    TOKEN_BUCKETS,
    USAGE,
    operation_name,
    provider_name,
    usage_attributes,
)
from tollway.usage import Usage

KNOWN_PROVIDERS = {value.value for value in gen_ai_attributes.GenAiProviderNameValues}
KNOWN_OPERATIONS = {value.value for value in gen_ai_attributes.GenAiOperationNameValues}
# Well-known by the conventions of today, and not in the package's constants yet.
NEWER = {"moonshot_ai"}


def test_providers_that_the_conventions_name_have_their_names() -> None:
    said = {provider_name(preset.slug, preset.slug) for preset in PRESETS}
    assert said >= KNOWN_PROVIDERS - {"azure.ai.inference", "gcp.gen_ai", "ibm.watsonx.ai"}
    assert "moonshot_ai" in said & NEWER


def test_a_server_of_ones_own_is_called_as_it_is_here() -> None:
    assert provider_name("my-vllm") == "my-vllm"
    assert provider_name("team-azure", "azure") == "azure.ai.openai"


def test_apis_that_the_conventions_name_have_their_names() -> None:
    assert {operation_name(api) for api in ("openai.responses", "anthropic.messages", "bedrock.converse")} == {"chat"}
    assert {operation_name(api) for api in ("openai.embeddings", "google.embed")} == {"embeddings"}
    assert operation_name("google.generate") == "generate_content"
    assert {"chat", "embeddings", "generate_content", "text_completion"} <= KNOWN_OPERATIONS
    assert operation_name("openai.images") == "images"
    assert operation_name("") == "unknown"


def test_counts_have_the_names_of_the_conventions_and_what_was_not_told_is_left_out() -> None:
    known = {getattr(gen_ai_attributes, name) for name in dir(gen_ai_attributes) if name.startswith("GEN_AI_USAGE")}
    assert set(USAGE.values()) >= known - {"gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"}
    assert usage_attributes(Usage(input_tokens=3, output_tokens=0)) == {
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 0,
    }


def test_the_boundaries_of_tokens_are_those_of_the_conventions() -> None:
    assert TOKEN_BUCKETS == (
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    )  # fmt: skip
