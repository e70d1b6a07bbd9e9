"""What a caller sees of the driver, over real sockets: bytes, order, back-pressure, hanging up, broken providers."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tollway.app import serve
from tollway.running import Runtime
from tollway.settings import read_settings
from tollway.storage.protocol import Filter

KEY = "a-gateway-key-for-tests"
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes, bytes], Awaitable[None]]


class Upstream:
    """A provider that does what a script says, once for each request; it keeps what it was sent."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                self.heads.append(head)
                self.bodies.append(body)
                await self.script(reader, writer, head, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        finally:
            writer.close()


def whole(body: bytes, *, status: str = "200 OK", headers: bytes = b"", kind: bytes = b"application/json") -> Script:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(
            b"HTTP/1.1 %s\r\ncontent-type: %s\r\n%scontent-length: %d\r\n\r\n%s"
            % (status.encode(), kind, headers, len(body), body)
        )
        await writer.drain()

    return script


@contextlib.asynccontextmanager
async def gateway(
    tmp_path: Path, script: Script, sections: dict[str, Any] | None = None, **provider: Any
) -> AsyncIterator[tuple[str, int, Upstream, Runtime]]:
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = {
        "providers": {"openai": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "sk-provider", **provider}},
        "keys": [{"name": "tests", "secret": KEY, "user": "tests"}],
        "budgets": [{"name": "all", "limit": "1", "window": {"period": "total"}}],
        **(sections or {}),
    }
    config = tmp_path / "tollway.yaml"
    config.write_text(json.dumps(settings))
    listening: asyncio.Future[tuple[str, Runtime]] = asyncio.get_running_loop().create_future()
    options = {"config": str(config), "data": str(tmp_path / "data"), "port": "0", "drain": "1"}
    running = asyncio.create_task(
        serve(read_settings(options, {}), announce=lambda address, runtime, _: listening.set_result((address, runtime)))
    )
    await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    address, runtime = listening.result()
    host, _, own = address.removeprefix("http://").rpartition(":")
    try:
        yield host, int(own), upstream, runtime
    finally:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGTERM)
        await running
        server.close()


async def send(
    host: str,
    port: int,
    body: Any,
    headers: bytes = b"",
    path: bytes = b"/openai/v1/chat/completions",
    method: bytes = b"POST",
) -> Any:
    reader, writer = await asyncio.open_connection(host, port)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    writer.write(
        b"%s %s HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
        % (method, path, KEY.encode(), headers, len(raw), raw)
    )
    await writer.drain()
    return reader, writer


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines if line)}
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers[b"content-length"]))
    return int(first.split()[1]), headers, body


async def counted(runtime: Any) -> None:
    """What a cut stream has shown is counted behind its end, by a process that has to begin first."""
    async with asyncio.timeout(20):
        while spent(runtime)[1]:
            await asyncio.sleep(0.01)


