"""Puts everything together: the only module that names a backend.

One process, one event loop: the listener, the ledger's counters, the upstream connections and the workers share it.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
from collections.abc import Callable
from importlib import resources
from typing import Any

import msgspec
import uvicorn

from tollway.budgets.window import Calendar
from tollway.cli import kept_secrets, settings_file
from tollway.clock import Clock, elapsed_ns
from tollway.document import Document, compile_document
from tollway.document.text import why_not_edited
from tollway.errors import StoreUnavailable
from tollway.identity.grants import standing
from tollway.identity.issued import Issued
from tollway.ids import Ids, RandomPool
from tollway.pricing.price import FILE, PriceBook
from tollway.proxy import listener
from tollway.proxy.collect import Collector
from tollway.proxy.heavy import Heavy
from tollway.proxy.memory import map_large_blocks
from tollway.proxy.server import Asgi, Entry
from tollway.proxy.upstream.client import HttpTransport
from tollway.proxy.world import World
from tollway.running import Runtime, Server, telemetry_of
from tollway.settings import ProcessSettings
from tollway.snapshot import Snapshot
from tollway.storage.cached import Answers, MemoryAnswers
from tollway.storage.opening import store_at
from tollway.storage.repeats import Repeats
from tollway.storage.sqlite.answers import SqliteAnswers
from tollway.storage.sqlite.repeats import SqliteShelf
from tollway.workers import garbage
from tollway.workers.alerts import run_alerts
from tollway.workers.anchors import AnchorKeys, Anchors, keep_anchors
from tollway.workers.backfill import Backfill, keep_following
from tollway.workers.batches import collect_batches
from tollway.workers.exporting import exporting_of, keep_exporting
from tollway.workers.history import History
from tollway.workers.keyring import Keyring
from tollway.workers.keys import keep_keys
from tollway.workers.masters import Masters
from tollway.workers.retention import keep_bodies, keep_log
from tollway.workers.rollups import keep_rollups
from tollway.workers.safe import Safe, keep_safe
from tollway.workers.sweep import keep_books
from tollway.workers.tokens import Tokens, keep_tokens
from tollway.workers.upkeep import Work

log = logging.getLogger("tollway")


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
    sync = "full" if settings.durability == "strict" else "normal"
    store = store_at(settings.database, settings.data, sync=sync)
    pepper, book, issued = kept_secrets.pepper(settings.data), _price_book(), Issued()
    safe = Safe(store.cabinet, Masters(settings.data))
    keyring = Keyring(store.cabinet, issued, pepper, clock.now, secrets.token_bytes)
    tokens = Tokens(store.cabinet, issued, pepper, clock.now, secrets.token_bytes)
    administrators = kept_secrets.admin_token(settings.data)
    issued.others = (administrators,)
    runtime = Runtime(
        settings=settings,
        store=store,
        calendar=calendar,
        clock=clock,
        keyring=keyring,
        tokens=tokens,
        anchors=Anchors(store, settings.anchors, AnchorKeys(settings.data), clock.now),
        admin_token=administrators,
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
    if (why := why_not_edited(text, f"Settings file {str(path)!r}")) is not None:
        log.warning("%s", why)
    presumed = await store.open(clock.now())
    clock.begin(store.ledger.latest)
    transport, heavy = HttpTransport(), Heavy()
    telemetry = runtime.telemetry = telemetry_of(store, clock, os.environ)
    runtime.heavy, runtime.safe = heavy, safe
    answers = runtime.answers = _answers(settings)
    repeats = runtime.repeats = Repeats(SqliteShelf(settings.data, sync=sync))
    backfill = Backfill(store.ledger, store.budgets, calendar, clock.now)
    history = History(store.config, store.audit, clock.now)
    try:
        await kept_secrets.check_pepper(store.cabinet, pepper, clock.now())
        await store.settle_in()
        if await safe.load(clock.now()) or settings_file.SEALED in text:
            text, snapshot = await asyncio.to_thread(compile_settings, 1)
        await keyring.load()
        await keyring.remember(snapshot.keys.values())
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
            rates=runtime.rates,
            scoring=runtime.scoring,
            answers=answers,
            repeats=repeats,
            bodies=store.bodies,
            health=runtime.health,
            telemetry=telemetry,
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

                await keyring.remember(fresh.keys.values())

                def put_in_force() -> None:
                    world.prepare(fresh)
                    entry.snapshot = fresh
                    tokens.judge(lambda key: standing(key, fresh.login, fresh.issuers))

                await backfill.take_over(fresh, put_in_force)
                await history.changed(before, fresh, by)
                return fresh.revision

        runtime.reload = reload
        exporting = runtime.exporting = exporting_of(
            store, lambda: entry.snapshot, calendar, clock.now, settings.export_dir
        )
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

            def keep(name: str, work: Work) -> asyncio.Task[None]:
                return background.create_task(runtime.upkeep.keep(name, work))

            workers = [
                keep("books", lambda: keep_books(store, clock)),
                keep("following of changed budgets", lambda: keep_following(backfill)),
                keep("rollups", lambda: keep_rollups(store.analytics)),
                keep("telemetry", telemetry.run),
                keep(
                    "retention of the log",
                    lambda: keep_log(
                        store.analytics,
                        clock.now,
                        days=settings.log_retention_days,
                        rows=settings.log_retention_rows,
                    ),
                ),
                keep(
                    "retention of bodies",
                    lambda: keep_bodies(
                        store.bodies,
                        store.logged,
                        clock.now,
                        days=settings.body_retention_days,
                        requests=settings.body_retention_requests,
                        limit_bytes=settings.bodies_size_mb * 1_048_576,
                    ),
                ),
                keep("use of provider keys", lambda: keep_safe(safe, clock)),
                keep("exports", lambda: keep_exporting(exporting)),
                keep("use of gateway keys", lambda: keep_keys(keyring, store.cabinet, clock.now, in_settings)),
                keep("tokens", lambda: keep_tokens(tokens)),
                keep("anchors of the audit log", lambda: keep_anchors(runtime.anchors)),
                keep("batches", lambda: collect_batches(store.jobs, collector, clock)),
                keep(
                    "alerts",
                    lambda: run_alerts(
                        store,
                        lambda: entry.snapshot,
                        calendar,
                        clock,
                        ids.new,
                        lambda: runtime.learned,
                        exporting.failing,
                    ),
                ),
                keep("deadlines of connections", lambda: listener.sweep(server.server_state.connections)),
                keep("garbage", lambda: garbage.keep_collecting(lambda: not server.server_state.tasks)),
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
        await telemetry.aclose()
        await heavy.aclose()
        await transport.aclose()
        await answers.close()
        await repeats.close()
        await store.close()


def _answers(settings: ProcessSettings) -> Answers:
    """Nothing of them is on the disk before a first one is asked for."""
    memory_bytes = settings.cache_memory_mb * 1_048_576
    if settings.cache_size_mb == 0:
        return MemoryAnswers(memory_bytes)
    return SqliteAnswers(settings.data, limit_bytes=settings.cache_size_mb * 1_048_576, memory_bytes=memory_bytes)


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
