"""What goes out to the provider, what it finally cost, and what the caller is told of its budgets."""

import msgspec

from tollway.budgets.holds import Claim
from tollway.errors import UsageInvalid
from tollway.exchange.allowance import IN_FLIGHT_TOKENS, Allowance
from tollway.exchange.counting import cut, output_tokens, usage_of
from tollway.exchange.steps import Ended
from tollway.exchange.target import Target
from tollway.exchange.terms import PLAIN
from tollway.logs.record import Decision
from tollway.money import ZERO, Money, display
from tollway.pricing.calibration import Observed
from tollway.pricing.charge import Basis, Charge, ChargeLine, Unpriced, charge_report, with_known
from tollway.pricing.charge import presumed as presumed_charge
from tollway.pricing.estimate import Quote
from tollway.pricing.units import UnitPrice
from tollway.providers.gathered import gatherer
from tollway.providers.gathered_request import Upstream, upstream_request
from tollway.providers.prompts import Counted
from tollway.providers.registry import codec_for
from tollway.providers.rewrite import Rewrite
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report

FREE = Quote(
    provider="",
    model="",
    price_id="",
    amount=ZERO,
    input_tokens=0,
    output_tokens=0,
    choices=1,
    cap=None,
    floor=ZERO,
    per_input_token=UnitPrice(ZERO, 1),
    per_output_token=UnitPrice(ZERO, 1),
)
"""The bound of a call that costs nothing by definition: a token count."""

READ = msgspec.structs.replace(FREE, choices=0)
"""The bound of a read, which makes no answer. What it shows may have a usage in it, which was billed when it was made."""

_UNDER_WAY = frozenset({"queued", "in_progress"})
"""How OpenAI calls an answer that is still to be made."""


class Outgoing(msgspec.Struct, frozen=True):
    """Where an attempt goes, and as what."""

    path: str
    query: bytes
    rewrite: Rewrite | None
    """What is to be changed in the body."""
    strip_usage: bool
    """The usage chunk that is asked for here is to be taken out of the stream again."""


def carried(request: InferenceRequest, ask: Ask, target: Target) -> Upstream | None:
    """Where a call of which the whole answer is wanted may go as a stream; `None` where it cannot be carried as one."""
    if ask.stream or gatherer(request.api) is None:
        return None
    return upstream_request(request.api, _path(request, target), request.query, request.body, ask)


def outgoing(
    request: InferenceRequest,
    ask: Ask,
    target: Target,
    claimed: tuple[Claim, ...],
    quote: Quote | None,
    as_stream: Upstream | None = None,
) -> Outgoing:
    """What is sent to the provider; `as_stream` where the answer is to be put together from a stream.

    The bytes are the caller's own (`None`) unless something must change: the model's name, the output cap that a hard
    budget holds money for, the wish for a usage chunk.
    """
    cap = quote.cap if quote is not None else None
    if cap is not None and not any(c.budget.mode == "enforce" and c.budget.guarantee == "hard" for c in claimed):
        cap = None
    asks_usage = (
        target.provider.asks_usage
        and ask.stream
        and not ask.include_usage
        and request.api in ("openai.chat", "openai.completions")
    )
    if as_stream is not None:
        asks_usage = as_stream.include_usage and target.provider.asks_usage
    model = target.model if target.rename else None
    rewrite = None
    if model is not None or cap is not None or asks_usage or as_stream is not None:
        rewrite = Rewrite(
            api=request.api,
            ask=ask,
            model=model,
            cap=cap,
            include_usage=asks_usage,
            cap_field=target.provider.cap_field,
            stream=as_stream is not None,
        )
    if as_stream is not None:
        return Outgoing(as_stream.path, as_stream.query, rewrite, strip_usage=False)
    strip_usage = asks_usage and not target.provider.tells_usage
    return Outgoing(_path(request, target), request.query, rewrite, strip_usage)


def _path(request: InferenceRequest, target: Target) -> str:
    if not target.rename or target.model is None:
        return request.upstream_path
    return codec_for(request.api).write_path(request.upstream_path, target.model)


def presumed(quote: Quote | None, target: Target, allowance: Allowance | None = None) -> Charge | Unpriced:
    """The whole hold: what a request that was sent and never answered counts as."""
    if quote is None or (quote.unbounded is not None and quote.amount == 0):
        # Nothing bounds it, so there is no amount to presume: unknown is not zero.
        return _unpriced(target)
    return presumed_charge(quote.amount if allowance is None else allowance.amount, quote.price_id)


