"""Trying a model in the browser, as oneself: a call of the gateway like any other, metered and refused by the same rules.

The browser has no key for it. What opens the gateway is made for the one request, never leaves the process, and ends with it.
"""

import secrets
from types import MethodType
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Receive, Scope, Send

from tollway.admin.access import Asker
from tollway.admin.own_keys import proven
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.identity.identity import Identity
from tollway.identity.keys import Key, digest
from tollway.identity.names import LOGIN
from tollway.identity.roles import Principal
from tollway.identity.secrets import ACCESS, make_token

_GOOD_MS = 60_000
"""How long what opens the gateway would, if the process forgot to end it."""
_PASSED_ON = frozenset({b"content-type", b"accept", b"tollway-metadata"})


def playground_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["playground"])

    async def try_model(gateway: str, request: Request, asker: Asker) -> Response:
        """Calls a model as whoever is signed in: a body of OpenAI's chat completions, and the answer of the gateway, streamed."""
        return _call(runtime, gateway, "/v1/chat/completions", request, _identity_of(asker))

    async def usable_models(gateway: str, request: Request, asker: Asker) -> Response:
        """The models that whoever is signed in may call there."""
        return _call(runtime, gateway, "/v1/models", request, _identity_of(asker))

    alone: dict[str, Any] = {"dependencies": [Depends(no_parameters)], "response_class": Response}
    router.post("/playground/{gateway}/chat/completions", **alone)(try_model)
    router.get("/playground/{gateway}/models", **alone)(usable_models)
    return router


def _identity_of(asker: Principal) -> Identity:
    """Raises Problem where nobody could be charged."""
    if asker.user is None:
        who = "The administrator's token is" if asker.by == "token" else f'The local administrator "{asker.name}" is'
        words = f"{who} nobody whom budgets and rules know, so it has no playground; call the gateway with a key, or sign in"
        raise Problem(403, "forbidden", f"{words} with your company's account.")
    return proven(asker)


def _call(runtime: Runtime, gateway: str, path: str, request: Request, identity: Identity) -> "_Called":
    if gateway not in runtime.snapshot.gateways:
        known = ", ".join(sorted(runtime.snapshot.gateways))
        raise Problem(404, "gateway_unknown", f'No gateway "{gateway[:128]}"; there are: {known}.')
    return _Called(runtime, gateway, path, request.method, identity)


class _Called(Response):
    """The answer of the gateway itself, as it comes."""

    def __init__(self, runtime: Runtime, gateway: str, path: str, method: str, identity: Identity) -> None:
        super().__init__()
        self._runtime = runtime
        self._gateway = gateway
        self._path = path
        self._method = method
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entry, snapshot = self._runtime.entry, self._runtime.snapshot
        assert entry is not None, "who asks here has come through it"
        token = make_token(ACCESS, secrets.token_bytes)
        key = _key_of(self._identity, digest(token, snapshot.pepper), self._runtime.clock.now() + _GOOD_MS)
        snapshot.issued.put(key)
        try:
            await entry(*await self._inner(scope, receive, token), send)
        finally:
            snapshot.issued.drop(key.digest)

    async def _inner(self, scope: Scope, receive: Receive, token: str) -> tuple[dict[str, Any], Any]:
        """The request as the gateway has it."""
        body = b""
        if self._method == "POST":
            # It was read whole by the guard.
            body = (await receive())["body"]
        headers = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
        headers += [
            (b"content-length", str(len(body)).encode()),
            (b"user-agent", b"tollway playground"),
            (b"tollway-gateway-id", self._gateway.encode()),
            (b"tollway-authorization", f"Bearer {token}".encode()),
        ]
        inner = {
            **scope,
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
        }
        given = False

        async def receive_body(_: Any) -> Any:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        # The gateway is told of a caller who leaves, and of one who is slow, by the listener's own request.
        cycle = getattr(receive, "cycle", None)
        return inner, MethodType(receive_body, cycle) if cycle is not None else _Alone(receive_body)


class _Alone:
    """Gives the body of a request that no listener took in."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive

    async def __call__(self) -> Any:
        return await self._receive(None)


def _key_of(identity: Identity, hashed: bytes, expires_at: int) -> Key:
    """What somebody's own access token would open: budgets and rules take it for that."""
    return Key(
        name=f"{LOGIN}{identity.user}",
        digest=hashed,
        user=identity.user,
        groups=identity.groups,
        metadata=identity.metadata,
        gateways=identity.gateways,
        expires_at=expires_at,
        priority=identity.priority,
        models=identity.models,
        custom_cost=False,
        person=identity.person,
        proven_only=identity.proven_only,
    )
