"""Regression trees in flat arrays: the sum of the leaves that a row of features falls into.

Nodes stand in preorder: the left child of node i is i + 1, the right one is `right[i]`. A node without a right child is a leaf,
and its threshold is its value.
"""

import sys
from array import array
from collections.abc import Sequence
from typing import TypeVar

import msgspec


class PackedForest(msgspec.Struct, frozen=True):
    """The arrays as they are kept: little-endian bytes."""

    roots: bytes
    """uint32: the first node of each tree."""
    feature: bytes
    """uint8: which feature a node looks at."""
    threshold: bytes
    """float32: at most this goes left; the value of a leaf."""
    right: bytes
    """uint32: the right child; 0 for a leaf."""


class Forest:
    """Trees over at most 256 features."""

    def __init__(self, packed: PackedForest) -> None:
        self._roots = _integers(packed.roots)
        self._feature = packed.feature
        self._threshold = floats(packed.threshold)
        self._right = _integers(packed.right)
        if not len(self._feature) == len(self._threshold) == len(self._right):
            raise ValueError(
                f"a forest of {len(self._feature)} features has {len(self._threshold)} thresholds, {len(self._right)} children"
            )

    def total(self, row: Sequence[float]) -> float:
        """The sum, over all trees, of the leaf that `row` falls into."""
        feature, threshold, right = self._feature, self._threshold, self._right
        total = 0.0
        for node in self._roots:
            while after := right[node]:
                node = node + 1 if row[feature[node]] <= threshold[node] else after
            total += threshold[node]
        return total


def floats(packed: bytes) -> "array[float]":
    """32-bit floats from little-endian bytes. Raises ValueError where the bytes end within one."""
    found: array[float] = array("f")
    return _filled(found, packed)


def _integers(packed: bytes) -> "array[int]":
    found: array[int] = array("I")
    return _filled(found, packed)


Number = TypeVar("Number", int, float)


def _filled(found: "array[Number]", packed: bytes) -> "array[Number]":
    assert found.itemsize == 4
    found.frombytes(packed)
    if sys.byteorder == "big":
        found.byteswap()
    return found
