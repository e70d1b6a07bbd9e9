"""Signing in to the control plane, and out: at the company's identity provider, or with a password of this gateway."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tollway.admin.access import PRINCIPAL, Asker
from tollway.admin.audit import audited
from tollway.admin.charge import Instant
from tollway.admin.local_users import LocalUsers
from tollway.admin.oauth_asked import address_of, base_of, browser_of, cookie, is_from_here, new_browser
from tollway.admin.oauth_limits import MOST_BEGUN, Tries
from tollway.admin.principals import COOKIE, SECURE_COOKIE, has_tls, session_token, too_many
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.sessions import Session, Sessions, principal_of
from tollway.admin.sign_in import SignIn, is_own_path
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.exchange.refusal import Refusal
from tollway.identity.grants import DEVICE_MS
from tollway.identity.identity import Identity
from tollway.identity.names import as_audited
from tollway.identity.roles import ROLES, SCOPES, Principal

FINISH = "/api/v1/session/finish"
AFTERWARDS = "/dashboard"
"""Where a browser is sent that has signed in and named no other page."""


class PasswordGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=128)
    password: SecretStr = Field(max_length=1_024)


class SessionShown(BaseModel):
    """Who asks, and what they may."""

    signed_in: bool
    name: str | None
    user: str | None = Field(
        description="Whose things are their own; null of an administrator of this gateway alone and of the token, who have none."
    )
    by: Literal["token", "session", "access token", "issuer"] | None = Field(description="What proves it.")
    roles: list[str] = Field(description="The most powerful first.")
    scopes: list[str]
    groups: list[str]
    csrf: str | None = Field(
        description="What a change that is asked for with the session's cookie has to send as `tollway-csrf`."
    )
    sign_in: str | None = Field(
        description="Where a browser is sent to sign in; null where the settings name no identity provider."
    )
    ends_at: Instant | None


class SessionListed(BaseModel):
    id: str
    user: str
    issuer: str | None
    created_at: Instant
    seen_at: Instant
    ends_at: Instant


class SessionList(BaseModel):
    """The newest first."""

    items: list[SessionListed]


class SessionsEnded(BaseModel):
    ended: int
    warnings: list[str]


class SignInQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    return_to: str = Field(default=AFTERWARDS, max_length=1_024, description="A path of this gateway.")


class EndQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str | None = Field(default=None, max_length=320, description="All sessions of this user.")
    id: str | None = Field(default=None, max_length=64, description="This session.")


def session_router(runtime: Runtime, sessions: Sessions, users: LocalUsers) -> APIRouter:
    router = APIRouter(tags=["session"])
    sign_in = SignIn(runtime)
    begun_by = Tries(MOST_BEGUN, DEVICE_MS)

    def shown(principal: Principal | None, session: Session | None) -> SessionShown:
        roles = principal.roles if principal is not None else frozenset[str]()
        login = runtime.snapshot.login
        return SessionShown(
            signed_in=principal is not None,
            name=principal.name if principal is not None else None,
            user=principal.user if principal is not None else None,
            by=principal.by if principal is not None else None,
            roles=[role for role in ROLES if role in roles],
            scopes=sorted(scope for scope in SCOPES if principal is not None and principal.may(scope)),
            groups=list(principal.groups) if principal is not None else [],
            csrf=sessions.csrf_of(session) if session is not None else None,
            sign_in="/api/v1/session/sign-in" if login is not None else None,
            ends_at=iso(session.ends_at) if session is not None else None,
        )

    async def of_request(request: Request) -> Session | None:
        token = session_token(request.scope["headers"], secure=has_tls(runtime))
        if token is None:
            return None
        return await sessions.find(token, runtime.snapshot.administration, runtime.clock.now())

    async def session(request: Request) -> SessionShown:
        """Who asks, and what they may. Open to all: nobody is somebody who may sign in."""
        principal: Principal | None = request.scope.get(PRINCIPAL)
        signed_in = principal is not None and principal.by == "session"
        return shown(principal, await of_request(request) if signed_in else None)

    async def sign_in_with_password(given: PasswordGiven, request: Request, response: Response) -> SessionShown:
        """Signs in an administrator that is known here alone."""
        now, peer = runtime.clock.now(), _peer(request, runtime)
        if not is_from_here(request, _here(request, runtime)):
            raise Problem(403, "request_forged", "The password does not come from a page of this gateway.")
        # Before it is looked at: a right guess after too many wrong ones must not be told from another wrong one. Whoever is
        # to wait takes nobody's place in the row, either.
        wait_s = runtime.attempts.wait_s(peer, now)
        if wait_s is not None:
            raise too_many(peer, wait_s)
        async with users.turn():
            wait_s = runtime.attempts.wait_s(peer, now)
            user = None
            if wait_s is None:
                user = await users.verified(given.name, given.password.get_secret_value(), now)
                wait_s = runtime.attempts.bad(peer, now) if user is None else None
        if wait_s is not None:
            raise too_many(peer, wait_s)
        if user is not None:
            begun = await start(request, response, user.name, roles=user.roles)
            # Whoever was changed or taken out while the password was looked at had no session yet that could be ended.
            if await users.get(user.name, now) == user:
                return begun
            await sessions.end_of(user.name, now)
            del response.headers["set-cookie"]
        raise Problem(401, "credential_unknown", "No administrator of this gateway has that name and password.")

    async def start(
        request: Request,
        response: Response,
        user: str,
        *,
        groups: tuple[str, ...] = (),
        roles: tuple[str, ...] = (),
        issuer: str | None = None,
        identity: Identity | None = None,
    ) -> SessionShown:
        administration, now = runtime.snapshot.administration, runtime.clock.now()
        session, token = await sessions.start(
            user,
            administration,
            now,
            groups=groups,
            roles=tuple(role for role in ROLES if role in roles),
            issuer=issuer,
            identity=identity,
            instead_of=session_token(request.scope["headers"], secure=has_tls(runtime)),
        )
        response.headers.append("set-cookie", _cookie(_here(request, runtime), token, administration.session_s))
        await audited(runtime, "session.started", user, by=as_audited(user), after={"issuer": issuer})
        snapshot = runtime.snapshot
        return shown(principal_of(session, administration, snapshot.login, snapshot.issuers), session)

    async def sign_in_begin(query: Annotated[SignInQuery, Query()], request: Request) -> Response:
        """Sends the browser to the company's identity provider."""
        if not is_own_path(query.return_to):
            raise Problem(400, "parameter_invalid", "return_to: it is no path of this gateway.")
        base, now, peer = _base(request, runtime), runtime.clock.now(), _peer(request, runtime)
        wait_s = begun_by.wait(peer, now)
        if wait_s is not None:
            said = f"Too many sign-ins were begun from {peer or 'there'}. Try again in {wait_s} seconds."
            raise Problem(429, "too_many_attempts", said, retry_after_s=wait_s)
        begun_by.count(peer, now)
        browser = browser_of(request, base) or new_browser()
        begun = await sign_in.begin(query.return_to, now, base=base, browser=browser, finish_at=FINISH)
        if isinstance(begun, Refusal):
            raise Problem(begun.status, begun.code, begun.message)
        response = RedirectResponse(begun.url, 303)
        response.headers.append("set-cookie", cookie(base, browser))
        return response

    async def sign_in_finish(request: Request) -> Response:
        """Takes back a browser that has been at the identity provider."""
        base = _base(request, runtime)
        came = await sign_in.finish(
            dict(request.query_params), runtime.clock.now(), browser=browser_of(request, base), at=FINISH
        )
        if isinstance(came, Refusal):
            raise Problem(came.status, came.code, came.message)
        identity = came.identity
        assert identity.user is not None and identity.person is not None
        if not runtime.snapshot.administration.roles_of(identity.user, identity.groups):
            raise Problem(
                403,
                "forbidden",
                f"{identity.user} is known, and has no role here. An owner gives roles in the settings (administration:), to "
                f"people or to groups; theirs are: {', '.join(identity.groups) or 'none'}.",
            )
        response = RedirectResponse(came.return_to, 303)
        await start(
            request,
            response,
            identity.user,
            groups=identity.groups,
            issuer=identity.person.issuer,
            identity=identity,
        )
        return response

    async def sign_out(request: Request, response: Response) -> SessionShown:
        """Signs out: the session ends here, whatever becomes of the cookie."""
        token = session_token(request.scope["headers"], secure=has_tls(runtime))
        found = await sessions.end_token(token, runtime.clock.now()) if token is not None else None
        if found is not None:
            await audited(runtime, "session.ended", found.user, by=as_audited(found.user))
        response.headers.append("set-cookie", _cookie(_here(request, runtime), "", 0))
        return shown(None, None)

    async def sessions_list() -> SessionList:
        """Who is signed in."""
        found = await sessions.all(runtime.snapshot.administration, runtime.clock.now())
        return SessionList(
            items=[
                SessionListed(
                    id=each.id,
                    user=each.user,
                    issuer=each.issuer,
                    created_at=iso(each.created_at),
                    seen_at=iso(each.seen_at),
                    ends_at=iso(each.ends_at),
                )
                for each in found
            ]
        )

    async def end_sessions(query: Annotated[EndQuery, Query()], asker: Asker) -> SessionsEnded:
        """Ends sessions at once: one, or all of a user."""
        now = runtime.clock.now()
        if (query.user is None) == (query.id is None):
            raise Problem(400, "parameter_invalid", "Name a user, or the id of a session.")
        if query.user is not None:
            ended, target = await sessions.end_of(query.user, now, by=asker.name), query.user
        else:
            gone = await sessions.end(query.id or "", now, by=asker.name)
            ended, target = int(gone is not None), gone.user if gone is not None else ""
        warnings = await audited(runtime, "session.ended", target, by=asker.name) if ended else []
        return SessionsEnded(ended=ended, warnings=warnings)

    alone = [Depends(no_parameters)]
    router.get("/session", dependencies=alone)(session)
    router.post("/session", dependencies=alone)(sign_in_with_password)
    router.delete("/session", dependencies=alone)(sign_out)
    router.get("/session/sign-in", response_class=Response)(sign_in_begin)
    router.get("/session/finish", response_class=Response)(sign_in_finish)
    router.get("/sessions", dependencies=alone)(sessions_list)
    router.delete("/sessions")(end_sessions)
    return router


