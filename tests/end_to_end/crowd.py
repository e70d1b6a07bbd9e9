"""Many callers at once, over raw sockets: quick enough to have a thousand requests under way on one core."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@contextlib.contextmanager
def billing_provider(*options: str) -> Iterator[str]:
    """The provider of billing_provider.py in a process of its own; yields its address."""
    program = str(Path(__file__).with_name("billing_provider.py"))
    process = subprocess.Popen([sys.executable, "-u", program, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def bill(provider: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{provider}/bill", timeout=30) as answer:
        return json.loads(answer.read())


async def ask(
    url: str,
    key: str,
    identifier: str,
    body: dict[str, Any],
    *,
    leave_after: int | None = None,
    path: str = "/openai/v1/chat/completions",
) -> int:
    """One chat request; its status, or 0 when the connection died. `leave_after`: hang up after so many bytes."""
    parts = urlsplit(url)
    raw = json.dumps(body).encode()
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return 0
    try:
        writer.write(
            b"POST %s HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %s\r\nx-test-id: %s\r\ntollway-metadata: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (path.encode(), key.encode(), identifier.encode(), json.dumps({"id": identifier}).encode(), len(raw), raw)
        )
        head = await reader.readuntil(b"\r\n")
        status = int(head.split(b" ")[1])
        read = 0
        while piece := await reader.read(65536):
            read += len(piece)
            if leave_after is not None and read >= leave_after:
                break
        return status
    except (asyncio.IncompleteReadError, ConnectionError, OSError):
        return 0
    finally:
        writer.close()


def body_of(lots: random.Random) -> dict[str, Any]:
    """A chat request: streamed or not, with or without a cap."""
    body: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "x" * lots.randint(10, 600)}],
    }
    if lots.random() < 0.5:
        body["stream"] = True
    if lots.random() < 0.7:
        body["max_tokens"] = lots.choice([500, 1000, 2000, 4000])
    return body
