"""Receivers of alerts on this machine: real sockets, and they remember what came."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import NamedTuple


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """An HTTP server that answers as told: bytes, or nothing at all (`hang`)."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.hang = False
        self.connections = 0
        self.port = 0
        self.greets = b""
        """Sent before anything is asked."""
        self._let_go = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?from=tollway"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        writer.write(self.greets)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.requests.append(Request(head[0], headers, body))
            if self.hang:
                await self._let_go.wait()
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def aclose(self) -> None:
        self._let_go.set()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


@contextlib.asynccontextmanager
async def receiver() -> AsyncGenerator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.aclose()
        await server.wait_closed()
