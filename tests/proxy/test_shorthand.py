import pytest

from tollway.gateway import Provider
from tollway.proxy.shorthand import NoSuchPath, as_provider

AZURE = Provider(slug="azure", kind="azure", family="openai", base_url="https://res.openai.azure.com")
BEDROCK = Provider(
    slug="b", kind="aws-bedrock", family="bedrock", base_url="https://bedrock-runtime.us-east-1.amazonaws.com"
)
MANTLE = Provider(
    slug="m", kind="aws-bedrock-mantle", family="openai", base_url="https://bedrock-mantle.us-east-1.api.aws"
)
WORKERS = Provider(slug="w", kind="cloudflare", family="openai", base_url="https://api.cloudflare.com/x/ai")
OTHER = Provider(slug="o", family="openai", base_url="https://o.example.com")


@pytest.mark.parametrize(
    ("provider", "path", "own"),
    [
        (AZURE, "/res/gpt-4o/chat/completions", "/openai/deployments/gpt-4o/chat/completions"),
        (AZURE, "/RES/gpt-4o/embeddings", "/openai/deployments/gpt-4o/embeddings"),
        (AZURE, "/openai/deployments/gpt-4o/chat/completions", "/openai/deployments/gpt-4o/chat/completions"),
        (AZURE, "/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        (AZURE, "/anthropic/v1/messages", "/anthropic/v1/messages"),
        (BEDROCK, "/bedrock-runtime/us-east-1/model/m/invoke", "/model/m/invoke"),
        (BEDROCK, "/model/m/converse", "/model/m/converse"),
        (MANTLE, "/bedrock-mantle/us-east-1/anthropic/v1/messages", "/anthropic/v1/messages"),
        (WORKERS, "/@cf/meta/llama-3", "/run/@cf/meta/llama-3"),
        (WORKERS, "/run/@cf/meta/llama-3", "/run/@cf/meta/llama-3"),
        (WORKERS, "/v1/chat/completions", "/v1/chat/completions"),
        (OTHER, "/@cf/meta/llama-3", "/@cf/meta/llama-3"),
        (OTHER, "/bedrock-runtime/us-east-1/model/m/invoke", "/bedrock-runtime/us-east-1/model/m/invoke"),
    ],
)
def test_cloudflares_short_form_is_the_providers_own_path(provider: Provider, path: str, own: str) -> None:
    assert as_provider(provider, path) == own


@pytest.mark.parametrize(
    ("provider", "path", "named"),
    [
        (AZURE, "/another/gpt-4o/chat/completions", '"another"'),
        (BEDROCK, "/bedrock-runtime/eu-west-1/model/m/invoke", '"bedrock-runtime/eu-west-1"'),
        (BEDROCK, "/bedrock-mantle/us-east-1/v1/responses", '"bedrock-mantle/us-east-1"'),
    ],
)
def test_another_resource_than_the_settings_name_is_not_reached(provider: Provider, path: str, named: str) -> None:
    found = as_provider(provider, path)
    assert isinstance(found, NoSuchPath) and found.code == "path_unknown"
    assert named in found.message and provider.base_url in found.message


def test_a_stand_in_at_another_address_takes_any_region_and_resource() -> None:
    local = Provider(slug="b", kind="aws-bedrock", family="bedrock", base_url="http://127.0.0.1:1")
    assert as_provider(local, "/bedrock-runtime/eu-west-1/model/m/invoke") == "/model/m/invoke"
    azure = Provider(slug="a", kind="azure", family="openai", base_url="http://127.0.0.1:1")
    assert as_provider(azure, "/x/d/chat/completions") == "/openai/deployments/d/chat/completions"
