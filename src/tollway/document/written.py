"""What people write, field by field; nothing here is resolved or checked against anything else."""

import re
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from tollway.document.strict import Written
from tollway.document.written_exports import ExportDocument
from tollway.document.written_gateway import GatewayDocument
from tollway.document.written_rates import RateLimitDocument
from tollway.document.written_routes import RouteDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Family
from tollway.pricing.overrides import PriceOverride


class AuthDocument(Written, frozen=True):
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


class ProviderDocument(Written, frozen=True):
    api: Family | None = None
    """Needed for a name that is no known provider's."""
    base_url: str | None = None
    api_key: str | None = None
    api_keys: dict[str, str] = {}
    """Further keys by alias, which a caller picks with `tollway-byok-alias`; `api_key` is "default"."""
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
    metered: bool | None = None
    """Its streams show every token it bills as it is made, and it makes none once they are closed; `None`: as is known."""


class KeyDocument(Written, frozen=True):
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
    priority: Literal["batch", "standard", "production"] = "standard"
    """Who waits before whom where money is short."""
    models: list[str] = []
    """Patterns of `provider/model` or bare names that it may use; empty for all."""


class ClaimsDocument(Written, frozen=True):
    """Which claims say what; a dotted name reaches into objects ("realm_access.roles"), a URL is taken whole."""

    subject: str = "sub"
    user: str | None = None
    """What budgets know the person by; by default the verified e-mail address, else the subject."""
    email: str = "email"
    name: str = "name"
    groups: str = "groups"
    groups_required: bool = False  # Without it, who has a token that says no groups is in none.
    client_id: str | None = None
    """Where it is and no person is named, a service asks. By default `client_id`, `azp` or `common_name`."""
    country: str = "country"
    metadata: dict[str, str] = {}
    """Attribute → claim: `metadata.<attribute>` in budgets, and `cf.custom.<attribute>` in conditions, proven."""
    lists: dict[str, str] = {}
    """The same of claims with several values: lists in `cf.custom.<attribute>`, and in conditions alone."""


class IssuerDocument(Written, frozen=True):
    """An identity provider whose tokens open gateways."""

    name: str
    issuer: str
    """The `iss` of its tokens, and where it is discovered."""
    audience: str | list[str]
    """One of them has to be in `aud`."""
    kind: Literal["oidc", "cloudflare_access"] = "oidc"
    jwks_url: str | None = None
    """Without it, the one that discovery names."""
    algorithms: list[str] = msgspec.field(default_factory=lambda: ["RS256", "ES256", "PS256", "EdDSA"])
    token_types: list[str] = msgspec.field(default_factory=lambda: ["JWT", "at+jwt"])
    """What the header's `typ` may be; a token without one is a "JWT"."""
    headers: list[str] = []
    """Header fields that may carry a token, besides `Authorization` and `tollway-authorization`."""
    claims: ClaimsDocument = ClaimsDocument()
    groups_from: Literal["claim", "userinfo"] = "claim"
    """userinfo: asked for once for each token, and where the claim is only a reference to too many groups; it also fills in
    what else the token leaves out of a person, such as the e-mail address."""
    userinfo_url: str | None = None
    require: dict[str, str | list[str]] = {}
    """Claims that a token must have, with one of these values."""
    gateways: list[str] = []
    """Slugs that its tokens open; empty for all."""
    email_verified: Literal["required", "assumed"] = "required"
    """assumed: of issuers that say nothing of it and verify every address (Cloudflare Access, Entra)."""
    leeway_s: int = 60
    max_age_s: int = 86_400
    """A token is not taken longer after it was issued, whatever its `exp`."""
    allow_private: bool = False
    """It may be at an address that the internet cannot reach."""
    allow_http: bool = False
    """It may be reached without TLS, at a private address."""
    client_id: str | None = None
    """What this gateway is to it, for people to sign in."""
    client_secret: str | None = None
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "profile", "email"])
    priority: Literal["batch", "standard", "production"] = "standard"
    enabled: bool = True


