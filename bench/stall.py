"""How long the event loop is held up while ten hostile bodies arrive at once, of every kind that a gateway takes in.

    python bench/stall.py [--inline] [--runs 3] [--only TEXT]

Runs the gateway in front of a provider that answers what it is told to, and times every turn of the gateway's loop,
which never sleeps. For each case it tells, in milliseconds:

    own    the longest turn: its time on the clock or the processor's time of the whole process, whichever is less. What
           others on the machine take is not counted, and a thread that keeps Python's lock is. Of the best run, and of
           the median one.
    clock  the longest turn as the clock has it, of the best run: with a busy machine's pauses in it.
    gc     the longest collection of garbage, of the worst run. It is part of some turn.

`--inline` reads bodies on the loop, as a gateway without a worker would.
"""

import argparse
import asyncio
import gc
import gzip
import json
import logging
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from tollway.app import serve
from tollway.providers import weight
from tollway.providers.eventstream import frame
from tollway.settings import read_settings

KEY = "a-gateway-key-for-tests"
ADMIN = "an-administrator-token-for-tests"
CHAT = "/openai/v1/chat/completions"
IDLE_S = 2.0


class Case(NamedTuple):
    """What is sent so many times at once, and what the provider answers."""

    path: str = CHAT
    body: Callable[[], bytes] = lambda: SMALL
    kind: str = "application/json"
    answer: Callable[[], bytes] = lambda: ANSWER
    answer_kind: str = "application/json"
    times: int = 10
    method: str = "POST"


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


SMALL = chat(max_tokens=9)
STREAM = chat(max_tokens=9, stream=True)
USAGE = b'"model":"gpt-4o-mini","usage":{"prompt_tokens":1,"completion_tokens":1}'
ANSWER = b"{" + USAGE + b"}"
MARK = b"--------a-boundary"
EMPTY = b"{}," * 3_300_000 + b"{}"


def anthropic(**fields: Any) -> bytes:
    return json.dumps({"model": "openai/gpt-4o-mini", "max_tokens": 9, **fields}).encode()


def form(**parts: bytes) -> bytes:
    """A multipart form. A part that is called `file` is one."""
    said = b""
    for name, content in parts.items():
        file = b'; filename="f"' if name == "file" else b""
        said += b'--%s\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
            MARK,
            name.encode(),
            file,
            content,
        )
    return said + b"--" + MARK + b"--\r\n"


