"""One target, tried: the money is held, the request sent, the answer settled and passed on.

Nothing is forwarded without a reservation that stands, and every reservation made here is settled or released on every
path out. A try that did not answer the caller is `Passed`, and whoever planned it may try another.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.cache.entry import Kept
from tollway.cache.rules import OFF
from tollway.exchange import answer, deeds, keeping, told
from tollway.exchange.allowance import allowance_for
from tollway.exchange.case import Candidate, Case, Ready, Trying
from tollway.exchange.closing import Answered, Passed, replayed, sent
from tollway.exchange.holding import Granted, hold, price
from tollway.exchange.keeping import Place
from tollway.exchange.other_api import back
from tollway.exchange.rated import admitted
from tollway.exchange.recheck import Recheck
from tollway.exchange.refusal import Refusal, of_downgraded
from tollway.exchange.relaying import in_json, keep, relayed
from tollway.exchange.retry import MOST_CALLS, attempts_of, chance_of, retry_after_ms, wait_ms, worth_retrying
from tollway.exchange.selection import select, with_others
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
    Release,
    Settle,
    Unavailable,
)
from tollway.exchange.story import Story
from tollway.exchange.target import Target, instead
from tollway.exchange.terms import PLAIN, terms_of
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.ledger.reservation import Exhausted, Gone, Held
from tollway.logs.record import Decision
from tollway.pricing.charge import Charge, Unpriced
from tollway.request import NO_HANDLING
from tollway.translate.codec import Told


def tried(case: Case, candidate: Candidate) -> Trying:
    """The target, as often as it is to be tried."""
    if candidate.retry.max_attempts <= 1:
        return _attempt(case, candidate, last=candidate.last)
    return _retried(case, candidate)


def _retried(case: Case, candidate: Candidate) -> Trying:
    most, tries = attempts_of(candidate.retry), 1
    passed = yield from _attempt(case, candidate, last=False)
    while passed is not None and passed.again and not passed.over and not enough(case.story):
        chance = chance_of(case.story.request.id, f"retry {case.story.attempt}")
        wait = wait_ms(candidate.retry, tries, chance, passed.wait_ms)
        if wait is None:
            break
        yield Pause(wait)
        tries += 1
        case.story.again()
        case.story.late_ms += wait
        passed = yield from _attempt(case, candidate, last=candidate.last and tries >= most)
    return passed


def enough(story: Story) -> bool:
    """Whether an array of calls has reached providers so often that no more of them are made."""
    return story.stepwise and story.calls >= MOST_CALLS


def _attempt(case: Case, candidate: Candidate, *, last: bool) -> Trying:
    story, now = case.story, case.at
    ready = yield from prepare(case, candidate)
    if type(ready) is Kept:
        yield from replayed(story, ready, story.request.started_ns, repeat=False)
        return None
    if type(ready) is Refusal:
        if story.swap is not None:
            ready = of_downgraded(ready, asked=story.swap.asked, judged=story.swap.served, budget=story.swap.budget)
        return Passed(refusal=ready, step=story.refused_at)
    candidate, granted, claimed = ready.candidate, ready.granted, ready.selection.claims
    request, ask, target = candidate.request, candidate.ask, candidate.target
    story.lost = candidate.lost
    delay_ms = deeds.delay_ms(ready.selection, granted) if ready.selection.acts else 0
    if delay_ms:
        yield Pause(delay_ms)
        changed = yield from _asked_again(case, ready)
        if changed is not None:
            return changed

    out = answer.outgoing(request, ask, target, claimed, granted.quote, ready.as_stream)
    # The refusal of an answer under way is made where a raise is refused, by the rules of this exchange.
    streams = ask.stream or granted.allowance is not None
    stops = told.Stops(granted.reservation.holds, claimed, case.calendar, now) if claimed and streams else None
    head = yield Forward(
        granted.reservation,
        target.route,
        request,
        out.path,
        out.rewrite,
        out.query,
        granted.allowance,
        stops,
        None if last else candidate.timeout_ms,
    )
    story.ran(head.at_ns)
    if type(head) is NotSent:
        yield Release(granted.reservation.id, head.code)
        code = "client_gone" if head.gone else head.code
        story.attempted(granted.reservation.attempt, "not_sent", code=code, ended_ns=head.at_ns)
        refusal = Refusal(code=head.code, message=head.message, retry_after_s=1)
        over = head.gone or head.code in _ENDING
        return Passed(refusal=refusal, step="forward", again=not over, over=over, gone=head.gone)
    story.calls += 1
    if type(head) is NoAnswer:
        # It was sent, so perhaps billed: presume it spent.
        presumed = answer.presumed(granted.quote, target, granted.allowance)
        entry = story.entry(granted.reservation, presumed, None, now)
        yield Settle(entry)
        booked = presumed if isinstance(presumed, Charge) else None
        story.settled(booked)
        story.attempted(
            granted.reservation.attempt,
            "no_answer",
            code="client_gone" if head.gone else head.code,
            charge=booked,
            sent_ns=head.sent_ns,
            ended_ns=head.at_ns,
        )
        refusal = Refusal(code=head.code, message=head.message, retry_after_s=1)
        over = head.gone or head.refused or head.code in _ENDING
        return Passed(refusal=refusal, step="forward", again=not over, over=over, gone=head.gone)

    # What has no body is no stream, and nothing of it can be put into other words.
    if head.streamed and head.status < 400 and not (head.status == 204 and candidate.translation is not None):
        return (yield from relayed(case, ready, head, strip_usage=out.strip_usage and candidate.translation is None))
    return (yield from _read(case, ready, head))


def _asked_again(case: Case, ready: Ready) -> Trying:
    """Why a request that had to wait is not to be sent after all: meanwhile its credential ended, or its budget changed."""
    granted, claims = ready.granted, ready.selection.claims
    step, over = "authenticate", True
    refusal: Refusal | None = None
    identity: Identity | Refusal = yield Authenticate(case.story.request)
    if isinstance(identity, Refusal):
        refusal = identity
    elif claims:
        step, over = "reserve", False
        reply: Held | Exhausted | Gone | Unavailable = yield Recheck(granted.reservation.id)
        if isinstance(reply, Exhausted):
            hold = granted.reservation.holds[reply.index]
            refusal = told.exhausted(reply, hold, claims, hold.amount, case.calendar, case.at)
        elif not isinstance(reply, Held):
            refusal = Refusal(
                code="budget_store_unavailable",
                message="The budget ledger does not answer now, so nothing was sent. Try again shortly.",
                retry_after_s=1,
            )
    if refusal is None:
        return None
    yield Release(granted.reservation.id, refusal.code)
    return Passed(refusal=refusal, step=step, over=over)


_ENDING = frozenset({"shutting_down"})
"""What no other try is any better after."""


def prepare(case: Case, candidate: Candidate) -> Generator[Command, Any, Ready | Kept | Refusal]:
    """Holds the money for the target, or for the cheaper one that a budget wants once so much of it is spent; or finds that the
    answer was kept."""
    story, identity, snapshot, now = case.story, case.identity, case.snapshot, case.at
    request, ask, target = candidate.request, candidate.ask, candidate.target
    swapped: set[str] = set()
    limits = snapshot.rates_of.get(request.gateway)
    asked = candidate.asked if candidate.asked is not None else request
    gateway = snapshot.gateways[request.gateway]
    use = OFF if gateway.cache is None and asked.handling is NO_HANDLING else keeping.use(asked, snapshot)
    if type(use) is Refusal:
        story.refused_at = "read"
        return use
    while True:
        story.target = target
        selection = select(request, identity, target, snapshot)
        if type(selection) is MetadataInvalid:
            story.refused_at = "read"
            return Refusal(code="metadata_invalid", message=selection.message)
        if candidate.exempt:
            selection = selection.without(candidate.exempt)
        story.knows(selection.facts, selection.context)
        if selection.access.notes:
            story.noted(selection.access.notes)
        if limits is not None:
            waits = yield from admitted(story, limits, selection, ask, len(request.body))
            if waits is not None:
                story.refused_at = "rate"
                return waits
        denied = selection.access.denied
        if denied is None:
            judged = with_others(request, identity, target, ask, selection, snapshot)
            if type(judged) is Refusal:
                denied = judged
            else:
                selection = judged
        if denied is not None:
            story.refused_at = "policy"
            return denied
        place: Place | None = None
        if use is not OFF and not use.off:
            found = yield from keeping.looked_up(asked, identity, target, snapshot, use, streams=ask.stream)
            if type(found) is Kept:
                return found
            place, story.cache_status = found, keeping.status_of(use, found)
        terms = terms_of(request, ask, identity, at_ceiling=selection.at_ceiling)
        if type(terms) is Refusal:
            story.refused_at = "price"
            return terms
        if terms is not PLAIN:
            story.target = target = msgspec.structs.replace(target, terms=terms)
        priced = price(request, ask, target, snapshot, now)
        as_stream = None
        if gateway.carry_as_stream:
            as_stream = answer.carried(request, ask, target)
        streams = ask.stream or as_stream is not None
        allowance = allowance_for(target, selection.claims, priced, case.learned) if streams else None
        granted = yield from hold(
            story, request, target, selection, priced, case.calendar, now, case.learned, allowance=allowance
        )
        swap = deeds.downgrade(selection, granted) if selection.acts else None
        if swap is not None and target.name not in swapped and swap.to != target.name:
            swapped.add(target.name)
            other = instead(request, ask, swap.to, snapshot, now)
            why_not = deeds.not_for_caller(request, identity, other, snapshot) if isinstance(other, Target) else None
            if isinstance(other, Target) and why_not is None:
                if isinstance(granted, Granted):
                    yield Release(granted.reservation.id, "downgraded")
                story.downgraded(swap.budget, target.name, other.name)
                ask, target = msgspec.structs.replace(ask, model=other.model), other
                continue
            story.not_downgraded(swap.budget, swap.to, why_not)
        if type(granted) is Refusal:
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
        if ask is not candidate.ask or target is not candidate.target:
            candidate = msgspec.structs.replace(candidate, ask=ask, target=target)
        # What is held as a whole may as well be answered as a whole.
        return Ready(candidate, selection, granted, as_stream if granted.allowance is not None else None, place)


def _read(case: Case, ready: Ready, head: Head) -> Trying:
    """A whole answer: read it, settle it, and send it with its cost in a header."""
    story, granted, now = case.story, ready.granted, case.at
    candidate = ready.candidate
    target, translation = candidate.target, candidate.translation
    ended: Ended = yield Read(plain=translation is not None)
    story.ran(ended.at_ns)
    charge: Charge | Unpriced | None = None
    booked: Charge | None = None
    usage = ended.report.usage
    shown: Told | Unavailable | None = None
    if translation is not None and ended.reason == "complete":
        shown = yield from back(translation, head.status, ended.raw)
    failed = shown.failed if type(shown) is Told and head.status < 400 else None
    if failed is not None:
        head = msgspec.structs.replace(head, status=failed.status or 502)
    elif ended.failed is not None and translation is None:
        # Whatever it calls itself, it is an error: another target may answer.
        head = msgspec.structs.replace(in_json(head), status=ended.failed)
    # Of what cannot be read nobody knows what it is; so it may be an answer, and billed.
    rejected = head.status >= 400 and (failed is None or not failed.unreadable)
    if rejected and not (usage is not None and (usage.output_tokens or usage.input_tokens)):
        # An error is not billed, unless it says what it has made; it passes through as it came.
        yield Release(granted.reservation.id, "rejected")
    else:
        allowance = granted.allowance
        charge = answer.final_charge(ended, granted.quote, target, case.snapshot, now, allowance)
        odd = answer.notes(ended, charge, granted.quote, target, case.snapshot, now, allowance)
        if odd:
            story.noted(odd)
        entry = story.entry(granted.reservation, charge, ended, now)
        yield Settle(entry, answer.observed(candidate.request, target, granted.quote, charge, ended, allowance))
        booked = charge if type(charge) is Charge else None
        story.settled(booked, entry.usage)
        if booked is None and head.status >= 400:
            # An error that was billed is not to be taken for one that was not.
            story.noted((Decision(step="settle", outcome="note", code="price_unknown"),))
    story.ended(granted.reservation.attempt, head, ended, booked)
    if ended.reason == "client_gone":
        yield Log(story.record(499, "client_gone"))
        return None
    if ended.reason != "complete":
        refusal = Refusal(
            code="upstream_invalid" if ended.reason == "broken_off" else "upstream_timeout",
            message=f'The answer of provider "{target.provider.slug}" broke off before its end.',
        )
        return Passed(refusal=refusal, step="forward", again=True)
    if type(shown) is Unavailable:
        said = f'The answer of provider "{target.provider.slug}" cannot be translated now. {shown.message}'
        return Passed(refusal=Refusal(code="overloaded", message=said, retry_after_s=1), step="forward")
    body = ended.raw
    if shown is not None:
        body, head = shown.body, in_json(head)
    whole = Answered(head, ended, charge, body)
    if head.status < 400:
        if ready.place is not None:
            yield from keep(case, ready, head, body, charge, ended)
        yield from sent(story, whole)
        return None
    return Passed(
        refusal=Refusal(code="upstream_invalid", message=f"{target.provider.slug} answered {head.status}."),
        step="forward",
        error=whole,
        again=worth_retrying(head.status),
        wait_ms=retry_after_ms(head.headers),
    )
