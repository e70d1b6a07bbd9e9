"""The ASGI entry: one bare callable for model traffic; everything else goes to the control plane.

A framework on this path would cost as much as the whole proxy, so there is none.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tollway.budgets.window import Calendar
from tollway.exchange.authenticate import NO_TOKENS, Asking, Tokens, authenticate, carries_token
from tollway.exchange.batch import job_exchange
from tollway.exchange.exchange import exchange
from tollway.exchange.refusal import Refusal
from tollway.exchange.refusal import body as refusal_body
from tollway.exchange.refusal import headers as refusal_headers
from tollway.ids import Ids
from tollway.logs.record import Decision, Durations, LogRecord
from tollway.providers.batches import JOBS
from tollway.proxy.admission import noted
from tollway.proxy.capture import painter_of
from tollway.proxy.driver import Driver
from tollway.proxy.gathering import Gathering
from tollway.proxy.handling import handling_of
from tollway.proxy.heavy import HeavyFailed
from tollway.proxy.models import models_answer
from tollway.proxy.own_budget import budget_answer
from tollway.proxy.surface import Call, Models, NoSuchPath, OwnBudget, Steps, surface
from tollway.proxy.taken import Taken, without_key
from tollway.proxy.turn import Turn
from tollway.proxy.universal import Wrong, read_steps
from tollway.proxy.world import World
from tollway.request import NO_HANDLING, Credential, Dialect, InferenceRequest
from tollway.snapshot import Snapshot

log = logging.getLogger("tollway.proxy")

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_BODY = 32 * 1024 * 1024
MOST_BUFFERED = 256 * 1024 * 1024
"""Bytes that the bodies of all requests under way may hold together."""
LARGEST_FROM_ANYONE = 64 * 1024
"""A body larger than this is read only for a caller that the gateway lets in."""
_CONTROL = frozenset({"api", "dashboard", "metrics", "oauth", ".well-known", "managed"})
"""First segments of the control plane's paths."""
_PIECE_BYTES = 64 * 1024
"""The listener stops reading above this until more is asked for (uvicorn's HIGH_WATER_LIMIT)."""
_EMPTY = b""
_REMEMBERED_PATHS = 1_024
_ALLOWED = b"GET, HEAD, POST, DELETE, OPTIONS"
_LONGEST_REMEMBERED_PATH = 256
_BODY_TOO_LARGE = Refusal(code="body_too_large", message=f"The body is larger than {LARGEST_BODY:,} bytes.")
_AMBIGUOUS = Refusal(
    code="credential_ambiguous",
    message="A credential was sent twice, or only half of a service token. Send each header once, and client id and client "
    "secret together.",
)
_OVERLOADED = Refusal(
    code="overloaded", message="The bodies of requests under way fill this gateway's memory. Try again shortly."
)


class _Asking(msgspec.Struct, frozen=True):
    """Who asks, before there is a request."""

    gateway: str
    credentials: tuple[Credential, ...]
    received_at: int
    peer: str


