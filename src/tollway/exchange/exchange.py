"""The story of a request: from credential to log line, without I/O.

Money first: nothing is forwarded without a reservation that stands, and every reservation made here is settled or
released on every path out. `tests/exchange/test_every_path.py` walks them all.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Calendar
from tollway.exchange import answer, told
from tollway.exchange.refusal import Refusal
from tollway.exchange.refusal import body as refusal_body
from tollway.exchange.refusal import headers as refusal_headers
from tollway.exchange.selection import Selection, select
from tollway.exchange.steps import (
    Authenticate,
    Command,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Relay,
    Release,
    Reserve,
    Send,
    Settle,
    Steps,
    Unavailable,
)
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.exchange.terms import PLAIN, asks_for_long_context, completed, terms_of
from tollway.identity.attributes import MetadataInvalid
from tollway.ledger.reservation import Exhausted, Gone, Held, Reservation
from tollway.pricing.calibration import Calibration
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote, estimate
from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for, is_free
from tollway.request import Api, Ask, InferenceRequest
from tollway.snapshot import Snapshot

LONGEST_ANSWER_S = 1800.0
"""How long one answer may take from its first byte; a reservation's deadline lies behind it."""
_GRACE_S = 60.0
_LONG_CONTEXT = 1_000_000
"""Tokens: the window that Anthropic's beta "context-1m" opens, whatever the price list says of the model."""
_SUBSTITUTES = 'With "models", "route" or "plugins" something else may be served than the model that is named'
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


def exchange(
    request: InferenceRequest,
    snapshot: Snapshot,
    calendar: Calendar,
    now: int,
    learned: Calibration = NOTHING_LEARNED,
    ask: Ask | Malformed | None = None,
) -> Steps:
    """One request, told. Yields the commands of `steps.py` and is sent their replies; `now` is Unix milliseconds.

    `learned`: what requests turned out to cost until now, for budgets that hold the expected cost. `ask`: what the body
    asks for, where it was read beforehand because it is large; it is not read again.
    """
    story = Story(request)
    identity = yield Authenticate(request)
    if isinstance(identity, Refusal):
        return (yield from refuse(story, "authenticate", identity))
    story.identity = identity

    if ask is None:
        codec = codec_for(request.api)
        ask = codec.read_ask(request.upstream_path, request.query, request.content_type, request.body)
    if isinstance(ask, Malformed):
        return (yield from refuse(story, "read", Refusal(code="body_invalid", message=ask.message)))
    ask = completed(ask, request)
    target = choose(request, ask, snapshot, now)
    if isinstance(target, Refusal):
        return (yield from refuse(story, "route", target))
    story.target = target
    selection = select(request, identity, target, snapshot)
    if isinstance(selection, MetadataInvalid):
        return (yield from refuse(story, "read", Refusal(code="metadata_invalid", message=selection.message)))
    story.knows(selection.facts, selection.context)
    claimed = selection.claims
    terms = terms_of(request, ask, identity, at_ceiling=selection.at_ceiling)
    if isinstance(terms, Refusal):
        return (yield from refuse(story, "price", terms))
    if terms is not PLAIN:
        story.target = target = msgspec.structs.replace(target, terms=terms)
    priced = price(request, ask, target, snapshot, now)
    granted = yield from hold(story, request, target, selection, priced, calendar, now, learned)
    if isinstance(granted, Refusal):
        return (yield from refuse(story, "reserve", granted))
    story.granted(granted.reservation, granted.held, claimed, granted.quote, clamped=granted.clamped)

    path, rewrite, strip_usage = answer.outgoing(request, ask, target, claimed, granted.quote)
    head = yield Forward(granted.reservation, target.route, request, path, rewrite)
    if isinstance(head, NotSent):
        yield Release(granted.reservation.id, head.code)
        story.attempted(granted.reservation.attempt, "not_sent", code=head.code)
        return (yield from refuse(story, "forward", Refusal(code=head.code, message=head.message, retry_after_s=1)))
    if isinstance(head, NoAnswer):
        # It was sent, so perhaps billed: presume it spent.
        entry = story.entry(granted.reservation, answer.presumed(granted.quote, target), None, now)
        yield Settle(entry)
        story.settled(entry.charge)
        story.attempted(granted.reservation.attempt, "no_answer", code=head.code)
        return (yield from refuse(story, "forward", Refusal(code=head.code, message=head.message, retry_after_s=1)))

    if head.streamed and head.status < 400:
        yield from relay(story, granted, target, head, snapshot, now, strip_usage=strip_usage)
    else:
        yield from read(story, granted, target, head, snapshot, now)


