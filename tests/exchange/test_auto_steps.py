import pytest
import world

from tollway.autorouting.task import Task
from tollway.exchange.auto_steps import Decide, Decided, Pin, Pinned


def test_what_is_known_for_a_choice_has_no_pin_and_no_fault_unless_it_says_so() -> None:
    found = Decided(task=Task(), score=1)
    assert (found.fault, found.pin, found.fresh) == ("", None, False)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (Decide(world.request(), None), "session"),
        (Pinned(b"s", Pin("openai/gpt-5", "t")), "pin"),
        (Pin("openai/gpt-5", "t"), "model"),
        (Decided(task=Task(), score=None), "score"),
    ],
)
def test_no_step_can_be_changed_behind_the_exchange(step: object, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(step, field, None)
