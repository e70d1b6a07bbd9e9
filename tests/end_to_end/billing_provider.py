"""A provider that keeps its own bill: run as a program, it prints its address and serves until it is killed.

OpenAI chat, plain and streamed. It honours the cap, bills what it makes, and stops when the stream is closed. What it
makes depends on the request's `x-test-id` alone, so that a run repeats. GET /bill tells the bill, by that id.

    --rate N    tokens a second of a stream (without it, as fast as it can)
    --longer N  every answer is so many tokens longer
    --faults P  of so many requests in a hundred each: silence after the work, an answer that is garbage, a broken stream
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import sys
from typing import Any

INPUT_PER_TOKEN, OUTPUT_PER_TOKEN = 150, 600
"""Nanodollars: gpt-4o-mini."""
TOKENS_PER_CHUNK = 20
SILENT_S = 30.0
IN_FLIGHT = 40
"""Tokens that were made when nobody was there any more."""
OPTIONS = argparse.Namespace(rate=0, longer=0, faults=0.0)


class Bill:
    def __init__(self) -> None:
        self.by_id: dict[str, int] = {}
        self.total = 0
        self.calls = 0

    def add(self, identifier: str, amount: int) -> None:
        self.by_id[identifier] = self.by_id.get(identifier, 0) + amount
        self.total += amount


BILL = Bill()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await one(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if method == "GET" and path == "/bill":
        await answer(writer, {"total": BILL.total, "calls": BILL.calls, "by_id": BILL.by_id})
        return True
    asked = json.loads(body)
    identifier = headers.get("x-test-id", "none")
    BILL.calls += 1
    prompt = sum(len(str(message["content"])) for message in asked["messages"])
    # The vocabulary of gpt-4o-mini has one token for eight of the letters that the prompts are made of.
    prompt_tokens = max(1, prompt // 8)
    cap = asked.get("max_completion_tokens") or asked.get("max_tokens")
    if cap is None:
        raise AssertionError("a request without a cap reached the provider")
    lots = int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:4], "big") / 2**32
    wanted = 50 + int(lots * 1500) + OPTIONS.longer
    tokens = min(cap, wanted)
    BILL.add(identifier, prompt_tokens * INPUT_PER_TOKEN)
    fault = int(lots * 1e6) % 10_000 / 100
    silent, garbage, broken = (number * OPTIONS.faults <= fault < (number + 1) * OPTIONS.faults for number in range(3))
    if silent:
        # It did the work; a stream that nobody has seen a byte of has hardly begun.
        BILL.add(identifier, (min(tokens, IN_FLIGHT) if asked.get("stream") else tokens) * OUTPUT_PER_TOKEN)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), SILENT_S)
        return False
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens}
    if not asked.get("stream"):
        BILL.add(identifier, tokens * OUTPUT_PER_TOKEN)
        await asyncio.sleep(0.005 + lots * 0.05)
        if garbage:
            await answer(writer, "x" * (tokens + 1))
            return True
        message = {"role": "assistant", "content": "word " * tokens}
        await answer(
            writer,
            {"id": "c", "object": "chat.completion", "model": asked["model"], "usage": usage,
             "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]},
        )  # fmt: skip
        return True
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    made = 0
    while made < tokens:
        step = min(TOKENS_PER_CHUNK, tokens - made)
        made += step
        BILL.add(identifier, step * OUTPUT_PER_TOKEN)
        event(
            writer,
            {
                "model": asked["model"],
                "choices": [{"index": 0, "delta": {"content": "word " * step}, "finish_reason": None}],
            },
        )
        await writer.drain()
        if broken and made * 2 > tokens:
            return False
        await asyncio.sleep(step / OPTIONS.rate if OPTIONS.rate else 0.002)
    event(writer, {"model": asked["model"], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        event(writer, {"model": asked["model"], "choices": [], "usage": usage})
    chunk(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def event(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    chunk(writer, b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", **said}).encode() + b"\n\n")


def chunk(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))


async def answer(writer: asyncio.StreamWriter, said: Any) -> None:
    body = json.dumps(said).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )
    await writer.drain()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--longer", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.parse_args(namespace=OPTIONS)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
