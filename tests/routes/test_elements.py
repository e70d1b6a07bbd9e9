"""Elements one by one; what is wrong with them is tested through `test_read.py`."""

import pytest

from tollway.routes.elements import read_element
from tollway.routes.graph import Node
from tollway.routes.problem import ANYTHING
from tollway.routes.route import Percentage


@pytest.mark.parametrize(
    ("text", "points"), [("10%", 1_000), ("0.5%", 50), ("12.50%", 1_250), ("100%", 10_000), ("7.%", 700)]
)
def test_a_share_is_read_exactly(text: str, points: int) -> None:
    found: list[str] = []
    outputs = {text: "end"} | ({"else": "end"} if points < 10_000 else {})
    element = read_element(Node("a", "percentage", outputs), {}, ANYTHING, lambda _, said: found.append(said))
    assert not found and isinstance(element, Percentage) and element.shares == ((points, "end"),)
