"""Access tokens that were made of service tokens: in memory alone, and never longer than what they were made of."""

from collections.abc import Callable

import msgspec

from tollway.identity.issued import Issued
from tollway.identity.keys import Key, digest
from tollway.identity.login import Login
from tollway.identity.secrets import ACCESS, make_token

MOST_OF_SERVICE = 64
"""Tokens of one service that are good at a time; the oldest makes room."""


class ServiceAccess:
    """What services were given for their secrets. It ends with this process: whoever asked for it asks again."""

    def __init__(
        self, issued: Issued, pepper: bytes, now: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        """`now`: Unix milliseconds."""
        self._issued = issued
        self._pepper = pepper
        self._now = now
        self._random = random_bytes
        self._made: dict[bytes, list[Key]] = {}
        """Digest of a service token's secret → the keys that were made of it, the oldest first."""

    def make(self, key: Key, login: Login) -> tuple[str, Key]:
        """An access token for a service token, and what it opens. It ends with what it was made of (RFC 6749, 4.4)."""
        now = self._now()
        ends_at = min(now + login.access_token_ms, key.expires_at or now + login.access_token_ms)
        token = make_token(ACCESS, self._random)
        made = msgspec.structs.replace(key, digest=digest(token, self._pepper), expires_at=ends_at, client_id="")
        before = self._made.setdefault(key.digest, [])
        while len(before) >= MOST_OF_SERVICE:
            self._issued.drop(before.pop(0).digest)
        before.append(made)
        self._issued.put(made)
        return token, made

    def revoke(self, hashed: bytes) -> None:
        """Ends one of them for good: nothing that becomes of the service token opens it again."""
        for parent, made in list(self._made.items()):
            kept = [key for key in made if key.digest != hashed]
            if len(kept) < len(made):
                self._issued.drop(hashed)
                self._keep(parent, kept)

    def follow(self) -> None:
        """Forgets what has ended, by the clock or with its service token, and changes what was changed there."""
        now = self._now()
        for parent, made in list(self._made.items()):
            standing = self._issued.get(parent)
            kept = [] if standing is None else [after for key in made if (after := _after(key, standing, now))]
            good = {key.digest for key in kept}
            self._issued.drop(*(key.digest for key in made if key.digest not in good))
            if kept != made:
                self._issued.put(*kept)
                self._keep(parent, kept)

    def _keep(self, parent: bytes, kept: list[Key]) -> None:
        if kept:
            self._made[parent] = kept
        else:
            del self._made[parent]


def _after(made: Key, standing: Key, now: int) -> Key | None:
    """What a token opens by now, `standing` being what its service token opens; `None` where it has ended."""
    assert made.expires_at is not None
    ends_at = min(made.expires_at, standing.expires_at or made.expires_at)
    if not standing.enabled or ends_at <= now:
        return None
    return msgspec.structs.replace(standing, digest=made.digest, expires_at=ends_at, client_id="")