class PolicyDocument(Written, frozen=True):
    """Who may use which model, and how much; with the meaning of Cloudflare's policies."""

    name: str
    action: dict[str, str | int | float | bool]
    actor: str = "everyone"
    resource: str | dict[str, str | list[str]] = "*"
    condition: str = "true"
    id: str | None = None
    gateway: str | None = None
    """The slug of the only gateway it is for; all of them where it is not written."""
    enabled: bool = True


class LoginDocument(Written, frozen=True):
    """How people sign in at this gateway for a token of its own."""

    issuer: str
    """The name of an issuer with a `client_id`."""
    public_url: str | None = None
    """As people's browsers reach this gateway: "https://ai.example.com"."""
    device: bool = True
    """`tollway login` and Claude Code may sign in by a code that is typed into a browser."""
    access_token_s: int = 3_600
    refresh_token_s: int = 2_592_000
    """Until somebody has to sign in again, however often the token is refreshed."""
    gateways: list[str] = []
    """Slugs that the tokens open; empty for all."""
    forwarded_for: bool = False
    """A proxy in front says in `X-Forwarded-For` who calls, as the last of the addresses there."""


class RoleDocument(Written, frozen=True):
    """Who has a role: members of any of these groups, and these people."""

    groups: list[str] = []
    users: list[str] = []


class AdministrationDocument(Written, frozen=True):
    """Who may see and change what, in the dashboard and the API."""

    owner: RoleDocument = RoleDocument()
    admin: RoleDocument = RoleDocument()
    finance: RoleDocument = RoleDocument()
    developer: RoleDocument = RoleDocument()
    session_idle_s: int = 1_800
    session_s: int = 43_200
    developer_keys: int = 20


class ActionDocument(Written, frozen=True):
    """What a budget does once a part of its limit is spent."""

    at: int
    """Percent of the limit, spent."""
    do: Literal["warn", "slow", "downgrade", "block"]
    where: dict[str, str | list[str]] = {}
    priority: Literal["batch", "standard", "production"] | None = None
    """Only to keys of this class and those below it."""
    delay_ms: int | None = None
    """slow: how long a request waits."""
    to: str | None = None
    """downgrade: `provider/model`."""


class CarryOverDocument(Written, frozen=True):
    cap: str | int | float
    """US dollars that a window may take over from the one before, at most."""


class BudgetDocument(Written, frozen=True):
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
    on_store_failure: Literal["block", "allow"] = "block"
    attributes: Literal["any", "verified"] = "any"
    alerts: list[int] = []
    overrides: list[dict[str, str | int | float]] = []
    """Each: split attributes with a pattern, and `limit`, in US dollars or "unlimited"."""
    actions: list[ActionDocument] = []
    carry_over: str | int | float | CarryOverDocument | None = None
    enabled: bool = True
    contention_wait_ms: int = 5_000
    note: str = ""


class ChannelDocument(Written, frozen=True):
    """Where alerts go: a webhook, or whatever an apprise URL names."""

    webhook: str | None = None
    secret: str | None = None
    """webhook: "whsec_..." of Standard Webhooks, as a reference."""
    apprise: str | None = None
    """A URL such as slack://... or mailtos://..., as a reference: it is a credential."""
    allow_private: bool = False
    """It may be at an address that the internet cannot reach."""
    allow_http: bool = False
    """webhook: it may be called without TLS."""
    default: bool = True
    """It gets the alerts of budgets, and of rules that name no channels."""


