"""From what is written to the snapshot it means: secrets resolved, names checked, defaults filled in."""

import json
from collections.abc import Collection, Mapping, Sequence

from tollway.document.administration import read_administration
from tollway.document.alerts import read_alerts, read_channels
from tollway.document.auto import read_auto
from tollway.document.budgets import read_budgets
from tollway.document.caching import read_cache
from tollway.document.exports import read_exports
from tollway.document.gateways import read_retry, read_timeout
from tollway.document.issuers import read_issuers
from tollway.document.lists import check_lists
from tollway.document.login import read_login
from tollway.document.logs import read_logs
from tollway.document.names import check_slug
from tollway.document.otel import read_otel
from tollway.document.policies import by_gateway, read_policies
from tollway.document.providers import ResolveSecret, check_secret, provider_aliases, read_provider
from tollway.document.rates import rates_by_gateway, read_rates
from tollway.document.routes import read_routes
from tollway.document.written import Document, KeyDocument
from tollway.document.written_gateway import GatewayDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway, Provider, ProviderKey, Secret
from tollway.identity.issued import Issued
from tollway.identity.keys import SHORTEST_SECRET, Key, digest, is_miscopied
from tollway.identity.names import LOGIN, is_reserved, known_as
from tollway.policies.buckets import budgets_of as policy_budgets
from tollway.pricing.price import PriceBook, PriceOverride
from tollway.snapshot import Snapshot


def compile_document(
    document: Document,
    *,
    resolve: ResolveSecret,
    book: PriceBook,
    pepper: bytes,
    revision: int,
    text: str = "",
    issued: Issued | None = None,
    stored: Mapping[str, Mapping[str, ProviderKey]] | None = None,
) -> Snapshot:
    """The snapshot a document means. Raises SettingsInvalid naming the thing, the value and the way out."""
    providers = {
        slug: read_provider(slug, written, resolve, (stored or {}).get(slug, {}))
        for slug, written in document.providers.items()
    }
    gateways: dict[str, Gateway] = {}
    for written in document.gateways:
        if written.slug in gateways:
            raise SettingsInvalid(f'gateway "{written.slug}" is written twice; give one of them another slug.')
        gateways[written.slug] = _gateway(written, providers, resolve)
    gateways.setdefault("default", Gateway(slug="default"))
    budgets = read_budgets(document, gateways, providers)
    channels = read_channels(document.channels, resolve)
    policies = read_policies(document.policies, gateways)
    rate_limits = read_rates(document, gateways)
    issuers = read_issuers(document.issuers, gateways, resolve)
    check_lists(issuers, budgets, rate_limits, policies)
    free = [PriceOverride(provider=slug, model="*", free=True) for slug, p in document.providers.items() if p.free]
    prices = [*document.prices, *free]
    keys, key_secrets = _keys(document.keys, gateways, resolve, pepper, issued.names if issued is not None else ())
    return Snapshot(
        revision=revision,
        gateways=gateways,
        providers=providers,
        provider_aliases=provider_aliases(providers),
        keys=keys,
        key_secrets=key_secrets,
        pepper=pepper,
        issued=Issued() if issued is None else issued,
        issuers=issuers,
        login=read_login(document.login, document.issuers, gateways),
        budgets=budgets,
        budgets_of={slug: tuple(b for b in budgets if b.enabled and b.gateway in (None, slug)) for slug in gateways},
        book=book.with_overrides(prices) if prices else book,
        document=text,
        policies=policies,
        policies_of=by_gateway(policies, gateways),
        buckets=policy_budgets(policies),
        rate_limits=rate_limits,
        rates_of=rates_by_gateway(rate_limits, gateways),
        routes=read_routes(document.routes, gateways, providers, budgets),
        alert_rules=read_alerts(document.alerts, budgets, channels, policies),
        channels=channels,
        exports=read_exports(document.exports, resolve),
        administration=read_administration(document.administration),
    )


def _gateway(written: GatewayDocument, providers: Mapping[str, Provider], resolve: ResolveSecret) -> Gateway:
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
        carry_as_stream=written.carry_as_stream,
        retry=read_retry(written),
        timeout_ms=read_timeout(written),
        cache=read_cache(written.cache, written.cache_ttl, f"gateways.{written.slug}"),
        auto=read_auto(written.auto, providers, f"gateways.{written.slug}.auto"),
        otel=read_otel(written.otel, f"gateways.{written.slug}", resolve),
        trace_upstream=written.trace_upstream,
        logs=read_logs(written.logs, written.collect_logs, f"gateways.{written.slug}"),
    )


def _keys(
    written: Sequence[KeyDocument],
    gateways: Mapping[str, Gateway],
    resolve: ResolveSecret,
    pepper: bytes,
    taken: Collection[str],
) -> tuple[dict[bytes, Key], tuple[Secret, ...]]:
    keys: dict[bytes, Key] = {}
    secrets: list[Secret] = []
    names: set[str] = set()
    for key in written:
        where = f'key "{key.name}"'
        if key.name in names:
            raise SettingsInvalid(f"{where}: the name is used twice; names of keys are unique.")
        names.add(key.name)
        if is_reserved(key.name):
            raise SettingsInvalid(
                f"{where}: what begins with {LOGIN} is the name of what somebody opens by signing in; give the key another."
            )
        if key.name in taken:
            raise SettingsInvalid(
                f"{where}: a key or service token of that name was issued here, revoked perhaps; names are unique. Choose "
                f'another, or delete that one: tollway keys delete "{key.name}".'
            )
        secret = resolve(key.secret, f"{where}, secret")
        check_secret(secret, where)
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
        secrets.append(Secret(secret))
        keys[hashed] = Key(
            name=key.name,
            digest=hashed,
            user=known_as(key.user) if key.user is not None else None,
            service=key.service,
            groups=tuple(key.groups),
            metadata={name: _scalar(value) for name, value in key.metadata.items()},
            gateways=tuple(key.gateways),
            expires_at=int(key.expires_at.timestamp()) * 1000 if key.expires_at is not None else None,
            enabled=key.enabled,
            custom_cost=key.custom_cost,
            priority=key.priority,
            models=tuple(key.models),
        )
    return keys, tuple(secrets)


def _scalar(value: str | float | bool) -> str:
    """A metadata value as text: `true`, `3`, `2.5`, as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)