def price(request: InferenceRequest, ask: Ask, target: Target, snapshot: Snapshot, now: int) -> Quote | Unpriced:
    """The bound of what the request may cost; zero for what is free by definition."""
    if is_free(request.api, request.method, request.upstream_path):
        return answer.FREE if request.method == "POST" else answer.READ
    terms = target.terms
    dearest = terms.price
    if ask.substitutes and dearest is None:
        if not terms.at_ceiling:
            return Unpriced(target.provider.slug, target.model or "", _SUBSTITUTES)
        dearest = snapshot.book.at_ceiling(target.listed.provider)
    if ask.media_bytes and not target.provider.kind:
        # A server nobody knows may take a picture's bytes for text.
        ask = msgspec.structs.replace(ask, media_bytes=0)
    gateway = snapshot.gateways[request.gateway]
    quote = estimate(
        ask,
        len(request.body),
        provider=target.listed.provider,
        model=target.listed.model,
        book=snapshot.book,
        at_ms=now,
        default_output_tokens=gateway.default_output_tokens,
        auto_is_standard=target.provider.auto_is_standard,
        price=dearest,
        at_ceiling=terms.at_ceiling,
        window_at_least=_LONG_CONTEXT if request.dialect == "anthropic" and asks_for_long_context(request) else 0,
    )
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
) -> Generator[Command, Any, Granted | Refusal]:
    """Holds the bound on every budget that counts the request, or as much as is left of it, or refuses.

    Where others only hold the money, the request waits once for it to come back. Where it is spent, the output cap is
    lowered to what is left, if that is still worth an answer.
    """
    claimed = selection.claims
    quote = None if isinstance(priced, Unpriced) else priced
    refusal = _unholdable(request, claimed, priced, target)
    if refusal is not None:
        return refusal
    wait_s = selection.wait_s
    asked = quote
    model = (target.listed.provider, target.listed.model)
    estimates = selection.expects and quote is not None
    for tries_left in reversed(range(_MOST_TRIES)):
        amount = asked.amount if asked is not None else 0
        expected = learned.expected(asked, model, len(request.body)) if estimates and asked is not None else None
        reservation = Reservation(
            f"{request.id}.{story.attempt}",
            request.id,
            story.attempt,
            holds(claimed, amount, now, calendar, expected),
            now,
            now + int((target.provider.first_byte_timeout_s + LONGEST_ANSWER_S + _GRACE_S) * 1000),
            amount,
            selection.encoded_context,
        )
        reply: Held | Exhausted | Gone | Unavailable = yield Reserve(reservation, wait_s)
        if isinstance(reply, Held):
            return Granted(reservation, reply, asked, clamped=asked is not quote)
        if isinstance(reply, Unavailable | Gone):
            return Refusal(
                code="budget_store_unavailable",
                message="The budget ledger cannot be written now, so nothing was sent. Try again shortly.",
                retry_after_s=1,
            )
        # A budget that only checks what is spent is not helped by a smaller hold.
        smaller = None
        if tries_left and asked is not None and not reservation.holds[reply.index].spent_only:
            left = reply.balance.available if reply.contended else reply.balance.limit - reply.balance.spent
            smaller = asked.clamped(left)
        if smaller is None or smaller is asked:
            refusing = reservation.holds[reply.index]
            needed = amount if refusing.spent_only else refusing.amount
            return told.exhausted(reply, refusing, claimed, needed, calendar, now)
        if reply.contended:
            wait_s = 0.0
        asked = smaller
    raise AssertionError("the last try refuses")


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
                        message=f'The request names no model, so budget "{claim.budget.name}" cannot hold its cost. '
                        'Set "model".',
                    )
                return Refusal(
                    code="price_unknown",
                    rule=claim.budget.name,
                    message=f'{priced.why}, so budget "{claim.budget.name}" cannot hold its cost. '
                    "Leave them out, or set the budget's on_unpriced to count."
                    if priced.why
                    else f'"{target.name}" has no price, so budget "{claim.budget.name}" cannot hold its cost. '
                    f"Add its price (tollway prices override {target.name} --input ... --output ..., or --free), or set the budget's "
                    "on_unpriced to ceiling or count.",
                )
    elif priced.unbounded is not None:
        for claim in claimed:
            if claim.budget.mode == "enforce" and claim.budget.guarantee == "hard":
                return Refusal(
                    code="request_unbounded",
                    rule=claim.budget.name,
                    message=f'The cost of {priced.unbounded} has no bound for "{target.name}", and budget '
                    f'"{claim.budget.name}" must hold it. {_way_out(request.api)}, or set the budget\'s guarantee to expected.',
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


def read(
    story: Story, granted: Granted, target: Target, head: Head, snapshot: Snapshot, now: int
) -> Generator[Command, Any, None]:
    """A whole answer: read it, settle it, and send it with its cost in a header."""
    ended: Ended = yield Read()
    charge: Charge | Unpriced | None = None
    usage = ended.report.usage
    if head.status >= 400 and not (usage is not None and usage.output_tokens):
        # An error is not billed, unless it says what it has made; it passes through as it came.
        yield Release(granted.reservation.id, "rejected")
    else:
        charge = answer.final_charge(ended, granted.quote, target, snapshot, now)
        story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now))
        entry = story.entry(granted.reservation, charge, ended, now)
        yield Settle(entry, answer.observed(story.request, target, granted.quote, charge, ended))
        story.settled(entry.charge if isinstance(charge, Charge) else None)
    story.ended(granted.reservation.attempt, head, ended)
    if ended.reason == "client_gone":
        yield Log(story.record(499, "client_gone"))
        return
    if ended.reason != "complete":
        refusal = Refusal(
            code="upstream_invalid" if ended.reason == "broken_off" else "upstream_timeout",
            message=f'The answer of provider "{target.provider.slug}" broke off before its end.',
        )
        return (yield from refuse(story, "forward", refusal))
    headers = told.headers(story, head, charge if isinstance(charge, Charge) else None)
    story.sent((yield Send(head.status, headers, ended.raw)))
    yield Log(story.record(head.status, "" if head.status < 400 else "upstream_error"))


