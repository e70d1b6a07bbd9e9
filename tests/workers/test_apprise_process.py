"""The process that sends by apprise: it connects to what is allowed, starts nothing, and tells no secrets."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tollway.workers.apprise_process import LOCAL_SCHEMES


def run(code: str) -> str:
    """What Python prints in a process of its own: a guard cannot be taken back."""
    begin = "from tollway.workers.apprise_process import Guard, Refused\nguard = Guard()\n"
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() + done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "127.0.0.1 is not a public address"),
        ("import socket; socket.create_connection(('localhost', 9))", "is not a public address"),
        ("import socket; socket.socket().connect(('localhost', 9))", "is not an address"),
        ("import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('10.0.0.1', 9))", "10.0.0.1 is not a public"),
        ("import socket; socket.socket(socket.AF_UNIX).connect('/tmp/x')", "only internet addresses"),
        ("import subprocess; subprocess.run(['true'])", "cannot start programs"),
        ("import os; os.system('true')", "cannot start programs"),
        ("guard.allow_private = True; import socket; socket.create_connection(('169.254.169.254', 80))", "credentials"),
        ("guard.allow_private = True; import socket; socket.create_connection(('127.0.0.1', 1))", "Connection refused"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_cannot_be_reached(code: str, said: str) -> None:
    assert said in run(code)


def test_messages_are_answered_in_turn_and_what_stands_in_the_way_is_said_without_the_url() -> None:
    messages: list[dict[str, Any]] = [
        {"url": "json://127.0.0.1:1/s3cret-token?x=s3cret-value", "allow_private": False},
        {"url": "json://127.0.0.1:1/s3cret-token?x=s3cret-value", "allow_private": True},
        {"url": "nosuch://s3cret-token", "allow_private": False},
        *({"url": f"{scheme}://s3cret-token", "allow_private": True} for scheme in sorted(LOCAL_SCHEMES)[:2]),
    ]
    given = "".join(json.dumps({"title": "t", "body": "b", "type": "info", **m}) + "\n" for m in messages)
    done = subprocess.run(
        [sys.executable, "-m", "tollway.workers.apprise_process"], input=given, capture_output=True, text=True, timeout=120
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["arrived"] for answer in answers] == [False] * 5
    assert "127.0.0.1 is not a public address" in answers[0]["said"]
    assert "not a public address" not in answers[1]["said"] and answers[1]["said"]
    assert "does not understand this nosuch://" in answers[2]["said"]
    assert [answer["final"] for answer in answers] == [False, False, False, True, True]
    assert "s3cret" not in done.stdout