def final_charge(
    ended: Ended,
    quote: Quote | None,
    target: Target,
    snapshot: Snapshot,
    now: int,
    allowance: Allowance | None = None,
    counted: Counted | None = None,
) -> Charge | Unpriced:
    """What the answer cost: metered where it says so; counted where it broke off or says nothing, if it shows what it
    bills, and presumed at its hold if not; never nothing for a non-empty answer of a model with a price.

    `counted`: the tokens of what it has shown; without it each byte is one.
    """
    charge = told_charge(ended, quote, target, snapshot, now, allowance)
    return charge if charge is not None else counted_charge(ended, quote, target, snapshot, now, allowance, counted)


def counted_charge(
    ended: Ended,
    quote: Quote | None,
    target: Target,
    snapshot: Snapshot,
    now: int,
    allowance: Allowance | None,
    counted: Counted | None,
) -> Charge | Unpriced:
    """What the answer cost by what it has shown; `told_charge` has found nothing else to go by."""
    assert quote is not None, "what has no bound is not counted"
    ended = _with_terms(ended, target)
    if target.terms.dear:
        found = _counted_dear(ended, quote, target)
    else:
        # An estimate of what nobody saw never goes past what was held for all that may have been made.
        most = allowance.tokens if allowance is not None else None
        found = _priced(usage_of(ended, quote, target, counted, most), target, snapshot, now, basis="counted")
    if type(found) is Charge and found.amount <= quote.amount and (found.amount or not ended.output_bytes):
        return found
    return presumed(quote, target, allowance)


def told_charge(
    ended: Ended,
    quote: Quote | None,
    target: Target,
    snapshot: Snapshot,
    now: int,
    allowance: Allowance | None = None,
) -> Charge | Unpriced | None:
    """What the answer cost, where that was told or has to be presumed; `None` where it is to be counted."""
    if quote is not None and quote.free:
        return _of_free(ended, quote, target, snapshot, now)
    ended = _with_terms(ended, target)
    # An answer that is not streamed is made before its first byte: cut or not, all of it is billed.
    if cut(ended) and (target.provider.bills_after_disconnect or not ended.streamed):
        return presumed(quote, target, allowance)
    if ended.report.usage is None and ended.report.finish_reason in _UNDER_WAY:
        # A background answer is given before it is made: what it comes to is never seen here.
        return presumed(quote, target, allowance)
    if _told(ended, quote):
        charge = _priced(ended.report, target, snapshot, now)
        if charge is not None and not _absurd(charge, ended, quote, target, snapshot):
            return charge
    if quote is None:
        return _unpriced(target)
    if not ended.streamed and ended.report.usage is None and ended.report.finish_reason is None:
        # A whole answer that is none of this API's: a job that was begun, perhaps, whose end is never seen here.
        return presumed(quote, target, allowance)
    if not target.visible:
        # It may have reasoned up to its cap before its first visible byte.
        return presumed(quote, target, allowance)
    return None


def notes(
    ended: Ended,
    charge: Charge | Unpriced,
    quote: Quote | None,
    target: Target,
    snapshot: Snapshot,
    now: int,
    allowance: Allowance | None = None,
) -> tuple[Decision, ...]:
    """What is odd about a charge that `final_charge` has made: above its hold, or not what the provider reported."""
    if quote is None or type(charge) is Unpriced:
        return ()
    ended = _with_terms(ended, target)
    if charge.basis == "metered" and _says_too_little(ended, target):
        usage = ended.report.usage
        told = usage.output_tokens if usage is not None else None
        return (_note("usage_suspect", f"{told} output tokens reported for {ended.output_bytes:,} bytes of output"),)
    if charge.basis == "metered":
        doubt = ended.report.suspect
        doubts = (_note("usage_suspect", f"{doubt}; charged {display(charge.amount)}"),) if doubt is not None else ()
        held = quote.amount if allowance is None else allowance.amount
        if quote.unbounded is not None or charge.amount <= held:
            return doubts
        return (*doubts, _note("hold_exceeded", f"charged {display(charge.amount)}, held {display(held)}"))
    if not _told(ended, quote) or (cut(ended) and (target.provider.bills_after_disconnect or not ended.streamed)):
        return ()
    reported = _priced(ended.report, target, snapshot, now)
    said = display(reported.amount) if isinstance(reported, Charge) else "what cannot be"
    detail = f"reported {said}, charged {display(charge.amount)}, held {display(quote.amount)}"
    return (_note("usage_suspect", detail),)


def observed(
    request: InferenceRequest,
    target: Target,
    quote: Quote | None,
    charge: Charge | Unpriced,
    ended: Ended,
    allowance: Allowance | None = None,
) -> Observed | None:
    """What a settlement teaches of the estimate; `None` where nothing was measured."""
    if quote is None or quote.free or type(charge) is Unpriced or charge.basis != "metered":
        return None
    usage = ended.report.usage
    output = usage.output_tokens if usage is not None else None
    return Observed(
        target.listed.provider,
        target.listed.model,
        len(request.body),
        _held(quote, charge, allowance),
        charge.amount,
        usage.input_tokens if usage is not None and quote.unbounded is None else None,
        output // quote.choices if output is not None else None,
    )


