"""On which terms a request is priced, where these are not the price book's alone."""

import msgspec

from tollway.budgets.holds import Claim
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import Identity
from tollway.pricing.custom_cost import custom_price
from tollway.pricing.tiers import NOT_DEARER
from tollway.pricing.units import Price
from tollway.providers.passthrough import is_job
from tollway.providers.paths import deployment_in, model_in
from tollway.request import Ask, InferenceRequest
from tollway.usage import Usage


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What pricing has to know besides the model."""

    price: Price | None = None
    """What everything costs: the caller, whose key may do that, has said so."""
    at_ceiling: bool = False
    """A model without a price is held and billed at its provider's dearest."""
    known: Usage | None = None
    """What the request alone tells of the bill."""
    tier: str | None = None
    """The service tier that was asked for where the answer names none."""
    long_context: bool = True
    """A long input may cost more for each token. Not where the tokens of several turns of a tool add up to more than any
    one of them had."""
    dear: bool = False
    """Some of its tokens may cost more than plain text: sound, pictures, a dearer tier, a long cache."""


PLAIN = Terms()
"""Most requests have none of their own."""

_BEDROCK_TIERS = (b"x-amzn-bedrock-service-tier", b"x-amzn-bedrock-performanceconfig-latency")


def terms_of(request: InferenceRequest, ask: Ask, identity: Identity, *, at_ceiling: bool) -> Terms | Refusal:
    """The terms of one request, or why its custom cost is not accepted."""
    price: Price | None = None
    if request.custom_cost is not None:
        if not identity.custom_cost:
            whose = f'The key "{identity.key}"' if identity.key is not None else "A caller without a key"
            return Refusal(
                code="custom_cost_forbidden",
                rule=identity.key or "",
                message=f"{whose} may not say what its requests cost. Leave the custom-cost header out, or set "
                '"custom_cost: true" for the key in the settings.',
            )
        found = custom_price(request.custom_cost)
        if isinstance(found, str):
            return Refusal(code="custom_cost_invalid", message=found[:1].upper() + found[1:])
        price = found
    dearer = ask.service_tier is not None and ask.service_tier != "auto" and ask.service_tier not in NOT_DEARER
    tier = ask.service_tier if dearer or request.dialect == "bedrock" else None
    dear = dearer or _has_dear_tokens(ask, request)
    long_context = not _adds_up_turns(ask, request)
    if price is None and not at_ceiling and ask.known is None and tier is None and not dear and long_context:
        return PLAIN
    return Terms(price=price, at_ceiling=at_ceiling, known=ask.known, tier=tier, long_context=long_context, dear=dear)


# Below it no prompt of the request's own reaches the first threshold of a long context.
_SHORT_BODY = 200_000


def _adds_up_turns(ask: Ask, request: InferenceRequest) -> bool:
    """Whether a long input can only be the sum over the turns of a provider's own tools, each of them short."""
    return (
        request.dialect == "anthropic"
        and bool(ask.paid_tools)
        and ask.unbounded in ask.paid_tools
        and len(request.body) < _SHORT_BODY
        and not asks_for_long_context(request)
    )


def asks_for_long_context(request: InferenceRequest) -> bool:
    """Whether an Anthropic request asks for the window of a million tokens (a beta)."""
    return any(name == b"anthropic-beta" and b"context-1m" in value.lower() for name, value in request.headers)


def _has_dear_tokens(ask: Ask, request: InferenceRequest) -> bool:
    if ask.media_parts or ask.media_tokens or ask.long_cache or ask.unbounded is not None:
        return True
    return request.api in _OF_SOUND or "audio" in (ask.model or "")


_OF_SOUND = frozenset({"openai.speech", "openai.transcription"})


def completed(ask: Ask, request: InferenceRequest) -> Ask:
    """`ask` with what stands beside the body: Azure's deployment or a model in the path, Bedrock's service tier in a header."""
    deployment = deployment_in(request.upstream_path)
    if deployment is not None and request.dialect == "openai":
        return msgspec.structs.replace(ask, model=deployment)
    named = model_in(request.upstream_path) if _names_in_path(request) else None
    if named is not None and named != ask.model:
        # Which of the two answers is the provider's to say, so both have to be allowed, and neither's price holds.
        others = (ask.model,) if ask.model not in (None, *_NO_NAMES) else ()
        return msgspec.structs.replace(ask, model=named, also_models=(*ask.also_models, *others))
    if request.api != "bedrock.invoke" or ask.service_tier is not None:
        return ask
    told = [value.decode("latin-1").strip().lower()[:64] for name, value in request.headers if name in _BEDROCK_TIERS]
    if not told:
        return ask
    # Of several the dearest may be the one that counts.
    return msgspec.structs.replace(ask, service_tier=next((t for t in told if t not in NOT_DEARER), told[0]) or None)


_NO_NAMES = ("tgi", "default")
"""What clients write for a model where the address alone decides."""


def _names_in_path(request: InferenceRequest) -> bool:
    return (
        request.provider is not None
        and request.method == "POST"
        and request.dialect == "openai"
        and request.api not in ("cloudflare.run", "openai.files", "openai.batches")
        and not (request.api == "openai.other" and is_job(request.upstream_path))
    )


def wants_ceiling(claimed: tuple[Claim, ...]) -> bool:
    """Whether a budget wants unpriced models at a ceiling, and none that is enforced wants them refused."""
    wanted = False
    for claim in claimed:
        if claim.budget.on_unpriced == "ceiling":
            wanted = True
        elif claim.budget.on_unpriced == "block" and claim.budget.mode == "enforce":
            return False
    return wanted
