"""Reading routes: both of Cloudflare's dialects mean the same, and everything that is wrong is found with its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.routes.routed import END, START, model, node, problems

from tollway.routes.graph import OUTPUTS
from tollway.routes.problem import Known, Problem, Problems
from tollway.routes.read import elements_of_targets, read_route
from tollway.routes.route import Conditional, Model, Percentage, Pool, Rate, Route, Target


def read(*elements: Any) -> Route:
    found = read_route(list(elements), name="support")
    assert isinstance(found, Route), found
    return found


def one(properties: dict[str, Any], kind: str = "model", **outputs: str) -> list[str]:
    """The problems of a single element between start and end."""
    return problems([START, node("first", kind, properties, **(outputs or {"success": "end"})), END])


OLDER: list[Any] = [
    {"id": "s", "type": "start", "outputs": {"next": {"elementId": "c"}}},
    {
        "id": "c",
        "type": "conditional",
        "properties": {"condition": {"metadata.plan": {"$eq": "free"}}},
        "outputs": {"true": {"elementId": "p"}, "false": {"elementId": "m"}},
    },
    {
        "id": "p",
        "type": "percentage",
        "outputs": {"10%": {"elementId": "r"}, "50%": {"elementId": "m2"}, "else": {"elementId": "m"}},
    },
    {
        "id": "r",
        "type": "rate_limit",
        "properties": {
            "limitType": "count",
            "key": "metadata.user_id",
            "limit": 100,
            "interval": 3600,
            "technique": "sliding",
        },
        "outputs": {"success": {"elementId": "m"}, "fallback": {"elementId": "m2"}},
    },
    {
        "id": "m",
        "type": "model",
        "properties": {"provider": "openai", "model": "gpt-4o-mini", "timeout": 60000, "retries": 4},
        "outputs": {"success": {"elementId": "e"}, "fallback": {"elementId": "e"}},
    },
    {
        "id": "m2",
        "type": "model",
        "properties": {"provider": "workers-ai", "model": "@cf/meta/llama-3.1-8b-instruct", "timeout": 0, "retries": 0},
        "outputs": {},
    },
    {"id": "e", "type": "end"},
]
"""Every element as Cloudflare's page on JSON has it."""


def newer() -> list[Any]:
    """The same in the dialect of their API's schema."""
    changed = {
        "c": {"properties": {"conditions": {"metadata.plan": {"$eq": "free"}}}},
        "r": {
            "type": "rate",
            "properties": {
                "limitType": "count",
                "key": "metadata.user_id",
                "limit": 100,
                "window": 3600,
                "technique": "sliding",
            },
        },
        "e": {"outputs": {}},
    }
    return [{**element, **changed.get(element["id"], {})} for element in OLDER]


def test_cloudflares_documented_elements_are_read() -> None:
    found = read(*OLDER)
    elements = found.elements
    assert (found.start, list(elements)) == ("s", ["s", "c", "p", "r", "m", "m2", "e"])
    assert isinstance(elements["c"], Conditional) and (elements["c"].on_true, elements["c"].on_false) == ("p", "m")
    assert elements["p"] == Percentage("p", ((1_000, "r"), (5_000, "m2")), "m")
    assert elements["r"] == Rate("r", "count", "metadata.user_id", 100, 3_600, "sliding", "m", "m2")
    assert elements["m"] == Model("m", "openai", "gpt-4o-mini", 60_000, 4, (), "e", "e")
    # A timeout of 0, as in routes of theirs, is none.
    assert elements["m2"] == Model("m2", "workers-ai", "@cf/meta/llama-3.1-8b-instruct", None, 0)
    assert found.targets == (Target("openai", "gpt-4o-mini"), Target("workers-ai", "@cf/meta/llama-3.1-8b-instruct"))


def test_both_dialects_mean_the_same_route() -> None:
    assert read(*OLDER) == read(*newer())


def test_what_their_terraform_and_python_clients_send_is_read() -> None:
    sent = node("r", "rate", {"limit_type": "cost", "limit": 0.1, "window": 60.0}, success="m")
    sent["outputs"] = {"success": {"element_id": "m"}}
    found = read(node("start", "start", next="r"), sent, model("m", success="end"), END)
    assert found.elements["r"] == Rate("r", "cost", None, 100_000_000, 60, "fixed", "m")


def test_a_list_of_targets_is_short_for_a_pool() -> None:
    targets = [{"model": "openai/gpt-4o", "weight": 3}, {"provider": "custom-x", "model": "a/b"}]
    found = read(*elements_of_targets(targets, "least_latency", retries=1, exempt=["team"]))
    assert found.elements["pool"] == Pool(
        "pool",
        (Target("openai", "gpt-4o", 3), Target("custom-x", "a/b")),
        "least_latency",
        None,
        1,
        ("team",),
        "end",
        "end",
    )
    assert [type(element).__name__ for element in found.elements.values()] == ["Start", "Pool", "End"]


