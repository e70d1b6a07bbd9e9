"""The order of several targets: by weight, by price, by how fast they were, and those that rest behind all others."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.order import ordered
from tollway.exchange.retry import CHANCES, chance_of
from tollway.exchange.steps import Seen
from tollway.routes.route import Order

ORDERS: tuple[Order, ...] = ("weighted", "least_latency", "cheapest", "in_order")
AWAKE = Seen()


@st.composite
def targets(draw: st.DrawFn) -> tuple[list[int], list[Seen], list[int | None], list[int]]:
    count = draw(st.integers(1, 8))
    many = lambda one: draw(st.lists(one, min_size=count, max_size=count))  # noqa: E731
    seen = st.builds(Seen, resting=st.booleans(), latency_ms=st.none() | st.integers(0, 10**6))
    return (
        many(st.integers(0, 10_000)),
        many(seen),
        many(st.none() | st.integers(0, 10**15)),
        many(st.integers(0, CHANCES - 1)),
    )


@given(st.sampled_from(ORDERS), targets())
def test_every_target_is_tried_once_and_those_that_rest_last(order: Order, given: tuple) -> None:  # type: ignore[type-arg]
    weights, seen, costs, chances = given
    found = ordered(order, weights, seen, costs, chances)
    assert sorted(found) == list(range(len(weights)))
    resting = [seen[index].resting for index in found]
    assert resting == sorted(resting)


@given(targets())
def test_cheapest_first_is_by_cost_and_the_unknown_last(given: tuple) -> None:  # type: ignore[type-arg]
    weights, seen, costs, chances = given
    found = [costs[index] for index in ordered("cheapest", weights, [AWAKE for _ in seen], costs, chances)]
    known = [cost for cost in found if cost is not None]
    assert found[: len(known)] == sorted(known), "and whoever has no price comes behind"


@given(targets())
def test_least_latency_first_begins_with_those_nobody_has_called(given: tuple) -> None:  # type: ignore[type-arg]
    weights, seen, costs, chances = given
    awake = [Seen(latency_ms=one.latency_ms) for one in seen]
    found = [awake[index].latency_ms for index in ordered("least_latency", weights, awake, costs, chances)]
    assert found == sorted(found, key=lambda latency: -1 if latency is None else latency)


def test_in_order_is_as_written() -> None:
    assert ordered("in_order", [1, 9, 1], [AWAKE] * 3, [3, 2, 1], [0, 0, 0]) == (0, 1, 2)


def test_a_weight_is_the_part_of_the_requests_that_come_first_to_a_target() -> None:
    firsts: Counter[int] = Counter()
    for number in range(4_000):
        chances = [chance_of(f"request {number}", f"pool {place}") for place in range(3)]
        firsts[ordered("weighted", [7, 2, 1], [AWAKE] * 3, [None] * 3, chances)[0]] += 1
    assert 2_680 <= firsts[0] <= 2_920 and 700 <= firsts[1] <= 900 and 320 <= firsts[2] <= 480


def test_behind_the_first_the_others_follow_by_what_is_left_of_the_weight() -> None:
    seconds: Counter[int] = Counter()
    for number in range(4_000):
        chances = [chance_of(f"request {number}", f"pool {place}") for place in range(3)]
        found = ordered("weighted", [2, 1, 1], [AWAKE] * 3, [None] * 3, chances)
        if found[0] == 1:
            seconds[found[1]] += 1
    assert seconds[0] > 1.7 * seconds[2]


@pytest.mark.parametrize("chance", [0, CHANCES - 1])
def test_a_weight_of_nothing_is_only_tried_behind_the_others(chance: int) -> None:
    assert ordered("weighted", [0, 1], [AWAKE] * 2, [None] * 2, [chance, chance]) == (1, 0)
    assert ordered("weighted", [0, 0], [AWAKE] * 2, [None] * 2, [chance, chance]) == (0, 1)


def test_between_equals_the_weights_decide() -> None:
    low, high = ([number, number] for number in (0, CHANCES - 1))
    assert ordered("cheapest", [1, 1], [AWAKE] * 2, [5, 5], low) == (0, 1)
    assert ordered("cheapest", [1, 1], [AWAKE] * 2, [5, 5], high) == (1, 0)
