"""The keys and tokens that this gateway has issued, as they stand now: whatever is taken out opens nothing from then on."""

from collections.abc import Iterable

from tollway.identity.keys import Key

FOREVER = 2**63


class Issued:
    """By the HMAC of the secret. One for a process, shared by all snapshots: issuing and revoking change no settings."""

    __slots__ = ("_keys", "names", "others", "uses")

    def __init__(self) -> None:
        self._keys: dict[bytes, Key] = {}
        self.names: set[str] = set()
        """Names of keys and service tokens that no other may have: revoked ones too, so that each name is one history."""
        self.others: tuple[str, ...] = ()
        """Further secrets of this gateway, whole, which open no gateway and never leave: the administrator's token."""
        self.uses: dict[str, int] = {}
        """Name of a key → Unix milliseconds of its last use, since that was last written down."""

    def get(self, digest: bytes) -> Key | None:
        return self._keys.get(digest)

    def put(self, *keys: Key) -> None:
        """Each opens from now on, in the place of an older one of its digest."""
        self._keys.update((key.digest, key) for key in keys)

    def drop(self, *digests: bytes) -> None:
        """None of them opens anything from now on."""
        for digest in digests:
            self._keys.pop(digest, None)

    def named(self, name: str) -> Key | None:
        """The key of that name, as its newest secret opens it. Looks through all of them."""
        found = [key for key in self._keys.values() if key.name == name]
        return max(found, key=lambda key: FOREVER if key.expires_at is None else key.expires_at, default=None)

    def all(self) -> Iterable[Key]:
        """Each secret's key; a key that is being rotated has two."""
        return self._keys.values()

    def __len__(self) -> int:
        return len(self._keys)
