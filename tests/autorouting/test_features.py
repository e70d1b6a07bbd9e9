import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.features import NAMES, features


def named(text: str) -> dict[str, float]:
    return dict(zip(NAMES, features(text), strict=True))


@given(st.text(max_size=400))
def test_every_text_has_every_feature_and_none_is_infinite(text: str) -> None:
    found = features(text)
    assert len(found) == len(NAMES)
    assert all(map(math.isfinite, found))


def test_no_two_features_have_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("characters", "abc", math.log(4)),
        ("numbers", "1,200 and 3.5 and 7", math.log(4)),
        ("distinct_numbers", "7 and 7", math.log(2)),
        ("largest_number", "5 of 12,000.25", 5 / 4),
        ("decimals", "3.5 and 4", math.log(2)),
        ("fractions", "3/4", math.log(2)),
        ("money", "$5 for $ 6", math.log(3)),
        ("years", "in 1789 and 2024 and 3000", math.log(3)),
        ("latex", r"\frac{a}{b} \cdot c", math.log(3)),
        ("code", "def f(x):", math.log(2)),
        ("choices", "Which?\nA. one\nB. two\nC. three two", math.log(4)),
        ("choice_words", "Which?\nA. one\nB. two three four", math.log(3)),
        ("choice_numbers", "Which?\nA. 1\nB. two", 0.5),
        ("ends_with_question", "Which?\nA. one\nB. two\nAnswer:", 1.0),
        ("answer_cue", "Which?\nAnswer:", 1.0),
        ("answer_cue", "Which?", 0.0),
        ("stem_characters", "Which?\nA. one", math.log(8)),
        ("all_of_above", "A. x\nB. All of the above", 1.0),
        ("words_of_negation", "Which is NOT never", math.log(3)),
        ("opens_with_how", "How many?", 1.0),
        ("opens_with_how", "one two three four five six seven eight how", 0.0),
    ],
)
def test_a_feature_is_what_its_name_says(name: str, text: str, expected: float) -> None:
    assert named(text)[name] == pytest.approx(expected)
