from typing import Any

import pytest
import world

from tollway.document.providers import RESERVED
from tollway.providers.registry import codec_for
from tollway.proxy.shorthand import NoSuchPath
from tollway.proxy.surface import Call, Models, OwnBudget, Steps, surface

LOCAL = {"api": "openai", "base_url": "https://local/v1", "api_key": "none"}
GROQ = {"api": "openai", "base_url": "https://api.groq.com/openai/v1", "api_key": "none"}
SNAPSHOT = world.snapshot(
    providers={
        "openai": {},
        "anthropic": {},
        "google": {},
        "local": LOCAL,
        "groq": GROQ,
        "cohere": {},
        "ollama": {},
        "mistral": {},
        "bedrock": {"region": "us-east-1"},
        "azure": {"resource": "res"},
        "workers-ai": {"account": "a"},
        "vertex": {},
        "xai": {},
    },
    keys=[],
    budgets=[],
)


def test_v1_twice_is_told_in_the_callers_words_and_how_to_write_it() -> None:
    found = asked("/v1/v1/messages", anthropic=True)
    assert isinstance(found, NoSuchPath) and (found.code, found.dialect) == ("path_unknown", "anthropic")
    assert "leave /v1 out of the base URL (ANTHROPIC_BASE_URL)" in found.message
    for path in (
        "/v1/v1/messages",
        "/v1/v1/messages/count_tokens",
        "/anthropic/v1/v1/messages",
        "/v1/a/g/anthropic/v1/v1/messages",
    ):
        assert asked(path).dialect == "anthropic"
    for path in ("/v1/v1/chat/completions", "/v1/v1/responses", "/v1/v1/models", "/openai/v1/v1/chat/completions"):
        found = asked(path)
        assert isinstance(found, NoSuchPath) and found.dialect == "openai" and "write it once" in found.message


def test_a_gateway_of_an_account_may_have_the_name_of_an_api() -> None:
    snapshot = world.snapshot(gateways=[{"slug": "chat"}], keys=[], budgets=[])
    assert isinstance(surface("POST", "/v1/v1/chat", snapshot, anthropic=False, gateway="default"), Steps)


def asked(path: str, method: str = "POST", *, anthropic: bool = False) -> Any:
    return surface(method, path, SNAPSHOT, anthropic=anthropic, gateway="default")


