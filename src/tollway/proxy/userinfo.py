"""Asking an issuer about somebody whose token does not tell their groups (OpenID Connect Core, 5.3)."""

import asyncio
from typing import Any

from tollway.identity.claims import groups_in, same_person, told_of, unfit
from tollway.identity.issuer import Issuer
from tollway.identity.jwt import Token, Unfit
from tollway.proxy.discovery import Discoverer
from tollway.proxy.fetch import Allowed, Fetcher, FetchFailed

AGAIN_MS = 5_000
"""Between two tries at a provider that does not answer."""


class Userinfo:
    """Asks once for all who wait for the same token. Only proven tokens are ever sent, and only where settings or discovery
    say."""

    __slots__ = ("_discoverer", "_fetcher", "_silent_until", "_under_way")

    def __init__(self, fetcher: Fetcher, discoverer: Discoverer) -> None:
        self._fetcher = fetcher
        self._discoverer = discoverer
        self._under_way: dict[bytes, asyncio.Task[dict[str, Any] | Unfit | FetchFailed]] = {}
        self._silent_until: dict[str, int] = {}

    async def told(
        self, digest: bytes, token: Token, issuer: Issuer, now: int, access_token: str | None, *, overage: bool
    ) -> dict[str, Any] | Unfit:
        """What the issuer says of the bearer of `token`, whose hash is `digest`. `overage`: the token says that its groups are
        too many for it, so that an answer without groups is none. Raises FetchFailed where the issuer does not answer."""
        if now < self._silent_until.get(issuer.name, 0):
            raise FetchFailed("it did not answer a moment ago")
        asking = self._under_way.get(digest)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._answer(token, issuer, now, access_token, overage))
            self._under_way[digest] = asking
            asking.add_done_callback(lambda _: self._under_way.pop(digest, None))
        # A caller that leaves takes nothing from the others who wait.
        told = await asyncio.shield(asking)
        if isinstance(told, FetchFailed):
            self._silent_until[issuer.name] = now + AGAIN_MS
            raise told
        return told

    async def _answer(
        self, token: Token, issuer: Issuer, now: int, access_token: str | None, overage: bool
    ) -> dict[str, Any] | Unfit | FetchFailed:
        try:
            return await self._ask(token, issuer, now, access_token, overage)
        except FetchFailed as error:
            return error

    async def _ask(
        self, token: Token, issuer: Issuer, now: int, access_token: str | None, overage: bool
    ) -> dict[str, Any] | Unfit:
        url = issuer.userinfo_url
        if url is None:
            url = (await self._discoverer.discover(issuer, now)).userinfo_endpoint
        if url is None or access_token is None:
            return unfit(issuer, "its groups are not in it, and the issuer has no userinfo; set userinfo_url")
        # Cloudflare's documentation, "Application token": get-identity takes the token as the cookie it was set as.
        headers = (
            {"cookie": f"CF_Authorization={access_token}"}
            if issuer.kind == "cloudflare_access"
            else {"authorization": f"Bearer {access_token}"}
        )
        answer = await self._fetcher.fetch(url, Allowed(issuer.allow_private, issuer.allow_http), headers=headers)
        if answer.status in (400, 401, 403, 404):
            return unfit(
                issuer,
                "its groups are not in it, and the issuer does not tell them for it; ask for a token with the scope openid, "
                "or have the issuer put fewer groups into it",
            )
        if answer.status != 200:
            raise FetchFailed(f"it answered with status {answer.status}")
        said = answer.object()
        if not same_person(token.claims, said, issuer):
            return unfit(issuer, "the issuer's userinfo speaks of somebody else")
        groups = groups_in(said, issuer)
        if isinstance(groups, Unfit):
            return groups
        if groups is None and overage:
            return unfit(
                issuer,
                "it has more groups than it can hold, and the issuer's userinfo tells none; have the issuer put only the groups "
                "of this application into it",
            )
        if groups is None:
            return unfit(
                issuer,
                f'the issuer\'s userinfo has no claim "{issuer.claims.groups}", so the groups of its bearer are not known; have the '
                "issuer add it, as an empty list for whoever is in none, or take groups_from out of the settings",
            )
        return told_of(said, issuer)