def test_all_problems_are_told_at_once_each_with_its_place() -> None:
    found = read_route(
        [
            START,
            node("first", "conditional", {"conditions": {"metadata.plan": {"$gtt": 3}}}, true="lost"),
            node("split", "percentage", None, **{"10%": "end", "20%": "end"}),
            node("limit", "rate", {"limitType": "count", "key": "metadata.u", "limit": 0, "window": 60}, success="end"),
            node("odd", "mode", {}, success="end"),
            END,
        ],
        name="support",
    )
    assert isinstance(found, Problems)
    assert {(problem.element, problem.field) for problem in found.problems} == {
        ("first", "properties.conditions.metadata.plan.$gtt"),
        ("first", "outputs.true"),
        ("first", "outputs.false"),
        ("split", "outputs"),
        ("split", ""),
        ("limit", "properties.limit"),
        ("limit", ""),
        ("odd", "type"),
        ("odd", ""),
        ("end", ""),
    }


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        (None, "elements: write a list"),
        ([], "elements: write a list"),
        ({}, "elements: write a list"),
        ([1], 'element "elements[0]": it is no object'),
        ([{"type": "start"}], 'element "elements[0]", id: None is no id'),
        ([END], "elements: there is no start"),
        ([START, START, END], 'element "start", id: two elements have it'),
        (
            [START, node("other", "start", next="end"), model("first"), END],
            'element "other", type: there is a start already, "start"',
        ),
        ([node("start", "start"), END], 'element "start", outputs.next: it leads nowhere'),
        ([START, END], 'element "start", outputs.next: there is no element "first"; there are "start", "end"'),
        ([START, model("first"), model("lost"), END], 'element "lost": nothing leads to it'),
        (
            [START, model("first", fallback="b"), model("b", fallback="first"), END],
            'element "b", outputs: it leads back to where it came from: "first" → "b" → "first"',
        ),
        ([START, model("first", fallback="first"), END], '"first" → "first"; a route must come to an end'),
        (
            [START, model("first", success="b"), model("b"), END],
            'element "first", outputs.success: it leads to "b", but the answer is under way',
        ),
        ([START, node("first", "end", next="end"), END], 'element "first", outputs.next: end has no such output; it has none'),
        ([START, model("first", next="end"), END], "model has no such output; it has success, fallback."),
        ([START, {**model("first"), "outputs": []}, END], "outputs: they are no object"),
        ([START, {**model("first"), "outputs": {"success": 3}}, END], "outputs.success: 3 is no element"),
        ([START, {**model("first"), "extra": 1}, END], 'element "first", extra: an element has no such field'),
        ([START, {**model("first"), "properties": 3}, END], 'element "first", properties: they are no object'),
        ([START, node("first", "modell", {}), END], "'modell' is no type of element; did you mean \"model\"?"),
        ([{**END, "id": f"e{n}"} for n in range(101)], "there are 101; write 100 at most"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_walked_is_refused(elements: Any, says: str) -> None:
    assert any(says in problem for problem in problems(elements)), problems(elements)


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"10%": "end", "20%": "end"}, "the shares add up to 30%, not 100%; make them 100%, or add an output \"else\""),
        ({"90%": "end", "20%": "end", "else": "end"}, "the shares add up to 110%, not 100%; make them 100%."),
        ({"50%": "end", "50.0%": "end", "else": "end"}, "outputs.else: the shares add up to 100% already"),
        ({"33.333%": "end", "else": "end"}, "33.333% has more than two places"),
        ({"half": "end", "else": "end"}, '"half" is no share'),
        ({"-5%": "end", "else": "end"}, '"-5%" is no share'),
        ({"101%": "end"}, '"101%" is no share'),
        ({"else": "end"}, "there is no share"),
        ({f"{n}%": "end" for n in (10, 11, 12, 13, 14, 40)}, "there are 6 shares; write 5 at most"),
    ],
)  # fmt: skip
def test_shares_must_be_the_whole(outputs: dict[str, str], says: str) -> None:
    found = problems([START, node("first", "percentage", None, **outputs), END])
    assert any(says in problem for problem in found), found


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({}, "properties.model: None is no name of a model"),
        ({"model": "gpt-4o"}, 'properties.provider: add it, or write the model as "provider/gpt-4o"'),
        ({"model": "", "provider": "openai"}, "properties.model: '' is no name"),
        ({"model": "a/b", "timeout": -1}, "properties.timeout: -1 is not a whole number of milliseconds from 0 to 3,600,000"),
        ({"model": "a/b", "retries": 6}, "properties.retries: 6 is not a whole number of tries after the first from 0 to 5"),
        ({"model": "a/b", "retries": True}, "properties.retries: True is not"),
        ({"model": "a/b", "exempt": 3}, "properties.exempt: it is a list"),
        ({"model": "a/b", "exempt": [""]}, "properties.exempt: '' is no id of a budget"),
        ({"model": "a/b", "timeot": 1}, 'properties.timeot: model has no such property; did you mean "timeout"?'),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_called_is_refused(properties: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in one(properties)), one(properties)


