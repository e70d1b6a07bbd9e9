"""A gateway that runs: what its control plane may see and do, and the server that obeys signals."""

import asyncio
import contextlib
import hmac
import logging
import signal
from collections.abc import Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.errors import TollwayError
from tollway.identity.attempts import Attempts
from tollway.pricing.calibration import Calibration
from tollway.proxy.fetch import Allowed, Fetcher
from tollway.proxy.health import Health
from tollway.proxy.heavy import Heavy
from tollway.proxy.issuers import Issuers
from tollway.proxy.scoring import Scoring
from tollway.proxy.server import Entry
from tollway.rates.counters import Counters
from tollway.settings import ProcessSettings
from tollway.snapshot import Snapshot
from tollway.storage.cached import Answers
from tollway.storage.repeats import Repeats
from tollway.storage.rolled import EVER_CONTEXTS
from tollway.storage.sql.store import SqlStore
from tollway.telemetry.destination import Destination, read_otel
from tollway.workers import addresses
from tollway.workers.anchors import Anchors
from tollway.workers.exporting import Exporting
from tollway.workers.keyring import Keyring
from tollway.workers.safe import Safe
from tollway.workers.telemetry import Telemetry, protobuf_is_installed
from tollway.workers.tokens import Tokens
from tollway.workers.upkeep import Upkeep

log = logging.getLogger("tollway")


class Runtime(msgspec.Struct, kw_only=True):
    """What the control plane may see and do."""

    settings: ProcessSettings
    store: SqlStore
    calendar: Calendar
    clock: Clock
    keyring: Keyring
    tokens: Tokens
    anchors: Anchors
    admin_token: str
    entry: Entry | None = None
    safe: Safe | None = None
    heavy: Heavy | None = None
    learned: Calibration = msgspec.field(default_factory=Calibration)
    attempts: Attempts = msgspec.field(default_factory=Attempts)
    """From where bad credentials come."""
    rates: Counters = msgspec.field(default_factory=Counters)
    """What rate limits have counted."""
    health: Health = msgspec.field(default_factory=Health)
    """How targets have done of late."""
    telemetry: Telemetry | None = None
    """Counts requests, and tells collectors of them."""
    issuers: Issuers = msgspec.field(default_factory=lambda: Issuers(Fetcher(addresses.refusal)))
    """Asks identity providers."""
    scoring: Scoring = msgspec.field(default_factory=Scoring)
    """Tells how much a request needs a better model."""
    answers: Answers | None = None
    """Those that are kept to be given again."""
    repeats: Repeats | None = None
    """Requests that are answered once, however often they are sent."""
    exporting: Exporting | None = None
    """Runs the jobs that export."""
    upkeep: Upkeep = msgspec.field(default_factory=Upkeep)
    """Keeps what runs beside the requests running."""
    reload: Callable[[str], Awaitable[int]] | None = None
    """Reads the settings file again and puts it in force in the name of whoever is given; returns the revision. Raises
    SettingsInvalid or StoreUnavailable, changing nothing."""
    compile: Callable[[str], Snapshot] | None = None
    """What the settings of a text would be. Raises SettingsInvalid; nothing changes either way."""
    settings_path: Path | None = None
    """The settings file that `reload` reads."""

    @property
    def snapshot(self) -> Snapshot:
        assert self.entry is not None
        return self.entry.snapshot

    @property
    def buffered(self) -> int:
        """Bytes of request bodies in memory."""
        return self.entry.buffered if self.entry is not None else 0

    def is_admin(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.admin_token.encode())


def telemetry_of(store: SqlStore, clock: Clock, environment: Mapping[str, str]) -> Telemetry:
    """Tells whom the environment and the settings name."""
    otel, wrong = read_otel(environment, protobuf=protobuf_is_installed())
    for words in wrong:
        log.warning("%s", words)
    fetcher = Fetcher(addresses.refusal)

    async def post(destination: Destination, body: bytes) -> tuple[int, bytes]:
        kind = "application/json" if destination.encoding == "json" else "application/x-protobuf"
        answer = await fetcher.fetch(
            destination.url,
            Allowed(private=destination.allow_private, http=destination.allow_http),
            method="POST",
            headers={**destination.headers(), "content-type": kind, "accept": kind},
            body=body,
        )
        return answer.status, answer.body

    async def content(request_id: str) -> Any:
        from tollway.workers.telemetry_content import content_reader

        return await content_reader(store.bodies)(request_id)

    async def ledger() -> Any:
        from tollway.workers.telemetry_sums import read_sums

        return await read_sums(store.analytics, EVER_CONTEXTS)

    return Telemetry(otel, post=post, now=clock.now, content=content, ledger=ledger)


class Server(uvicorn.Server):
    """uvicorn with our signals: SIGTERM drains, SIGHUP reloads, and a clean end exits with 0."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._announce = announce
        self._draining = False
        self._reloading: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.drain)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        host = self.config.host
        port = self.servers[0].sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self._announce(f"http://{shown}:{port}")

    def drain(self) -> None:
        """Says "not ready", goes on for the drain delay, then takes no more; asked twice, it ends at once."""
        entry = self._runtime.entry
        if self._draining:
            self.should_exit = self.force_exit = True
        self._draining = True
        if entry is not None:
            entry.ready = False
        log.warning(
            "stopping: %d requests under way may take up to %d s; told once more, they end now",
            len(self.server_state.tasks),
            self._runtime.settings.drain_s,
        )
        asyncio.get_running_loop().call_later(self._runtime.settings.drain_delay_s, self._exit)

    def _exit(self) -> None:
        self.should_exit = True

    def _hang_up(self) -> None:
        reloading = asyncio.get_running_loop().create_task(self._reload())
        self._reloading.add(reloading)
        reloading.add_done_callback(self._reloading.discard)

    async def _reload(self) -> None:
        assert self._runtime.reload is not None
        try:
            revision = await self._runtime.reload("file")
        except TollwayError as error:
            log.error("settings were not reloaded: %s", error)
        else:
            log.info("settings reloaded, revision %d", revision)
