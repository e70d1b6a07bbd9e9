"""The gateway put together, in this process: its first start, what it refuses to start with, reloading, and draining."""

import asyncio
import gc
import json
import logging
import os
import signal
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tollway import app
from tollway.app import serve
from tollway.document import compile_document
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.ledger.entry import LedgerEntry
from tollway.proxy import listener
from tollway.proxy.transport import NoAnswer, NotSent, Response, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport
from tollway.running import Runtime
from tollway.settings import ProcessSettings
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Filter
from tollway.storage.sqlite import SqliteStore
from tollway.workers import garbage, upkeep
from tollway.workers.telemetry import Telemetry

KEY = "a-gateway-key-for-tests"
SOON_S = 20.0
SETTINGS = """\
providers:
  openai: {{api_key: "file:provider.key", base_url: "{url}/v1"}}
keys:
  - {{name: alice, secret: "file:alice.key", user: alice@example.com}}
budgets:
  - {{name: company, limit: "20", window: {{period: day, timezone: UTC}}}}
"""
ANSWER = json.dumps(
    {
        "id": "c1",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
    }
).encode()


STREAM = [
    b'data: {"id":"c1","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % word
    for word in (b"one", b"two", b"three")
]


@pytest.fixture(autouse=True)
def _no_token_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOLLWAY_ADMIN_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def process(folder: Path, **changes: Any) -> ProcessSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "data": folder / "data",
        "config": None,
        "durability": "relaxed",
        "drain_s": 10.0,
        "drain_delay_s": 0.0,
        "log_level": "warning",
    }
    return ProcessSettings(**{**values, **changes})


