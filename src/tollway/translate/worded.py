"""A request put into the words of another API, and what is kept of it for its answer."""

from typing import Any

import msgspec

from tollway.translate.translation import Sent, Translation
from tollway.translate.wanted import Wanted


class Worded(msgspec.Struct, frozen=True):
    """A request in other words."""

    translation: Translation
    sent: Sent
    ask: Any = None
    """What it asks for (`request.Ask`), where that was read with it."""


def worded(wanted: Wanted, body: bytes) -> Worded:
    """The request in `body`. What its answer does not need of it is let go of. Raises Untranslatable and ValueError."""
    translation = Translation(wanted.source, wanted.target, now_s=wanted.now_s)
    sent = translation.request(
        body,
        path=wanted.path,
        query=wanted.query,
        model=wanted.model,
        max_tokens=wanted.max_tokens,
        known_as=wanted.known_as,
        without=wanted.without,
    )
    translation.forget()
    return Worded(translation, sent)
