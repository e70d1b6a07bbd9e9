"""Waits on this machine's own address for what a browser brings (RFC 8252, 7.3)."""

import http.server
import secrets
import time
from typing import Any, cast
from urllib.parse import parse_qsl

PATH = "/callback"
_SLICE_S = 1.0
_KNOCK_S = 5


class Receiver(http.server.HTTPServer):
    """Takes one answer, with the right state; others may knock as often as they like."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Received)
        self.state = ""
        self.came: dict[str, str] | None = None

    def wait(self, state: str, until: float) -> dict[str, str] | None:
        """The fields that came with `state` before `until` (of the monotonic clock); `None` where none did."""
        self.state = state
        while self.came is None and (left := until - time.monotonic()) > 0:
            self.timeout = min(_SLICE_S, left)
            self.handle_request()
        return self.came

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever knocks and leaves is nobody's concern."""


class _Received(http.server.BaseHTTPRequestHandler):
    """One request of the browser."""

    timeout = _KNOCK_S

    def do_GET(self) -> None:
        receiver = cast(Receiver, self.server)
        path, _, query = self.path.partition("?")
        fields = dict(parse_qsl(query))
        right = secrets.compare_digest(fields.get("state", "").encode(), receiver.state.encode())
        if path != PATH or not receiver.state or not right:
            self._say(404, "This is not what was waited for.")
            return
        receiver.came = fields
        self._say(200, "Go back to your terminal; you can close this page.")

    def _say(self, status: int, text: str) -> None:
        body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Tollway</title><p>{text}</p>'.encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The query has a code; it stays out of the terminal."""