class Running:
    """A gateway that answers, and someone to ask it."""

    def __init__(self, url: str, runtime: Runtime, first_key: str | None) -> None:
        self.url = url
        self.runtime = runtime
        self.first_key = first_key
        self.transport = HttpTransport()

    async def ask(
        self, method: str, path: str, key: str = "", body: Any = None
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        fields = [(b"authorization", f"Bearer {key}".encode())] if key else []
        raw = json.dumps(body).encode() if body is not None else b""
        answer = await self.transport.send(UpstreamRequest(method, parse_url(self.url).at(path.encode()), fields, raw))
        assert not isinstance(answer, NotSent | NoAnswer), answer
        return answer.status, dict(answer.headers), await whole(answer)

    async def chat(self, key: str = KEY, said: str = "hi", **more: Any) -> tuple[int, dict[bytes, bytes], bytes]:
        body = {
            "model": "openai/gpt-4o-mini",
            "messages": [{"role": "user", "content": said}],
            "max_tokens": 50,
            **more,
        }
        return await self.ask("POST", "/v1/chat/completions", key, body)

    async def status(self, path: str) -> int:
        return (await self.ask("GET", path))[0]


async def whole(answer: Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await answer.read():
        pieces.append(piece)
    return b"".join(pieces)


@asynccontextmanager
async def running(settings: ProcessSettings) -> AsyncGenerator[tuple[Running, asyncio.Task[None]]]:
    """Serves until the context ends, or until it is told to stop within."""
    announced: asyncio.Future[Running] = asyncio.get_running_loop().create_future()

    def announce(url: str, runtime: Runtime, first_key: str | None) -> None:
        announced.set_result(Running(url, runtime, first_key))

    serving = asyncio.create_task(serve(settings, announce=announce))
    await asyncio.wait((serving, announced), return_when=asyncio.FIRST_COMPLETED)
    if not announced.done():
        await serving
    gateway = await announced
    try:
        yield gateway, serving
    finally:
        await gateway.transport.aclose()
        # Where it has failed and let go of the signal already, the signal would end the tests.
        if not serving.done() and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, SOON_S)


class Upstream:
    """A provider whose answers wait until the test lets them go."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[bytes] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.url = ""
        self.tasks: set[asyncio.Task[Any]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().partition(b": ")[::2] for line in head.split(b"\r\n")[1:])
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                self.asked.put_nowait(head)
                await self.open.wait()
                if b'"stream"' in body:
                    writer.write(
                        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                    )
                    writer.write(b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in STREAM))
                    if b"break off" in body:
                        return
                    writer.write(b"0\r\n\r\n")
                    continue
                length = str(len(ANSWER)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                    + length
                    + b"\r\n\r\n"
                    + ANSWER
                )
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # cancelled by `upstream` alone
        finally:
            self.tasks.discard(task)
            writer.close()


@asynccontextmanager
async def upstream(folder: Path) -> AsyncGenerator[Upstream]:
    """A provider, and the settings file that names it."""
    provider = Upstream()
    server = await asyncio.start_server(provider, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    (folder / "provider.key").write_text("sk-provider\n")
    (folder / "alice.key").write_text(KEY + "\n")
    (folder / "tollway.yaml").write_text(SETTINGS.format(url=provider.url))
    try:
        yield provider
    finally:
        server.close()
        for task in tuple(provider.tasks):
            task.cancel()
        await asyncio.gather(*provider.tasks, return_exceptions=True)
        await server.wait_closed()


async def until_refused(url: str) -> None:
    """Returns once nothing listens there any more."""
    parsed = parse_url(url)
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(parsed.host, parsed.port)
                writer.close()
            except ConnectionRefusedError:
                return
            except ConnectionError:
                pass  # it was in the queue when the listener closed
            await asyncio.sleep(0.02)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def entries(folder: Path) -> list[LedgerEntry]:
    """The ledger of a gateway that has ended."""
    store = SqliteStore(folder / "data")
    assert list(await store.open(0)) == [], "it left a reservation open"
    try:
        page = await store.records.entries(Filter(), limit=10, cursor=None)
        return [item for item in page.items if isinstance(item, LedgerEntry)]
    finally:
        await store.close()


# Starting.


async def test_a_first_start_makes_settings_a_key_and_a_token_that_only_the_owner_reads(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(process(tmp_path)) as (gateway, _):
        assert mode(data) == 0o700
        assert mode(data / "first.key") == mode(data / "admin-token") == 0o600
        key, token = (data / "first.key").read_text().strip(), (data / "admin-token").read_text().strip()
        assert gateway.first_key == key
        assert gateway.runtime.is_admin(token)
        assert not gateway.runtime.is_admin(token[:-1])
        assert not gateway.runtime.is_admin("")
        assert key not in (data / "tollway.yaml").read_text()

        status, _, body = await gateway.ask("GET", "/v1/budget", key)
        assert (status, [row["budget"] for row in json.loads(body)["budgets"]]) == (200, ["everyone"])
        assert (await gateway.ask("GET", "/api/v1/status", token))[0] == 200
        assert (await gateway.ask("GET", "/api/v1/status", key))[0] == 401


async def test_a_second_start_keeps_what_the_first_one_made_and_shows_no_key(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = ("tollway.yaml", "first.key", "admin-token")
    async with running(process(tmp_path)) as (gateway, _):
        token, revision = gateway.runtime.admin_token, gateway.runtime.snapshot.revision
    before = [(data / name).read_text() for name in made]
    async with running(process(tmp_path)) as (gateway, _):
        assert [(data / name).read_text() for name in made] == before
        assert (gateway.first_key, gateway.runtime.admin_token, gateway.runtime.snapshot.revision) == (
            None,
            token,
            revision,
        )


async def test_a_token_from_the_environment_is_used_and_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_ADMIN_TOKEN", "sixteen-letters!")
    async with running(process(tmp_path)) as (gateway, _):
        assert gateway.runtime.is_admin("sixteen-letters!")
    assert not (tmp_path / "data" / "admin-token").exists()


@pytest.mark.parametrize("token", ["", "fifteen-letters"])
async def test_a_short_token_is_refused_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("TOLLWAY_ADMIN_TOKEN", token)
    with pytest.raises(SettingsInvalid, match=f"TOLLWAY_ADMIN_TOKEN has {len(token)} characters; use 16 or more"):
        await serve(process(tmp_path), announce=_never)
    assert not (tmp_path / "data" / "tollway.db").exists()


def _never(url: str, runtime: Runtime, first_key: str | None) -> None:
    raise AssertionError(f"it listens on {url}")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("budgets: [", "not YAML"),
        ("budget: []", "budget"),
        ('providers: {openai: {api_key: "env:TOLLWAY_NOT_SET"}}', "TOLLWAY_NOT_SET is not set"),
        ('providers: {openai: {api_key: "file:nowhere.key"}}', "nowhere.key"),
        ("budgets: [{name: b, limit: 0.1, window: {period: day}}]", "not exact"),
    ],
)
async def test_settings_that_cannot_be_used_end_the_start_before_it_listens_or_opens_the_ledger(
    tmp_path: Path, settings: str, why: str
) -> None:
    config = tmp_path / "tollway.yaml"
    config.write_text(settings)
    with pytest.raises(SettingsInvalid, match=why):
        await serve(process(tmp_path, config=config), announce=_never)
    assert not (tmp_path / "data" / "tollway.db").exists()


async def test_a_settings_file_that_is_named_and_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        await serve(process(tmp_path, config=tmp_path / "elsewhere.yaml"), announce=_never)
    assert not (tmp_path / "elsewhere.yaml").exists()
    assert not (tmp_path / "data" / "first.key").exists()


async def test_a_data_folder_serves_one_gateway_at_a_time(tmp_path: Path) -> None:
    async with running(process(tmp_path)):
        with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
            await serve(process(tmp_path), announce=_never)


async def test_a_first_starts_settings_need_no_provider_key_but_a_call_does(tmp_path: Path) -> None:
    async with running(process(tmp_path)) as (gateway, _):
        assert gateway.first_key is not None
        status, headers, _ = await gateway.chat(gateway.first_key)
        assert (status, headers[b"tollway-error"]) == (401, b"provider_key_missing")


# Reloading.


async def test_a_reload_puts_new_settings_in_force_and_keeps_each_revision(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, _):
        reload = gateway.runtime.reload
        assert reload is not None
        assert (await gateway.chat())[0] == 200

        config.write_text(config.read_text().replace('limit: "20"', 'limit: "0"'))
        assert await reload("file") == 2
        status, headers, _ = await gateway.chat()
        assert (status, headers[b"tollway-error"]) == (429, b"budget_exceeded")
        assert await reload("file") == 2, "nothing has changed"
    store = SqliteStore(tmp_path / "data")
    await store.open(0)
    history = await store.config.history(limit=10)
    await store.close()
    assert [(revision.number, revision.by) for revision in history] == [(2, "file"), (1, "file")]
    assert history[0].document == config.read_text()


@pytest.mark.parametrize("bad", ["budgets: [", "budget: []", ""])
async def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, bad: str) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, _):
        before = gateway.runtime.snapshot
        assert gateway.runtime.reload is not None
        if bad:
            config.write_text(bad)
        else:
            config.unlink()
        with pytest.raises(SettingsInvalid):
            await gateway.runtime.reload("file")
        assert gateway.runtime.snapshot is before
        assert (await gateway.chat())[0] == 200


async def test_a_secret_that_was_replaced_in_its_file_is_in_force_after_a_reload_of_the_same_text(
    tmp_path: Path,
) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path) as provider, running(process(tmp_path, config=config)) as (gateway, _):
        assert (await gateway.chat())[0] == 200
        assert b"Bearer sk-provider\r\n" in await provider.asked.get()
        (tmp_path / "provider.key").write_text("sk-rotated")
        (tmp_path / "alice.key").write_text("another-gateway-key")
        assert gateway.runtime.reload is not None
        assert await gateway.runtime.reload("file") == 1
        assert (await gateway.chat())[1][b"tollway-error"] == b"credential_unknown"
        assert (await gateway.chat("another-gateway-key"))[0] == 200
        assert b"Bearer sk-rotated\r\n" in await provider.asked.get()


async def test_a_revision_that_cannot_be_kept_does_not_end_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, serving):
        tried = asyncio.Event()

        async def save(document: str, *, by: str, at: int) -> None:
            tried.set()
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(gateway.runtime.store.config, "save", save)
        config.write_text(config.read_text().replace('limit: "20"', 'limit: "30"'))
        assert gateway.runtime.reload is not None
        assert await gateway.runtime.reload("file") == 2
        await tried.wait()
        assert (await gateway.chat())[0] == 200
        assert not serving.done()
        assert gateway.runtime.snapshot.budgets[0].limit == 30_000_000_000


async def test_a_hangup_reloads_and_a_bad_file_then_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tollway")
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, serving):
        good = config.read_text()
        config.write_text(good.replace('limit: "20"', 'limit: "30"'))
        await _hang_up(gateway, lambda: "settings reloaded" in caplog.text)
        assert gateway.runtime.snapshot.budgets[0].limit == 30_000_000_000
        config.write_text("budgets: [")
        await _hang_up(gateway, lambda: "were not reloaded" in caplog.text)
        assert gateway.runtime.snapshot.budgets[0].limit == 30_000_000_000
        assert not serving.done()


@pytest.mark.parametrize("braces", [True, False])
async def test_settings_that_cannot_be_edited_are_told_of_once_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, braces: bool
) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path):
        if braces:
            config.write_text(json.dumps(yaml.safe_load(config.read_text())))
        async with running(process(tmp_path, config=config)) as (gateway, _):
            assert gateway.runtime.reload is not None
            await gateway.runtime.reload("file")
            assert (await gateway.chat())[0] == 200
            status = json.loads((await gateway.ask("GET", "/api/v1/status", gateway.runtime.admin_token))[2])
    told = [record.getMessage() for record in caplog.records if "written in braces" in record.getMessage()]
    shown = [said for said in status["warnings"] if "written in braces" in said]
    assert told == shown and len(told) == int(braces)
    assert all(repr(str(config)) in said for said in told)


async def _hang_up(gateway: Running, handled: Callable[[], bool]) -> None:
    """SIGHUP, and requests behind it until it has been handled."""
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(20):
        while not handled():
            assert await gateway.status("/health") == 200


async def test_a_request_keeps_the_settings_it_began_with(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path) as provider, running(process(tmp_path, config=config)) as (gateway, _):
        provider.open.clear()
        asking = asyncio.create_task(gateway.chat())
        await provider.asked.get()
        config.write_text(config.read_text().replace('limit: "20"', 'limit: "0"'))
        assert gateway.runtime.reload is not None
        await gateway.runtime.reload("file")
        provider.open.set()
        status, headers, _ = await asking
        assert (status, headers[b"tollway-budget-limit-usd"]) == (200, b"20")


# Ending.


async def test_a_gateway_that_drains_says_so_takes_more_for_a_while_and_finishes_what_runs(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    async with (
        upstream(tmp_path) as provider,
        running(process(tmp_path, config=config, drain_delay_s=0.5)) as (gateway, serving),
    ):
        assert await gateway.status("/ready") == 200
        provider.open.clear()
        asking = asyncio.create_task(gateway.chat())
        await provider.asked.get()

        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(SOON_S):
            while (ready := await gateway.ask("GET", "/ready"))[0] == 200:
                pass
        assert (ready[0], json.loads(ready[2])) == (503, {"ready": False})
        # A load balancer may not have noticed yet.
        assert await gateway.status("/health") == 200
        assert (await gateway.ask("GET", "/v1/budget", KEY))[0] == 200

        await until_refused(gateway.url)
        assert not asking.done() and not serving.done()
        provider.open.set()
        status, headers, body = await asking
        assert (status, headers[b"tollway-cost-usd"], body) == (200, b"0.000009", ANSWER)
        await asyncio.wait_for(serving, SOON_S)
    (settled,) = await entries(tmp_path)
    assert (settled.kind, settled.charge.amount) == ("charge", 20 * 150 + 10 * 600)


async def test_what_still_runs_when_the_time_is_up_is_ended_and_its_money_is_accounted_for(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    async with (
        upstream(tmp_path) as provider,
        running(process(tmp_path, config=config, drain_s=1.0)) as (gateway, serving),
    ):
        provider.open.clear()
        asking = asyncio.create_task(gateway.chat())
        await provider.asked.get()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, SOON_S)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        provider.open.set()
    (settled,) = await entries(tmp_path)
    assert settled.kind == "presumed"
    assert settled.charge.amount > 50 * 600


async def test_the_ledger_is_let_go_of_at_the_end(tmp_path: Path) -> None:
    for _ in range(2):
        async with running(process(tmp_path)) as (gateway, serving):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(serving, SOON_S)
            await until_refused(gateway.url)
    assert await entries(tmp_path) == []


# The control plane.


async def test_the_control_plane_is_built_once_however_many_ask_first(tmp_path: Path) -> None:
    async with running(process(tmp_path)) as (gateway, _):
        token = gateway.runtime.admin_token
        answers = await asyncio.gather(*(gateway.ask("GET", "/api/v1/status", token) for _ in range(5)))
        assert [status for status, _, _ in answers] == [200] * 5


async def test_a_reload_leaves_the_event_loop_to_the_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_in: list[int] = []

    def watched(*given: Any, **named: Any) -> Snapshot:
        compiled_in.append(threading.get_ident())
        return compile_document(*given, **named)

    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, _):
        assert gateway.runtime.reload is not None
        monkeypatch.setattr("tollway.app.compile_document", watched)
        config.write_text(config.read_text().replace('limit: "20"', 'limit: "30"'))
        assert await gateway.runtime.reload("file") == 2
        assert len(compiled_in) == 1
        assert compiled_in[0] != threading.get_ident()


async def test_traffic_leaves_nothing_to_the_collector_of_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is logged is kept by the test runner.
    monkeypatch.setattr(logging.getLogger("tollway.proxy"), "disabled", True)
    config = tmp_path / "tollway.yaml"
    async with upstream(tmp_path), running(process(tmp_path, config=config)) as (gateway, _):
        token = gateway.runtime.admin_token

        async def ask(times: int) -> None:
            for _ in range(times):
                assert (await gateway.chat())[0] == 200
                assert await gateway.status("/nothing/here") == 404
                # Held as it flows, with a watch on its hold; the second one breaks off.
                assert b"three" in (await gateway.chat(stream=True, max_tokens=9_000))[2]
                assert b"broke off" in (await gateway.chat(said="break off", stream=True, max_tokens=9_000))[2]
            # What told no usage is counted behind its end.
            async with asyncio.timeout(SOON_S):
                while json.loads((await gateway.ask("GET", "/api/v1/status", token))[2])["open_reservations"]:
                    await asyncio.sleep(0.02)

        await ask(5)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await ask(50)
            gc.collect()
            # What clocks, timers and the provider of this test leave is not of the requests.
            left = [found for found in gc.garbage if type(found).__module__.startswith(("tollway", "uvicorn"))]
            assert len(left) < 10, [type(found) for found in left[:20]]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


WORKERS = (
    "keep_books", "keep_following", "keep_rollups", "keep_log", "keep_bodies", "keep_safe", "keep_exporting", "keep_keys",
    "keep_tokens", "keep_anchors", "collect_batches", "run_alerts", "listener.sweep", "garbage.keep_collecting",
    "Telemetry.run",
)  # fmt: skip


async def test_every_worker_that_fails_begins_again_and_the_gateway_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, int] = dict.fromkeys(WORKERS, 0)
    all_again = asyncio.Event()

    def failing(name: str) -> Callable[..., Any]:
        async def work(*_: Any, **__: Any) -> None:
            begun[name] += 1
            if begun[name] == 1:
                raise OverflowError(f"{name} could not")
            if all(times > 1 for times in begun.values()):
                all_again.set()
            await asyncio.Event().wait()

        return work

    for name in WORKERS:
        owner, _, attribute = name.rpartition(".")
        holder = {"": app, "listener": listener, "garbage": garbage, "Telemetry": Telemetry}[owner]
        monkeypatch.setattr(holder, attribute, failing(name))
    monkeypatch.setattr(upkeep.Upkeep.__init__, "__kwdefaults__", {"first_pause_s": 0.0, "now_s": time.monotonic})
    async with (
        upstream(tmp_path),
        running(process(tmp_path, config=tmp_path / "tollway.yaml")) as (gateway, serving),
        asyncio.timeout(SOON_S),
    ):
        await all_again.wait()
        assert not serving.done()
        assert (await gateway.chat())[0] == 200
        assert sorted(gateway.runtime.upkeep.failures.values()) == [1] * len(WORKERS)
        token = gateway.runtime.admin_token
        warnings = json.loads((await gateway.ask("GET", "/api/v1/status", token))[2])["warnings"]
        assert any(
            "rollups, 1 times, last with OverflowError: keep_rollups could not. This is a" in words
            for words in warnings
        )
        metrics = (await gateway.ask("GET", "/metrics", token))[2]
        assert b'tollway_worker_failures_total{worker="rollups"} 1' in metrics
