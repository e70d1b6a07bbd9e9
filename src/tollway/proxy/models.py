"""The models that can be called here, in the shape of the API that asks."""

from collections.abc import Callable
from typing import Any

import msgspec

from tollway.autorouting.rules import NAMES
from tollway.exchange.authenticate import NO_TOKENS, Tokens, authenticate
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import usable
from tollway.gateway import Provider
from tollway.identity.attributes import MetadataInvalid
from tollway.proxy.surface import Models
from tollway.request import Dialect, InferenceRequest
from tollway.routes.route import PREFIX
from tollway.snapshot import Snapshot

AUTO = NAMES[0]


def models_answer(
    found: Models, request: InferenceRequest, snapshot: Snapshot, tokens: Tokens = NO_TOKENS
) -> bytes | Refusal:
    """The body of a list of models, or of one model's card. Costs nothing; needs a key as all else does."""
    identity = authenticate(request, snapshot, tokens)
    if isinstance(identity, Refusal):
        return identity
    may = usable(request, identity, snapshot)
    if isinstance(may, MetadataInvalid):
        return Refusal(code="metadata_invalid", message=may.message)
    names = sorted({*_names(snapshot, found.dialect, may), *_by_name(snapshot, request.gateway)})
    if found.model is not None:
        # SDKs ask for a model by its bare name.
        if not any(found.model in (name, name.partition("/")[2]) for name in names):
            return Refusal(code="model_unknown", message=f'No model "{found.model}" here; GET /v1/models lists them.')
        return msgspec.json.encode(_card(found.model, found.dialect))
    cards = [_card(name, found.dialect) for name in names]
    if found.dialect == "google":
        return msgspec.json.encode({"models": cards})
    if found.dialect == "anthropic":
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return msgspec.json.encode({"data": cards, "has_more": False, **ends})
    return msgspec.json.encode({"object": "list", "data": cards})


def _names(snapshot: Snapshot, dialect: Dialect, may: Callable[[Provider, str], bool]) -> list[str]:
    """Every priced or listed model of the providers that speak this API and that the caller may use, as `provider/model`."""
    names: set[str] = set()
    for provider in snapshot.providers.values():
        if dialect not in provider.roots:
            continue
        models = {model for model in provider.models if "*" not in model}
        if provider.price_list is not None:
            models.update(snapshot.book.models(provider.price_list))
        names.update(f"{provider.slug}/{model}" for model in models if may(provider, model))
    return sorted(names)


def _by_name(snapshot: Snapshot, gateway: str) -> list[str]:
    """What a gateway has under names of its own, on every API: its routes, and the choice that is left to it."""
    routes = [f"{PREFIX}{name}" for (slug, name), route in snapshot.routes.items() if slug == gateway and route.enabled]
    here = snapshot.gateways.get(gateway)
    return [*routes, AUTO] if here is not None and here.auto is not None else routes


def _card(name: str, family: Dialect) -> dict[str, Any]:
    if family == "google":
        return {
            "name": f"models/{name}",
            "displayName": name,
            "supportedGenerationMethods": ["generateContent", "countTokens", "streamGenerateContent"],
        }
    if family == "anthropic":
        # The time a model was made is not known here; Anthropic's own models carry the epoch for that.
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}
