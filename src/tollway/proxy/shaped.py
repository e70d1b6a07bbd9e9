"""What the caller of a stream is sent: in the words of its own API, and taken down where it is to be kept."""

from tollway.cache.entry import Tape
from tollway.translate.codec import Translating


class Shaped:
    """One stream on its way to the caller."""

    __slots__ = ("_tape", "_translation")

    def __init__(self, translation: Translating | None, tape: Tape | None) -> None:
        self._translation = translation
        self._tape = tape

    @property
    def failed(self) -> bool:
        """It ended in an error that was made of what nobody could read: it is not to be given again."""
        return self._translation is not None and self._translation.failed

    def shown(self, piece: bytes) -> bytes:
        """What the caller is sent for the next bytes of the provider's stream."""
        if self._translation is not None and piece:
            piece = self._translation.feed(piece)
        if self._tape is not None:
            self._tape.add(piece)
        return piece

    def last(self, rest: bytes, *, complete: bool) -> bytes:
        """What is left of it. `complete`: the provider's stream came to its own end."""
        if self._translation is not None:
            rest = (self._translation.feed(rest) if rest else b"") + self._translation.finish(complete)
        if self._tape is not None:
            self._tape.add(rest)
        return rest
