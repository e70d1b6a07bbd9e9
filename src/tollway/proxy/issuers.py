"""Tokens of identity providers: whose they are, asked of the provider's keys, and remembered for as long as they are good.

A token that was seen costs one SHA-256 of the whole of it and one look-up; a new one a signature; keys and groups are asked
for once for all who wait. Whatever goes wrong here refuses: there is no identity but a proven one.
"""

import hashlib
import hmac
import logging
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tollway.exchange.authenticate import Asking, is_for, opens
from tollway.exchange.refusal import Refusal
from tollway.identity.claims import audiences, groups_elsewhere, identity_of, unfit, why_not
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer
from tollway.identity.jwt import Token, Unfit, of_whom, read_token
from tollway.proxy.discovery import Discoverer, Discovery
from tollway.proxy.fetch import Fetcher, FetchFailed
from tollway.proxy.jwks import IssuerUnavailable, KeySource, State
from tollway.proxy.userinfo import Userinfo
from tollway.snapshot import Snapshot

log = logging.getLogger("tollway.proxy.issuers")

MOST_SEEN = 10_000
"""Tokens that are remembered."""
_RETRY_AFTER_S = 5

_Place = tuple[str, str | None, frozenset[str], bool, bool]


class _Seen(NamedTuple):
    """A token that was good."""

    identity: Identity
    until: int
    issuer: Issuer
    source: KeySource
    generation: int
    """Of the keys that verified it."""
    told: dict[str, Any] | None
    """What its issuer said when it was asked for groups."""