# What each client of spec "clients" sends, and what it means: gateway, provider, API, path at the provider.
CALLS = [
    ("/v1/chat/completions", "default", None, "openai.chat", "/v1/chat/completions"),
    ("/v1/responses", "default", None, "openai.responses", "/v1/responses"),
    ("/v1/completions", "default", None, "openai.completions", "/v1/completions"),
    ("/v1/embeddings", "default", None, "openai.embeddings", "/v1/embeddings"),
    ("/v1/messages", "default", None, "anthropic.messages", "/v1/messages"),
    ("/v1/messages/count_tokens", "default", None, "anthropic.count_tokens", "/v1/messages/count_tokens"),
    ("/chat/completions", "default", None, "openai.chat", "/v1/chat/completions"),
    ("/responses", "default", None, "openai.responses", "/v1/responses"),
    ("/embeddings", "default", None, "openai.embeddings", "/v1/embeddings"),
    ("/messages", "default", None, "anthropic.messages", "/v1/messages"),
    ("/v1beta/models/gemini-2.5-pro:generateContent", "default", None, "google.generate", None),
    ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "default", None, "google.generate", None),
    ("/v1beta/models/gemini-2.5-pro:countTokens", "default", None, "google.count_tokens", None),
    ("/v1beta/models/gemini-embedding-001:batchEmbedContents", "default", None, "google.embed", None),
    ("/v1beta/models/google/gemini-2.5-pro:generateContent", "default", None, "google.generate", None),
    ("/v1/models/gemini-2.5-pro:generateContent", "default", None, "google.generate", None),
    ("/models/gemini-2.5-pro:generateContent", "default", None, "google.generate", "/v1beta/models/gemini-2.5-pro:generateContent"),
    ("/compat/chat/completions", "default", None, "openai.chat", "/v1/chat/completions"),
    ("/openai/v1/chat/completions", "default", "openai", "openai.chat", "/v1/chat/completions"),
    ("/openai/chat/completions", "default", "openai", "openai.chat", "/chat/completions"),
    ("/openai/v1/responses", "default", "openai", "openai.responses", "/v1/responses"),
    ("/openai/v1/images/generations", "default", "openai", "openai.images", "/v1/images/generations"),
    ("/openai/v1/audio/transcriptions", "default", "openai", "openai.transcription", "/v1/audio/transcriptions"),
    ("/openai/v1/moderations", "default", "openai", "openai.moderations", "/v1/moderations"),
    ("/anthropic/v1/messages", "default", "anthropic", "anthropic.messages", "/v1/messages"),
    ("/anthropic/v1/messages/count_tokens", "default", "anthropic", "anthropic.count_tokens", "/v1/messages/count_tokens"),
    ("/google/v1beta/models/g:generateContent", "default", "google", "google.generate", "/v1beta/models/g:generateContent"),
    ("/google-ai-studio/v1/models/g:generateContent", "default", "google-ai-studio", "google.generate", "/v1/models/g:generateContent"),
    ("/groq/openai/v1/chat/completions", "default", "groq", "openai.chat", "/openai/v1/chat/completions"),
    ("/groq/v1/chat/completions", "default", "groq", "openai.chat", "/v1/chat/completions"),
    ("/v1/images/generations", "default", None, "openai.images", "/v1/images/generations"),
    ("/v1/audio/speech", "default", None, "openai.speech", "/v1/audio/speech"),
    ("/v1/audio/transcriptions", "default", None, "openai.transcription", "/v1/audio/transcriptions"),
    ("/v1/moderations", "default", None, "openai.moderations", "/v1/moderations"),
    ("/v1/rerank", "default", None, "openai.rerank", "/v1/rerank"),
    ("/cohere/v2/chat", "default", "cohere", "cohere.chat", "/v2/chat"),
    ("/cohere/v1/rerank", "default", "cohere", "cohere.rerank", "/v1/rerank"),
    ("/cohere/compatibility/v1/chat/completions", "default", "cohere", "openai.chat", "/compatibility/v1/chat/completions"),
    ("/ollama/api/chat", "default", "ollama", "ollama.chat", "/api/chat"),
    ("/ollama/v1/chat/completions", "default", "ollama", "openai.chat", "/v1/chat/completions"),
    ("/mistral/v1/ocr", "default", "mistral", "openai.ocr", "/v1/ocr"),
    ("/mistral/v1/fim/completions", "default", "mistral", "openai.completions", "/v1/fim/completions"),
    ("/bedrock/model/us.amazon.nova-lite-v1%3A0/converse", "default", "bedrock", "bedrock.converse",
     "/model/us.amazon.nova-lite-v1%3A0/converse"),
    ("/v1/acct/prod/aws-bedrock/bedrock-runtime/us-east-1/model/m/invoke", "prod", "aws-bedrock", "bedrock.invoke", "/model/m/invoke"),
    ("/bedrock/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse", "default", "bedrock", "bedrock.converse",
     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse"),
    ("/azure-openai/res/gpt4/chat/completions", "default", "azure-openai", "openai.chat", "/openai/deployments/gpt4/chat/completions"),
    ("/azure/openai/v1/responses", "default", "azure", "openai.responses", "/openai/v1/responses"),
    ("/workers-ai/@cf/meta/llama-3.1-8b-instruct", "default", "workers-ai", "cloudflare.run", "/run/@cf/meta/llama-3.1-8b-instruct"),
    ("/workers-ai/v1/chat/completions", "default", "workers-ai", "openai.chat", "/v1/chat/completions"),
    ("/vertex/v1/projects/p/locations/l/publishers/google/models/g:generateContent", "default", "vertex", "google.generate", None),
    ("/vertex/v1/projects/p/locations/l/publishers/anthropic/models/c@1:streamRawPredict", "default", "vertex", "anthropic.vertex", None),
    ("/vertex/v1/projects/p/locations/l/endpoints/openapi/chat/completions", "default", "vertex", "openai.chat",
     "/v1/projects/p/locations/l/endpoints/openapi/chat/completions"),
    ("/grok/v1/messages", "default", "grok", "anthropic.messages", "/v1/messages"),
    ("/local/v1/chat/completions", "default", "local", "openai.chat", "/v1/chat/completions"),
    ("/v1/acct/prod/openai/chat/completions", "prod", "openai", "openai.chat", "/chat/completions"),
    ("/v1/acct/prod/openai/v1/responses", "prod", "openai", "openai.responses", "/v1/responses"),
    ("/v1/acct/prod/anthropic/v1/messages", "prod", "anthropic", "anthropic.messages", "/v1/messages"),
    ("/v1/acct/prod/google-ai-studio/v1/models/g:generateContent", "prod", "google-ai-studio", "google.generate", None),
    ("/v1/acct/prod/compat/chat/completions", "prod", None, "openai.chat", "/v1/chat/completions"),
    ("/v1/acct/prod/compat/embeddings", "prod", None, "openai.embeddings", "/v1/embeddings"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "gateway", "provider", "api", "at_provider"), CALLS)
