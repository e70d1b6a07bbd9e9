"""What the control plane may see and do; `tollway.app` has it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.identity.attempts import Attempts
from tollway.pricing.calibration import Calibration
from tollway.proxy.heavy import Heavy
from tollway.proxy.issuers import Issuers
from tollway.proxy.scoring import Scoring
from tollway.rates.counters import Counters
from tollway.snapshot import Snapshot
from tollway.storage import protocol
from tollway.storage.analytics import Analytics
from tollway.storage.cached import Answers
from tollway.storage.protocol import Audit, Budgets, Cabinet, Config, Ledger, Outbox
from tollway.workers.anchors import Anchors
from tollway.workers.keyring import Keyring
from tollway.workers.safe import Safe
from tollway.workers.tokens import Tokens


class Records(protocol.Records, Protocol):
    """The log of a store, with what it could not keep."""

    @property
    def dropped(self) -> int: ...


class Store(Protocol):
    """The parts of a store that it asks."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def records(self) -> Records: ...

    @property
    def config(self) -> Config: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def audit(self) -> Audit: ...

    @property
    def budgets(self) -> Budgets: ...

    @property
    def cabinet(self) -> Cabinet: ...

    @property
    def analytics(self) -> Analytics: ...


class Runtime(Protocol):
    """A running gateway, from the control plane's side."""

    @property
    def store(self) -> Store: ...

    @property
    def calendar(self) -> Calendar: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def keyring(self) -> Keyring:
        """The keys and service tokens issued here."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The tokens of people who signed in."""
        ...

    @property
    def anchors(self) -> Anchors:
        """Signs the head of the audit log."""
        ...

    @property
    def attempts(self) -> Attempts:
        """From where bad credentials come."""
        ...

    @property
    def issuers(self) -> Issuers:
        """Asks identity providers."""
        ...

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def heavy(self) -> Heavy | None:
        """Reads large bodies; `None` before the gateway serves."""
        ...

    @property
    def learned(self) -> Calibration:
        """What requests of each model turned out to cost beside what was held for them, since the start."""
        ...

    @property
    def scoring(self) -> Scoring:
        """Tells how much a request needs a better model."""
        ...

    @property
    def rates(self) -> Counters:
        """What rate limits have counted."""
        ...

    @property
    def safe(self) -> Safe | None:
        """The keys of providers that were stored; `None` before the gateway serves."""
        ...

    @property
    def answers(self) -> Answers | None:
        """The answers that are kept; `None` before the gateway serves."""
        ...

    @property
    def reload(self) -> Callable[[str], Awaitable[int]] | None:
        """Reads the settings again and puts them in force, in the name of whoever is given; returns the revision. Raises
        SettingsInvalid or StoreUnavailable, changing nothing."""
        ...

    @property
    def compile(self) -> Callable[[str], Snapshot] | None:
        """What the settings of a text would be. Raises SettingsInvalid; nothing changes either way."""
        ...

    @property
    def settings_path(self) -> Path | None:
        """The settings file that `reload` reads."""
        ...

    def is_admin(self, token: str) -> bool:
        """Whether `token` is the administrator's, in constant time."""
        ...
