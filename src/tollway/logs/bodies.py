"""The bodies of one request, as they are kept beside its record: what was asked, sent, returned. Never a secret that is known.

Credentials that the request carried, the secrets of the settings, and any gateway key are painted over, byte by byte, so that
nothing moves.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Final, Literal, get_args

import msgspec

from tollway.identity.keys import key_spans, painted
from tollway.logs.rules import Larger

Part = Literal["asked", "sent", "returned"]
"""asked: by the caller · sent: to the provider, where that is something else · returned: to the caller."""
PARTS: Final[tuple[Part, ...]] = get_args(Part)

OVERLAP: Final = 4_096
"""Bytes behind the end of a body that is cut, so that a secret which stands across the cut is seen. Longer than a token."""
SHORTEST: Final = 8
"""What is shorter is no secret, but what clients send for want of one."""
_ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])|\\/")
"""How JSON may write a printable character of ASCII instead of itself (RFC 8259, 7)."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One body as it went by."""

    part: Part
    content: bytes
    """Its beginning: up to `most` of its `Bodies` and `OVERLAP`."""
    content_type: str
    size: int
    """Bytes of the whole."""


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """The bodies of one request, on the way to where they are kept."""

    request_id: str
    at: int
    """Unix milliseconds of its arrival."""
    bodies: tuple[Body, ...]
    secrets: tuple[bytes, ...] = ()
    """That the request carried."""
    never: Collection[bytes] = ()
    """What is kept of no request: the secrets of the settings."""
    most: int
    """Bytes of each that are kept."""
    larger: Larger = "cut"

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return sum(len(body.content) for body in self.bodies)


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of a kept body without reading it."""

    part: Part
    content_type: str
    size: int
    """Bytes of the whole."""
    kept: int
    """Bytes that are here: the beginning; 0 of a larger one that was to be dropped."""

    @property
    def truncated(self) -> bool:
        return self.kept < self.size


class KeptBody(msgspec.Struct, frozen=True):
    """A body that was kept."""

    about: About
    content: bytes


def to_keep(bodies: Bodies) -> list[KeptBody]:
    """What is kept, with secrets painted over and everything cut to size. A little work for each byte: not for the event loop."""
    kept: list[KeptBody] = []
    for body in bodies.bodies:
        content = b""
        if body.size <= bodies.most or bodies.larger == "cut":
            content = without(body.content, chain(bodies.secrets, bodies.never))[: bodies.most]
        about = About(part=body.part, content_type=body.content_type, size=body.size, kept=len(content))
        kept.append(KeptBody(about, content))
    return kept


def without(content: bytes, secrets: Iterable[bytes]) -> bytes:
    """`content` with every secret painted over, as it is and as JSON may write it, and every gateway key."""
    long = [secret for secret in secrets if len(secret) >= SHORTEST]
    for secret in long:
        if secret in content:
            content = content.replace(secret, b"*" * len(secret))
    content = painted(content)
    # Writers of JSON have little reason to do so, and most bodies are not looked at twice.
    return _without_escaped(content, long) if _ESCAPED.search(content) is not None else content


def _without_escaped(content: bytes, secrets: Sequence[bytes]) -> bytes:
    """The same of secrets of which some characters are escaped, each character of the escapes for itself."""
    plain = bytearray()
    # From which place of `plain` on which place of `content` stands there.
    places, origins, read = [0], [0], 0
    for escape in _ESCAPED.finditer(content):
        plain += content[read : escape.start()]
        places.append(len(plain))
        origins.append(escape.start())
        digits = escape[1]
        plain.append(int(digits, 16) if digits is not None else 0x2F)
        read = escape.end()
        places.append(len(plain))
        origins.append(read)
    plain += content[read:]
    found = list(key_spans(bytes(plain)))
    for secret in secrets:
        start = plain.find(secret)
        while start >= 0:
            found.append((start, start + len(secret)))
            start = plain.find(secret, start + len(secret))
    painted_over = bytearray(content)
    for start, end in found:
        first, last = (
            origins[place] + at - places[place] for at in (start, end) for place in (bisect_right(places, at) - 1,)
        )
        painted_over[first:last] = b"*" * (last - first)
    return bytes(painted_over)
