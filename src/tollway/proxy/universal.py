"""Cloudflare's universal endpoint: an array of calls, each to a provider's own path, tried until one answers.

[{"provider": "openai", "endpoint": "chat/completions", "headers": {...}, "query": {...}, "config": {"maxAttempts": 2}}, ...]
"""

import re
from typing import Literal, cast
from urllib.parse import quote

import msgspec

from tollway.identity.keys import holds_key
from tollway.providers.batches import JOBS
from tollway.proxy.handling import fields_of, handling_of
from tollway.proxy.surface import Call, surface
from tollway.proxy.taken import Taken, without_key
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot

MOST_STEPS = 20
LARGEST = 4 * 1024 * 1024
"""Bytes of the whole array: it is taken apart in one go."""
_PAGE = "https://developers.cloudflare.com/ai-gateway/usage/universal/"


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """How a step is tried; what is not said is as the request's headers say."""

    requestTimeout: int | None = None  # noqa: N815 - Cloudflare's names
    maxAttempts: int | None = None  # noqa: N815
    retryDelay: int | None = None  # noqa: N815
    backoff: Literal["constant", "linear", "exponential"] | None = None
    cacheTtl: int | None = None  # noqa: N815
    skipCache: bool | None = None  # noqa: N815


class Step(msgspec.Struct, forbid_unknown_fields=True):
    provider: str
    endpoint: str
    query: msgspec.Raw
    headers: dict[str, str] = {}
    authorization: str | None = None
    """Older clients' place for the provider's key."""
    config: Config = msgspec.field(default_factory=Config)


_decoder = msgspec.json.Decoder(list[Step])
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.1: what the name of a header may be."""
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_QUERY = re.compile(rb"[!-\"$-~]*")
"""What a query may be written with (RFC 3986, 3.4, and what clients send unencoded all the same)."""
_HEADERS_OF = {
    "requestTimeout": b"request-timeout",
    "maxAttempts": b"max-attempts",
    "retryDelay": b"retry-delay",
    "backoff": b"backoff",
    "cacheTtl": b"cache-ttl",
    "skipCache": b"skip-cache",
}


class Wrong(msgspec.Struct, frozen=True):
    """Why the body is no such array: `code` of `errors.REASONS`."""

    code: str
    message: str


def read_steps(request: InferenceRequest, snapshot: Snapshot) -> tuple[InferenceRequest, ...] | Wrong:
    """The calls that the body of `request` asks for, as if each had been made by itself."""
    if len(request.body) > LARGEST:
        said = f"The steps have {len(request.body):,} bytes; the most is {LARGEST:,}. Call the provider's own path for more."
        return Wrong("body_too_large", said)
    try:
        steps = _decoder.decode(request.body)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Wrong("body_invalid", f"The body is not an array of steps: {error}. See {_PAGE}.")
    if not 0 < len(steps) <= MOST_STEPS:
        return Wrong("body_invalid", f"The body has {len(steps)} steps; send 1 to {MOST_STEPS}.")
    found: list[InferenceRequest] = []
    for number, step in enumerate(steps):
        made = _request_of(step, request, snapshot)
        if isinstance(made, str):
            return Wrong("body_invalid", f"Step {number}: {made}")
        found.append(made)
    return tuple(found)


def _request_of(step: Step, request: InferenceRequest, snapshot: Snapshot) -> InferenceRequest | str:
    endpoint, _, written = step.endpoint.partition("?")
    query, key = without_key(written.encode("utf-8", "replace"))
    if key is not None:
        return "the endpoint holds a key; send it as a header."
    if _QUERY.fullmatch(query) is None:
        return f"the endpoint's query {written[:64]!r} has characters that no address can have; percent-encode them."
    named = [(name, value) for name, value in step.headers.items()]
    if step.authorization is not None:
        named.append(("authorization", step.authorization))
    headers: list[tuple[bytes, bytes]] = []
    for name, value in named:
        if _NAME.fullmatch(name) is None:
            return f"{name[:64]!r} is no name of a header; write letters, digits and hyphens."
        if _VALUE.fullmatch(value) is None:
            return f"the header {name!r} has characters that no header can have, such as a line break."
        headers.append((name.lower().encode("ascii"), value.encode("latin-1")))
    taken = Taken(headers, snapshot.issuers)
    if taken.ambiguous:
        return "a credential stands there twice, or half of a service token."
    path = f"/{quote(step.provider, safe='-_.~')}/{quote(endpoint.lstrip('/'), safe='/-_.~:@%+$,=()!*')}"
    call = surface("POST", path, snapshot, anthropic=taken.anthropic, gateway=request.gateway)
    if not isinstance(call, Call):
        said = getattr(call, "message", f'"{path}" is no call.')
        return str(said)
    if call.api in JOBS:
        return f'"{path}" is no step: batches and files are called by the provider\'s own path.'
    said_of_step = dict(taken.asked or {})
    for field, name in _HEADERS_OF.items():
        value = cast("object", getattr(step.config, field))
        if value is not None and name not in said_of_step:
            said_of_step[name] = str(value).lower() if isinstance(value, bool) else str(value)
    own = handling_of(said_of_step, None)
    if isinstance(own, str):
        return own
    # Step headers before request headers; what neither says is the gateway's.
    handling = msgspec.structs.replace(
        request.handling, idempotency_key=None, **{field: getattr(own, field) for field in fields_of(said_of_step)}
    )
    body = bytes(step.query)
    # The body is JSON, whatever the step or the array says of it.
    replaced = {b"content-type", *(name for name, _ in headers)}
    passed = [header for header in request.headers if header[0] not in replaced]
    own_headers = [
        (name, value)
        for name, value in headers
        if name != b"content-type" and (name == b"authorization" or not holds_key(value))
    ]
    return msgspec.structs.replace(
        request,
        path=path,
        upstream_path=call.path,
        query=query,
        headers=(*passed, (b"content-type", b"application/json"), *own_headers),
        content_type=b"application/json",
        body=body,
        api=call.api,
        dialect=call.dialect,
        provider=call.provider,
        credentials=(*taken.credentials, *request.credentials),
        metadata=taken.metadata if taken.metadata is not None else request.metadata,
        custom_cost=taken.custom_cost if taken.custom_cost is not None else request.custom_cost,
        key_alias=taken.key_alias if taken.key_alias is not None else request.key_alias,
        handling=handling,
    )