def test_a_path_means_one_call(
    path: str, gateway: str, provider: str | None, api: str, at_provider: str | None
) -> None:
    found = asked(path)
    assert isinstance(found, Call), found
    assert (found.gateway, found.provider, found.api, found.path) == (gateway, provider, api, at_provider or found.path)
    assert at_provider is not None or found.path.split("/models/")[1] == path.split("/models/")[1]
    assert found.dialect == codec_for(found.api).dialect


@pytest.mark.parametrize(
    ("path", "anthropic", "family", "model"),
    [
        ("/v1/models", False, "openai", None),
        ("/models", False, "openai", None),
        ("/v1/models/", False, "openai", None),
        ("/v1/models/gpt-4o", False, "openai", "gpt-4o"),
        ("/v1/models/openai/gpt-4o", False, "openai", "openai/gpt-4o"),
        ("/v1/models", True, "anthropic", None),
        ("/v1/models/claude-opus-4-1", True, "anthropic", "claude-opus-4-1"),
        ("/v1beta/models", False, "google", None),
        ("/v1beta/models/gemini-2.5-pro", False, "google", "gemini-2.5-pro"),
        ("/v1/acct/prod/compat/models", False, "openai", None),
    ],
)
def test_lists_of_models_are_answered_here(path: str, anthropic: bool, family: str, model: str | None) -> None:
    for method in ("GET", "HEAD"):
        found = asked(path, method, anthropic=anthropic)
        assert isinstance(found, Models) and (found.dialect, found.model) == (family, model)


def test_a_providers_own_list_of_models_is_its_own() -> None:
    found = asked("/openai/v1/models", "GET")
    assert isinstance(found, Call) and (found.provider, found.api) == ("openai", "openai.other")


def test_the_callers_own_budgets_have_a_path() -> None:
    assert isinstance(asked("/v1/budget", "GET"), OwnBudget)
    assert isinstance(asked("/v1/budget", "POST"), NoSuchPath)


UNKNOWN = [
    "/v1", "/v1/", "/v1/files", "/v1/images/x", "/v1/audio/x",
    "/v1/chat", "/v2/chat", "/openai", "/openai/", "/v1/acct/prod/openai", "/acme/v1/chat/completions", "/v1beta/chat/completions",
    "/compat", "/.well-known/oauth-authorization-server", "/managed/settings", "/robots.txt", "/v1/responses/input_items",
    "/v1/threads/t/messages", "/v1/files/f/content",
]  # fmt: skip


