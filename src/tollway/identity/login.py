"""How people sign in at this gateway for a token of its own."""

import msgspec


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of signing in."""

    issuer: str
    """The name of the issuer where people sign in; it has a client id."""
    public_url: str | None = None
    """As browsers reach this gateway, without a slash at the end; `None`: on this machine alone."""
    device: bool = True
    """Whether a code that is typed into a browser signs in (RFC 8628)."""
    access_token_ms: int = 3_600_000
    refresh_token_ms: int = 2_592_000_000
    """From signing in until it has to be done again, however often the token was refreshed."""
    gateways: tuple[str, ...] = ()
    """Slugs that the tokens open; empty for all."""
    forwarded_for: bool = False
    """A proxy in front says in `X-Forwarded-For` who calls, as the last of the addresses there."""
