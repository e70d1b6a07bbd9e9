"""The gateway as an authorization server for its command line and for Claude Code: what programs ask.

RFC 8414 metadata, RFC 8628 device codes, RFC 6749 tokens (with RFC 7636 and rotated refresh tokens), RFC 7009 revocation.
What people see is in `oauth_browser.py`. Claude Code's own sign-in sends no client id and no body, and takes the paths as
they are here.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from functools import wraps

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from tollway.admin.oauth_asked import (
    LONGEST_NAME,
    NO_STORE,
    OAuthError,
    address_of,
    base_of,
    client_of,
    form_of,
    quoted,
    unknown_client,
)
from tollway.admin.oauth_grants import Grants, Released
from tollway.admin.oauth_limits import Tries
from tollway.admin.runtime import Runtime
from tollway.admin.sign_in import SignIn
from tollway.errors import StoreUnavailable
from tollway.identity.grants import DEVICE_MS, opened
from tollway.identity.login import Login
from tollway.identity.names import as_audited
from tollway.identity.secrets import show_user_code
from tollway.ledger.change import Change
from tollway.workers.granted import Granted, NotGranted

log = logging.getLogger("tollway.admin")

METADATA = "/.well-known/oauth-authorization-server"
MANAGED = "/managed/settings"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MOST_CODES = 100
"""Device codes that one address may ask for in `DEVICE_MS`; behind one there may be a whole office."""

_Route = Callable[[Request], Awaitable[Response]]


def oauth_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    grants, sign_in = Grants(runtime), SignIn(runtime)
    asked_for = Tries(MOST_CODES, DEVICE_MS)

    @router.get(METADATA)
    @_in_oauth
    async def metadata(request: Request) -> Response:
        login = login_of(runtime)
        base = required_base(request, login)
        found = {
            "issuer": base,
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
        }
        if login.device:
            found["device_authorization_endpoint"] = f"{base}/oauth/device_authorization"
            found["grant_types_supported"] = [DEVICE_GRANT, *found["grant_types_supported"]]  # type: ignore[misc]
        return JSONResponse(found, headers={"cache-control": "no-cache"})

    @router.post("/oauth/device_authorization")
    @_in_oauth
    async def device_authorization(request: Request) -> Response:
        login = login_of(runtime)
        base = required_base(request, login)
        if not login.device:
            raise OAuthError(
                "unauthorized_client",
                "Signing in by a code is switched off at this gateway (login.device); use: tollway login --browser",
            )
        form = await form_of(request)
        client_id, _ = client_of(request, form)
        now, address = runtime.clock.now(), address_of(request, login)
        wait_s = asked_for.wait(address, now)
        if wait_s is not None:
            raise OAuthError(
                "slow_down",
                f"Too many codes were asked for from {address}; try again in {wait_s} s.",
                status=429,
                headers={"retry-after": str(wait_s)},
            )
        asked_for.count(address, now)
        client = name_of(client_id, request)
        code, user_code, grant = await grants.make_device(client_id, client, address, now)
        shown = show_user_code(user_code)
        return _told(
            {
                "device_code": code,
                "user_code": shown,
                "verification_uri": f"{base}/oauth/device",
                "verification_uri_complete": f"{base}/oauth/device?user_code={shown}",
                "expires_in": (grant.ends_at - now) // 1000,
                "interval": grant.interval_ms // 1000,
            }
        )

    @router.post("/oauth/token")
    @_in_oauth
    async def token(request: Request) -> Response:
        login = login_of(runtime)
        form = await form_of(request)
        client_id, secret = client_of(request, form)
        now = runtime.clock.now()
        kind = form.get("grant_type")
        if secret is not None and kind != "client_credentials":
            # Nobody else has a secret here; one that is sent for nothing is a mistake.
            raise unknown_client()
        match kind:
            case "client_credentials":
                return _of_service(runtime, login, client_id, secret, address_of(request, login), now)
            case "refresh_token":
                refreshed = await runtime.tokens.refresh(
                    _required(form, "refresh_token"),
                    client_id,
                    login,
                    lambda identity, upstream: sign_in.renew(identity, upstream, now),
                )
                if isinstance(refreshed, NotGranted):
                    await _note_end(runtime, refreshed, now)
                    # Claude Code's protocol: 401 means that the person is logged out.
                    raise _not_granted(refreshed, 401)
                return _token_answer(refreshed, now)
            case _ if kind == DEVICE_GRANT:
                released = await grants.poll(_required(form, "device_code"), client_id, now)
            case "authorization_code":
                released = await grants.redeem(
                    _required(form, "code"),
                    client_id=client_id,
                    redirect_uri=_required(form, "redirect_uri"),
                    verifier=_required(form, "code_verifier"),
                    now=now,
                )
            case _:
                raise OAuthError(
                    "unsupported_grant_type" if kind else "invalid_request",
                    "grant_type is none of authorization_code, refresh_token, client_credentials and the device code's.",
                )
        if isinstance(released, NotGranted):
            raise _not_granted(released, 400)
        if opened(login.gateways, released.signed_in.identity.gateways) is None:
            # The settings were changed since that was asked in the browser.
            raise OAuthError("access_denied", "You may use none of the gateways that signing in here opens.")
        granted = await runtime.tokens.begin(released.signed_in, released.upstream, login, client_id, released.client)
        if released.code and not await grants.redeemed(released.code, granted.family, now):
            await runtime.tokens.end(granted.family)
            raise OAuthError("invalid_grant", "The code was used twice at the same time, so it is good for nobody.")
        await _note(runtime, "login.granted", granted, released, now)
        return _token_answer(granted, now)

    @router.post("/oauth/revoke")
    @_in_oauth
    async def revoke(request: Request) -> Response:
        form = await form_of(request)
        ended = await runtime.tokens.revoke(_required(form, "token"))
        if ended is not None:
            user = ended.identity.user or ""
            change = Change(
                at=runtime.clock.now(), by=as_audited(user), action="login.ended", target=user, reason=ended.client
            )
            await runtime.store.audit.append(change)
        # RFC 7009, 2.2: also for a token that is none.
        return Response(status_code=200, headers=NO_STORE)

    @router.get(MANAGED)
    async def managed(_: Request) -> Response:
        # Claude Code's protocol: 404 means that nothing is managed here.
        return JSONResponse({"error": "not_found"}, status_code=404, headers=NO_STORE)

    return router


def login_of(runtime: Runtime) -> Login:
    """Raises OAuthError where nobody signs in here."""
    login = runtime.snapshot.login
    if login is None:
        raise OAuthError(
            "invalid_request", 'Nobody signs in at this gateway: its settings have no "login". Use a gateway key.', 404
        )
    return login


def required_base(request: Request, login: Login) -> str:
    """This gateway as it is reached. Raises OAuthError where nobody can tell."""
    base = base_of(request, login)
    if base is None:
        raise OAuthError(
            "invalid_request",
            "This gateway does not know how browsers reach it; its administrator has to set login.public_url.",
            status=421,
        )
    return base


def name_of(client_id: str | None, request: Request) -> str:
    """What a program says of itself, for people: between quotes, none of which it can have closed, since nothing vouches for
    it."""
    if client_id is not None and not (
        client_id.isprintable() and client_id.isascii() and len(client_id) <= LONGEST_NAME
    ):
        raise OAuthError("invalid_client", f"A client_id has {LONGEST_NAME} printable ASCII characters at most.")
    shown = quoted(client_id or request.headers.get("user-agent", ""))
    return f"It calls itself {shown}" if shown != '""' else "It does not say its name"


def _in_oauth(route: _Route) -> _Route:
    """Errors in the shape that OAuth clients read."""

    @wraps(route)
    async def answered(request: Request) -> Response:
        try:
            return await route(request)
        except OAuthError as error:
            return error.answer()
        except StoreUnavailable as error:
            log.error("signing in: the store is unavailable: %s", error)
            unavailable = OAuthError(
                "temporarily_unavailable",
                "The store cannot be read or written now. Try again shortly.",
                status=503,
                headers={"retry-after": "1"},
            )
            return unavailable.answer()

    return answered


def _of_service(
    runtime: Runtime, login: Login, client_id: str | None, secret: str | None, address: str, now: int
) -> Response:
    key = runtime.keyring.client(client_id, secret, address) if client_id and secret else None
    if key is None:
        wait_s = runtime.attempts.bad(address, now)
        if wait_s is not None:
            raise OAuthError(
                "slow_down",
                f"Too many bad credentials came from {address}; try again in {wait_s} s.",
                status=429,
                headers={"retry-after": str(wait_s)},
            )
        raise unknown_client()
    token, made = runtime.tokens.of_service(key, login)
    assert made.expires_at is not None
    lasts_s = max(0, made.expires_at - now) // 1000
    return _told({"access_token": token, "token_type": "Bearer", "expires_in": lasts_s, "service": key.service})


def _token_answer(granted: Granted, now: int) -> Response:
    """RFC 6749, 5.1, with who it is for, so that the command line can say so."""
    return _told(
        {
            "access_token": granted.access_token,
            "token_type": "Bearer",
            "expires_in": max(0, granted.ends_at - now) // 1000,
            "refresh_token": granted.refresh_token,
            "user": granted.identity.user,
            "groups": list(granted.identity.groups),
            "gateways": list(granted.gateways),
        }
    )


def _told(body: dict[str, object]) -> Response:
    return JSONResponse(body, headers=NO_STORE)


def _not_granted(why: NotGranted, status: int) -> OAuthError:
    if why.error == "temporarily_unavailable":
        return OAuthError(why.error, why.message, status=503, headers={"retry-after": "5"})
    return OAuthError(why.error, why.message, status=status)


def _required(form: dict[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise OAuthError("invalid_request", f"The field {name} is missing.")
    return value


async def _note_end(runtime: Runtime, why: NotGranted, now: int) -> None:
    """A login that has ended by itself."""
    if why.ended is not None:
        change = Change(at=now, by="gateway", action="login.ended", target=why.ended, reason=why.message)
        await runtime.store.audit.append(change)


async def _note(runtime: Runtime, action: str, granted: Granted, released: Released, now: int) -> None:
    user = granted.identity.user or ""
    after = json.dumps({"groups": granted.identity.groups, "gateways": granted.gateways, "address": released.address})
    change = Change(at=now, by=as_audited(user), action=action, target=user, after=after, reason=released.client)
    await runtime.store.audit.append(change)
