"""What goes out to the provider, what it finally cost, and what the caller is told of its budgets."""

from functools import lru_cache

import msgspec

from tollway.budgets.holds import Claim
from tollway.budgets.window import Calendar, Total, describe
from tollway.clock import iso
from tollway.errors import UsageInvalid
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Ended, Head
from tollway.exchange.story import Story
from tollway.exchange.target import Target
from tollway.ledger.reservation import Exhausted, Hold
from tollway.logs.record import Decision
from tollway.money import ZERO, display, dollars
from tollway.pricing.charge import Basis, Charge, Unpriced, charge_report
from tollway.pricing.charge import presumed as presumed_charge
from tollway.pricing.estimate import Quote
from tollway.pricing.units import UnitPrice
from tollway.providers.openai_chat import Chat
from tollway.providers.registry import codec_for
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

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

# OpenAI's own API takes a cap as `max_completion_tokens`; most servers that speak it know `max_tokens` only.
_COMPATIBLE_CHAT = Chat(cap_field="max_tokens")

_UNDER_WAY = frozenset({"queued", "in_progress"})
"""How OpenAI calls an answer that is still to be made."""

# Tokens a provider may have made but not yet shown when a stream is cut: 250 ms at 400 tokens a second (ledger.md 2.5).
_IN_FLIGHT_TOKENS = 100


def outgoing(
    request: InferenceRequest, ask: Ask, target: Target, claimed: tuple[Claim, ...], quote: Quote | None
) -> tuple[str, bytes, bool]:
    """The path and body to send, and whether the usage chunk asked for here is to be taken out of the stream again.

    The bytes are the caller's own unless something must change: the model's name, the output cap that a hard budget
    holds money for, the wish for a usage chunk.
    """
    codec = codec_for(request.api)
    path, body = request.upstream_path, request.body
    needs_cap = any(c.budget.mode == "enforce" and c.budget.guarantee == "hard" for c in claimed)
    cap = quote.cap if quote is not None and needs_cap else None
    strip_usage = ask.stream and not ask.include_usage and request.api in ("openai.chat", "openai.completions")
    model = target.model if target.rename else None
    if model is not None:
        path = codec.write_path(path, model)
    if model is not None or cap is not None or strip_usage:
        if request.api == "openai.chat" and target.provider.cap_field == "max_tokens":
            codec = _COMPATIBLE_CHAT
        body = codec.write_body(body, ask, model=model, cap=cap, include_usage=strip_usage)
    return path, body, strip_usage


def presumed(quote: Quote | None, target: Target) -> Charge | Unpriced:
    """The whole bound: what a request that was sent and never answered counts as."""
    if quote is None:
        return _unpriced(target)
    return presumed_charge(quote.amount, quote.price_id)


def final_charge(ended: Ended, quote: Quote | None, target: Target, snapshot: Snapshot, now: int) -> Charge | Unpriced:
    """What the answer cost: metered where it says so; counted where it broke off or says nothing, if it shows what it
    bills, and presumed at its hold if not; never nothing for a non-empty answer of a model with a price.
    """
    if quote is not None and quote.free:
        return _of_free(ended, quote, target, snapshot, now)
    # An answer that is not streamed is made before its first byte: cut or not, all of it is billed.
    if _cut(ended) and (target.provider.bills_after_disconnect or not ended.streamed):
        return presumed(quote, target)
    if ended.report.usage is None and ended.report.finish_reason in _UNDER_WAY:
        # A background answer is given before it is made: what it comes to is never seen here.
        return presumed(quote, target)
    if _told(ended):
        charge = _priced(ended.report, target, snapshot, now)
        if charge is not None and not _absurd(charge, ended, quote):
            return charge
    if quote is None:
        return _unpriced(target)
    if not target.visible:
        # It may have reasoned up to its cap before its first visible byte.
        return presumed(quote, target)
    counted = _priced(_counted(ended, quote), target, snapshot, now, basis="counted")
    if isinstance(counted, Charge) and counted.amount <= quote.amount:
        return counted
    return presumed(quote, target)


