"""The rules of signing in, without a clock or a network: who is given a token, when, and how often (once).

What stands here is what is kept of a device code (RFC 8628), an authorization code (RFC 6749, 4.1 with RFC 7636) and a
family of refresh tokens (RFC 6749, 6; RFC 9700, 4.14.2), and each function says what becomes of one. No secret is in them,
only keyed hashes. All instants are Unix milliseconds.
"""

import hmac
import re
from typing import Literal, NamedTuple, TypeVar

import msgspec

from tollway.identity.identity import Identity
from tollway.identity.issuer import Trusted
from tollway.identity.keys import Key
from tollway.identity.login import Login
from tollway.identity.person import Person
from tollway.identity.secrets import proves

P = TypeVar("P", Key, Identity)

DEVICE_MS = 600_000
"""RFC 8628, 5.1: short, as a code that is short must be."""
CODE_MS = 60_000
INTERVAL_MS = 5_000
SLOWER_MS = 5_000
"""RFC 8628, 3.5: by so much a client that polls too often has to slow down, each time."""
SLOWEST_MS = 60_000
EARLY_MS = 500
"""A poll that is early by less than this is on time: clocks and networks are not exact."""
MOST_TRIES = 5
"""How often one user code may be entered, and how many wrong ones an address may enter in `DEVICE_MS`."""
AGAIN_MS = 30_000
"""For so long a refresh token that was used is answered as it was the first time: an answer may have been lost, or two
processes may have asked at once. Later it is a sign that somebody has stolen it."""
MOST_ACCESS = 8
"""Access tokens of one signing in that are good at a time; the oldest makes room."""

# RFC 8252, 7.3: the loopback interface by its address, with any port. "localhost" may be resolved to something else (8.3).
_REDIRECT = re.compile(r"http://(127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})(/[A-Za-z0-9/_-]{0,64})?")

Failure = Literal["authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant"]
"""As the error of a token answer says it (RFC 6749, 5.2; RFC 8628, 3.5)."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has proven who they are, and agreed."""

    identity: Identity
    upstream: bytes = b""
    """The identity provider's refresh token, sealed; empty where there is none."""


class DeviceGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A device code, from its making until a token is given for it."""

    user_code: bytes
    """Keyed hash."""
    client_id: str | None
    """What the client calls itself; it has to do so again when it asks for the token."""
    client: str
    """What it says of itself, for people; nothing vouches for it."""
    address: str
    """Where it asked from."""
    made_at: int
    ends_at: int
    interval_ms: int = INTERVAL_MS
    polled_at: int | None = None
    entered: int = 0
    """How often its user code was entered."""
    state: Literal["waiting", "allowed", "denied"] = "waiting"
    signed_in: SignedIn | None = None


class Poll(NamedTuple):
    """What a client is told that asks for the token of a device code, and what is kept of it."""

    told: Failure | None
    """`None`: the token, as `signed_in` has it."""
    grant: DeviceGrant


def poll(grant: DeviceGrant, client_id: str | None, now: int) -> Poll:
    """RFC 8628, 3.5. Whoever is given the token has to take the grant out first, so that it is given once."""
    if client_id != grant.client_id:
        return Poll("invalid_grant", grant)
    if now >= grant.ends_at:
        return Poll("expired_token", grant)
    if grant.state == "denied":
        return Poll("access_denied", grant)
    if grant.state == "allowed":
        assert grant.signed_in is not None
        return Poll(None, grant)
    early = grant.polled_at is not None and now < grant.polled_at + grant.interval_ms - EARLY_MS
    interval_ms = min(grant.interval_ms + SLOWER_MS, SLOWEST_MS) if early else grant.interval_ms
    kept = msgspec.structs.replace(grant, polled_at=now, interval_ms=interval_ms)
    return Poll("slow_down" if early else "authorization_pending", kept)


def enter(grant: DeviceGrant, now: int) -> DeviceGrant | None:
    """The grant whose user code was entered once more; `None` where it may not be: it has ended, or been entered too often."""
    if now >= grant.ends_at or grant.state != "waiting" or grant.entered >= MOST_TRIES:
        return None
    return msgspec.structs.replace(grant, entered=grant.entered + 1)


def decide(grant: DeviceGrant, signed_in: SignedIn | None, now: int) -> DeviceGrant | None:
    """The grant that a person has allowed, or denied (`None` for `signed_in`). `None` where there is nothing to decide."""
    if now >= grant.ends_at or grant.state != "waiting":
        return None
    state = "denied" if signed_in is None else "allowed"
    return msgspec.structs.replace(grant, state=state, signed_in=signed_in)


class CodeGrant(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code. It is given out only once somebody has signed in and agreed."""

    client_id: str
    redirect_uri: str
    challenge: str
    signed_in: SignedIn
    ends_at: int


