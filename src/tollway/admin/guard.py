"""The door of the control plane: closed to everyone who is nobody, but for what is listed open. What somebody may do there
is for `access.py` to say.

It stands in front of routing, so that no path, known or not, is answered past it, and no body is read before it.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from tollway.admin.access import PRINCIPAL
from tollway.admin.principals import asked_by, missing
from tollway.admin.problem import MEDIA_TYPE, Problem, unavailable
from tollway.admin.problem import body as problem_body
from tollway.admin.problem import headers as problem_headers
from tollway.admin.runtime import Runtime
from tollway.admin.sessions import Sessions
from tollway.errors import StoreUnavailable
from tollway.proxy.gathering import Gathering
from tollway.proxy.turn import Turn

log = logging.getLogger("tollway.admin")

LARGEST_BODY = 8 * 1024 * 1024
"""Of a request to be explained, which may be as long as a real prompt, and is read by the process for large bodies."""
LARGEST_ELSEWHERE = 1024 * 1024
"""Of all others, settings among them, which are read at once."""

EXPLAIN = "/api/v1/explain"
LARGEST_FROM_ANYONE = 64 * 1024

SIGNING_IN = (
    "/.well-known/oauth-authorization-server",
    "/oauth/device_authorization",
    "/oauth/device",
    "/oauth/authorize",
    "/oauth/callback",
    "/oauth/token",
    "/oauth/revoke",
    "/managed/settings",
)
"""What somebody needs who has no credential yet; `admin/oauth.py` asks of each what it has to."""

SESSION = ("/api/v1/session", "/api/v1/session/sign-in", "/api/v1/session/finish")
"""For whoever is somebody, and for whoever is nobody yet."""

OPEN = ("/api/openapi.json", *SIGNING_IN, *SESSION)
"""The first says what the API is, and nothing of what is in it."""

PAGES = "/dashboard"
"""It and all below it: the same files for everybody, who asks for them by name or with a credential that is over."""

_Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """The ASGI application that lets through to `behind` whoever is somebody."""

    def __init__(self, behind: _Asgi, runtime: Runtime, sessions: Sessions) -> None:
        self._behind = behind
        self._runtime = runtime
        self._sessions = sessions
        self._turn = Turn()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def watched(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            pages = scope["path"] == PAGES or scope["path"].startswith(f"{PAGES}/")
            if not pages and scope["path"] not in SIGNING_IN:
                # A client's own credentials are for the authorization server to read.
                await self._admit(scope)
            largest = LARGEST_BODY if scope["path"] == EXPLAIN else LARGEST_ELSEWHERE
            if pages or scope["path"] in OPEN:
                largest = LARGEST_FROM_ANYONE
            body = await _body(receive, largest, self._turn)
            if body is not None:
                await self._behind(scope, _Replay(body, receive), watched)
        except Problem as problem:
            await _refuse(problem, send)
        except StoreUnavailable:
            await _refuse(unavailable(), send)
        except Exception:
            # The last edge: a defect is logged with its stack here and never shown.
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await _refuse(Problem(500, "internal_error", "Tollway failed on this request; its log says why."), send)

    async def _admit(self, scope: Any) -> None:
        """Puts who asks into the scope. Raises Problem where that is nobody, or not who they say."""
        client = scope.get("client")
        peer = client[0] if client else ""
        now = self._runtime.clock.now()
        # Signing in anew changes nothing of the session that there is but to end it; it sees to its own safety.
        signs_in = scope["method"] == "POST" and scope["path"] == SESSION[0]
        method = "GET" if signs_in else scope["method"]
        asker = await asked_by(self._runtime, self._sessions, method, scope["headers"], peer, now)
        if asker is None and scope["path"] not in OPEN:
            raise missing()
        scope[PRINCIPAL] = asker


class _Replay:
    """Gives a body that was read already, and then whatever the listener says next."""

    def __init__(self, body: bytes, receive: Any) -> None:
        self._body: bytes | None = body
        self._receive = receive

    @property
    def cycle(self) -> Any:
        """The listener's own request; `None` where it came by another way."""
        return getattr(self._receive, "__self__", None)

    async def __call__(self) -> Any:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _body(receive: Any, largest: int, turn: Turn) -> bytes | None:
    """The whole body; `None` when the caller has left."""
    body = Gathering(turn)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        await body.add(message.get("body", b""))
        if body.size > largest:
            raise Problem(413, "body_too_large", f"The body is larger than {largest:,} bytes.")
        if not message.get("more_body", False):
            return body.whole()
        await turn.piece()


async def _refuse(problem: Problem, send: Any) -> None:
    body = problem_body(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in problem_headers(problem).items()),
    ]
    if problem.status in (401, 413):
        # The body was not read, so nothing behind it can be (RFC 9112, 9.3).
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
