"""The body of one answer: filled by its connection, read piece by piece."""

import asyncio
from typing import Protocol

from tollway.proxy.transport import Broken


class Source(Protocol):
    """What a response asks of the connection that fills it."""

    def wait_for_body(self) -> asyncio.Future[None]:
        """A future to wait on; the silence allowed inside a body begins now."""
        ...

    def resume(self) -> None:
        """All that was held has been read."""
        ...

    def abort(self) -> None: ...


class Http1Response:
    """The answer to one request. The connection that fills it may serve others before all of it is read."""

    __slots__ = ("_broken", "_connection", "_held", "_pieces", "_waiter", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], connection: Source) -> None:
        self.status = status
        self.headers = headers
        self._connection: Source | None = connection
        """None when nothing more will come."""
        self._pieces: list[bytes] = []
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._broken: Broken | None = None

    async def read(self) -> bytes:
        pieces = self._pieces
        if not pieces:
            connection = self._connection
            if connection is None:
                return self._nothing()
            assert self._waiter is None, "two readers of one response"
            self._waiter = waiter = connection.wait_for_body()
            try:
                await waiter
            except BaseException:
                self.close()
                raise
            if not pieces:
                # Woken without a piece: it has ended.
                return self._nothing()
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held = 0
        connection = self._connection
        if connection is not None:
            connection.resume()
        return piece

    def _nothing(self) -> bytes:
        """What is read behind the end. Raises Broken where it came too early."""
        broken = self._broken
        if broken is not None:
            # Another one: an error that was raised holds the frames it went through, and this one with them.
            raise Broken(broken.code, broken.message)
        return b""

    def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._connection = None
            connection.abort()

    # For the connection.

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def end(self, broken: Broken | None) -> None:
        self._connection = None
        self._broken = broken
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    @property
    def held(self) -> int:
        """Bytes that were received and not yet read."""
        return self._held

    @property
    def ends_with_connection(self) -> bool:
        # RFC 9112, 6.3, item 8: without either header the body ends where the connection does.
        return not any(name == b"content-length" or name == b"transfer-encoding" for name, _ in self.headers)
