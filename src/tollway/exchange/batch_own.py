"""Looking at one's own batches and files, cancelling and deleting them; and settling a batch once its results are seen."""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.exchange import answer, told
from tollway.exchange.batch_money import ResultsMeter, Tally, of_nothing, of_tally
from tollway.exchange.batch_telling import (
    UNKNOWN,
    Stopped,
    Telling,
    Told,
    aim,
    answered,
    read_state,
    recall,
    stop,
    unanswered,
)
from tollway.exchange.closing import refuse
from tollway.exchange.holding import LONGEST_ANSWER_S, NOTHING_LEARNED, hold
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Command,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Recall,
    Relay,
    Release,
    Remember,
    Settle,
)
from tollway.ledger.job import Job, job_id
from tollway.logs.record import Decision
from tollway.money import display
from tollway.providers.batches import JobCall, State
from tollway.providers.registry import codec_for

OPEN = Refusal(
    code="job_open",
    message="The results of this batch have not been read yet, so what it cost is not known; deleted, they never would be. Fetch "
    "them first, or try again in some minutes: the gateway reads them itself.",
    retry_after_s=300,
)


def own(telling: Telling, call: JobCall) -> Told:
    """One call about a job that is there. It costs nothing itself, so a spent budget does not stand in its way."""
    story, request = telling.story, telling.request
    job = yield from recall(telling, call.id)
    if isinstance(job, Stopped):
        return (yield from stop(telling, job))
    if (job.kind == "file") != (request.api == "openai.files"):
        return (yield from stop(telling, Stopped("read", UNKNOWN)))
    batch: Job | None = job if job.kind == "batch" else None
    if job.batch:
        made_by = yield Recall(job.batch)
        batch = made_by if isinstance(made_by, Job) else None
    if call.action == "delete" and batch is not None and not batch.settled:
        return (yield from stop(telling, Stopped("read", OPEN)))
    aimed = aim(telling, job.context.model)
    if isinstance(aimed, Stopped):
        return (yield from stop(telling, aimed))
    target, selection = aimed
    granted = yield from hold(
        story, request, target, selection, answer.READ, telling.calendar, telling.now, NOTHING_LEARNED
    )
    if isinstance(granted, Refusal):
        return (yield from refuse(story, "reserve", granted))
    story.granted(granted.reservation, granted.held, selection.claims, granted.quote, clamped=False)
    head = yield Forward(granted.reservation, target.route, request, request.upstream_path)
    yield Release(granted.reservation.id, "free")
    if isinstance(head, NotSent | NoAnswer):
        return (yield from unanswered(telling, head, granted.reservation.attempt))
    if call.action == "results" and head.status < 400:
        yield from _results(telling, head, granted.reservation.attempt, job, batch)
        return
    ended: Ended = yield Read()
    if (
        batch is job
        and batch is not None
        and call.action != "delete"
        and head.status < 400
        and ended.reason == "complete"
    ):
        state = read_state(request, ended.raw)
        if state is not None and state.id == job.upstream_id:
            yield from learned(batch, state, ended.at)
    story.ended(granted.reservation.attempt, head, ended)
    yield from answered(telling, head, ended)


def _results(telling: Telling, head: Head, attempt: int, job: Job, batch: Job | None) -> Told:
    """Results passed on as they come, each line read on the way; the batch is settled when all of them were."""
    story = telling.story
    tells = batch is not None and head.status == 200 and (batch is job or batch.results == job.upstream_id)
    tally = Tally(batch, telling.snapshot.book) if batch is not None and tells else None
    following = ResultsMeter(tally) if tally is not None else codec_for(telling.request.api).meter(strip_usage=False)
    if head.streamed:
        ended: Ended = yield Relay(head.status, told.headers(story, head, None), following, LONGEST_ANSWER_S)
    else:
        ended = yield Read()
        following.feed(ended.raw)
        following.finish()
    if batch is not None and tally is not None and ended.reason == "complete" and tally.is_whole:
        noted = yield from settled(batch, tally, ended.at)
        story.noted(noted)
    story.ended(attempt, head, ended)
    if not head.streamed:
        return (yield from answered(telling, head, ended))
    status, code = {
        "complete": (head.status, ""),
        "client_gone": (499, "client_gone"),
        "broken_off": (head.status, "upstream_invalid"),
        "too_long": (head.status, "upstream_timeout"),
    }[ended.reason]
    yield Log(story.record(status, code))


def learned(batch: Job, state: State, now: int) -> Generator[Command, Any, Job]:
    """What the provider says of a batch, remembered where it is news: its end, and the files it made.

    A batch that ended without an answer is settled at nothing. Returns the batch as it is known now.
    """
    news = msgspec.structs.replace(
        batch,
        answers=batch.answers if state.answers is None else state.answers,
        results=state.results or batch.results,
        files=state.files or batch.files,
    )
    for file in news.files:
        if file not in batch.files:
            # Before the batch itself: what dies in between learns it again.
            yield Remember(_made(batch, file))
    if state.ended and state.answers == 0 and not state.results and not batch.settled:
        yield Settle(of_nothing(batch, now))
        news = msgspec.structs.replace(news, settled=True)
    if news != batch:
        yield Remember(news)
    return news


def settled(batch: Job, tally: Tally, now: int) -> Generator[Command, Any, tuple[Decision, ...]]:
    """Settles a batch by results that are whole, and says what there is to note of it. Done again, it changes nothing."""
    if batch.settled:
        return ()
    entry = of_tally(batch, tally, now)
    yield Settle(entry)
    yield Remember(msgspec.structs.replace(batch, settled=True))
    detail = f"batch {batch.id} cost {display(entry.charge.amount)}, held {display(batch.bound or 0)}"
    notes = [Decision(step="settle", outcome="note", code="batch_settled", detail=detail)]
    if batch.bound is not None and not batch.unbounded and entry.charge.amount > batch.bound:
        notes.append(Decision(step="settle", outcome="note", code="hold_exceeded", detail=detail))
    return tuple(notes)


def _made(batch: Job, file: str) -> Job:
    """A file that the provider made for a batch: its owner is the batch's."""
    return Job(
        id=job_id(batch.context.provider, file),
        kind="file",
        context=batch.context,
        listed=batch.listed,
        created_at=batch.created_at,
        endpoint=batch.endpoint,
        batch=batch.id,
    )
