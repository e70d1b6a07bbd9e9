"""Providers, from what is written to what is called: presets filled in, addresses checked, secrets resolved."""

import difflib
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tollway.document.names import check_slug
from tollway.document.written import AuthDocument, ProviderDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Auth, AwsAuth, AzureAuth, GoogleAuth, Provider, ProviderKey, Secret
from tollway.pricing.slugs import canonical
from tollway.providers.presets import (
    ALIASES,
    BY_SLUG,
    CUSTOM,
    DEFAULT_ROOTS,
    KEY_HEADER,
    MAKERS,
    Preset,
    names_of,
    preset_of,
)
from tollway.request import Dialect

ResolveSecret = Callable[[str, str], str]
"""(reference, where it stands) → the secret. Raises SettingsInvalid when it names nothing."""

RESERVED = frozenset(
    {"v1", "v1beta", "compat", "chat", "completions", "responses", "embeddings", "models", "messages", "dynamic"}
    | {"images", "audio", "moderations", "rerank", "budget", "batches", "files"}
    | {"api", "dashboard", "docs", "metrics", "health", "ready", "favicon.ico"}
)
"""First segments of paths that are Tollway's own; a provider of that name could not be reached."""

_BASE_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/(?:(?![?#\\])[!-~])*)?")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NO_KEYS: Mapping[str, ProviderKey] = {}
_PLACE = re.compile(r"\{([a-z]+)\}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_GLOBAL = "aiplatform.googleapis.com"


def read_provider(
    slug: str, written: ProviderDocument, resolve: ResolveSecret, stored: Mapping[str, ProviderKey] = NO_KEYS
) -> Provider:
    """The provider that one entry of `providers` means, with the keys that are `stored` for it by alias, or `gateway/alias`;
    what the settings say comes before those. Raises SettingsInvalid."""
    where = f"providers.{slug}"
    check_slug(slug, where)
    if slug in RESERVED:
        raise SettingsInvalid(f'{where}: "{slug}" begins a path of Tollway\'s own; call the provider something else.')
    preset = None if slug.startswith(CUSTOM) else preset_of(slug)
    if preset is not None and written.api is not None and written.api != preset.family:
        # The name of a known provider on a server that speaks another API: it is not that provider.
        preset = None
    family = written.api or (preset.family if preset is not None else None)
    if family is None:
        near = difflib.get_close_matches(slug.lower(), [*BY_SLUG, *ALIASES], n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise SettingsInvalid(
            f'{where}: which API does it speak? Add "api: openai" (or anthropic, google, bedrock, cohere, ollama).{hint}'
        )
    base_url = _base_url(where, written, preset)
    # A server of one's own asks for no key unless the settings name one.
    own = (preset is not None and preset.local) or written.free
    reference = written.api_key if written.api_key is not None else "none" if own and written.auth is None else None
    secret = resolve(reference, f"{where}.api_key") if reference is not None else None
    check_secret(secret or "", f"{where}.api_key")
    keys = _keys(where, written, resolve, stored)
    if reference is not None:
        # What the settings say comes before what was stored.
        keys.pop("default", None)
    for name in ("connect_timeout_s", "first_byte_timeout_s", "idle_timeout_s"):
        if not 0 < getattr(written, name) <= 86_400:
            raise SettingsInvalid(f"{where}.{name}: {getattr(written, name)} is not between 0 and 86,400 seconds.")
    price_list = canonical(written.prices) if written.prices is not None else preset.price_list if preset else slug
    newer_cap = preset is not None and preset.takes_max_completion_tokens
    asks_usage = written.stream_usage if written.stream_usage is not None else preset is None or preset.asks_usage
    return Provider(
        slug=slug,
        kind=preset.slug if preset is not None else "",
        makes_models=preset is not None and preset.slug in MAKERS,
        names=names_of(slug) if preset is not None else (slug,),
        apis=preset.apis if preset is not None else (),
        family=family,
        base_url=base_url,
        api_key=Secret(secret) if secret else None,
        keys=keys,
        price_list=price_list,
        models=(*written.models, *written.deployments),
        cap_field=written.cap_field or ("max_completion_tokens" if newer_cap else "max_tokens"),
        connect_timeout_s=written.connect_timeout_s,
        first_byte_timeout_s=written.first_byte_timeout_s,
        idle_timeout_s=written.idle_timeout_s,
        bills_after_disconnect=written.bills_after_disconnect,
        metered=written.metered,
        roots=_roots(where, written, preset, family, base_url),
        query=f"api-version={_part(where, 'api_version', written.api_version)}" if written.api_version else "",
        key_header=preset.key_header if preset is not None else KEY_HEADER[family],
        auth=_auth(where, written, preset, resolve, has_key=bool(secret)),
        asks_usage=asks_usage,
        tells_usage=preset is not None and preset.tells_usage,
        states_cost=written.states_cost
        if written.states_cost is not None
        else preset is not None and preset.states_cost,
        auto_is_standard=written.default_tier_is_standard,
        deployments=dict(written.deployments),
    )


def _keys(
    where: str, written: ProviderDocument, resolve: ResolveSecret, stored: Mapping[str, ProviderKey]
) -> dict[str, ProviderKey]:
    if "default" in written.api_keys:
        raise SettingsInvalid(f'{where}.api_keys: "default" is what "api_key" is for.')
    keys = dict(stored)
    for alias, reference in written.api_keys.items():
        if not _ALIAS.fullmatch(alias):
            raise SettingsInvalid(
                f"{where}.api_keys: {alias!r} is no name; use letters, digits, dots, dashes, 64 at most."
            )
        secret = resolve(reference, f"{where}.api_keys.{alias}")
        check_secret(secret, f"{where}.api_keys.{alias}")
        if secret:
            keys[alias] = ProviderKey(Secret(secret))
    return keys


def provider_aliases(providers: Mapping[str, Provider]) -> dict[str, str]:
    """Other name → slug of the provider that is configured; the first one written of a kind has its names."""
    found: dict[str, str] = {}
    by_kind: dict[str, str] = {}
    for slug, provider in providers.items():
        by_kind.setdefault(provider.kind or slug, slug)
    for name, kind in (*((kind, kind) for kind in by_kind), *ALIASES.items()):
        if name not in providers and kind in by_kind:
            found[name] = by_kind[kind]
    for slug in providers:
        # Cloudflare's form of a provider of one's own.
        if not slug.startswith(CUSTOM) and f"{CUSTOM}{slug}" not in providers:
            found[f"{CUSTOM}{slug}"] = slug
    return found


def check_secret(secret: str, where: str) -> None:
    """Raises SettingsInvalid for a secret that cannot travel in a header (RFC 9110, 5.5). It is never shown."""
    if not all("!" <= character <= "~" for character in secret):
        raise SettingsInvalid(f"{where}: the secret has spaces, line breaks or characters beyond ASCII; copy it again.")


def _base_url(where: str, written: ProviderDocument, preset: Preset | None) -> str:
    template = written.base_url or (preset.base_url if preset is not None else None)
    if template is None:
        raise SettingsInvalid(f'{where}: add "base_url", for example "http://127.0.0.1:8000/v1".')
    base_url = template if written.base_url is not None else _filled(where, template, written)
    shape = _BASE_URL.fullmatch(base_url)
    if shape is None or not 0 < int(shape[1] or 80) < 65_536:
        raise SettingsInvalid(f"{where}.base_url: {base_url!r} is not an http(s) URL without query, fragment or user.")
    parts = urlsplit(base_url)
    if parts.scheme == "http" and not _is_here(parts.hostname or "") and not written.allow_http:
        raise SettingsInvalid(
            f"{where}.base_url: {base_url} has no TLS, so prompts and the key would travel in the clear. Use https, or set "
            '"allow_http: true" for a server on a private network.'
        )
    return base_url.rstrip("/")


def _is_here(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _filled(where: str, template: str, written: ProviderDocument) -> str:
    """`template` with the settings' region, project and the like in it."""

    def part(place: re.Match[str]) -> str:
        name = place[1]
        if name == "host":
            region = written.region or "global"
            return _GLOBAL if region == "global" else f"{_part(where, 'region', region)}-{_GLOBAL}"
        value: str | None = getattr(written, name)
        if value is None:
            raise SettingsInvalid(f'{where}: add "{name}", which is part of its address {template}, or "base_url".')
        return _part(where, name, value)

    return _PLACE.sub(part, template)


def _part(where: str, name: str, value: str) -> str:
    if _PART.fullmatch(value) is None:
        raise SettingsInvalid(f"{where}.{name}: {value!r} is not a name of letters, digits, dots, colons and hyphens.")
    return value


def _roots(
    where: str, written: ProviderDocument, preset: Preset | None, family: Dialect, base_url: str
) -> dict[Dialect, str]:
    """Where which API begins behind the base URL."""
    roots: dict[Dialect, str] = dict(preset.roots if preset is not None else DEFAULT_ROOTS[family])
    if preset is not None and preset.slug == "azure" and written.api_version is not None:
        roots["openai"] = "/openai/deployments/{model}"
    if preset is not None and preset.slug == "google-vertex":
        if written.project is None:
            # Without a project only the provider's own paths can be called, which name one.
            return {}
        region = written.region or "global"
        parts = {"project": _part(where, "project", written.project), "region": _part(where, "region", region)}
        return {dialect: root.format(**parts) for dialect, root in roots.items()}
    # A base URL may have the way to its own API in it: "https://api.moonshot.ai/v1".
    path = urlsplit(base_url).path
    own = roots.get(family)
    if own and path.endswith(own):
        before = path.removesuffix(own)
        here: dict[Dialect, str] = {} if before else dict(roots)
        here[family] = ""
        return here
    return roots


def _auth(
    where: str, written: ProviderDocument, preset: Preset | None, resolve: ResolveSecret, *, has_key: bool
) -> Auth | None:
    """How requests are signed. AWS and Google Cloud are called with the machine's own credentials unless told otherwise."""
    auth = written.auth
    kind = preset.slug if preset is not None else ""
    if auth is None:
        if has_key or written.base_url is not None:
            return None
        if kind in ("aws-bedrock", "aws-bedrock-mantle"):
            auth = AuthDocument(type="aws")
        elif kind == "google-vertex":
            auth = AuthDocument(type="google")
        else:
            return None
    elif has_key:
        raise SettingsInvalid(f'{where}: it has an "api_key" and an "auth"; leave one of the two out.')
    at = f"{where}.auth"

    def secret(name: str) -> Secret | None:
        reference: str | None = getattr(auth, name)
        return Secret(resolve(reference, f"{at}.{name}")) if reference is not None else None

    match auth.type:
        case "aws":
            region = auth.region or written.region
            if region is None:
                raise SettingsInvalid(f'{at}: add "region", for example "us-east-1".')
            if (auth.access_key_id is None) != (auth.secret_access_key is None):
                raise SettingsInvalid(f"{at}: access_key_id and secret_access_key go together; one is missing.")
            identifier = resolve(auth.access_key_id, f"{at}.access_key_id") if auth.access_key_id is not None else None
            return AwsAuth(
                region=_part(at, "region", region),
                service="bedrock-mantle" if kind == "aws-bedrock-mantle" else "bedrock",
                profile=auth.profile,
                access_key_id=identifier,
                secret_access_key=secret("secret_access_key"),
                session_token=secret("session_token"),
            )
        case "google":
            return GoogleAuth(service_account=secret("service_account"))
        case "azure":
            if auth.tenant is None or auth.client_id is None:
                raise SettingsInvalid(f'{at}: add "tenant" and "client_id".')
            if (auth.client_secret is None) == (auth.federated_token_file is None):
                raise SettingsInvalid(f'{at}: add one of "client_secret" and "federated_token_file".')
            given = {name: value for name in ("authority", "scope") if (value := getattr(auth, name)) is not None}
            return AzureAuth(
                tenant=_part(at, "tenant", auth.tenant),
                client_id=auth.client_id,
                client_secret=secret("client_secret"),
                federated_token_file=auth.federated_token_file,
                **given,
            )
