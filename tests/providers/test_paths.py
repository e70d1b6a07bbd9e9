from typing import Any

import pytest

from tollway.providers.paths import deployment_in, model_in, native_path, unified_path, unversioned

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("base", "root", "dialect", "path", "sent"),
    [
        ("/v1", "", "openai", CHAT, CHAT),
        ("", "", "openai", CHAT, "/chat/completions"),
        ("", "/v1", "openai", CHAT, CHAT),
        ("/openai/v1", "", "openai", "/v1/responses", "/openai/v1/responses"),
        ("", "/v1beta/openai", "openai", CHAT, "/v1beta/openai/chat/completions"),
        ("", "/compatibility/v1", "openai", "/v1/embeddings", "/compatibility/v1/embeddings"),
        ("", "/api/paas/v4", "openai", CHAT, "/api/paas/v4/chat/completions"),
        ("", "/openai/deployments/{model}", "openai", CHAT, "/openai/deployments/my%20gpt/chat/completions"),
        ("", "/anthropic/v1", "anthropic", "/v1/messages", "/anthropic/v1/messages"),
        ("", "/v1", "anthropic", "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("", "", "google", "/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("", "", "google", "/v1/models/g:generateContent", "/v1/models/g:generateContent"),
        (
            "",
            "/v1/projects/p/locations/l/publishers/google",
            "google",
            "/v1beta/models/g:generateContent",
            "/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
        ),
    ],
)
def test_a_unified_path_goes_where_the_provider_has_that_api(
    base: str, root: str, dialect: Any, path: str, sent: str
) -> None:
    assert unified_path(base, root, dialect, path, "my gpt") == sent


