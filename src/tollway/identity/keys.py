"""Gateway keys: `tw_<id>_<secret><checksum>`, known by id, kept as a keyed hash, compared in constant time.

The prefix and the CRC-32 let secret scanners find a leaked key and let the gateway drop a mistyped one before any
look-up. A key given in settings may also be any other string of sixteen characters or more, so that a company can keep
the keys it has handed out.
"""

import hmac
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec

from tollway.identity.person import Person

PREFIX = "tw_"
PREFIXES = (PREFIX, "twa_", "twr_", "twd_", "twc_", "twadmin_")
"""Of all that is generated here: keys, the tokens and codes of `identity/secrets.py`, the administrator's token."""
SHORTEST_SECRET = 16
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_BEGINNING = re.compile(r"tw_[0-9a-z]{12}_")
_SHAPE = re.compile(r"tw_([0-9a-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
# A generated key or token of a gateway, anyone's, wherever it stands: make_key, identity/secrets.py and, of the
# administrator, cli/kept_secrets.py write them. A key that lost a part of its checksum is one all the same.
_ANYWHERE = re.compile(
    rb"tw_[0-9a-z]{12}_[0-9A-Za-z]{43,49}|twr_[0-9A-Za-z]{71}|tw[acdr]_[0-9A-Za-z]{49}|twadmin_[0-9A-Za-z_-]{43}"
)


Priority = Literal["batch", "standard", "production"]
"""Who is served first where money is short, the least first."""

PRIORITIES: dict[Priority, int] = {"batch": -1, "standard": 0, "production": 1}


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a gateway key stands for. The secret is not in it."""

    name: str
    digest: bytes
    """HMAC-SHA-256 of the secret under the pepper."""
    user: str | None = None
    service: str | None = None
    groups: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    """Slugs it may be used on; empty for all."""
    expires_at: int | None = None
    """Unix milliseconds."""
    enabled: bool = True
    custom_cost: bool = False
    """It may say what its requests cost (`tollway-custom-cost`)."""
    priority: Priority = "standard"
    models: tuple[str, ...] = ()
    """Patterns of `provider/model` or bare names that it may use; empty for all."""
    id: str = ""
    """Of a key that was issued here; empty for one of the settings."""
    client_id: str = ""
    """Of a service token: what is sent beside its secret."""
    addresses: tuple[str, ...] = ()
    """The networks (CIDR) that it may be used from; empty for all."""
    person: Person | None = None
    """Who signed in for it."""
    proven_only: frozenset[str] = frozenset()
    """Metadata of which only what is written here counts, even where there is none."""


def base62(number: int, width: int) -> str:
    """`number` in base 62, most significant digit first, padded to `width`."""
    return _written(number, _ALPHABET, width)


def make_id(random_bytes: Callable[[int], bytes]) -> str:
    """Twelve uniform characters."""
    # Sixteen bytes: what the remainder prefers is then too small to see.
    return _written(int.from_bytes(random_bytes(16), "big") % 36**12, _ID_ALPHABET, 12)


def make_key(random_bytes: Callable[[int], bytes], identifier: str | None = None) -> str:
    """A new key: 256 random bits behind an id, a new one unless it is given."""
    identifier = identifier or make_id(random_bytes)
    secret = base62(int.from_bytes(random_bytes(32), "big"), 43)
    return f"{PREFIX}{identifier}_{secret}{_checksum(identifier, secret)}"


def looks_like_ours(text: str) -> bool:
    """Whether `text` claims to be a key or a token of Tollway's, by its prefix."""
    return text.startswith(PREFIXES)


def holds_key(text: bytes) -> bool:
    """Whether a gateway key, known here or not, stands anywhere in `text`, plainly or percent-encoded."""
    return _ANYWHERE.search(text) is not None or (b"%" in text and _ANYWHERE.search(unquote_to_bytes(text)) is not None)


def key_spans(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the gateway keys in `text` stand, known here or not: the first character of each, and the one behind its last."""
    return (found.span() for found in _ANYWHERE.finditer(text))


def painted(text: bytes) -> bytes:
    """`text` with a star for each character of the gateway keys in it, known here or not."""
    return _ANYWHERE.sub(lambda found: b"*" * len(found[0]), text)


def is_miscopied(text: str) -> bool:
    """Whether `text` begins as a generated key does and is none: a character is missing, or another one."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return _BEGINNING.match(text) is not None
    return _checksum(shape[1], shape[2]) != shape[3]


def is_well_formed(text: str) -> bool:
    """Whether a generated key's checksum is right."""
    shape = _SHAPE.fullmatch(text)
    # Both sides are made of what was sent: how long it takes to compare them tells nothing.
    return shape is not None and _checksum(shape[1], shape[2]) == shape[3]


def digest(secret: str, pepper: bytes) -> bytes:
    """What is kept of a key: an HMAC, so that a stolen settings store opens nothing."""
    return hmac.digest(pepper, secret.encode(), "sha256")


def _written(number: int, alphabet: str, width: int) -> str:
    digits: list[str] = []
    while number:
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits)).rjust(width, alphabet[0])


def _checksum(identifier: str, secret: str) -> str:
    left = zlib.crc32(f"{identifier}_{secret}".encode())
    # base62(left, 6), without its loop: this is done for every request.
    left, f = divmod(left, 62)
    left, e = divmod(left, 62)
    left, d = divmod(left, 62)
    left, c = divmod(left, 62)
    a, b = divmod(left, 62)
    return _ALPHABET[a] + _ALPHABET[b] + _ALPHABET[c] + _ALPHABET[d] + _ALPHABET[e] + _ALPHABET[f]
