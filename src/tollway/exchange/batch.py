"""Batches and files, told without I/O: made with their money held, and seen by nobody but their owner.

A batch is held at the sum of what its requests may cost, and booked as presumed once it is made; it is amended, once, to
what its results cost. It is remembered before it is booked: whatever dies in between leaves a hold that lapses into the
same presumption, with the job known that will amend it.
"""

from functools import partial

from tollway.budgets.window import Calendar
from tollway.exchange import answer
from tollway.exchange.batch_money import bound, prices_now, whole
from tollway.exchange.batch_own import own
from tollway.exchange.batch_telling import (
    Aimed,
    Stopped,
    Telling,
    Told,
    aim,
    answered,
    invalid,
    read_state,
    recall,
    stop,
    unanswered,
)
from tollway.exchange.closing import refuse
from tollway.exchange.holding import NOTHING_LEARNED, Granted, hold
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Authenticate,
    Compute,
    Ended,
    Forward,
    NoAnswer,
    NotSent,
    Read,
    ReadRequests,
    Release,
    Remember,
    Settle,
    Steps,
)
from tollway.exchange.story import Story
from tollway.exchange.target import Target
from tollway.identity.identity import Identity
from tollway.ledger.job import Job, job_id
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote
from tollway.providers import openai_batches
from tollway.providers.batches import Requests, State, job_call
from tollway.providers.codec import Malformed
from tollway.providers.weight import is_heavy
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot


def job_exchange(request: InferenceRequest, snapshot: Snapshot, calendar: Calendar, now: int) -> Steps:
    """One call about batches or files, told. Yields the commands of `steps.py` and is sent their replies.

    `request` names its provider and has a path that `job_call` knows.
    """
    story = Story(request)
    identity = yield Authenticate(request)
    if isinstance(identity, Refusal):
        return (yield from refuse(story, "authenticate", identity))
    story.identity = identity
    call = job_call(request.dialect, request.method, request.upstream_path)
    assert call is not None, "only paths of jobs come here"
    refusal = _unfit(request, identity)
    if refusal is not None:
        return (yield from refuse(story, "read", refusal))
    telling = Telling(story, request, identity, snapshot, calendar, now)
    if call.action != "create":
        yield from own(telling, call)
    elif request.api == "anthropic.batches":
        yield from _create_anthropic(telling)
    elif request.api == "openai.batches":
        yield from _create_openai(telling)
    else:
        yield from _upload(telling)


def _unfit(request: InferenceRequest, identity: Identity) -> Refusal | None:
    """Why this caller can have no jobs, or not with this request."""
    if identity.key is None and identity.user is None and identity.service is None:
        return Refusal(
            code="credential_missing",
            message="Batches and files belong to whoever made them, so a gateway key is needed even where this gateway asks for "
            "none. Send one.",
        )
    if request.custom_cost is not None:
        return Refusal(
            code="custom_cost_invalid",
            message="A batch is billed by its results, so it takes no custom cost; leave the header out.",
        )
    return None


def _create_anthropic(telling: Telling) -> Told:
    """A batch whose requests stand in the body."""
    request = telling.request
    found: Requests | Malformed = yield ReadRequests(request)
    if isinstance(found, Malformed):
        return (yield from stop(telling, invalid(found.message)))
    aimed = aim(telling, found.model, (one.ask for one in found.all))
    if isinstance(aimed, Stopped):
        return (yield from stop(telling, aimed))
    priced: Quote | Unpriced = yield Compute(
        partial(bound, found, request, aimed.target, telling.snapshot, telling.now)
    )
    yield from _make(telling, aimed, priced, found.endpoint, len(found.all))


def _create_openai(telling: Telling) -> Told:
    """A batch whose requests stand in a file that was uploaded, and bounded, before."""
    if is_heavy(telling.request.body):
        message = "The body is far larger than a batch of a file needs; send the id of the file, and little metadata."
        return (yield from stop(telling, invalid(message)))
    wanted = openai_batches.read_wanted(telling.request.body)
    if isinstance(wanted, Malformed):
        return (yield from stop(telling, invalid(wanted.message)))
    file = yield from recall(telling, wanted.input_file)
    if isinstance(file, Stopped):
        return (yield from stop(telling, file))
    if file.kind != "file" or file.batch:
        message = "input_file_id is no file that was uploaded for a batch; upload one with purpose batch."
        return (yield from stop(telling, invalid(message)))
    if file.endpoint != wanted.endpoint:
        message = f"The requests of the file call /v1{file.endpoint}, but endpoint is /v1{wanted.endpoint}."
        return (yield from stop(telling, invalid(message)))
    aimed = aim(telling, file.context.model)
    if isinstance(aimed, Stopped):
        return (yield from stop(telling, aimed))
    target = aimed.target
    if prices_now(telling.request, target, telling.snapshot, telling.now) != file.price_id:
        message = "The prices of the model have changed since the file was uploaded, and with them what it may cost. Upload it again."
        return (yield from stop(telling, invalid(message)))
    priced: Quote | Unpriced = Unpriced(target.provider.slug, target.model or "")
    if file.bound is not None:
        priced = whole(target, file.bound, file.price_id, file.unbounded or None)
    yield from _make(telling, aimed, priced, file.endpoint, file.requests)


