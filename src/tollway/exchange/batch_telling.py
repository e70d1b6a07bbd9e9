"""What every telling about batches and files has in common: where it goes, whose a job is, and how it is answered."""

from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import msgspec

from tollway.budgets.window import Calendar
from tollway.exchange import told
from tollway.exchange.closing import refuse
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection, select, with_others
from tollway.exchange.steps import Command, Ended, Head, Log, NoAnswer, NotSent, Recall, Send, Unavailable
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.exchange.terms import PLAIN, terms_of
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.ledger.job import Job, job_id
from tollway.providers import anthropic_batches, openai_batches
from tollway.providers.batches import State
from tollway.providers.weight import is_heavy
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot

UNKNOWN = Refusal(
    code="job_unknown",
    message="There is no such batch or file, or it was not made through this gateway by you. Use an id that this gateway's "
    "answer to your own request gave.",
)
"""The same for what is not there and for what is another's: nobody learns which ids exist."""
_UNAVAILABLE = Refusal(
    code="budget_store_unavailable",
    message="The store of batches and files cannot be read now, so nothing was sent. Try again shortly.",
    retry_after_s=1,
)

Told = Generator[Command, Any, None]


class Telling(NamedTuple):
    """What every step of one telling needs."""

    story: Story
    request: InferenceRequest
    identity: Identity
    snapshot: Snapshot
    calendar: Calendar
    now: int


class Aimed(NamedTuple):
    """Where a call goes, and which budgets count it."""

    target: Target
    selection: Selection


class Stopped(NamedTuple):
    """A call that goes no further, and at which step."""

    step: str
    refusal: Refusal


def stop(telling: Telling, stopped: Stopped) -> Told:
    """Tells the caller so."""
    yield from refuse(telling.story, stopped.step, stopped.refusal)


def invalid(message: str) -> Stopped:
    """A body that is not what this API takes."""
    return Stopped("read", Refusal(code="body_invalid", message=message))


def aim(telling: Telling, model: str, asks: Iterable[Ask] = ()) -> Aimed | Stopped:
    """Where a call about jobs of `model` goes. `asks`: of the requests that are in it."""
    story, request, identity, snapshot, _, now = telling
    ask = Ask(model=model or None)
    story.asked = ask.model
    target = choose(request, ask, snapshot, now)
    if isinstance(target, Refusal):
        return Stopped("route", target)
    story.target = target
    if target.rename:
        message = f'Nothing is changed in a batch, so its model must be named as the provider does: "{target.model}", not "{model}".'
        return Stopped("route", Refusal(code="model_unknown", message=message))
    selection = select(request, identity, target, snapshot)
    if isinstance(selection, MetadataInvalid):
        return Stopped("read", Refusal(code="metadata_invalid", message=selection.message))
    story.knows(selection.facts, selection.context)
    story.noted(selection.access.notes)
    if selection.denied is not None:
        return Stopped("policy", selection.denied)
    for names, substitutes in dict.fromkeys((one.also_models, one.substitutes) for one in asks):
        others = msgspec.structs.replace(ask, also_models=names, substitutes=substitutes)
        judged = with_others(request, identity, target, others, selection, snapshot)
        if isinstance(judged, Refusal):
            return Stopped("policy", judged)
        selection = judged
    terms = terms_of(request, ask, identity, at_ceiling=selection.at_ceiling)
    if isinstance(terms, Refusal):
        return Stopped("price", terms)
    if terms is not PLAIN:
        story.target = target = msgspec.structs.replace(target, terms=terms)
    return Aimed(target, selection)


def recall(telling: Telling, upstream_id: str) -> Generator[Command, Any, Job | Stopped]:
    """The caller's own job of that id at the request's provider."""
    request, identity = telling.request, telling.identity
    provider = telling.snapshot.provider(request.provider or "")
    if provider is None:
        return Stopped("read", UNKNOWN)
    job: Job | Unavailable | None = yield Recall(job_id(provider.slug, upstream_id))
    if isinstance(job, Unavailable):
        return Stopped("read", _UNAVAILABLE)
    if job is None or not job.belongs_to(
        gateway=request.gateway, key=identity.key, user=identity.user, service=identity.service
    ):
        return Stopped("read", UNKNOWN)
    return job


def unanswered(telling: Telling, head: NotSent | NoAnswer, attempt: int) -> Told:
    """Tells the caller that the provider did not answer."""
    outcome = "not_sent" if isinstance(head, NotSent) else "no_answer"
    telling.story.attempted(attempt, outcome, code=head.code)
    refusal = Refusal(code=head.code, message=head.message, retry_after_s=1)
    yield from refuse(telling.story, "forward", refusal)


def read_state(request: InferenceRequest, body: bytes) -> State | None:
    """What an answer says of a batch; `None` also where it is far larger than any batch, and would take long to read."""
    if is_heavy(body):
        return None
    return anthropic_batches.read_state(body) if request.dialect == "anthropic" else openai_batches.read_state(body)


def answered(telling: Telling, head: Head, ended: Ended) -> Told:
    """Sends a whole answer on, and logs it."""
    story, request = telling.story, telling.request
    if ended.reason == "client_gone":
        yield Log(story.record(499, "client_gone"))
        return
    if ended.reason != "complete":
        name = story.target.provider.slug if story.target is not None else ""
        refusal = Refusal(code="upstream_invalid", message=f'The answer of provider "{name}" broke off before its end.')
        return (yield from refuse(story, "forward", refusal))
    body = ended.raw
    if request.api == "anthropic.batches" and head.status < 400 and not is_heavy(body):
        body = anthropic_batches.with_own_results(body)
    story.sent((yield Send(head.status, told.headers(story, head, None), body)))
    yield Log(story.record(head.status, "" if head.status < 400 else "upstream_error"))
