"""How much a request needs a better model: its task is read, and scored, without holding up the loop."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from tollway.autorouting.rules import WHOLE
from tollway.autorouting.task import Task, read_task
from tollway.exchange.auto_steps import Decide, Decided
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy
from tollway.proxy.pins import Pins
from tollway.snapshot import Snapshot

log = logging.getLogger("tollway.proxy")

WITHIN_S = 1.0
"""A choice takes no longer; behind it, it is made without a score."""
INLINE = 1_000
"""Characters that are scored in a millisecond or two, whatever they are. Longer texts go to a thread."""


class Scores(Protocol):
    def score(self, prompt: str) -> float:
        """0 to 1."""
        ...


def shipped() -> Scores:
    """The scorer that comes with the package."""
    # Only a gateway that chooses by itself has it in memory.
    from tollway.autorouting.scorer import Scorer

    return Scorer.load()


class Scoring:
    """One for a process. The scorer is read, in a thread, when a gateway's settings first want it."""

    __slots__ = ("_load", "_loading", "_scorer")

    def __init__(self, load: Callable[[], Scores] = shipped) -> None:
        self._load = load
        self._scorer: Scores | None = None
        self._loading: asyncio.Future[Scores] | None = None

    @property
    def loaded(self) -> bool:
        return self._scorer is not None

    def prepare(self, snapshot: Snapshot) -> None:
        """Begins to read the scorer, where one of the gateways wants it. Without a running loop, the first request does."""
        if self._scorer is None and any(gateway.auto is not None for gateway in snapshot.gateways.values()):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return
            self._begin()

    async def decided(self, command: Decide, heavy: Heavy, pins: Pins, now: int) -> Decided:
        """The reply to `command`; what fails here leaves the choice without a score."""
        request, known = command.request, pins.get(command.session, now) if command.session is not None else None
        pin, fresh = known if known is not None else (None, False)
        task, score = Task(), None
        fault = ""
        try:
            async with asyncio.timeout(WITHIN_S):
                if is_heavy(request.body, request.content_type):
                    found = await heavy.read_task(request.api, request.body)
                else:
                    found = read_task(request.api, request.body)
                task = found or task
                if task.text.strip():
                    score = await self._score(task.text)
                else:
                    fault = "unsupported"
        except TimeoutError:
            fault = "timeout"
            log.warning("no score of request %s within %g s", request.id, WITHIN_S)
        except Exception:
            # The last edge of what is only a help: a defect is logged with its stack, and the request goes its way.
            fault = "error"
            log.exception("no score of request %s", request.id)
        return Decided(task=task, score=score, fault=fault, pin=pin, fresh=fresh)

    async def _score(self, text: str) -> int:
        scorer = self._scorer
        if scorer is None:
            # Whoever waits no longer leaves it to the others.
            scorer = await asyncio.shield(self._begin())
        value = scorer.score(text) if len(text) <= INLINE else await asyncio.to_thread(scorer.score, text)
        return max(0, min(WHOLE, round(value * WHOLE)))

    def _begin(self) -> "asyncio.Future[Scores]":
        loading = self._loading
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
            loading.add_done_callback(self._keep)
        return loading

    def _keep(self, loading: "asyncio.Future[Scores]") -> None:
        if loading.cancelled():
            return
        if loading.exception() is None:
            self._scorer = loading.result()
        else:
            log.error("the scorer of automatic routing cannot be read: %s", loading.exception())