def spent(runtime: Runtime) -> tuple[int, int]:
    """Spent and held of the one budget."""
    from tollway.ledger.reservation import Hold

    (balance,) = runtime.store.ledger.balances([Hold("all", 0, 0, 0, 10**9)])
    return balance.spent, balance.held


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def event(said: Any) -> bytes:
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def chunked(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WORD = event({"choices": [{"index": 0, "delta": {"content": "word"}, "finish_reason": None}]})


async def test_an_answer_passes_byte_for_byte_with_its_cost_in_the_head(tmp_path: Path) -> None:
    body = (
        b'{ "usage" : {"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}, "choices": [] , "x":"\xc3\xa4" }\n'
    )
    async with gateway(tmp_path, whole(body)) as (host, port, upstream, runtime):
        reader, writer = await send(host, port, CHAT)
        status, headers, seen = await answer(reader)
        writer.close()
        assert (status, seen) == (200, body)
        assert headers[b"tollway-cost-usd"] == b"0.0000045"
        assert headers[b"tollway-budget-remaining-usd"] == b"0.9999955"
        assert spent(runtime) == (4_500, 0)
        assert json.loads(upstream.bodies[0]) == CHAT
        assert b"authorization: Bearer sk-provider" in upstream.heads[0]
        assert KEY.encode() not in upstream.heads[0]


async def test_the_first_event_is_out_before_the_last_is_in(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        await seen.wait()
        writer.write(chunked(event({"choices": [], "usage": USAGE})) + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
        reader, writer = await send(host, port, body)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"word") and not seen.is_set()
        seen.set()
        await reader.readuntil(b"[DONE]\n\n")
        writer.close()
        await until(lambda: spent(runtime) == (4_500, 0))


async def test_a_caller_that_hangs_up_closes_the_providers_stream_and_is_charged_what_was_seen(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        await reader.read()  # until the gateway hangs up
        upstream.closed.set()

    async with gateway(tmp_path, script) as (host, port, upstream, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True})
        await reader.readuntil(b"word")
        writer.transport.abort()
        async with asyncio.timeout(5):
            await upstream.closed.wait()
        await until(lambda: spent(runtime)[1] == 0)
        assert spent(runtime)[0] > 0


async def test_a_caller_that_hangs_up_behind_the_providers_own_end_has_had_it_all(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD) + chunked(event({"choices": [], "usage": USAGE})))
        # As some do, it leaves the connection open behind its last event.
        writer.write(chunked(b"data: [DONE]\n\n"))
        await writer.drain()
        await reader.read()

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True, "stream_options": {"include_usage": True}})
        await reader.readuntil(b"[DONE]\n\n")
        writer.transport.abort()
        await until(lambda: spent(runtime) == (4_500, 0))
        await runtime.store.records.flush()
        (record,) = (await runtime.store.records.records(Filter(), limit=10, cursor=None)).items
        assert (record.status, record.code) == (200, "")


async def test_a_caller_that_hangs_up_before_the_answer_is_charged_the_hold(tmp_path: Path) -> None:
    asked_for = asyncio.Event()

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        asked_for.set()
        await reader.read()
        upstream.closed.set()

    async with gateway(tmp_path, script) as (host, port, upstream, runtime):
        _, writer = await send(host, port, CHAT)
        await asked_for.wait()
        held = spent(runtime)[1]
        writer.transport.abort()
        async with asyncio.timeout(5):
            await upstream.closed.wait()
        await until(lambda: spent(runtime) == (held, 0))
        assert held > 0


@pytest.mark.parametrize(
    ("status", "released"), [("400 Bad Request", True), ("429 Too Many", True), ("500 Oops", True), ("503 Busy", True)]
)
async def test_a_providers_error_passes_as_it_came_and_costs_nothing(
    tmp_path: Path, status: str, released: bool
) -> None:
    body = b'{"error": {"message": "no", "type": "x"}}'
    script = whole(body, status=status, headers=b"retry-after: 7\r\nset-cookie: a=b\r\nx-request-id: r1\r\n")
    async with gateway(tmp_path, script) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        seen, headers, raw = await answer(reader)
        writer.close()
        assert (seen, raw) == (int(status[:3]), body)
        assert headers[b"retry-after"] == b"7" and headers[b"x-request-id"] == b"r1"
        assert b"set-cookie" not in headers
        assert spent(runtime) == (0, 0)


async def test_a_provider_that_breaks_off_in_mid_stream_is_told_in_the_stream(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        writer.transport.abort()

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True})
        status, _, raw = await answer(reader)
        writer.close()
        assert status == 200
        last = json.loads(raw.rstrip().rpartition(b"data: ")[2])
        assert last["error"]["code"] == "upstream_invalid"
        await counted(runtime)
        assert spent(runtime)[0] > 0 and spent(runtime)[1] == 0


