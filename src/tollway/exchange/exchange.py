"""The story of a request: from credential to log line, without I/O.

Money first: nothing is forwarded without a reservation that stands, and every reservation made here is settled or
released on every path out. `tests/exchange/test_every_path.py` walks them all.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.budgets.window import Calendar
from tollway.exchange import answer, counting, deeds, told
from tollway.exchange.allowance import allowance_for
from tollway.exchange.holding import LONGEST_ANSWER_S, NOTHING_LEARNED, Granted, hold, price
from tollway.exchange.refusal import Refusal, of_downgraded
from tollway.exchange.refusal import body as refusal_body
from tollway.exchange.refusal import headers as refusal_headers
from tollway.exchange.selection import Selection, select, with_others
from tollway.exchange.steps import (
    Authenticate,
    Command,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Pause,
    Read,
    Relay,
    Release,
    Send,
    Settle,
    Steps,
)
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose, instead
from tollway.exchange.terms import PLAIN, completed, terms_of
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.pricing.calibration import Calibration
from tollway.pricing.charge import Charge, Unpriced
from tollway.providers.codec import Malformed
from tollway.providers.gathered import Gatherer, gatherer
from tollway.providers.gathered_request import Upstream
from tollway.providers.prompts import Counted
from tollway.providers.registry import codec_for
from tollway.providers.stream import StreamMeter
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot


class _Ready(msgspec.Struct, frozen=True):
    """An attempt that may be sent."""

    ask: Ask
    target: Target
    selection: Selection
    granted: Granted
    as_stream: Upstream | None
    """Where it goes to be answered as a stream, though its caller wants a whole answer."""


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
    ready = yield from prepare(story, request, ask, identity, target, snapshot, calendar, now, learned)
    if isinstance(ready, Refusal):
        if story.swap is not None:
            ready = of_downgraded(ready, asked=story.swap.asked, judged=story.swap.served, budget=story.swap.budget)
        return (yield from refuse(story, story.refused_at, ready))
    ask, target, granted, claimed = ready.ask, ready.target, ready.granted, ready.selection.claims
    delay_ms = deeds.delay_ms(ready.selection, granted)
    if delay_ms:
        yield Pause(delay_ms)

    out = answer.outgoing(request, ask, target, claimed, granted.quote, ready.as_stream)
    # The refusal of an answer under way is made where a raise is refused, by the rules of this exchange.
    streams = ask.stream or granted.allowance is not None
    stops = told.Stops(granted.reservation.holds, claimed, calendar, now) if claimed and streams else None
    head = yield Forward(
        granted.reservation, target.route, request, out.path, out.rewrite, out.query, granted.allowance, stops
    )
    if isinstance(head, NotSent):
        yield Release(granted.reservation.id, head.code)
        story.attempted(granted.reservation.attempt, "not_sent", code=head.code)
        return (yield from refuse(story, "forward", Refusal(code=head.code, message=head.message, retry_after_s=1)))
    if isinstance(head, NoAnswer):
        # It was sent, so perhaps billed: presume it spent.
        entry = story.entry(granted.reservation, answer.presumed(granted.quote, target, granted.allowance), None, now)
        yield Settle(entry)
        story.settled(entry.charge)
        story.attempted(granted.reservation.attempt, "no_answer", code=head.code)
        return (yield from refuse(story, "forward", Refusal(code=head.code, message=head.message, retry_after_s=1)))

    if head.streamed and head.status < 400:
        yield from relay(story, ready, head, snapshot, now, strip_usage=out.strip_usage)
    else:
        yield from read(story, granted, target, head, snapshot, now)


def prepare(
    story: Story,
    request: InferenceRequest,
    ask: Ask,
    identity: Identity,
    target: Target,
    snapshot: Snapshot,
    calendar: Calendar,
    now: int,
    learned: Calibration,
) -> Generator[Command, Any, _Ready | Refusal]:
    """Holds the money for the target, or for the cheaper one that a budget wants once so much of it is spent."""
    tried: set[str] = set()
    while True:
        story.target = target
        selection = select(request, identity, target, snapshot)
        if isinstance(selection, MetadataInvalid):
            story.refused_at = "read"
            return Refusal(code="metadata_invalid", message=selection.message)
        story.knows(selection.facts, selection.context)
        story.noted(selection.access.notes)
        denied = selection.denied
        if denied is None:
            judged = with_others(request, identity, target, ask, selection, snapshot)
            if isinstance(judged, Refusal):
                denied = judged
            else:
                selection = judged
        if denied is not None:
            story.refused_at = "policy"
            return denied
        terms = terms_of(request, ask, identity, at_ceiling=selection.at_ceiling)
        if isinstance(terms, Refusal):
            story.refused_at = "price"
            return terms
        if terms is not PLAIN:
            story.target = target = msgspec.structs.replace(target, terms=terms)
        priced = price(request, ask, target, snapshot, now)
        as_stream = None
        if snapshot.gateways[request.gateway].carry_as_stream:
            as_stream = answer.carried(request, ask, target)
        streams = ask.stream or as_stream is not None
        allowance = allowance_for(target, selection.claims, priced, learned) if streams else None
        granted = yield from hold(
            story, request, target, selection, priced, calendar, now, learned, allowance=allowance
        )
        swap = deeds.downgrade(selection, granted) if selection.acts else None
        if swap is not None and target.name not in tried and swap.to != target.name:
            tried.add(target.name)
            other = instead(request, ask, swap.to, snapshot, now)
            why_not = deeds.not_for_caller(request, identity, other, snapshot) if isinstance(other, Target) else None
            if isinstance(other, Target) and why_not is None:
                if isinstance(granted, Granted):
                    yield Release(granted.reservation.id, "downgraded")
                story.downgraded(swap.budget, target.name, other.name)
                ask, target = msgspec.structs.replace(ask, model=other.model), other
                continue
            story.not_downgraded(swap.budget, swap.to, why_not)
        if isinstance(granted, Refusal):
            story.refused_at = "reserve"
            return granted
        story.granted(
            granted.reservation,
            granted.held,
            selection.claims,
            granted.quote,
            clamped=granted.clamped,
            allowance=granted.allowance,
        )
        story.warnings = deeds.warnings(selection, granted) if selection.acts else ()
        # What is held as a whole may as well be answered as a whole.
        return _Ready(ask, target, selection, granted, as_stream if granted.allowance is not None else None)


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
        allowance = granted.allowance
        charge = answer.final_charge(ended, granted.quote, target, snapshot, now, allowance)
        story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now, allowance))
        entry = story.entry(granted.reservation, charge, ended, now)
        yield Settle(entry, answer.observed(story.request, target, granted.quote, charge, ended, allowance))
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
    story: Story,
    ready: _Ready,
    head: Head,
    snapshot: Snapshot,
    now: int,
    *,
    strip_usage: bool,
) -> Generator[Command, Any, None]:
    """A stream: pass it on as it comes, or put it together, and settle what it cost, whoever ended it."""
    granted, target = ready.granted, ready.target
    gather = gatherer(story.request.api) if ready.as_stream is not None else None
    meter = codec_for(story.request.api).meter(strip_usage=strip_usage)
    allowance = granted.allowance
    if isinstance(meter, StreamMeter) and counting.vocabulary_for(target) is not None:
        meter.keep_shown()
    ended: Ended = yield Relay(head.status, told.headers(story, head, None), meter, LONGEST_ANSWER_S, gather)
    charge = answer.told_charge(ended, granted.quote, target, snapshot, now, allowance)
    if charge is None:
        count = counting.of_shown(ended, story.request, target)
        counted: Counted | None = (yield count) if count is not None else None
        charge = answer.counted_charge(ended, granted.quote, target, snapshot, now, allowance, counted)
    story.noted(answer.notes(ended, charge, granted.quote, target, snapshot, now, allowance))
    entry = story.entry(granted.reservation, charge, ended, now)
    yield Settle(entry, answer.observed(story.request, target, granted.quote, charge, ended, allowance))
    story.settled(entry.charge if isinstance(charge, Charge) else None)
    story.ended(granted.reservation.attempt, head, ended)
    if ended.would_refuse:
        story.would_have_ended(ready.selection.claims, ended.would_refuse)
    if gather is not None and ended.reason != "client_gone":
        return (yield from gathered(story, head, ended, gather, charge))
    if ended.refusal is not None:
        story.refused("relay", ended.refusal)
        yield Log(story.record(head.status, ended.refusal.code))
        return
    status, code = {
        "complete": (head.status, ""),
        "client_gone": (499, "client_gone"),
        "broken_off": (head.status, "upstream_invalid"),
        "too_long": (head.status, "upstream_timeout"),
    }[ended.reason]
    yield Log(story.record(status, code))


def gathered(
    story: Story, head: Head, ended: Ended, gather: Gatherer, charge: Charge | Unpriced
) -> Generator[Command, Any, None]:
    """The whole answer that was put together from a stream; or why there is none."""
    body = gather.answer() if ended.reason == "complete" else None
    failed = gather.error
    if body is None and failed is None:
        said = gather.reason or "it broke off before its end"
        refusal = ended.refusal or Refusal(
            code="upstream_timeout" if ended.reason == "too_long" else "upstream_invalid",
            message=f"The provider's answer cannot be put together: {said}.",
        )
        return (yield from refuse(story, "relay", refusal))
    status, body = (200, body or b"") if failed is None else (failed.status, failed.body)
    kept = tuple(header for header in head.headers if header[0] not in _OF_THE_STREAM)
    whole = msgspec.structs.replace(head, headers=((b"content-type", b"application/json"), *kept))
    headers = told.headers(story, whole, charge if isinstance(charge, Charge) else None)
    story.sent((yield Send(status, headers, body)))
    yield Log(story.record(status, "" if failed is None else "upstream_error"))


_OF_THE_STREAM = frozenset(
    {b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"cache-control"}
)


def refuse(story: Story, step: str, refusal: Refusal) -> Generator[Command, Any, None]:
    """Answers the caller with a refusal in its own dialect, and remembers why."""
    story.refused(step, refusal)
    request = story.request
    headers = refusal_headers(refusal, request.id, cf_spelling=request.cf_spelling, dialect=request.dialect)
    body = refusal_body(refusal, request.dialect, request.id)
    story.sent((yield Send(refusal.status, headers, body)))
    yield Log(story.record(refusal.status, refusal.code))
