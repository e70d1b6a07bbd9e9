"""What a stream has shown, kept while it flows, so that it can be counted in tokens if it is cut.

Text that belongs together is counted together: how a provider cuts it into events says nothing of its tokens.
"""

from collections.abc import Hashable

import msgspec

MOST_BYTES = 256 * 1024
"""Of text kept of one stream, about 60,000 tokens. What comes behind counts by its bytes."""
_MOST_STRANDS = 512
"""No answer has so many choices and calls; each takes more memory than a word."""
_JOINED = 512
"""Pieces are joined when there are so many: each alone takes ten times its text."""


class Kept(msgspec.Struct, frozen=True):
    """What was shown until the stream ended."""

    texts: tuple[str, ...]
    """Each is to be counted as a whole."""
    largest: str
    """The largest piece that came at once: no less may have been under way."""
    other_bytes: int
    """Of `Meter.output_bytes` what is neither in `texts` nor framing: each counts as a token."""
    answers: int
    """Whose framing is not in `other_bytes`."""

    @property
    def text_bytes(self) -> int:
        """How much there is to count."""
        return sum(map(len, self.texts))


class _Strand:
    """Text that belongs together."""

    __slots__ = ("joined", "largest", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.joined: list[str] = []
        self.largest = ""

    def join(self) -> None:
        self.largest = max(self.largest, max(self.pieces, key=len, default=""), key=len)
        self.joined.append("".join(self.pieces))
        self.pieces.clear()


class Shown:
    """Takes in what a reader has read, by the strand it belongs to: a choice, a tool call, its reasoning."""

    __slots__ = ("_answers", "_framing_bytes", "_full", "_strands", "kept_bytes")

    def __init__(self) -> None:
        self._strands: dict[Hashable, _Strand] = {}
        self._full = False
        self.kept_bytes = 0
        """UTF-8 bytes of the text, as the reader's `output_bytes` has them."""
        self._answers = self._framing_bytes = 0

    def answer(self, framing_bytes: int) -> None:
        """One begins, for whose framing the reader's `output_bytes` have grown by so many."""
        self._answers += 1
        self._framing_bytes += framing_bytes

    def add(self, strand: Hashable, text: str, size: int) -> None:
        """Takes a piece of `size` bytes in."""
        found = self._strands.get(strand)
        if self._full or self.kept_bytes + size > MOST_BYTES or (found is None and len(self._strands) == _MOST_STRANDS):
            self._full = True
            return
        self.kept_bytes += size
        if found is None:
            found = self._strands[strand] = _Strand()
        found.pieces.append(text)
        if len(found.pieces) == _JOINED:
            found.join()

    def kept(self, output_bytes: int, pending: bytes) -> Kept:
        """All of it, of a meter with so many `output_bytes`.

        `pending`: the beginning of an event, which is in `output_bytes` too. The text in it is part of its own.
        """
        strands = list(self._strands.values())
        for strand in strands:
            strand.join()
        other = output_bytes - self.kept_bytes - self._framing_bytes
        texts = tuple("".join(strand.joined) for strand in strands)
        if pending and len(pending) <= MOST_BYTES:
            texts += (pending.decode(errors="replace"),)
            other -= len(pending)
        largest = max((strand.largest for strand in strands), key=len, default="")
        return Kept(texts, largest, max(0, other), self._answers)
