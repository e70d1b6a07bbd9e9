"""What runs beside the requests, kept running: a defect in one of them must end neither it nor the gateway."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, cast

import msgspec

log = logging.getLogger("tollway.workers")

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Before a worker that failed begins again: twice as long each time."""

TROUBLED_S: Final = 600.0
"""One that has run for so long since it failed last is well again."""

Work = Callable[[], Coroutine[Any, Any, None]]
"""Makes what runs until it is cancelled, or is done."""


class Trouble(msgspec.Struct):
    """How a worker has failed."""

    words: str
    """Of the last time."""
    times: int
    """Since the start of the process."""
    at_s: float
    """When it was last, by the clock of `Upkeep`."""


class Upkeep:
    """Keeps workers running, and remembers which of them failed."""

    def __init__(self, *, first_pause_s: float = FIRST_PAUSE_S, now_s: Callable[[], float] = time.monotonic) -> None:
        self._first_pause_s = first_pause_s
        self._now_s = now_s
        self._troubles: dict[str, Trouble] = {}

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each that ever failed has, since the start of the process."""
        return {name: trouble.times for name, trouble in self._troubles.items()}

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        """Those that failed of late."""
        now_s = self._now_s()
        return {name: each for name, each in self._troubles.items() if now_s - each.at_s < TROUBLED_S}

    async def keep(self, name: str, work: Work) -> None:
        """Runs it until it is done or cancelled. Whatever it raises is logged, once in the same words, and it begins again."""
        pause_s = self._first_pause_s
        while True:
            began_s = self._now_s()
            try:
                await work()
                return
            except Exception as error:
                if self._now_s() - began_s >= TROUBLED_S:
                    pause_s = self._first_pause_s
                self._note(name, error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _note(self, name: str, error: Exception) -> None:
        words = said(error)
        before = self._troubles.get(name)
        if before is None or before.words != words:
            log.exception("%s failed and begins again: %s", name, words)
        self._troubles[name] = Trouble(words, before.times + 1 if before is not None else 1, self._now_s())


def said(error: BaseException) -> str:
    """An exception in words; of a group, its first."""
    if isinstance(error, ExceptionGroup):
        return said(cast("ExceptionGroup[Exception]", error).exceptions[0])
    return f"{type(error).__name__}: {error}"
