"""The bodies of one request, as they are kept beside its record: what was asked, sent, returned. Never a secret that is known.

Credentials that the request carried, and any gateway key, are painted over, byte by byte, so that nothing moves.
"""

from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

from tollway.identity.keys import painted
from tollway.logs.rules import Larger

Part = Literal["asked", "sent", "returned"]
"""asked: by the caller · sent: to the provider, where that is something else · returned: to the caller."""
PARTS: Final[tuple[Part, ...]] = get_args(Part)

OVERLAP: Final = 4_096
"""Bytes behind the end of a body that is cut, so that a secret which stands across the cut is seen. Longer than a token."""
SHORTEST: Final = 8
"""What is shorter is no secret, but what clients send for want of one."""


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
            content = without(body.content, bodies.secrets)[: bodies.most]
        about = About(part=body.part, content_type=body.content_type, size=body.size, kept=len(content))
        kept.append(KeptBody(about, content))
    return kept


def without(content: bytes, secrets: Iterable[bytes]) -> bytes:
    """`content` with every secret painted over, as it is and as JSON may write it, and every gateway key."""
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        # RFC 8259, 7: a solidus may be escaped.
        for written in dict.fromkeys((secret, secret.replace(b"/", b"\\/"))):
            content = content.replace(written, b"*" * len(written))
    return painted(content)
