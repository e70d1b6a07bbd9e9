"""Waiting for the browser."""

import http.client
import threading
import time
from collections.abc import Callable

from tollway.cli.loopback import Receiver


def ask(port: int, target: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", target)
    answer = connection.getresponse()
    found = (answer.status, answer.read(), dict(answer.getheaders()))
    connection.close()
    return found


def while_waiting(state: str, knock: Callable[[int], None], wait_s: float = 5.0) -> dict[str, str] | None:
    with Receiver() as receiver:
        knocking = threading.Thread(target=knock, args=(receiver.server_port,))
        knocking.start()
        came = receiver.wait(state, time.monotonic() + wait_s)
        knocking.join()
    return came


def test_only_what_has_the_right_state_is_taken() -> None:
    said: list[int] = []

    def knock(port: int) -> None:
        targets = ("/", "/callback", "/callback?code=evil&state=wrong", "/other?code=evil&state=right")
        said.extend(ask(port, target)[0] for target in targets)
        status, body, headers = ask(port, "/callback?code=good&state=right")
        said.append(status)
        assert b"close this page" in body
        assert b"good" not in body
        assert headers["content-security-policy"].startswith("default-src 'none'")

    assert while_waiting("right", knock) == {"code": "good", "state": "right"}
    assert said == [404, 404, 404, 404, 200]


def test_an_empty_state_is_never_right() -> None:
    def knock(port: int) -> None:
        assert ask(port, "/callback?code=x&state=")[0] == 404

    assert while_waiting("", knock, wait_s=0.3) is None


def test_it_listens_on_this_machine_alone() -> None:
    with Receiver() as receiver:
        assert receiver.server_address[0] == "127.0.0.1"
        assert receiver.wait("x", time.monotonic() - 1) is None
