"""Anthropic's and OpenAI's batches, with a bill.

A batch is done at once, but says so only once the account is `finished`. What each request makes depends on its custom_id
alone: "fail-..." errors, "expire-..." expires, all others are answered and billed at half the list price. One with "slow" in
it takes half a second to be made.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ANTHROPIC_INPUT, ANTHROPIC_OUTPUT = 500, 2_500
"""Nanodollars a token: claude-haiku-4-5 in a batch."""
OPENAI_INPUT, OPENAI_OUTPUT = 75, 300
"""gpt-4o-mini in a batch."""


class Answer(NamedTuple):
    """What the provider says."""

    status: int
    content_type: str
    body: bytes


class Account:
    """One provider account, and what is in it."""

    def __init__(self) -> None:
        self.batches: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.finished = False
        self.bill = 0
        """Nanodollars."""
        self.asked: list[str] = []

    def respond(self, method: str, path: str, content_type: str, body: bytes) -> Answer:
        """One call by the owner of the account."""
        path = path.partition("?")[0]
        self.asked.append(f"{method} {path}")
        parts = path.removeprefix("/v1").strip("/").split("/")
        if parts[:2] == ["messages", "batches"]:
            return self._anthropic(method, parts[2:], body)
        if parts[0] == "files":
            return self._files(method, parts[1:], content_type, body)
        if parts[0] == "batches":
            return self._openai(parts[1:], body)
        return said({"error": "?"}, 404)

    def _anthropic(self, method: str, parts: list[str], body: bytes) -> Answer:
        if not parts:
            requests = json.loads(body)["requests"]
            if any(request["custom_id"] == "reject" for request in requests):
                return said({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, 400)
            name = f"msgbatch_{len(self.batches)}"
            self.batches[name] = {"lines": [anthropic_line(self, request) for request in requests]}
            return said(self._message_batch(name))
        name = parts[0]
        if name not in self.batches:
            return said({"type": "error", "error": {"type": "not_found_error", "message": "no such batch"}}, 404)
        if parts[1:] == ["results"]:
            return Answer(200, "application/x-jsonl", jsonl(self.batches[name]["lines"]))
        if method == "DELETE":
            del self.batches[name]
            return said({"id": name, "type": "message_batch_deleted"})
        return said(self._message_batch(name))

    def _message_batch(self, name: str) -> dict[str, Any]:
        lines = self.batches[name]["lines"]
        done = self.finished
        kinds = [line["result"]["type"] for line in lines]
        counts = {kind: kinds.count(kind) if done else 0 for kind in ("succeeded", "errored", "expired", "canceled")}
        address = f"http://elsewhere.invalid/v1/messages/batches/{name}/results"
        return {
            "id": name, "type": "message_batch", "processing_status": "ended" if done else "in_progress",
            "request_counts": {"processing": 0 if done else len(lines), **counts},
            "created_at": "2026-09-21T00:00:00Z", "expires_at": "2026-09-22T00:00:00Z",
            "ended_at": "2026-09-21T01:00:00Z" if done else None, "results_url": address if done else None,
            "archived_at": None, "cancel_initiated_at": None,
        }  # fmt: skip

    def _files(self, method: str, parts: list[str], content_type: str, body: bytes) -> Answer:
        if not parts:
            head = f"content-type: {content_type}\r\n\r\n".encode()
            form = BytesParser().parsebytes(head + body)
            fields = {part.get_param("name", header="content-disposition"): part for part in form.get_payload()}
            name = f"file-{len(self.files)}"
            self.files[name] = fields["file"].get_payload(decode=True)
            return said(self._file(name))
        name = parts[0]
        if name not in self.files:
            return said({"error": {"message": "No such File object", "type": "invalid_request_error"}}, 404)
        if parts[1:] == ["content"]:
            return Answer(200, "application/octet-stream", self.files[name])
        if method == "DELETE":
            del self.files[name]
            return said({"id": name, "object": "file", "deleted": True})
        return said(self._file(name))

    def _file(self, name: str) -> dict[str, Any]:
        return {
            "id": name, "object": "file", "bytes": len(self.files[name]), "created_at": 1, "filename": "f.jsonl",
            "purpose": "batch", "status": "processed",
        }  # fmt: skip

    def _openai(self, parts: list[str], body: bytes) -> Answer:
        if not parts:
            asked = json.loads(body)
            requests = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines() if line.strip()]
            made = [openai_line(self, request) for request in requests]
            name = f"batch_{len(self.batches)}"
            self.batches[name] = {"asked": asked, "made": made, "output": None, "errors": None}
            return said(self._batch(name))
        name = parts[0]
        if name not in self.batches:
            return said({"error": {"message": "No batch found", "type": "invalid_request_error"}}, 404)
        return said(self._batch(name))

    def _batch(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        good = [line for fine, line in batch["made"] if fine]
        bad = [line for fine, line in batch["made"] if not fine]
        if self.finished and batch["output"] is None and batch["errors"] is None:
            for key, lines in (("output", good), ("errors", bad)):
                if lines:
                    batch[key] = f"file-{len(self.files)}"
                    self.files[batch[key]] = jsonl(lines)
        return {
            "id": name, "object": "batch", "endpoint": batch["asked"]["endpoint"], "errors": None,
            "input_file_id": batch["asked"]["input_file_id"], "completion_window": "24h", "created_at": 1,
            "status": "completed" if self.finished else "in_progress",
            "output_file_id": batch["output"], "error_file_id": batch["errors"],
            "request_counts": {"total": len(good) + len(bad), "completed": len(good), "failed": len(bad)},
        }  # fmt: skip


def tokens_of(custom_id: str, cap: int) -> tuple[int, int]:
    """Input and output tokens of a request."""
    seed = sum(custom_id.encode())
    return 10 + seed % 40, min(cap, 1 + seed % 97)


def anthropic_line(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    name = request["custom_id"]
    if name.startswith("fail-"):
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": None}
        return {"custom_id": name, "result": {"type": "errored", "error": error}}
    if name.startswith("expire-"):
        return {"custom_id": name, "result": {"type": "expired"}}
    given, made = tokens_of(name, request["params"]["max_tokens"])
    account.bill += given * ANTHROPIC_INPUT + made * ANTHROPIC_OUTPUT
    message = {
        "id": f"msg_{name}", "type": "message", "role": "assistant", "model": request["params"]["model"],
        "content": [{"type": "text", "text": f"answer to {name}"}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": given, "output_tokens": made, "service_tier": "batch"},
    }  # fmt: skip
    return {"custom_id": name, "result": {"type": "succeeded", "message": message}}


def openai_line(account: Account, request: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    name = request["custom_id"]
    if name.startswith("expire-"):
        error = {"code": "batch_expired", "message": "too late"}
        return False, {"id": f"r_{name}", "custom_id": name, "response": None, "error": error}
    if name.startswith("fail-"):
        response = {"status_code": 400, "request_id": "x", "body": {"error": {"message": "no"}}}
        return False, {"id": f"r_{name}", "custom_id": name, "response": response, "error": None}
    given, made = tokens_of(name, request["body"].get("max_tokens", 100))
    account.bill += given * OPENAI_INPUT + made * OPENAI_OUTPUT
    body = {
        "id": f"c_{name}", "object": "chat.completion", "created": 1, "model": request["body"]["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made},
        "service_tier": "default",
    }  # fmt: skip
    response = {"status_code": 200, "request_id": "x", "body": body}
    return True, {"id": f"r_{name}", "custom_id": name, "response": response, "error": None}


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def said(value: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, "application/json", json.dumps(value).encode())


class Handler(BaseHTTPRequestHandler):
    """The account behind HTTP. `POST /finish` ends every batch, `POST /break/{n}` cuts the next results off."""

    protocol_version = "HTTP/1.1"
    account: Account
    cut = 0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        account, cls = self.account, type(self)
        cut = 0
        if self.path == "/bill":
            answer = said({"bill": account.bill, "asked": account.asked, "batches": len(account.batches)})
        elif self.path == "/finish":
            account.finished = True
            answer = said({})
        elif self.path.startswith("/break/"):
            cls.cut = int(self.path.split("/")[2])
            answer = said({})
        elif "sk-provider" not in self.headers.get("x-api-key", "") + self.headers.get("authorization", ""):
            answer = said({"error": {"message": "whose key?"}}, 401)
        else:
            if b'"slow"' in body:
                threading.Event().wait(0.5)
            answer = account.respond(self.command, self.path, self.headers.get("content-type", ""), body)
            if answer.content_type != "application/json":
                cut, cls.cut = cls.cut, 0
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[:cut] if cut else answer.body)
        self.close_connection = self.close_connection or bool(cut)

    do_POST = do_DELETE = do_GET  # noqa: N815


def serving() -> tuple[ThreadingHTTPServer, Account]:
    """An account behind HTTP, not yet being served."""
    account = Account()
    handler = type("OneAccount", (Handler,), {"account": account})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler), account


@contextlib.contextmanager
def account_served() -> Iterator[tuple[str, Account]]:
    """The address of an account, and the account, while it is served."""
    server, account = serving()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
