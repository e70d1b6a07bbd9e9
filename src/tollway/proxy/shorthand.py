"""How a provider's paths are written in short: Cloudflare's forms of them, made into the provider's own."""

import re
from typing import final
from urllib.parse import urlsplit

import msgspec

from tollway.gateway import Provider
from tollway.request import Dialect


@final
class NoSuchPath(msgspec.Struct, frozen=True):
    """Nothing is served there; `code` of `errors.REASONS`."""

    code: str
    message: str
    dialect: Dialect | None = None
    """Whose API the caller thinks it talks to, where its path tells."""
    allow: str = ""
    """The methods that are served there, where it is only the method that is not."""


_AZURE = re.compile(
    r"/(?P<resource>[^/]+)/(?P<deployment>[^/]+)(?P<call>/(?:chat/completions|completions|embeddings|images/[a-z]+|audio/[a-z]+))"
)
_BEDROCK = re.compile(r"/(?P<service>bedrock-runtime|bedrock-mantle)/(?P<region>[a-z0-9-]+)(?P<rest>/.+)")
_VERTEX = re.compile(r"/v1(?:beta1)?(/projects/[^/]+/locations/[^/]+)/")
_WORKERS = re.compile(r"/@(?:cf|hf)/.+")


def as_provider(provider: Provider, path: str) -> str | NoSuchPath:
    """`path` as the provider itself has it. What names another resource or region than the settings do leads nowhere.

    | Cloudflare's form                                | the provider's                                  |
    |--------------------------------------------------|-------------------------------------------------|
    | `/{resource}/{deployment}/chat/completions`      | `/openai/deployments/{deployment}/chat/...`     |
    | `/bedrock-runtime/{region}/model/{model}/invoke` | `/model/{model}/invoke`                         |
    | `/@cf/{author}/{model}`                          | `/run/@cf/{author}/{model}`                     |
    """
    host = urlsplit(provider.base_url).hostname or ""
    match provider.kind:
        case "azure":
            azure = _AZURE.fullmatch(path)
            if azure is not None and azure["resource"] not in ("openai", "anthropic", "models", "v1"):
                at_azure = host.endswith((".azure.com", ".azure.us", ".azure.cn"))
                if at_azure and azure["resource"].lower() != host.partition(".")[0].lower():
                    return _elsewhere(provider, "resource", azure["resource"])
                return f"/openai/deployments/{azure['deployment']}{azure['call']}"
        case "aws-bedrock" | "aws-bedrock-mantle":
            bedrock = _BEDROCK.fullmatch(path)
            if bedrock is not None:
                at_aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
                if at_aws and not host.startswith(f"{bedrock['service']}.{bedrock['region']}."):
                    return _elsewhere(provider, "service and region", f"{bedrock['service']}/{bedrock['region']}")
                return bedrock["rest"]
        case "google-vertex":
            vertex = _VERTEX.match(path)
            own = provider.roots.get("google", "")
            if vertex is not None and own and vertex[1] != _VERTEX.match(own + "/")[1]:  # type: ignore[index]
                return _elsewhere(provider, "project or region", vertex[1].strip("/"))
        case "cloudflare":
            if _WORKERS.fullmatch(path) is not None:
                return f"/run{path}"
        case _:
            pass
    return path


def _elsewhere(provider: Provider, what: str, named: str) -> NoSuchPath:
    return NoSuchPath(
        "path_unknown",
        f'Provider "{provider.slug}" is {provider.base_url}; the path names another {what}, "{named}". '
        "Configure that one as a provider of its own.",
    )
