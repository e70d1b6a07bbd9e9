from typing import Any

import pytest
import world

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.gateway import AwsAuth, AzureAuth, GoogleAuth, Provider
from tollway.providers.presets import PRESETS

BOOK = world.book()


def read(slug: str, **fields: Any) -> Provider:
    snapshot = compile_document(
        read_document({"providers": {slug: fields}}),
        resolve=lambda reference, _: reference,
        book=BOOK,
        pepper=b"p",
        revision=1,
    )
    return snapshot.providers[slug]


def refused(slug: str, **fields: Any) -> str:
    with pytest.raises(SettingsInvalid) as refusal:
        read(slug, **fields)
    return str(refusal.value)


PLACES = {"region": "us-east-1", "project": "p1", "account": "acc", "resource": "res"}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_a_known_provider_needs_no_address(preset: Any) -> None:
    found = read(preset.slug, api_key="k", **PLACES)
    assert found.kind == preset.slug and found.family == preset.family
    assert found.price_list == preset.price_list
    assert "{" not in found.base_url + "".join(found.roots.values())
    assert found.key_header == preset.key_header


@pytest.mark.parametrize(
    ("slug", "fields", "base_url"),
    [
        ("aws-bedrock", {"region": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock", {"region": "us-east-1"}, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("azure", {"resource": "my-res"}, "https://my-res.openai.azure.com"),
        ("google-vertex", {"region": "us-central1"}, "https://us-central1-aiplatform.googleapis.com"),
        ("google-vertex-ai", {}, "https://aiplatform.googleapis.com"),
        ("google-vertex", {"region": "global"}, "https://aiplatform.googleapis.com"),
        ("workers-ai", {"account": "a1"}, "https://api.cloudflare.com/client/v4/accounts/a1/ai"),
        ("grok", {}, "https://api.x.ai/v1"),
        ("mistral", {"base_url": "https://eu.example.com/v1/"}, "https://eu.example.com/v1"),
    ],
)
def test_an_address_is_made_of_what_the_settings_say(slug: str, fields: Any, base_url: str) -> None:
    assert read(slug, api_key="k", **fields).base_url == base_url


@pytest.mark.parametrize(
    ("slug", "fields", "said"),
    [
        ("aws-bedrock", {}, 'providers.aws-bedrock: add "region", which is part of its address'),
        ("azure", {"api_key": "k"}, 'providers.azure: add "resource"'),
        ("workers-ai", {"api_key": "k"}, 'add "account"'),
        ("azure", {"resource": "a/b"}, "providers.azure.resource: 'a/b' is not a name"),
        ("azure", {"resource": "evil.com#"}, "is not a name"),
        ("google-vertex", {"region": "us.evil@x"}, "is not a name"),
        ("azure", {"resource": "r", "api_version": "1&x=y"}, "providers.azure.api_version: '1&x=y' is not a name"),
        ("custom-x", {}, "which API does it speak"),
        ("opnai", {}, 'Did you mean "openai"?'),
        ("opnai", {"api_kee": "x"}, "at `providers.opnai`"),
        ("openai", {"api": "opanai"}, "at `providers.openai.api`"),
        ("mistral", {"api": "anthropic"}, 'add "base_url"'),
        ("x", {"api": "openai", "base_url": "http://10.0.0.5/v1"}, '"allow_http: true"'),
        ("x", {"api": "openai", "base_url": "http://models.internal/v1"}, "has no TLS"),
        ("aws-bedrock", {"region": "us-east-1", "api_key": "k", "auth": {"type": "aws"}}, "leave one of the two out"),
        (
            "aws-bedrock",
            {"region": "r", "auth": {"type": "aws", "access_key_id": "A"}},
            "access_key_id and secret_access_key go together",
        ),
        ("x", {"api": "openai", "base_url": "https://x", "auth": {"type": "aws"}}, 'auth: add "region"'),
        ("azure", {"resource": "r", "auth": {"type": "azure", "tenant": "t"}}, 'add "tenant" and "client_id"'),
        (
            "azure",
            {"resource": "r", "auth": {"type": "azure", "tenant": "t", "client_id": "c"}},
            'add one of "client_secret" and "federated_token_file"',
        ),
        ("azure", {"resource": "r", "auth": {"type": "gcp"}}, "Invalid enum value 'gcp'"),
    ],
)
def test_a_provider_that_cannot_be_called_is_named_with_what_is_missing(slug: str, fields: Any, said: str) -> None:
    assert said in refused(slug, **fields)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "a.localhost", "127.8.8.8"])
def test_this_machine_may_be_called_without_tls(host: str) -> None:
    assert read("x", api="openai", base_url=f"http://{host}:8000/v1").base_url == f"http://{host}:8000/v1"


def test_another_machine_may_be_called_without_tls_where_the_settings_say_so() -> None:
    assert read("x", api="openai", base_url="http://10.0.0.5", allow_http=True).base_url == "http://10.0.0.5"


def test_clouds_are_called_with_the_machines_own_credentials_unless_there_is_a_key() -> None:
    assert read("aws-bedrock", region="us-east-1").auth == AwsAuth(region="us-east-1")
    assert read("google-vertex").auth == GoogleAuth()
    assert read("aws-bedrock", region="us-east-1", api_key="k").auth is None
    assert read("google-vertex", api_key="k").auth is None
    mantle = read("aws-bedrock-mantle", region="us-east-1").auth
    assert isinstance(mantle, AwsAuth) and mantle.service == "bedrock-mantle"
    assert read("openai").auth is None


