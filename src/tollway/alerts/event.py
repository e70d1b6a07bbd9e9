"""Events, their deliveries, and snoozes: what the outbox keeps."""

from typing import Literal

import msgspec

AlertKind = Literal[
    "spent", "forecast", "burn_rate", "velocity", "unpriced", "store", "hold_exceeded", "unused", "export", "test"
]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody wanted to know, and when it came to be."""

    id: str
    """Unique and ascending in time; stays the same however often it is delivered."""
    key: str
    """What it is about: two events of one key are one event."""
    kind: AlertKind
    at: int
    """Unix milliseconds."""
    title: str
    """One line, for people."""
    text: str
    budget: str | None = None
    """The budget's id."""
    account: str | None = None
    data: dict[str, str | int | None] = {}
    """The figures, for programs: amounts as decimal strings of US dollars, instants as RFC 3339."""
    channels: tuple[str, ...] = ()
    """The names of the channels it goes to."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to one channel."""

    event: Event
    channel: str
    attempts: int = 0
    due_at: int
    """Unix milliseconds at which it may be tried."""
    arrived_at: int | None = None
    given_up: bool = False
    error: str = ""
    """What the last attempt met with; never a secret."""


class Snooze(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of a budget or of one of its accounts that are kept, but not sent, for a time."""

    target: str
    """A budget's id, an account, or "*"."""
    until: int
    """Unix milliseconds."""
    by: str

    def silences(self, event: Event) -> bool:
        """Whether it is about the event."""
        return self.target == "*" or self.target in (event.budget, event.account)
