"""The story of a request: from credential to log line, without I/O.

Money first: nothing is forwarded without a reservation that stands, and every reservation made here is settled or
released on every path out. `tests/exchange/test_every_path.py` walks them all.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Calendar
from tollway.exchange import answer
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
from tollway.identity.attributes import MetadataInvalid
from tollway.ledger.reservation import Exhausted, Gone, Held, Reservation
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote, estimate
from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for, is_free
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot

LONGEST_ANSWER_S = 1800.0
"""How long one answer may take from its first byte; a reservation's deadline lies behind it."""
_GRACE_S = 60.0
_LONG_CONTEXT = 1_000_000
"""Tokens: the window that Anthropic's beta "context-1m" opens, whatever the price list says of the model."""
_SUBSTITUTES = 'With "models", "route" or "plugins" something else may be served than the model that is named'
# With money coming and going, a request may find less each time it asks; it asks this often.
_MOST_TRIES = 4


class Granted(msgspec.Struct, frozen=True):
    """The money is held."""

    reservation: Reservation
    held: Held
    quote: Quote | None
    """`None` where the price is unknown and no budget minds."""
    clamped: bool


def exchange(request: InferenceRequest, snapshot: Snapshot, calendar: Calendar, now: int) -> Steps:
    """One request, told. Yields the commands of `steps.py` and is sent their replies; `now` is Unix milliseconds."""
    story = Story(request)
    identity = yield Authenticate(request)
    if isinstance(identity, Refusal):
        return (yield from refuse(story, "authenticate", identity))
    story.identity = identity

    codec = codec_for(request.api)
    ask = codec.read_ask(request.upstream_path, request.query, request.content_type, request.body)
    if isinstance(ask, Malformed):
        return (yield from refuse(story, "read", Refusal(code="body_invalid", message=ask.message)))
    target = choose(request, ask, snapshot, now)
    if isinstance(target, Refusal):
        return (yield from refuse(story, "route", target))
    story.target = target
    selection = select(request, identity, target, snapshot)
    if isinstance(selection, MetadataInvalid):
        return (yield from refuse(story, "read", Refusal(code="metadata_invalid", message=selection.message)))
    story.knows(selection.facts, selection.context)
    claimed = selection.claims
    priced = price(request, ask, target, snapshot, now)
    granted = yield from hold(story, request, target, selection, priced, calendar, now)
    if isinstance(granted, Refusal):
        return (yield from refuse(story, "reserve", granted))
    story.granted(granted.reservation, granted.held, claimed, granted.quote, clamped=granted.clamped)

    path, body, strip_usage = answer.outgoing(request, ask, target, claimed, granted.quote)
    head = yield Forward(granted.reservation, target.route, request, path, body)
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
    if ask.substitutes:
        return Unpriced(target.provider.slug, target.model or "", _SUBSTITUTES)
    gateway = snapshot.gateways[request.gateway]
    return estimate(
        ask,
        len(request.body),
        provider=snapshot.price_name(target.provider, target.model, now),
        model=target.model or "",
        book=snapshot.book,
        at_ms=now,
        default_output_tokens=gateway.default_output_tokens,
        window_at_least=_LONG_CONTEXT if request.dialect == "anthropic" and _long_context(request) else 0,
    )


def _long_context(request: InferenceRequest) -> bool:
    return any(name == b"anthropic-beta" and b"context-1m" in value.lower() for name, value in request.headers)


def hold(
    story: Story,
    request: InferenceRequest,
    target: Target,
    selection: Selection,
    priced: Quote | Unpriced,
    calendar: Calendar,
    now: int,
) -> Generator[Command, Any, Granted | Refusal]:
    """Holds the bound on every budget that counts the request, or as much as is left of it, or refuses.

    Where others only hold the money, the request waits once for it to come back. Where it is spent, the output cap is
    lowered to what is left, if that is still worth an answer.
    """
    claimed = selection.claims
    quote = None if isinstance(priced, Unpriced) else priced
    refusal = _unholdable(claimed, priced, target)
    if refusal is not None:
        return refusal
    wait_s = selection.wait_s
    asked = quote
    for tries_left in reversed(range(_MOST_TRIES)):
        amount = asked.amount if asked is not None else 0
        reservation = Reservation(
            f"{request.id}.{story.attempt}",
            request.id,
            story.attempt,
            holds(claimed, amount, now, calendar),
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
            return answer.exhausted(reply, reservation.holds[reply.index], claimed, amount, calendar, now)
        if reply.contended:
            wait_s = 0.0
        asked = smaller
    raise AssertionError("the last try refuses")


def _unholdable(claimed: tuple[Claim, ...], priced: Quote | Unpriced, target: Target) -> Refusal | None:
    """Why no hold can be sized, where a budget insists on one."""
    if isinstance(priced, Unpriced):
        for claim in claimed:
            if claim.budget.mode == "enforce" and claim.budget.on_unpriced == "block":
                return Refusal(
                    code="price_unknown",
                    rule=claim.budget.name,
                    message=f'{priced.why}, so budget "{claim.budget.name}" cannot hold its cost. '
                    "Leave them out, or set the budget's on_unpriced to count."
                    if priced.why
                    else f'"{target.name}" has no price, so budget "{claim.budget.name}" cannot hold its cost. '
                    "Add its price to the settings (prices:), or set the budget's on_unpriced to count.",
                )
    elif priced.unbounded is not None:
        for claim in claimed:
            if claim.budget.mode == "enforce" and claim.budget.guarantee == "hard":
                return Refusal(
                    code="request_unbounded",
                    rule=claim.budget.name,
                    message=f'The cost of {priced.unbounded} has no bound for "{target.name}", and budget '
                    f'"{claim.budget.name}" must hold it. Send the content inline, or use a model with a known context window.',
                )
    return None


def read(
    story: Story, granted: Granted, target: Target, head: Head, snapshot: Snapshot, now: int
) -> Generator[Command, Any, None]:
    """A whole answer: read it, settle it, and send it with its cost in a header."""
    ended: Ended = yield Read()
    charge: Charge | Unpriced | None = None
    if head.status >= 400:
        # An error is not billed; it passes through as it came.
        yield Release(granted.reservation.id, "rejected")
    else:
        charge = answer.final_charge(ended, granted.quote, target, snapshot, now)
        story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now))
        entry = story.entry(granted.reservation, charge, ended, now)
        yield Settle(entry)
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
    headers = answer.headers(story, head, charge if isinstance(charge, Charge) else None)
    story.sent((yield Send(head.status, headers, ended.raw)))
    yield Log(story.record(head.status, "" if head.status < 400 else "upstream_error"))


def relay(
    story: Story, granted: Granted, target: Target, head: Head, snapshot: Snapshot, now: int, *, strip_usage: bool
) -> Generator[Command, Any, None]:
    """A stream: pass it on as it comes, and settle what it cost, whoever ended it."""
    meter = codec_for(story.request.api).meter(strip_usage=strip_usage)
    ended: Ended = yield Relay(head.status, answer.headers(story, head, None), meter, LONGEST_ANSWER_S)
    charge = answer.final_charge(ended, granted.quote, target, snapshot, now)
    story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now))
    entry = story.entry(granted.reservation, charge, ended, now)
    yield Settle(entry)
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
    headers = refusal_headers(refusal, request.id, cf_spelling=request.cf_spelling)
    body = refusal_body(refusal, request.dialect, request.id)
    story.sent((yield Send(refusal.status, headers, body)))
    yield Log(story.record(refusal.status, refusal.code))
