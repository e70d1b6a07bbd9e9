"""Writing routes: what was read comes out again, for every graph that there can be."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.routes.test_read import OLDER, newer

from tollway.routes.read import read_route
from tollway.routes.route import Route
from tollway.routes.write import write_route


def written(elements: Any) -> tuple[Route, list[dict[str, Any]]]:
    found = read_route(elements, name="any")
    assert isinstance(found, Route), found
    return found, write_route(found)


def encoded(elements: Any) -> bytes:
    return msgspec.json.encode(elements, order="deterministic")


def test_either_dialect_is_written_in_the_newer_one() -> None:
    expected = list(newer())
    # A timeout of 0 is none, and is not written.
    expected[5] = {**expected[5], "properties": {**expected[5]["properties"]}}
    del expected[5]["properties"]["timeout"]
    assert written(OLDER)[1] == expected
    assert written(newer())[1] == expected


IDS = [f"n{number}" for number in range(8)]
SCALARS = st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.floats(-9, 9)
FIELDS = st.sampled_from(["metadata.plan", "body.a.0.b", "headers.X-Tenant", "user.groups", "model"])
TESTS = st.one_of(
    st.dictionaries(FIELDS, SCALARS, min_size=1, max_size=2),
    st.builds(lambda f, o, v: {f: {o: v}}, FIELDS, st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.builds(lambda f, v: {f: {"$in": v}}, FIELDS, st.lists(SCALARS, min_size=1, max_size=3)),
    st.builds(lambda f, v: {f: {"$exists": v}}, FIELDS, st.booleans()),
    st.builds(lambda f: {f: {"$not": {"$regex": "^a+$", "$options": "i"}}}, FIELDS),
    st.just({"cel": 'metadata.plan == "free" || size(body.messages) > 3'}),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=1
    )
    | st.builds(lambda clause: {"$not": clause}, inner),
    max_leaves=5,
)  # fmt: skip
KEYS = st.sampled_from(["user.id", "metadata.user_id", "key", "headers.x-tenant"])
HANDLING = {
    "timeout": st.integers(1, 60_000),
    "retries": st.integers(0, 5),
    "exempt": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True),
}
TARGET = {"provider": st.sampled_from(["openai", "custom-x"]), "model": st.text("ab/-.", min_size=1, max_size=8)}


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A sound graph in canonical form: each element leads only to later ones, so there is no loop."""
    number = draw(st.integers(0, len(IDS)))
    ids = ["start", *IDS[:number], "end"]
    elements: list[dict[str, Any]] = []
    reached = {"start"}
    for place, identifier in enumerate(ids):
        later = ids[place + 1 :]

        def to(later: list[str] = later) -> dict[str, str]:
            return {"elementId": draw(st.sampled_from(later))}

        kind = {0: "start", len(ids) - 1: "end"}.get(place) or draw(
            st.sampled_from(["conditional", "percentage", "rate", "model", "pool"])
        )
        properties: dict[str, Any] = {}
        outputs: dict[str, Any] = {}
        match kind:
            case "start":
                outputs = {"next": to()}
            case "conditional":
                properties, outputs = {"conditions": draw(CONDITIONS)}, {"true": to(), "false": to()}
            case "percentage":
                shares = draw(st.lists(st.integers(1, 1_900), min_size=1, max_size=5, unique=True))
                outputs = {f"{share / 100:g}%": to() for share in shares} | {"else": to()}
                properties = draw(st.fixed_dictionaries({}, optional={"sticky": KEYS}))
            case "rate":
                limit: Any = draw(
                    st.tuples(st.just("count"), st.integers(1, 10**6))
                    | st.tuples(st.just("cost"), st.integers(1, 10**9) | st.integers(1, 10**5).map(lambda n: n / 1000))
                )
                amount = int(limit[1]) if float(limit[1]).is_integer() else limit[1]
                properties = {
                    "limitType": limit[0],
                    "key": draw(KEYS),
                    "limit": amount,
                    "window": draw(st.integers(1, 10**6)),
                }
                properties |= draw(st.sampled_from([{}, {"technique": "sliding"}]))
                outputs = {"success": to()} | draw(st.sampled_from([{}, {"fallback": to()}]))
            case "model":
                properties = draw(st.fixed_dictionaries(TARGET, optional=HANDLING))
                outputs = {"success": {"elementId": "end"}} | draw(st.sampled_from([{}, {"fallback": to()}]))
            case "pool":
                one_target = st.fixed_dictionaries(TARGET, optional={"weight": st.integers(2, 9)})
                targets = draw(
                    st.lists(one_target, min_size=1, max_size=3, unique_by=lambda one: (one["provider"], one["model"]))
                )
                order = draw(st.sampled_from(["weighted", "least_latency", "cheapest", "in_order"]))
                properties = {"targets": targets, "order": order}
                properties |= draw(st.fixed_dictionaries({}, optional=HANDLING))
                outputs = {"fallback": to()} if draw(st.booleans()) else {"success": {"elementId": "end"}}
            case _:
                pass
        if identifier in reached:
            reached |= {following["elementId"] for following in outputs.values()}
            element = {"id": identifier, "type": kind, **({"properties": properties} if properties else {})}
            elements.append({**element, "outputs": outputs})
    return elements


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_any_graph_is_written_as_it_was_read(elements: list[dict[str, Any]]) -> None:
    found, again = written(elements)
    # What differs by its type alone (1 and true) is different JSON.
    assert encoded(again) == encoded(elements)
    assert written(json.loads(json.dumps(again)))[0] == found


def test_equal_shares_have_different_names() -> None:
    third = {"33%": "end", "33.0%": "end", "33.00%": "end", "else": "end"}
    outputs = {name: {"elementId": following} for name, following in third.items()}
    start = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "split"}}}
    elements = [
        start,
        {"id": "split", "type": "percentage", "outputs": outputs},
        {"id": "end", "type": "end", "outputs": {}},
    ]
    found, again = written(elements)
    assert again == elements
    end = {"elementId": "end"}
    half = [start, {**elements[1], "outputs": {"12.5%": end, "12.50%": end, "else": end}}, elements[2]]
    assert written(half)[1] == half and found != written(half)[0]


def test_an_amount_that_no_number_says_exactly_is_written_as_text() -> None:
    start = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "r"}}}
    end = {"id": "end", "type": "end", "outputs": {}}
    for given_limit, comes_out in [
        ("1234567890.123456789", "1234567890.123456789"),
        ("0.1", 0.1),
        (2.5, 2.5),
        ("7", 7),
    ]:
        properties = {"limitType": "cost", "limit": given_limit, "window": 60}
        rate = {"id": "r", "type": "rate", "properties": properties, "outputs": {"success": {"elementId": "end"}}}
        (_, again, _) = written([start, rate, end])[1]
        assert again["properties"]["limit"] == comes_out
