"""What a program is given that asks for tokens, or why it is given none; and what an identity provider says in between."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from tollway.identity.identity import Identity


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is given; nothing of it is kept in clear."""

    access_token: str
    refresh_token: str
    ends_at: int
    """Of the access token, in Unix milliseconds."""
    identity: Identity
    gateways: tuple[str, ...] = ()
    family: str = ""
    """The id of the signing in."""

    def __repr__(self) -> str:
        return f"Granted({self.identity.user!r}, …)"


class Renewed(NamedTuple):
    """What the identity provider says of a person by now."""

    identity: Identity
    upstream: str | None
    """Its next refresh token."""


class Unproven(msgspec.Struct, frozen=True):
    """The identity provider took its refresh token, and what it answered proves nothing: its next one is kept, since the one
    before may be good no longer."""

    message: str
    upstream: str

    def __repr__(self) -> str:
        return f"Unproven({self.message!r}, …)"


class NotGranted(msgspec.Struct, frozen=True):
    """Why there is no token: an error of RFC 6749, 5.2, and the way out."""

    error: str
    message: str
    ended: str | None = None
    """Whose login has ended with this, if one has."""


Renew = Callable[[Identity, str], Awaitable[Renewed | Unproven | NotGranted]]
"""Asks the identity provider about a person, with its refresh token."""
