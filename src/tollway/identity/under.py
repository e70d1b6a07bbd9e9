"""Sealing what is readable only to whoever brings a token that is not kept, so that a stolen store opens nothing."""

import hashlib
import hmac
from collections.abc import Callable

from tollway.sealing import LocalMaster, SealBroken

_ABOUT = b"tollway login"


def seal_under(text: str, under: str, pepper: bytes, random_bytes: Callable[[int], bytes]) -> bytes:
    """`text`, readable again with `under` and the pepper together."""
    return _master(under, pepper).wrap(text.encode(), _ABOUT, random_bytes)


def unseal_under(sealed: bytes, under: str, pepper: bytes) -> str:
    """What was sealed. Raises SealBroken."""
    try:
        return _master(under, pepper).unwrap(sealed, _ABOUT).decode()
    except UnicodeDecodeError:
        raise SealBroken("it is no text.") from None


def _master(under: str, pepper: bytes) -> LocalMaster:
    # Another message than `keys.digest` hashes, so that what is kept of a token tells nothing of its key.
    return LocalMaster(hmac.digest(pepper, b"seal under\0" + under.encode(), hashlib.sha256))
