"""What an exchange asks for where answers are kept: by the cache, or for who repeats a request."""

import msgspec

from tollway.cache.entry import Kept


class Lookup(msgspec.Struct, frozen=True):
    """Is the answer kept?"""

    key: bytes
    gateway: str


class Keep(msgspec.Struct, frozen=True):
    """Keep the answer."""

    key: bytes
    kept: Kept


class Begin(msgspec.Struct, frozen=True):
    """Is this the first request of its key? A repeat waits for the answer of the first."""

    key: bytes
    fingerprint: bytes


class Finish(msgspec.Struct, frozen=True):
    """The first request of its key is over."""

    key: bytes
    fingerprint: bytes
    kept: Kept | None
    """What repeats are answered."""
    lost: bool = False
    """It may have been billed, and its answer is not here."""
