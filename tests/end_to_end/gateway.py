"""A real gateway in a process of its own, for tests that a user could do by hand."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ADMIN_TOKEN = "an-admin-token-for-tests"
KEY = "a-gateway-key-for-tests"
STARTS_WITHIN_S = 30


class RunningGateway:
    """`tollway serve`, started on a free port."""

    def __init__(self, settings: dict[str, Any], folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "tollway.yaml"
        # JSON is YAML.
        self.config.write_text(json.dumps(settings))
        self.data = folder / "data"
        self._options = options
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> "RunningGateway":
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "tollway", "serve",
                "--config", str(self.config), "--data", str(self.data), "--port", "0", "--host", "127.0.0.1", *self._options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TOLLWAY_ADMIN_TOKEN": ADMIN_TOKEN, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        listening = threading.Event()
        threading.Thread(target=self._read, args=(self.process, listening), daemon=True).start()
        if not listening.wait(STARTS_WITHIN_S) or not self.url:
            self.kill()
            raise AssertionError("the gateway did not start:\n" + "\n".join(self.lines))
        return self

    def _read(self, process: Any, listening: threading.Event) -> None:
        for line in process.stdout:
            self.lines.append(line.rstrip())
            found = re.search(r"listening on (http://\S+)", line)
            if found is not None and not listening.is_set():
                self.url = found[1]
                listening.set()
        process.stdout.close()
        listening.set()

    def admin(self, path: str) -> Any:
        """The JSON of an admin GET."""
        request = urllib.request.Request(f"{self.url}/api/v1{path}", headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def logged(self, request_id: str) -> Any:
        """The log record of a request, which is written a moment after the answer."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return self.admin(f"/logs/{request_id}")
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 404 or time.monotonic() > deadline:
                    raise
            threading.Event().wait(0.05)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """SIGKILL: no chance to say goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(settings: dict[str, Any], folder: Path, *options: str) -> Iterator[RunningGateway]:
    gateway = RunningGateway(settings, folder, *options).start()
    try:
        yield gateway
    finally:
        gateway.kill()