LIMIT = {"limitType": "count", "key": "user.id", "limit": 1, "window": 60}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"limit": 0}, "properties.limit: 0 is not a whole number of requests from 1"),
        ({"limit": 1.5}, "properties.limit: 1.5 is not a whole number"),
        ({"limit": None}, "properties.limit: None is not a whole number"),
        ({"limitType": "cost", "limit": 0}, "properties.limit: 0 is no amount of US dollars above zero"),
        ({"limitType": "cost", "limit": "1e3"}, "properties.limit: '1e3' is no amount"),
        ({"limitType": "cost", "limit": float("nan")}, "is no amount"),
        ({"limitType": "costs"}, "properties.limitType: 'costs' is not count or cost"),
        ({"window": 0}, "properties.window: 0 is not a whole number of seconds"),
        ({"interval": 60}, "properties.window: window and interval are the same; write one"),
        ({"technique": "leaky"}, "properties.technique: 'leaky' is not fixed or sliding"),
        ({"key": "metdata.user"}, 'properties.key: nothing is called "metdata.user"; did you mean "metadata.user"?'),
        ({"key": "user.groups"}, "properties.key: user.groups has many values"),
        ({"key": "headers.authorization"}, "holds a credential"),
        ({"key": 3}, "properties.key: 3 is no name"),
    ],
)
def test_a_limit_that_limits_nothing_is_refused(changed: dict[str, Any], says: str) -> None:
    found = one({**LIMIT, **changed}, "rate")
    assert any(says in problem for problem in found), found


@pytest.mark.parametrize(
    ("targets", "order", "says"),
    [
        ([], None, "write 1 to 20 of them"),
        ("openai/a", None, "write 1 to 20 of them"),
        ([3], None, "targets[0]: it is no target"),
        ([{"model": "openai/a", "weight": 0}], None, "targets[0].weight: 0 is not a whole number from 1"),
        ([{"model": "openai/a", "wieght": 1}], None, "targets[0].wieght: a target has no such field"),
        ([{"model": "a"}], None, "targets[0].provider: add it"),
        ([{"model": "openai/a"}, {"model": "openai/a"}], None, 'targets[1]: "openai/a" is there already'),
        ([{"model": "openai/a"}], "fastest", "order: 'fastest' is not weighted, least_latency, cheapest or in_order"),
    ],
)
def test_a_pool_that_cannot_be_called_is_refused(targets: Any, order: str | None, says: str) -> None:
    found = problems(elements_of_targets(targets, order))
    assert any(says in problem for problem in found), found


def test_only_what_is_configured_can_be_named() -> None:
    known = Known(providers={"openai", "anthropic"}, budgets={"team-ml"})
    written = [START, node("first", "model", {"model": "opena/a", "exempt": ["team-m"]}, success="end"), END]
    assert problems(written, known) == [
        'element "first", properties.provider: no provider "opena" is configured; did you mean "openai"?',
        'element "first", properties.exempt: there is no budget "team-m"; did you mean "team-ml"?',
    ]


def test_outputs_that_yaml_reads_as_booleans_are_the_same() -> None:
    written = node("first", "conditional", {"condition": 'metadata.plan == "free"'})
    written["outputs"] = {True: "end", False: {"elementId": "end"}}
    found = read(START, written, END).elements["first"]
    assert isinstance(found, Conditional) and (found.on_true, found.on_false) == ("end", "end")


NAMES = [
    *("id", "type", "outputs", "properties", "next", "elementId", "success", "true", "10%", "conditions", "$or"),
    *("metadata.x", "$in", "cel", "limit", "targets", "model"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([*OUTPUTS, "first"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(JSON, max_size=5))
def test_whatever_is_sent_is_read_or_refused_with_reasons(elements: list[Any]) -> None:
    found = read_route(elements, name="any")
    assert isinstance(found, Route) or (found.problems and all(isinstance(one, Problem) for one in found.problems))
