"""Holding money for one attempt: the bound of what it may cost, how much of it is held, and why it cannot be."""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.budgets.holds import MOST_LEGS, Claim, holds, too_many_legs
from tollway.budgets.window import Calendar
from tollway.exchange import answer, counting, told
from tollway.exchange.allowance import Allowance
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection
from tollway.exchange.steps import Command, Reserve, Unavailable
from tollway.exchange.story import Story
from tollway.exchange.target import Target
from tollway.exchange.terms import asks_for_long_context
from tollway.ledger.reservation import Exhausted, Gone, Held, Reservation
from tollway.pricing.calibration import Calibration
from tollway.pricing.charge import Unpriced
from tollway.pricing.estimate import Quote, estimate
from tollway.providers.other_models import lets_others_serve
from tollway.providers.prompts import Counted
from tollway.providers.registry import is_free
from tollway.request import Api, Ask, InferenceRequest
from tollway.snapshot import Snapshot

LONGEST_ANSWER_S = 1800.0
"""How long one answer may take from its first byte; a reservation's deadline lies behind it."""
_GRACE_S = 60.0
_LONG_CONTEXT = 1_000_000
"""Tokens: the window that Anthropic's beta "context-1m" opens, whatever the price list says of the model."""
_SUBSTITUTES = (
    'With "models", "route" or "plugins", with fallbacks, or with a tool that runs a model, something else may be served than '
    "the model that is named"
)
# With money coming and going, a request may find less each time it asks; it asks this often.
_MOST_TRIES = 4
_UNKNOWN_PATH = "a call whose cost only its answer shows"
NOTHING_LEARNED = Calibration()
"""For requests that are only rehearsed."""


class Granted(msgspec.Struct, frozen=True):
    """The money is held."""

    reservation: Reservation
    held: Held
    quote: Quote | None
    """`None` where the price is unknown and no budget minds."""
    clamped: bool
    allowance: Allowance | None = None
    """How the hold follows the answer; `None` where it covers all of it."""


def price(
    request: InferenceRequest, ask: Ask, target: Target, snapshot: Snapshot, now: int, *, size: int | None = None
) -> Quote | Unpriced:
    """The bound of what the request may cost; zero for what is free by definition.

    `size` is the length of its body where that is not at hand.
    """
    provider, listed = target.route.provider, target.listed
    if is_free(request.api, request.method, request.upstream_path):
        return answer.FREE if request.method == "POST" else answer.READ
    terms = target.terms
    dearest = terms.price
    others = ask.also_models or lets_others_serve(ask, provider.kind, target.model, listed.model)
    if others and dearest is None:
        if not terms.at_ceiling:
            return Unpriced(provider.slug, target.model or "", _SUBSTITUTES)
        dearest = snapshot.book.at_ceiling(listed.provider)
    if ask.media_bytes and not provider.kind:
        # A server nobody knows may take a picture's bytes for text.
        ask = msgspec.structs.replace(ask, media_bytes=0)
    gateway = snapshot.gateways[request.gateway]
    quote = estimate(
        ask,
        len(request.body) if size is None else size,
        provider=listed.provider,
        model=listed.model,
        book=snapshot.book,
        at_ms=now,
        default_output_tokens=gateway.default_output_tokens,
        auto_is_standard=provider.auto_is_standard,
        price=dearest,
        at_ceiling=terms.at_ceiling,
        window_at_least=_LONG_CONTEXT if request.dialect == "anthropic" and asks_for_long_context(request) else 0,
    )
    if ask.uncapped is not None and isinstance(quote, Quote) and not quote.free:
        quote = msgspec.structs.replace(quote, unbounded=quote.unbounded or ask.uncapped)
    if request.api.endswith(".other") and isinstance(quote, Quote) and not quote.free and quote.unbounded is None:
        # A path that nobody knows may cost anything, whatever model it names.
        quote = msgspec.structs.replace(quote, unbounded=ask.unbounded or _UNKNOWN_PATH)
    return quote


