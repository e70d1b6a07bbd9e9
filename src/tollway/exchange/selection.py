"""What a caller and a target mean under the settings: which budgets count, on which accounts, in whose name.

It depends on nothing that changes from one request to the next, so it is worked out once for all requests alike and
remembered with the snapshot it came from, in a bounded memory.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tollway.budgets.budget import Action, Budget
from tollway.budgets.holds import Claim, claims
from tollway.budgets.unseen import hides_model, unseen_budgets
from tollway.exchange.access import OPEN, Access, access, caller_of
from tollway.exchange.refusal import Refusal
from tollway.exchange.target import Target, unfit
from tollway.exchange.terms import wants_ceiling
from tollway.gateway import Provider
from tollway.identity.attributes import MetadataInvalid, all_metadata, facts_of, read_metadata, with_target
from tollway.identity.identity import Identity
from tollway.identity.keys import PRIORITIES
from tollway.ledger.entry import Context
from tollway.match import HIDDEN_MODEL, Attribute, Facts
from tollway.pricing.spellings import spellings
from tollway.providers.bedrock_path import model_id, without_region
from tollway.providers.listed import spelled_alike, without_variant
from tollway.providers.other_models import lets_others_serve
from tollway.providers.registry import is_free
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Listed, Route, Snapshot

REMEMBERED = 4_096
"""Callers may declare any metadata, so the memory is bounded; past it, it starts over."""
LONGEST_REMEMBERED = 1_024
"""Characters of a metadata header that is remembered."""
_encode_context = msgspec.msgpack.Encoder().encode


class Selection(msgspec.Struct, frozen=True):
    """The budgets that count a request, whether its caller may make it, and what the ledger is told of it."""

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
    lenient: bool = False
    """Its budgets let it stand in memory alone while the store cannot be written."""
    acts: tuple[tuple[Action, ...], ...] = ()
    """For each claim, the actions of its budget that mean this request, but for `block`; empty where there are none at all."""
    priority: int = 0
    """Of the caller: whoever has more waits before those with less."""
    access: Access = OPEN
    """What the caller's key and policies say. The claims of policies are among `claims`."""
    unseen: tuple[Budget, ...] = ()
    """Enforced budgets, and limits of policies, that select by model: which of them count the request cannot be told, as its
    model is not known. Empty where it is."""

    def without(self, exempt: frozenset[str]) -> "Selection":
        """The same, refused by no budget of these ids or names: they count it, and may be overspent by it."""

        # What a policy limits it limits whatever a route says.
        def refuses(budget: Budget) -> bool:
            return budget.bucket is not None or exempt.isdisjoint((budget.id, budget.name))

        claimed = tuple(claim if refuses(claim.budget) else _only_counting(claim) for claim in self.claims)
        unseen = tuple(budget for budget in self.unseen if refuses(budget))
        if claimed == self.claims and len(unseen) == len(self.unseen):
            return self
        return msgspec.structs.replace(
            self,
            claims=claimed,
            unseen=unseen,
            **_of_claims(claimed),
        )

    @property
    def denied(self) -> Refusal | None:
        """Why the caller may not use the target at all."""
        return self.access.denied


def select(
    request: InferenceRequest, identity: Identity, target: Target, snapshot: Snapshot
) -> Selection | MetadataInvalid:
    """The selection of a request, remembered."""
    policed = request.gateway in snapshot.policies_of or bool(identity.models)
    key = (
        request.gateway,
        # What is set for a key changes while these settings stand: its name alone tells nothing.
        identity.key,
        tuple(identity.metadata.items()),
        identity.proven_only,
        identity.user,
        identity.service,
        identity.groups,
        identity.priority,
        request.metadata,
        target.provider.slug,
        target.model,
        # What policies may ask of besides; nothing of it is looked at where there are none.
        _of_policies(request, identity) if policed else None,
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
    found = OPEN
    if request.gateway in snapshot.policies_of or identity.models:
        caller = caller_of(identity, request.gateway, all_metadata(facts))
        found = access(snapshot, request.gateway, identity, caller, facts, only_reads=only_reads(request))
        claimed += found.claims
    unseen: tuple[Budget, ...] = ()
    if hides_model(facts):
        unseen = (
            *unseen_budgets(snapshot.budgets_of.get(request.gateway, ()), facts),
            *(claim.budget for claim in found.unseen if claim.budget.on_unpriced != "count"),
        )
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
        **_of_claims(claimed),
        priority=PRIORITIES[identity.priority],
        access=found,
        unseen=unseen,
    )