async def test_a_provider_that_says_nothing_is_a_504_and_counts_as_spent(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        await reader.read()

    async with gateway(tmp_path, script, first_byte_timeout_s=0.2) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, _, raw = await answer(reader)
        writer.close()
        assert status == 504 and json.loads(raw)["error"]["code"] == "upstream_timeout"
        assert spent(runtime)[0] > 0 and spent(runtime)[1] == 0


async def test_a_provider_that_is_not_there_is_a_502_and_costs_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(b"{}"), base_url="http://127.0.0.1:1/v1") as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, headers, raw = await answer(reader)
        writer.close()
        assert status == 502 and json.loads(raw)["error"]["code"] == "upstream_unreachable"
        assert headers[b"x-should-retry"] == b"true"
        assert spent(runtime) == (0, 0)


async def test_a_compressed_answer_passes_compressed_and_is_metered(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps({"choices": [], "usage": USAGE}).encode())
    async with gateway(tmp_path, whole(packed, headers=b"content-encoding: gzip\r\n")) as (
        host,
        port,
        upstream,
        runtime,
    ):
        reader, writer = await send(host, port, CHAT, headers=b"accept-encoding: gzip\r\n")
        _, headers, raw = await answer(reader)
        writer.close()
        assert raw == packed and headers[b"content-encoding"] == b"gzip"
        assert spent(runtime) == (4_500, 0)
        assert b"accept-encoding: identity" in upstream.heads[0].lower()


async def test_an_answer_in_an_encoding_that_cannot_be_read_counts_as_its_hold(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(b"\x8b\x02", headers=b"content-encoding: br\r\n")) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, _, raw = await answer(reader)
        writer.close()
        assert (status, raw) == (200, b"\x8b\x02")
        assert spent(runtime)[0] > 4_500


async def test_the_usage_chunk_is_asked_for_and_taken_out_again(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        pieces = WORD + event({"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"
        writer.write(
            STREAM_HEAD + b"".join(chunked(pieces[i : i + 7]) for i in range(0, len(pieces), 7)) + b"0\r\n\r\n"
        )
        await writer.drain()

    async with gateway(tmp_path, script) as (host, port, upstream, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True})
        _, _, raw = await answer(reader)
        writer.close()
        assert raw == WORD + b"data: [DONE]\n\n"
        assert json.loads(upstream.bodies[0])["stream_options"] == {"include_usage": True}
        await until(lambda: spent(runtime) == (4_500, 0))


async def test_a_slow_reader_holds_the_provider_back(tmp_path: Path) -> None:
    filler = event({"choices": [{"index": 0, "delta": {"content": "x" * 8000}, "finish_reason": None}]})
    sent = 0
    total = 3000

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        nonlocal sent
        writer.write(STREAM_HEAD)
        for _ in range(total):
            writer.write(chunked(filler))
            await writer.drain()
            sent += 1

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        _, writer = await send(host, port, {**CHAT, "stream": True})
        # Nothing is read. What was sent stops growing well before the whole 24 MB: sockets and buffers are full.
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert 0 < sent < total
        writer.transport.abort()
        await until(lambda: spent(runtime)[1] == 0)


async def test_two_hundred_requests_go_over_one_connection_of_a_caller(tmp_path: Path) -> None:
    body = json.dumps({"choices": [], "usage": USAGE}).encode()
    async with gateway(tmp_path, whole(body)) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        raw = json.dumps(CHAT).encode()
        for _ in range(199):
            await answer(reader)
            writer.write(
                b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
                % (KEY.encode(), len(raw), raw)
            )
        await answer(reader)
        writer.close()
        assert spent(runtime) == (200 * 4_500, 0)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_error_that_repeats_the_providers_key_is_shown_without_it(tmp_path: Path, packed: bool) -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-provider. (sk-provider)"}}'
    sent, headers = (gzip.compress(body), b"content-encoding: gzip\r\n") if packed else (body, b"")
    async with gateway(tmp_path, whole(sent, status="401 Unauthorized", headers=headers)) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, shown, seen = await answer(reader)
        writer.close()
        assert (status, seen) == (401, body.replace(b"sk-provider", b"[redacted]"))
        assert b"content-encoding" not in shown and int(shown[b"content-length"]) == len(seen)
        assert spent(runtime) == (0, 0)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "304 Not Modified", "307 Temporary"])