def test_credentials_are_resolved_and_not_shown() -> None:
    found = read(
        "aws-bedrock",
        region="us-east-1",
        auth={"type": "aws", "region": "us-west-2", "access_key_id": "AKIA", "secret_access_key": "hidden-key"},
    )
    assert isinstance(found.auth, AwsAuth) and found.auth.region == "us-west-2"
    assert found.auth.secret_access_key is not None and found.auth.secret_access_key.reveal() == "hidden-key"
    assert "hidden-key" not in repr(found)
    entra = read("azure", resource="r", auth={"type": "azure", "tenant": "t", "client_id": "c", "client_secret": "s3"})
    assert isinstance(entra.auth, AzureAuth) and entra.auth.client_secret is not None and "s3" not in repr(entra)


def test_azure_is_called_by_deployment_where_a_version_is_given() -> None:
    by_version = read("azure", resource="r", api_key="k", api_version="2024-10-21", deployments={"prod": "gpt-4o"})
    assert by_version.roots["openai"] == "/openai/deployments/{model}"
    assert by_version.query == "api-version=2024-10-21"
    assert by_version.deployments == {"prod": "gpt-4o"} and "prod" in by_version.models
    assert read("azure", resource="r", api_key="k").roots["openai"] == "/openai/v1"


def test_vertex_is_called_on_unified_paths_only_with_a_project() -> None:
    assert read("google-vertex", region="us-east5").roots == {}
    found = read("google-vertex", region="us-east5", project="my-p")
    assert found.roots["google"] == "/v1/projects/my-p/locations/us-east5/publishers/google"


@pytest.mark.parametrize(
    ("slug", "base_url", "roots"),
    [
        ("moonshotai", "https://api.moonshot.cn/v1", {"openai": ""}),
        ("moonshotai", "https://api.moonshot.cn", {"openai": "/v1", "anthropic": "/anthropic/v1"}),
        ("vllm", "http://127.0.0.1:9/v1", {"openai": ""}),
        ("azure", "https://r.openai.azure.com/openai/v1", {"openai": ""}),
        ("anthropic", "https://proxy.example.com/v1", {"anthropic": ""}),
    ],
)
def test_an_address_that_has_the_way_to_the_api_in_it_is_not_given_it_twice(
    slug: str, base_url: str, roots: dict[str, str]
) -> None:
    found = read(slug, api_key="k", base_url=base_url).roots
    assert {dialect: found.get(dialect) for dialect in roots} == roots


def test_a_server_of_ones_own_speaks_what_it_is_said_to() -> None:
    found = read("acme", api="cohere", base_url="https://x")
    assert (found.kind, found.family, found.roots["cohere"], found.price_list) == ("", "cohere", "", "acme")
    assert found.key_header == b"authorization" and found.names == ("acme",)


def test_a_server_of_ones_own_needs_no_key_and_another_does() -> None:
    assert (
        read("ollama").has_credentials and read("acme", api="openai", base_url="https://a", free=True).has_credentials
    )
    assert not read("acme", api="openai", base_url="https://a").has_credentials
    assert not read("mistral").has_credentials
    key = read("vllm", api_key="a-key").api_key
    assert key is not None and key.reveal() == "a-key"


def test_a_server_that_bills_nobody_is_free_by_the_settings() -> None:
    snapshot = compile_document(
        read_document({"providers": {"vllm": {"free": True}}}),
        resolve=lambda reference, _: reference,
        book=BOOK,
        pepper=b"p",
        revision=1,
    )
    price = snapshot.book.price("vllm", "any/model", at_ms=world.NOW)
    assert price is not None and price.free


def test_a_provider_is_found_by_all_its_names_and_the_first_of_a_kind_has_them() -> None:
    snapshot = compile_document(
        read_document(
            {
                "providers": {
                    "grok": {"api_key": "k"},
                    "xai-eu": {"api": "openai", "base_url": "https://eu", "api_key": "k"},
                    "google-ai-studio": {"api_key": "k"},
                    "google-vertex-ai": {"api_key": "k"},
                    "acme": {"api": "openai", "base_url": "https://acme"},
                }
            }
        ),
        resolve=lambda reference, _: reference,
        book=BOOK,
        pepper=b"p",
        revision=1,
    )
    found = {
        name: p.slug
        for name in ("xai", "x-ai", "google", "vertex", "custom-acme", "acme")
        if (p := snapshot.provider(name))
    }
    assert found == {
        "xai": "grok",
        "x-ai": "grok",
        "google": "google-ai-studio",
        "vertex": "google-vertex-ai",
        "custom-acme": "acme",
        "acme": "acme",
    }


@pytest.mark.parametrize(
    ("slug", "asks", "tells"),
    [("openai", True, False), ("mistral", False, True), ("huggingface", True, True), ("perplexity", False, True)],
)
def test_a_stream_is_asked_for_its_usage_where_the_provider_takes_that(slug: str, asks: bool, tells: bool) -> None:
    found = read(slug, api_key="k")
    assert (found.asks_usage, found.tells_usage) == (asks, tells)
    assert read(slug, api_key="k", stream_usage=not asks).asks_usage is not asks