@pytest.mark.parametrize(
    ("base", "family", "root", "path", "sent"),
    [
        # As the SDK has it: the base URL ends in the version, and the version is not said twice.
        ("/v1", "openai", "", CHAT, CHAT),
        ("/v1", "openai", "", "/chat/completions", CHAT),
        ("/api/v1", "openai", "", CHAT, "/api/v1/chat/completions"),
        ("/v1beta/openai", "openai", "", CHAT, "/v1beta/openai/chat/completions"),
        ("/v1", "openai", "", "/v10/x", "/v1/v10/x"),
        ("/v1", "openai", "", "/files", "/v1/files"),
        # A base URL without a version is taken at its word, and so is the caller (Cloudflare's custom providers).
        ("", "openai", "", CHAT, CHAT),
        ("", "openai", "", "/chat/completions", "/chat/completions"),
        # A caller may write the whole path of the base URL (Groq's SDK).
        ("/openai/v1", "openai", "", "/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        ("/api/v1", "openai", "", "/api/v1/chat/completions", "/api/v1/chat/completions"),
        ("/api/v2/cortex/v1", "openai", "", CHAT, "/api/v2/cortex/v1/chat/completions"),
        # What only a client appends is put where the provider has it.
        ("", "openai", "/v1", "/chat/completions", CHAT),
        ("", "openai", "/api/paas/v4", "/chat/completions", "/api/paas/v4/chat/completions"),
        ("", "openai", "/api/paas/v4", "/api/paas/v4/chat/completions", "/api/paas/v4/chat/completions"),
        (
            "",
            "openai",
            "/openai/v1",
            "/openai/deployments/d/chat/completions",
            "/openai/deployments/d/chat/completions",
        ),
        ("", "openai", "/v1", "/api/v0/chat", "/api/v0/chat"),
        ("", "anthropic", "/v1", "/v1/messages", "/v1/messages"),
        ("", "anthropic", "/v1", "/messages", "/v1/messages"),
        ("/v1", "anthropic", "", "/v1/messages", "/v1/messages"),
        ("/v1", "anthropic", "", "/messages", "/v1/messages"),
        ("/anthropic", "anthropic", "/v1", "/v1/messages", "/anthropic/v1/messages"),
        ("/anthropic", "anthropic", "/v1", "/messages", "/anthropic/v1/messages"),
        ("", "google", "", "/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("", "google", "", "/v1/models/g:generateContent", "/v1/models/g:generateContent"),
        ("", "google", "", "/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("/v1beta", "google", "", "/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("/v1beta", "google", "", "/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ("/gemini/v1beta", "google", "", "/v1/models/g:generateContent", "/gemini/v1beta/models/g:generateContent"),
        # A part of the base URL that the caller wrote as well, behind a prefix of one's own.
        ("/groq/openai/v1", "openai", "", "/openai/v1/chat/completions", "/groq/openai/v1/chat/completions"),
        ("/proxy/api/v1", "openai", "", "/api/v1/chat/completions", "/proxy/api/v1/chat/completions"),
        # A version inside the base URL is not the one of the API behind it (Workers AI).
        ("/client/v4/accounts/a/ai", "openai", "/v1", CHAT, "/client/v4/accounts/a/ai/v1/chat/completions"),
        ("/client/v4/accounts/a/ai", "openai", "/v1", "/run/@cf/m", "/client/v4/accounts/a/ai/run/@cf/m"),
        ("", "openai", "/openai/deployments/{model}", "/chat/completions", "/openai/deployments/m/chat/completions"),
        ("", "openai", "/openai/deployments/{model}", CHAT, "/openai/deployments/m/chat/completions"),
        ("", "openai", "/openai/v1", CHAT, "/openai/v1/chat/completions"),
        ("", "cohere", None, "/v2/chat", "/v2/chat"),
        ("", "cohere", None, "/v1/rerank", "/v1/rerank"),
        ("", "bedrock", None, "/model/m%3A0/converse", "/model/m%3A0/converse"),
        ("", "ollama", None, "/api/chat", "/api/chat"),
    ],
)
def test_a_native_path_is_joined_to_its_base_without_saying_anything_twice(
    base: str, family: Any, root: str | None, path: str, sent: str
) -> None:
    assert native_path(base, family, root, path, "m") == sent


@pytest.mark.parametrize(
    ("path", "rest"), [("/v1/chat", "/chat"), ("/v1beta/models/m", "/models/m"), ("/chat", "/chat"), ("/v1", "")]
)
def test_a_version_is_taken_off_the_front_alone(path: str, rest: str) -> None:
    assert unversioned(path) == rest


@pytest.mark.parametrize(
    ("path", "deployment"),
    [
        ("/openai/deployments/gpt-4o/chat/completions", "gpt-4o"),
        ("/openai/deployments/my%20gpt/embeddings", "my gpt"),
        ("/v1/chat/completions", None),
        ("/openai/v1/chat/completions", None),
    ],
)
def test_a_deployment_is_read_from_the_path(path: str, deployment: str | None) -> None:
    assert deployment_in(path) == deployment


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/hf-inference/models/openai/gpt-oss-120b/v1/chat/completions", "openai/gpt-oss-120b"),
        ("/models/org%2Fname/v1/chat/completions?x=1", "org/name"),
        ("/hf-inference/models/org/name/pipeline/feature-extraction", "org/name"),
        ("/hf-inference/models/org/name", "org/name"),
        ("/models/org/name/chat/completions/", "org/name"),
        ("/my-endpoint/invocations", "my-endpoint"),
        ("/serving-endpoints/my-endpoint/invocations", "my-endpoint"),
        ("/serving-endpoints/my-endpoint/anything", "my-endpoint"),
        ("/v1/workflows/accounts/fireworks/models/flux/text_to_image", "accounts/fireworks/models/flux"),
        ("/v1/engines/gpt-5/completions", "gpt-5"),
        ("/models/chat/completions", None),
        ("/serving-endpoints/chat/completions", None),
        ("/serving-endpoints/invocations", None),
        ("/openai/deployments/models/x/chat/completions", None),
        ("/v1/chat/completions", None),
        ("/v1/models", None),
    ],
)
def test_a_model_that_a_path_names_beside_the_body_is_found(path: str, model: str | None) -> None:
    assert model_in(path) == model
