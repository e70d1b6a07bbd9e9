"""What is drawn by chance when somebody signs in: tokens that name themselves, and codes that people type.

A token is a prefix of its own, 256 random bits and a checksum, so that scanners find a leaked one and a mistyped one is
known before any look-up. A refresh token also names the signing in that it came from, by 128 random bits more.
"""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from typing import NamedTuple

from tollway.identity.keys import base62

ACCESS = "twa_"
REFRESH = "twr_"
DEVICE = "twd_"
CODE = "twc_"

# RFC 8628, 6.1: twenty consonants, which spell nothing and are hard to mix up; 8 of them are 34.5 bits.
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8

RandomBytes = Callable[[int], bytes]

_SHAPE = re.compile(r"(tw[acd]_)([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_REFRESH_SHAPE = re.compile(r"twr_([0-9A-Za-z]{22})([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_DROPPED = re.compile(r"[\s._-]+")
# RFC 7636, 4.1 and 4.2.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class RefreshToken(NamedTuple):
    """What a refresh token is made of."""

    family: str
    secret: str

    def __repr__(self) -> str:
        return "RefreshToken(…)"


def make_token(prefix: str, random_bytes: RandomBytes) -> str:
    """A new access token, device code or authorization code."""
    secret = base62(int.from_bytes(random_bytes(32), "big"), 43)
    return f"{prefix}{secret}{_checksum(prefix + secret)}"


def is_token(text: str, prefix: str) -> bool:
    """Whether `text` is one of that prefix, copied without a mistake."""
    shape = _SHAPE.fullmatch(text)
    return shape is not None and shape[1] == prefix and hmac.compare_digest(_checksum(shape[1] + shape[2]), shape[3])


def make_family(random_bytes: RandomBytes) -> str:
    """What the refresh tokens of one signing in have in common."""
    return base62(int.from_bytes(random_bytes(16), "big"), 22)


def make_refresh_token(family: str, random_bytes: RandomBytes) -> str:
    secret = base62(int.from_bytes(random_bytes(32), "big"), 43)
    return f"{REFRESH}{family}{secret}{_checksum(REFRESH + family + secret)}"


def read_refresh_token(text: str) -> RefreshToken | None:
    """Its parts; `None` where it is none, or was copied with a mistake."""
    shape = _REFRESH_SHAPE.fullmatch(text)
    if shape is None or not hmac.compare_digest(_checksum(REFRESH + shape[1] + shape[2]), shape[3]):
        return None
    return RefreshToken(shape[1], shape[2])


def make_user_code(random_bytes: RandomBytes) -> str:
    """Eight letters that a person types into a browser."""
    # Sixteen bytes: what the remainder prefers is then too small to see.
    number = int.from_bytes(random_bytes(16), "big")
    letters: list[str] = []
    for _ in range(USER_CODE_LENGTH):
        number, place = divmod(number, len(USER_CODE_LETTERS))
        letters.append(USER_CODE_LETTERS[place])
    return "".join(letters)


def read_user_code(typed: str) -> str | None:
    """The code that somebody typed, whatever its case and hyphens; `None` where it can be none."""
    code = _DROPPED.sub("", typed[:64]).upper()
    fits = len(code) == USER_CODE_LENGTH and all(letter in USER_CODE_LETTERS for letter in code)
    return code if fits else None


def show_user_code(code: str) -> str:
    """As it is shown: "WDJB-MJHT"."""
    return f"{code[:4]}-{code[4:]}"


def is_challenge(text: str) -> bool:
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """RFC 7636, 4.2: the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def proves(verifier: str, challenge: str) -> bool:
    """Whether whoever knows `verifier` is who sent `challenge`."""
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge_of(verifier), challenge)


def _checksum(text: str) -> str:
    return base62(zlib.crc32(text.encode()), 6)
