"""The request as it goes to the provider: its address, its headers, what identifies us there."""

import logging
import time
from collections.abc import Callable
from urllib.parse import unquote_plus

from tollway.exchange.steps import Forward, NotSent
from tollway.gateway import Auth, AwsAuth
from tollway.providers.paths import native_path, unified_path
from tollway.providers.weight import is_heavy
from tollway.proxy import headers as crossing
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.signing.signer import CredentialsUnavailable, Signer, path_as_signed
from tollway.proxy.transport import UpstreamRequest, Url
from tollway.proxy.world import World
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot

log = logging.getLogger("tollway.proxy")


async def prepared(command: Forward, snapshot: Snapshot, world: World) -> UpstreamRequest | NotSent:
    """The request that `command` sends, or why it cannot be made now."""
    provider = command.route.provider
    try:
        body = command.request.body if command.rewrite is None else await body_of(command, world.heavy)
        return await outgoing(command, body, snapshot, world.url(provider), world.signer)
    except CredentialsUnavailable as error:
        log.error("provider %s: %s", provider.slug, error)
        message = f'Provider "{provider.slug}": its credentials cannot be obtained now; the gateway\'s log says why.'
        return NotSent("credentials_unavailable", message, time.monotonic_ns())
    except HeavyFailed as error:
        return NotSent("overloaded", f"The body cannot be written now. {error}", time.monotonic_ns())


async def outgoing(
    command: Forward, body: bytes, snapshot: Snapshot, base: Url, signer: Callable[[Auth], Signer]
) -> UpstreamRequest:
    """The request that `command` sends. Raises CredentialsUnavailable where nothing identifies us there now."""
    provider, request = command.route.provider, command.request
    gateway = snapshot.gateways[request.gateway]
    if request.method in ("GET", "HEAD"):
        body = b""  # Nobody has looked at it, and a server might.
    url = base.at(target("" if base.target == b"/" else base.target.decode(), command).encode("latin-1"))
    headers = crossing.outgoing(
        request,
        provider,
        caller_keys=gateway.provider_keys == "caller",
        is_ours=snapshot.is_ours,
        never=snapshot.issued.others,
    )
    if gateway.trace_upstream != "caller":
        headers = traced(headers, request, command.reservation.attempt, own=gateway.trace_upstream == "own")
    auth = provider.auth
    if auth is not None and not crossing.carries_key(headers, provider, request.dialect):
        if isinstance(auth, AwsAuth):
            url = url.at(path_as_signed(url.target))
        headers = await signer(auth).sign(request.method, url, headers, body)
    return UpstreamRequest(
        request.method,
        url,
        headers,
        body,
        provider.connect_timeout_s,
        provider.first_byte_timeout_s
        if command.timeout_ms is None
        else min(provider.first_byte_timeout_s, command.timeout_ms / 1000),
        provider.idle_timeout_s,
    )


_TRACE_HEADERS = frozenset({b"traceparent", b"tracestate"})


def traced(
    headers: list[tuple[bytes, bytes]], request: InferenceRequest, attempt: int, *, own: bool
) -> list[tuple[bytes, bytes]]:
    """The headers without the caller's place in a trace (W3C Trace Context); with that of this call, where it is our `own`."""
    found = [header for header in headers if header[0] not in _TRACE_HEADERS]
    if own:
        # Few gateways ask for it.
        from tollway.telemetry.context import span_id, trace_of, traceparent

        trace = trace_of(request.id, request.headers)
        found.append((b"traceparent", traceparent(trace, span_id(request.id, attempt))))
        if trace.state:
            found.append((b"tracestate", trace.state.encode("ascii", "ignore")))
    return found


async def body_of(command: Forward, heavy: Heavy) -> bytes:
    """The body that `command` sends, with its changes made. Raises HeavyFailed."""
    body, rewrite = command.request.body, command.rewrite
    if rewrite is None or not is_heavy(body, command.request.content_type):
        return command.body
    return await heavy.write(body, rewrite)


def target(base_path: str, command: Forward) -> str:
    """Path and query at the provider, behind its base URL."""
    request, provider = command.request, command.route.provider
    root = provider.roots.get(request.dialect)
    query = (request.query if command.query is None else command.query).decode("latin-1")
    if provider.family == "google" and query:
        query = _told_whole(query)
    if request.provider is None and root is not None:
        path = unified_path(base_path, root, request.dialect, command.path, command.route.model)
        if provider.query and provider.query.partition("=")[0] not in query:
            query = f"{query}&{provider.query}" if query else provider.query
    else:
        path = native_path(base_path, provider.family, root, command.path, command.route.model)
    return f"{path}?{query}" if query else path


_HIDING = frozenset({"fields", "callback", "httpheaders", "httpmethod", "x-http-method-override"})
"""Google's system parameters, also written with a "$": they leave the usage out of an answer, or make another call of it."""


def _told_whole(query: str) -> str:
    """`query` without what would hide the usage from the meter."""
    pairs = query.split("&")
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]).strip().lower().lstrip("$") not in _HIDING]
    return query if len(kept) == len(pairs) else "&".join(kept)
