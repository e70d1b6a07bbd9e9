"""Which headers cross, in each direction.

Credentials of the gateway never reach a provider, and a provider's key never reaches a caller. What frames a message
belongs to the connection it came on and is made anew (RFC 9110, 7.6.1).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from tollway.gateway import Provider
from tollway.identity.keys import SHORTEST_SECRET, holds_key, looks_like_ours
from tollway.request import Credential, Dialect, InferenceRequest

Headers = Iterable[tuple[bytes, bytes]]

# RFC 9110, 7.6.1, and what only means something between the caller and Tollway.
_CONNECTION = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade "
    b"host content-length expect forwarded via cookie authorization x-api-key api-key x-goog-api-key accept-encoding "
    b"content-encoding x-real-ip true-client-ip http2-settings "
    # It is this gateway's to answer a repeat: callers share the provider's account, and may choose the same key.
    b"idempotency-key "
    # What makes another call of this one, or leaves the usage out of its answer (Google).
    b"x-http-method-override x-http-method x-method-override x-goog-fieldmask x-goog-field-mask".split()
)
_PRIVATE = (b"tollway-", b"cf-", b"x-forwarded-", b"proxy-")

# What a caller may see of a provider's answer: an allow-list, so that nothing a provider adds can pose as ours.
_SHOWN = frozenset(
    b"content-type content-encoding content-language content-disposition cache-control x-request-id request-id "
    b"x-should-retry retry-after retry-after-ms x-envoy-upstream-service-time".split()
)
_SHOWN_PREFIXES = (
    b"openai-",
    b"anthropic-",
    b"x-ratelimit-",
    b"x-goog-",
    b"x-gemini-",
    b"x-groq-",
    b"x-amzn-",
    b"x-ms-",
)


def outgoing(
    request: InferenceRequest,
    provider: Provider,
    *,
    caller_keys: bool,
    is_ours: Callable[[str], bool],
    never: Sequence[str] = (),
) -> list[tuple[bytes, bytes]]:
    """The headers a provider is sent: the caller's own, less what is private, with the provider's key.

    `caller_keys`: the gateway lets a caller bring its own provider key, which then beats the configured one. `is_ours`
    tells a gateway key, whatever it looks like: it never leaves. `never`: texts that stay here in whatever header they stand.
    """
    named: frozenset[bytes] = frozenset()
    found: list[tuple[bytes, bytes]] = []
    # A key that also stands in a header nobody knows of stays here all the same.
    secrets = [c.secret.encode("latin-1", "replace") for c in request.credentials if len(c.secret) >= SHORTEST_SECRET]
    secrets += [text.encode("latin-1", "replace") for text in never]
    for header in request.headers:
        name, value = header
        if _crosses(name):
            for secret in secrets:
                if secret in value:
                    break
            else:
                if (b"tw" not in value and b"%" not in value) or not holds_key(value):
                    found.append(header)
        elif name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            named |= frozenset(token.strip().lower() for token in value.split(b","))
    if named:
        found = [header for header in found if header[0] not in named]
    # The meter reads the answer; an encoding would have to be taken off for it and put on again.
    found.append((b"accept-encoding", b"identity"))
    key = _caller_key(request.credentials, provider, is_ours) if caller_keys else None
    own = provider.key(request.gateway, request.key_alias, request.received_at) if key is None else None
    if own is not None and own[1].reveal() != "none":
        key = own[1].reveal()
    if key is not None:
        header = key_header(provider, request.dialect)
        found.append((header, b"Bearer " + key.encode() if header == b"authorization" else key.encode()))
    return found


_OTHER_HEADERS: dict[tuple[str, Dialect], bytes] = {
    ("google", "openai"): b"authorization",
    ("aws-bedrock-mantle", "anthropic"): b"x-api-key",
    ("azure", "anthropic"): b"x-api-key",
}
"""Providers that take their key in another header for another of their APIs."""


def key_header(provider: Provider, dialect: Dialect) -> bytes:
    """The header in which a provider takes its key on the API of that dialect."""
    return _OTHER_HEADERS.get((provider.kind, dialect), provider.key_header)


def carries_key(headers: Headers, provider: Provider, dialect: Dialect) -> bool:
    """Whether a key, the caller's own perhaps, identifies the request already."""
    return value_of(headers, key_header(provider, dialect)) is not None


def secrets_in(headers: Headers, provider: Provider, dialect: Dialect) -> tuple[bytes, ...]:
    """What identifies us among headers that were sent, in case an answer repeats it."""
    named = (key_header(provider, dialect), b"x-amz-security-token")
    return tuple(value.removeprefix(b"Bearer ") for name, value in headers if name.lower() in named)


# Clients send few different headers; what is made up is judged anew.
@lru_cache(maxsize=512)
def _crosses(name: bytes) -> bool:
    return name not in _CONNECTION and not name.startswith(_PRIVATE)


_KEY_HEADERS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"?key"})
"""Where a caller may put a provider's key; all other credentials are for this gateway alone."""


def _caller_key(credentials: tuple[Credential, ...], provider: Provider, is_ours: Callable[[str], bool]) -> str | None:
    """The provider key among what the caller sent: not in a header of our own, and not a key of ours."""
    for credential in credentials:
        own = credential.header not in _KEY_HEADERS
        secret = credential.secret
        if (
            own
            or credential.client is not None
            or looks_like_ours(secret)
            or holds_key(secret.encode("latin-1", "replace"))
            or is_ours(secret)
        ):
            continue
        return secret
    return None


def incoming(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a provider's answer that a caller may see."""
    return tuple(
        [
            header
            for header in headers
            if header[0] in _SHOWN or (header[0].startswith(_SHOWN_PREFIXES) and header[0] not in _CONNECTION)
        ]
    )


def value_of(headers: Headers, wanted: bytes) -> bytes | None:
    """The first value of a header, by lower-case name."""
    for name, value in headers:
        if name == wanted:
            return value
    return None
