"""What an exchange asks for where caller and provider speak different APIs, and the body is large: commands of `steps.py`."""

import msgspec

from tollway.translate.codec import Answering
from tollway.translate.wanted import Wanted


class Translate(msgspec.Struct, frozen=True):
    """Put a large request into the words of another API, elsewhere."""

    wanted: Wanted
    body: bytes


class TranslateBack(msgspec.Struct, frozen=True):
    """Put a large answer into the words of the caller's API, elsewhere."""

    translation: Answering
    status: int
    body: bytes
