"""Asking a provider, unasked, how a batch ended and what it cost: its caller may never fetch the results.

The same commands as for a caller's own call, so that keys, signatures and timeouts are the same. Each question has a
reservation of nothing, which is given back: asking costs nothing.
"""

from collections.abc import Generator
from typing import Any

from tollway.exchange.batch_money import ResultsMeter, Tally
from tollway.exchange.batch_own import learned, settled
from tollway.exchange.batch_telling import Told, read_state
from tollway.exchange.holding import LONGEST_ANSWER_S
from tollway.exchange.steps import Command, Ended, Forward, Head, NoAnswer, NotSent, Read, Relay, Release, Reserve
from tollway.gateway import Provider
from tollway.ledger.job import Job
from tollway.ledger.reservation import Held, Reservation
from tollway.providers import anthropic_batches
from tollway.request import InferenceRequest
from tollway.snapshot import Route, Snapshot

_VERSION = (b"anthropic-version", b"2023-06-01")
_LONGEST_MS = int(LONGEST_ANSWER_S * 1000) + 300_000


def collection(job: Job, identifier: str, snapshot: Snapshot, now: int, started_ns: int) -> InferenceRequest | None:
    """The request that asks for a batch; `None` where the settings no longer lead to it. `identifier` is of this asking."""
    provider = _provider(job, snapshot)
    if provider is None or job.context.gateway not in snapshot.gateways or not provider.has_credentials:
        return None
    anthropic = job.endpoint == anthropic_batches.ENDPOINT
    path = f"/v1/messages/batches/{job.upstream_id}" if anthropic else f"/v1/batches/{job.upstream_id}"
    return InferenceRequest(
        id=identifier,
        received_at=now,
        started_ns=started_ns,
        method="GET",
        path=path,
        upstream_path=path,
        query=b"",
        headers=(_VERSION,) if anthropic else (),
        content_type=b"",
        body=b"",
        api="anthropic.batches" if anthropic else "openai.batches",
        dialect="anthropic" if anthropic else "openai",
        gateway=job.context.gateway,
        provider=provider.slug,
        credentials=(),
        metadata=None,
    )


def collect(job: Job, request: InferenceRequest, snapshot: Snapshot, now: int) -> Told:
    """Asks how `job` stands, and settles it if it has ended."""
    provider = _provider(job, snapshot)
    assert provider is not None, "`collection` found it"
    route = Route(provider, job.context.model)
    head = yield from _ask(request, route, request.upstream_path, now, 1)
    if head is None:
        return
    ended: Ended = yield Read()
    state = read_state(request, ended.raw) if head.status == 200 and ended.reason == "complete" else None
    if state is None or state.id != job.upstream_id:
        return
    job = yield from learned(job, state, ended.at)
    if not state.ended or job.settled:
        return
    path = f"{request.upstream_path}/results"
    if request.dialect != "anthropic":
        if not job.results:
            return
        path = f"/v1/files/{job.results}/content"
    head = yield from _ask(request, route, path, now, 2)
    if head is None:
        return
    tally = Tally(job, snapshot.book)
    meter = ResultsMeter(tally)
    if head.status >= 400 or not head.streamed:
        ended = yield Read()
        meter.feed(ended.raw)
        meter.finish()
    else:
        ended = yield Relay(head.status, head.headers, meter, LONGEST_ANSWER_S)
    if head.status == 200 and ended.reason == "complete" and tally.is_whole:
        yield from settled(job, tally, ended.at)


def _ask(
    request: InferenceRequest, route: Route, path: str, now: int, attempt: int
) -> Generator[Command, Any, Head | None]:
    reservation = Reservation(f"{request.id}.{attempt}", request.id, attempt, (), now, now + _LONGEST_MS, 0)
    if not isinstance((yield Reserve(reservation)), Held):
        return None
    head: Head | NotSent | NoAnswer = yield Forward(reservation, route, request, path)
    yield Release(reservation.id, "free")
    return head if isinstance(head, Head) else None


def _provider(job: Job, snapshot: Snapshot) -> Provider | None:
    return snapshot.providers.get(job.context.provider)
