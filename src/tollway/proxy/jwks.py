"""The keys of one issuer, as fresh as they have to be.

They are asked for when they are first needed, then every ten minutes beside the requests that use them, once for all who
wait (single flight). A token that names an unknown key has them asked for again, at most every ten seconds: that is how
a rotation arrives early. While the issuer does not answer, the keys last seen go on for a day; then nothing of it opens.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import NamedTuple

from tollway.errors import TollwayError
from tollway.identity.issuer import Issuer
from tollway.identity.keyset import KeySet, read_keys
from tollway.proxy.discovery import Discoverer
from tollway.proxy.fetch import Allowed, Fetcher, FetchFailed, imported

log = logging.getLogger("tollway.proxy.issuers")

REFRESH_MS = 10 * 60_000
JITTER = 0.1
"""Of the time until the next refresh, so that many gateways do not ask at once."""
OVERDUE_MS = 2 * REFRESH_MS
"""Keys this old are used only after it was tried to get newer ones: a gateway may have slept."""
AGAIN_MS = 10_000
"""Between two fetches that an unknown key or a failure asks for."""
STALE_MS = 24 * 3_600_000
"""For how long the last keys are good while the issuer does not answer."""


class IssuerUnavailable(TollwayError):
    """An issuer cannot be asked now, and nothing that is still good is known of it."""


class State(NamedTuple):
    """How an issuer's keys are."""

    keys: tuple[str | None, ...]
    """Their names."""
    fetched_at: int | None
    """Unix milliseconds of the last good answer."""
    tried_at: int | None
    error: str
    """What stood in the way of the last try; empty where nothing did."""


class KeySource:
    """The keys of one issuer. Not shared between event loops."""

    __slots__ = (
        "_discoverer",
        "_draw",
        "_failed",
        "_fetched_at",
        "_fetcher",
        "_flight",
        "_refresh_at",
        "_tried_at",
        "error",
        "generation",
        "issuer",
        "keys",
    )

    def __init__(
        self, issuer: Issuer, fetcher: Fetcher, discoverer: Discoverer, draw: Callable[[], float] = random.random
    ) -> None:
        self.issuer = issuer
        self.keys: KeySet | None = None
        self.generation = 0
        """Goes up when the keys change; what an older one has verified is to be verified again."""
        self.error = ""
        self._fetcher = fetcher
        self._discoverer = discoverer
        self._draw = draw
        self._fetched_at: int | None = None
        self._tried_at: int | None = None
        self._refresh_at = 0
        self._flight: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        names = () if self.keys is None else tuple(key.key_id for key in self.keys.keys)
        return State(names, self._fetched_at, self._tried_at, self.error)

    def usable(self, now: int) -> bool:
        """Whether the keys may be used as they are; a refresh that is due is begun beside. Does not wait."""
        if self._fetched_at is None or now >= self._fetched_at + OVERDUE_MS:
            return False
        if now >= self._refresh_at:
            self._begin(now)
        return True

    async def current(self, now: int) -> KeySet:
        """The keys. Raises IssuerUnavailable where there are none that are still good."""
        if not self.usable(now) and self._may_try(now):
            await self._refreshed(now)
        if self.keys is None or self._fetched_at is None or now >= self._fetched_at + STALE_MS:
            raise IssuerUnavailable(self.error or "its keys were never fetched")
        return self.keys

    async def after_unknown(self, now: int) -> KeySet | None:
        """The keys, fetched again for a token that none of them made; `None` where that was tried a moment ago."""
        if self._flight is None and not self._may_try(now):
            return None
        await self._refreshed(now)
        return self.keys

    def _may_try(self, now: int) -> bool:
        return self._flight is not None or self._tried_at is None or now >= self._tried_at + AGAIN_MS

    def _begin(self, now: int) -> asyncio.Task[None]:
        if self._flight is None:
            self._flight = asyncio.get_running_loop().create_task(self._fetch(now))
        return self._flight

    async def _refreshed(self, now: int) -> None:
        # A caller that leaves takes nothing from the others who wait.
        await asyncio.shield(self._begin(now))

    async def _fetch(self, now: int) -> None:
        self._tried_at = now
        try:
            keys = await self._fetched(now)
        except Exception as error:
            # Whatever went wrong, the keys stay as they were, and the next try has to wait.
            self.error = str(error) if isinstance(error, TollwayError | ValueError) else type(error).__name__
            self._refresh_at = now + AGAIN_MS
            log.warning("issuer %s: its keys cannot be fetched: %s", self.issuer.name, self.error)
        else:
            if keys != self.keys:
                self.generation += 1
                self.keys = keys
            self.error = ""
            self._fetched_at = now
            self._refresh_at = now + int(REFRESH_MS * (1 + JITTER * (2 * self._draw() - 1)))
        finally:
            self._flight = None

    async def _fetched(self, now: int) -> KeySet:
        issuer = self.issuer
        url = issuer.jwks_url
        if url is None:
            url = (await self._discoverer.discover(issuer, now)).jwks_uri
        answer = await self._fetcher.fetch(url, Allowed(issuer.allow_private, issuer.allow_http))
        if answer.status != 200:
            raise FetchFailed(f"the key set's server answered with status {answer.status}")
        await imported("joserfc.jws")
        return read_keys(answer.body, issuer.algorithms)
