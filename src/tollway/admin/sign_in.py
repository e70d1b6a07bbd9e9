"""Signing a person in at the company's identity provider: OpenID Connect's code flow with PKCE, state and nonce.

`begin` says where to send the browser, `finish` who came back. For the tokens of this gateway (`admin/oauth.py`) and for
anything else that needs to know who sits before a browser. Nothing but a keyed hash of the state is kept meanwhile; nonce
and verifier follow from it. The browser is known again by a secret that only it has (a cookie), so that nobody can have
another finish what they began.
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import msgspec

from tollway.admin.runtime import Runtime
from tollway.admin.token_endpoint import Denied, ask_tokens, plain, unavailable
from tollway.exchange.refusal import Refusal
from tollway.identity.claims import found, groups_in
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer
from tollway.identity.jwt import Unfit, read_token
from tollway.identity.keys import digest
from tollway.identity.secrets import challenge_of
from tollway.proxy.fetch import Allowed, FetchFailed
from tollway.proxy.jwks import IssuerUnavailable
from tollway.storage.protocol import Kept
from tollway.workers.granted import NotGranted, Renewed, Unproven

log = logging.getLogger("tollway.admin")

DRAWER = "grant"
CALLBACK = "/oauth/callback"
"""Where the identity provider sends everybody back to: the one redirect URI that has to be registered there."""
LASTS_MS = 600_000
"""For so long somebody may take at the identity provider."""
_LONGEST = 4_096
_ENDING = frozenset({"invalid_grant", "access_denied", "interaction_required", "login_required"})
"""Errors that end a login: RFC 6749, 5.2 and 4.1.2.1; OpenID Connect Core, 3.1.2.6."""
# A path on this gateway and nothing else: "//host" and "/\\host" lead elsewhere in browsers.
_OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~?&=%+-]{0,512}")


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that is under way."""

    url: str
    """Where to send the browser."""
    state: str

    def __repr__(self) -> str:
        return "Begun(…)"


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """Who came back from the identity provider."""

    identity: Identity
    return_to: str
    upstream: str | None = None
    """The identity provider's refresh token, if it gives one."""

    def __repr__(self) -> str:
        return f"Came({self.identity.user!r}, …)"


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept while somebody is at the identity provider."""

    issuer: str
    browser: bytes
    return_to: str
    finish_at: str
    redirect_uri: str


_state = msgspec.json.Decoder(_State)


class SignIn:
    """The sign-ins of a gateway."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def begin(
        self, return_to: str, now: int, *, base: str, browser: str, finish_at: str = CALLBACK
    ) -> Begun | Refusal:
        """Where to send a browser that is to sign in.

        `return_to`: a path of this gateway, given back by `finish`. `base`: this gateway as the browser reaches it.
        `browser`: the secret that it brings again. `finish_at`: the path that calls `finish`; whatever it is, the identity
        provider sends the browser to `CALLBACK`, which sends it on. Raises StoreUnavailable.
        """
        if not is_own_path(return_to) or not is_own_path(finish_at):
            return Refusal(code="sign_in_failed", message="The page to return to is not one of this gateway.")
        issuer = self._issuer()
        if isinstance(issuer, Refusal):
            return issuer
        try:
            endpoints = await self._runtime.issuers.discover(issuer, now)
        except IssuerUnavailable as error:
            return unavailable(error)
        if endpoints.authorization_endpoint is None or endpoints.token_endpoint is None:
            return Refusal(
                code="sign_in_unavailable",
                message=f'Issuer "{issuer.name}" names no authorization and token endpoint, so nobody can sign in there.',
            )
        state = secrets.token_urlsafe(32)
        redirect_uri = f"{base}{CALLBACK}"
        record = _State(
            issuer=issuer.name,
            browser=self._hashed(browser),
            return_to=return_to,
            finish_at=finish_at,
            redirect_uri=redirect_uri,
        )
        await self._runtime.store.cabinet.put(
            Kept(
                drawer=DRAWER,
                id=self._id(state),
                record=msgspec.json.encode(record),
                at=now,
                expires_at=now + LASTS_MS,
            )
        )
        asked = {
            "response_type": "code",
            "client_id": issuer.client_id or "",
            "redirect_uri": redirect_uri,
            "scope": " ".join(issuer.scopes),
            "state": state,
            "nonce": self._derived("nonce", state),
            "code_challenge": challenge_of(self._derived("verifier", state)),
            "code_challenge_method": "S256",
        }
        if "offline_access" in issuer.scopes:
            # OpenID Connect Core, 11: without a prompt for consent the scope may be ignored.
            asked["prompt"] = "consent"
        joint = "&" if urlsplit(endpoints.authorization_endpoint).query else "?"
        return Begun(url=f"{endpoints.authorization_endpoint}{joint}{urlencode(asked)}", state=state)

    async def elsewhere(self, query: Mapping[str, str], now: int) -> str | None:
        """Where a browser that came back is to go on to, if `CALLBACK` is not where its sign-in ends."""
        kept = await self._runtime.store.cabinet.get(DRAWER, self._id(query.get("state", "")), now)
        finish_at = _state.decode(kept.record).finish_at if kept is not None else CALLBACK
        return f"{finish_at}?{urlencode(query)}" if finish_at != CALLBACK else None

    async def finish(self, query: Mapping[str, str], now: int, *, browser: str, at: str = CALLBACK) -> Came | Refusal:
        """Who came back with `query`, in the browser that has the secret. A state is good once, and `at` the path that it was
        begun for. Raises StoreUnavailable."""
        state = query.get("state", "")
        kept = await self._runtime.store.cabinet.take(DRAWER, self._id(state), now) if state else None
        if kept is None:
            return Refusal(
                code="sign_in_failed",
                message="This sign-in has ended: it was finished already, or took longer than ten minutes. Begin again.",
            )
        begun = _state.decode(kept.record)
        if not browser or not hmac.compare_digest(begun.browser, self._hashed(browser)):
            return Refusal(
                code="sign_in_failed",
                message="This sign-in was begun in another browser, or cookies are switched off. Begin again in this one.",
            )
        if begun.finish_at != at:
            return Refusal(code="sign_in_failed", message="This sign-in was begun for something else. Begin again.")
        issuer = self._runtime.snapshot.issuers.named(begun.issuer)
        if issuer is None or not issuer.enabled or issuer.client_id is None:
            return Refusal(code="sign_in_failed", message="The identity provider was changed meanwhile. Begin again.")
        # RFC 9207, 2.4: an answer of another issuer is no answer to this question.
        if query.get("iss", issuer.issuer) != issuer.issuer:
            return Refusal(
                code="sign_in_failed", message="The answer came from another identity provider. Begin again."
            )
        if "error" in query:
            said = plain(query.get("error_description") or query["error"])
            return Refusal(code="sign_in_failed", message=f'Issuer "{issuer.name}" did not sign you in: {said}')
        if not 0 < len(query.get("code", "")) <= _LONGEST:
            return Refusal(
                code="sign_in_failed", message="The answer of the identity provider has no code. Begin again."
            )
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": begun.redirect_uri,
            "code_verifier": self._derived("verifier", state),
        }
        said = await ask_tokens(self._runtime.issuers, issuer, form, now)
        if isinstance(said, Denied):
            return said.refusal
        if said.id_token is None:
            return Refusal(
                code="sign_in_failed", message=f'Issuer "{issuer.name}" sent no ID token; add the scope openid.'
            )
        nonce = self._derived("nonce", state)
        identity = await self._verified(issuer, said.id_token, nonce, said.access_token, now)
        if isinstance(identity, Refusal):
            return identity
        if identity.kind != "user" or identity.user is None or identity.person is None:
            return Refusal(
                code="sign_in_failed",
                message=f'Issuer "{issuer.name}" names no person in its ID token; add the scopes email and profile.',
            )
        return Came(identity=identity, return_to=begun.return_to, upstream=said.refresh_token)

    async def renew(self, identity: Identity, upstream: str, now: int) -> Renewed | Unproven | NotGranted:
        """What the identity provider says of a person by now. They are signed out where it says that they are, in as many
        words, or speaks of somebody else; whatever else it answers may be another tomorrow."""
        issuer = self._issuer()
        if isinstance(issuer, Refusal):
            return NotGranted("temporarily_unavailable", issuer.message)
        person = identity.person
        if person is None or person.issuer != issuer.issuer:
            return NotGranted("invalid_grant", "People sign in at another identity provider now. Sign in again.")
        said = await ask_tokens(
            self._runtime.issuers, issuer, {"grant_type": "refresh_token", "refresh_token": upstream}, now
        )
        if isinstance(said, Denied):
            ended = said.error in _ENDING
            return NotGranted("invalid_grant" if ended else "temporarily_unavailable", said.refusal.message)
        kept = said.refresh_token or upstream
        if said.id_token is None:
            # OpenID Connect Core, 12.2: it need not send one.
            fresh = await self._by_userinfo(issuer, identity, said.access_token, now)
        else:
            fresh = await self._verified(issuer, said.id_token, None, said.access_token, now)
        if isinstance(fresh, Refusal):
            log.warning('what issuer "%s" answered for a login is not believed: %s', issuer.name, fresh.message)
            # Its own message may ask to sign in again, which would mend nothing.
            return Unproven(f'What issuer "{issuer.name}" answers proves nothing now. Try again shortly.', kept)
        if fresh.person is None or fresh.person.subject != person.subject or fresh.user is None:
            return NotGranted("invalid_grant", "The identity provider answered for somebody else. Sign in again.")
        return Renewed(fresh, kept)

    async def _by_userinfo(
        self, issuer: Issuer, identity: Identity, access_token: str | None, now: int
    ) -> Identity | Refusal:
        """The person with the groups of now, where the issuer tells them to an access token, else with those of before."""
        assert identity.person is not None
        known = msgspec.structs.replace(
            identity,
            gateways=issuer.gateways,
            priority=issuer.priority,
            # It has just taken the refresh token of this gateway.
            person=msgspec.structs.replace(identity.person, issuer_name=issuer.name),
        )
        try:
            url = issuer.userinfo_url or (await self._runtime.issuers.discover(issuer, now)).userinfo_endpoint
            if url is None or access_token is None:
                return known
            answer = await self._runtime.issuers.fetcher.fetch(
                url,
                Allowed(issuer.allow_private, issuer.allow_http),
                headers={"authorization": f"Bearer {access_token}"},
            )
            if answer.status in (403, 404):
                # Its access tokens are for something else: it never told groups that way.
                return known
            if answer.status != 200:
                raise FetchFailed(f'the userinfo of issuer "{issuer.name}" answered with status {answer.status}')
            told = answer.object()
        except (FetchFailed, IssuerUnavailable) as error:
            return unavailable(error)
        # OpenID Connect Core, 5.3.2: whoever it speaks of is named in it.
        subject, groups = found(told, issuer.claims.subject), groups_in(told, issuer)
        if subject is None and issuer.claims.subject != "sub":
            # What people are told apart by is in ID tokens alone there.
            return known
        unknown = isinstance(groups, Unfit) or (groups is None and issuer.groups_from == "userinfo")
        if unknown or not isinstance(subject, str):
            return unavailable(
                FetchFailed(f'the userinfo of issuer "{issuer.name}" does not tell whose groups are which')
            )
        if groups is None:
            groups = identity.groups
        assert known.person is not None
        person = msgspec.structs.replace(known.person, subject=subject)
        return msgspec.structs.replace(known, groups=groups, person=person)

    async def _verified(
        self, issuer: Issuer, id_token: str, nonce: str | None, access_token: str | None, now: int
    ) -> Identity | Refusal:
        """Whose an ID token is. Where it tells neither address nor groups, as OpenID Connect Core (5.4) has it where there is
        an access token too, the userinfo is asked."""
        token = read_token(id_token)
        names = (issuer.claims.email, issuer.claims.groups)
        if not isinstance(token, Unfit) and all(found(token.claims, name) is None for name in names):
            try:
                userinfo = issuer.userinfo_url or (await self._runtime.issuers.discover(issuer, now)).userinfo_endpoint
            except IssuerUnavailable as error:
                return unavailable(error)
            if userinfo is not None and access_token is not None:
                issuer = msgspec.structs.replace(issuer, groups_from="userinfo")
        return await self._runtime.issuers.verify_id_token(issuer, id_token, nonce, now, access_token)

    def _issuer(self) -> Issuer | Refusal:
        """Where people sign in, by the settings in force."""
        snapshot = self._runtime.snapshot
        issuer = snapshot.issuers.named(snapshot.login.issuer) if snapshot.login is not None else None
        if issuer is None or issuer.client_id is None or not issuer.enabled:
            return Refusal(
                code="sign_in_unavailable",
                message='Nobody can sign in here: the settings have no "login" with an issuer.',
            )
        return issuer

    def _id(self, state: str) -> str:
        return f"state:{self._hashed(state).hex()}"

    def _hashed(self, secret: str) -> bytes:
        return digest(secret, self._runtime.snapshot.pepper)

    def _derived(self, what: str, state: str) -> str:
        made = hmac.digest(self._runtime.snapshot.pepper, f"sign-in {what}\0{state}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_own_path(path: str) -> bool:
    """Whether a browser that is sent to `path` stays on this gateway."""
    return _OWN_PATH.fullmatch(path) is not None and "/../" not in f"{path.partition('?')[0]}/"
