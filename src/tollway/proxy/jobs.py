"""Carries out what an exchange about batches and files asks for beyond the commands of every request."""

import logging
from collections.abc import Callable, Generator
from typing import Any

from tollway.errors import StoreUnavailable
from tollway.exchange.steps import Compute, ReadRequests, Recall, Remember, Unavailable
from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy
from tollway.proxy.turn import Turn
from tollway.request import InferenceRequest
from tollway.storage.protocol import Jobs

log = logging.getLogger("tollway.proxy")


async def carry_out(command: Compute | ReadRequests | Recall | Remember, jobs: Jobs, heavy: Heavy) -> Any:
    """The reply to `command`. What is computed lets the others in between its steps. Raises HeavyFailed."""
    try:
        match command:
            case Compute():
                return await _computed(command.work, heavy.turn)
            case ReadRequests():
                return await _requests(command.request, heavy)
            case Recall():
                return await jobs.recall(command.job_id)
            case Remember():
                return await jobs.remember(command.job)
    except StoreUnavailable as error:
        log.error("batches and files are unavailable: %s", error)
        return Unavailable(str(error))


async def _computed(work: Callable[[], Generator[None, None, Any]], turn: Turn) -> Any:
    steps = work()
    while True:
        if turn.over():
            await turn.free()
        try:
            next(steps)
        except StopIteration as end:
            return end.value


async def _requests(request: InferenceRequest, heavy: Heavy) -> Requests | Malformed:
    if is_heavy(request.body, request.content_type):
        return await heavy.read_requests(request.api, request.content_type, request.body)
    return read_requests(request.api, request.content_type, request.body)
