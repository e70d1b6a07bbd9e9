"""The door of the control plane: closed to everyone without the administrator's token, but for what is listed open.

It stands in front of routing, so that no path, known or not, is answered past it, and no body is read before it.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from tollway.admin.problem import MEDIA_TYPE, Problem
from tollway.admin.problem import body as problem_body
from tollway.admin.problem import headers as problem_headers
from tollway.admin.runtime import Runtime
from tollway.proxy.gathering import Gathering
from tollway.proxy.turn import Turn

log = logging.getLogger("tollway.admin")

LARGEST_BODY = 8 * 1024 * 1024
"""Of a request to be explained, which may be as long as a real prompt, and is read by the process for large bodies."""
LARGEST_ELSEWHERE = 1024 * 1024
"""Of all others, settings among them, which are read at once."""

EXPLAIN = "/api/v1/explain"
OPEN = ("/api/openapi.json",)
"""Says what the API is, and nothing of what is in it."""

_Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """The ASGI application that lets administrators through to `behind`."""

    def __init__(self, behind: _Asgi, runtime: Runtime) -> None:
        self._behind = behind
        self._runtime = runtime
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
            if scope["path"] not in OPEN:
                self._admit(scope["headers"])
            largest = LARGEST_BODY if scope["path"] == EXPLAIN else LARGEST_ELSEWHERE
            body = await _body(receive, largest, self._turn)
            if body is not None:
                await self._behind(scope, _Replay(body, receive), watched)
        except Problem as problem:
            await _refuse(problem, send)
        except Exception:
            # The last edge: a defect is logged with its stack here and never shown.
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await _refuse(Problem(500, "internal_error", "Tollway failed on this request; its log says why."), send)

    def _admit(self, headers: list[tuple[bytes, bytes]]) -> None:
        given = [value for name, value in headers if name == b"authorization"]
        if not given:
            raise Problem(
                401,
                "credential_missing",
                'Send "Authorization: Bearer <administrator token>"; the token is in the file admin-token of the data '
                "folder, or in TOLLWAY_ADMIN_TOKEN.",
            )
        scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not self._runtime.is_admin(token.strip()):
            raise Problem(
                401,
                "credential_unknown",
                "That is not this gateway's administrator token. Gateway keys do not open it.",
            )


class _Replay:
    """Gives a body that was read already, and then whatever the listener says next."""

    def __init__(self, body: bytes, receive: Any) -> None:
        self._body: bytes | None = body
        self._receive = receive

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
