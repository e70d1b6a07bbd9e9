"""The command line as an OAuth client of a gateway: device codes (RFC 8628), and codes to a loopback address (RFC 8252)."""

import http.client
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

from tollway import __version__
from tollway.cli.client import Unreachable
from tollway.cli.logins import Kept
from tollway.cli.loopback import Receiver
from tollway.identity.secrets import challenge_of

CLIENT_ID = "tollway"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
WAIT_S = 300.0
"""For so long somebody may take in the browser, where the answer comes to this machine."""
_TIMEOUT_S = 20.0
_LARGEST = 1024 * 1024
LONGEST_S = 10 * 365 * 86_400
LONGEST_CODE_S = 3_600.0
_VISIBLE = re.compile(r"[\x21-\x7e]{1,4096}")


class NotSignedIn(Exception):
    """There is no token, and the message says what to do."""


class Server(NamedTuple):
    """A gateway, as its metadata has it (RFC 8414)."""

    url: str
    token: str
    revocation: str | None
    device: str | None
    authorization: str | None


class Answer(NamedTuple):
    """What an endpoint said."""

    status: int
    body: dict[str, Any]

    @property
    def error(self) -> str:
        return str(self.body.get("error", ""))

    @property
    def description(self) -> str:
        said = self.body.get("error_description") or self.body.get("detail") or self.error or f"status {self.status}"
        return plain(str(said)[:400])


class Code(NamedTuple):
    """What is to be done in a browser."""

    device_code: str
    user_code: str
    url: str
    complete_url: str
    interval_s: float
    lasts_s: float


def discover(url: str) -> Server:
    """The endpoints of the gateway at `url`. Raises NotSignedIn or Unreachable."""
    check_url(url)
    answer = _ask("GET", f"{url}/.well-known/oauth-authorization-server")
    if answer.status != 200 or "token_endpoint" not in answer.body:
        raise NotSignedIn(f"Nobody can sign in at {url}: {answer.description}")
    body = answer.body
    if body.get("issuer") != url:
        # RFC 8414, 3.3. A gateway that speaks for another one may be somebody in between.
        said = plain(str(body.get("issuer"))[:400])
        raise NotSignedIn(f"The gateway at {url} calls itself {said}; use that: --url {said}")
    return Server(
        url=url,
        token=_own(url, body, "token_endpoint"),
        revocation=_own(url, body, "revocation_endpoint") if body.get("revocation_endpoint") else None,
        device=_own(url, body, "device_authorization_endpoint") if body.get("device_authorization_endpoint") else None,
        authorization=_own(url, body, "authorization_endpoint") if body.get("authorization_endpoint") else None,
    )


def begin_device(server: Server) -> Code:
    """Asks for a code. Raises NotSignedIn or Unreachable."""
    assert server.device is not None
    answer = _ask("POST", server.device, {"client_id": CLIENT_ID})
    if answer.status != 200:
        raise NotSignedIn(f"The gateway gave no code: {answer.description}")
    body = answer.body
    url = _own(server.url, body, "verification_uri")
    return Code(
        device_code=_visible(server.url, body, "device_code"),
        user_code=_visible(server.url, body, "user_code"),
        url=url,
        complete_url=_own(server.url, body, "verification_uri_complete")
        if body.get("verification_uri_complete")
        else url,
        interval_s=min(max(_seconds(server.url, body, "interval") if "interval" in body else 5.0, 1.0), 60.0),
        lasts_s=min(_seconds(server.url, body, "expires_in"), LONGEST_CODE_S),
    )


def await_device(
    server: Server,
    code: Code,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """The token answer, once somebody has allowed it (RFC 8628, 3.5). Raises NotSignedIn."""
    interval_s, ends = code.interval_s, clock() + code.lasts_s
    form = {"grant_type": DEVICE_GRANT, "device_code": code.device_code, "client_id": CLIENT_ID}
    while clock() < ends:
        sleep(interval_s)
        try:
            answer = _ask("POST", server.token, form)
        except Unreachable:
            # RFC 8628, 3.5: slower and slower while nobody answers.
            interval_s = min(interval_s * 2, 60.0)
            continue
        if answer.status == 200:
            return answer.body
        match answer.error:
            case "authorization_pending":
                continue
            case "slow_down":
                interval_s += 5
            case "expired_token":
                break
            case "access_denied":
                raise NotSignedIn("It was denied in the browser.")
            case _ if answer.status >= 500 or answer.status == 429:
                interval_s += 5
            case _:
                raise NotSignedIn(f"The gateway gave no token: {answer.description}")
    raise NotSignedIn("Nobody allowed it in time. Run tollway login again.")


def by_loopback(server: Server, show: Callable[[str], None], *, wait_s: float = WAIT_S) -> dict[str, Any]:
    """The token answer by a browser on this machine. `show` is told where it has to go. Raises NotSignedIn or Unreachable."""
    assert server.authorization is not None
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with Receiver() as receiver:
        redirect_uri = f"http://127.0.0.1:{receiver.server_port}/callback"
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        show(f"{server.authorization}?{urlencode(asked)}")
        came = receiver.wait(state, time.monotonic() + wait_s)
    if came is None:
        raise NotSignedIn("Nobody signed in in time. Run tollway login again.")
    # RFC 9207, 2.4: an answer that does not say whose it is, or is another's, is none.
    if came.get("iss") != server.url:
        raise NotSignedIn("The answer in the browser came from another server; nothing was sent to it.")
    if "code" not in came:
        said = (
            "It was denied in the browser." if came.get("error") == "access_denied" else came.get("error_description")
        )
        raise NotSignedIn(plain((said or came.get("error") or "The browser brought no code.")[:400]))
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": came["code"],
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    answer = _ask("POST", server.token, form)
    if answer.status != 200:
        raise NotSignedIn(f"The gateway gave no token: {answer.description}")
    return answer.body


def refresh(kept: Kept) -> Answer:
    """What the gateway says to the refresh token. Raises Unreachable."""
    form = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token, "client_id": CLIENT_ID}
    return _ask("POST", kept.token_endpoint, form)


