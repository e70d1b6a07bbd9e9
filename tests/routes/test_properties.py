"""Properties, where they are numbers; what is wrong with them is tested through `test_read.py`."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.routes.routed import END, START, node

from tollway.routes.properties import percent
from tollway.routes.read import read_route
from tollway.routes.route import Rate, Route
from tollway.routes.write import write_route


@given(st.integers(1, 10_000))
def test_a_share_is_written_exactly(points: int) -> None:
    text = percent(points)
    assert Fraction(text.removesuffix("%")) == Fraction(points, 100) and "E" not in text


@given(st.integers(1, 2**63 - 1))
def test_any_amount_is_read_and_written_to_the_nanodollar(amount: int) -> None:
    whole, rest = divmod(amount, 10**9)
    properties = {"limitType": "cost", "limit": f"{whole}.{rest:09d}", "window": 60}
    found = read_route([START, node("first", "rate", properties, success="end"), END], name="a")
    assert isinstance(found, Route) and isinstance(rate := found.elements["first"], Rate) and rate.limit == amount
    assert read_route(write_route(found), name="a") == found
