"""A provider that answers in the shapes of OpenAI, Anthropic and Google, on loopback, and says that it is fake.

It reports usage as the real ones do and keeps its own bill, from a price list of its own: what the gateway's ledger is
compared with in the end.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SAYS = "This answer is fake: it comes from the provider that is built into tollway demo, and costs nothing. "

LIST_PRICES: dict[str, tuple[int, int]] = {
    "gpt-4o-mini": (150, 600),
    "gpt-4o": (2_500, 10_000),
    "gpt-5": (1_250, 10_000),
    "gpt-5-mini": (250, 2_000),
    "claude-opus-4-5": (5_000, 25_000),
    "claude-sonnet-4-5": (3_000, 15_000),
    "claude-haiku-4-5": (1_000, 5_000),
    "gemini-2.5-flash": (300, 2_500),
    "gemini-2.5-pro": (1_250, 10_000),
}
"""Nanodollars for one token of input and of output, as the providers list them."""

_SHORTEST_CAP = 16
_LARGEST_BODY = 1 << 20


@dataclass
class Bill:
    """What the fake provider would charge."""

    amounts: dict[str, int] = field(default_factory=dict[str, int])
    """Model → nanodollars."""
    requests: int = 0
    keys: set[str] = field(default_factory=set[str])
    """The credentials it was sent: its own, never a gateway key."""

    @property
    def total(self) -> int:
        return sum(self.amounts.values())

    def add(self, model: str, input_tokens: int, output_tokens: int) -> None:
        per_input, per_output = LIST_PRICES[model]
        amount = input_tokens * per_input + output_tokens * per_output
        self.amounts[model] = self.amounts.get(model, 0) + amount
        self.requests += 1


@dataclass
class FakeProvider:
    """A running one."""

    port: int
    bill: Bill

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Answer:
    """One request's answer: the words, the counts, and whether it streams."""

    def __init__(self, model: str, prompt_bytes: int, cap: int, stream: bool) -> None:
        self.model = model
        self.stream = stream
        # Four bytes are about a token of English; the real ones count the same way, with better dictionaries.
        self.input_tokens = max(1, prompt_bytes // 4)
        # Between half the cap and all of it, by the prompt's length alone, so that two runs are alike.
        self.output_tokens = cap // 2 + self.input_tokens % (cap - cap // 2)
        self.text = (SAYS * (1 + self.output_tokens * 4 // len(SAYS)))[: max(len(SAYS), self.output_tokens * 4)]


@asynccontextmanager
async def fake_provider(latency_s: float = 0.0) -> AsyncGenerator[FakeProvider]:
    """A fake provider on a free loopback port, for as long as the context lasts."""
    bill = Bill()
    running: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            while await _serve_one(reader, writer, bill, latency_s):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield FakeProvider(server.sockets[0].getsockname()[1], bill)
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


async def _serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bill: Bill, latency_s: float) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    _, target, _ = first.split(" ", 2)
    length = int(headers.get("content-length", "0"))
    if length > _LARGEST_BODY:
        return False
    body = await reader.readexactly(length)
    bill.keys.add(headers.get("x-api-key") or headers.get("x-goog-api-key") or headers.get("authorization", ""))
    shape = _shape(target)
    try:
        answer = _read(target, json.loads(body))
    except (ValueError, KeyError, TypeError):
        answer = None
    if shape is None or answer is None or answer.model not in LIST_PRICES:
        await _send(writer, 404, "application/json", b'{"error": {"message": "The fake provider does not know that."}}')
        return True
    await asyncio.sleep(latency_s)
    bill.add(answer.model, answer.input_tokens, answer.output_tokens)
    if answer.stream:
        await _stream(writer, shape(answer))
    else:
        await _send(writer, 200, "application/json", json.dumps(shape(answer)[-1][1]).encode())
    return True


_Events = list[tuple[str, dict[str, Any]]]
"""The events of the stream, with their names (empty where the API has none), and last the whole answer."""


def _shape(target: str) -> Callable[[_Answer], _Events] | None:
    path = target.partition("?")[0]
    if path.endswith("/chat/completions"):
        return _openai
    if path.endswith("/messages"):
        return _anthropic
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return _google
    return None


def _read(target: str, asked: dict[str, Any]) -> _Answer:
    path = target.partition("?")[0]
    if _shape(target) is _google:
        model, _, verb = path.rpartition("/")[2].partition(":")
        cap = asked.get("generationConfig", {}).get("maxOutputTokens", 256)
        prompt, stream = json.dumps(asked["contents"]), verb.startswith("stream")
    else:
        model, prompt = asked["model"], json.dumps(asked["messages"])
        cap = asked.get("max_completion_tokens") or asked.get("max_tokens") or 256
        stream = bool(asked.get("stream"))
    # json.dumps puts spaces where the caller may have none; never count more than the caller sent.
    return _Answer(model, len(prompt.replace(" ", "")), max(int(cap), _SHORTEST_CAP), stream)


def _openai(answer: _Answer) -> _Events:
    usage = {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
    common = {"id": "chatcmpl-fake", "created": 0, "model": answer.model}
    chunk = {**common, "object": "chat.completion.chunk"}

    def choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    events: _Events = [("", choice({"role": "assistant", "content": ""}))]
    events += [("", choice({"content": piece})) for piece in _pieces(answer.text)]
    events += [("", choice({}, "stop")), ("", {**chunk, "choices": [], "usage": usage})]
    message = {"role": "assistant", "content": answer.text}
    whole = {
        **common,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    return [*events, ("", whole)]


def _anthropic(answer: _Answer) -> _Events:
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    message = {"id": "msg_fake", "type": "message", "role": "assistant", "model": answer.model}
    begun: dict[str, Any] = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    events: _Events = [("message_start", {"type": "message_start", "message": begun}), ("content_block_start", block)]
    events += [
        (
            "content_block_delta",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}},
        )
        for piece in _pieces(answer.text)
    ]
    ended = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": answer.output_tokens},
    }
    events += [
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        ("message_delta", ended),
        ("message_stop", {"type": "message_stop"}),
    ]
    content = [{"type": "text", "text": answer.text}]
    return [*events, ("", {**message, "content": content, "stop_reason": "end_turn", "usage": usage})]


def _google(answer: _Answer) -> _Events:
    usage = {
        "promptTokenCount": answer.input_tokens,
        "candidatesTokenCount": answer.output_tokens,
        "totalTokenCount": answer.input_tokens + answer.output_tokens,
    }

    def part(text: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        return {"candidates": [{"content": content, "index": 0, **more}], "modelVersion": answer.model}

    *pieces, last = _pieces(answer.text)
    events: _Events = [("", part(piece)) for piece in pieces]
    events.append(("", {**part(last, finishReason="STOP"), "usageMetadata": usage}))
    return [*events, ("", {**part(answer.text, finishReason="STOP"), "usageMetadata": usage})]


def _pieces(text: str) -> list[str]:
    size = max(1, len(text) // 4)
    return [text[at : at + size] for at in range(0, len(text), size)]


async def _stream(writer: asyncio.StreamWriter, events: _Events) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    openai = not events[0][0] and "choices" in events[0][1]
    for name, event in events[:-1]:
        data = json.dumps(event)
        await _chunk(writer, f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n")
    if openai:
        await _chunk(writer, "data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, text: str) -> None:
    encoded = text.encode()
    writer.write(b"%x\r\n%b\r\n" % (len(encoded), encoded))
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes) -> None:
    reason = {200: "OK", 404: "Not Found"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