def is_redirect(uri: str) -> bool:
    """Whether an authorization code may be sent there: to a program on the browser's own machine, and nowhere else."""
    shape = _REDIRECT.fullmatch(uri)
    return shape is not None and int(shape[2]) < 65_536


def redeems(grant: CodeGrant, *, client_id: str | None, redirect_uri: str, verifier: str, now: int) -> bool:
    """Whether a code is redeemed by who it was made for (RFC 6749, 4.1.3; RFC 7636, 4.6). It was taken out before."""
    return (
        now < grant.ends_at
        and client_id == grant.client_id
        and redirect_uri == grant.redirect_uri
        and proves(verifier, grant.challenge)
    )


class AccessToken(msgspec.Struct, frozen=True):
    """One that was given out."""

    digest: bytes
    ends_at: int


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens that follow from one signing in: one refresh token that is good, and some access tokens."""

    id: str
    """Keyed hash of what its refresh tokens have in common, in hexadecimal."""
    client_id: str | None
    client: str
    identity: Identity
    gateways: tuple[str, ...] = ()
    """Slugs that they open; empty for all."""
    started_at: int
    ends_at: int
    current: bytes
    """Keyed hash of the refresh token that is good."""
    previous: bytes = b""
    """Of the one before it."""
    rotated_at: int = 0
    again: bytes = b""
    """What was answered to `previous`, sealed under it."""
    upstream: bytes = b""
    """The identity provider's refresh token, sealed under ours."""
    access: tuple[AccessToken, ...] = ()
    """The oldest first."""


Presented = Literal["rotate", "again", "reused", "refused"]


def present(family: Family, hashed: bytes, client_id: str | None, now: int) -> Presented:
    """What becomes of a family when a refresh token of it is presented.

    rotate: it is the one that is good. again: it was until a moment ago, and is answered as it was then. reused: it was
    good once, so somebody else has it too, and all tokens of the family end (RFC 9700, 4.14.2). refused: it has ended, or
    is another client's.
    """
    if now >= family.ends_at or (client_id is not None and client_id != family.client_id):
        return "refused"
    if hmac.compare_digest(hashed, family.current):
        return "rotate"
    if family.previous and hmac.compare_digest(hashed, family.previous) and now < family.rotated_at + AGAIN_MS:
        return "again"
    return "reused"


def rotate(
    family: Family,
    *,
    identity: Identity,
    current: bytes,
    access: AccessToken,
    again: bytes,
    upstream: bytes,
    now: int,
) -> Family:
    """The family with its next tokens. Access tokens that were given out before are good until their end."""
    good = tuple(each for each in family.access if each.ends_at > now)[-(MOST_ACCESS - 1) :]
    return msgspec.structs.replace(
        family,
        identity=identity,
        previous=family.current,
        current=current,
        rotated_at=now,
        again=again,
        upstream=upstream,
        access=(*good, access),
    )


def key_of(family: Family, access: AccessToken) -> Key:
    """What an access token opens, as the hot path knows it."""
    identity = family.identity
    return Key(
        name=f"login:{identity.user}",
        digest=access.digest,
        user=identity.user,
        groups=identity.groups,
        metadata=identity.metadata,
        gateways=family.gateways,
        expires_at=access.ends_at,
        priority=identity.priority,
        models=identity.models,
        person=identity.person,
        proven_only=identity.proven_only,
    )


def standing(key: Key, login: Login | None, issuers: Trusted) -> Key | None:
    """What the token of somebody who signed in opens by these settings, having been given out by others; `None` for nothing:
    nobody signs in any more, or who vouched for them is trusted no longer."""
    if login is None:
        return None
    if key.person is None:
        gateways = opened(login.gateways, key.gateways)
        return msgspec.structs.replace(key, gateways=gateways) if gateways is not None else None
    return _narrowed(key, key.person, login, issuers)


def proven_now(identity: Identity, login: Login | None, issuers: Trusted) -> Identity | None:
    """The same of what was proven of somebody when they signed in, in a browser perhaps."""
    if login is None or identity.person is None:
        return None
    return _narrowed(identity, identity.person, login, issuers)


def _narrowed(proven: P, person: Person, login: Login, issuers: Trusted) -> P | None:
    issuer = issuers.vouching(person.issuer, person.issuer_name)
    if issuer is None:
        return None
    allowed = opened(login.gateways, issuer.gateways)
    gateways = opened(proven.gateways, allowed) if allowed is not None else None
    if gateways is None:
        return None
    return msgspec.structs.replace(
        proven,
        gateways=gateways,
        priority=issuer.priority,
        # What the issuer speaks of by now is not for them to declare, either.
        proven_only=proven.proven_only | issuer.claims.mapped,
    )


def opened(wanted: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...] | None:
    """The gateways that both lists open, each of which means all where it is empty; `None` where there are none."""
    if not wanted or not allowed:
        return wanted or allowed
    return tuple(slug for slug in wanted if slug in allowed) or None