@pytest.mark.parametrize("path", UNKNOWN)
def test_nothing_else_is_served_and_the_answer_says_what_is(path: str) -> None:
    found = asked(path)
    assert isinstance(found, NoSuchPath) and found.code == "path_unknown"
    assert "/v1/" in found.message or "own path behind" in found.message


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "path",
    [path for path, _, provider, api, _ in CALLS if provider is None and "embed" not in api] + ["/v1/embeddings"],
)
def test_unified_calls_are_posted(path: str, method: str) -> None:
    found = asked(path, method)
    assert isinstance(found, NoSuchPath), found
    assert (found.code, found.allow) == ("method_not_allowed", "POST")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("path", "allow"), [("/v1/models", "GET, HEAD"), ("/v1/models/x", "GET, HEAD"), ("/v1/budget", "GET")]
)
def test_what_is_only_read_says_so(path: str, allow: str, method: str) -> None:
    found = asked(path, method)
    assert isinstance(found, NoSuchPath) and (found.code, found.allow) == ("method_not_allowed", allow)


def test_a_card_of_a_model_with_a_colon_in_its_name_is_a_card() -> None:
    assert asked("/v1/models/ft:gpt-4o:org::abc", "GET").model == "ft:gpt-4o:org::abc"


CONFUSING = [
    "", "*", "host:443", "v1/chat/completions", "//", "//v1/chat/completions", "/v1//chat/completions", "/openai//v1/chat/completions",
    "/openai/../anthropic/v1/messages", "/openai/..", "/openai/./v1", "/openai/%2e%2e/x", "/openai/.%2E/x", "/openai%2fv1/chat/completions",
    "/openai%2Fv1", "/openai/v1/chat\\completions", "/openai/%5cx", "/openai/%5Cx", "/openai/v1;x=1/chat/completions", "/openai/%3bx",
    "/openai/%3Bx", "/openai/%00", "/openai/%0d%0aevil:1", "/openai/%0A", "/openai/%1f", "/openai/%7f", "/openai/%7F", "/openai/\x00",
    "/openai/\r\nx", "/openai/\x7f", "/openai/é", "/openai/�", "/openai/a b", "/openai/%", "/openai/%2", "/openai/%zz", "/openai/%%32f",
    "/openai/v1/chat%23x", "/openai/v1/x%3fy", "/openai/v1/x%3Fy", "/v1beta/models/x%3F:generateContent",
    "/v1/acct/prod/openai/../anthropic/v1/messages", "/api/..%2fv1", "/openai/...//", "/v1/acct/../openai/x",
]  # fmt: skip


@pytest.mark.parametrize("path", CONFUSING)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_two_servers_may_read_in_two_ways_is_refused(path: str, method: str) -> None:
    found = asked(path, method)
    assert isinstance(found, NoSuchPath) and found.code == "path_invalid"


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/images/a%20b",
        "/openai/v1/@cf/x",
        "/openai/v1/x%40y",
        "/openai/v1/.hidden",
        "/openai/v1/a..b",
        "/openai/v1/%E2%82%AC",
    ],
)
def test_a_plain_path_is_not_refused_for_its_characters(path: str) -> None:
    assert isinstance(asked(path, "POST"), Call)


@pytest.mark.parametrize("path", [path for path, *_ in CALLS] + UNKNOWN)
def test_no_provider_can_be_named_as_a_path_of_tollways_own(path: str) -> None:
    first = path.split("/")[1]
    names = {*SNAPSHOT.providers, *SNAPSHOT.provider_aliases}
    unknown = {"v2", "acme", ".well-known", "managed", "robots.txt"}
    assert first in RESERVED | names | unknown


