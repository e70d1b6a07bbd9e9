"""The key of a kept answer: equal for two requests only where the answer of one is an answer to the other.

It is a SHA-256 over all that may change an answer, as exact bytes: a body whose fields stand in another order is another
request, since telling that they mean the same would take reading both. Nothing in the body is passed over, `stream` and
`stream_options` included, because the answer is kept as it was sent. Of the headers, all that cross to a provider belong to the
key but those that are known to change no answer; an unknown header costs a hit and never a wrong answer. What a caller declares
(metadata) is no part of it, so it can neither widen nor narrow who shares.
"""

import hashlib
from collections.abc import Callable
from typing import Literal

import msgspec

from tollway.identity.identity import Identity
from tollway.identity.keys import looks_like_ours
from tollway.request import InferenceRequest

Scope = Literal["none", "team", "user"]
"""Who shares: all callers of the gateway (none), a team, or nobody but the caller itself (user)."""

_VERSION = b"tollway answer 1"

# Frames a message, says who calls, or names this one call: nothing that a model is shown.
_NO_MATTER = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade host content-length expect forwarded via "
    b"cookie authorization x-api-key api-key x-goog-api-key accept-encoding content-encoding x-real-ip true-client-ip "
    b"http2-settings user-agent x-goog-api-client x-request-id x-client-request-id x-correlation-id idempotency-key "
    b"x-idempotency-key traceparent tracestate baggage b3 sentry-trace x-cloud-trace-context x-amzn-trace-id date age "
    b"origin referer http-referer x-title x-openrouter-title dnt priority pragma cache-control x-app originator "
    b"x-claude-code-session-id x-amz-date amz-sdk-request amz-sdk-invocation-id x-amz-user-agent".split()
)
_NO_MATTER_PREFIXES = (
    b"tollway-", b"cf-", b"x-forwarded-", b"proxy-", b"x-stainless-", b"sec-", b"x-b3-", b"x-datadog-", b"ot-tracer-",
)  # fmt: skip
_KEY_HEADERS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"?key"})
"""Where a caller may put a provider's key."""

_encode = msgspec.msgpack.Encoder().encode


def cache_key(
    request: InferenceRequest,
    *,
    provider: str,
    model: str | None,
    scope: Scope,
    identity: Identity,
    base_url: str = "",
    brought: tuple[str, ...] = (),
    streams: bool = False,
    custom: str | None = None,
) -> bytes | None:
    """The key of the answer that `provider` would give; `None` where the caller may share with nobody, not even itself.

    `model`, `base_url`: what would really answer, and where, since a route or a fallback may send the same body to several, and a
    changed address is another server. `brought`: provider keys that the caller has sent (`brought_keys`). `streams`: the answer is
    wanted as a stream. `custom`: the caller's own name for the answer (`tollway-cache-key`), which stands for provider, model,
    path, query, body and headers; whose it is, through which gateway, with which provider key and as what it is answered stay in.
    """
    owner = shared_by(identity, scope)
    if owner is None:
        return None
    whose = (request.gateway, scope, owner, request.key_alias or "default", brought, request.api, streams)
    if custom is not None:
        return _hashed(_encode((whose, "custom")), custom.encode("utf-8", "surrogatepass"))
    what = (
        provider,
        model,
        base_url,
        request.method,
        request.upstream_path,
        request.query,
        request.content_type,
        _headers(request),
    )
    return _hashed(_encode((whose, "request")), _encode(what), request.body)


def shared_by(identity: Identity, scope: Scope) -> tuple[object, ...] | None:
    """Who shares the answers that `identity` is given, as a value to compare; `None`: nobody can be told apart, so none are kept.

    A team is the whole set of somebody's groups, since two who share one group may differ in what else they may see; without
    groups it is the team that an administrator, or the issuer, has set. Whoever is in no team shares with nobody.
    """
    if scope == "none":
        return ("all",)
    owner = owner_of(identity)
    if owner is None or scope == "user":
        return owner
    if identity.groups:
        return ("groups", *sorted(set(identity.groups)))
    team = identity.metadata.get("team")
    return ("team", team) if team else owner


def owner_of(identity: Identity) -> tuple[object, ...] | None:
    """Who it is, as a value to compare, by what is proven alone; `None` of a caller without a name."""
    person = identity.person
    if person is not None:
        # Two issuers may have a name for somebody in common.
        return ("person", person.issuer, person.subject)
    if identity.user is not None:
        return ("user", identity.user)
    if identity.service is not None:
        return ("service", identity.service)
    return ("key", identity.key) if identity.key is not None else None


def brought_keys(request: InferenceRequest, is_ours: Callable[[str], bool]) -> tuple[str, ...]:
    """Digests of what may be a provider's key among the credentials: the gateway's own are left out by `is_ours`.

    To be asked where a gateway lets callers bring keys (`provider_keys: caller`): an answer is then the key owner's.
    """
    found = {
        credential.secret
        for credential in request.credentials
        if credential.header in _KEY_HEADERS and credential.client is None
    }
    kept = (secret for secret in found if not looks_like_ours(secret) and not is_ours(secret))
    return tuple(sorted(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest() for secret in kept))


def _headers(request: InferenceRequest) -> list[tuple[bytes, bytes]]:
    """The headers that may change the answer, by name, those of one name in their order."""
    # A header that a token came in has another value for every caller, and never leaves.
    credentials = {credential.header for credential in request.credentials}
    found = [
        header
        for header in request.headers
        if header[0] not in _NO_MATTER
        and header[0] not in credentials
        and header[0] != b"content-type"
        and not header[0].startswith(_NO_MATTER_PREFIXES)
    ]
    return sorted(found, key=lambda header: header[0])


def _hashed(*parts: bytes) -> bytes:
    made = hashlib.sha256(_VERSION)
    for part in parts:
        # With their lengths, no two lists of parts are the same bytes.
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return made.digest()