def _held(quote: Quote, charge: Charge, allowance: Allowance | None) -> int:
    if allowance is not None:
        return allowance.amount
    return quote.amount if quote.unbounded is None else charge.amount


# No tokenizer puts more text into one token, but for long runs of white space.
_MOST_BYTES_PER_TOKEN = 64


def _says_too_little(ended: Ended, target: Target) -> bool:
    """Whether a stream of plain text reports fewer output tokens than what was seen of it can be."""
    usage = ended.report.usage
    if usage is None or usage.output_tokens is None or not ended.streamed or target.terms.dear or ended.report.steps:
        return False
    return ended.output_bytes > _MOST_BYTES_PER_TOKEN * (usage.output_tokens + IN_FLIGHT_TOKENS)


def _note(code: str, detail: str) -> Decision:
    return Decision(step="settle", outcome="note", code=code, detail=detail)


def _with_terms(ended: Ended, target: Target) -> Ended:
    """`ended` with what the request itself has told of the bill, where a whole answer leaves that out."""
    terms, report = target.terms, ended.report
    if terms is PLAIN:
        return ended
    if terms.tier is not None and report.service_tier is None:
        report = msgspec.structs.replace(report, service_tier=terms.tier)
    if terms.known is not None and not cut(ended):
        report = with_known(report, terms.known)
    return ended if report is ended.report else msgspec.structs.replace(ended, report=report)


def _told(ended: Ended, quote: Quote | None) -> bool:
    """Whether the usage that was reported is the last one there was to be."""
    if ended.report.usage is None:
        return False
    # Of several answers one may have ended while others were still made.
    alone = quote is None or quote.choices <= 1
    return not cut(ended) or (ended.report.finish_reason is not None and alone)


def _of_free(ended: Ended, quote: Quote, target: Target, snapshot: Snapshot, now: int) -> Charge | Unpriced:
    """Nothing, unless what was to generate nothing says that it has."""
    told = ended.report.usage
    if quote.choices and told is not None and told.output_tokens:
        charge = _priced(ended.report, target, snapshot, now)
        if charge is not None:
            return charge
    return Charge(ZERO, (), quote.price_id)


def _priced(
    report: Report, target: Target, snapshot: Snapshot, now: int, *, basis: Basis = "metered"
) -> Charge | Unpriced | None:
    """The charge of a report; `None` where it tells nothing that a price could be multiplied with, or contradicts itself."""
    if report.stated_cost is not None and not target.provider.states_cost:
        report = msgspec.structs.replace(report, stated_cost=None)
    try:
        return charge_report(
            report,
            snapshot.book,
            provider=target.listed.provider,
            requested_model=target.listed.model,
            at_ms=now,
            basis=basis,
            price=target.terms.price,
            at_ceiling=target.terms.at_ceiling,
            long_context=target.terms.long_context,
        )
    except UsageInvalid:
        return None


def _absurd(charge: Charge | Unpriced, ended: Ended, quote: Quote | None, target: Target, snapshot: Snapshot) -> bool:
    """Whether a provider's report is not to be believed: nothing for an answer, or ten times what the request allows
    with more tokens than the model takes behind it.
    """
    if quote is None or type(charge) is Unpriced:
        return False
    usage = ended.report.usage
    if (
        usage is not None
        and usage.output_tokens is None
        and not ended.report.steps
        and ended.output_bytes > 0
        and quote.per_output_token.amount
    ):
        return True
    if (
        usage is not None
        and usage.input_tokens is None
        and usage.output_tokens is not None
        and not ended.report.steps
        and quote.input_tokens
        and quote.per_input_token.amount
    ):
        # What went in is billed too, and a half of a usage is no usage.
        return True
    if charge.amount == 0:
        return ended.output_bytes > 0
    if quote.unbounded is not None:
        return False
    if charge.amount <= 10 * quote.amount:
        return False
    # A provider's own prompts and tools are in no request; they fill a context window at most.
    most_tokens = snapshot.book.limits(target.listed.provider, target.listed.model).context_window
    if usage is None or most_tokens is None:
        return True
    return (usage.input_tokens or 0) > max(most_tokens, quote.input_tokens) or (usage.output_tokens or 0) > max(
        most_tokens, quote.output_tokens * quote.choices
    )


def _unpriced(target: Target) -> Unpriced:
    return Unpriced(target.provider.slug, target.model or "")


def _counted_dear(ended: Ended, quote: Quote, target: Target) -> Charge:
    """What was seen of an answer whose tokens need not be plain text, each at the dearest price that may apply."""
    amount = Money(quote.floor + quote.per_output_token.times(output_tokens(ended, quote, target)))
    return Charge(amount, (ChargeLine("counted", 1, UnitPrice(amount, 1), amount),), quote.price_id, "counted")
