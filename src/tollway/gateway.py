"""A gateway: an endpoint with its own rules; and the providers it may call."""

from typing import Literal

import msgspec

from tollway.autorouting.rules import Auto
from tollway.cache.rules import Caching
from tollway.logs.rules import Logs
from tollway.providers.bedrock_path import model_id
from tollway.request import Api, Dialect
from tollway.telemetry.destination import Destination

Family = Dialect
"""Which API family a provider speaks: its paths, its credential header, its error shape."""


class Secret:
    """A provider's key. Its text is shown by nothing but `reveal`: no struct, so that nothing can encode it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"


class AwsAuth(msgspec.Struct, frozen=True, kw_only=True):
    """Requests are signed (SigV4) with AWS credentials; without keys here, those of AWS's own chain are used."""

    region: str
    service: str = "bedrock"
    """The name the signature is for."""
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None


class GoogleAuth(msgspec.Struct, frozen=True, kw_only=True):
    """Requests carry a token of a Google Cloud service account, made anew before it expires."""

    service_account: Secret | None = None
    """The JSON of the account's key; without it, Google's application default credentials."""


class AzureAuth(msgspec.Struct, frozen=True, kw_only=True):
    """Requests carry a Microsoft Entra token of a client (OAuth 2.0 client credentials)."""

    tenant: str
    client_id: str
    client_secret: Secret | None = None
    """Without it, the workload identity token in `federated_token_file`."""
    federated_token_file: str | None = None
    authority: str = "https://login.microsoftonline.com"
    scope: str = "https://cognitiveservices.azure.com/.default"


Auth = AwsAuth | GoogleAuth | AzureAuth
"""A way to identify to a provider that a fixed key is not."""