async def test_a_redirect_of_a_provider_is_not_followed_and_costs_nothing(tmp_path: Path, status: str) -> None:
    script = whole(b"" if status[:3] == "304" else b"{}", status=status, headers=b"location: http://127.0.0.1:1/\r\n")
    async with gateway(tmp_path, script) as (host, port, upstream, runtime):
        reader, writer = await send(host, port, CHAT)
        seen, headers, raw = await answer(reader)
        writer.close()
        assert seen == 502 and json.loads(raw)["error"]["code"] == "upstream_invalid"
        assert b"location" not in headers and len(upstream.heads) == 1
        assert spent(runtime) == (0, 0)


async def test_a_stream_that_ends_with_the_gateway_says_so(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        await reader.read()

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True})
        await reader.readuntil(b"word")
        # What a second SIGTERM comes to: the provider's connections are closed under their streams.
        assert runtime.entry is not None
        await runtime.entry._world.transport.aclose()
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        assert b'"code":"shutting_down"' in rest and b"upstream_invalid" not in rest
        await counted(runtime)
        assert spent(runtime)[0] > 0 and spent(runtime)[1] == 0


async def test_javas_client_is_served_over_a_real_socket(tmp_path: Path) -> None:
    body = json.dumps({"choices": [], "usage": USAGE}).encode()
    async with gateway(tmp_path, whole(body)) as (host, port, upstream, _):
        switch = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n"
        reader, writer = await send(host, port, CHAT, headers=switch)
        assert (await answer(reader))[0] == 200
        writer.close()
        assert json.loads(upstream.bodies[0]) == CHAT and b"upgrade" not in upstream.heads[0].lower()


# -- several tries ------------------------------------------------------------------------------------------------------

ANSWERED = json.dumps({"choices": [], "usage": USAGE}).encode()
ROUTES = {
    "routes": [
        {
            "name": "x",
            "order": "in_order",
            "targets": [{"model": f"openai/{m}"} for m in ("gpt-4.1-nano", "gpt-4o-mini")],
        }
    ]
}
ROUTED = {**CHAT, "model": "dynamic/x"}
UNIFIED = b"/v1/chat/completions"


def by_model(scripts: dict[str, Script]) -> Script:
    """A provider that does something else for each model."""

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        await scripts[json.loads(asked)["model"]](reader, writer, head, asked)

    return script


def in_turn(*scripts: Script) -> Script:
    """A provider that does one after the other, and the last again and again."""
    left = list(scripts)

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer, head, asked)

    return script


DOWN = whole(b'{"error": {"message": "down"}}', status="503 Unavailable")


