"""What an identity provider says of a caller."""

from typing import Any

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity provider says of a caller: a person, or a client of its own."""

    issuer: str
    """As the token names it."""
    issuer_name: str = ""
    """What the settings called the issuer then; empty where it was not kept."""
    subject: str
    """The issuer's name for the caller; with `issuer` it is the caller's identity."""
    email: str | None = None
    """Only where the issuer has verified it."""
    name: str | None = None
    client_id: str | None = None
    """Of a client that asks for itself (client credentials, a Cloudflare service token)."""
    country: str | None = None
    """Two letters."""
    claims: dict[str, Any] = {}
    """The claims that the settings map, by the name they map them to (`cf.custom.<name>` in conditions)."""
    expires_at: int | None = None
    """Unix milliseconds."""
