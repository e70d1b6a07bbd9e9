"""Whoever stops an answer in the playground, or closes the page, stops what it costs."""

import asyncio
import json
from pathlib import Path

from tests.admin.gateways import SETTINGS, gateway
from tests.admin.people import ALICE, ROLES, signed_in


async def test_who_stops_an_answer_stops_what_it_costs(tmp_path: Path) -> None:
    """The connection is closed in the middle of a stream: the provider's stream ends too, and what was seen is settled."""
    closed = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        piece = b'data: {"choices": [{"index": 0, "delta": {"content": "Once"}}]}\n\n'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + piece)
        while await reader.read(65_536):
            pass
        closed.set()
        writer.close()

    provider = await asyncio.start_server(slow, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{provider.sockets[0].getsockname()[1]}/v1"
    async with provider, gateway(tmp_path, (SETTINGS + ROLES).replace("{url}/v1", address)) as caller:
        body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}], "stream": True}
        raw = json.dumps(body | {"max_tokens": 500}).encode()
        host, port = caller.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /api/v1/playground/default/chat/completions HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {signed_in(caller, ALICE)}\r\ncontent-length: {len(raw)}\r\n\r\n".encode()
            + raw
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert "Once" in (await reader.readuntil(b"Once")).decode()
        writer.close()
        await asyncio.wait_for(closed.wait(), 10)
        lines = [line.partition(": ") for line in head.split("\r\n")]
        request_id = next(value for name, _, value in lines if name == "tollway-request-id")
        found = await caller.logged(f"/api/v1/logs?request_id={request_id}", 1)
        assert (found["items"][0]["status"], found["items"][0]["code"]) == (499, "client_gone")
        assert not caller.runtime.store.ledger.open_reservations()
