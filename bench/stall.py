"""How long the event loop is held up while ten hostile bodies of 10 MB arrive, each all commas.

    python bench/stall.py [--inline]

Runs the gateway in front of a provider that answers at once, measures the longest turn of the gateway's loop, and how
long a small request takes meanwhile. `--inline` reads bodies on the loop, as a gateway without a worker would.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from tollway.app import serve
from tollway.providers import weight
from tollway.settings import read_settings

KEY = "a-gateway-key-for-tests"
SMALL = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}).encode()
ANSWER = json.dumps({"model": "gpt-4o-mini", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
BODIES = {
    "empty objects": b'{"model":"gpt-4o-mini","max_tokens":9,"messages":[' + b"{}," * 3_300_000 + b"{}]}",
    "numbers": b'{"model":"gpt-4o-mini","messages":[],"x":[' + b"1," * 5_000_000 + b"1]}",
    "messages": json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x"}] * 285_000}).encode(),
    "escapes": json.dumps(
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": '\n"' * 2_500_000}]}
    ).encode(),
}


async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            while length:
                length -= len(await reader.read(length))
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                % (len(ANSWER), ANSWER)
            )
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


async def post(port: int, body: bytes) -> int:
    """The status of one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % (KEY.encode(), len(body))
    )
    for start in range(0, len(body), 65_536):
        writer.write(body[start : start + 65_536])
        await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1])


async def traffic() -> None:
    """The provider and the callers, in a process of their own: told the gateway's port, it tells of each body."""
    server = await asyncio.start_server(provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    port = int(await asyncio.to_thread(sys.stdin.readline))
    await post(port, SMALL)
    for name, body in BODIES.items():
        began = time.perf_counter()
        large = [asyncio.create_task(post(port, body)) for _ in range(10)]
        small: list[float] = []
        while not all(task.done() for task in large):
            at = time.perf_counter()
            await post(port, SMALL)
            small.append((time.perf_counter() - at) * 1e3)
            await asyncio.sleep(0.005)
        statuses = sorted({task.result() for task in large})
        print(
            f"{name:14s} {len(body) / 1e6:4.1f} MB x 10 in {time.perf_counter() - began:5.2f} s {statuses}; a small "
            f"request {statistics.median(small):5.1f} ms, at worst {max(small):6.1f} ms",
            flush=True,
        )


async def gateway(folder: Path) -> None:
    """The gateway, whose every turn is timed: its loop never sleeps."""
    client = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--traffic", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdin is not None and client.stdout is not None
    upstream = int(await client.stdout.readline())
    settings: dict[str, Any] = {
        "providers": {"openai": {"base_url": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-provider"}},
        "keys": [{"name": "bench", "secret": KEY, "user": "bench"}],
    }
    config = folder / "tollway.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    options = {"config": str(config), "data": str(folder / "data"), "port": "0"}
    running = asyncio.create_task(
        serve(read_settings(options, {}), announce=lambda address, _, __: listening.set_result(address))
    )
    client.stdin.write((await listening).rpartition(":")[2].encode() + b"\n")
    turns_ms: list[float] = []

    async def watch() -> None:
        while True:
            # The processor's time of this thread: what others on the machine take is not counted.
            began_ns = time.thread_time_ns()
            await asyncio.sleep(0)
            took_ms = (time.thread_time_ns() - began_ns) / 1e6
            if took_ms > 1:
                turns_ms.append(took_ms)

    watching = asyncio.create_task(watch())
    while line := await client.stdout.readline():
        longest = ", ".join(f"{turn:.1f}" for turn in sorted(turns_ms)[-3:])
        print(f"{line.decode().rstrip()}; longest turns {longest} ms", flush=True)
        turns_ms.clear()
    watching.cancel()
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inline", action="store_true", help="read every body on the loop")
    parser.add_argument("--traffic", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.traffic:
        asyncio.run(traffic())
        return
    if given.inline:
        weight.ALWAYS_LIGHT = sys.maxsize
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(gateway(Path(folder)))


if __name__ == "__main__":
    main()
