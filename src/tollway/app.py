"""Puts everything together: the only module that names a backend.

One process, one event loop: the listener, the ledger's counters, the upstream connections and the workers share it.
"""

import asyncio
import contextlib
import gc
import hmac
import logging
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Generator
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from tollway.budgets.window import Calendar
from tollway.cli import kept_secrets, settings_file
from tollway.clock import Clock, elapsed_ns
from tollway.document import Document, compile_document
from tollway.errors import StoreUnavailable, TollwayError
from tollway.identity.attempts import Attempts
from tollway.identity.grants import standing
from tollway.identity.issued import Issued
from tollway.ids import Ids, RandomPool
from tollway.pricing.calibration import Calibration
from tollway.pricing.price import FILE, PriceBook
from tollway.proxy import listener
from tollway.proxy.collect import Collector
from tollway.proxy.fetch import Fetcher
from tollway.proxy.heavy import Heavy
from tollway.proxy.issuers import Issuers
from tollway.proxy.memory import map_large_blocks
from tollway.proxy.server import Asgi, Entry
from tollway.proxy.upstream.client import HttpTransport
from tollway.proxy.world import World
from tollway.settings import ProcessSettings
from tollway.snapshot import Snapshot
from tollway.storage.sqlite import SqliteStore
from tollway.workers import addresses, garbage
from tollway.workers.alerts import run_alerts
from tollway.workers.anchors import AnchorKeys, Anchors, keep_anchors
from tollway.workers.backfill import Backfill, keep_following
from tollway.workers.batches import collect_batches
from tollway.workers.history import History
from tollway.workers.keyring import Keyring
from tollway.workers.keys import keep_keys
from tollway.workers.masters import Masters
from tollway.workers.safe import Safe, keep_safe
from tollway.workers.sweep import keep_books
from tollway.workers.tokens import Tokens, keep_tokens

log = logging.getLogger("tollway")


class Runtime(msgspec.Struct, kw_only=True):
    """What the control plane may see and do."""

    settings: ProcessSettings
    store: SqliteStore
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
    issuers: Issuers = msgspec.field(default_factory=lambda: Issuers(Fetcher(addresses.refusal)))
    """Asks identity providers."""
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

    def is_admin(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.admin_token.encode())


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