def revoke(kept: Kept) -> bool:
    """Ends a login at the gateway; whether it answered."""
    if kept.revocation_endpoint is None or not kept.refresh_token:
        return False
    try:
        return _ask("POST", kept.revocation_endpoint, {"token": kept.refresh_token}).status == 200
    except Unreachable:
        return False


def budget(kept: Kept) -> Answer:
    """`GET /v1/budget` in the name of whoever is signed in. Raises Unreachable."""
    headers = {"authorization": f"Bearer {kept.access_token}"}
    if kept.gateways and "default" not in kept.gateways:
        headers["tollway-gateway-id"] = kept.gateways[0]
    return _ask("GET", f"{kept.url}/v1/budget", headers=headers)


def kept_of(server_url: str, token: str, revocation: str | None, body: Mapping[str, Any], now_s: int) -> Kept:
    """What is kept of a token answer. Raises NotSignedIn for one that is none."""
    lasts_s = int(_seconds(server_url, body, "expires_in"))
    user = body.get("user")
    return Kept(
        url=server_url,
        token_endpoint=token,
        revocation_endpoint=revocation,
        user=plain(user) if isinstance(user, str) else None,
        groups=_names(server_url, body, "groups"),
        gateways=_names(server_url, body, "gateways"),
        access_token=_visible(server_url, body, "access_token"),
        refresh_token=_visible(server_url, body, "refresh_token") if body.get("refresh_token") else "",
        ends_at=now_s + lasts_s,
        lasts_s=lasts_s,
    )


def plain(text: str) -> str:
    """What somebody else wrote, without what a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())


def _visible(url: str, body: Mapping[str, Any], name: str) -> str:
    """A field that goes into headers, shells and terminals as it is (RFC 6749, appendix A). Raises NotSignedIn."""
    found = body.get(name)
    if not isinstance(found, str) or _VISIBLE.fullmatch(found) is None:
        raise _no_answer(url, name)
    return found


def _own(url: str, body: Mapping[str, Any], name: str) -> str:
    """A page or an endpoint of the gateway itself. Raises NotSignedIn."""
    found = _visible(url, body, name)
    if urlsplit(found)[:2] != urlsplit(url)[:2]:
        raise NotSignedIn(f"The gateway at {url} has its {name} elsewhere, at {found[:400]}; nothing is sent there.")
    return found


def _seconds(url: str, body: Mapping[str, Any], name: str) -> float:
    """A length of time. Raises NotSignedIn."""
    found = body.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < LONGEST_S:
        raise _no_answer(url, name)
    return float(found)


def _names(url: str, body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found: Any = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in cast(list[Any], found)):
        raise _no_answer(url, name)
    return tuple(plain(each) for each in cast(list[str], found))


def _no_answer(url: str, name: str) -> NotSignedIn:
    return NotSignedIn(
        f"What answers at {url} is no Tollway gateway, or another version of it: its {name} makes no sense."
    )


def check_url(url: str) -> None:
    """Raises ValueError for one that tokens are not sent to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"--url: {url!r} is not an http(s) URL, such as https://ai.example.com")
    if parts.scheme == "http" and not _is_local(parts.hostname):
        raise ValueError(f"--url: {url!r} has no TLS, so anybody on the way could read your tokens; use https")


def _is_local(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost")


def _ask(
    method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """The JSON object that an endpoint answers, whatever the status. Raises Unreachable."""
    sent = {"accept": "application/json", "user-agent": f"tollway/{__version__}", **(headers or {})}
    request = urllib.request.Request(  # noqa: S310
        url, urlencode(form).encode() if form is not None else None, sent, method=method
    )
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if _is_local(urlsplit(url).hostname or ""):
        # A proxy that is meant for the outside must not be asked for loopback, nor be told the token.
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_S) as answer:
            return Answer(answer.status, _object(answer.read(_LARGEST)))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _object(error.read(_LARGEST)))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"No gateway answers at {url}: {getattr(reason, 'strerror', None) or reason}") from None


def _object(text: bytes) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}  # type: ignore[return-value]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """None of these endpoints redirects; whoever does is not to be sent a token."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
