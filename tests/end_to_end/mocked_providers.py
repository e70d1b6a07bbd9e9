"""OpenAI, Anthropic, Google and others on one port: `aimock` (npm), behind a door that keeps what came as it came.

The door passes a request on to aimock, or answers itself what a test has laid there: errors and streams that aimock cannot make.
"""

import contextlib
import http.client
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from idps import free_port
from npm import installed, node

AIMOCK = ("@copilotkit/aimock", "1.43.0")
_STARTS_WITHIN_S = 60


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: Any


class Laid(NamedTuple):
    """An answer that the door gives itself."""

    status: int
    pieces: list[bytes]
    content_type: str = "application/json"
    breaks_off: bool = False
    """The connection ends without the end of the answer."""
    pause_s: float = 0
    """Between two pieces."""


class Door:
    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.laid: queue.SimpleQueue[Laid] = queue.SimpleQueue()

    def lay(self, status: int, body: Any, **more: Any) -> None:
        """The next request is answered this."""
        pieces = body if isinstance(body, list) else [body if isinstance(body, bytes) else json.dumps(body).encode()]
        self.laid.put(Laid(status, pieces, **more))

    def lay_events(self, *events: bytes, breaks_off: bool = False, pause_s: float = 0) -> None:
        """The next request is answered this stream."""
        self.laid.put(Laid(200, list(events), "text/event-stream", breaks_off, pause_s))

    @property
    def last(self) -> Received:
        return self.received[-1]


@contextlib.contextmanager
def aimock(fixtures: list[dict[str, Any]], folder: Path) -> Iterator[int]:
    """aimock on a free port."""
    port, file = free_port(), folder / "fixtures.json"
    file.write_text(json.dumps({"fixtures": fixtures}))
    program = installed(*AIMOCK) / "dist" / "cli.js"
    # Without a latency it would send no head before a stream that breaks off.
    options = ["-p", str(port), "-f", str(file), "-l", "1", "-c", "8", "--log-level", "warn", "--strict"]
    with (folder / "aimock.log").open("w") as said:
        process = subprocess.Popen([str(node()), str(program), *options], stdout=said, stderr=said, env={**os.environ})
        try:
            deadline = time.monotonic() + _STARTS_WITHIN_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "aimock.log").read_text())
                threading.Event().wait(0.05)
            yield port
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/__aimock/journal?limit=1")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


@contextlib.contextmanager
def mocked_providers(fixtures: list[dict[str, Any]], folder: Path) -> Iterator[Door]:
    """The door, with aimock behind it."""
    door = Door()
    with aimock(fixtures, folder) as behind:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(door, behind))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        door.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield door
        finally:
            server.shutdown()
            server.server_close()


def _handler(door: Door, behind: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            door.received.append(Received(self.path, headers, json.loads(raw)))
            try:
                laid = door.laid.get_nowait()
            except queue.Empty:
                self._pass_on(raw)
            else:
                self._give(laid)

        def _give(self, laid: Laid) -> None:
            self._begin(laid.status, {"content-type": laid.content_type})
            with contextlib.suppress(OSError):
                for piece in laid.pieces:
                    self._chunk(piece)
                    time.sleep(laid.pause_s)
                if laid.breaks_off:
                    self.close_connection = True
                    self.connection.shutdown(2)
                else:
                    self._chunk(b"")

        def _pass_on(self, raw: bytes) -> None:
            there = http.client.HTTPConnection("127.0.0.1", behind, timeout=20)
            there.request("POST", self.path, raw, {"content-type": "application/json"})
            answer = there.getresponse()
            kept = {"content-type", "retry-after"}
            self._begin(answer.status, {n.lower(): v for n, v in answer.getheaders() if n.lower() in kept})
            while piece := answer.read1():
                self._chunk(piece)
            self._chunk(b"")
            there.close()

        def _begin(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "transfer-encoding": "chunked"}.items():
                self.send_header(name, value)
            self.end_headers()

        def _chunk(self, piece: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    return Handler
