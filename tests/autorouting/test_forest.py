import struct

import pytest

from tollway.autorouting.forest import Forest, PackedForest, floats


def packed(roots: list[int], nodes: list[tuple[int, float, int]]) -> PackedForest:
    return PackedForest(
        roots=struct.pack(f"<{len(roots)}I", *roots),
        feature=bytes(feature for feature, _, _ in nodes),
        threshold=struct.pack(f"<{len(nodes)}f", *(value for _, value, _ in nodes)),
        right=struct.pack(f"<{len(nodes)}I", *(right for _, _, right in nodes)),
    )


# x0 <= 1 ? 10 : (x1 <= 2 ? 20 : 30), and a tree that is one leaf.
TREES = packed([0, 5], [(0, 1.0, 2), (0, 10.0, 0), (1, 2.0, 4), (0, 20.0, 0), (0, 30.0, 0), (0, 0.5, 0)])


@pytest.mark.parametrize(
    ("row", "total"), [((1.0, 9.0), 10.5), ((1.5, 2.0), 20.5), ((1.5, 2.5), 30.5), ((-9.0, -9.0), 10.5)]
)
def test_the_total_is_of_the_leaf_of_every_tree(row: tuple[float, float], total: float) -> None:
    assert Forest(TREES).total(row) == total


def test_numbers_are_little_endian_wherever_they_are_read() -> None:
    assert list(floats(b"\x00\x00\x80\x3f\x00\x00\x00\xc0")) == [1.0, -2.0]


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="6 features has 6 thresholds, 5 children"):
        Forest(PackedForest(TREES.roots, TREES.feature, TREES.threshold, TREES.right[:-4]))


def test_bytes_that_end_within_a_number_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        floats(b"\x00\x00\x00")
