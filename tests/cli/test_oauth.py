"""The command line as a client, before a gateway that says whatever a test wants."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tollway.cli import oauth
from tollway.cli.client import Unreachable
from tollway.cli.oauth import Code, NotSignedIn, Server


class Scripted:
    """Answers in order, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                scripted.asked.append((self.path, dict(parse_qsl(self.rfile.read(length).decode()))))
                status, body = scripted.answers.pop(0)
                said = json.dumps(body).encode() if not isinstance(body, bytes) else body
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def gateway() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def metadata(url: str, **changed: str) -> dict[str, str]:
    endpoints = {
        f"{name}_endpoint": f"{url}/oauth/{name}" for name in ("token", "device_authorization", "authorization")
    }
    return {"issuer": url, **endpoints, **changed}


def test_the_endpoints_are_what_the_gateway_says(gateway: Scripted) -> None:
    gateway.answers = [(200, metadata(gateway.url))]
    found = oauth.discover(gateway.url)
    assert (found.token, found.device) == (f"{gateway.url}/oauth/token", f"{gateway.url}/oauth/device_authorization")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": "https://evil.example"}, "calls itself https://evil.example; use that"),
        ({"token_endpoint": "https://evil.example/token"}, "token_endpoint elsewhere"),
        ({"device_authorization_endpoint": "http://127.0.0.1:1/x"}, "elsewhere"),
    ],
)
def test_nothing_is_sent_to_a_place_that_is_not_the_gateway(
    gateway: Scripted, changed: dict[str, str], said: str
) -> None:
    gateway.answers = [(200, metadata(gateway.url, **changed))]
    with pytest.raises(NotSignedIn, match=said):
        oauth.discover(gateway.url)


@pytest.mark.parametrize(
    "answer", [(404, {"error_description": "no login here"}), (200, []), (200, b"<html>"), (302, {})]
)
def test_what_is_no_such_gateway_is_said(gateway: Scripted, answer: tuple[int, Any]) -> None:
    gateway.answers = [answer]
    with pytest.raises(NotSignedIn, match="Nobody can sign in at"):
        oauth.discover(gateway.url)
    assert len(gateway.asked) == 1, "no redirect is followed"


def test_where_nobody_answers_is_said() -> None:
    with pytest.raises(Unreachable, match=r"No gateway answers at http://127\.0\.0\.1:9"):
        oauth.discover("http://127.0.0.1:9")


@pytest.mark.parametrize("url", ["http://ai.example.com", "ftp://x", "ai.example.com", "http://127.0.0.1.evil.example"])
def test_tokens_are_not_sent_without_tls(url: str) -> None:
    with pytest.raises(ValueError, match="--url"):
        oauth.check_url(url)