def line(number: int, content: str) -> bytes:
    """One request of a batch, as OpenAI has it."""
    body = {"model": "gpt-4o-mini", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    asked = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(asked).encode() + b"\n"


def anthropic_batch() -> bytes:
    params = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x" * 2_600}]}
    return json.dumps({"requests": [{"custom_id": f"c{n}", "params": params} for n in range(10_000)]}).encode()


def frames(kind: str, payload: bytes) -> bytes:
    headers = {":message-type": "event", ":content-type": "application/json"}
    told = frame({**headers, ":event-type": kind}, payload)
    return told + frame({**headers, ":event-type": "metadata"}, b'{"usage":{"inputTokens":1,"outputTokens":1}}')


def deep(times: int) -> bytes:
    return b'{"a":' * times + b"1" + b"}" * times


FORM = "multipart/form-data; boundary=" + MARK.decode()
SSE = {"body": lambda: STREAM, "answer_kind": "text/event-stream"}
CASES: dict[str, Case] = {
    "chat, empty objects": Case(body=lambda: b'{"model":"gpt-4o-mini","max_tokens":9,"messages":[%s]}' % EMPTY),
    "chat, numbers": Case(body=lambda: b'{"model":"gpt-4o-mini","messages":[],"x":[' + b"1," * 5_000_000 + b"1]}"),
    "chat, messages": Case(body=lambda: chat(messages=[{"role": "user", "content": "x"}] * 285_000)),
    "chat, escapes": Case(body=lambda: chat(messages=[{"role": "user", "content": '\n"' * 2_500_000}])),
    "chat, one text": Case(body=lambda: chat(messages=[{"role": "user", "content": "x" * 10_000_000}])),
    "chat, no JSON": Case(body=lambda: b"{" * 10_000_000),
    "chat, renamed": Case("/v1/chat/completions", lambda: chat(model="openai/gpt-4o-mini", x=["y" * 10_000_000])),
    "form, sound": Case(
        "/openai/v1/audio/transcriptions", lambda: form(model=b"whisper-1", file=b"x" * 10_000_000), kind=FORM
    ),
    "form, boundaries": Case(
        "/openai/v1/audio/transcriptions",
        lambda: form(model=b"whisper-1", file=(b"\r\n--" + MARK[:-1]) * 450_000),
        kind=FORM,
    ),
    # An Anthropic caller of a model that speaks OpenAI's chat: the body is put into other words.
    "translated, messages": Case(
        "/v1/messages", lambda: anthropic(messages=[{"role": "user", "content": "x"}] * 285_000)
    ),
    "translated, one text": Case(
        "/v1/messages", lambda: anthropic(messages=[{"role": "user", "content": "x" * 9_900_000}])
    ),
    "translated, empty objects": Case(
        "/v1/messages",
        lambda: b'{"model":"openai/gpt-4o-mini","max_tokens":9,"messages":[{"role":"user","content":[%s]}]}' % EMPTY,
    ),
    "answer, empty objects": Case(answer=lambda: b'{%s,"x":[%s]}' % (USAGE, EMPTY)),
    "answer, one text": Case(answer=lambda: b'{%s,"x":"%s"}' % (USAGE, b"y" * 10_000_000)),
    "answer, no JSON": Case(answer=lambda: b"[" * 10_000_000),
    "answer, not told": Case(
        body=lambda: STREAM, answer=lambda: b'{%s,"x":[%s]}' % (USAGE, EMPTY), answer_kind="text/event-stream"
    ),
    "answer, packed": Case(
        answer=lambda: gzip.compress(b'{%s,"x":[%s]}' % (USAGE, os.urandom(500_000).hex().encode() * 10), 6)
    ),
    "events, packed": Case(
        **SSE,
        answer=lambda: gzip.compress(
            b"".join(
                b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % os.urandom(99).hex().encode()
                for _ in range(40_000)
            ),
            6,
        ),
    ),
    "event, empty objects": Case(**SSE, answer=lambda: b'data: {%s,"x":[%s]}\n\n' % (USAGE, EMPTY[:7_999_998] + b"{}")),
    "event, one text": Case(**SSE, answer=lambda: b'data: {%s,"x":"%s"}\n\n' % (USAGE, b"y" * 8_000_000)),
    "event, never ends": Case(**SSE, answer=lambda: b"data: " + b"y" * 8_000_000),
    "event, of lines": Case(**SSE, answer=lambda: b"data:x\n" * 1_150_000 + b"\n"),
    "events, empty": Case(**SSE, answer=lambda: b"\n\n" * 4_000_000),
    "events, tiny": Case(**SSE, answer=lambda: b"data:{}\n\n" * 900_000),
    "array, empty objects": Case(
        "/google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        lambda: b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":9}}',
        answer=lambda: b'[{"x":[%s]}]' % (EMPTY[:7_999_998] + b"{}"),
    ),
    "JSON line, empty objects": Case(
        "/ollama/api/chat",
        lambda: b'{"model":"llama3","messages":[],"options":{"num_predict":9}}',
        answer=lambda: (
            b'{"x":[%s]}\n{"done":true,"prompt_eval_count":1,"eval_count":1}\n' % (EMPTY[:7_999_998] + b"{}")
        ),
        answer_kind="application/x-ndjson",
    ),
    "frame, empty objects": Case(
        "/aws-bedrock/model/amazon.nova-lite-v1%3A0/converse-stream",
        lambda: b'{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":9}}',
        answer=lambda: frames("contentBlockDelta", b'{"x":[%s]}' % (EMPTY[:7_999_998] + b"{}")),
        answer_kind="application/vnd.amazon.eventstream",
    ),
    "batch file, 10,000 lines": Case(
        "/openai/v1/files",
        lambda: form(purpose=b"batch", file=b"".join(line(n, "x" * 2_550) for n in range(10_000))),
        kind=FORM,
        answer=lambda: b'{"id":"file-1","object":"file"}',
        times=9,
    ),
    "batch file, one line": Case(
        "/openai/v1/files",
        lambda: (
            form(purpose=b"batch", file=line(0, "x")[:-3] + b',"x":[%s]}}\n' % (b"{}," * 198_000 + b"{}"))
            + b"x" * 10**7
        ),
        kind=FORM,
        answer=lambda: b'{"id":"file-1","object":"file"}',
    ),
    "batch file, no JSON": Case(
        "/openai/v1/files", lambda: form(purpose=b"batch", file=b"{" * 27_000_000), kind=FORM, times=9
    ),
    "batch, 10,000 requests": Case(
        "/anthropic/v1/messages/batches",
        anthropic_batch,
        answer=lambda: b'{"id":"batch-1","type":"message_batch","processing_status":"in_progress"}',
        times=9,
    ),
    "batch, empty objects": Case(
        "/anthropic/v1/messages/batches", lambda: b'{"requests":[%s]}' % (b"{}," * 9_000_000 + b"{}"), times=9
    ),
    "batch of a file, empty objects": Case("/openai/v1/batches", lambda: b'{"x":[%s]}' % EMPTY),
    "batch, large answer": Case(
        "/anthropic/v1/messages/batches",
        lambda: b'{"requests":[{"custom_id":"c","params":{"model":"claude-haiku-4-5","max_tokens":9,"messages":[]}}]}',
        answer=lambda: b'{"id":"batch-2","type":"message_batch","processing_status":"ended","x":[%s]}' % EMPTY,
    ),
    "explain, empty objects": Case(
        "/api/v1/explain", lambda: b'{"body":{"model":"openai/gpt-4o-mini","messages":[%s]}}' % EMPTY[:7_999_999]
    ),
    "explain, one text": Case(
        "/api/v1/explain",
        lambda: b'{"body":{"model":"openai/gpt-4o-mini","messages":[],"x":"%s"}}' % (b"x" * 8_000_000),
    ),
}


