"""A provider with a bill of its own, for gateways that die: run as a program, it prints its address.

OpenAI chat, plain and streamed, and Anthropic messages, streamed. It makes as many tokens as `x-test-tokens` says, with a
pause of `x-test-pause-s` after each piece, bills each as it makes it, and stops when the stream is closed. GET /bill tells
the bill and the calls, by `x-test-id`.
"""

import asyncio
import json
import sys
from typing import Any

OPENAI = (150, 600)
"""Nanodollars for a token in and out: gpt-4o-mini."""
ANTHROPIC = (250, 1250)
"""claude-3-haiku."""
PIECE_TOKENS = 20
PAUSE_S = "0.002"


class Bill:
    def __init__(self) -> None:
        self.by_id: dict[str, int] = {}
        self.calls: dict[str, int] = {}

    def add(self, identifier: str, amount: int) -> None:
        self.by_id[identifier] = self.by_id.get(identifier, 0) + amount


BILL = Bill()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await one(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if path == "/bill":
        await whole(writer, {"by_id": BILL.by_id, "calls": BILL.calls})
        return
    asked = json.loads(body)
    identifier, tokens = headers["x-test-id"], int(headers["x-test-tokens"])
    pause_s = float(headers.get("x-test-pause-s", PAUSE_S))
    BILL.calls[identifier] = BILL.calls.get(identifier, 0) + 1
    in_tokens = max(1, sum(len(str(message["content"])) for message in asked["messages"]) // 3)
    anthropic = path.endswith("/messages")
    into, out = ANTHROPIC if anthropic else OPENAI
    BILL.add(identifier, in_tokens * into)
    if not asked.get("stream"):
        BILL.add(identifier, tokens * out)
        usage = {"prompt_tokens": in_tokens, "completion_tokens": tokens, "total_tokens": in_tokens + tokens}
        message = {"role": "assistant", "content": "word " * tokens}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await whole(
            writer,
            {"id": "c", "object": "chat.completion", "model": asked["model"], "usage": usage, "choices": [choice]},
        )
        return
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    said = of_anthropic(asked, in_tokens, tokens) if anthropic else of_openai(asked, in_tokens, tokens)
    for made, event in said:
        BILL.add(identifier, made * out)
        name = b"event: %s\n" % event["type"].encode() if anthropic else b""
        chunk(writer, name + b"data: " + json.dumps(event).encode() + b"\n\n")
        await writer.drain()
        await asyncio.sleep(pause_s)
    if not anthropic:
        chunk(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def of_openai(asked: Any, in_tokens: int, tokens: int) -> Any:
    """Each event with the tokens that are made for it."""
    base = {"id": "c", "object": "chat.completion.chunk", "model": asked["model"]}
    for start in range(0, tokens, PIECE_TOKENS):
        step = min(PIECE_TOKENS, tokens - start)
        yield step, {**base, "choices": [{"index": 0, "delta": {"content": "word " * step}, "finish_reason": None}]}
    yield 0, {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": in_tokens, "completion_tokens": tokens, "total_tokens": in_tokens + tokens}
    yield 0, {**base, "choices": [], "usage": usage}


def of_anthropic(asked: Any, in_tokens: int, tokens: int) -> Any:
    """The same, of Anthropic."""
    usage = {"input_tokens": in_tokens, "output_tokens": 1}
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [],
        "usage": usage,
    }
    yield 0, {"type": "message_start", "message": message}
    yield 0, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for start in range(0, tokens, PIECE_TOKENS):
        step = min(PIECE_TOKENS, tokens - start)
        delta = {"type": "text_delta", "text": "word " * step}
        yield step, {"type": "content_block_delta", "index": 0, "delta": delta}
    yield 0, {"type": "content_block_stop", "index": 0}
    yield 0, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens}}
    yield 0, {"type": "message_stop"}


def chunk(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))


async def whole(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    body = json.dumps(said).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )
    await writer.drain()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
