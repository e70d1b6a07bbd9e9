"""Walks: what is tried and weighed, in which order, and why a route ends."""

from collections import Counter

import pytest
from tests.routes.routed import END, START, facts, model, node, route, walked

from tollway.routes.read import elements_of_targets, read_route
from tollway.routes.route import Route, Target
from tollway.routes.walk import Trail, Try, Weigh, counters_of, draw_of, may_try


def tried(steps: list[Try | Weigh]) -> list[str]:
    return [f"{step.targets[0].provider}/{step.targets[0].model}" for step in steps if isinstance(step, Try)]


def test_a_model_that_fails_is_followed_by_its_fallback() -> None:
    taken = route(model("first", "openai/a", success="end", fallback="second"), model("second", "openai/b"))
    assert tried(walked(taken, facts(), [True])[0]) == ["openai/a"]
    steps, why = walked(taken, facts(), [False, True])
    assert (tried(steps), why) == (["openai/a", "openai/b"], "")
    trail = Trail()
    steps, why = walked(taken, facts(), trail=trail)
    assert why == 'Route "support" ended at element "second" without an answer: none of its models answered.'
    assert (trail.elements, trail.ended) == (["start", "first", "second"], "unanswered")


def test_a_try_carries_what_is_written_of_the_model() -> None:
    properties = {"provider": "openai", "model": "a", "timeout": 500, "retries": 0, "exempt": ["team"]}
    ((step,), _) = walked(route(node("first", "model", properties, success="end")), facts(), [True])
    assert step == Try("first", (Target("openai", "a"),), "in_order", 500, 0, ("team",))


def test_a_pool_offers_all_of_its_targets_with_their_weights() -> None:
    written = elements_of_targets(
        [{"model": "openai/a", "weight": 3}, {"model": "anthropic/b"}], "cheapest", timeout=900
    )
    taken = read_route(written, name="pooled")
    assert isinstance(taken, Route)
    ((step,), _) = walked(taken, facts(), [True])
    assert step == Try("pool", (Target("openai", "a", 3), Target("anthropic", "b", 1)), "cheapest", 900, None, ())


def test_a_condition_decides_which_way_a_request_goes() -> None:
    taken = route(
        node("first", "conditional", {"conditions": {"metadata.plan": "free"}}, true_="small", false_="large"),
        model("small", "openai/small"),
        model("large", "openai/large", success="end"),
    )
    assert tried(walked(taken, facts(metadata={"plan": "free"}), [True])[0]) == ["openai/small"]
    assert tried(walked(taken, facts(), [True])[0]) == ["openai/large"]


LIMITED = (
    node("first", "rate", {"limitType": "count", "key": "metadata.user", "limit": 2, "window": 60}, success="model", fallback="other"),
    model("model", "openai/a", success="end"),
    model("other", "openai/b"),
)  # fmt: skip


def test_a_limit_is_weighed_for_each_value_of_its_key() -> None:
    taken = route(*LIMITED)
    steps, _ = walked(taken, facts(metadata={"user": "ada"}), [True, True])
    assert steps[0] == Weigh("first", "count", "ada", 2, 60, "fixed", "route:*:support:first:ada")
    assert tried(steps) == ["openai/a"]
    steps, _ = walked(route(*LIMITED, gateway="prod"), facts(), [False, True])
    assert isinstance(steps[0], Weigh)
    assert (steps[0].key_value, steps[0].counter) == ("(none)", "route:prod:support:first:(none)")
    assert tried(steps) == ["openai/b"]


def test_a_limit_without_a_fallback_ends_the_route_and_says_so() -> None:
    properties = {"limitType": "cost", "limit": "0.5", "interval": 60, "technique": "sliding"}
    taken = route(node("first", "rate_limit", properties, success="model"), model("model", success="end"))
    trail = Trail()
    steps, why = walked(taken, facts(), [False], trail=trail)
    assert steps == [
        Weigh("first", "cost", "(all)", 500_000_000, 60, "sliding", "route:*:support:first:(all)"),
    ]
    assert (
        why
        == 'Route "support" ended at element "first" without an answer: the limit "first" is reached for all = "(all)".'
    )
    assert trail.ended == "limited"


def test_no_value_and_no_element_can_pretend_to_be_another_counter() -> None:
    first = node("a:b", "rate", {"limitType": "count", "key": "key", "limit": 1, "window": 1}, success="end")
    written = [node("start", "start", next="a:b"), first, END]
    taken = read_route(written, name="r")
    assert isinstance(taken, Route)
    ((step,), _) = walked(taken, facts(key="c"))
    assert isinstance(step, Weigh) and step.counter == "route:*:r:a%3Ab:c"
    assert step.counter.startswith(next(counters_of(taken)))
    ((long,), _) = walked(taken, facts(key="x" * 1_000))
    assert isinstance(long, Weigh) and long.key_value.startswith("sha256:") and len(long.key_value) == 71


SPLIT = (
    node("first", "percentage", {"sticky": "user.id"}, **{"10%": "a", "20.5%": "b", "else": "c"}),
    model("a", "openai/a"), model("b", "openai/b"), model("c", "openai/c", success="end"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "goes"),
    [(0.0, "a"), (0.0999, "a"), (0.1, "b"), (0.3049, "b"), (0.305, "c"), (0.9999, "c"), (1 - 1e-17, "c")],
)
def test_a_draw_falls_into_its_share(drawn: float, goes: str) -> None:
    assert tried(walked(route(*SPLIT), facts(), [True], drawn=drawn)[0]) == [f"openai/{goes}"]


def test_the_same_value_of_a_sticky_key_goes_the_same_way_whatever_is_drawn() -> None:
    taken = route(*SPLIT)
    for number in range(50):
        ways = {tried(walked(taken, facts(user={"id": f"u{number}"}), [True], drawn=d / 10)[0])[0] for d in range(10)}
        assert len(ways) == 1


def test_sticky_values_spread_as_the_shares_say() -> None:
    taken = route(*SPLIT)
    found = Counter(tried(walked(taken, facts(user={"id": f"user-{n}"}), [True])[0])[0] for n in range(4_000))
    assert abs(found["openai/a"] - 400) < 80 and abs(found["openai/b"] - 820) < 110


def test_a_route_that_ends_before_any_model_says_so() -> None:
    taken = read_route([node("start", "start", next="end"), END], name="empty")
    assert isinstance(taken, Route)
    assert walked(taken, facts()) == (
        [],
        'Route "empty" ended at element "end" without an answer: no model is on the way that this request took.',
    )
    assert START["outputs"]["next"] == {"elementId": "first"}


def test_a_draw_is_the_same_for_the_same_request_and_element_and_spread_evenly_over_requests() -> None:
    first = draw_of("r")
    assert first("a") == draw_of("r")("a") != first("b")
    drawn = [draw_of(f"request {number}")("a") for number in range(2_000)]
    assert all(0 <= one < 1 for one in drawn)
    assert 400 < sum(one < 0.25 for one in drawn) < 600


def test_whether_a_model_may_follow_is_told_of_every_way_on() -> None:
    taken = route(
        node("first", "rate", {"limitType": "count", "limit": 1, "window": 60}, success="share", fallback="end"),
        node("share", "percentage", {}, **{"50%": "ends", "else": "last"}),
        node("ends", "rate", {"limitType": "count", "limit": 1, "window": 60}, success="end", fallback="end"),
        model("last", success="end", fallback="end"),
    )
    told = {name: may_try(taken, name) for name in taken.elements}
    assert told == {"start": True, "first": True, "share": True, "ends": False, "last": True, "end": False}
    assert not may_try(taken, None)
