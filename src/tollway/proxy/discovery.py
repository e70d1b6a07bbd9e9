"""Where an issuer says its endpoints are (OpenID Connect Discovery 1.0, 4; RFC 8414, 3.3)."""

from urllib.parse import urlsplit

import msgspec

from tollway.identity.issuer import Issuer
from tollway.proxy.fetch import Allowed, Fetcher, FetchFailed
from tollway.proxy.transport import parse_url

KEPT_MS = 3_600_000
"""For how long an answer is used before it is asked for again."""


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer's endpoints, each with TLS unless the settings allow none; `None` for what it does not name."""

    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None


_Place = tuple[str, bool, bool]


class Discoverer:
    """Asks, and keeps what was answered. The host of each endpoint is pinned: once it was named, another one is refused
    until the settings, or this process, change."""

    __slots__ = ("_fetcher", "_hosts", "_kept")

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._kept: dict[_Place, tuple[int, Discovery]] = {}
        self._hosts: dict[_Place, dict[str, str]] = {}

    async def discover(self, issuer: Issuer, now: int) -> Discovery:
        """The endpoints, at most `KEPT_MS` old. Raises FetchFailed."""
        place = (issuer.issuer, issuer.allow_private, issuer.allow_http)
        kept = self._kept.get(place)
        if kept is not None and now < kept[0] + KEPT_MS:
            return kept[1]
        allowed = Allowed(issuer.allow_private, issuer.allow_http)
        answer = await self._fetcher.fetch(f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration", allowed)
        if answer.status != 200:
            raise FetchFailed(
                f"discovery answered with status {answer.status}; check the issuer's URL, or set jwks_url"
            )
        said = answer.object()
        if said.get("issuer") != issuer.issuer:
            # OpenID Connect Discovery, 4.3: it has to be exactly the one that was asked.
            raise FetchFailed(
                f"discovery speaks for the issuer {str(said.get('issuer'))[:200]!r}; write exactly that in the settings, if it "
                "is meant"
            )
        found: dict[str, str] = {}
        for name in Discovery.__struct_fields__:
            url = said.get(name)
            if isinstance(url, str) and url:
                found[name] = self._checked(name, url, place, allowed)
        if "jwks_uri" not in found:
            raise FetchFailed("discovery names no jwks_uri; set jwks_url")
        discovery = Discovery(**found)
        self._kept[place] = (now, discovery)
        self._hosts[place] = {name: urlsplit(url).netloc for name, url in found.items()}
        return discovery

    def _checked(self, name: str, url: str, place: _Place, allowed: Allowed) -> str:
        """`url`, which is one that may be called and at the host where it was before. Raises FetchFailed."""
        try:
            scheme = parse_url(url).scheme
        except ValueError:
            raise FetchFailed(f'discovery names "{name}" with what is no URL') from None
        if scheme != "https" and not allowed.http:
            raise FetchFailed(f'discovery names "{name}" without TLS')
        before, host = self._hosts.get(place, {}).get(name), urlsplit(url).netloc
        if before is not None and before != host:
            raise FetchFailed(
                f'discovery now names "{name}" at {host}, and before at {before}; if that is meant, start the gateway anew, '
                "or write the URL in the settings"
            )
        return url