class Issuers:
    """The identity providers of a process. Not shared between event loops."""

    def __init__(self, fetcher: Fetcher | None = None, draw: Callable[[], float] = random.random) -> None:
        self._fetcher = Fetcher() if fetcher is None else fetcher
        self._discoverer = Discoverer(self._fetcher)
        self._draw = draw
        self._sources: dict[_Place, KeySource] = {}
        self._seen: dict[bytes, _Seen] = {}
        self._userinfo = Userinfo(self._fetcher, self._discoverer)

    @property
    def fetcher(self) -> Fetcher:
        """Asks issuers for other things: for tokens, when somebody signs in."""
        return self._fetcher

    def known(self, token: str, snapshot: Snapshot, now: int) -> Identity | None:
        """Whose a token is that was seen before and is still good at `now` (Unix milliseconds); does not wait."""
        seen = self._seen.get(_digest(token))
        if seen is None or now >= seen.until:
            return None
        if seen.generation != seen.source.generation or not seen.source.usable(now):
            return None
        return seen.identity if snapshot.issuers.named(seen.issuer.name) is seen.issuer else None

    async def verify(self, token: str, snapshot: Snapshot, now: int) -> Identity | Refusal:
        """Whose `token` is, or why it opens nothing, by the issuers of these settings."""
        known = self.known(token, snapshot, now)
        if known is not None:
            return known
        try:
            return await self._verified(token, snapshot, now)
        except Exception as error:
            return _defect(error)

    async def tokens(self, asking: Asking, snapshot: Snapshot) -> dict[str, Identity | Refusal]:
        """What the tokens among the credentials prove, up to the first credential that opens the gateway: text → answer.
        Credentials of other issuers, and keys, are left out."""
        found: dict[str, Identity | Refusal] = {}
        for credential in asking.credentials:
            secret = credential.secret
            answer: Identity | Refusal | None = self.known(secret, snapshot, asking.received_at)
            if answer is None and opens(credential, asking, snapshot):
                break
            if answer is None and snapshot.issuers.made(secret):
                answer = await self.verify(secret, snapshot, asking.received_at)
            if answer is not None:
                found[secret] = answer
            if isinstance(answer, Identity) and is_for(answer, asking):
                break
        return found

    async def discover(self, issuer: Issuer, now: int) -> Discovery:
        """The issuer's endpoints. Raises IssuerUnavailable."""
        try:
            return await self._discoverer.discover(issuer, now)
        except FetchFailed as error:
            raise IssuerUnavailable(f'Issuer "{issuer.name}": {error}.') from None

    async def verify_id_token(
        self, issuer: Issuer, id_token: str, nonce: str | None, now: int, access_token: str | None = None
    ) -> Identity | Refusal:
        """Who signed in, by the ID token of a flow that this gateway began with `nonce` (OpenID Connect Core, 3.1.3.7).
        `None` for one that came with a refresh token, which need have no nonce (12.2): whoever asks compares the subjects.
        `access_token`: what came with it, to ask for groups."""
        client = issuer.client_id
        if client is None:
            return _refused(issuer, Unfit("token_invalid", f'Issuer "{issuer.name}" has no client_id to sign in with.'))
        meant = msgspec.structs.replace(issuer, audiences=(client,), token_types=issuer.token_types | {"jwt"})
        try:
            token = read_token(id_token)
            if isinstance(token, Unfit):
                return _refused(issuer, token)
            checked = await self._checked(token, meant, self._source(issuer), now)
            if isinstance(checked, Refusal):
                return checked
            said = token.claims.get("nonce")
            party, several = token.claims.get("azp"), len(audiences(token.claims)) > 1
            if nonce is not None and (
                not isinstance(said, str) or not nonce or not hmac.compare_digest(said.encode(), nonce.encode())
            ):
                return _refused(issuer, unfit(issuer, "it was not made for this sign-in (nonce); begin again"))
            if party != client and (party is not None or several):
                return _refused(issuer, unfit(issuer, "it was made for another client (azp)"))
            told = await self._told(_digest(id_token), token, meant, now, access_token)
            if isinstance(told, Refusal):
                return told
            identity = identity_of(token.claims, meant, checked, told)
            return _refused(issuer, identity) if isinstance(identity, Unfit) else identity
        except Exception as error:
            return _defect(error)

    def state(self, issuer: Issuer) -> State | None:
        """How its keys are; `None` where they were not needed yet."""
        source = self._sources.get(_place(issuer))
        return None if source is None else source.state

    async def refresh(self, issuer: Issuer, now: int) -> State:
        """How its keys are, fetched if none that are fresh are there."""
        source = self._source(issuer)
        try:
            await source.current(now)
        except IssuerUnavailable as error:
            log.debug("issuer %s: %s", issuer.name, error)
        return source.state

    def forget(self, snapshot: Snapshot) -> None:
        """Lets go of issuers that new settings do not have."""
        wanted = {_place(issuer) for issuer in snapshot.issuers.all()}
        for place in self._sources.keys() - wanted:
            del self._sources[place]

    async def _verified(self, text: str, snapshot: Snapshot, now: int) -> Identity | Refusal:
        candidates = snapshot.issuers.of(of_whom(text) or "")
        if not candidates:
            return Refusal(code="credential_unknown", message="The token's issuer is not one that this gateway trusts.")
        token = read_token(text)
        if isinstance(token, Unfit):
            return _refused(candidates[0], token)
        issuer = _meant(token, candidates)
        if not issuer.enabled:
            return _refused(issuer, unfit(issuer, "the issuer is switched off in the settings"))
        source = self._source(issuer)
        until = await self._checked(token, issuer, source, now)
        if isinstance(until, Refusal):
            return until
        generation = source.generation
        digest = _digest(text)
        told = await self._told(digest, token, issuer, now, text)
        if isinstance(told, Refusal):
            return told
        identity = identity_of(token.claims, issuer, until, told)
        if isinstance(identity, Unfit):
            return _refused(issuer, identity)
        self._remember(digest, _Seen(identity, until, issuer, source, generation, told), now)
        return identity

    async def _checked(self, token: Token, issuer: Issuer, source: KeySource, now: int) -> int | Refusal:
        """Until when a token is good that `issuer` has signed, in Unix milliseconds; or why it is not."""
        if token.algorithm not in issuer.algorithms:
            return _refused(issuer, unfit(issuer, "it is signed by an algorithm that the settings do not allow"))
        unknown = False
        try:
            keys = await source.current(now)
            signed = any(keys.signed(token, key) for key in keys.candidates(token.key_id, token.algorithm))
            if not signed:
                unknown = not keys.knows(token.key_id)
                newer = await source.after_unknown(now)
                if newer is not None:
                    unknown = not newer.knows(token.key_id)
                    signed = any(newer.signed(token, key) for key in newer.candidates(token.key_id, token.algorithm))
        except IssuerUnavailable as error:
            return _unavailable(issuer, str(error))
        if not signed:
            if unknown and source.error:
                # Perhaps it is a new key, and the issuer does not answer.
                return _unavailable(issuer, source.error)
            return _refused(issuer, unfit(issuer, "no key of the issuer has signed it; sign in again for a new one"))
        life = why_not(token, issuer, now)
        return _refused(issuer, life) if isinstance(life, Unfit) else life.until

    async def _told(
        self, digest: bytes, token: Token, issuer: Issuer, now: int, access_token: str | None
    ) -> dict[str, Any] | Refusal | None:
        """What the issuer says of the bearer besides, where the token does not tell the groups; `None` where it does."""
        elsewhere = groups_elsewhere(token.claims, issuer)
        if elsewhere is None:
            return None
        seen = self._seen.get(digest)
        if seen is not None and seen.told is not None and _settings(seen.issuer) == _settings(issuer):
            return seen.told
        identity = identity_of(token.claims, issuer, now)
        if isinstance(identity, Identity) and identity.kind == "service":
            # Only people have a userinfo (OpenID Connect Core, 5.3).
            return None
        try:
            told = await self._userinfo.told(digest, token, issuer, now, access_token, overage=elsewhere.overage)
        except FetchFailed as error:
            return _unavailable(issuer, f"its userinfo: {error}")
        return _refused(issuer, told) if isinstance(told, Unfit) else told

    def _source(self, issuer: Issuer) -> KeySource:
        place = _place(issuer)
        source = self._sources.get(place)
        if source is None:
            source = self._sources[place] = KeySource(issuer, self._fetcher, self._discoverer, self._draw)
        return source

    def _remember(self, digest: bytes, seen: _Seen, now: int) -> None:
        if digest not in self._seen and len(self._seen) >= MOST_SEEN:
            for old in [one for one, kept in self._seen.items() if now >= kept.until]:
                del self._seen[old]
            for old in list(self._seen)[: max(0, len(self._seen) - MOST_SEEN + MOST_SEEN // 10)]:
                # The oldest tenth; whoever still uses one pays for a signature.
                del self._seen[old]
        if now < seen.until:
            self._seen[digest] = seen


def _meant(token: Token, candidates: tuple[Issuer, ...]) -> Issuer:
    """The one whose audience the token names; the first where it names none of them, so that it can say so."""
    said = audiences(token.claims)
    return next((issuer for issuer in candidates if any(one in said for one in issuer.audiences)), candidates[0])


def _digest(token: str) -> bytes:
    """Of the whole token: two that begin alike are two."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _place(issuer: Issuer) -> _Place:
    """What decides which keys an issuer has."""
    return (issuer.issuer, issuer.jwks_url, issuer.algorithms, issuer.allow_private, issuer.allow_http)


def _settings(issuer: Issuer) -> Issuer:
    """What tokens are judged by."""
    return msgspec.structs.replace(issuer, client_secret=None)


def _refused(issuer: Issuer, why: Unfit) -> Refusal:
    return Refusal(code=why.code, message=why.message, rule=issuer.name)


def _unavailable(issuer: Issuer, why: str) -> Refusal:
    """The reason may name hosts and addresses of a company's own network: it is for the log."""
    return Refusal(
        code="issuer_unavailable",
        message=f'The identity provider "{issuer.name}" cannot be asked now, so its token cannot be checked. Try again shortly.',
        rule=issuer.name,
        retry_after_s=_RETRY_AFTER_S,
        for_log=why[:512],
    )


def _defect(error: Exception) -> Refusal:
    # Its text, and the locals of its stack, may hold the token.
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = "" if at is None else f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
    log.error("a token could not be checked: %s at %s", type(error).__name__, place)
    return Refusal(
        code="issuer_unavailable",
        message="The token could not be checked because of a defect; the gateway's log says where. Try again shortly.",
        retry_after_s=_RETRY_AFTER_S,
        for_log=type(error).__name__,
    )
