"""The tokens of people who signed in: every change is durable before it is answered, and in force with the next request.

One record for each signing in holds all that follows from it. What ends, ends in memory first, and what begins, begins in
the store first: a crash in between leaves a token that opens nothing, never one that does and should not.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from tollway.identity.grants import (
    MOST_ACCESS,
    AccessToken,
    Family,
    SignedIn,
    key_of,
    opened,
    present,
    rotate,
)
from tollway.identity.issued import Issued
from tollway.identity.keys import Key, digest
from tollway.identity.login import Login
from tollway.identity.secrets import (
    ACCESS,
    is_token,
    make_family,
    make_refresh_token,
    make_token,
    read_refresh_token,
)
from tollway.identity.under import seal_under, unseal_under
from tollway.storage.protocol import Cabinet, Kept
from tollway.workers.granted import Granted, NotGranted, Renew, Unproven
from tollway.workers.service_access import ServiceAccess
from tollway.workers.turns import Turns

log = logging.getLogger("tollway.workers")

DRAWER = "token"
FOLLOW_EVERY_S = 1.0

_encode = msgspec.json.Encoder().encode
_family = msgspec.json.Decoder(Family)


class _Answer(msgspec.Struct, frozen=True):
    """What was answered to a refresh token, sealed under it."""

    access_token: str
    refresh_token: str
    ends_at: int


_answer = msgspec.json.Decoder(_Answer)


class Tokens:
    """Everything that follows from signing in, in memory as far as it opens anything; `cabinet` has it on disk."""

    def __init__(
        self,
        cabinet: Cabinet,
        issued: Issued,
        pepper: bytes,
        now: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """`now`: Unix milliseconds."""
        self._cabinet = cabinet
        self._issued = issued
        self._pepper = pepper
        self._now = now
        self._random = random_bytes
        self._services = ServiceAccess(issued, pepper, now, random_bytes)
        self._given: dict[bytes, tuple[Key, str]] = {}
        """Digest of an access token → what it was given out for, and the family that it is of."""
        self._standing: Callable[[Key], Key | None] = lambda key: key
        self._turns = Turns(self._has_left)
        """Of families: of two that refresh at once, the second is answered as the first."""
        self._ending: dict[str, bool] = {}
        """Families that open nothing any more → whether the store knows; for as long as it does not, or somebody has a turn."""
        self._revoked: dict[bytes, int] = {}
        """Digests of access tokens that open nothing any more → when they would have ended (Unix milliseconds)."""

    async def load(self) -> int:
        """Takes in what earlier processes gave out; returns how many signings in there are. Raises StoreUnavailable."""
        now = self._now()
        kept = await self._cabinet.all(DRAWER, now)
        for family in (_family.decode(each.record) for each in kept):
            self._open(family.id, *(key_of(family, access) for access in family.access if access.ends_at > now))
        return len(kept)

    async def begin(
        self, signed_in: SignedIn, upstream: str | None, login: Login, client_id: str | None, client: str
    ) -> Granted:
        """The first tokens of somebody who has signed in. Raises StoreUnavailable, and nothing is given out."""
        now, named, identity = self._now(), make_family(self._random), signed_in.identity
        refresh_token = make_refresh_token(named, self._random)
        access_token, access = self._access(login, now, now + login.refresh_token_ms)
        gateways = opened(login.gateways, identity.gateways)
        assert gateways is not None, "who may use no gateway is refused before"
        family = Family(
            id=self._hashed(named).hex(),
            client_id=client_id,
            client=client,
            identity=identity,
            gateways=gateways,
            started_at=now,
            ends_at=now + login.refresh_token_ms,
            current=self._hashed(refresh_token),
            upstream=self._sealed(upstream, refresh_token),
            access=(access,),
        )
        # With the turn, so that whoever ends it while it is written ends it for good.
        async with self._turns.of(family.id):
            await self._cabinet.put(self._kept(family, now))
            if family.id not in self._ending:
                self._open(family.id, key_of(family, access))
        return Granted(
            access_token=access_token,
            refresh_token=refresh_token,
            ends_at=access.ends_at,
            identity=identity,
            gateways=gateways,
            family=family.id,
        )

    async def refresh(self, token: str, client_id: str | None, login: Login, renew: Renew) -> Granted | NotGranted:
        """The next tokens for a refresh token. One that was good earlier ends everything that followed from it.

        Raises StoreUnavailable, having changed nothing.
        """
        parts = read_refresh_token(token)
        if parts is None:
            return _NO_SUCH
        name = self._hashed(parts.family).hex()
        async with self._turns.of(name):
            now = self._now()
            kept = await self._cabinet.get(DRAWER, name, now)
            if kept is None or name in self._ending:
                return _NO_SUCH
            family = _family.decode(kept.record)
            match present(family, self._hashed(token), client_id, now):
                case "refused":
                    return _NO_SUCH
                case "reused":
                    await self._end(family)
                    log.warning(
                        "a refresh token of %s was used twice; all of that login has ended", family.identity.user
                    )
                    return msgspec.structs.replace(_REUSED, ended=family.identity.user)
                case "again":
                    return self._told_again(family, token)
                case "rotate":
                    return await self._rotated(family, kept.record, token, login, renew)

    async def _rotated(
        self, family: Family, before: bytes, token: str, login: Login, renew: Renew
    ) -> Granted | NotGranted:
        identity, upstream = family.identity, None
        if family.upstream:
            renewed = await renew(identity, self._unsealed(family.upstream, token))
            if isinstance(renewed, Unproven):
                kept = msgspec.structs.replace(family, upstream=self._sealed(renewed.upstream, token))
                await self._cabinet.swap(self._kept(kept, self._now()), before)
                return NotGranted("temporarily_unavailable", renewed.message)
            if isinstance(renewed, NotGranted):
                if renewed.error != "invalid_grant":
                    return renewed
                await self._end(family)
                return msgspec.structs.replace(renewed, ended=identity.user)
            identity, upstream = renewed
        gateways = opened(login.gateways, identity.gateways)
        if gateways is None:
            await self._end(family)
            said = "Your identity provider lets you into no gateway that signing in here opens."
            return NotGranted("invalid_grant", said, identity.user)
        now, parts = self._now(), read_refresh_token(token)
        assert parts is not None
        if family.id in self._ending:
            return _NO_SUCH
        refresh_token = make_refresh_token(parts.family, self._random)
        access_token, access = self._access(login, now, family.ends_at)
        answer = _Answer(access_token, refresh_token, access.ends_at)
        fresh = rotate(
            msgspec.structs.replace(family, gateways=gateways),
            identity=identity,
            current=self._hashed(refresh_token),
            access=access,
            again=self._sealed(_encode(answer).decode(), token),
            upstream=self._sealed(upstream, refresh_token),
            now=now,
        )
        swapped = await self._cabinet.swap(self._kept(fresh, now), before)
        if family.id in self._ending:
            return _NO_SUCH
        if not swapped:
            # Another process, or somebody who signed out meanwhile.
            return NotGranted(
                "temporarily_unavailable", "Another request changed this login at the same time. Try again."
            )
        good = {each.digest for each in fresh.access}
        self._forget(*(each.digest for each in family.access if each.digest not in good))
        # What was given out before stands for the same person, so it is told the same of them.
        self._open(fresh.id, *(key_of(fresh, each) for each in fresh.access))
        return Granted(
            access_token=access_token,
            refresh_token=refresh_token,
            ends_at=access.ends_at,
            identity=identity,
            gateways=gateways,
        )

    def _told_again(self, family: Family, token: str) -> Granted | NotGranted:
        answer = _answer.decode(self._unsealed(family.again, token))
        return Granted(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            ends_at=answer.ends_at,
            identity=family.identity,
            gateways=family.gateways,
        )

    async def families(self) -> list[Family]:
        """Everybody's signings in, the newest first. Raises StoreUnavailable."""
        kept = await self._cabinet.all(DRAWER, self._now())
        return sorted((_family.decode(each.record) for each in kept), key=lambda one: one.started_at, reverse=True)

    def of_service(self, key: Key, login: Login) -> tuple[str, Key]:
        """An access token for a service token, and what it opens."""
        return self._services.make(key, login)

    def judge(self, standing: Callable[[Key], Key | None]) -> None:
        """Goes by other settings from now on: `standing` says what a person's token opens by them, `None` for nothing. What
        was given out before is looked at again, and opens again where later settings allow it."""
        self._standing = standing
        for key, _ in self._given.values():
            self._put(key)

    async def revoke(self, token: str) -> Family | None:
        """Ends a token: an access token alone, or with a refresh token all that followed from the same signing in (RFC 7009,
        2.1), which is returned. It opens nothing from here on. Raises StoreUnavailable where that could not be kept."""
        if is_token(token, ACCESS):
            await self._revoke_access(self._hashed(token))
            return None
        parts = read_refresh_token(token)
        if parts is None:
            return None
        ended = await self.end(self._hashed(parts.family).hex())
        return ended[0] if ended else None

    async def end(self, *names: str) -> list[Family]:
        """Ends the signings in of these ids, and returns those there were. All of them open nothing from here on, also where
        one is being refreshed and its identity provider takes its time. Raises StoreUnavailable where that could not be
        kept."""
        # All of them before anything is waited for.
        self._ending.update((name, False) for name in names)
        self._forget(*[each for each, (_, family) in self._given.items() if family in self._ending])
        ended: list[Family] = []
        for name in names:
            kept = await self._cabinet.take(DRAWER, name, self._now())
            if kept is not None:
                ended.append(_family.decode(kept.record))
            if name in self._turns:
                # Whoever has the turn may have asked the store before.
                self._ending[name] = True
            else:
                self._ending.pop(name, None)
        return ended

    def follow(self) -> None:
        """Forgets what has ended: by the clock, and with the service token that it was made of."""
        now = self._now()
        self._forget(*[each for each, (key, _) in self._given.items() if (key.expires_at or 0) <= now])
        self._revoked = {each: ends_at for each, ends_at in self._revoked.items() if ends_at > now}
        self._services.follow()

    async def _revoke_access(self, hashed: bytes) -> None:
        self._services.revoke(hashed)
        found = self._given.get(hashed)
        if found is None:
            return
        key, name = found
        # It opens nothing from here on, whatever is under way; that it stays so after a restart is written behind.
        self._revoked[hashed] = key.expires_at or 0
        self._forget(hashed)
        async with self._turns.of(name):
            now = self._now()
            kept = await self._cabinet.get(DRAWER, name, now)
            if kept is not None:
                family = _family.decode(kept.record)
                left = tuple(each for each in family.access if each.digest != hashed)
                # Where it does not fit, all of the login has ended meanwhile.
                await self._cabinet.swap(self._kept(msgspec.structs.replace(family, access=left), now), kept.record)

    async def _end(self, family: Family) -> None:
        self._forget(*(each.digest for each in family.access))
        await self._cabinet.take(DRAWER, family.id, self._now())

    def _access(self, login: Login, now: int, last: int) -> tuple[str, AccessToken]:
        token = make_token(ACCESS, self._random)
        return token, AccessToken(self._hashed(token), min(now + login.access_token_ms, last))

    def _open(self, family: str, *keys: Key) -> None:
        for key in keys:
            if key.digest in self._revoked:
                continue
            self._given[key.digest] = (key, family)
            self._put(key)

    def _has_left(self, family: str) -> None:
        if self._ending.get(family):
            del self._ending[family]

    def _put(self, key: Key) -> None:
        standing = self._standing(key)
        if standing is None:
            self._issued.drop(key.digest)
        else:
            self._issued.put(standing)

    def _forget(self, *digests: bytes) -> None:
        self._issued.drop(*digests)
        for each in digests:
            self._given.pop(each, None)

    def _kept(self, family: Family, now: int) -> Kept:
        assert len(family.access) <= MOST_ACCESS
        return Kept(drawer=DRAWER, id=family.id, record=_encode(family), at=now, expires_at=family.ends_at)

    def _hashed(self, secret: str) -> bytes:
        return digest(secret, self._pepper)

    def _sealed(self, text: str | None, under: str) -> bytes:
        return b"" if text is None else seal_under(text, under, self._pepper, self._random)

    def _unsealed(self, sealed: bytes, under: str) -> str:
        return unseal_under(sealed, under, self._pepper)


_NO_SUCH = NotGranted("invalid_grant", "The refresh token has ended, or was never good. Sign in again.")
_REUSED = NotGranted(
    "invalid_grant",
    "The refresh token had been used already, so somebody else may have it: every token of that login has ended. Sign in "
    "again.",
)


async def keep_tokens(tokens: Tokens, every_s: float = FOLLOW_EVERY_S) -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        tokens.follow()
