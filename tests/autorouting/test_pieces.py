import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.pieces import PieceWeights

PIECES = ["▁", "▁the", "▁photo", "syn", "thesis", "s", "?"]
WEIGHTS = PieceWeights(PIECES, [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_a_known_word_is_one_piece() -> None:
    assert list(WEIGHTS.pieces("the the")) == ["▁the", "▁the"]


def test_an_unknown_word_is_cut_greedily_longest_first() -> None:
    assert list(WEIGHTS.pieces("photosynthesis?")) == ["▁photo", "syn", "thesis", "?"]


def test_what_has_no_piece_is_left_out() -> None:
    assert list(WEIGHTS.pieces("xsx")) == ["s"]


def test_the_mean_is_of_all_pieces() -> None:
    assert WEIGHTS.mean("the photo the") == pytest.approx(4 / 3)


def test_a_text_without_pieces_weighs_nothing() -> None:
    assert WEIGHTS.mean("xyx") == 0.0


@given(st.text(max_size=200))
def test_a_mean_lies_between_the_weights(text: str) -> None:
    assert WEIGHTS.mean(text) == 0.0 or 1.0 <= WEIGHTS.mean(text) <= 6.0


def test_every_piece_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        PieceWeights(["a", "b"], [1.0])