async def silent(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
    await reader.read()


async def test_a_try_that_fails_is_made_again_and_the_caller_sees_the_one_that_answered(tmp_path: Path) -> None:
    async with gateway(tmp_path, in_turn(DOWN, whole(ANSWERED))) as (host, port, upstream, runtime):
        headers = b"tollway-max-attempts: 2\r\ntollway-retry-delay: 1\r\n"
        reader, writer = await send(host, port, CHAT, headers)
        status, shown, body = await answer(reader)
        writer.close()
        assert (status, body, len(upstream.bodies)) == (200, ANSWERED, 2)
        assert shown[b"tollway-cost-usd"] == b"0.0000045" and spent(runtime) == (4_500, 0)


async def test_a_model_that_says_nothing_in_time_is_given_up_for_the_next_and_presumed_billed(tmp_path: Path) -> None:
    script = by_model({"gpt-4.1-nano": silent, "gpt-4o-mini": whole(ANSWERED)})
    async with gateway(tmp_path, script, ROUTES) as (host, port, upstream, runtime):
        reader, writer = await send(host, port, ROUTED, b"tollway-request-timeout: 50\r\n", path=UNIFIED)
        status, shown, body = await answer(reader)
        writer.close()
        assert (status, body) == (200, ANSWERED)
        assert (shown[b"tollway-step"], shown[b"tollway-model"]) == (b"1", b"gpt-4o-mini")
        assert [json.loads(one)["model"] for one in upstream.bodies] == ["gpt-4.1-nano", "gpt-4o-mini"]
        assert spent(runtime)[0] > 4_500 and spent(runtime)[1] == 0


async def test_nothing_is_tried_again_once_the_caller_has_a_byte(tmp_path: Path) -> None:
    async def breaks(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        writer.close()

    async with gateway(tmp_path, breaks, ROUTES) as (host, port, upstream, _):
        headers = b"tollway-max-attempts: 3\r\ntollway-retry-delay: 1\r\n"
        reader, writer = await send(host, port, {**ROUTED, "stream": True}, headers, path=UNIFIED)
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        assert b"word" in rest and b"upstream_invalid" in rest and len(upstream.bodies) == 1


def telling(script: Script) -> tuple[Script, asyncio.Event]:
    """The same, and when it has answered."""
    answered = asyncio.Event()

    async def tells(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        await script(reader, writer, head, asked)
        answered.set()

    return tells, answered


LATER = b"tollway-max-attempts: 3\r\ntollway-retry-delay: 60000\r\n"


async def test_a_caller_that_leaves_while_it_waits_for_another_try_stops_everything(tmp_path: Path) -> None:
    script, answered = telling(DOWN)
    async with gateway(tmp_path, script, ROUTES) as (host, port, upstream, runtime):
        _, writer = await send(host, port, ROUTED, LATER, path=UNIFIED)
        await answered.wait()
        writer.close()
        await counted(runtime)
        assert len(upstream.bodies) == 1 and spent(runtime) == (0, 0)


async def test_a_gateway_that_is_stopped_waits_for_no_other_try(tmp_path: Path) -> None:
    script, answered = telling(DOWN)
    async with gateway(tmp_path, script, ROUTES) as (host, port, upstream, runtime):
        _, writer = await send(host, port, ROUTED, LATER, path=UNIFIED)
        await answered.wait()
    # It has ended within the time it gives to what is under way, a second here.
    writer.close()
    assert len(upstream.bodies) == 1 and spent(runtime) == (0, 0)


async def test_a_repeat_is_answered_once_and_billed_once(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED)) as (host, port, upstream, runtime):
        seen = []
        for _ in range(2):
            reader, writer = await send(host, port, CHAT, b"idempotency-key: once\r\n")
            seen.append(await answer(reader))
            writer.close()
        assert [one[2] for one in seen] == [ANSWERED, ANSWERED] and len(upstream.bodies) == 1
        assert seen[1][1][b"tollway-idempotent-replayed"] == b"true" and seen[1][1][b"tollway-cost-usd"] == b"0"
        assert spent(runtime) == (4_500, 0)


async def test_a_kept_answer_is_given_again_whole_or_as_the_stream_it_was(tmp_path: Path) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        if not json.loads(asked).get("stream"):
            await whole(ANSWERED)(reader, writer, head, asked)
            return
        end = b'data: {"choices": [], "usage": %s}\n\ndata: [DONE]\n\n' % json.dumps(USAGE).encode()
        writer.write(STREAM_HEAD + chunked(WORD) + chunked(end) + b"0\r\n\r\n")
        await writer.drain()

    cached = {"gateways": [{"slug": "default", "cache": {"ttl_s": 600}}]}
    async with gateway(tmp_path, script, cached) as (host, port, upstream, runtime):
        for body in (CHAT, {**CHAT, "stream": True}):
            seen = []
            for _ in range(2):
                reader, writer = await send(host, port, body)
                seen.append(await answer(reader))
                writer.close()
            assert seen[0][2] == seen[1][2] and seen[0][1][b"content-type"] == seen[1][1][b"content-type"]
            assert [one[1][b"tollway-cache-status"] for one in seen] == [b"MISS", b"HIT"]
        assert len(upstream.bodies) == 2 and spent(runtime) == (9_000, 0)


async def test_a_compressed_answer_of_another_api_is_read_before_it_is_put_into_other_words(tmp_path: Path) -> None:
    said = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 2, "output_tokens": 1},
    }  # fmt: skip
    packed = whole(gzip.compress(json.dumps(said).encode()), headers=b"content-encoding: gzip\r\n")
    own = {"api": "anthropic"}
    async with gateway(tmp_path, packed, {"budgets": []}, **own) as (host, port, upstream, _):
        reader, writer = await send(host, port, {**CHAT, "model": "openai/claude-sonnet-4-5"}, path=UNIFIED)
        status, shown, body = await answer(reader)
        writer.close()
        assert status == 200, body
        assert json.loads(body)["choices"][0]["message"]["content"] == "hello"
        assert b"content-encoding" not in shown and upstream.heads[0].startswith(b"POST /v1/messages")


