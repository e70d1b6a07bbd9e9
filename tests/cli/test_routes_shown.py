"""What is said of a route's state."""

import pytest

from tollway.cli.routes_shown import state


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"in_force": True, "edited": False, "enabled": True, "version": {}}, "in force"),
        ({"in_force": True, "edited": True, "enabled": True, "version": {}}, "in force, edited in the file"),
        # What was never saved by the API was not edited behind its back.
        ({"in_force": True, "edited": True, "enabled": True, "version": None}, "in force"),
        ({"in_force": False, "edited": False, "enabled": True, "version": {}}, "draft"),
        ({"in_force": False, "edited": False, "enabled": False, "version": {}}, "switched off"),
    ],
)
def test_a_state_is_said_in_words(one: dict[str, object], said: str) -> None:
    assert state(one) == said
