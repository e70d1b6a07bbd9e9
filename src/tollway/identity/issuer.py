"""Identity providers whose tokens open gateways, and what of their tokens is believed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from tollway.identity.jwt import looks_like_token, of_whom
from tollway.identity.keys import Priority

SAFE_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Signatures that only the issuer can make (RFC 8725, 3.1): neither "none" nor a shared secret (HS*)."""

ACCESS_HEADERS = frozenset({b"cf-access-jwt-assertion", b"cf-access-token"})
"""Where Cloudflare Access and its command line put their tokens."""


class ClaimMap(msgspec.Struct, frozen=True, kw_only=True):
    """Which claims say what; see `ClaimsDocument`."""

    subject: str = "sub"
    user: str | None = None
    email: str = "email"
    name: str = "name"
    groups: str = "groups"
    groups_required: bool = False
    """A token that does not say its groups is refused."""
    client_id: str | None = None
    country: str = "country"
    metadata: Mapping[str, str] = {}
    """Attribute → claim."""
    lists: Mapping[str, str] = {}
    """The same of claims with several values, which conditions alone see."""

    @property
    def mapped(self) -> frozenset[str]:
        """Attributes that are for the token to say."""
        return frozenset((*self.metadata, *self.lists))


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """An identity provider, and all that its tokens are judged by. Nothing of it is ever taken from a token."""

    name: str
    """As the settings call it."""
    issuer: str
    """The `iss` of its tokens, exactly."""
    audiences: tuple[str, ...]
    kind: Literal["oidc", "cloudflare_access"] = "oidc"
    jwks_url: str | None = None
    """`None`: as discovery says."""
    algorithms: frozenset[str]
    token_types: frozenset[str]
    """Of the header's `typ`, in lower case, without "application/"."""
    headers: tuple[bytes, ...] = ()
    """Lower-case names of further headers that carry its tokens."""
    claims: ClaimMap = ClaimMap()
    groups_from: Literal["claim", "userinfo"] = "claim"
    userinfo_url: str | None = None
    """`None`: as discovery says."""
    require: Mapping[str, tuple[str, ...]] = {}
    """Claim → the values of which it must have one."""
    gateways: tuple[str, ...] = ()
    """Slugs that its tokens open; empty for all."""
    email_assumed: bool = False
    """An address counts as verified unless the token says that it is not."""
    leeway_ms: int = 60_000
    max_age_ms: int = 86_400_000
    allow_private: bool = False
    allow_http: bool = False
    client_id: str | None = None
    """What this gateway is to it, for people to sign in."""
    client_secret: Callable[[], str] | None = None
    """Tells the secret: a function, so that nothing can encode or show it."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    priority: Priority = "standard"
    enabled: bool = True


class Trusted:
    """The identity providers of some settings, by the `iss` of their tokens and by name."""

    __slots__ = ("_by_name", "_of", "cookies", "headers")

    def __init__(self, issuers: Sequence[Issuer] = ()) -> None:
        self._by_name = {issuer.name: issuer for issuer in issuers}
        self._of: dict[str, tuple[Issuer, ...]] = {}
        for issuer in issuers:
            self._of[issuer.issuer] = (*self._of.get(issuer.issuer, ()), issuer)
        named = {name for issuer in issuers for name in issuer.headers}
        self.headers: frozenset[bytes] = frozenset(named | ACCESS_HEADERS) if issuers else frozenset()
        """Lower-case names of headers that carry a token and nothing else."""
        self.cookies = any(issuer.kind == "cloudflare_access" for issuer in issuers)
        """Whether the cookie of Cloudflare Access is a credential here."""

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def named(self, name: str) -> Issuer | None:
        return self._by_name.get(name)

    def of(self, iss: str) -> tuple[Issuer, ...]:
        """Those whose tokens say `iss`, as written; there are several where one provider serves several audiences."""
        return self._of.get(iss, ())

    def vouching(self, iss: str, name: str) -> Issuer | None:
        """Who vouches by these settings for somebody for whom the issuer that was called `name` did, whose tokens say `iss`.

        Where a provider serves several audiences, each is trusted for itself. Of whom the name was not kept (empty), it is
        told by `iss` alone, if only one that is switched on has it.
        """
        if name:
            found = [self._by_name[name]] if name in self._by_name else []
            found = [issuer for issuer in found if issuer.issuer == iss and issuer.enabled]
        else:
            found = [issuer for issuer in self.of(iss) if issuer.enabled]
        return found[0] if len(found) == 1 else None

    def made(self, token: str) -> bool:
        """Whether `token` says that one of them made it, good or not: then it is nobody else's credential."""
        return bool(self._by_name) and looks_like_token(token) and (of_whom(token) or "") in self._of

    def all(self) -> tuple[Issuer, ...]:
        return tuple(self._by_name.values())


NO_ISSUERS = Trusted()
