"""What a translation is to come to."""

import msgspec

from tollway.translate.conversation import Kind


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which API's request is to be put into the words of which other one, and what is known of who answers."""

    source: Kind
    target: Kind
    path: str
    query: bytes
    """The caller's."""
    model: str
    """The provider's own name of it."""
    known_as: str
    """The model behind that name."""
    max_tokens: int | None
    """The cap where the API must have one and the caller named none."""
    without: tuple[str, ...] = ()
    """Fields that the provider does not take."""
    now_s: int = 0