class Entry:
    """The ASGI application. `snapshot` is replaced whole when settings change; a request keeps the one it began with."""

    def __init__(self, *, world: World, snapshot: Snapshot, calendar: Calendar, ids: Ids, control: Asgi) -> None:
        self.snapshot = snapshot
        self.serving = False
        """Whether model traffic is taken at all."""
        self.ready = False
        """What `/ready` says while the ledger can be written: `False` from the first SIGTERM on, while requests are served."""
        self.buffered = 0
        """Bytes of bodies held by all requests under way."""
        self._world = world
        self._calendar = calendar
        self._ids = ids
        self._control = control

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path[1:].partition("/")[0] in _CONTROL:
            await self._control(scope, receive, send)
        elif path in ("/", "/health", "/ready"):
            await self._probe(scope["method"], path, send)
        else:
            buffer = _Buffer(self, self._world.heavy.turn)
            try:
                await self._model_traffic(scope, receive, send, buffer)
            finally:
                buffer.free()

    async def _model_traffic(self, scope: Any, receive: Any, send: Any, buffer: "_Buffer") -> None:
        started_ns = time.monotonic_ns()
        now = self._world.clock.now()
        snapshot = self.snapshot
        method: str = scope["method"]
        raw_path: str = scope["raw_path"].decode("ascii", "replace")
        taken = Taken(scope["headers"], snapshot.issuers)
        identifier = self._ids.new(now)
        refused = _Refused(self, identifier, now, started_ns, method, raw_path, taken)

        if method == "OPTIONS":
            await _reply(send, 204, ((b"allow", _ALLOWED),), _EMPTY)
            return
        if taken.upgrade:
            # Codex opens a WebSocket first, and falls back to HTTP at once when told 426 (RFC 9110, 15.5.22).
            await refused.answer(
                send,
                "websocket_unsupported",
                "WebSockets are not served here, so no realtime session is either; send the request over HTTP.",
            )
            return
        found = self._surface(method, raw_path, snapshot, taken)
        if type(found) is NoSuchPath:
            refused.dialect = found.dialect or refused.dialect
            await refused.answer(send, found.code, found.message, allow=found.allow.encode())
            return
        dialect: Dialect = found.dialect
        refused.dialect = dialect
        if method not in ("GET", "HEAD", "POST", "DELETE"):
            await refused.answer(send, "method_not_allowed", f"{method} is not served; use GET or POST.")
            return
        if not self.serving:
            await refused.answer(send, "shutting_down", "This gateway is starting or shutting down. Try again shortly.")
            return
        if taken.encoded:
            await refused.answer(send, "body_encoded", "The body is compressed; send it without Content-Encoding.")
            return
        if taken.length is not None and taken.length > LARGEST_BODY:
            await refused.answer(
                send, "body_too_large", f"The body has {taken.length:,} bytes; the most is {LARGEST_BODY:,}."
            )
            return
        client: tuple[str, int] | None = scope.get("client")
        peer = client[0] if client is not None else ""
        if taken.ambiguous:
            asking = _Asking(found.gateway, (), now, peer)
            said = noted(_AMBIGUOUS, asking, snapshot, self._world.attempts)
            assert isinstance(said, Refusal)
            await refused.no(send, said, unread=True)
            return
        query, query_key = without_key(scope["query_string"])
        credentials = (*taken.credentials, Credential(b"?key", query_key)) if query_key else tuple(taken.credentials)
        if taken.chunked or (taken.length or 0) > LARGEST_FROM_ANYONE:
            asking = _Asking(found.gateway, credentials, now, peer)
            tokens = await self._tokens(asking, snapshot)
            stranger = noted(authenticate(asking, snapshot, tokens), asking, snapshot, self._world.attempts)
            if isinstance(stranger, Refusal):
                await refused.no(send, stranger, unread=True)
                return
        handling = NO_HANDLING
        if taken.asked is not None or taken.idempotency_key is not None:
            read = handling_of(taken.asked or {}, taken.idempotency_key)
            if isinstance(read, str):
                await refused.answer(send, "header_invalid", read, unread=True)
                return
            handling = read
        body = await buffer.body(receive, taken.length)
        if body is None:
            return
        if type(body) is Refusal:
            await refused.answer(send, body.code, body.message, unread=True)
            return
        call = found if type(found) is Call else None
        request = InferenceRequest(
            id=identifier,
            received_at=now,
            started_ns=started_ns,
            method=method,
            path=raw_path,
            upstream_path=call.path if call is not None else raw_path,
            query=query,
            headers=tuple(scope["headers"]),
            content_type=taken.content_type,
            body=body,
            api=call.api if call is not None else "openai.other",
            dialect=dialect,
            gateway=found.gateway,
            provider=call.provider if call is not None else None,
            credentials=credentials,
            metadata=taken.metadata,
            custom_cost=taken.custom_cost,
            key_alias=taken.key_alias,
            handling=handling,
            cf_spelling=taken.cf_spelling,
            user_agent=taken.user_agent,
            peer=peer,
        )
        if type(found) is Models or type(found) is OwnBudget:
            await self._own_answer(found, request, refused, send)
            return
        # The listener's own request object stands behind its `receive`.
        cycle = getattr(receive, "__self__", None)
        driver = Driver(self._world, snapshot, request, send, scope.get("tollway.connection"), cycle)
        try:
            if type(found) is Steps:
                await self._in_steps(request, snapshot, driver, refused, send)
            elif request.api in JOBS:
                await driver.run(job_exchange(request, snapshot, self._calendar, now))
            else:
                ask = await driver.read_ask(request)
                await driver.run(exchange(request, snapshot, self._calendar, now, self._world.learned, ask))
        except HeavyFailed as error:
            await refused.answer(send, "overloaded", f"The body cannot be read now. {error}")
        except Exception:
            # The last edge: a defect is logged with its stack here and never shown to a caller.
            log.exception("request %s failed", identifier)
            if not driver.started:
                await refused.answer(
                    send, "internal_error", f"Tollway failed on request {identifier}; its log says why."
                )

    async def _in_steps(
        self, request: InferenceRequest, snapshot: Snapshot, driver: Driver, refused: "_Refused", send: Any
    ) -> None:
        """The calls of an array, in turn. Raises HeavyFailed."""
        steps = read_steps(request, snapshot)
        if isinstance(steps, Wrong):
            # What a stranger sends is not looked at before it is known who it is.
            tokens = await self._tokens(request, snapshot)
            stranger = noted(authenticate(request, snapshot, tokens), request, snapshot, self._world.attempts)
            said = stranger if isinstance(stranger, Refusal) else Refusal(code=steps.code, message=steps.message)
            await refused.no(send, said)
            return
        request = msgspec.structs.replace(request, dialect=steps[0].dialect, api=steps[0].api)
        asked = [(step, await driver.read_ask(step)) for step in steps]
        learned = self._world.learned
        await driver.run(exchange(request, snapshot, self._calendar, request.received_at, learned, steps=asked))

    def _surface(
        self, method: str, path: str, snapshot: Snapshot, taken: Taken
    ) -> Call | Models | OwnBudget | Steps | NoSuchPath:
        """What the path means, remembered with the settings it was read by: clients use few paths."""
        key = (method, path, taken.anthropic, taken.gateway)
        known = snapshot.paths.get(key)
        if known is None:
            known = surface(method, path, snapshot, anthropic=taken.anthropic, gateway=taken.gateway)
            if len(path) + len(taken.gateway) > _LONGEST_REMEMBERED_PATH:
                return known
            if len(snapshot.paths) >= _REMEMBERED_PATHS:
                snapshot.paths.clear()
            snapshot.paths[key] = known
        return known  # type: ignore[return-value]

    async def _own_answer(
        self, found: Models | OwnBudget, request: InferenceRequest, refused: "_Refused", send: Any
    ) -> None:
        """What Tollway knows itself: it costs nothing and reaches no provider."""
        tokens = await self._tokens(request, self.snapshot)
        if isinstance(found, Models):
            answer = models_answer(found, request, self.snapshot, tokens)
        else:
            answer = budget_answer(request, self.snapshot, self._world.ledger, self._calendar, tokens)
        if isinstance(answer, Refusal):
            said = noted(answer, request, self.snapshot, self._world.attempts)
            assert isinstance(said, Refusal)
            await refused.no(send, said)
            return
        prefix = b"cf-aig-" if request.cf_spelling else b"tollway-"
        headers = ((b"content-type", b"application/json"), (prefix + b"request-id", request.id.encode()))
        await _reply(send, 200, headers, answer)

    async def _tokens(self, asking: Asking, snapshot: Snapshot) -> Tokens:
        """What the tokens among its credentials prove."""
        return await self._world.issuers.tokens(asking, snapshot) if carries_token(asking, snapshot) else NO_TOKENS

    async def _probe(self, method: str, path: str, send: Any) -> None:
        if method not in ("GET", "HEAD"):
            await _reply(send, 405, ((b"allow", b"GET, HEAD"),), _EMPTY)
            return
        ready = path != "/ready" or (self.ready and self._world.ledger.unavailable is None)
        said = {"/": {"name": "tollway"}, "/health": {"status": "ok"}, "/ready": {"ready": ready}}[path]
        body = msgspec.json.encode(said)
        await _reply(send, 200 if ready else 503, ((b"content-type", b"application/json"),), body)

    def remember(self, record: LogRecord) -> None:
        record = painter_of(self.snapshot).painted(record)
        gateway = self.snapshot.gateways.get(record.gateway)
        if gateway is None or gateway.logs is None or gateway.logs.collect:
            self._world.records.write(record)
        self._world.telemetry.heard(record, (), self.snapshot)


