"""A provider in this process that does as it is told: it answers chat, responses and messages, plain and streamed, and fails on command.

What the next calls of a model are to meet stands in `script`; without an entry a call is answered. `calls` is its journal.
"""

import contextlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_SILENCE_S = 20.0


@dataclass(frozen=True)
class Turn:
    """How one call is answered."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Nothing comes until the caller leaves."""
    cut: bool = False
    """The connection ends in the middle of the answer."""
    held: threading.Event | None = None
    """The answer waits for it."""
    input_tokens: int = 10
    output_tokens: int = 20


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))


class ScriptedProvider:
    def __init__(self) -> None:
        self.calls: list[Received] = []
        self.script: dict[str, deque[Turn]] = defaultdict(deque)
        """By model."""
        self.usual: dict[str, Turn] = {}
        """By model: what a call meets that is not in the script."""
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.url = ""

    def turn(self, received: Received) -> Turn:
        with self.lock:
            self.calls.append(received)
            waiting = self.script[received.model]
            return waiting.popleft() if waiting else self.usual.get(received.model, Turn())

    def fail(self, model: str, *turns: Turn) -> None:
        self.script[model].extend(turns)

    def models(self) -> list[str]:
        """Which models were called, in order."""
        return [call.model for call in self.calls]

    def clear(self) -> None:
        with self.lock:
            self.calls.clear()
            self.script.clear()
            self.usual.clear()


@contextlib.contextmanager
def scripted_provider() -> Iterator[ScriptedProvider]:
    provider = ScriptedProvider()

    class Handler(_Handler):
        of = provider

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield provider
    finally:
        provider.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: ScriptedProvider

    def log_message(self, *said: Any) -> None:
        pass

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, json.loads(raw))
        turn = self.of.turn(received)
        with contextlib.suppress(OSError):
            self._answer(received, turn)

    def _answer(self, received: Received, turn: Turn) -> None:
        if turn.held is not None:
            turn.held.wait(LONGEST_SILENCE_S)
        if turn.silent:
            self.close_connection = True
            self.connection.settimeout(LONGEST_SILENCE_S)
            self.connection.recv(1)
            return
        if turn.status >= 400:
            self._whole(turn, {"error": {"message": f"scripted {turn.status}", "type": "scripted", "code": "scripted"}})
            return
        said = f"call {len(self.of.calls)} of {received.model}"
        kind = "messages" if "messages" in received.path else "responses" if "responses" in received.path else "chat"
        if received.body.get("stream"):
            self._stream(turn, _events(kind, received.body, said, turn))
        else:
            self._whole(turn, _ANSWERS[kind](received.model, said, turn))

    def _whole(self, turn: Turn, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(turn.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        for name, value in turn.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if turn.cut:
            self.close_connection = True
            raw = raw[: len(raw) // 2]
        self.wfile.write(raw)

    def _stream(self, turn: Turn, events: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            if turn.cut and number * 2 >= len(events):
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")


def _chat(model: str, said: str, turn: Turn) -> Any:
    message = {"role": "assistant", "content": said}
    return {
        "id": "c-1", "object": "chat.completion", "created": 1, "model": model, "usage": _chat_usage(turn),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def _chat_usage(turn: Turn) -> dict[str, int]:
    total = turn.input_tokens + turn.output_tokens
    return {"prompt_tokens": turn.input_tokens, "completion_tokens": turn.output_tokens, "total_tokens": total}


def _response(model: str, said: str, turn: Turn, status: str = "completed") -> Any:
    usage = {
        "input_tokens": turn.input_tokens, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": turn.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": turn.input_tokens + turn.output_tokens,
    }  # fmt: skip
    text = {"type": "output_text", "text": said, "annotations": []}
    output = [{"type": "message", "id": "m-1", "role": "assistant", "status": "completed", "content": [text]}]
    done = status == "completed"
    return {
        "id": "r-1", "object": "response", "created_at": 1, "model": model, "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "output": output if done else [],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "temperature": 1, "top_p": 1,
        "usage": usage if done else None,
    }  # fmt: skip


def _message(model: str, said: str, turn: Turn) -> Any:
    return {
        "id": "msg-1", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": said}],
        "usage": {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens},
    }  # fmt: skip


_ANSWERS = {"chat": _chat, "responses": _response, "messages": _message}


def _events(kind: str, body: dict[str, Any], said: str, turn: Turn) -> list[bytes]:
    model, words = str(body["model"]), said.split(" ")
    if kind == "chat":
        chunks: list[Any] = [
            _chunk(model, [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]) for word in words
        ]
        chunks.append(_chunk(model, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**_chunk(model, []), "usage": _chat_usage(turn)})
        return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]
    if kind == "responses":
        begun: Any = {"type": "response.created", "response": _response(model, said, turn, "in_progress")}
        text = [
            {"type": "response.output_text.delta", "item_id": "m-1", "output_index": 0, "content_index": 0, "delta": word,
             "logprobs": []}
            for word in words
        ]  # fmt: skip
        events = [begun, *text, {"type": "response.completed", "response": _response(model, said, turn)}]
        return [_event({**event, "sequence_number": number}) for number, event in enumerate(events)]
    start = _message(model, said, turn)
    start |= {"content": [], "stop_reason": None, "usage": {"input_tokens": turn.input_tokens, "output_tokens": 1}}
    blocks: list[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in words),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": turn.output_tokens}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return [_event(block) for block in blocks]


def _chunk(model: str, choices: list[Any]) -> dict[str, Any]:
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": choices}


def _event(block: Any) -> bytes:
    return f"event: {block['type']}\ndata: {json.dumps(block)}\n\n".encode()
