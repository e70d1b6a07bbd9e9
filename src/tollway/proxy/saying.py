"""Sending a caller a whole body that may be large."""

import asyncio
from typing import Any

from tollway.proxy.turn import Turn

PIECE_BYTES = 128 * 1024
"""What is sent in one turn of the loop: the kernel would take several megabytes at once, in as many milliseconds."""


async def say(send: Any, body: bytes, turn: Turn) -> None:
    """Sends `body` to the end, in pieces where it is long."""
    start = 0
    while len(body) - start > PIECE_BYTES:
        await send({"type": "http.response.body", "body": body[start : start + PIECE_BYTES], "more_body": True})
        start += PIECE_BYTES
        await asyncio.sleep(0)
        if turn.over():
            await turn.free()
    await send({"type": "http.response.body", "body": body[start:] if start else body, "more_body": False})


async def pass_on(send: Any, shown: bytes, turn: Turn) -> None:
    """Sends the next bytes of a body that goes on, in pieces where they are many: an event may have megabytes."""
    if len(shown) <= PIECE_BYTES:
        await send({"type": "http.response.body", "body": shown, "more_body": True})
        return
    whole = memoryview(shown)
    for start in range(0, len(whole), PIECE_BYTES):
        if turn.over():
            await turn.free()
        await send({"type": "http.response.body", "body": bytes(whole[start : start + PIECE_BYTES]), "more_body": True})
