"""What carrying out an exchange needs of the outside."""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from tollway.clock import Clock
from tollway.gateway import Auth, Provider
from tollway.identity.attempts import Attempts
from tollway.logs.record import LogRecord
from tollway.pricing.calibration import Calibration
from tollway.proxy.health import Health
from tollway.proxy.heavy import Heavy
from tollway.proxy.issuers import Issuers
from tollway.proxy.pins import Pins
from tollway.proxy.scoring import Scoring
from tollway.proxy.signing.signer import Signer, signer_for
from tollway.proxy.transport import Transport, Url, parse_url
from tollway.rates.counters import Counters
from tollway.snapshot import Snapshot
from tollway.storage.bodies import BodyStore
from tollway.storage.cached import Answers
from tollway.storage.memory import MemoryJobs
from tollway.storage.protocol import Jobs, Ledger, Records
from tollway.storage.repeats import Repeats


class Hears(Protocol):
    """Who is told of requests that are over (workers/telemetry.py)."""

    def prepare(self, snapshot: Snapshot) -> None: ...

    def heard(
        self, record: LogRecord, headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, *, kept: bool = ...
    ) -> None: ...


class _Nobody:
    """For a gateway that counts nothing."""

    def prepare(self, snapshot: Snapshot) -> None:
        return

    def heard(
        self, record: LogRecord, headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, *, kept: bool = True
    ) -> None:
        return


NOBODY = _Nobody()


class World(msgspec.Struct, frozen=True):
    """What the driver needs of the outside, one for a process."""

    ledger: Ledger
    records: Records
    transport: Transport
    clock: Clock
    urls: dict[str, Url]
    """Base URL → its parts; filled once for each provider."""
    learned: Calibration = msgspec.field(default_factory=Calibration)
    """What requests have turned out to cost."""
    signers: dict[Auth, Signer] = msgspec.field(default_factory=dict[Auth, Signer])
    """One for each way to identify, made when it is first needed: it keeps tokens."""

    heavy: Heavy = msgspec.field(default_factory=Heavy)
    """Who reads and writes bodies that would hold up the others."""

    key_used: Callable[[str, str, bool], None] = lambda provider, name, refused: None
    """Told whenever a request went out with a provider's key, under which name, and whether the provider refused it."""

    attempts: Attempts = msgspec.field(default_factory=Attempts)
    """From where bad credentials come."""

    jobs: Jobs = msgspec.field(default_factory=MemoryJobs)
    """Batches and files, and whose they are."""

    issuers: Issuers = msgspec.field(default_factory=Issuers)
    """Asks identity providers about tokens."""

    rates: Counters = msgspec.field(default_factory=Counters)
    """What rate limits, and the rate elements of routes, have counted."""

    health: Health = msgspec.field(default_factory=Health)
    """How targets have done of late."""

    answers: Answers | None = None
    """Those that are kept to be given again."""

    bodies: BodyStore | None = None
    """Where bodies are kept beside the log; `None`: nowhere."""

    repeats: Repeats | None = None
    """Requests that are answered once, however often they are sent."""

    scoring: Scoring = msgspec.field(default_factory=Scoring)
    """Tells how much a request needs a better model."""

    telemetry: Hears = NOBODY
    """Is told of every request that is over."""

    pins: Pins = msgspec.field(default_factory=Pins)
    """Which model each session has."""

    def url(self, provider: Provider) -> Url:
        found = self.urls.get(provider.base_url)
        if found is None:
            found = self.urls[provider.base_url] = parse_url(provider.base_url)
        return found

    def signer(self, auth: Auth) -> Signer:
        """The signer of a way to identify. Raises SettingsInvalid where what it needs is not installed."""
        found = self.signers.get(auth)
        if found is None:
            found = self.signers[auth] = signer_for(auth)
        return found

    def prepare(self, snapshot: Snapshot) -> None:
        """Makes what the providers of new settings need, before they are in force. Raises SettingsInvalid."""
        in_use = [provider.auth for provider in snapshot.providers.values() if provider.auth is not None]
        for auth in in_use:
            self.signer(auth)
        for auth in self.signers.keys() - set(in_use):
            # Requests under way make theirs anew.
            del self.signers[auth]
        self.issuers.forget(snapshot)
        self.scoring.prepare(snapshot)
        self.telemetry.prepare(snapshot)
