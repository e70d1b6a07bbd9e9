"""Promise 9: streams that their callers cut are charged what the provider bills, by real processes over sockets.

The provider bills by the model's own tokenizer. No cut stream is charged less, and all together no more than a hundredth more.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from gateway import KEY, RunningGateway, running
from test_kill import entries
from token_provider import text_of

DOLLAR = 1_000_000_000
CALLERS = 16


class Cuts(NamedTuple):
    charged: int
    billed: int
    below: list[str]
    bases: set[str]


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """The provider of token_provider.py in a process of its own; yields its address."""
    program = str(Path(__file__).with_name("token_provider.py"))
    process = subprocess.Popen([sys.executable, "-u", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def question(name: str, lots: random.Random) -> tuple[str, dict[str, Any]]:
    texts = [text_of(f"question {name} {number}", lots.randint(100, 1_200)) for number in range(lots.randint(1, 4))]
    asked: dict[str, Any] = {"model": "gpt-4o-mini", "stream": True}
    if lots.random() < 0.5:
        messages = [{"role": lots.choice(["system", "user", "assistant"]), "content": text} for text in texts]
        return "/openai/v1/chat/completions", {**asked, "messages": messages}
    if lots.random() < 0.5:
        return "/openai/v1/responses", {**asked, "input": texts[0], "instructions": texts[-1]}
    return "/openai/v1/responses", {**asked, "input": [{"role": "user", "content": text} for text in texts]}


async def leave(url: str, name: str) -> None:
    """Asks, reads for a while, and hangs up."""
    lots = random.Random(name)
    path, asked = question(name, lots)
    body, parts = json.dumps(asked, ensure_ascii=lots.random() < 0.5).encode(), urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\nauthorization: Bearer {KEY}\r\n"
        f'x-test-id: {name}\r\ntollway-metadata: {{"id": "{name}"}}\r\ncontent-length: {len(body)}\r\n\r\n'
    )
    writer.write(head.encode() + body)
    assert b" 200 " in await reader.readuntil(b"\r\n")
    deadline = time.monotonic() + lots.uniform(0.3, 8.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(deadline - time.monotonic()):
            while await reader.read(65536):
                pass
    writer.close()


def cut(folder: Path, number: int) -> Cuts:
    with provider() as upstream:
        settings = {
            "providers": {
                "openai": {"base_url": f"{upstream}/v1", "api_key": "sk-provider", "default_tier_is_standard": True}
            },
            "keys": [{"name": "tests", "secret": KEY, "user": "tests"}],
            "budgets": [{"name": "plenty", "limit": "100000", "window": {"period": "total"}}],
        }
        with running(settings, folder, "--log-level", "error") as gateway:
            asyncio.run(_crowd(gateway, number))
            return _compared(gateway, upstream)


async def _crowd(gateway: RunningGateway, number: int) -> None:
    waiting = [f"cut{index}" for index in range(number)]

    async def caller(after_s: float) -> None:
        # All at once would measure how a cold process begins.
        await asyncio.sleep(after_s)
        while waiting:
            await leave(gateway.url, waiting.pop())

    await asyncio.gather(*(caller(number * 0.05) for number in range(CALLERS)))


def _compared(gateway: RunningGateway, upstream: str) -> Cuts:
    deadline = time.monotonic() + 30
    while gateway.admin("/status")["open_reservations"]:
        assert time.monotonic() < deadline, "still held after 30 s"
        time.sleep(0.05)
    with urllib.request.urlopen(f"{upstream}/bill", timeout=30) as answer:
        billed: dict[str, int] = json.loads(answer.read())
    charged = {each["metadata"]["id"]: each for each in entries(gateway)}
    assert charged.keys() == billed.keys()
    amounts = {name: int(Decimal(each["amount_usd"]) * DOLLAR) for name, each in charged.items()}
    return Cuts(
        sum(amounts.values()),
        sum(billed.values()),
        [
            f"{name}: {(amount - billed[name]) / 600} tokens, {charged[name]['charge']['lines']}"
            for name, amount in amounts.items()
            if amount < billed[name]
        ],
        {each["charge"]["basis"] for each in charged.values()},
    )


def check(found: Cuts) -> None:
    assert found.bases == {"counted"}
    assert found.below == []
    assert found.charged * 100 <= found.billed * 101, f"{found.charged} charged, {found.billed} billed"


def test_streams_that_are_cut_cost_what_the_provider_bills(tmp_path: Path) -> None:
    check(cut(tmp_path, 60))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_streams_that_are_cut_cost_what_the_provider_bills(tmp_path: Path) -> None:
    found = cut(tmp_path, 1_000)
    print(f"\nPROMISE 9: charged {found.charged}, billed {found.billed}: {found.charged / found.billed - 1:+.3%}")
    check(found)