def usable(
    request: InferenceRequest, identity: Identity, snapshot: Snapshot
) -> Callable[[Provider, str], bool] | MetadataInvalid:
    """Tells of any model whether the caller's key and policies let it be used; what is spent is not asked."""
    gateway = request.gateway
    if gateway not in snapshot.policies_of and not identity.models:
        return lambda _provider, _model: True
    declared = read_metadata(request.metadata)
    if isinstance(declared, MetadataInvalid):
        return declared
    plain = facts_of(identity, gateway, declared)
    caller = caller_of(identity, gateway, all_metadata(plain))

    def may(provider: Provider, model: str) -> bool:
        facts = _targeted(plain, snapshot, provider, model, request.received_at)
        return access(snapshot, gateway, identity, caller, facts, only_reads=False).denied is None

    return may


def with_others(
    request: InferenceRequest,
    identity: Identity,
    target: Target,
    ask: Ask,
    selection: Selection,
    snapshot: Snapshot,
) -> Selection | Refusal:
    """`selection`, with what counts the other models that may serve `ask` or be run beside it; or why the caller may not."""
    if selection.unseen:
        uncounted = _uncounted(request, target, selection, selection)
        if uncounted is not None:
            return uncounted
    if not ask.also_models and not lets_others_serve(ask, target.provider.kind, target.model, target.listed.model):
        return selection
    claimed = list(selection.claims)
    for name in ask.also_models:
        odd = unfit(name)
        if odd is not None:
            return odd
        other = msgspec.structs.replace(target, route=Route(target.provider, name))
        found = select(request, identity, other, snapshot)
        if isinstance(found, MetadataInvalid):
            continue
        if found.denied is not None:
            said = "Besides the model that is named another model may be served or asked. "
            return msgspec.structs.replace(found.denied, message=said + found.denied.message)
        # Each budget once: one that counts both has its claim already, and one that minds no price refuses nothing.
        known = {claim.budget.id for claim in claimed}
        claimed += [
            claim
            for claim in found.claims
            if claim.budget.id not in known and claim.budget.mode == "enforce" and claim.budget.on_unpriced != "count"
        ]
    if lets_others_serve(ask, target.provider.kind, target.model, target.listed.model):
        denied = may_be_another(request, identity, target, selection, snapshot)
        if denied is not None:
            return denied
    if len(claimed) == len(selection.claims):
        return selection
    together = tuple(claimed)
    return msgspec.structs.replace(
        selection,
        claims=together,
        **_of_claims(together),
    )


def may_be_another(
    request: InferenceRequest, identity: Identity, target: Target, selection: Selection, snapshot: Snapshot
) -> Refusal | None:
    """Why the caller may not make a request that lets another model serve than the one it names (`Ask.substitutes`).

    `selection`: of the request, as it stands.
    """
    any_model = msgspec.structs.replace(target, route=Route(target.provider, None))
    found = select(request, identity, any_model, snapshot)
    if isinstance(found, MetadataInvalid):
        return None
    said = (
        'By its model\'s name, or with "models", "route", "plugins", fallbacks or a tool that runs models, another model may be '
        "served than the one that is named. "
    )
    denied = found.denied or _uncounted(request, target, found, selection)
    return msgspec.structs.replace(denied, message=said + denied.message) if denied is not None else None


def _uncounted(request: InferenceRequest, target: Target, unknown: Selection, known: Selection) -> Refusal | None:
    """Why a request whose model is not known may not be made: what it costs might be a budget's that selects by model.

    `unknown`: its selection without a model. `known`: the one whose budgets count it in any case.
    """
    if not unknown.unseen or is_free(request.api, request.method, request.upstream_path):
        return None
    counted = {claim.budget.id for claim in known.claims}
    budget = next((budget for budget in unknown.unseen if budget.id not in counted), None)
    if budget is None:
        return None
    model = f'"{target.name}"' if target.model is not None and HIDDEN_MODEL in unknown.facts else "this call"
    way_out = (
        "Say which model it is with the provider's deployments in the settings"
        if target.model is not None and HIDDEN_MODEL in unknown.facts
        else "Name a model that answers by itself"
    )
    return Refusal(
        code="price_unknown",
        rule=budget.name,
        message=f"It cannot be told which model answers {model}, and {budget.title} counts some models of provider "
        f'"{target.provider.slug}", so it cannot hold the cost. {way_out}, or set its on_unpriced to count.',
    )


def only_reads(request: InferenceRequest) -> bool:
    """Whether the request can ask no model for an answer."""
    return request.method in ("GET", "HEAD", "DELETE")


def _of_policies(request: InferenceRequest, identity: Identity) -> tuple[object, ...]:
    person = identity.person
    told: object = None
    if person is not None:
        # Claims may be lists and objects; of equal ones the text is equal, the time of the token aside.
        told = _encode_context(msgspec.structs.replace(person, expires_at=None))
    return identity.models, tuple(identity.metadata.items()), told, only_reads(request)


