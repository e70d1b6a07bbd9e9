"""A provider that bills by its tokenizer: run as a program, it prints its address and serves until it is killed.

OpenAI chat and responses, streamed, by the vocabulary of GPT-4o. It makes a token at a time, at a pace, shows each as soon as
it is whole characters, and stops when nobody listens; what it had made by then is its bill. GET /bill tells it, by `x-test-id`.
"""

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import toktok  # pyright: ignore[reportMissingTypeStubs]

INPUT_PER_TOKEN, OUTPUT_PER_TOKEN = 150, 600
"""Nanodollars: gpt-4o-mini."""
_TEXT = (
    "the of and to a in is that for it as was with be by on not he this are or his from at which but have an had they you were "
    "their one all we can her has there been if more when will would who so no budget gateway tokenizer stream provider "
    "settlement unbelievable reservations counterfactual internationalisation München façade naïve Übergrößenträger "
    'соединение деньги 計算 トークン 中文 مرحبا 🧠 🎉 0.25 1,024 $5.00 HTTP/1.1 JSON {"key": [1, 2]} \n \n\n    return x == y; '
    "</div> https://example.com/a?b=c CamelCaseName snake_case_name !!! --- ..."
)
WORDS = _TEXT.split(" ")

BILL: dict[str, int] = {}
_VOCABULARY = toktok._encoding("o200k_base")


def text_of(name: str, words: int) -> str:
    """Prose, code and names of many scripts, drawn from a name."""
    lots = random.Random(name)
    return " ".join(lots.choice(WORDS) for _ in range(words))


def tokens_of(text: str) -> list[int]:
    return _VOCABULARY.encode_ordinary(text)


def shown_of(tokens: list[int]) -> Iterator[tuple[int, str]]:
    """How many tokens are made, and what can be shown of them, one step after the other."""
    pending: list[int] = []
    for token in tokens:
        pending.append(token)
        try:
            text = _VOCABULARY.decode_bytes(pending).decode()
        except UnicodeDecodeError:
            yield 1, ""
            continue
        pending.clear()
        yield 1, text


def input_of(path: str, asked: dict[str, Any]) -> int:
    """Tokens of the prompt, as OpenAI counts them: of each message its text and four, and three for the whole."""
    if path.endswith("/responses"):
        texts = [asked["input"]] if isinstance(asked["input"], str) else [item["content"] for item in asked["input"]]
        texts += [asked["instructions"]] if "instructions" in asked else []
    else:
        texts = [message["content"] for message in asked["messages"]]
    return sum(len(tokens_of(text)) + 4 for text in texts) + 3


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await one(reader, writer)
    writer.close()


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if method == "GET":
        told = json.dumps(BILL).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(told) + told
        )
        await writer.drain()
        return
    asked, name = json.loads(body), headers["x-test-id"]
    lots = random.Random(f"answer {name}")
    made = tokens_of(text_of(f"answer {name}", lots.randint(300, 1_500)))
    BILL[name] = input_of(path, asked) * INPUT_PER_TOKEN
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    responses = path.endswith("/responses")
    if responses:
        item = {"type": "message", "id": "m", "role": "assistant", "content": []}
        event(writer, {"type": "response.created", "response": {"id": "r", "model": asked["model"], "usage": None}})
        event(writer, {"type": "response.output_item.added", "output_index": 0, "item": item})
    pace_s = 1 / lots.uniform(60, 200)
    gone = asyncio.create_task(reader.read(1))
    due = asyncio.get_running_loop().time()
    for count, text in shown_of(made):
        if gone.done():
            break
        BILL[name] += count * OUTPUT_PER_TOKEN
        if text and responses:
            event(writer, {"type": "response.output_text.delta", "output_index": 0, "delta": text})
        elif text:
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
            event(writer, {"id": "c", "model": asked["model"], "choices": [choice]})
        due += pace_s
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    gone.cancel()
    raise ConnectionError


def event(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    piece = b"data: " + json.dumps(said).encode() + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
