"""The caller's end of an exchange: it is answered, it may take its answer slowly, and it may leave."""

import asyncio
from collections.abc import Callable
from typing import Any

from tollway.exchange.steps import Send
from tollway.proxy.saying import PIECE_BYTES, say
from tollway.proxy.turn import Turn


class Caller:
    """One caller, as the listener shows it: a way to send, and, where there is one, its connection and cycle."""

    __slots__ = ("_connection", "_cycle", "_stays", "gone", "interruptible", "send", "started")

    def __init__(self, send: Any, connection: Any, cycle: Any, *, stays: bool) -> None:
        """`stays`: what was begun for it is ended, whether it is there or not."""
        self.send: Any = send
        self._connection = connection if cycle is not None else None
        self._cycle: Any = cycle
        self._stays = stays
        self.gone = False
        """It has left."""
        self.interruptible = False
        """Its exchange waits for something that is to be given up when it leaves."""
        self.started = False
        """It has been sent a status."""

    @property
    def slow(self) -> bool:
        """Whether it takes its answer more slowly than it comes."""
        return self._cycle is not None and self._cycle.flow.write_paused

    def watch(self) -> None:
        """Has it noticed when it leaves."""
        self._listen(self._on_gone)

    def let_go(self) -> None:
        """It is no longer of interest whether it leaves."""
        self._listen(None)

    def interrupt(self) -> None:
        """Wakes its exchange where it waits for something that may be given up; it then has to `resume`."""
        if self.interruptible and self._cycle is not None:
            self._cycle.task.cancel()

    def resume(self) -> None:
        """The cancellation was our own way of waking its exchange; it ends here."""
        self._cycle.task.uncancel()

    async def pause(self, delay_ms: int) -> bool:
        """Waits while it is there; True where somebody else has ended the waiting."""
        self.interruptible = True
        try:
            if not self.gone:
                await asyncio.sleep(delay_ms / 1000)
        except asyncio.CancelledError:
            if not self.gone:
                return True
            self.resume()
        finally:
            self.interruptible = False
        return False

    async def answer(self, command: Send, turn: Turn) -> None:
        """Sends a whole answer, unless it has left."""
        if self.gone:
            return
        headers = (*command.headers, (b"content-length", str(len(command.body)).encode()))
        self.started = True
        connection, body = self._connection, command.body
        if (
            connection is None
            or len(body) > PIECE_BYTES
            or not connection.reply(self._cycle, command.status, headers, body)
        ):
            await self.start(command.status, headers)
            await say(self.send, body, turn)

    async def start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """Sends the head of an answer."""
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def pass_on(self, body: bytes, *, more: bool) -> None:
        """Sends a piece of the answer."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    def _on_gone(self) -> None:
        self.gone = True
        if not self._stays:
            self.interrupt()

    def _listen(self, told: Callable[[], None] | None) -> None:
        if self._connection is not None:
            self._connection.on_gone = told
