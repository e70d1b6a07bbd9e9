"""What a prompt is about, as one number: the mean weight of the pieces of words in it.

A linear model of the mean of static vectors is a sum of one weight a piece: the vector times the model, worked out when it is
trained. So the vectors themselves (wordllama's, MIT; see `WORDLLAMA-LICENSE`) need not ship. Words are cut into the pieces of
their vocabulary greedily, longest first, which needs no tokenizer and differs from its own cut in rare words alone.
"""

import re
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"[A-Za-z]+|\d|[^\sA-Za-z\d]+")
LONGEST = 16
"""Characters of the longest piece."""
START = "▁"
"""Stands before a piece that begins a word, as in the vocabulary."""


class PieceWeights:
    """One weight for each of `pieces`."""

    def __init__(self, pieces: Sequence[str], weights: Sequence[float]) -> None:
        self._weight_of = dict(zip(pieces, weights, strict=True))

    def mean(self, text: str) -> float:
        """The mean weight of the pieces of `text`; 0 where none is known."""
        weight_of = self._weight_of
        total = 0.0
        count = 0
        for piece in self.pieces(text):
            total += weight_of[piece]
            count += 1
        return total / count if count else 0.0

    def pieces(self, text: str) -> Iterator[str]:
        """The pieces of `text`, in order. What has none is left out."""
        known = self._weight_of
        for word in _WORD.findall(text):
            begun = START + word
            if begun in known:
                yield begun
            else:
                yield from self._cut(begun)

    def _cut(self, word: str) -> Iterator[str]:
        known = self._weight_of
        at = 0
        while at < len(word):
            for end in range(min(len(word), at + LONGEST), at, -1):
                piece = word[at:end]
                if piece in known:
                    # The sign of a beginning alone says nothing.
                    if piece != START:
                        yield piece
                    at = end
                    break
            else:
                at += 1