def hold(
    story: Story,
    request: InferenceRequest,
    target: Target,
    selection: Selection,
    priced: Quote | Unpriced,
    calendar: Calendar,
    now: int,
    learned: Calibration,
    allowance: Allowance | None = None,
) -> Generator[Command, Any, Granted | Refusal]:
    """Holds the bound on every budget that counts the request, or as much as is left of it, or refuses.

    With an `allowance` its beginning is held instead, and the hold follows the answer. Where others only hold the money,
    the request waits once for it to come back. Where it is spent, the output cap is lowered to what is left, if that is
    still worth an answer. Where it would be refused all the same, its tokens are counted, which takes a moment, and are
    fewer than its bytes.
    """
    claimed = selection.claims
    quote = None if type(priced) is Unpriced else priced
    if quote is None or quote.unbounded is not None:
        refusal = _unholdable(request, claimed, priced, target)
        if refusal is not None:
            return refusal
    wait_s = selection.wait_s
    asked = whole = quote
    follows, counted, estimated = allowance is not None, False, False
    model = (target.listed.provider, target.listed.model)
    estimates = quote is not None and (selection.expects or allowance is not None)
    for tries_left in reversed(range(_MOST_TRIES)):
        amount = asked.amount if asked is not None else 0
        expected = learned.expected(asked, model, len(request.body)) if estimates and asked is not None else None
        if allowance is not None:
            amount = allowance.amount
        placed = holds(claimed, amount, now, calendar, expected, metered=allowance is not None)
        if len(placed) > MOST_LEGS:
            return Refusal(code="budget_legs", message=too_many_legs(claimed))
        reservation = Reservation(
            f"{request.id}.{story.attempt}",
            request.id,
            story.attempt,
            placed,
            now,
            now + int((target.provider.first_byte_timeout_s + LONGEST_ANSWER_S + _GRACE_S) * 1000),
            amount,
            selection.encoded_context,
            expected if allowance is not None and expected is not None and learned.knows(*model) else 0,
            selection.priority,
            selection.lenient,
        )
        reply: Held | Exhausted | Gone | Unavailable = yield Reserve(reservation, wait_s)
        if type(reply) is Held:
            return Granted(reservation, reply, asked, clamped=asked is not whole, allowance=allowance)
        if type(reply) is not Exhausted:
            return Refusal(
                code="budget_store_unavailable",
                message="The budget ledger cannot be written now, so nothing was sent. Try again shortly.",
                retry_after_s=1,
            )
        smaller = None
        # A budget that only checks what is spent is not helped by a smaller hold.
        helps = tries_left and not reservation.holds[reply.index].spent_only and not reply.frozen
        left = reply.balance.available if reply.contended else reply.balance.limit - reply.balance.spent
        if helps and asked is not None and not estimated:
            smaller = asked.clamped(left)
            if smaller is asked and allowance is not None and allowance.amount > left:
                smaller = None
        if smaller is not None and (smaller is not asked or allowance is not None):
            # What is left is held at once: an answer that could not be extended would only be cut.
            asked, allowance = smaller, None
        else:
            tighter = None
            # What fits is refused for another reason, and there is no answer to that in its size.
            if helps and whole is not None and not counted and reservation.holds[reply.index].amount > left:
                counted, certain = True, _holds_bound(claimed)
                count = counting.of_prompt(request, target, whole, left)
                found: Counted | None = (yield count) if count is not None else None
                tighter = counting.tightened(whole, target, found, certain=certain and not follows)
                # An estimate may not become the hold of a whole answer.
                estimated = (
                    tighter is not None and certain and counting.tightened(whole, target, found, certain=True) is None
                )
            if tighter is None:
                refusing = reservation.holds[reply.index]
                needed = amount if refusing.spent_only else refusing.amount
                return told.exhausted(reply, refusing, claimed, needed, calendar, now)
            asked = whole = tighter
            allowance = Allowance(tighter) if follows else None
        if reply.contended:
            wait_s = 0.0
    raise AssertionError("the last try refuses")


def _holds_bound(claimed: tuple[Claim, ...]) -> bool:
    """Whether a budget rests on the bound being true."""
    return any(claim.budget.mode == "enforce" and claim.budget.guarantee == "hard" for claim in claimed)


def _unholdable(
    request: InferenceRequest, claimed: tuple[Claim, ...], priced: Quote | Unpriced, target: Target
) -> Refusal | None:
    """Why no hold can be sized, where a budget insists on one."""
    if isinstance(priced, Unpriced):
        for claim in claimed:
            if claim.budget.mode == "enforce" and claim.budget.on_unpriced == "block":
                if target.model is None and not priced.why:
                    return Refusal(
                        code="model_missing",
                        rule=claim.budget.name,
                        message=f"The request names no model, so {claim.budget.title} cannot hold its cost. "
                        'Set "model".',
                    )
                return Refusal(
                    code="price_unknown",
                    rule=claim.budget.name,
                    message=f"{priced.why}, so {claim.budget.title} cannot hold its cost. "
                    "Leave them out, or set the budget's on_unpriced to count."
                    if priced.why
                    else f'"{target.name}" has no price, so {claim.budget.title} cannot hold its cost. '
                    f"Add its price (tollway prices override {target.name} --input ... --output ..., or --free), or set the budget's "
                    "on_unpriced to ceiling or count.",
                )
    elif priced.unbounded is not None:
        for claim in claimed:
            if claim.budget.mode == "enforce" and claim.budget.guarantee == "hard":
                return Refusal(
                    code="request_unbounded",
                    rule=claim.budget.name,
                    message=f'The cost of {priced.unbounded} has no bound for "{target.name}", and '
                    f"{claim.budget.title} must hold it. {_way_out(request.api)}, or set its guarantee to expected.",
                )
    return None


_WAYS_OUT: dict[Api, str] = {
    "openai.ocr": 'Name the "pages" to read',
    "openai.images": "Use a model whose pictures have a published price or number of tokens",
    "openai.rerank": "Call the provider's own rerank path, such as /cohere/v2/rerank",
}


def _way_out(api: Api) -> str:
    if api.endswith(".other"):
        return "It can be called where no budget has to hold it"
    return _WAYS_OUT.get(api, "Send the content inline, or use a model with a known context window")
