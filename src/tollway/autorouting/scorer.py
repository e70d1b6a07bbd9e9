"""The scorer: a prompt's text → how much it needs the stronger model.

The parts are trained to tell by how much the strong model's answer is better than the weak one's: a forest over counted
features; for prompts with answers to choose from, a weight for each piece of a word; for word problems, a weight for each
feature; and a little for length, the sign that held best for kinds of prompts left out of training. Their sum is calibrated
to the share of such prompts that the strong model answered better. `scripts/train_auto.py` makes the file.
"""

import zlib
from collections.abc import Sequence
from importlib import resources
from math import exp, log1p
from operator import mul

import msgspec

from tollway.autorouting.features import NAMES, features
from tollway.autorouting.forest import Forest, PackedForest, floats
from tollway.autorouting.pieces import PieceWeights
from tollway.autorouting.text import cut

FILE = "model.bin"
"""The trained model, beside this module."""

LENGTH_WEIGHT = 0.1
"""What a prompt gains for each time it is e times as long (cross-validated: it costs 0.01 of APGR on kinds of prompts that were
learned, and gives up to 0.04 on a kind left out)."""

MOST_OF_PROBLEM = 0.3
"""A word problem unlike all that were learned moves the sum by no more than this."""

_CHARACTERS, _SENTENCES, _NUMBERS, _LATEX, _CHOICES = map(
    NAMES.index, ("characters", "sentences", "numbers", "latex", "choices")
)
_TWO = log1p(2) - 1e-6


class Model(msgspec.Struct, frozen=True):
    """What the file holds: zlib over MessagePack."""

    names: tuple[str, ...]
    """The features that the forest was trained with, in order."""
    forest: PackedForest
    pieces: str
    """One a line."""
    weights: bytes
    """float32, little-endian: one a piece."""
    offset: float
    """Added to a prompt that is scored by its pieces."""
    problem_weights: bytes
    """float32, little-endian: one a feature, for word problems."""
    problem_offset: float
    slope: float
    intercept: float
    """Of the logistic curve that makes the sum a share."""


class Scorer:
    """Immutable once made: any number of threads may use one."""

    __slots__ = ("_forest", "_intercept", "_offset", "_pieces", "_problem_offset", "_problem_weights", "_slope")

    def __init__(self, model: Model) -> None:
        """Raises ValueError if the model was trained with other features than these."""
        if model.names != NAMES:
            raise ValueError(
                "The model was trained with other features than this version counts; make it anew: scripts/train_auto.py"
            )
        self._forest = Forest(model.forest)
        self._pieces = PieceWeights(model.pieces.split("\n"), floats(model.weights))
        self._offset = model.offset
        self._problem_weights = floats(model.problem_weights)
        self._problem_offset = model.problem_offset
        self._slope = model.slope
        self._intercept = model.intercept

    @classmethod
    def load(cls) -> "Scorer":
        """The model that ships with the package. Reads its file, some tens of milliseconds: keep the scorer."""
        return cls.decode(resources.files("tollway.autorouting").joinpath(FILE).read_bytes())

    @classmethod
    def decode(cls, packed: bytes) -> "Scorer":
        """The model in the bytes of such a file."""
        return cls(msgspec.msgpack.decode(zlib.decompress(packed), type=Model))

    def score(self, prompt: str) -> float:
        """0 to 1: how likely the strong model's answer is to be the better one. The same text has the same score.

        Of more than 4,000 characters the first 3,000 and the last 1,000 are read.
        """
        return 1 / (1 + exp(-self._slope * self.raw(prompt) - self._intercept))

    def raw(self, prompt: str) -> float:
        """The sum of the parts before it is calibrated: what the strong model is expected to be worth, on no scale of its own."""
        text = cut(prompt)
        row = features(text)
        found = self._forest.total(row) + LENGTH_WEIGHT * row[_CHARACTERS]
        if offers_choices(row):
            return found + self._pieces.mean(text) + self._offset
        if is_word_problem(row):
            moved = sum(map(mul, row, self._problem_weights)) + self._problem_offset
            return found + max(-MOST_OF_PROBLEM, min(MOST_OF_PROBLEM, moved))
        return found


def offers_choices(row: Sequence[float]) -> bool:
    """Whether a prompt of these features has at least two answers to choose from, such as lines "A. ..." and "B. ..."."""
    return row[_CHOICES] >= _TWO


def is_word_problem(row: Sequence[float]) -> bool:
    """Whether it is at least two sentences with two numbers, no LaTeX command, and nothing to choose from."""
    return not offers_choices(row) and row[_SENTENCES] >= _TWO and row[_NUMBERS] >= _TWO and row[_LATEX] == 0
