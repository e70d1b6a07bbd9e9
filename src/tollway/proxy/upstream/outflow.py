"""Writing requests to a transport a piece at a time."""

import asyncio
from collections.abc import Callable

PIECE_BYTES = 128 * 1024
"""What is written in one turn of the loop: the kernel would take several megabytes at once, in as many milliseconds."""


class Outflow:
    """What one connection has still to write. `sent` is called when the transport has been given all of a long body,
    and when the kernel has caught up with it."""

    __slots__ = ("_blocked", "_loop", "_rest", "_sent", "_soon", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, sent: Callable[[], None]) -> None:
        self._loop = loop
        self._sent = sent
        self._transport: asyncio.WriteTransport | None = None
        self._rest: memoryview | None = None
        self._blocked = False
        """The transport holds bytes that the kernel has not taken."""
        self._soon = False
        """`_go_on` is about to be called."""

    @property
    def unsent(self) -> bool:
        """Whether the kernel lacks a part of the request for certain."""
        return self._blocked or self._rest is not None

    def write(self, transport: asyncio.WriteTransport, head: bytes, body: bytes) -> None:
        """Writes a request, or begins to."""
        if len(body) <= PIECE_BYTES:
            # Copying it behind its head is cheaper than sending two buffers.
            transport.write(head + body if body else head)
            return
        self._transport = transport
        self._rest = memoryview(body)[PIECE_BYTES:]
        transport.write(head + body[:PIECE_BYTES])
        self._go_on_soon()

    def pause(self) -> None:
        """The transport is full."""
        self._blocked = True

    def resume(self) -> None:
        """The kernel has taken all that the transport held."""
        self._blocked = False
        if self._rest is None:
            self._sent()
        else:
            self._go_on_soon()

    def end(self) -> None:
        """Nothing more is written."""
        self._rest = self._transport = None

    def _go_on_soon(self) -> None:
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._soon = False
        rest, transport = self._rest, self._transport
        # uvloop tells only at the end of a turn whether all was taken, so that it may be full by now.
        if rest is None or transport is None or self._blocked or transport.is_closing():
            return
        self._rest = rest[PIECE_BYTES:] if len(rest) > PIECE_BYTES else None
        transport.write(rest[:PIECE_BYTES])
        if self._rest is not None:
            self._go_on_soon()
        elif not self._blocked:
            self._sent()
