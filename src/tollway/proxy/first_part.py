"""Waiting for the first part of an answer, and not for its head alone: some providers send the head at once, and think then."""

import asyncio
import time

from tollway.proxy.transport import Broken, NoAnswer, NotSent, Response, Transport, UpstreamRequest

_LEAST_S = 0.01
"""Of what is left once the head is there, so that what has come by then is seen."""


async def first_part(
    transport: Transport, request: UpstreamRequest, timeout_ms: int | None
) -> Response | NotSent | NoAnswer:
    """What the transport answers; with a timeout, once some of the body is there, or why none is.

    `timeout_ms`: milliseconds from now until then; `None` waits for the head alone, as `request` says. Whoever waits no longer than
    that may ask somebody else, as nothing of the answer has been passed on. Raises ValueError as the transport does.
    """
    began = time.monotonic()
    answer = await transport.send(request)
    if timeout_ms is None or type(answer) is NotSent or type(answer) is NoAnswer:
        return answer
    try:
        async with asyncio.timeout(max(timeout_ms / 1000 - (time.monotonic() - began), _LEAST_S)):
            return _Begun(answer, await answer.read())
    except TimeoutError:
        answer.close()
        return NoAnswer(
            "upstream_timeout", f"it answered {answer.status}, and nothing behind that within {timeout_ms:,} ms"
        )
    except Broken as error:
        answer.close()
        return NoAnswer(error.code, error.message)


class _Begun:
    """An answer of which the first part was read already."""

    __slots__ = ("_answer", "_first")

    def __init__(self, answer: Response, first: bytes) -> None:
        self._answer = answer
        self._first: bytes | None = first

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self._answer.headers

    async def read(self) -> bytes:
        first, self._first = self._first, None
        return await self._answer.read() if first is None else first

    def close(self) -> None:
        self._answer.close()