def _only_counting(claim: Claim) -> Claim:
    """The same accounts, which refuse nothing and do nothing once they are spent."""
    budget = msgspec.structs.replace(claim.budget, mode="monitor")
    return msgspec.structs.replace(claim, budget=budget, actions=(), share=100)


def _of_claims(claimed: tuple[Claim, ...]) -> dict[str, Any]:
    """The fields of a selection that follow from its claims."""
    return {
        "at_ceiling": wants_ceiling(claimed),
        "expects": any(claim.budget.guarantee == "expected" for claim in claimed),
        "lenient": bool(claimed) and all(claim.budget.on_store_failure == "allow" for claim in claimed),
        "acts": _acts(claimed),
    }


def _acts(claimed: tuple[Claim, ...]) -> tuple[tuple[Action, ...], ...]:
    found = tuple(tuple(action for action in claim.actions if action.do != "block") for claim in claimed)
    return found if any(found) else ()


def facts_of_target(snapshot: Snapshot, provider: Provider, model: str | None, at_ms: int) -> Facts:
    """Every name of what would serve, and nothing of the caller."""
    return _targeted({}, snapshot, provider, model, at_ms)


def identity_of_entry(context: Context) -> Identity:
    """Whoever an entry was written for, as far as it says so: nothing of a person but the name that budgets know."""
    return Identity(
        kind="anonymous",
        user=context.user,
        service=context.service,
        groups=context.groups,
        key=context.key,
        metadata={name: value for name, value in context.metadata.items() if name not in context.declared},
    )


def facts_of_entry(context: Context, snapshot: Snapshot, occurred_at: int) -> Facts:
    """The facts of a request that an entry was written for, as these settings see it: what `select` matched, where the
    settings are the same. `occurred_at`: Unix milliseconds, for what its price list called the model then.

    An entry from before `Context.declared` was kept has all metadata as proven.
    """
    declared = {name: value for name, value in context.metadata.items() if name in context.declared}
    facts = facts_of(identity_of_entry(context), context.gateway, declared)
    provider = snapshot.providers.get(context.provider)
    if provider is not None:
        return _targeted(facts, snapshot, provider, context.model or None, occurred_at)
    # It has been taken out of the settings since; its name still says who it was.
    return with_target(facts, (context.provider,) if context.provider else (), context.model or None)


def _targeted(
    facts: dict[str, Attribute], snapshot: Snapshot, provider: Provider, model: str | None, at_ms: int
) -> dict[str, Attribute]:
    """The same with every name of what would serve. Nothing of it depends on the path, which an entry does not have."""
    alike: list[str] = []
    also: list[str] = []
    if model:
        listed = snapshot.listed(provider, model, at_ms)
        alike = [listed.model, *spelled_alike(provider.family, listed.model)]
        if provider.family == "bedrock":
            # A region in front, or an inference profile, is the same model.
            alike.append(without_region(model_id(model)))
        undated, also = _names_of_price(snapshot, provider, listed, at_ms)
        alike += undated
    heads = {name.partition("/")[0].lower() for name in (model or "", *alike) if "/" in name}
    found = with_target(
        facts,
        provider.names or (provider.slug,),
        model or None,
        alike=alike,
        also=also,
        foreign=frozenset(head for head in heads if snapshot.provider(head) not in (None, provider)),
    )
    if model and provider.hides(model):
        found[HIDDEN_MODEL] = Attribute(("true",), "gateway")
    return found


def _names_of_price(
    snapshot: Snapshot, provider: Provider, listed: Listed, at_ms: int
) -> tuple[tuple[str, ...], list[str]]:
    """The names that the price list has for the model itself; and those that what it costs is known by besides."""
    book, undated, also = snapshot.book, (), list[str]()
    # A price of the settings holds for the one name; which versions there are the public list says.
    price_list = listed.price_list or listed.provider
    for name in dict.fromkeys((without_variant(provider.kind, listed.model), listed.model)):
        price, entry = book.price(listed.provider, name, at_ms=at_ms), book.find(listed.provider, name)
        # Azure's zones stand in front of a name, and Bedrock's regions.
        plain = name.rpartition("/")[2] if provider.kind == "azure" else name
        bare = without_region(plain) if provider.family == "bedrock" else plain
        also += [name, price.model if price is not None else "", *book.versions(price_list, bare)]
        if entry is not None:
            known = spellings(entry, plain)
            also += [*known.undated, *known.versions]
            undated = known.undated if name == listed.model else ()
    return undated, also
