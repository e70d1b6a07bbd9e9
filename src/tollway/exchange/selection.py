"""What a caller and a target mean under the settings: which budgets count, on which accounts, in whose name.

It depends on nothing that changes from one request to the next, so it is worked out once for all requests alike and
remembered with the snapshot it came from, in a bounded memory.
"""

import msgspec

from tollway.budgets.holds import Claim, claims
from tollway.exchange.target import Target
from tollway.exchange.terms import wants_ceiling
from tollway.identity.attributes import MetadataInvalid, all_metadata, facts_of, read_metadata, with_target
from tollway.identity.identity import Identity
from tollway.ledger.entry import Context
from tollway.match import Facts
from tollway.providers.bedrock_path import model_id, without_region
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot

REMEMBERED = 4_096
"""Callers may declare any metadata, so the memory is bounded; past it, it starts over."""
LONGEST_REMEMBERED = 1_024
"""Characters of a metadata header that is remembered."""
_encode_context = msgspec.msgpack.Encoder().encode


class Selection(msgspec.Struct, frozen=True):
    """The budgets that count a request, and what the ledger is told of it."""

    facts: Facts
    claims: tuple[Claim, ...]
    wait_s: float
    """How long the request may wait for money that others hold."""
    context: Context
    encoded_context: bytes
    at_ceiling: bool = False
    """A model without a price is billed at its provider's dearest."""
    expects: bool = False
    """A budget holds what the request is likely to cost."""


def select(
    request: InferenceRequest, identity: Identity, target: Target, snapshot: Snapshot
) -> Selection | MetadataInvalid:
    """The selection of a request, remembered."""
    key = (
        request.gateway,
        # A key's name stands for all that is set for it; a caller without one is what is known of it.
        identity.key or tuple(identity.metadata.items()),
        identity.user,
        identity.service,
        identity.groups,
        request.metadata,
        target.provider.slug,
        target.model,
    )
    known = snapshot.worked_out.get(key)
    if known is not None:
        assert isinstance(known, Selection)
        return known
    found = _work_out(request, identity, target, snapshot)
    # What is long or wrong is worked out anew each time, so that nobody can fill the memory with it.
    if isinstance(found, Selection) and len(request.metadata or "") <= LONGEST_REMEMBERED:
        if len(snapshot.worked_out) >= REMEMBERED:
            snapshot.worked_out.clear()
        snapshot.worked_out[key] = found
    return found


def _work_out(
    request: InferenceRequest, identity: Identity, target: Target, snapshot: Snapshot
) -> Selection | MetadataInvalid:
    declared = read_metadata(request.metadata)
    if isinstance(declared, MetadataInvalid):
        return declared
    price = snapshot.book.price(target.listed.provider, target.listed.model, at_ms=request.received_at)
    facts = with_target(
        facts_of(identity, request.gateway, declared),
        target.provider.names or (target.provider.slug,),
        target.model,
        also=(
            target.listed.model,
            price.model if price is not None else "",
            # A region in front, or an inference profile, is the same model.
            without_region(model_id(target.model or "")) if target.provider.family == "bedrock" else "",
        ),
    )
    claimed = claims(snapshot.budgets_of.get(request.gateway, ()), facts)
    waits_ms = [claim.budget.contention_wait_ms for claim in claimed if claim.budget.mode == "enforce"]
    context = Context(
        gateway=request.gateway,
        provider=target.provider.slug,
        model=target.model or "",
        user=identity.user,
        groups=identity.groups,
        key=identity.key,
        service=identity.service,
        metadata=all_metadata(facts),
    )
    wait_s = max(waits_ms, default=0) / 1000
    return Selection(
        facts,
        claimed,
        wait_s,
        context,
        _encode_context(context),
        at_ceiling=wants_ceiling(claimed),
        expects=any(claim.budget.guarantee == "expected" for claim in claimed),
    )