ERROR = b'{"error": {"message": "sk-provider is overloaded", "code": 503}}'


@pytest.mark.parametrize("packed", [False, True])
async def test_an_error_of_status_200_costs_nothing_has_its_own_status_and_shows_no_key(
    tmp_path: Path, packed: bool
) -> None:
    said, headers = (gzip.compress(ERROR), b"content-encoding: gzip\r\n") if packed else (ERROR, b"")
    async with gateway(tmp_path, whole(said, headers=headers)) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, seen, body = await answer(reader)
        writer.close()
        assert (status, spent(runtime)) == (503, (0, 0))
        assert b"overloaded" in body and b"sk-provider" not in body and b"content-encoding" not in seen


async def test_an_error_of_status_200_is_fallen_back_from(tmp_path: Path) -> None:
    good = json.dumps({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": USAGE}).encode()

    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        await whole(ERROR if b"4o-mini" in asked else good)(reader, writer, head, asked)

    targets = [{"model": "openai/gpt-4o-mini"}, {"model": "openai/gpt-4.1-nano"}]
    routes = {"routes": [{"name": "x", "order": "in_order", "targets": targets}]}
    async with gateway(tmp_path, script, routes) as (host, port, _, _runtime):
        body = {**CHAT, "model": "dynamic/x"}
        reader, writer = await send(host, port, body, path=b"/v1/chat/completions")
        status, headers, _ = await answer(reader)
        writer.close()
        assert (status, headers[b"tollway-model"], headers[b"tollway-step"]) == (200, b"gpt-4.1-nano", b"1")


async def test_a_body_that_cannot_be_read_is_presumed_at_its_hold(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(b'{"error": {"mess')) as (host, port, _, runtime):
        reader, writer = await send(host, port, CHAT)
        status, _, _ = await answer(reader)
        writer.close()
        assert status == 200 and spent(runtime)[0] > 0


@pytest.mark.parametrize("model", ["gpt-4o-mini", "o3"])
@pytest.mark.parametrize("done", [b"", b"data: [DONE]\n\n"])
async def test_a_stream_of_an_error_alone_costs_nothing(tmp_path: Path, model: str, done: bytes) -> None:
    async def script(reader: Any, writer: asyncio.StreamWriter, head: bytes, asked: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(b"data: " + ERROR + b"\n\n" + done) + b"0\r\n\r\n")
        await writer.drain()

    async with gateway(tmp_path, script) as (host, port, _, runtime):
        reader, writer = await send(host, port, {**CHAT, "model": model, "stream": True})
        await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        await until(lambda: spent(runtime) == (0, 0))