def _make(telling: Telling, aimed: Aimed, priced: Quote | Unpriced, endpoint: str, requests: int) -> Told:
    """Holds the bound, makes the batch, remembers it, and books the bound as presumed."""
    story, request, now = telling.story, telling.request, telling.now
    target, selection = aimed
    granted = yield from hold(story, request, target, selection, priced, telling.calendar, now, NOTHING_LEARNED)
    if isinstance(granted, Refusal):
        return (yield from refuse(story, "reserve", granted))
    reservation = granted.reservation
    story.granted(reservation, granted.held, selection.claims, granted.quote, clamped=False)
    head = yield Forward(reservation, target.route, request, request.upstream_path)
    if isinstance(head, NotSent):
        yield Release(reservation.id, head.code)
        return (yield from unanswered(telling, head, reservation.attempt))
    presumed = answer.presumed(granted.quote, target)
    entry = story.entry(reservation, presumed, None, now)
    if isinstance(head, NoAnswer):
        # The batch may have been made, and nobody knows its id.
        yield Settle(entry)
        story.settled(entry.charge)
        return (yield from unanswered(telling, head, reservation.attempt))
    ended: Ended = yield Read()
    if head.status >= 400:
        yield Release(reservation.id, "rejected")
    else:
        state = read_state(request, ended.raw) if ended.reason == "complete" else None
        if state is not None:
            yield Remember(_batch(telling, target, granted, state, endpoint, requests))
        yield Settle(entry)
        story.settled(entry.charge if isinstance(presumed, Charge) else None)
    story.ended(reservation.attempt, head, ended)
    yield from answered(telling, head, ended)


def _batch(telling: Telling, target: Target, granted: Granted, state: State, endpoint: str, requests: int) -> Job:
    quote, reservation = granted.quote, granted.reservation
    return Job(
        id=job_id(target.provider.slug, state.id),
        kind="batch",
        context=telling.story.context(),
        listed=(target.listed.provider, target.listed.model),
        created_at=telling.now,
        endpoint=endpoint,
        requests=requests,
        at_ceiling=target.terms.at_ceiling,
        bound=quote.amount if quote is not None else None,
        price_id=quote.price_id if quote is not None else "",
        request_id=reservation.request_id,
        attempt=reservation.attempt,
        legs=tuple((leg.account, leg.bucket) for leg in reservation.holds),
        # Without a price there is nothing to amend, so nothing to ask about.
        settled=quote is None,
    ).asked(telling.now)


def _upload(telling: Telling) -> Told:
    """A file of requests: bounded here, line by line, because what is in it is not seen again."""
    story, request, snapshot, now = telling.story, telling.request, telling.snapshot, telling.now
    found: Requests | Malformed = yield ReadRequests(request)
    if isinstance(found, Malformed):
        return (yield from stop(telling, invalid(found.message)))
    aimed = aim(telling, found.model, (one.ask for one in found.all))
    if isinstance(aimed, Stopped):
        return (yield from stop(telling, aimed))
    target, selection = aimed
    priced: Quote | Unpriced = yield Compute(partial(bound, found, request, target, snapshot, now))
    granted = yield from hold(story, request, target, selection, answer.READ, telling.calendar, now, NOTHING_LEARNED)
    if isinstance(granted, Refusal):
        return (yield from refuse(story, "reserve", granted))
    reservation = granted.reservation
    head = yield Forward(reservation, target.route, request, request.upstream_path)
    if isinstance(head, NotSent | NoAnswer):
        # Keeping a file costs nothing; the batch that is made of it does.
        yield Release(reservation.id, head.code)
        return (yield from unanswered(telling, head, reservation.attempt))
    ended: Ended = yield Read()
    told = head.status < 400 and ended.reason == "complete" and not is_heavy(ended.raw)
    file = openai_batches.read_file(ended.raw) if told else None
    if file is not None:
        yield Remember(_file(telling, target, file, found, priced))
    yield Release(reservation.id, "free" if head.status < 400 else "rejected")
    story.ended(reservation.attempt, head, ended)
    yield from answered(telling, head, ended)


def _file(telling: Telling, target: Target, file: str, requests: Requests, priced: Quote | Unpriced) -> Job:
    quote = None if isinstance(priced, Unpriced) else priced
    return Job(
        id=job_id(target.provider.slug, file),
        kind="file",
        context=telling.story.context(),
        listed=(target.listed.provider, target.listed.model),
        created_at=telling.now,
        endpoint=requests.endpoint,
        requests=len(requests.all),
        at_ceiling=target.terms.at_ceiling,
        bound=quote.amount if quote is not None else None,
        unbounded=(quote.unbounded or "") if quote is not None else "",
        price_id=prices_now(telling.request, target, telling.snapshot, telling.now),
    )
