"""What is noted of an exchange beside its story, seen from outside: the log of a gateway that runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.proxy.test_driver import (
    ANSWERED,
    CHAT,
    DOWN,
    STREAM_HEAD,
    WORD,
    answer,
    chunked,
    counted,
    gateway,
    in_turn,
    send,
    whole,
)

from tollway.logs.bodies import Part
from tollway.logs.record import LogRecord
from tollway.storage.protocol import Filter

GATEWAYS = {
    "gateways": [
        {"slug": "default"},
        {"slug": "kept", "logs": {"payload": True}},
        {"slug": "small", "logs": {"payload": True, "max_body_bytes": 20, "larger": "drop"}},
        {"slug": "silent", "collect_logs": False},
    ]
}


def on(slug: str, *more: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in (b"tollway-gateway-id: " + slug.encode(), *more))


async def asked(host: str, port: int, headers: bytes, body: Any = CHAT) -> tuple[int, str, bytes]:
    """One call; its status, its id and its answer."""
    reader, writer = await send(host, port, body, headers)
    status, shown, said = await answer(reader)
    writer.close()
    return status, (shown.get(b"tollway-request-id") or shown[b"cf-aig-request-id"]).decode(), said


async def logged(runtime: Any, request_id: str) -> LogRecord | None:
    await runtime.store.records.flush()
    return await runtime.store.records.record(request_id)


async def there(runtime: Any, request_id: str) -> LogRecord:
    """The record, which is written a moment after the answer."""
    async with asyncio.timeout(10):
        while (record := await logged(runtime, request_id)) is None:
            await asyncio.sleep(0.005)
    return record


async def kept(runtime: Any, request_id: str, part: Part) -> bytes | None:
    found = await runtime.store.bodies.body(request_id, part)
    return found.content if found is not None else None


async def test_waits_between_tries_and_tries_that_failed_are_not_tollways_own_time(tmp_path: Path) -> None:
    async def slow(reader: Any, writer: asyncio.StreamWriter, head: bytes, said: bytes) -> None:
        await asyncio.sleep(0.05)
        await DOWN(reader, writer, head, said)

    async with gateway(tmp_path, in_turn(slow, whole(ANSWERED))) as (host, port, upstream, runtime):
        headers = b"tollway-max-attempts: 2\r\ntollway-retry-delay: 100\r\ntollway-backoff: constant\r\n"
        status, request_id, _ = await asked(host, port, headers)
        record = await there(runtime, request_id)
        assert (status, len(upstream.bodies)) == (200, 2)
        took = record.durations
        assert took.waited_us >= 50_000, took
        assert took.upstream_us is not None and took.upstream_us >= 45_000, took
        assert took.overhead_us == took.total_us - took.upstream_us - took.waited_us
        assert took.overhead_us < took.total_us // 2, took


async def test_a_provider_that_is_not_there_takes_its_own_time_and_not_tollways(tmp_path: Path) -> None:
    async def hangs_up(reader: Any, writer: asyncio.StreamWriter, head: bytes, said: bytes) -> None:
        await asyncio.sleep(0.05)
        writer.close()

    async with gateway(tmp_path, hangs_up) as (host, port, _, runtime):
        status, request_id, _ = await asked(host, port, b"")
        record = await there(runtime, request_id)
        assert status >= 500
        assert record.durations.upstream_us is not None and record.durations.upstream_us >= 45_000
        assert record.durations.waited_us == 0 and record.durations.overhead_us < 45_000


async def test_bodies_are_kept_where_the_gateway_says_so_and_less_where_a_header_does(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED), GATEWAYS) as (host, port, upstream, runtime):
        question = json.dumps(CHAT).encode()

        _, plain, _ = await asked(host, port, b"")
        _, without, _ = await asked(host, port, on("kept", b"cf-aig-collect-log-payload: false"))
        _, none, _ = await asked(host, port, on("kept", b"tollway-collect-log: false"))
        _, silent, _ = await asked(host, port, on("silent"))
        _, small, _ = await asked(host, port, on("small"))
        _, whole_, said = await asked(host, port, on("kept"))
        # What comes last is there, so all before it is, if it ever will be.
        await there(runtime, whole_)

        assert await kept(runtime, whole_, "asked") == question
        assert await kept(runtime, whole_, "returned") == said == ANSWERED
        sent = await kept(runtime, whole_, "sent")
        assert sent in (None, upstream.bodies[-1]) and (sent is None) == (upstream.bodies[-1] == question)
        assert {(each.kept, each.truncated) for each in await runtime.store.bodies.parts(small)} == {(0, True)}
        for request_id, recorded in ((plain, True), (without, True), (none, False), (silent, False)):
            assert (await logged(runtime, request_id) is not None) is recorded
            assert not await runtime.store.bodies.parts(request_id)

        # What was spent is in the ledger, whatever is in the log.
        await runtime.store.ledger.flush()
        entries = await runtime.store.records.entries(Filter(), limit=50, cursor=None)
        assert {entry.request_id for entry in entries.items} == {plain, whole_, without, none, silent, small}
        assert runtime.store.bodies.held == 0 and runtime.store.bodies.dropped == 0


async def test_no_file_of_bodies_is_made_where_none_are_kept(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED)) as (host, port, _, runtime):
        _, request_id, _ = await asked(host, port, b"tollway-collect-log-payload: true\r\n")
        await there(runtime, request_id)
        assert not await runtime.store.bodies.parts(request_id)
    assert not [path.name for path in (tmp_path / "data").glob("*bodies*")]


async def test_a_header_that_means_nothing_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED)) as (host, port, upstream, _):
        status, _, said = await asked(host, port, b"tollway-collect-log: perhaps\r\n")
        assert status == 400 and b"collect-log" in said and not upstream.bodies


async def test_a_stranger_is_logged_whatever_it_sends_and_fills_no_disk(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED), GATEWAYS) as (host, port, _, runtime):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer a-key-that-is-guessed\r\n"
            + on("kept", b"tollway-collect-log: false")
            + b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        )
        status, shown, _ = await answer(reader)
        writer.close()
        request_id = shown[b"tollway-request-id"].decode()
        record = await there(runtime, request_id)
        assert status == 401 and record.code.startswith("credential")
        assert not await runtime.store.bodies.parts(request_id)


async def test_of_a_stream_what_the_caller_has_seen_is_kept_even_if_it_leaves(tmp_path: Path) -> None:
    async def streams(reader: Any, writer: asyncio.StreamWriter, head: bytes, said: bytes) -> None:
        writer.write(STREAM_HEAD + chunked(WORD))
        await writer.drain()
        await reader.read()

    async with gateway(tmp_path, streams, GATEWAYS) as (host, port, _, runtime):
        reader, writer = await send(host, port, {**CHAT, "stream": True}, on("kept"))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"\n\n")
        writer.close()
        await counted(runtime)
        request_id = head.lower().split(b"tollway-request-id: ")[1].split(b"\r\n")[0].decode()
        await there(runtime, request_id)
        assert await kept(runtime, request_id, "returned") == WORD


async def test_what_is_refused_before_it_is_a_request_is_logged_where_its_gateway_logs(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(ANSWERED), GATEWAYS) as (host, port, _, runtime):
        ids: list[str] = []
        for slug in ("silent", "kept", "default"):
            reader, writer = await send(host, port, b"", on(slug), path=b"/nowhere", method=b"PUT")
            status, shown, _ = await answer(reader)
            writer.close()
            assert status >= 400
            ids.append(shown[b"tollway-request-id"].decode())
        await there(runtime, ids[2])
        assert [await logged(runtime, one) is not None for one in ids] == [False, True, True]
