"""What is kept of device codes, authorization codes and questions to people, by the rules of `identity/grants.py`.

Nothing here is a secret: all that is kept is named by keyed hashes, and whatever is given out once is taken out first.
"""

import secrets

import msgspec

from tollway.admin.oauth_asked import quoted
from tollway.admin.runtime import Runtime
from tollway.identity.grants import (
    CODE_MS,
    DEVICE_MS,
    CodeGrant,
    DeviceGrant,
    SignedIn,
    decide,
    enter,
    poll,
    redeems,
)
from tollway.identity.identity import Identity
from tollway.identity.keys import digest
from tollway.identity.secrets import CODE, DEVICE, is_token, make_token, make_user_code
from tollway.identity.under import seal_under, unseal_under
from tollway.storage.protocol import Kept
from tollway.workers.granted import NotGranted

DRAWER = "grant"
TOLD_MS = 300_000
"""For so long after its end a device code is still told that it has ended."""
QUESTION_MS = 300_000
_encode = msgspec.json.Encoder().encode
_device = msgspec.json.Decoder(DeviceGrant)
_ENDED = NotGranted("invalid_grant", "The code has ended, was used already, or was never good.")


class _Named(msgspec.Struct, frozen=True):
    """The device code that a user code is for."""

    device: str


class _Code(msgspec.Struct, frozen=True):
    """An authorization code, and what became of it."""

    grant: CodeGrant | None
    """`None` once it was used."""
    family: str = ""
    """The signing in that it has led to."""
    again: bool = False
    """It came again, before or after it had led to anything."""


_code = msgspec.json.Decoder(_Code)


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """What a program asked for that waits at a loopback address (RFC 8252)."""

    client_id: str
    redirect_uri: str
    challenge: str
    state: str | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has signed in and is asked whether a program may act as them."""

    browser: bytes
    identity: Identity
    upstream: bytes = b""
    """The identity provider's refresh token, sealed under the ticket of the question."""
    device: str | None = None
    authorization: Authorization | None = None