def notes(
    ended: Ended, charge: Charge | Unpriced, quote: Quote | None, target: Target, snapshot: Snapshot, now: int
) -> tuple[Decision, ...]:
    """What is odd about a charge that `final_charge` has made: above its hold, or not what the provider reported."""
    if quote is None or isinstance(charge, Unpriced):
        return ()
    if charge.basis == "metered":
        if quote.unbounded is not None or charge.amount <= quote.amount:
            return ()
        return (_note("hold_exceeded", f"charged {display(charge.amount)}, held {display(quote.amount)}"),)
    if not _told(ended) or (_cut(ended) and (target.provider.bills_after_disconnect or not ended.streamed)):
        return ()
    reported = _priced(ended.report, target, snapshot, now)
    said = display(reported.amount) if isinstance(reported, Charge) else "what cannot be"
    detail = f"reported {said}, charged {display(charge.amount)}, held {display(quote.amount)}"
    return (_note("usage_suspect", detail),)


def _note(code: str, detail: str) -> Decision:
    return Decision(step="settle", outcome="note", code=code, detail=detail)


def _cut(ended: Ended) -> bool:
    return ended.reason != "complete" or not ended.finished


def _told(ended: Ended) -> bool:
    """Whether the usage that was reported is the last one there was to be."""
    return ended.report.usage is not None and (not _cut(ended) or ended.report.finish_reason is not None)


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
    try:
        return charge_report(
            report,
            snapshot.book,
            provider=snapshot.price_name(target.provider, target.model, now),
            requested_model=target.model or "",
            at_ms=now,
            basis=basis,
        )
    except UsageInvalid:
        return None


def _absurd(charge: Charge | Unpriced, ended: Ended, quote: Quote | None) -> bool:
    """Whether a provider's report is not to be believed: nothing for an answer, or ten times what the request allows."""
    if quote is None or isinstance(charge, Unpriced):
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
    if quote.unbounded is not None:
        return False
    return charge.amount > 10 * quote.amount or (charge.amount == 0 and ended.output_bytes > 0)


def _unpriced(target: Target) -> Unpriced:
    return Unpriced(target.provider.slug, target.model or "")


def _counted(ended: Ended, quote: Quote) -> Report:
    """The usage of an answer that told none: its input as bounded, its output by the bytes seen and what was in flight."""
    seen = ended.report.usage
    reported_output = (seen.output_tokens or 0) if seen is not None else 0
    in_flight = 0 if ended.reason == "complete" and ended.finished else _IN_FLIGHT_TOKENS
    output = min(max(ended.output_bytes, reported_output) + in_flight, quote.output_tokens * quote.choices)
    if seen is not None and seen.input_tokens is not None:
        usage = Usage(
            input_tokens=seen.input_tokens,
            cache_read_input_tokens=seen.cache_read_input_tokens,
            cache_creation_input_tokens=seen.cache_creation_input_tokens,
            cache_creation_1h_input_tokens=seen.cache_creation_1h_input_tokens,
            output_tokens=output,
            web_searches=seen.web_searches,
            file_searches=seen.file_searches,
        )
    else:
        usage = Usage(input_tokens=quote.input_tokens, output_tokens=output)
    return Report(
        usage=usage,
        response_model=ended.report.response_model,
        service_tier=ended.report.service_tier,
    )


