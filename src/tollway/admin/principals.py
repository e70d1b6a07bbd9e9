"""Who asks the control plane: the administrator's token, somebody's access token or identity token, or a session's cookie."""

import hmac
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie

import msgspec

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.sessions import Sessions, principal_of
from tollway.admin.settings_change import ADMIN
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import of_key
from tollway.identity.jwt import looks_like_token
from tollway.identity.names import as_audited
from tollway.identity.roles import Principal
from tollway.identity.secrets import ACCESS, is_token

Headers = Sequence[tuple[bytes, bytes]]

SECURE_COOKIE, COOKIE = "__Host-tollway", "tollway-session"
"""RFC 6265bis, 4.1.3.2: with its prefix no other host can have set the first. It needs TLS, which loopback may lack."""
CSRF = "tollway-csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_WAY_OUT = (
    'Send "Authorization: Bearer <administrator token>"; the token is in the file admin-token of the data folder, or in '
    "TOLLWAY_ADMIN_TOKEN. Or sign in."
)


async def asked_by(
    runtime: Runtime, sessions: Sessions, method: str, headers: Headers, peer: str, now: int
) -> Principal | None:
    """Who asks; `None` where nothing says so. Raises Problem for what is said and is not so, and StoreUnavailable."""
    given = [value for name, value in headers if name == b"authorization"]
    if given:
        return await _of_credential(runtime, given, peer, now)
    token = session_token(headers, secure=has_tls(runtime))
    if token is None:
        return None
    administration = runtime.snapshot.administration
    session = await sessions.find(token, administration, now)
    if session is None:
        return None
    issuer, snapshot = session.issuer, runtime.snapshot
    person = session.identity.person if session.identity is not None else None
    if issuer is not None and snapshot.issuers.vouching(issuer, person.issuer_name if person else "") is None:
        # Whom an identity provider vouched for is nobody once that is not asked any more.
        await sessions.end(session.id, now)
        return None
    if method not in _SAFE:
        login = runtime.snapshot.login
        public_url = login.public_url if login is not None else None
        _check_same_site(headers, sessions.csrf_of(session), public_url)
    return principal_of(session, administration, snapshot.login, snapshot.issuers)


def missing() -> Problem:
    """What is said to somebody who is nobody."""
    return Problem(401, "credential_missing", _WAY_OUT)


def too_many(peer: str, wait_s: int) -> Problem:
    """What is said to somebody who guesses."""
    said = f"Too many wrong credentials came from {peer or 'there'}. Try again in {wait_s} seconds."
    return Problem(429, "too_many_attempts", said, retry_after_s=wait_s)


def has_tls(runtime: Runtime) -> bool:
    """Whether the settings say that browsers reach this gateway by TLS."""
    login = runtime.snapshot.login
    return login is not None and login.public_url is not None and login.public_url.startswith("https:")


def session_token(headers: Headers, *, secure: bool = False) -> str | None:
    """What the browser's cookie says; `None` where there is none, or two of a name.

    The cookie that another host cannot have set comes first, and is the only one believed where `secure` says that there is
    TLS: a neighbour in the domain could have a browser work in a session of the neighbour's.
    """
    found: dict[str, list[str]] = {SECURE_COOKIE: [], COOKIE: []}
    for name, value in headers:
        if name == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            for each, values in found.items():
                if each in cookies:
                    values.append(cookies[each].value)
    values = found[SECURE_COOKIE] or ([] if secure else found[COOKIE])
    return values[0] if len(values) == 1 else None


async def _of_credential(runtime: Runtime, given: Sequence[bytes], peer: str, now: int) -> Principal:
    scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
    token = token.strip()
    if len(given) == 1 and scheme.lower() == "bearer" and token:
        if runtime.is_admin(token):
            return Principal(name=ADMIN, roles=frozenset({"owner"}))
        found = await _person(runtime, token, now)
        if found is not None:
            return found
    wait_s = runtime.attempts.bad(peer, now)
    if wait_s is not None:
        raise too_many(peer, wait_s)
    raise Problem(
        401,
        "credential_unknown",
        "That is not this gateway's administrator token, nor the token of somebody who has signed in. Gateway keys do not "
        "open it.",
    )


async def _person(runtime: Runtime, token: str, now: int) -> Principal | None:
    """Who has signed in for a token: of this gateway, or of an identity provider it knows."""
    snapshot = runtime.snapshot
    if is_token(token, ACCESS):
        key = snapshot.key(token)
        if (
            key is None
            or key.person is None
            or not key.enabled
            or (key.expires_at is not None and key.expires_at <= now)
        ):
            return None
        # What it opens stands in the key, and is the person's for their own keys too.
        identity, by = msgspec.structs.replace(of_key(key), gateways=key.gateways), "access token"
    elif snapshot.issuers and looks_like_token(token):
        proven = await runtime.issuers.verify(token, snapshot, now)
        if isinstance(proven, Refusal):
            status = 503 if proven.status >= 500 else 401
            raise Problem(status, "issuer_unavailable" if status == 503 else "credential_unknown", proven.message)
        identity, by = proven, "issuer"
    else:
        return None
    if not identity.user:
        return None
    return Principal(
        name=as_audited(identity.user),
        roles=snapshot.administration.roles_of(identity.user, identity.groups),
        user=identity.user,
        groups=identity.groups,
        by="issuer" if by == "issuer" else "access token",
        identity=identity,
    )


def _check_same_site(headers: Headers, csrf: str, public_url: str | None) -> None:
    """A change that a browser asks for must come from a page of ours. Raises Problem.

    Where the settings do not say how browsers reach this gateway, nobody knows whether something in front has TLS.
    """
    fields = {name: value.decode("latin-1") for name, value in headers}
    site, origin = fields.get(b"sec-fetch-site"), fields.get(b"origin")
    host = fields.get(b"host", "")
    elsewhere = site not in (None, "same-origin")
    if origin is not None:
        scheme, _, named = origin.partition("://")
        ours = public_url.partition("://")[0] if public_url is not None else scheme
        elsewhere = elsewhere or (scheme, named) != (ours, host)
    if elsewhere or not hmac.compare_digest(fields.get(CSRF.encode(), "").encode(), csrf.encode()):
        raise Problem(
            403,
            "request_forged",
            f"The change does not come from a page of this gateway: send the header {CSRF} as GET /api/v1/session tells it.",
        )
