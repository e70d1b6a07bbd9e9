"""What the control plane may see and do; `tollway.app` has it."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.identity.attempts import Attempts
from tollway.ledger.entry import LedgerEntry
from tollway.pricing.calibration import Calibration
from tollway.proxy.health import Health
from tollway.proxy.heavy import Heavy
from tollway.proxy.issuers import Issuers
from tollway.proxy.scoring import Scoring
from tollway.rates.counters import Counters
from tollway.settings import ProcessSettings
from tollway.snapshot import Snapshot
from tollway.storage import protocol
from tollway.storage.analytics import Analytics
from tollway.storage.billing import Billing
from tollway.storage.bodies import BodyStore
from tollway.storage.cached import Answers
from tollway.storage.following import Following
from tollway.storage.logged import Logged
from tollway.storage.protocol import Audit, Budgets, Cabinet, Config, Outbox
from tollway.workers.anchors import Anchors
from tollway.workers.exporting import Exporting
from tollway.workers.keyring import Keyring
from tollway.workers.safe import Safe
from tollway.workers.telemetry import Telemetry
from tollway.workers.tokens import Tokens
from tollway.workers.upkeep import Upkeep


class Ledger(protocol.Ledger, Protocol):
    """The ledger of a store, with all that it has in memory."""

    def names(self) -> Sequence[str]:
        """Every account of every budget, in no order; also of budgets that are no more. Cheap, whatever their number."""
        ...

    def beyond(self, entry: LedgerEntry) -> str | None:
        """Why an entry that somebody makes by hand is not to be booked, as a clause; `None` where it may be."""
        ...


class Records(protocol.Records, Protocol):
    """The log of a store, with what it could not keep."""

    @property
    def dropped(self) -> int: ...

    @property
    def waiting(self) -> int: ...


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

    @property
    def following(self) -> Following: ...

    @property
    def billing(self) -> Billing: ...

    @property
    def logged(self) -> Logged: ...

    @property
    def bodies(self) -> BodyStore: ...


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
    def upkeep(self) -> Upkeep:
        """Keeps what runs beside the requests running."""
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
    def settings(self) -> ProcessSettings: ...

    @property
    def entry(self) -> Callable[[Any, Any, Any], Awaitable[None]] | None:
        """Where model traffic comes in, as an ASGI application; `None` before the gateway serves."""
        ...

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
    def health(self) -> Health:
        """How targets have done of late."""
        ...

    @property
    def telemetry(self) -> Telemetry | None:
        """Counts requests, and tells collectors of them; `None` before the gateway serves."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes of request bodies in memory."""
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
    def exporting(self) -> Exporting | None:
        """Runs the jobs that export; `None` before the gateway serves."""
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
