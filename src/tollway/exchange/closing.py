"""How a request ends for its caller: with a provider's answer, with its error, or with a refusal."""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.cache.entry import Kept
from tollway.exchange import told
from tollway.exchange.keeping import MOST_REPEATED, finished, kept_of
from tollway.exchange.refusal import Refusal
from tollway.exchange.refusal import body as refusal_body
from tollway.exchange.refusal import headers as refusal_headers
from tollway.exchange.steps import Command, Ended, Head, Log, Send
from tollway.exchange.story import Story
from tollway.logs.record import Decision
from tollway.money import ZERO
from tollway.pricing.charge import Charge, Unpriced
from tollway.rates.headers import rate_headers


class Answered(msgspec.Struct, frozen=True):
    """A provider's whole answer, settled, and not yet sent."""

    head: Head
    ended: Ended
    charge: Charge | Unpriced | None
    body: bytes


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """Why the caller has no answer yet."""

    refusal: Refusal
    step: str
    """Where it came to nothing."""
    error: Answered | None = None
    """The provider's own error, which says more than the refusal."""
    again: bool = False
    """The same may fare better in a moment."""
    wait_ms: int | None = None
    """How long the provider asks to be left alone."""
    target: str = ""
    """What was tried, as its route calls it."""
    over: bool = False
    """Nothing else is to be tried: the caller has left, or had a part of the answer."""
    gone: bool = False
    """The caller has left."""


def sent(story: Story, whole: Answered) -> Generator[Command, Any, None]:
    """Sends a provider's whole answer, or its error, as it came."""
    head, charge = whole.head, whole.charge
    headers = told.headers(story, head, charge if type(charge) is Charge else None)
    if story.repeat is not None:
        kept = None
        if head.status < 400 and len(whole.body) <= MOST_REPEATED and story.target is not None:
            kept = kept_of(story, story.target, head.status, head.headers, whole.body, charge, whole.ended.at, None)
        yield from repeatable(story, kept)
    story.sent((yield Send(head.status, headers, whole.body)))
    yield Log(story.record(head.status, "" if head.status < 400 else "upstream_error"))


def repeatable(story: Story, kept: Kept | None) -> Generator[Command, Any, None]:
    """Ends the first request of an idempotency key: `kept` is what repeats are answered."""
    repeat, story.repeat = story.repeat, None
    if repeat is not None:
        yield finished(repeat, kept, billed=story.billed)


def replayed(story: Story, kept: Kept, now_ns: int, *, repeat: bool) -> Generator[Command, Any, None]:
    """Sends an answer that was kept. It costs nothing. `repeat`: by an idempotency key, and not from the cache."""
    if repeat:
        story.noted((Decision(step="read", outcome="note", code="replayed", detail=f"as {kept.request_id}"),))
    else:
        story.cache_status = "HIT"
        story.from_cache(kept)
    head = Head(kept.status, kept.headers, kept.streamed, now_ns)
    headers = told.headers(story, head, FREE, replayed=kept if repeat else None)
    yield from repeatable(story, kept)
    story.sent((yield Send(kept.status, headers, kept.body)))
    yield Log(story.record(kept.status, ""))


FREE = Charge(ZERO)


def refuse(story: Story, step: str, refusal: Refusal) -> Generator[Command, Any, None]:
    """Answers the caller with a refusal in its own dialect, and remembers why."""
    story.refused(step, refusal)
    request = story.request
    yield from repeatable(story, None)
    headers = refusal_headers(refusal, request.id, cf_spelling=request.cf_spelling, dialect=request.dialect)
    if story.standings:
        headers = (*headers, *rate_headers(story.standings, request.received_at))
    body = refusal_body(refusal, request.dialect, request.id)
    story.sent((yield Send(refusal.status, headers, body)))
    yield Log(story.record(refusal.status, refusal.code))


def given_up(story: Story, passed: Passed) -> Generator[Command, Any, None]:
    """Tells the caller that nothing has answered: in the provider's own words where it had any."""
    if passed.error is not None:
        return (yield from sent(story, passed.error))
    if passed.gone:
        # There is nobody to be told.
        yield from repeatable(story, None)
        yield Log(story.record(499, "client_gone"))
        return
    yield from refuse(story, passed.step, passed.refusal)