class _Refused:
    """Refusals made before there is an exchange to make them; they are logged like all others."""

    def __init__(
        self, entry: Entry, identifier: str, now: int, started_ns: int, method: str, path: str, taken: Taken
    ) -> None:
        self.dialect: Dialect = "anthropic" if taken.anthropic else "openai"
        self._entry = entry
        self._id = identifier
        self._now = now
        self._started_ns = started_ns
        self._method = method
        self._path = path
        self._taken = taken

    async def answer(
        self, send: Any, code: str, message: str, rule: str = "", *, allow: bytes = b"", unread: bool = False
    ) -> None:
        """Says no. `unread`: what is left of the body is not taken in, so the connection ends here."""
        retry_after_s = 1 if code in ("shutting_down", "overloaded") else None
        refusal = Refusal(code=code, message=message, rule=rule, retry_after_s=retry_after_s)
        await self.no(send, refusal, allow=allow, unread=unread)

    async def no(self, send: Any, refusal: Refusal, *, allow: bytes = b"", unread: bool = False) -> None:
        """The same, of a refusal that was made."""
        code = refusal.code
        headers = refusal_headers(refusal, self._id, cf_spelling=self._taken.cf_spelling, dialect=self.dialect)
        if code == "method_not_allowed":
            # RFC 9110, 15.5.6: a 405 names what is allowed.
            headers = (*headers, (b"allow", allow or _ALLOWED))
        if unread or code in ("body_too_large", "body_encoded", "internal_error"):
            # The rest of the body is not read, so nothing behind it can be (RFC 9112, 9.3).
            headers = (*headers, (b"connection", b"close"))
        if code == "websocket_unsupported":
            headers = (*headers, (b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade"))
        await _reply(send, refusal.status, headers, refusal_body(refusal, self.dialect, self._id))
        self._entry.remember(
            LogRecord(
                request_id=self._id,
                at=self._now,
                gateway=self._taken.gateway,
                method=self._method,
                path=self._path[:512],
                api="",
                status=refusal.status,
                code=code,
                decisions=(Decision(step="read", outcome="deny", code=code, detail=refusal.message[:512]),),
                durations=Durations(total_us=(time.monotonic_ns() - self._started_ns) // 1000),
                user_agent=self._taken.user_agent,
            )
        )


class _Buffer:
    """What one request holds of the bytes that all bodies together may hold; a refusal says why it may hold no more."""

    __slots__ = ("_entry", "_held", "_turn")

    def __init__(self, entry: Entry, turn: Turn) -> None:
        self._entry = entry
        self._held = 0
        self._turn = turn

    async def body(self, receive: Any, length: int | None) -> bytes | Refusal | None:
        """The whole body, `length` bytes long as its head says; `None` when the caller left while it spoke."""
        gathered: Gathering | None = None
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece: bytes = message.get("body", _EMPTY)
            self._held += len(piece)
            self._entry.buffered += len(piece)
            if self._held > LARGEST_BODY:
                return _BODY_TOO_LARGE
            if piece and self._entry.buffered > MOST_BUFFERED:
                return _OVERLOADED
            last = not message.get("more_body", False)
            if last and gathered is None:
                return piece
            gathered = gathered or Gathering(self._turn, length or 0)
            await gathered.add(piece)
            if last:
                return gathered.whole()
            if len(piece) > _PIECE_BYTES:
                # The listener has stopped reading until then.
                await self._turn.piece()

    def free(self) -> None:
        self._entry.buffered -= self._held
        self._held = 0


async def _reply(send: Any, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
    if status != 204:
        headers = (*headers, (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
