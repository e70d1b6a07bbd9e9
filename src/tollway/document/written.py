"""What people write, field by field; nothing here is resolved or checked against anything else."""

from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from tollway.errors import SettingsInvalid
from tollway.gateway import Family
from tollway.pricing.overrides import PriceOverride


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What people write: an unknown field is an error."""


class AuthDocument(_Written, frozen=True):
    """How requests are signed where a fixed key does not do."""

    type: Literal["aws", "google", "azure"]
    region: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    service_account: str | None = None
    """The JSON of a Google service account's key, as a reference."""
    tenant: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    federated_token_file: str | None = None
    authority: str | None = None
    scope: str | None = None


class ProviderDocument(_Written, frozen=True):
    api: Family | None = None
    """Needed for a name that is no known provider's."""
    base_url: str | None = None
    api_key: str | None = None
    auth: AuthDocument | None = None
    region: str | None = None
    project: str | None = None
    account: str | None = None
    resource: str | None = None
    """What stands for `{region}`, `{project}`, `{account}`, `{resource}` in a known provider's address."""
    api_version: str | None = None
    """Azure: unified calls go to deployments, with this `api-version`."""
    deployments: dict[str, str] = {}
    """The name of a deployment → the model behind it, whose price and limits hold."""
    allow_http: bool = False
    """It may be reached without TLS at a private address; on the same machine it always may."""
    free: bool = False
    """It bills nobody: a server of one's own."""
    stream_usage: bool | None = None
    """It takes `stream_options.include_usage`; `None`: as is known of it."""
    states_cost: bool | None = None
    """Its answers state what it charges, and it is taken at its word; `None`: as is known of it."""
    default_tier_is_standard: bool = False
    """OpenAI, Azure: the project's default service tier is not the priority one."""
    prices: str | None = None
    """Whose public price list holds: "openai", "groq", ...; by default the provider's own name."""
    models: list[str] = []
    cap_field: Literal["max_completion_tokens", "max_tokens"] | None = None
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    idle_timeout_s: float = 60.0
    bills_after_disconnect: bool = False


class KeyDocument(_Written, frozen=True):
    name: str
    secret: str
    user: str | None = None
    service: str | None = None
    groups: list[str] = []
    metadata: dict[str, str | int | float | bool] = {}
    gateways: list[str] = []
    expires_at: datetime | None = None
    enabled: bool = True
    custom_cost: bool = False
    """It may say what its requests cost, by the header `tollway-custom-cost`."""


class SpendLimitDimension(_Written, frozen=True):
    """Cloudflare's shape of one dimension."""

    mode: Literal["filter", "partition"]
    values: list[str] = []


class SpendLimitRule(_Written, frozen=True):
    """Cloudflare's shape of one spend limit."""

    limit: float | int | str
    window: int
    id: str | None = None
    enabled: bool = True
    limitType: Literal["cost"] = "cost"  # noqa: N815
    technique: Literal["fixed", "sliding"] = "fixed"
    model: SpendLimitDimension | None = None
    provider: SpendLimitDimension | None = None
    metadata: dict[str, SpendLimitDimension] = {}


class SpendLimits(_Written, frozen=True):
    enabled: bool = True
    rules: list[SpendLimitRule] = []


class GatewayDocument(_Written, frozen=True):
    slug: str
    authentication: Literal["required", "none"] = "required"
    provider_keys: Literal["configured", "caller"] = "configured"
    default_output_tokens: int = 16_384
    spend_limits: SpendLimits | None = None


class BudgetDocument(_Written, frozen=True):
    name: str
    limit: str | int | float
    """US dollars. A float is refused: it is read here so that the refusal can name the budget."""
    window: dict[str, Any]
    id: str | None = None
    gateway: str | None = None
    parent: str | None = None
    where: dict[str, str | list[str]] = {}
    split_by: list[str] = []
    untagged: Literal["skip", "bucket"] = "skip"
    mode: Literal["enforce", "monitor"] = "enforce"
    guarantee: Literal["hard", "expected", "settled"] = "hard"
    on_unpriced: Literal["block", "ceiling", "count"] = "block"
    attributes: Literal["any", "verified"] = "any"
    alerts: list[int] = []
    enabled: bool = True
    contention_wait_ms: int = 2_000


class Document(_Written, frozen=True):
    """`tollway.yaml`, whole."""

    providers: dict[str, ProviderDocument] = {}
    keys: list[KeyDocument] = []
    gateways: list[GatewayDocument] = []
    budgets: list[BudgetDocument] = []
    prices: list[PriceOverride] = []


def read_document(written: object) -> Document:
    """The document that parsed YAML or JSON means. Raises SettingsInvalid naming the field and the value."""
    if written is None:
        return Document()
    try:
        return msgspec.convert(written, Document)
    except msgspec.ValidationError as error:
        said = _placed(written, str(error))
        raise SettingsInvalid(f"Settings: {said}.{''.join(hint for sign, hint in _HINTS if sign in said)}") from None


def _placed(written: object, said: str) -> str:
    """What msgspec says, with the name of the provider that it leaves out."""
    if "$.providers[...]" not in said or not isinstance(written, dict):
        return said
    providers = cast(dict[str, object], written).get("providers")
    for name, provider in cast(dict[object, object], providers).items() if isinstance(providers, dict) else ():
        try:
            msgspec.convert(provider, ProviderDocument)
        except msgspec.ValidationError as error:
            at = str(error).partition(" - at `$")
            field = at[2].rstrip("`")
            return f"{at[0]} - at `providers.{name}{field}`"
    return said


_HINTS = (
    ("got `float`", ' An amount of money is written in quotes: "12.50".'),
    ("`str | null`, got `int`", ' Write it in quotes: "12".'),
    ("got `date`", " Write an instant with its time zone: 2026-07-01T00:00:00Z."),
    ("RFC3339", " Write an instant with its time zone: 2026-07-01T00:00:00Z."),
    ("got `null`", " Leave the field out, or give it a value."),
)
"""A sign in msgspec's message → the way out."""