def relay(
    story: Story, granted: Granted, target: Target, head: Head, snapshot: Snapshot, now: int, *, strip_usage: bool
) -> Generator[Command, Any, None]:
    """A stream: pass it on as it comes, and settle what it cost, whoever ended it."""
    meter = codec_for(story.request.api).meter(strip_usage=strip_usage)
    ended: Ended = yield Relay(head.status, told.headers(story, head, None), meter, LONGEST_ANSWER_S)
    charge = answer.final_charge(ended, granted.quote, target, snapshot, now)
    story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now))
    entry = story.entry(granted.reservation, charge, ended, now)
    yield Settle(entry, answer.observed(story.request, target, granted.quote, charge, ended))
    story.settled(entry.charge if isinstance(charge, Charge) else None)
    story.ended(granted.reservation.attempt, head, ended)
    status, code = {
        "complete": (head.status, ""),
        "client_gone": (499, "client_gone"),
        "broken_off": (head.status, "upstream_invalid"),
        "too_long": (head.status, "upstream_timeout"),
    }[ended.reason]
    yield Log(story.record(status, code))


def refuse(story: Story, step: str, refusal: Refusal) -> Generator[Command, Any, None]:
    """Answers the caller with a refusal in its own dialect, and remembers why."""
    story.refused(step, refusal)
    request = story.request
    headers = refusal_headers(refusal, request.id, cf_spelling=request.cf_spelling, dialect=request.dialect)
    body = refusal_body(refusal, request.dialect, request.id)
    story.sent((yield Send(refusal.status, headers, body)))
    yield Log(story.record(refusal.status, refusal.code))
