"""The neutral form of an answer can be kept, compared and never changed."""

import pytest

from tollway.translate.conversation import Text
from tollway.translate.told import Answer, Begun, Delta, PartEnded


def test_answers_that_say_the_same_are_the_same() -> None:
    assert Answer(id="a", parts=(Text(text="Hi"),)) == Answer(id="a", parts=(Text(text="Hi"),))
    assert Delta(index=0, text="a") != Delta(index=1, text="a")


@pytest.mark.parametrize("told", [Answer(), Begun(), PartEnded(0)])
def test_what_was_told_is_not_changed(told: Answer | Begun | PartEnded) -> None:
    with pytest.raises(AttributeError):
        told.id = "b"  # type: ignore[union-attr]