SHARED = [
    "/openai/v1/organization/users", "/anthropic/v1/files/x", "/openai/v1/files/f/x", "/openai/v1/batches/b/results",
    "/openai/v1/assistants", "/openai/v1/threads/runs", "/openai/v1/threads/t/messages",
    "/openai/v1/fine_tuning/jobs", "/openai/v1/containers/c/files", "/openai/v1/vector_stores/v/search", "/openai/v1/uploads/u/parts",
    "/openai/v1/evals/e/runs", "/openai/v1/projects/p", "/openai/v1/conversations", "/openai/v1/conversations/c/items",
    "/openai/v1/responses/resp_1/cancel", "/openai/responses/resp_1/cancel", "/openai/v1/responses/resp_1/cancel/",
    "/openai/v1/chat/completions/chatcmpl_1", "/anthropic/v1/messages/batches/b/x",
    "/anthropic/v1/skills", "/anthropic/v1/organizations/users",
    "/google/v1beta/files:register", "/google/upload/v1beta/files", "/google/v1beta/cachedContents", "/google/v1beta/corpora/c/documents",
    "/google/v1beta/tunedModels", "/google/v1beta/tunedModels/t:transferOwnership", "/google/v1beta/tunedModels/t/permissions",
    "/google/v1beta/fileSearchStores/s:importFile", "/google/v1beta/operations/o:cancel", "/google/v1beta/models/m/operations/o:cancel",
    "/google/v1beta/batches/b:cancel", "/google/v1/users", "/mistral/v1/files", "/azure/v1/batches", "/xai/v1/batches/b",
    "/groq/openai/v1/batches",
    "/mistral/v1/agents", "/mistral/v1/agents/a", "/mistral/v1/agents/completions/a", "/mistral/v1/libraries",
    "/mistral/v1/libraries/L/documents",
    "/mistral/v1/batch/jobs", "/mistral/v1/batch/jobs/J/cancel", "/mistral/batch/jobs/J/cancel", "/mistral/v1/b%61tch/jobs",
    "/openai/v1/prompts", "/openai/v1/audio/voices", "/openai/v1/audio/voice_consents/c",
    "/anthropic/v1/environments", "/anthropic/v1/agents", "/anthropic/v1/sessions/s/events", "/anthropic/v1/vaults",
    "/google/v1beta/interactions/I", "/google/v1beta/interactions/I/cancel", "/google/v1beta/interactions/I:cancel",
    "/openai/v1/Files", "/openai/v1/f%69les", "/openai/v1/%66iles", "/v1beta/models/m/operations/o:cancel",
]  # fmt: skip


@pytest.mark.parametrize("path", SHARED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"])
def test_what_belongs_to_the_whole_account_of_a_provider_is_not_forwarded(path: str, method: str) -> None:
    found = asked(path, method)
    assert isinstance(found, NoSuchPath) and "belongs to the whole account" in found.message


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_stored_answer_is_not_shown(method: str) -> None:
    found = asked("/openai/v1/responses/resp_1", method)
    assert isinstance(found, NoSuchPath) and "belongs to the whole account" in found.message


@pytest.mark.parametrize(
    "path",
    [
        "/google/v1beta/tunedModels/t:generateContent",
        "/openai/v1/responses/compact",
        "/openai/v1/profiles",
        "/mistral/v1/agents/completions",
        "/mistral/v1/fim/completions",
        "/google/v1beta/interactions",
        "/google/v1beta/models/agents:generateContent",
        "/azure/openai/deployments/agents/chat/completions",
        "/azure/openai/deployments/prompts/chat/completions",
        "/openai/v1/audio/speech",
        "/openai/v1/chat/completions",
        "/google/v1beta/models/files-1:generateContent",
    ],
)
def test_a_call_whose_path_is_only_like_one_of_these_is_forwarded(path: str) -> None:
    assert isinstance(asked(path), Call)


@pytest.mark.parametrize(
    "path",
    ["/openai/v1/models", "/openai/v1/models/gpt-4o", "/anthropic/v1/models", "/google/v1beta/models/gemini-2.5-pro"],
)
def test_models_may_be_read_on_a_providers_own_path(path: str) -> None:
    assert isinstance(asked(path, "GET"), Call)
    assert isinstance(asked(path, "DELETE"), NoSuchPath)


JOBS = [
    ("POST", "/anthropic/v1/messages/batches", "anthropic", "anthropic.batches", "/v1/messages/batches"),
    ("POST", "/v1/messages/batches", "anthropic", "anthropic.batches", "/v1/messages/batches"),
    ("GET", "/messages/batches/b_1", "anthropic", "anthropic.batches", "/v1/messages/batches/b_1"),
    ("GET", "/v1/messages/batches/b_1/results", "anthropic", "anthropic.batches", "/v1/messages/batches/b_1/results"),
    ("POST", "/anthropic/messages/batches/b/cancel", "anthropic", "anthropic.batches", "/v1/messages/batches/b/cancel"),
    (
        "DELETE",
        "/v1/acct/prod/anthropic/v1/messages/batches/b",
        "anthropic",
        "anthropic.batches",
        "/v1/messages/batches/b",
    ),
    ("POST", "/openai/v1/batches", "openai", "openai.batches", "/v1/batches"),
    ("POST", "/openai/batches/b-1/cancel", "openai", "openai.batches", "/v1/batches/b-1/cancel"),
    ("GET", "/groq/v1/batches/b", "groq", "openai.batches", "/v1/batches/b"),
    ("POST", "/local/files", "local", "openai.files", "/v1/files"),
    ("GET", "/openai/v1/files/f/content", "openai", "openai.files", "/v1/files/f/content"),
    ("DELETE", "/v1/acct/prod/openai/v1/files/f", "openai", "openai.files", "/v1/files/f"),
]


@pytest.mark.parametrize(("method", "path", "provider", "api", "own"), JOBS)
def test_batches_and_files_are_called_by_their_ids(method: str, path: str, provider: str, api: str, own: str) -> None:
    found = asked(path, method)
    assert isinstance(found, Call)
    assert (found.provider, found.api, found.path) == (provider, api, own)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/openai/v1/batches"),
        ("GET", "/openai/v1/files"),
        ("GET", "/v1/messages/batches"),
        ("GET", "/anthropic/v1/messages/batches"),
        ("DELETE", "/openai/v1/batches/b"),
        ("HEAD", "/openai/v1/files/f/content"),
    ],
)
def test_lists_of_jobs_and_what_is_not_known_of_them_are_not_forwarded(method: str, path: str) -> None:
    found = asked(path, method)
    assert isinstance(found, NoSuchPath) and "belongs to the whole account" in found.message


