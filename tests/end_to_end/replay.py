"""The recorded provider responses, and the fake provider that serves them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("TOLLWAY_TEST_DATA", str(Path(__file__).parents[3] / "shared" / "data")))


def rows() -> list[dict[str, Any]]:
    """The rows, or a skip that says what is missing."""
    path = DATA / "responses.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def need_data() -> None:
    if not (DATA / "responses.jsonl").exists():
        pytest.skip(f"the recorded responses are not at {DATA}; set TOLLWAY_TEST_DATA to their folder")


@contextlib.contextmanager
def replaying(*options: str) -> Iterator[str]:
    """The replay provider on a free port; yields its address."""
    need_data()
    process = subprocess.Popen(
        [
            sys.executable,
            "-u",
            str(DATA / "replay_upstream.py"),
            str(DATA / "responses.jsonl"),
            "--port",
            "0",
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield f"http://127.0.0.1:{_port_of(process.pid)}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _port_of(pid: int) -> int:
    """The port a process listens on; the replay provider prints the one it was given, which is 0."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return int(fields[1].split(":")[1], 16)
    raise AssertionError(f"process {pid} listens on nothing")
