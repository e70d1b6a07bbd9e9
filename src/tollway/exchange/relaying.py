"""An answer that comes as a stream: passed on or put together, settled, and kept where it is to be given again."""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.cache.entry import Tape
from tollway.cache.rules import Outcome
from tollway.exchange import answer, counting, keeping, told
from tollway.exchange.case import Case, Ready, Trying
from tollway.exchange.closing import Answered, Passed, refuse, repeatable, sent
from tollway.exchange.holding import LONGEST_ANSWER_S
from tollway.exchange.other_api import back
from tollway.exchange.refusal import Refusal
from tollway.exchange.retry import worth_retrying
from tollway.exchange.steps import (
    Command,
    Ended,
    Head,
    Log,
    Relay,
    Release,
    Settle,
    Unavailable,
)
from tollway.exchange.story import Story
from tollway.pricing.charge import Charge, Unpriced
from tollway.providers.gathered import Gatherer, gatherer
from tollway.providers.prompts import Counted
from tollway.providers.registry import codec_for
from tollway.providers.stream import StreamMeter


def relayed(case: Case, ready: Ready, head: Head, *, strip_usage: bool) -> Trying:
    """A stream: pass it on as it comes, or put it together, and settle what it cost, whoever ended it."""
    story, granted, now = case.story, ready.granted, case.at
    candidate = ready.candidate
    request, target, translation = candidate.request, candidate.target, candidate.translation
    gather = gatherer(request.api) if ready.as_stream is not None else None
    meter = codec_for(request.api).meter(strip_usage=strip_usage)
    allowance = granted.allowance
    if isinstance(meter, StreamMeter) and counting.vocabulary_for(target) is not None:
        meter.keep_shown()
    shown = told.headers(story, head, None)
    putting = None
    if translation is not None and gather is None:
        putting = translation.stream()
        shown = (*(header for header in shown if header[0] != b"content-type"), _EVENTS)
    tape = _tape(story, ready) if gather is None else None
    ended: Ended = yield Relay(head.status, shown, meter, LONGEST_ANSWER_S, gather, putting, tape)
    if ended.failed is not None:
        # An error in place of an answer is not billed, by whatever road it comes.
        yield Release(granted.reservation.id, "rejected")
        rejected = msgspec.structs.replace(ended, reason="complete")
        story.ended(granted.reservation.attempt, msgspec.structs.replace(head, status=ended.failed), rejected)
        if gather is not None:
            return (yield from _gathered(case, ready, head, ended, gather, None))
        yield Log(story.record(head.status, "upstream_error"))
        return None
    charge = answer.told_charge(ended, granted.quote, target, case.snapshot, now, allowance)
    if charge is None:
        count = counting.of_shown(ended, request, target)
        counted: Counted | None = (yield count) if count is not None else None
        charge = answer.counted_charge(ended, granted.quote, target, case.snapshot, now, allowance, counted)
    story.noted(answer.notes(ended, charge, granted.quote, target, case.snapshot, now, allowance))
    entry = story.entry(granted.reservation, charge, ended, now)
    yield Settle(entry, answer.observed(request, target, granted.quote, charge, ended, allowance))
    booked = charge if isinstance(charge, Charge) else None
    story.settled(booked, entry.usage)
    story.ended(granted.reservation.attempt, head, ended, booked)
    if ended.would_refuse:
        story.would_have_ended(ready.selection.claims, ended.would_refuse)
    if gather is not None and ended.reason != "client_gone":
        return (yield from _gathered(case, ready, head, ended, gather, charge))
    if tape is not None and tape.whole and ended.reason == "complete" and ended.finished:
        shown_head = msgspec.structs.replace(head, headers=shown)
        if ready.place is not None:
            yield from keep(case, ready, shown_head, tape, charge, ended)
        if story.repeat is not None:
            kept = keeping.kept_of(story, target, head.status, shown, tape, charge, ended.at, None)
            yield from repeatable(story, kept)
    if ended.refusal is not None:
        story.refused("relay", ended.refusal)
        yield Log(story.record(head.status, ended.refusal.code))
        return None
    status, code = {
        "complete": (head.status, ""),
        "client_gone": (499, "client_gone"),
        "broken_off": (head.status, "upstream_invalid"),
        "too_long": (head.status, "upstream_timeout"),
    }[ended.reason]
    yield Log(story.record(status, code))
    return None


def _gathered(
    case: Case, ready: Ready, head: Head, ended: Ended, gather: Gatherer, charge: Charge | Unpriced | None
) -> Trying:
    """The whole answer that was put together from a stream; or why there is none."""
    story, translation = case.story, ready.candidate.translation
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
    if translation is not None:
        shown = yield from back(translation, status, body)
        if isinstance(shown, Unavailable):
            said = f"The provider's answer cannot be translated now. {shown.message}"
            return (yield from refuse(story, "relay", Refusal(code="overloaded", message=said, retry_after_s=1)))
        body = shown.body
        status = shown.failed.status or 502 if shown.failed is not None else status
    whole = Answered(msgspec.structs.replace(in_json(head), status=status), ended, charge, body)
    if charge is None:
        # Nobody has been told anything yet, and nothing was made.
        refusal = Refusal(code="upstream_invalid", message=f"{ready.candidate.target.provider.slug} answered {status}.")
        return Passed(refusal=refusal, step="forward", error=whole, again=worth_retrying(status))
    if failed is None and ready.place is not None:
        yield from keep(case, ready, whole.head, body, charge, ended)
    yield from sent(story, whole)
    return None


def _tape(story: Story, ready: Ready) -> Tape | None:
    """Takes the answer down where it is to be given again."""
    most = ready.place.use.max_entry_bytes if ready.place is not None and ready.place.use.keep_s else 0
    if story.repeat is not None:
        most = max(most, keeping.MOST_REPEATED)
    return Tape(most) if most else None


def keep(
    case: Case, ready: Ready, head: Head, answer_: bytes | Tape, charge: Charge | Unpriced | None, ended: Ended
) -> Generator[Command, Any, None]:
    place, story = ready.place, case.story
    assert place is not None, "only what has a place is kept"
    if isinstance(charge, Charge) and charge.basis != "metered":
        # An answer that does not tell what it used may be none, whatever its status says.
        return
    kept = keeping.kept_of(
        story, ready.candidate.target, head.status, head.headers, answer_, charge, ended.at, place.use
    )
    # What a budget made shorter, or another model answered, is no answer to the same request of somebody else.
    clamped = story.clamped_to is not None or story.swap is not None
    yield from keeping.keep(story, place, kept, Outcome(head.status, complete=True, clamped=clamped))


_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
_OF_THE_STREAM = frozenset(
    {b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"cache-control"}
)


def in_json(head: Head) -> Head:
    """The head of an answer whose body was made anew."""
    kept = tuple(header for header in head.headers if header[0] not in _OF_THE_STREAM)
    return msgspec.structs.replace(head, headers=((b"content-type", b"application/json"), *kept))