def test_a_unified_path_of_jobs_that_several_providers_could_be_meant_by_names_them() -> None:
    found = asked("/v1/batches")
    assert isinstance(found, NoSuchPath) and found.code == "path_unknown"
    assert "/groq/v1/batches or /local/v1/batches or /openai/v1/batches" in found.message


def test_a_unified_path_of_jobs_leads_to_the_only_provider_that_has_them() -> None:
    only = world.snapshot()
    found = surface("POST", "/v1/files", only, anthropic=False, gateway="default")
    assert isinstance(found, Call) and (found.provider, found.api, found.path) == (
        "openai",
        "openai.files",
        "/v1/files",
    )
    none = world.snapshot(providers={"google": {"api_key": "k"}})
    missing = surface("POST", "/v1/files", none, anthropic=False, gateway="default")
    assert isinstance(missing, NoSuchPath) and "no provider" in missing.message


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/google/v1beta/models/gemini-2.5-pro:generateContent",
        "/google/v1beta/models/gemini-2.5-pro%3AgenerateContent",
        "/google/v1beta/models/a/b:streamGenerateContent",
    ],
)
def test_a_read_that_names_a_method_is_no_read_of_a_model(path: str, method: str) -> None:
    assert isinstance(asked(path, method), NoSuchPath)


@pytest.mark.parametrize("path", ["/api/tags", "/api/version", "/api/ps"])
def test_what_an_ollama_server_says_of_itself_may_be_read(path: str) -> None:
    assert isinstance(asked(f"/ollama{path}", "GET"), Call)
    assert isinstance(asked(f"/openai{path}", "GET"), NoSuchPath)
    assert isinstance(asked(f"/ollama{path}", "DELETE"), NoSuchPath)


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/chatkit/sessions",
        "/openai/v1/realtime/client_secrets",
        "/openai/v1/client_secrets",
        "/openai/v1/ephemeral_keys",
        "/xai/v1/ephemeral",
    ],
)
def test_a_key_that_opens_a_session_at_the_provider_is_not_made(path: str) -> None:
    found = asked(path)
    assert isinstance(found, NoSuchPath) and found.code == "realtime_unsupported"


@pytest.mark.parametrize("path", ["/v1/acct/prod", "/v1/acct/prod/"])
def test_an_account_and_a_gateway_alone_take_an_array_of_calls(path: str) -> None:
    assert asked(path) == Steps(gateway="prod")
    assert isinstance(asked(path, method="GET"), NoSuchPath)
