"""Kept answers on the road of a request: what is looked up, what is kept, and how an answer is given again.

An answer is looked up behind the policies, so that nobody is shown one of a model they may not use, and before the budgets: it
costs nothing, so nothing is held for it and no budget counts it.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

from tollway.cache.entry import Kept, Tape, safe_headers
from tollway.cache.idempotency import Begun, Lost, Mismatch, Replay, Wait, fingerprint, read_key, refusal_of, repeat_key
from tollway.cache.key import brought_keys, cache_key
from tollway.cache.rules import OFF, Outcome, Refused, Use, is_keepable, use_of
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.notes import Repeat
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import select
from tollway.exchange.steps import Command, Unavailable
from tollway.exchange.story import Story
from tollway.exchange.target import Target
from tollway.exchange.told import tells_step
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.money import ZERO
from tollway.pricing.charge import Charge, Unpriced
from tollway.request import InferenceRequest
from tollway.snapshot import Route, Snapshot


class Place(NamedTuple):
    """Where the answer of one target is kept, and how."""

    use: Use
    key: bytes
    target: Target


MOST_REPEATED = 32 * 1024 * 1024
"""Bytes of an answer that a repeat may be given."""
_FOR_REPEATS_MS = 24 * 3_600_000


def use(request: InferenceRequest, snapshot: Snapshot) -> Use | Refusal:
    """What the cache is to do for a request."""
    caching, handling = snapshot.gateways[request.gateway].cache, request.handling
    if caching is None and handling.cache_ttl_s is None and handling.cache_key is None:
        return OFF
    found = use_of(
        caching,
        handling,
        api=request.api,
        method=request.method,
        path=request.upstream_path,
        body=request.body,
        cf_spelling=request.cf_spelling,
    )
    return _refusal(found) if isinstance(found, Refused) else found


def looked_up(
    request: InferenceRequest, identity: Identity, target: Target, snapshot: Snapshot, use: Use, *, streams: bool
) -> Generator[Command, Any, Kept | Place | None]:
    """The kept answer of a target; else where the answer is to be kept; `None` where it is not."""
    gateway = snapshot.gateways[request.gateway]
    caching = gateway.cache
    key = cache_key(
        request,
        provider=target.provider.slug,
        model=target.model,
        scope=caching.scope if caching is not None else "user",
        identity=identity,
        base_url=target.provider.base_url,
        brought=_brought(request, snapshot),
        streams=streams,
        custom=use.custom,
    )
    if key is None:
        return None
    if use.read:
        kept: Kept | None = yield Lookup(key, request.gateway)
        # A name that callers give an answer may be another model's, which this one may not be allowed.
        own = kept is not None and (kept.provider, kept.model) == (target.provider.slug, target.model)
        if kept is not None and (own or barred(request, identity, kept, snapshot) is None):
            return kept
    return Place(use, key, target)


def barred(request: InferenceRequest, identity: Identity, kept: Kept, snapshot: Snapshot) -> Refusal | None:
    """Why the caller may not use what a kept answer is of, by its key or by policies; `None` where it may."""
    if request.gateway not in snapshot.policies_of and not identity.models:
        return None
    provider = snapshot.providers.get(kept.provider)
    if provider is None:
        return Refusal(
            code="provider_unknown",
            message=f'What was answered before is of provider "{kept.provider}", which is no longer configured, so it cannot be told '
            "whether this caller may have it. Send the request anew, without its Idempotency-Key or with another one.",
        )
    route = Route(provider, kept.model)
    listed = snapshot.listed(provider, kept.model, request.received_at)
    selection = select(request, identity, Target(route, False, listed), snapshot)
    if isinstance(selection, MetadataInvalid):
        return Refusal(code="metadata_invalid", message=selection.message)
    return selection.denied


def status_of(use: Use, place: Place | None) -> str:
    """What the caller is told where no kept answer was given; `place`: where the one that is made now is kept."""
    return "MISS" if use.read and place is not None else "BYPASS"


def keep(story: Story, place: Place, kept: Kept, outcome: Outcome) -> Generator[Command, Any, None]:
    """Keeps an answer that may be given again."""
    if is_keepable(place.use, outcome, kept.headers, kept.body, story.request.api):
        yield Keep(place.key, kept)


def kept_of(
    story: Story,
    target: Target,
    status: int,
    headers: tuple[tuple[bytes, bytes], ...],
    answer: bytes | Tape,
    charge: Charge | Unpriced | None,
    at: int,
    use: Use | None,
) -> Kept:
    """An answer as it is kept. `at`: Unix milliseconds of its end; `use`: how long, or as a repeat is answered."""
    tape = answer if isinstance(answer, Tape) else None
    cost = charge.amount if isinstance(charge, Charge) else ZERO if charge is None else None
    return Kept(
        status=status,
        headers=safe_headers(headers),
        body=tape.body if tape is not None else answer if isinstance(answer, bytes) else b"",
        streamed=tape is not None,
        chunks=tape.chunks if tape is not None else (),
        gateway=story.request.gateway,
        provider=target.provider.slug,
        model=target.model,
        usage=story.usage,
        cost_nanodollars=cost,
        request_id=story.request.id,
        step=story.step if tells_step(story) else None,
        custom=use.custom if use is not None else None,
        made_at=at,
        expires_at=at + (use.keep_s * 1000 if use is not None else _FOR_REPEATS_MS),
    )


def begun(
    request: InferenceRequest, identity: Identity, snapshot: Snapshot
) -> Generator[Command, Any, Repeat | Kept | Refusal | None]:
    """What a request with an Idempotency-Key is: the first (`Repeat`), one that was answered (`Kept`), or one that cannot be;
    `None` where it names no key."""
    written = request.handling.idempotency_key
    if written is None or request.method != "POST":
        return None
    key = read_key(written)
    if isinstance(key, Refused):
        return _refusal(key)
    repeat = Repeat(
        repeat_key(request.gateway, identity, key, _brought(request, snapshot)),
        fingerprint(request.method, request.path, request.query, request.body),
    )
    reply: Begun | Unavailable = yield Begin(repeat.key, repeat.fingerprint)
    match reply:
        case Replay(kept):
            return kept
        case Wait() | Mismatch() | Lost():
            return _refusal(refusal_of(reply, key))
        case Unavailable():
            return Refusal(
                code="budget_store_unavailable",
                message="What was answered before cannot be looked up now, so nothing was sent. Try again shortly.",
                retry_after_s=1,
            )
        case _:
            return repeat


def finished(repeat: Repeat, kept: Kept | None, *, billed: bool) -> Finish:
    """How the first request of a key has ended. `billed`: a provider may have been paid for what no repeat can be given."""
    return Finish(repeat.key, repeat.fingerprint, kept, lost=kept is None and billed)


def _brought(request: InferenceRequest, snapshot: Snapshot) -> tuple[str, ...]:
    if snapshot.gateways[request.gateway].provider_keys != "caller":
        return ()
    return brought_keys(request, lambda secret: snapshot.key(secret) is not None or snapshot.issuers.made(secret))


def _refusal(found: Refused) -> Refusal:
    return Refusal(code=found.code, message=found.message, retry_after_s=found.retry_after_s)