def exhausted(
    reply: Exhausted, hold: Hold, claimed: tuple[Claim, ...], amount: int, calendar: Calendar, now: int
) -> Refusal:
    """The refusal of a budget that is spent, or that others hold."""
    owners = [claim for claim in claimed for _ in claim.accounts]
    budget, balance = owners[reply.index].budget, reply.balance
    resets_at = calendar.next_reset(budget.window, now)
    details = {
        "budget": budget.name,
        "budget_id": budget.id,
        "account": balance.account,
        "window": describe(budget.window),
        "limit_usd": dollars(balance.limit),
        "spent_usd": dollars(balance.spent),
        "held_usd": dollars(balance.held),
        "needed_usd": dollars(amount),
        "resets_at": iso(resets_at) if resets_at is not None else None,
    }
    if resets_at is not None:
        resets = f"resets {_readable(resets_at)}"
    else:
        resets = "does not reset" if isinstance(budget.window, Total) else f"counts {describe(budget.window)}"
    if reply.contended:
        return Refusal(
            code="budget_contended",
            rule=budget.name,
            message=f'Budget "{budget.name}" is not spent, but held by requests under way: {display(balance.spent)} spent and '
            f"{display(balance.held)} held of {display(balance.limit)}; this request needs {display(amount)}. Try again in a moment.",
            retry_after_s=1,
            details=details,
        )
    if balance.spent >= balance.limit:
        said = f"{display(balance.spent)} of {display(balance.limit)} spent"
    else:
        said = (
            f"{display(balance.spent)} of {display(balance.limit)} spent, and this request may cost {display(amount)}"
        )
    return Refusal(
        code="budget_exceeded",
        rule=budget.name,
        message=f'Budget "{budget.name}" is exhausted: {said}; {resets}.',
        retry_after_s=max(1, -(-(resets_at - now) // 1000)) if resets_at is not None else None,
        details=details,
    )


def headers(story: Story, head: Head, charge: Charge | None) -> tuple[tuple[bytes, bytes], ...]:
    """The provider's headers and ours: what was spent, and what is left of the tightest budget."""
    request, target = story.request, story.target
    names = _CF_NAMES if request.cf_spelling else _NAMES
    identifier = request.id.encode()
    found = [*head.headers, (names["request-id"], identifier)]
    if request.cf_spelling:
        found += [(b"cf-aig-log-id", identifier), (b"cf-aig-event-id", identifier), (b"cf-aig-step", b"0")]
    if target is not None:
        found.append((names["provider"], target.provider.slug.encode()))
        if target.model is not None:
            found.append((names["model"], _ascii(target.model)))
    if charge is not None:
        found.append((names["cost-usd"], dollars(charge.amount).encode()))
    if story.clamped_to is not None:
        found.append((names["max-tokens"], str(story.clamped_to).encode()))
    if story.tightest is not None:
        claim, hold, balance = story.tightest
        # The number that refuses is the number that is shown: this request's own hold gives way to its charge, and an
        # error costs nothing.
        counted = charge.amount if charge is not None else 0 if head.status >= 400 else hold.amount
        available = balance.available + hold.amount - counted
        found += [
            (names["budget"], _ascii(claim.budget.name)),
            (names["budget-limit-usd"], _limit(balance.limit)),
            (names["budget-remaining-usd"], dollars(max(0, available)).encode()),
        ]
        if hold.until is not None:
            found.append((names["budget-resets-at"], _instant(hold.until)))
    return tuple(found)


_OURS = (
    "request-id",
    "provider",
    "model",
    "cost-usd",
    "max-tokens",
    "budget",
    "budget-limit-usd",
    "budget-remaining-usd",
    "budget-resets-at",
)
_NAMES = {name: f"tollway-{name}".encode() for name in _OURS}
_CF_NAMES = {name: f"cf-aig-{name}".encode() for name in _OURS}


# Few limits and few windows are in force at a time.
@lru_cache(maxsize=1024)
def _limit(amount: int) -> bytes:
    return dollars(amount).encode()


@lru_cache(maxsize=1024)
def _instant(ms: int) -> bytes:
    return iso(ms).encode()


def _readable(ms: int) -> str:
    return iso(ms)[:16].replace("T", " ") + " UTC"


def _ascii(text: str) -> bytes:
    # RFC 9110, 5.5: visible ASCII only; anything else could end the header.
    if text.isascii() and text.isprintable():
        return text.encode()
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