class Provider:
    """Answers what the case under way has it say."""

    def __init__(self) -> None:
        self.answer, self.kind, self.packed = ANSWER, "application/json", False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
                body = b""
                while length:
                    piece = await reader.read(length)
                    body = body or piece
                    length -= len(piece)
                probe = body.startswith(PROBE[:40])
                answer, kind = (ANSWER, "application/json") if probe else (self.answer, self.kind)
                packed = "content-encoding: gzip\r\n" if answer[:2] == b"\x1f\x8b" else ""
                said = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{packed}content-length: {len(answer)}\r\n\r\n"
                writer.write(said.encode())
                for start in range(0, len(answer), 65_536):
                    writer.write(answer[start : start + 65_536])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


PROBE = b'{"messages":[{"role":"user","content":"probe"}],"model":"gpt-4o-mini","max_tokens":9}'


async def post(port: int, case: Case, body: bytes) -> int:
    """The status of one request; 0 where the gateway closed the connection on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = ADMIN if case.path.startswith("/api/") else KEY
    head = (
        f"{case.method} {case.path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        f"content-type: {case.kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    status = 0
    try:
        writer.write(head.encode())
        for start in range(0, len(body), 65_536):
            writer.write(body[start : start + 65_536])
            await writer.drain()
    except ConnectionError:
        pass
    try:
        status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
        while await reader.read(65_536):
            pass
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
    return status


async def traffic(only: str, runs: int) -> None:
    """The provider and the callers, in a process of their own: told the gateway's port, it tells when each case ends."""
    provider, probe = Provider(), Case()
    server = await asyncio.start_server(provider, "127.0.0.1", 0, limit=1024 * 1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    port = int(await asyncio.to_thread(sys.stdin.readline))

    async def probed(until: Callable[[], bool]) -> list[float]:
        took_ms: list[float] = []
        while not until():
            at = time.perf_counter()
            assert await post(port, probe, PROBE) == 200
            took_ms.append((time.perf_counter() - at) * 1e3)
            await asyncio.sleep(0.005)
        return took_ms

    # What is only done once is done before anything is timed.
    for case in (probe, Case("/api/v1/explain", lambda: b'{"body":{}}'), CASES["chat, one text"]):
        await post(port, case, case.body())

    async def tell(name: str, told: str) -> None:
        print(json.dumps([name, told]), flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    await tell("", "")
    for _ in range(runs):
        if not only:
            end = time.monotonic() + IDLE_S
            small = await probed(lambda end=end: time.monotonic() > end)
            await tell(
                "small requests alone", f"a small one {statistics.median(small):.1f} ms, at most {max(small):.1f}"
            )
    for name, case in CASES.items():
        if only not in name:
            continue
        body = case.body()
        provider.answer, provider.kind = case.answer(), case.answer_kind
        await tell("", "")
        for _ in range(runs):
            began = time.perf_counter()
            large = [asyncio.create_task(post(port, case, body)) for _ in range(case.times)]
            small = await probed(lambda large=large: all(task.done() for task in large))
            statuses = sorted({task.result() for task in large})
            size = max(len(body), len(provider.answer)) / 1e6
            told = (
                f"{size:4.1f} MB x {case.times} in {time.perf_counter() - began:5.2f} s {statuses}; a small one "
                f"{statistics.median(small):.1f} ms, at most {max(small):.1f}"
            )
            await tell(name, told)


class Run(NamedTuple):
    """The longest of one run of a case, in milliseconds."""

    own: float
    clock: float
    collecting: float
    told: str = ""


class Turns:
    """The turns of the loop since the last time they were asked for, the longest ones."""

    def __init__(self) -> None:
        self._own_ns = self._clock_ns = self._collecting_ns = self._collects_ns = 0
        gc.callbacks.append(self._collects)

    async def watch(self) -> None:
        while True:
            began_ns, used_ns = time.perf_counter_ns(), time.process_time_ns()
            await asyncio.sleep(0)
            took_ns = time.perf_counter_ns() - began_ns
            if took_ns > self._clock_ns:
                self._clock_ns = took_ns
            if took_ns > self._own_ns:
                self._own_ns = max(self._own_ns, min(took_ns, time.process_time_ns() - used_ns))

    def longest(self, told: str) -> Run:
        """The longest ones."""
        found = Run(self._own_ns / 1e6, self._clock_ns / 1e6, self._collecting_ns / 1e6, told)
        self._own_ns = self._clock_ns = self._collecting_ns = 0
        return found

    def _collects(self, phase: str, _: dict[str, int]) -> None:
        now_ns = time.perf_counter_ns()
        if phase == "start":
            self._collects_ns = now_ns
        else:
            self._collecting_ns = max(self._collecting_ns, now_ns - self._collects_ns)


async def gateway(folder: Path, only: str, runs: int) -> None:
    """The gateway, whose every turn is timed: its loop never sleeps."""
    client = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--traffic", "--only", only, "--runs", str(runs),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert client.stdin is not None and client.stdout is not None
    upstream = f"http://127.0.0.1:{int(await client.stdout.readline())}"
    settings: dict[str, Any] = {
        "providers": {
            "openai": {"base_url": f"{upstream}/v1", "api_key": "sk-provider"},
            "anthropic": {"base_url": upstream, "api_key": "sk-provider"},
            "google-ai-studio": {"base_url": upstream, "api_key": "sk-provider"},
            "aws-bedrock": {"base_url": upstream, "api_key": "sk-provider"},
            "ollama": {"base_url": upstream, "api_key": "none"},
        },
        "keys": [{"name": "bench", "secret": KEY, "user": "bench"}],
    }
    config = folder / "tollway.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    os.environ["TOLLWAY_ADMIN_TOKEN"] = ADMIN
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    options = {"config": str(config), "data": str(folder / "data"), "port": "0"}
    running = asyncio.create_task(
        serve(read_settings(options, {}), announce=lambda address, _, __: listening.set_result(address))
    )
    client.stdin.write((await listening).rpartition(":")[2].encode() + b"\n")
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    found: dict[str, list[Run]] = {}
    print(f"{'':30s} {'own: best':>9s} {'median':>6s} {'clock':>6s} {'gc':>6s}", flush=True)
    while said := await client.stdout.readline():
        name, told = json.loads(said)
        run = turns.longest(told)
        if name:
            runs_of_it = found.setdefault(name, [])
            runs_of_it.append(run)
            if len(runs_of_it) == runs:
                print(row(name, runs_of_it), flush=True)
        client.stdin.write(b"\n")
    watching.cancel()
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def row(name: str, found: list[Run]) -> str:
    """What the runs of one case have shown."""
    best = min(found)
    median = statistics.median(run.own for run in found)
    clock, collecting = min(run.clock for run in found), max(run.collecting for run in found)
    return f"{name:30s} {best.own:9.1f} {median:6.1f} {clock:6.1f} {collecting:6.1f}  {best.told}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inline", action="store_true", help="read every body on the loop")
    parser.add_argument("--runs", type=int, default=1, help="how often each case is run")
    parser.add_argument("--only", default="", help="the cases with this in their names")
    parser.add_argument("--traffic", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.traffic:
        asyncio.run(traffic(given.only, given.runs))
        return
    if given.inline:
        weight.ALWAYS_LIGHT = sys.maxsize
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(gateway(Path(folder), given.only, given.runs))


if __name__ == "__main__":
    main()
