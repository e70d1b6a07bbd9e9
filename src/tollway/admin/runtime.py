"""What the control plane may see and do; `tollway.app` has it."""

from collections.abc import Callable
from typing import Protocol

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.pricing.calibration import Calibration
from tollway.snapshot import Snapshot
from tollway.storage import protocol
from tollway.storage.protocol import Config, Ledger


class Records(protocol.Records, Protocol):
    """The log of a store, with what it could not keep."""

    @property
    def dropped(self) -> int: ...


class Store(Protocol):
    """The three parts of a store."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def records(self) -> Records: ...

    @property
    def config(self) -> Config: ...


class Runtime(Protocol):
    """A running gateway, from the control plane's side."""

    @property
    def store(self) -> Store: ...

    @property
    def calendar(self) -> Calendar: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def learned(self) -> Calibration:
        """What requests of each model turned out to cost beside what was held for them, since the start."""
        ...

    @property
    def reload(self) -> Callable[[], int] | None:
        """Reads the settings again and puts them in force; returns the revision. Raises SettingsInvalid, changing nothing."""
        ...

    def is_admin(self, token: str) -> bool:
        """Whether `token` is the administrator's, in constant time."""
        ...