def _peer(request: Request, runtime: Runtime) -> str:
    login = runtime.snapshot.login
    if login is not None:
        return address_of(request, login)
    return request.client.host if request.client is not None else ""


def _base(request: Request, runtime: Runtime) -> str:
    """This gateway as the browser reaches it, to sign in at an identity provider. Raises Problem where nothing says so."""
    login = runtime.snapshot.login
    if login is None:
        raise Problem(
            404, "sign_in_unavailable", 'The settings have no "login", so nobody can sign in elsewhere for this.'
        )
    base = base_of(request, login)
    if base is None:
        raise Problem(
            400,
            "host_unknown",
            "Where browsers reach this gateway is not known: set login.public_url in the settings, or use localhost.",
        )
    return base


def _here(request: Request, runtime: Runtime) -> str:
    """This gateway as whoever is signed in reaches it: as the settings say, else as the browser does. That something in front
    has TLS is told by the page's own origin; whoever makes that up gets a stricter cookie."""
    login = runtime.snapshot.login
    if login is not None and login.public_url is not None:
        return login.public_url
    host = request.headers.get("host", "")
    scheme = "https" if request.headers.get("origin") == f"https://{host}" else "http"
    return f"{scheme}://{host}"


def _cookie(base: str, token: str, seconds: int) -> str:
    secure = base.startswith("https:")
    name = SECURE_COOKIE if secure else COOKIE
    return f"{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
