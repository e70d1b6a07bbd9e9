"""Events of a stream that take long to read, put aside by its meter for somebody who has the time.

Without an `Aside` a meter reads everything itself, at once. With one, whoever feeds it looks there after every chunk,
and before the report is taken.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from tollway.providers.weight import is_heavy
from tollway.usage import Report

Take = Callable[[Any, Any], bool]
"""Lets a reader take an event in; a function of a module, so that it has the same name in another process."""


class Aside:
    """What one meter has put aside, in its order."""

    __slots__ = ("events", "take", "whole")

    def __init__(self, take: Take) -> None:
        self.take = take
        self.events: list[Any] = []
        self.whole: bytes | None = None
        """An answer that is no stream after all, and large."""

    def takes(self, event: bytes) -> bool:
        """Whether `event` belongs here: a heavy one, and all behind it, because the last one counts."""
        return bool(self.events) or is_heavy(event)


@runtime_checkable
class Patient(Protocol):
    """A meter that can put events aside."""

    reader: Any
    """What has taken the events in until now, to be replaced by one that has taken those put aside as well."""

    def put_aside(self) -> Aside:
        """From now on heavy events go there."""
        ...

    def taken(self, said: list[bool], report: Report | None) -> None:
        """What was said to each event that was put aside, and the report of the whole answer that was."""
        ...


def report_of(reader: Any, _: None) -> Report:
    """What `reader` reports: from large events that takes as long as taking them in did. It can stand for a `Take`."""
    return reader.report()
