"""Something that expires, kept fresh: fetched ahead of its expiry, once for all who ask, and not again and again in vain."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from tollway.clock import Clock, iso
from tollway.proxy.signing.signer import CredentialsUnavailable

log = logging.getLogger("tollway.proxy.signing")

T = TypeVar("T")

AHEAD_MS = 300_000
"""How long before its expiry a value is renewed. AWS and Google hand out a successor from about then on."""
RECHECK_MS = 300_000
"""What does not expire (a key in a file) is looked up again after this long, in case it was exchanged."""
LAST_MS = 10_000
"""A value this close to its expiry may be refused when it arrives."""
RETRY_MS = 1_000
"""Between two tries while there is nothing to send."""
EASY_RETRY_MS = 30_000
"""Between two tries while the old value is still good."""
WAIT_S = 15.0
"""The longest that a request waits for a value."""


class Fresh(msgspec.Struct, Generic[T], frozen=True):
    """A value just fetched."""

    value: T
    expires_at: int | None
    """Unix milliseconds; None: it does not expire."""

    def __repr__(self) -> str:
        return f"Fresh(…, expires_at={self.expires_at})"


class Renewed(Generic[T]):
    """The value last fetched, and its successor in time. Not shared between event loops."""

    __slots__ = (
        "_clock",
        "_failed_at",
        "_failure",
        "_fetch",
        "_good_until",
        "_kept",
        "_name",
        "_renew_at",
        "_renewing",
        "_wait_s",
        "_worked_at",
    )

    def __init__(
        self, fetch: Callable[[], Awaitable[Fresh[T]]], *, name: str, clock: Clock, wait_s: float = WAIT_S
    ) -> None:
        """`name` begins the messages of failures. `fetch` raises CredentialsUnavailable saying why, without secrets."""
        self._fetch = fetch
        self._name = name
        self._clock = clock
        self._wait_s = wait_s
        self._kept: Fresh[T] | None = None
        self._renew_at = 0
        self._good_until: int | None = 0
        self._renewing: asyncio.Task[None] | None = None
        self._failed_at: int | None = None
        self._failure = ""
        self._worked_at: int | None = None

    async def get(self) -> T:
        """The value; does not wait while there is a good one. Raises CredentialsUnavailable."""
        at = self._clock.now()
        kept = self._kept
        if kept is not None and at < self._renew_at:
            return kept.value
        good = self._good(at)
        if self._renewing is None and self._may_try(at, pause_ms=RETRY_MS if good is None else EASY_RETRY_MS):
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        if good is not None:
            return good.value
        if self._renewing is not None:
            try:
                async with asyncio.timeout(self._wait_s):
                    await asyncio.shield(self._renewing)
            except TimeoutError:
                raise self._unavailable(f"no answer within {self._wait_s:g} s") from None
        good = self._good(self._clock.now())
        if good is None:
            raise self._unavailable(self._failure)
        return good.value

    def _good(self, at: int) -> Fresh[T] | None:
        return self._kept if self._good_until is None or at < self._good_until else None

    def _may_try(self, at: int, *, pause_ms: int) -> bool:
        return self._failed_at is None or at - self._failed_at >= pause_ms

    async def _renew(self) -> None:
        try:
            fetched = await self._fetch()
            at = self._clock.now()
            if fetched.expires_at is not None and fetched.expires_at <= at:
                raise CredentialsUnavailable(f"what came had expired at {iso(fetched.expires_at)}")
        except Exception as error:  # the libraries raise what they like, and nobody else would hear of it
            self._failed_at = self._clock.now()
            # The text of an error that nobody foresaw may hold anything.
            self._failure = str(error) if isinstance(error, CredentialsUnavailable) else type(error).__name__
            log.warning("%s not renewed: %s", self._name, self._failure)
        else:
            self._keep(fetched, at)
        finally:
            self._renewing = None

    def _keep(self, fetched: Fresh[T], at: int) -> None:
        self._kept = fetched
        self._worked_at = at
        self._failed_at = None
        expires_at = fetched.expires_at
        if expires_at is None:
            self._renew_at, self._good_until = at + RECHECK_MS, None
            return
        life = expires_at - at
        self._good_until = expires_at - min(LAST_MS, life // 10)
        # A metadata server may go on giving what is about to expire: then half of what is left is waited, every time.
        self._renew_at = expires_at - min(AHEAD_MS, life // 2)

    def _unavailable(self, why: str) -> CredentialsUnavailable:
        worked = "never worked here" if self._worked_at is None else f"last worked at {iso(self._worked_at)}"
        return CredentialsUnavailable(f"{self._name} cannot be had: {why.rstrip('.')}. It {worked}.")


def one_line(text: str) -> str:
    """The beginning of a text that was not written by us."""
    return " ".join(text.split())[:300]
