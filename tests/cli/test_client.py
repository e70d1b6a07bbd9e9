import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tollway.cli.client import Client, Unreachable, find_token, find_url


class _Other(http.server.BaseHTTPRequestHandler):
    """Some other server: sends everyone elsewhere, and notes what it was sent."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["authorization"]))
        self.send_response(302)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(other: str) -> None:
    _Other.seen.clear()
    with pytest.raises(Unreachable, match="no Tollway gateway"):
        Client(other, "the-token").get("/api/v1/status")
    assert _Other.seen == [("/api/v1/status", "Bearer the-token")]


def test_a_proxy_in_the_environment_is_not_asked(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", other)
    monkeypatch.setenv("HTTP_PROXY", other)
    _Other.seen.clear()
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:9", "the-token").get("/api/v1/status")
    assert _Other.seen == []


def test_an_option_beats_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLWAY_ADMIN_TOKEN", raising=False)
    assert find_token(None, tmp_path) is None
    (tmp_path / "admin-token").write_text("from-the-file\n")
    assert find_token(None, tmp_path) == "from-the-file"
    monkeypatch.setenv("TOLLWAY_ADMIN_TOKEN", "from-the-environment")
    assert find_token(None, tmp_path) == "from-the-environment"
    assert find_token("given", tmp_path) == "given"


def test_a_url_that_is_none_names_the_option() -> None:
    with pytest.raises(ValueError, match="--url"):
        find_url("localhost:8787")
