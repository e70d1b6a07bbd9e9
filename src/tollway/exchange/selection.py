"""What a caller and a target mean under the settings: which budgets count, on which accounts, in whose name.

It depends on nothing that changes from one request to the next, so it is worked out once for all requests alike and
remembered with the snapshot it came from, in a bounded memory.
"""

import msgspec

from tollway.budgets.budget import Action
from tollway.budgets.holds import Claim, claims
from tollway.exchange.target import Target
from tollway.exchange.terms import wants_ceiling
from tollway.gateway import Provider
from tollway.identity.attributes import MetadataInvalid, all_metadata, facts_of, read_metadata, with_target
from tollway.identity.identity import Identity
from tollway.identity.keys import PRIORITIES
from tollway.ledger.entry import Context
from tollway.match import Attribute, Facts
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
    acts: tuple[tuple[Action, ...], ...] = ()
    """For each claim, the actions of its budget that mean this request, but for `block`; empty where there are none at all."""
    priority: int = 0
    """Of the caller: whoever has more waits before those with less."""


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
        identity.priority,
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
    facts = _targeted(
        facts_of(identity, request.gateway, declared), snapshot, target.provider, target.model, request.received_at
    )
    claimed = claims(snapshot.counting(request.gateway, facts), facts, identity.priority)
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
        declared=tuple(name for name in declared if name not in identity.metadata),
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
        acts=_acts(claimed),
        priority=PRIORITIES[identity.priority],
    )


def _acts(claimed: tuple[Claim, ...]) -> tuple[tuple[Action, ...], ...]:
    found = tuple(tuple(action for action in claim.actions if action.do != "block") for claim in claimed)
    return found if any(found) else ()


def facts_of_entry(context: Context, snapshot: Snapshot, occurred_at: int) -> Facts:
    """The facts of a request that an entry was written for, as these settings see it: what `select` matched, where the
    settings are the same. `occurred_at`: Unix milliseconds, for what its price list called the model then.

    An entry from before `Context.declared` was kept has all metadata as proven.
    """
    declared = {name: value for name, value in context.metadata.items() if name in context.declared}
    identity = Identity(
        kind="anonymous",
        user=context.user,
        service=context.service,
        groups=context.groups,
        key=context.key,
        metadata={name: value for name, value in context.metadata.items() if name not in declared},
    )
    facts = facts_of(identity, context.gateway, declared)
    provider = snapshot.providers.get(context.provider)
    if provider is not None:
        return _targeted(facts, snapshot, provider, context.model or None, occurred_at)
    # It has been taken out of the settings since; its name still says who it was.
    return with_target(facts, (context.provider,) if context.provider else (), context.model or None)


def _targeted(
    facts: dict[str, Attribute], snapshot: Snapshot, provider: Provider, model: str | None, at_ms: int
) -> dict[str, Attribute]:
    """The same with every name of what would serve. Nothing of it depends on the path, which an entry does not have."""
    listed = snapshot.listed(provider, model, at_ms)
    price = snapshot.book.price(listed.provider, listed.model, at_ms=at_ms)
    return with_target(
        facts,
        provider.names or (provider.slug,),
        model or None,
        also=(
            listed.model,
            price.model if price is not None else "",
            # A region in front, or an inference profile, is the same model.
            without_region(model_id(model or "")) if provider.family == "bedrock" else "",
        ),
    )
