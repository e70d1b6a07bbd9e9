import pytest

from tollway.providers.body import Unfit
from tollway.providers.spelling import refuse_other_spellings


@pytest.mark.parametrize("name", ["Options", "OPTIONS", "option\u017f"])
def test_another_case_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(Unfit, match="another spelling of options"):
        refuse_other_spellings({name: 1}, {"options"})


def test_the_key_itself_and_others_are_taken() -> None:
    refuse_other_spellings({"options": 1, "Seed": 2}, {"options"})