async def serve(settings: ProcessSettings, *, announce: Callable[[str, Runtime, str | None], None]) -> None:
    """Runs the gateway until it is told to stop. Raises SettingsInvalid or StoreUnavailable before it listens.

    `announce(address, runtime, first_key)` is called once it answers; `first_key` is the gateway key that a first
    start made, shown this once.
    """
    if (points := os.environ.get("TOLLWAY_FAILPOINTS")) is not None:
        from tollway import failpoints

        failpoints.arm(points)
    map_large_blocks()
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.document
    first_key = None
    if settings.lenient and not path.exists():
        first_key = settings_file.make_first(settings.data, path)
    clock, calendar = Clock(elapsed=elapsed_ns), Calendar()
    store = SqliteStore(settings.data, sync="full" if settings.durability == "strict" else "normal")
    pepper, book, issued = kept_secrets.pepper(settings.data), _price_book(), Issued()
    safe = Safe(store.cabinet, Masters(settings.data))
    keyring = Keyring(store.cabinet, issued, pepper, clock.now, secrets.token_bytes)
    tokens = Tokens(store.cabinet, issued, pepper, clock.now, secrets.token_bytes)
    runtime = Runtime(
        settings=settings,
        store=store,
        calendar=calendar,
        clock=clock,
        keyring=keyring,
        tokens=tokens,
        anchors=Anchors(store, settings.anchors, AnchorKeys(settings.data), clock.now),
        admin_token=kept_secrets.admin_token(settings.data),
    )

    def compile_text(text: str, document: Document, revision: int, warn: Callable[[str], None]) -> Snapshot:
        resolve = settings_file.resolver(
            path.parent, warn=warn, sealed=safe.reveal if safe.loaded else lambda name: name
        )
        lenient = settings_file.without_missing_keys(resolve) if settings.lenient else resolve
        return compile_document(
            document,
            resolve=lenient,
            book=book,
            pepper=pepper,
            revision=revision,
            text=text,
            issued=issued,
            stored=safe.opened(),
        )

    def compile_settings(revision: int) -> tuple[str, Snapshot]:
        text, document = settings_file.read(path)
        return text, compile_text(text, document, revision, log.warning)

    # Before the store is opened: that presumes what a crash left open, once, and is to be followed by a start.
    text, snapshot = compile_settings(1)
    presumed = await store.open(clock.now())
    clock.begin(store.ledger.latest)
    transport, heavy = HttpTransport(), Heavy()
    runtime.heavy, runtime.safe = heavy, safe
    backfill = Backfill(store.ledger, store.budgets, calendar, clock.now)
    history = History(store.config, store.audit, clock.now)
    try:
        await kept_secrets.check_pepper(store.cabinet, pepper, clock.now())
        if await safe.load(clock.now()) or settings_file.SEALED in text:
            text, snapshot = await asyncio.to_thread(compile_settings, 1)
        await keyring.load()
        tokens.judge(lambda key: standing(key, snapshot.login, snapshot.issuers))
        await tokens.load()
        for name in sorted(issued.names & {key.name for key in snapshot.keys.values()}):
            log.error('a key "%s" of the settings has the name of one that was issued: budgets take them for one', name)
        snapshot = msgspec.structs.replace(snapshot, revision=await history.started(text))
        # What no earlier process of this budget has counted is counted before the first request.
        await backfill.take_over(snapshot, lambda: None, crashed=bool(presumed))
        world = World(
            store.ledger,
            store.records,
            transport,
            clock,
            {},
            learned=runtime.learned,
            jobs=store.jobs,
            heavy=heavy,
            attempts=runtime.attempts,
            issuers=runtime.issuers,
            key_used=lambda provider, name, refused: safe.note(provider, name, clock.now(), refused=refused),
        )
        world.prepare(snapshot)
        ids = Ids(RandomPool(os.urandom).take)
        entry = Entry(world=world, snapshot=snapshot, calendar=calendar, ids=ids, control=_control(runtime))
        runtime.entry = entry
        collector = Collector(world, lambda: entry.snapshot, ids)

        reloading = asyncio.Lock()

        async def reload(by: str) -> int:
            async with reloading:
                before = entry.snapshot
                # Thousands of budgets take seconds to read; the loop has requests to serve.
                text, fresh = await asyncio.to_thread(compile_settings, before.revision + 1)
                if text == before.document:
                    # The same text may lead to other secrets: a key file that was replaced.
                    fresh = msgspec.structs.replace(fresh, revision=before.revision)

                def put_in_force() -> None:
                    world.prepare(fresh)
                    entry.snapshot = fresh
                    tokens.judge(lambda key: standing(key, fresh.login, fresh.issuers))

                await backfill.take_over(fresh, put_in_force)
                await history.changed(before, fresh, by)
                return fresh.revision

        runtime.reload = reload
        runtime.compile = lambda text: compile_text(text, settings_file.parse(text), 0, lambda _: None)
        runtime.settings_path = path
        config = uvicorn.Config(
            entry,
            host=settings.host,
            port=settings.port,
            http=listener.Listener,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(settings.drain_s),
            backlog=2048,
        )

        def in_settings() -> set[str]:
            return {key.name for key in entry.snapshot.keys.values()}

        server = Server(config, runtime, lambda address: announce(address, runtime, first_key))
        async with asyncio.TaskGroup() as background:
            workers = [
                background.create_task(keep_books(store, clock)),
                background.create_task(keep_following(backfill)),
                background.create_task(keep_safe(safe, clock)),
                background.create_task(keep_keys(keyring, store.cabinet, clock.now, in_settings)),
                background.create_task(keep_tokens(tokens)),
                background.create_task(keep_anchors(runtime.anchors)),
                background.create_task(collect_batches(store.jobs, collector, clock)),
                background.create_task(
                    run_alerts(store, lambda: entry.snapshot, calendar, clock, ids.new, lambda: runtime.learned)
                ),
                background.create_task(listener.sweep(server.server_state.connections)),
                background.create_task(garbage.keep_collecting(lambda: not server.server_state.tasks)),
            ]
            entry.serving = entry.ready = True
            garbage.begin()
            try:
                await server.serve()
                await _finish(server)
                with contextlib.suppress(StoreUnavailable):
                    # The next process counts on all that was booked until now.
                    await backfill.follow()
                    await keyring.write_uses(in_settings())
                await runtime.anchors.finish()
            finally:
                for worker in workers:
                    worker.cancel()
    finally:
        await heavy.aclose()
        await transport.aclose()
        await store.close()


def _price_book() -> PriceBook:
    return PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


async def _finish(server: uvicorn.Server) -> None:
    """Waits for the requests that were told to stop: they still have their charges to settle."""
    pending = [task for task in server.server_state.tasks if not task.done()]
    if server.force_exit:
        for task in pending:
            task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=5)


def _control(runtime: Runtime) -> Asgi:
    """The control plane, built when it is first asked for: its imports would double the time of a cold start."""
    built: list[Asgi] = []
    lock = asyncio.Lock()

    def build() -> Asgi:
        from tollway.admin import create_admin

        # It lives as long as the process: to look through all of it, now or later, would hold everybody up for 60 ms.
        gc.disable()
        try:
            made = create_admin(runtime)
            gc.freeze()
        finally:
            gc.enable()
        return made

    async def control(scope: Any, receive: Any, send: Any) -> None:
        if not built:
            async with lock:
                if not built:
                    built.append(await asyncio.to_thread(build))
        await built[0](scope, receive, send)

    return control