class AlertDocument(Written, frozen=True):
    """Something that somebody wants to know."""

    name: str
    # Not "on": YAML 1.1 reads that as "true".
    when: Literal[
        "spent", "forecast", "burn_rate", "velocity", "unpriced", "store", "hold_exceeded", "unused", "export"
    ]
    budgets: list[str] | None = None
    """Their ids or names; all of them where it is not written."""
    at: list[int | str | float] | None = None
    """Percentages of the limit; burn_rate: multiples of the pace it allows; velocity: US dollars in quotes."""
    split_by: list[str] = []
    per_s: int | None = None
    fast_s: int | None = None
    slow_s: int | None = None
    min_elapsed: int | None = None
    once_per_s: int | None = None
    channels: list[str] | None = None


class Document(Written, frozen=True):
    """`tollway.yaml`, whole."""

    providers: dict[str, ProviderDocument] = {}
    keys: list[KeyDocument] = []
    gateways: list[GatewayDocument] = []
    budgets: list[BudgetDocument] = []
    prices: list[PriceOverride] = []
    channels: dict[str, ChannelDocument] = {}
    alerts: list[AlertDocument] = []
    issuers: list[IssuerDocument] = []
    policies: list[PolicyDocument] = []
    rate_limits: list[RateLimitDocument] = []
    routes: list[RouteDocument] = []
    exports: list[ExportDocument] = []
    login: LoginDocument | None = None
    administration: AdministrationDocument = AdministrationDocument()


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
    """What msgspec says, with the name of the provider, channel, budget, rate limit or route that it leaves out."""
    if not isinstance(written, dict):
        return said
    document = cast(dict[str, object], written)
    found = _IN_ENTRY.search(said)
    if found is not None:
        return _in_entry(cast(list[object], document[found[1]])[int(found[2])], found, said)
    found = _IN_ISSUER.search(said)
    if found is not None:
        # What is written there is not repeated: it may be a secret.
        issuer = cast(list[object], document["issuers"])[int(found[1])]
        name = cast(dict[str, object], issuer).get("name", found[1]) if isinstance(issuer, dict) else found[1]
        return f"{said[: found.start()]}at `issuers.{name}{said[found.end() :]}"
    for section, kind in (("providers", ProviderDocument), ("channels", ChannelDocument)):
        if f"$.{section}[...]" not in said:
            continue
        named = document.get(section)
        for name, one in cast(dict[object, object], named).items() if isinstance(named, dict) else ():
            try:
                msgspec.convert(one, kind)
            except msgspec.ValidationError as error:
                at = str(error).partition(" - at `$")
                field = at[2].rstrip("`")
                return f"{at[0]} - at `{section}.{name}{field}`"
    return said


_IN_ENTRY = re.compile(r"at `\$\.(budgets|rate_limits|routes)\[([0-9]+)\]([^`]*)`")
_IN_ISSUER = re.compile(r"at `\$\.issuers\[([0-9]+)\]")
_STEP = re.compile(r"\.(\w+)|\[([0-9]+)\]")


def _in_entry(entry: object, found: re.Match[str], said: str) -> str:
    """The same with the entry's name, and with what is written there: no secret stands in any of these."""
    fields = cast(dict[str, object], entry) if isinstance(entry, dict) else {}
    value: object = cast(object, entry)
    for field, number in _STEP.findall(found[3]):
        if field and isinstance(value, dict):
            value = cast(dict[str, object], value).get(field)
        elif number and isinstance(value, list):
            value = cast(list[object], value)[int(number)]
    told = f", which is {value!r}" if isinstance(value, str | int | float) and "Invalid" not in said else ""
    return f"{said[: found.start()]}at `{found[1]}.{fields.get('name', found[2])}{found[3]}`{told}"


_HINTS = (
    ("got `float`", ' An amount of money is written in quotes: "12.50".'),
    ("`str | null`, got `int`", ' Write it in quotes: "12".'),
    ("got `date`", " Write an instant with its time zone: 2026-07-01T00:00:00Z."),
    ("RFC3339", " Write an instant with its time zone: 2026-07-01T00:00:00Z."),
    ("got `null`", " Leave the field out, or give it a value."),
)
"""A sign in msgspec's message → the way out."""
