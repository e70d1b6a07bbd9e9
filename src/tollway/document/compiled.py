"""From what is written to the snapshot it means: secrets resolved, names checked, defaults filled in."""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from tollway.document.budgets import read_budgets
from tollway.document.names import check_slug
from tollway.document.written import Document, GatewayDocument, KeyDocument, ProviderDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import OFFICIAL_URL, Gateway, Provider, Secret
from tollway.identity.keys import SHORTEST_SECRET, Key, digest, is_miscopied
from tollway.pricing.price import PROVIDER_ALIASES, PriceBook
from tollway.snapshot import Snapshot

ResolveSecret = Callable[[str, str], str]
"""(reference, where it stands) → the secret. Raises SettingsInvalid when it names nothing."""

RESERVED = frozenset(
    {"v1", "v1beta", "compat", "chat", "completions", "responses", "embeddings", "models", "messages", "dynamic"}
    | {"api", "dashboard", "docs", "metrics", "health", "ready", "favicon.ico"}
)
"""First segments of paths that are Tollway's own; a provider of that name could not be reached."""

_BASE_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/(?:(?![?#\\])[!-~])*)?")


def compile_document(
    document: Document, *, resolve: ResolveSecret, book: PriceBook, pepper: bytes, revision: int, text: str = ""
) -> Snapshot:
    """The snapshot a document means. Raises SettingsInvalid naming the thing, the value and the way out."""
    providers = {slug: _provider(slug, written, resolve) for slug, written in document.providers.items()}
    gateways: dict[str, Gateway] = {}
    for written in document.gateways:
        if written.slug in gateways:
            raise SettingsInvalid(f'gateway "{written.slug}" is written twice; give one of them another slug.')
        gateways[written.slug] = _gateway(written)
    gateways.setdefault("default", Gateway(slug="default"))
    budgets = read_budgets(document, gateways)
    aliases = {other: slug for other, slug in PROVIDER_ALIASES.items() if slug in providers and other not in providers}
    return Snapshot(
        revision=revision,
        gateways=gateways,
        providers=providers,
        provider_aliases=aliases,
        keys=_keys(document.keys, gateways, resolve, pepper),
        pepper=pepper,
        budgets=budgets,
        budgets_of={slug: tuple(b for b in budgets if b.enabled and b.gateway in (None, slug)) for slug in gateways},
        book=book.with_overrides(document.prices) if document.prices else book,
        document=text,
    )


def _provider(slug: str, written: ProviderDocument, resolve: ResolveSecret) -> Provider:
    where = f"providers.{slug}"
    check_slug(slug, where)
    if slug in RESERVED:
        raise SettingsInvalid(f'{where}: "{slug}" begins a path of Tollway\'s own; call the provider something else.')
    known = PROVIDER_ALIASES.get(slug, slug)
    family = written.api or (known if known in OFFICIAL_URL else None)
    if family is None:
        raise SettingsInvalid(
            f'{where}: which API does it speak? Add "api: openai", "api: anthropic" or "api: google".'
        )
    official = known in OFFICIAL_URL and known == family
    base_url = written.base_url or (OFFICIAL_URL[family] if official else None)
    if base_url is None:
        raise SettingsInvalid(f'{where}: add "base_url", for example "http://127.0.0.1:8000/v1".')
    shape = _BASE_URL.fullmatch(base_url)
    if shape is None or not 0 < int(shape[1] or 80) < 65_536:
        raise SettingsInvalid(f"{where}.base_url: {base_url!r} is not an http(s) URL without query, fragment or user.")
    secret = resolve(written.api_key, f"{where}.api_key") if written.api_key is not None else None
    _check_secret(secret or "", f"{where}.api_key")
    for name in ("connect_timeout_s", "first_byte_timeout_s", "idle_timeout_s"):
        if not 0 < getattr(written, name) <= 86_400:
            raise SettingsInvalid(f"{where}.{name}: {getattr(written, name)} is not between 0 and 86,400 seconds.")
    price_list = PROVIDER_ALIASES.get(written.prices, written.prices) if written.prices is not None else known
    return Provider(
        slug=slug,
        family=family,  # type: ignore[arg-type]
        base_url=base_url.rstrip("/"),
        api_key=Secret(secret) if secret else None,
        price_list=price_list,
        models=tuple(written.models),
        cap_field=written.cap_field or ("max_completion_tokens" if official else "max_tokens"),
        connect_timeout_s=written.connect_timeout_s,
        first_byte_timeout_s=written.first_byte_timeout_s,
        idle_timeout_s=written.idle_timeout_s,
        bills_after_disconnect=written.bills_after_disconnect,
    )


def _gateway(written: GatewayDocument) -> Gateway:
    check_slug(written.slug, "gateways.slug")
    if written.default_output_tokens < 1:
        raise SettingsInvalid(
            f"gateways.{written.slug}.default_output_tokens: {written.default_output_tokens} is below 1."
        )
    return Gateway(
        slug=written.slug,
        authentication=written.authentication,
        provider_keys=written.provider_keys,
        default_output_tokens=written.default_output_tokens,
    )


def _keys(
    written: Sequence[KeyDocument], gateways: Mapping[str, Gateway], resolve: ResolveSecret, pepper: bytes
) -> dict[bytes, Key]:
    keys: dict[bytes, Key] = {}
    names: set[str] = set()
    for key in written:
        where = f'key "{key.name}"'
        if key.name in names:
            raise SettingsInvalid(f"{where}: the name is used twice; names of keys are unique.")
        names.add(key.name)
        secret = resolve(key.secret, f"{where}, secret")
        _check_secret(secret, where)
        if len(secret) < SHORTEST_SECRET:
            raise SettingsInvalid(f"{where}: the secret has {len(secret)} characters; use {SHORTEST_SECRET} or more.")
        if is_miscopied(secret):
            raise SettingsInvalid(
                f"{where}: the secret looks like a Tollway key, but its checksum is wrong; copy it again."
            )
        for slug in key.gateways:
            if slug not in gateways:
                raise SettingsInvalid(f'{where}: no gateway "{slug}"; there are {", ".join(sorted(gateways))}.')
        hashed = digest(secret, pepper)
        if hashed in keys:
            raise SettingsInvalid(f'{where}: the same secret as key "{keys[hashed].name}"; every key needs its own.')
        if key.expires_at is not None and key.expires_at.tzinfo is None:
            raise SettingsInvalid(
                f'{where}: expires_at {key.expires_at.isoformat()} has no time zone; add one, such as "Z".'
            )
        keys[hashed] = Key(
            name=key.name,
            digest=hashed,
            user=key.user,
            service=key.service,
            groups=tuple(key.groups),
            metadata={name: _scalar(value) for name, value in key.metadata.items()},
            gateways=tuple(key.gateways),
            expires_at=int(key.expires_at.timestamp()) * 1000 if key.expires_at is not None else None,
            enabled=key.enabled,
        )
    return keys


def _check_secret(secret: str, where: str) -> None:
    # RFC 9110, 5.5: a secret travels in a header. It is not shown here: it is one.
    if not all("!" <= character <= "~" for character in secret):
        raise SettingsInvalid(f"{where}: the secret has spaces, line breaks or characters beyond ASCII; copy it again.")


def _scalar(value: str | float | bool) -> str:
    """A metadata value as text: `true`, `3`, `2.5`, as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)
