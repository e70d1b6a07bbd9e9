import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tollway.cli import serve

COMMAND = [sys.executable, "-c", "from tollway.cli import main; main()", "serve", "--port", "0"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TOLLWAY_")}


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=folder.parent,
    )


def greeting(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "GOOGLE_GEMINI" in line:
            return "".join(lines)
    raise AssertionError("".join(lines) + process.communicate()[1])


def test_a_first_start_says_where_it_is_and_what_it_made_and_ends_clean(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = start(data)
    said = greeting(process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)

    assert process.returncode == 0, errors
    assert re.search(r"Tollway \S+ is listening on http://127\.0\.0\.1:\d+", said)
    token, key = (data / "admin-token").read_text().strip(), (data / "first.key").read_text().strip()
    assert token in said
    assert key in said
    assert f"OPENAI_API_KEY={key}" in said
    assert "Traceback" not in errors

    again = start(data)
    said_again = greeting(again)
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=20)
    assert again.returncode == 0
    assert token not in said_again
    assert key not in said_again
    assert str(data / "admin-token") in said_again


def test_a_port_that_is_taken_is_said_without_a_traceback(tmp_path: Path) -> None:
    first = start(tmp_path / "one")
    port = re.search(r":(\d+)\n", greeting(first))
    assert port is not None
    second = subprocess.run(
        [*COMMAND[:-1], port[1], "--data", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=20,
    )
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=20)
    assert second.returncode == 1
    assert "address already in use" in second.stderr
    assert f"cannot listen on 127.0.0.1:{port[1]}" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_client_for_identity_providers_says_nothing_of_its_own(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    serve._log_to_stderr(level)
    for client in ("httpx2", "httpcore2"):
        assert logging.getLogger(f"{client}.anything").getEffectiveLevel() == logging.WARNING
