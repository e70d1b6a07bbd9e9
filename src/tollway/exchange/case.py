"""What the tries of a request share, and what one of them is about."""

from collections.abc import Generator
from typing import Any

import msgspec

from tollway.budgets.window import Calendar
from tollway.exchange.closing import Passed
from tollway.exchange.holding import Granted
from tollway.exchange.keeping import Place
from tollway.exchange.retry import ONCE
from tollway.exchange.selection import Selection
from tollway.exchange.steps import Command
from tollway.exchange.story import Story
from tollway.exchange.target import Target
from tollway.gateway import Retry
from tollway.identity.identity import Identity
from tollway.pricing.calibration import Calibration
from tollway.providers.gathered_request import Upstream
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.translate.codec import Answering
from tollway.translate.wanted import Wanted


class Case(msgspec.Struct, frozen=True):
    """What all tries of one request share."""

    story: Story
    identity: Identity
    snapshot: Snapshot
    calendar: Calendar
    now: int
    """Unix milliseconds, of its arrival."""
    learned: Calibration

    @property
    def at(self) -> int:
        """Unix milliseconds, of this try."""
        return self.now + self.story.late_ms

    worded: dict[Wanted, Any] = msgspec.field(default_factory=dict[Wanted, Any])
    """What came of putting a large request into other words: replies to `Translate`."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A target, and the request as its API takes it."""

    request: InferenceRequest
    ask: Ask
    target: Target
    translation: Answering | None = None
    """Puts its answer into the words of the caller's API."""
    lost: tuple[str, ...] = ()
    """What only tunes the answer, and that API cannot carry."""
    asked: InferenceRequest | None = None
    """The request in the caller's own words, where it was translated."""
    exempt: frozenset[str] = frozenset()
    """Ids and names of budgets that do not count it."""
    retry: Retry = ONCE
    timeout_ms: int | None = None
    """Until the head of its answer, where something may be tried after it."""
    last: bool = True
    """Nothing will be tried after it."""


class Ready(msgspec.Struct, frozen=True):
    """An attempt that may be sent."""

    candidate: Candidate
    selection: Selection
    granted: Granted
    as_stream: Upstream | None
    """Where it goes to be answered as a stream, though its caller wants a whole answer."""
    place: Place | None
    """Where its answer is to be kept."""


Trying = Generator[Command, Any, Passed | None]
"""`None` when the caller has been answered."""
