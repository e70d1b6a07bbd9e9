import io
import subprocess
import sys

import msgspec
import pytest

from tollway.proxy import heavy_worker
from tollway.proxy.heavy_worker import LENGTHS_BYTES, ReadAnswer, ReadAsk, Reply, lengths, packed, serve
from tollway.request import Ask


def message(call: ReadAsk | ReadAnswer, body: bytes) -> bytes:
    return packed(call, len(body)) + body


def replies(stream: bytes) -> list[Reply]:
    found: list[Reply] = []
    while stream:
        head, body = lengths(stream[:LENGTHS_BYTES])
        found.append(msgspec.msgpack.decode(stream[LENGTHS_BYTES : LENGTHS_BYTES + head], type=Reply))
        stream = stream[LENGTHS_BYTES + head + body :]
    return found


ASK = message(ReadAsk("openai.chat", "/v1/chat/completions", b"", b"application/json"), b'{"model":"m","messages":[]}')
ANSWER = message(ReadAnswer("openai.chat", ()), b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}')


def test_calls_are_answered_in_their_order_until_there_are_no_more() -> None:
    sink = io.BytesIO()
    serve(io.BytesIO(ASK + ANSWER), sink)
    first, second = replies(sink.getvalue())
    assert first.ask is not None and first.ask.model == "m"
    assert second.report is not None and second.report.usage is not None and second.report.usage.output_tokens == 2


def test_a_worker_that_is_too_large_ends_with_its_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy_worker, "LARGEST_RSS", -1)
    sink = io.BytesIO()
    serve(io.BytesIO(ASK + ANSWER), sink)
    (only,) = replies(sink.getvalue())
    assert only.last and isinstance(only.ask, Ask)


def test_the_process_says_that_it_has_started_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "tollway.proxy.heavy_worker"]
    found = subprocess.run(command, input=ASK, capture_output=True, check=True, timeout=30)
    started, reply = replies(found.stdout)
    assert started == Reply() and reply.ask is not None
    assert found.stderr == b""


def test_it_imports_nothing_that_it_does_not_need() -> None:
    script = "import sys, tollway.proxy.heavy_worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=30, text=True)
    names = loaded.stdout.split()
    for heavy in ("uvloop", "uvicorn", "apsw", "fastapi", "botocore", "asyncio", "tollway.storage", "tollway.ledger"):
        assert heavy not in names