_question = msgspec.json.Decoder(Question)


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token is for."""

    signed_in: SignedIn
    upstream: str | None
    client: str
    address: str = ""
    code: str = ""
    """The name of the authorization code it was released for."""

    def __repr__(self) -> str:
        return f"Released({self.signed_in.identity.user!r}, …)"


class Grants:
    """The grants of a gateway. Every method raises StoreUnavailable, having given nothing out."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def make_device(
        self, client_id: str | None, client: str, address: str, now: int
    ) -> tuple[str, str, DeviceGrant]:
        """A device code, its user code and what is kept of them."""
        code, user_code = make_token(DEVICE, secrets.token_bytes), make_user_code(secrets.token_bytes)
        grant = DeviceGrant(
            user_code=self._hashed(user_code),
            client_id=client_id,
            client=client,
            address=address,
            made_at=now,
            ends_at=now + DEVICE_MS,
        )
        name = self._hashed(code).hex()
        pointer = Kept(
            drawer=DRAWER,
            id=f"user:{grant.user_code.hex()}",
            record=_encode(_Named(name)),
            at=now,
            expires_at=grant.ends_at,
        )
        await self._runtime.store.cabinet.put(self._kept_device(name, grant, now), pointer)
        return code, user_code, grant

    async def enter(self, user_code: str, now: int) -> str | None:
        """The name of the device code that somebody typed the user code of; `None` where it is not good, or was entered too
        often."""
        cabinet = self._runtime.store.cabinet
        pointer = await cabinet.get(DRAWER, f"user:{self._hashed(user_code).hex()}", now)
        if pointer is None:
            return None
        name = msgspec.json.decode(pointer.record, type=_Named).device
        for _ in range(3):
            found = await self._device(name, now)
            entered = enter(found[0], now) if found is not None else None
            if found is None or entered is None:
                return None
            # The client polls meanwhile.
            if await cabinet.swap(self._kept_device(name, entered, now), found[1]):
                return name
        return None

    async def device(self, name: str, now: int) -> DeviceGrant | None:
        found = await self._device(name, now)
        return found[0] if found is not None else None

    async def poll(self, code: str, client_id: str | None, now: int) -> Released | NotGranted:
        """What a client is told that asks for the token of a device code (RFC 8628, 3.5)."""
        name = self._hashed(code).hex()
        found = await self._device(name, now) if is_token(code, DEVICE) else None
        if found is None:
            return _ENDED
        answer = poll(found[0], client_id, now)
        if answer.told in ("authorization_pending", "slow_down"):
            if not await self._runtime.store.cabinet.swap(self._kept_device(name, answer.grant, now), found[1]):
                # It changed just now; the next poll will tell.
                return NotGranted("authorization_pending", _WAITING)
            return NotGranted(answer.told, _WAITING if answer.told == "authorization_pending" else _SLOWER)
        if answer.told is not None:
            return NotGranted(answer.told, _TOLD[answer.told])
        # Single use: of many who ask at once, one takes it out.
        if await self._runtime.store.cabinet.take(DRAWER, f"device:{name}", now) is None:
            return _ENDED
        signed_in = answer.grant.signed_in
        assert signed_in is not None, "what is allowed says for whom"
        return Released(
            signed_in=signed_in,
            upstream=self._unsealed(signed_in.upstream, f"device:{name}"),
            client=answer.grant.client,
            address=answer.grant.address,
        )

    async def ask(
        self,
        identity: Identity,
        upstream: str | None,
        browser: str,
        now: int,
        *,
        device: str | None = None,
        authorization: Authorization | None = None,
    ) -> str:
        """The ticket of a question to whoever sits before `browser`; it is answered once."""
        ticket = secrets.token_urlsafe(32)
        question = Question(
            browser=self._hashed(browser),
            identity=identity,
            upstream=self._sealed(upstream, ticket),
            device=device,
            authorization=authorization,
        )
        await self._runtime.store.cabinet.put(
            Kept(
                drawer=DRAWER,
                id=self._question_id(ticket),
                record=_encode(question),
                at=now,
                expires_at=now + QUESTION_MS,
            )
        )
        return ticket

    async def answered(self, ticket: str, browser: str, now: int) -> Question | None:
        """The question of a ticket, taken out; `None` where there is none, or it was put to another browser."""
        cabinet = self._runtime.store.cabinet
        kept = await cabinet.get(DRAWER, self._question_id(ticket), now)
        if kept is None or not browser or _question.decode(kept.record).browser != self._hashed(browser):
            return None
        taken = await cabinet.take(DRAWER, self._question_id(ticket), now)
        return _question.decode(taken.record) if taken is not None else None

    async def decide_device(self, question: Question, ticket: str, now: int, *, allow: bool) -> bool:
        """Keeps what somebody decided about a device code; whether it was still to be decided."""
        assert question.device is not None
        name = question.device
        signed_in = self._signed_in(question, ticket, f"device:{name}") if allow else None
        for _ in range(5):
            found = await self._device(name, now)
            decided = decide(found[0], signed_in, now) if found is not None else None
            if found is None or decided is None:
                return False
            if await self._runtime.store.cabinet.swap(self._kept_device(name, decided, now), found[1]):
                return True
        return False

    async def make_code(self, question: Question, ticket: str, now: int) -> str:
        """An authorization code for what was allowed."""
        asked = question.authorization
        assert asked is not None
        code = make_token(CODE, secrets.token_bytes)
        grant = CodeGrant(
            client_id=asked.client_id,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            signed_in=self._signed_in(question, ticket, code),
            ends_at=now + CODE_MS,
        )
        kept = Kept(
            drawer=DRAWER, id=self._code_id(code), record=_encode(_Code(grant)), at=now, expires_at=grant.ends_at
        )
        await self._runtime.store.cabinet.put(kept)
        return code

    async def redeem(
        self, code: str, *, client_id: str | None, redirect_uri: str, verifier: str, now: int
    ) -> Released | NotGranted:
        """Who an authorization code is for. It is good for one try, right or wrong; a second one ends what the first led to
        (RFC 6749, 4.1.2)."""
        cabinet, name = self._runtime.store.cabinet, self._code_id(code)
        while is_token(code, CODE):
            kept = await cabinet.get(DRAWER, name, now)
            if kept is None:
                break
            found = _code.decode(kept.record)
            # That it was used is written in the step that takes it, so that nobody comes in between.
            used = _Code(None) if found.grant is not None else _Code(None, found.family, again=True)
            if not await cabinet.swap(self._kept_code(name, used, now), kept.record):
                continue
            if found.grant is None:
                if found.family:
                    await self._runtime.tokens.end(found.family)
                break
            grant = found.grant
            if not redeems(grant, client_id=client_id, redirect_uri=redirect_uri, verifier=verifier, now=now):
                break
            upstream = self._unsealed(grant.signed_in.upstream, code)
            client = quoted(grant.client_id)
            return Released(signed_in=grant.signed_in, upstream=upstream, client=client, code=name)
        return _ENDED

    async def redeemed(self, code: str, family: str, now: int) -> bool:
        """Remembers what an authorization code (by the name in `Released`) has led to, in case it comes again. `False`: it has
        come again already, so that what it led to has to end."""
        used = self._kept_code(code, _Code(None, family), now)
        return await self._runtime.store.cabinet.swap(used, _encode(_Code(None)))

    async def withdraw(self, user: str, now: int) -> int:
        """Takes out whatever that person has allowed, or is asked about, and no program has collected; how much there was."""
        cabinet, taken = self._runtime.store.cabinet, 0
        for kept in await cabinet.all(DRAWER, now):
            identity = _whose(kept)
            if identity is not None and identity.user == user:
                taken += await cabinet.take(DRAWER, kept.id, now) is not None
        return taken

    async def _device(self, name: str, now: int) -> tuple[DeviceGrant, bytes] | None:
        kept = await self._runtime.store.cabinet.get(DRAWER, f"device:{name}", now)
        return (_device.decode(kept.record), kept.record) if kept is not None else None

    def _signed_in(self, question: Question, ticket: str, under: str) -> SignedIn:
        """Who allowed it; the identity provider's token is from now on sealed under what the client brings."""
        upstream = self._unsealed(question.upstream, ticket)
        return SignedIn(identity=question.identity, upstream=self._sealed(upstream, under))

    def _kept_device(self, name: str, grant: DeviceGrant, now: int) -> Kept:
        return Kept(
            drawer=DRAWER, id=f"device:{name}", record=_encode(grant), at=now, expires_at=grant.ends_at + TOLD_MS
        )

    def _kept_code(self, name: str, code: _Code, now: int) -> Kept:
        return Kept(drawer=DRAWER, id=name, record=_encode(code), at=now, expires_at=now + DEVICE_MS)

    def _question_id(self, ticket: str) -> str:
        return f"question:{self._hashed(ticket).hex()}"

    def _code_id(self, code: str) -> str:
        return f"code:{self._hashed(code).hex()}"

    def _hashed(self, secret: str) -> bytes:
        return digest(secret, self._runtime.snapshot.pepper)

    def _sealed(self, text: str | None, under: str) -> bytes:
        return b"" if text is None else seal_under(text, under, self._runtime.snapshot.pepper, secrets.token_bytes)

    def _unsealed(self, sealed: bytes, under: str) -> str | None:
        return unseal_under(sealed, under, self._runtime.snapshot.pepper) if sealed else None


def _whose(kept: Kept) -> Identity | None:
    """Who has signed in for what is kept, where somebody has."""
    match kept.id.partition(":")[0]:
        case "device":
            signed_in = _device.decode(kept.record).signed_in
        case "code":
            grant = _code.decode(kept.record).grant
            signed_in = grant.signed_in if grant is not None else None
        case "question":
            return _question.decode(kept.record).identity
        case _:
            return None
    return signed_in.identity if signed_in is not None else None


_WAITING = "Nobody has allowed it yet; ask again after the interval."
_SLOWER = "Asked too soon; wait five seconds longer from now on."
_TOLD = {
    "access_denied": "It was denied in the browser.",
    "expired_token": "Nobody allowed it in time. Begin again.",
    "invalid_grant": "The code is another client's.",
}
