"""Names spelled for another API: what fits stays, what does not is told apart, and comes back as it was."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tollway.translate.spelled import Spelling


def test_a_name_that_fits_stays() -> None:
    assert Spelling(64).out("get_weather-2") == "get_weather-2"


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=8))
def test_every_name_is_taken_and_comes_back(names: list[str]) -> None:
    spelling = Spelling(64)
    spelled = [spelling.out(name) for name in names]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in spelled)
    assert len(set(spelled)) == len(names)
    assert [spelling.back(name) for name in spelled] == names


def test_the_same_name_is_always_spelled_alike() -> None:
    assert Spelling(40).out("functions.get:0") == Spelling(40).out("functions.get:0")