class ProviderKey(msgspec.Struct, frozen=True):
    """One of several keys of a provider."""

    secret: Secret | None
    """`None` where it is there and cannot be opened."""
    expires_at: int | None = None
    """Unix milliseconds; it is not used from then on."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who runs models, and how to reach them."""

    slug: str
    """As the settings call it."""
    kind: str = ""
    """The canonical slug of the preset it is; empty for a server of one's own."""
    family: Family
    base_url: str
    """Without a trailing slash, as the provider's own SDK takes it."""
    api_key: Secret | None = None
    keys: dict[str, ProviderKey] = {}
    """Further keys by alias, or `gateway/alias` where only that gateway may use them."""
    apis: tuple[Api, ...] = ()
    """The APIs it is known to serve; empty where that is not known."""
    price_list: str | None = None
    """The provider of the price book whose prices hold here; `None` where no public price list does."""
    models: tuple[str, ...] = ()
    """Patterns of the bare model names it serves, besides those of its price list."""
    cap_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The field an OpenAI-compatible chat server takes an output cap in."""
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    idle_timeout_s: float = 60.0
    bills_after_disconnect: bool = False
    """It goes on billing when a stream is closed: the whole hold is then charged."""
    metered: bool | None = None
    """Its streams show every token it bills as it is made, and it makes none once they are closed, so that their holds may
    follow them; `None`: as is known of it and the model."""
    roots: dict[Dialect, str] = {}
    """For each API it speaks: what stands between the base URL and "/chat/completions", "/messages" ..."""
    query: str = ""
    """What is added to the query of a unified call: Azure's `api-version`."""
    key_header: bytes = b"authorization"
    makes_models: bool = False
    """It serves models of its own: a bare name of one of them means it rather than a reseller."""
    names: tuple[str, ...] = ()
    """Every name that rules may mean it by, its slug first."""
    auth: Auth | None = None
    """How requests are signed, where `api_key` is not what identifies us."""
    asks_usage: bool = True
    """It takes `stream_options.include_usage`, so that a stream tells its usage."""
    tells_usage: bool = False
    """Its streams tell their usage unasked, so a caller is used to seeing it."""
    states_cost: bool = False
    """Its answers state what it charges for them, in US dollars, and it is taken at its word."""
    auto_is_standard: bool = False
    """The provider's project is known to have no dearer default service tier."""
    deployments: dict[str, str] = {}
    """The caller's name of a deployment → the model behind it, whose price and limits hold."""

    def speaks(self, api: Api, dialect: Dialect) -> bool:
        """Whether it is known to take a call of `api`, which is one of `dialect`, as it is."""
        return dialect in self.roots and (not self.apis or api in self.apis)

    def behind(self, model: str) -> str:
        """The model behind a deployment, whose name has no case to the provider; another name stands for itself."""
        known = self.deployments.get(model)
        if known is not None or not self.deployments:
            return known or model
        return next((known for name, known in self.deployments.items() if name.lower() == model.lower()), model)

    def hides(self, model: str) -> bool:
        """Whether `model` is a name that its owner has chosen, behind which any model may be."""
        if self.kind == "azure":
            return not any(name.lower() == model.lower() for name in self.deployments)
        if self.family == "google":
            return model.lower().startswith("tunedmodels/")
        return self.family == "bedrock" and model[:4].lower() == "arn:" and model_id(model) == model

    @property
    def has_credentials(self) -> bool:
        """Whether it is known how to identify to it, be it that it takes nothing ("none")."""
        return self.api_key is not None or self.auth is not None or bool(self.keys)

    def key(self, gateway: str, alias: str | None, at: int) -> "tuple[str, Secret] | None":
        """The key that requests of a gateway go out with at an instant (Unix milliseconds), and what it is called; `alias`: the
        one that is asked for.

        A key that has ended, or cannot be opened, is not replaced by one that is for others too: there is none then.
        """
        if not self.keys:
            return ("default", self.api_key) if self.api_key is not None and alias in (None, "default") else None
        wanted = alias or "default"
        if "/" in wanted:
            # That is how the keys of one gateway are kept, which another's callers may not name.
            return None
        for name in (f"{gateway}/{wanted}", wanted):
            kept = self.keys.get(name)
            if kept is not None:
                ended = kept.expires_at is not None and kept.expires_at <= at
                return None if ended or kept.secret is None else (name, kept.secret)
        return ("default", self.api_key) if self.api_key is not None and wanted == "default" else None

    def aliases(self, gateway: str) -> list[str]:
        """What `key` may be asked for."""
        named = {name.removeprefix(f"{gateway}/") for name in self.keys}
        default = ["default"] if self.api_key is not None else []
        return sorted({*(name for name in named if "/" not in name), *default})


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often one target is tried, and what lies between the tries."""

    max_attempts: int = 1
    """1 to 5; 1: no retry."""
    delay_ms: int = 1_000
    """Before the second try, 0 to 60,000; `backoff` tells of the others."""
    backoff: Literal["constant", "linear", "exponential"] = "exponential"


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint: who may call, whose provider keys are used, how large a request may be."""

    slug: str
    authentication: Literal["required", "none"] = "required"
    provider_keys: Literal["configured", "caller"] = "configured"
    """caller: a provider key that the caller sends is used instead of the configured one."""
    default_output_tokens: int = 16_384
    """The output cap of a request that names none, where a budget needs one."""
    carry_as_stream: bool = False
    """A call that wants a whole answer may go to the provider as a stream, so that its cost can be followed, and its answer
    is put together again."""
    cache: Caching | None = None
    """What it keeps of answers; `None`: only what callers ask for by header, each for itself."""
    logs: Logs | None = None
    """What it keeps of its requests; `None`: a record of each, and no bodies, unless a header says less."""
    retry: Retry = Retry()
    timeout_ms: int | None = None
    """Until the first part of an answer, for each attempt that is not the last; `None`: as long as the provider's settings say."""
    otel: tuple[Destination, ...] = ()
    """Who is told of its requests, besides whom the process tells."""
    trace_upstream: Literal["caller", "own", "none"] = "caller"
    """The `traceparent` that providers are sent. caller: the caller's, untouched · own: of the call's own span, in the caller's
    trace · none."""
    auto: Auto | None = None
    """How it chooses a model where a caller leaves that to it (`tollway/auto`); `None`: it does not."""