class Time:
    """A clock that sleeping turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def await_device(gateway: Scripted, time: Time, lasts_s: float = 600) -> dict[str, Any]:
    server = Server(gateway.url, f"{gateway.url}/oauth/token", None, None, None)
    code = Code("twd_code", "WDJB-MJHT", "u", "c", 5, lasts_s)
    return oauth.await_device(server, code, sleep=time.sleep, clock=time.clock)


def test_polling_waits_as_it_is_told(gateway: Scripted) -> None:
    time = Time()
    gateway.answers = [
        (400, {"error": "authorization_pending"}),
        (400, {"error": "slow_down"}),
        (400, {"error": "authorization_pending"}),
        (503, {"error": "temporarily_unavailable"}),
        (200, {"access_token": "twa_x"}),
    ]
    assert await_device(gateway, time) == {"access_token": "twa_x"}
    assert time.slept == [5, 5, 10, 10, 15]
    assert gateway.asked[0] == (
        "/oauth/token",
        {"grant_type": oauth.DEVICE_GRANT, "device_code": "twd_code", "client_id": "tollway"},
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [("access_denied", "denied in the browser"), ("expired_token", "in time"), ("invalid_grant", "gave no token")],
)
def test_polling_ends_where_it_is_of_no_use(gateway: Scripted, error: str, said: str) -> None:
    gateway.answers = [(400, {"error": error})]
    with pytest.raises(NotSignedIn, match=said):
        await_device(gateway, Time())


def test_polling_ends_with_the_code(gateway: Scripted) -> None:
    gateway.answers = [(400, {"error": "authorization_pending"})] * 4
    with pytest.raises(NotSignedIn, match="in time"):
        await_device(gateway, Time(), lasts_s=20)
    assert gateway.answers == []


def test_a_gateway_that_is_away_is_asked_more_and_more_rarely() -> None:
    time = Time()
    server = Server("http://127.0.0.1:9", "http://127.0.0.1:9/oauth/token", None, None, None)
    with pytest.raises(NotSignedIn):
        oauth.await_device(server, Code("d", "u", "u", "c", 5, 150), sleep=time.sleep, clock=time.clock)
    assert time.slept == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ({"iss": "https://evil.example", "code": "x"}, "came from another server"),
        ({"code": "x"}, "came from another server"),
        ({"error": "access_denied"}, "denied in the browser"),
        ({"error": "invalid_request", "error_description": "no good"}, "no good"),
    ],
)
def test_what_the_browser_brings_is_looked_at(
    gateway: Scripted, monkeypatch: pytest.MonkeyPatch, came: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(
        "tollway.cli.oauth.Receiver.wait", lambda *_: came if "code" in came else {"iss": gateway.url, **came}
    )
    server = Server(gateway.url, f"{gateway.url}/oauth/token", None, None, f"{gateway.url}/oauth/authorize")
    shown: list[str] = []
    with pytest.raises(NotSignedIn, match=said):
        oauth.by_loopback(server, shown.append)
    assert gateway.asked == []
    assert "code_challenge_method=S256" in shown[0]


def test_what_a_gateway_says_is_shown_as_one_plain_line() -> None:
    assert oauth.Answer(400, {"error_description": "a\x1b[31mb\nc"}).description == "a[31mbc"


GRANTED = {"access_token": "twa_x", "refresh_token": "twr_x", "expires_in": 60, "user": "eve", "groups": ["g"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": 5},
        {"access_token": ""},
        {"access_token": "a\u2019; calc; \u2018\nexport X=1"},
        {"access_token": "a b"},
        {"refresh_token": "a\x1b[2J"},
        {"refresh_token": 5},
        {"expires_in": None},
        {"expires_in": "60"},
        {"expires_in": True},
        {"expires_in": -1},
        {"expires_in": float("inf")},
        {"groups": "abc"},
        {"groups": [{}]},
        {"gateways": {"a": 1}},
    ],
)
def test_a_token_answer_that_is_none_is_said_and_nothing_of_it_kept(changed: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn, match=f"its {next(iter(changed))} makes no sense"):
        oauth.kept_of("https://a.example", "https://a.example/t", None, {**GRANTED, **changed}, 0)


def test_what_names_a_person_has_nothing_that_a_terminal_obeys() -> None:
    said = {**GRANTED, "user": "\x1b[31meve\x07", "groups": ["\x9b1mg", "\u202eh"]}
    found = oauth.kept_of("https://a.example", "https://a.example/t", None, said, 0)
    assert (found.user, found.groups, found.gateways) == ("[31meve", ("1mg", "h"), ())
    assert oauth.kept_of("https://a.example", "t", None, {**GRANTED, "user": {}, "groups": None}, 0).user is None


def code_answer(url: str, **changed: Any) -> dict[str, Any]:
    page = f"{url}/oauth/device"
    return {
        "device_code": "twd_x",
        "user_code": "WDJB-MJHT",
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 5,
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verification_uri": "https://evil.example/"}, "verification_uri elsewhere"),
        ({"verification_uri_complete": "file:///etc/passwd"}, "verification_uri_complete elsewhere"),
        ({"user_code": "\x1b]0;pwn\x07ABCD"}, "user_code makes no sense"),
        ({"user_code": None}, "user_code makes no sense"),
        ({"device_code": 5}, "device_code makes no sense"),
        ({"expires_in": None}, "expires_in makes no sense"),
        ({"interval": "x"}, "interval makes no sense"),
    ],
)
def test_nobody_is_sent_to_a_page_that_is_not_the_gateways(
    gateway: Scripted, changed: dict[str, Any], said: str
) -> None:
    gateway.answers = [(200, code_answer(gateway.url, **changed))]
    with pytest.raises(NotSignedIn, match=said):
        oauth.begin_device(Server(gateway.url, "t", None, f"{gateway.url}/d", None))


def test_a_gateway_cannot_have_the_client_ask_without_a_pause(gateway: Scripted) -> None:
    gateway.answers = [(200, code_answer(gateway.url, interval=0, expires_in=1e8))]
    code = oauth.begin_device(Server(gateway.url, "t", None, f"{gateway.url}/d", None))
    assert (code.interval_s, code.lasts_s, code.user_code) == (1.0, oauth.LONGEST_CODE_S, "WDJB-MJHT")


def test_endpoints_that_are_no_text_are_said(gateway: Scripted) -> None:
    for changed in ({"token_endpoint": 5}, {"authorization_endpoint": ["x"]}, {"revocation_endpoint": "\x1b[2J"}):
        gateway.answers = [(200, {**metadata(gateway.url), **changed})]
        with pytest.raises(NotSignedIn, match="makes no sense"):
            oauth.discover(gateway.url)
    gateway.answers = [(200, b"[" * 100_000)]
    with pytest.raises(NotSignedIn, match="Nobody can sign in"):
        oauth.discover(gateway.url)
