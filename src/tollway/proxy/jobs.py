"""Carries out what an exchange asks for beyond the commands of every request: of batches and files, and counts."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from tollway.errors import StoreUnavailable
from tollway.exchange.steps import Compute, Count, ReadRequests, Recall, Remember, Unavailable
from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.turn import Turn
from tollway.request import InferenceRequest
from tollway.storage.protocol import Jobs

log = logging.getLogger("tollway.proxy")


MOST_WAITING = 32
"""Calls before which a request that does not fit by its bytes is refused at once, instead of being counted."""


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


async def counted(command: Count, heavy: Heavy) -> Counted | None:
    """What came of counting; `None` where it cannot be done, or not soon enough for a request that waits for it."""
    if not command.shown and heavy.waiting >= MOST_WAITING:
        return None
    try:
        return await heavy.count(command.vocabulary, command.shown, command.request)
    except HeavyFailed as error:
        log.warning("tokens cannot be counted, so bytes are: %s", error)
        return None


async def settling(counting: Coroutine[Any, Any, Counted | None]) -> Counted | None:
    """The count, or none where the gateway is stopping: what was spent is settled before, by its bytes."""
    try:
        return await counting
    except asyncio.CancelledError:
        return None


async def _requests(request: InferenceRequest, heavy: Heavy) -> Requests | Malformed:
    if is_heavy(request.body, request.content_type):
        return await heavy.read_requests(request.api, request.content_type, request.body)
    return read_requests(request.api, request.content_type, request.body)
