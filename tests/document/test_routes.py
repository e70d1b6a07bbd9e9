"""Routes of a settings document: checked against what is there, with the place of whatever is wrong."""

import pytest
from tests.exchange import world

from tollway.document import compile_document
from tollway.document.routes import known_to_routes, route_id, told
from tollway.document.text import parse
from tollway.document.written_routes import RouteDocument
from tollway.errors import SettingsInvalid
from tollway.routes.problem import Problem, Problems
from tollway.routes.route import Conditional, Model, Pool, Target
from tollway.snapshot import Snapshot

BASE = """
providers:
  openai: {api_key: none}
  anthropic: {api_key: none}
  local: {api: openai, base_url: "http://127.0.0.1:9/v1", free: true}
gateways: [{slug: prod}]
budgets:
  - {name: team ml, id: ml, limit: "5", window: {period: day}}
"""
POOLED = "{name: support, targets: [{model: openai/gpt-4o, weight: 3}, {model: custom-local/llama}], order: cheapest}"


def compiled(routes: str) -> Snapshot:
    document = parse(f"{BASE}\nroutes:\n{routes}")
    return compile_document(
        document, resolve=lambda reference, _: reference, book=world.book(), pepper=b"x" * 32, revision=1
    )


def refused(routes: str) -> str:
    with pytest.raises(SettingsInvalid) as error:
        compiled(routes)
    return str(error.value)


def test_a_route_of_all_gateways_is_found_in_each_and_one_of_its_own_comes_before_it() -> None:
    own = '{name: support, gateway: prod, targets: [{model: anthropic/claude}], exempt: [ml, "team ml"]}'
    routes = compiled(f"  - {POOLED}\n  - {own}\n").routes
    assert set(routes) == {("default", "support"), ("prod", "support")}
    shared, prod = routes["default", "support"].elements["pool"], routes["prod", "support"].elements["pool"]
    assert isinstance(shared, Pool) and isinstance(prod, Pool)
    assert (shared.targets, shared.order) == (
        (Target("openai", "gpt-4o", 3), Target("custom-local", "llama")),
        "cheapest",
    )
    assert (prod.targets, prod.exempt) == ((Target("anthropic", "claude"),), ("ml", "team ml"))
    assert (routes["default", "support"].gateway, routes["prod", "support"].gateway) == (None, "prod")


def test_elements_in_yaml_are_read_with_its_booleans_as_names() -> None:
    written = """
  - name: plans
    enabled: false
    elements:
      - {id: start, type: start, outputs: {next: plan}}
      - {id: plan, type: conditional, properties: {condition: {metadata.plan: free}}, outputs: {true: a, false: b}}
      - {id: a, type: model, properties: {model: openai/gpt-4o-mini}, outputs: {success: end}}
      - {id: b, type: model, properties: {provider: anthropic, model: claude}, outputs: {success: end, fallback: a}}
      - {id: end, type: end}
"""
    route = compiled(written).routes["prod", "plans"]
    plan, b = route.elements["plan"], route.elements["b"]
    assert isinstance(plan, Conditional) and (plan.on_true, plan.on_false) == ("a", "b")
    assert b == Model("b", "anthropic", "claude", success="end", fallback="a") and not route.enabled


TO_X = "targets: [{model: openai/x}]"
A = f"  - {{name: a, {TO_X}"


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        (f"  - {{name: a b, {TO_X}}}", "routes: 'a b' is no name of a route"),
        (f"  - {{name: dynamic/a, {TO_X}}}", 'write "a", and call it as dynamic/a.'),
        (f"{A}, gateway: none}}", 'route "a": no gateway "none"; there are default, prod.'),
        (f"  - {POOLED}\n  - {POOLED}", 'route "support": two routes have this name'),
        (f"{A}, id: x}}\n  - {{name: b, id: x, {TO_X}}}", 'route "b": the id "x" is that of route "a" too'),
        ("  - {name: a}", 'route "a": it goes nowhere; add "targets"'),
        ("  - {name: a, order: cheapest}", 'route "a", order: it belongs to "targets"'),
        (f"{A}, elements: [{{id: start}}]}}", 'route "a": it has elements and targets'),
        (
            "  - {name: a, targets: [{model: opena/x}]}",
            'route "a", element "pool", properties.targets[0].provider: no provider "opena" is configured; did you mean '
            '"openai"?',
        ),
        (
            f"{A}, exempt: [mll]}}",
            'route "a", element "pool", properties.exempt: there is no budget "mll"; did you mean "ml"?',
        ),
        (f"{A}, timeout: -1}}", "properties.timeout: -1 is not a whole number"),
        (
            "  - {name: a, elements: [{id: start, type: start}, {id: end, type: end}]}",
            'route "a", element "start", outputs.next: it leads nowhere',
        ),
        (f"{A}, comment: ''}}", 'route "a", comment: write 1 to 1,000'),
        ("  - {name: a, target: [{model: openai/x}]}", "routes.a"),
    ],
)
def test_a_route_that_cannot_be_walked_is_refused_with_its_place(routes: str, says: str) -> None:
    assert says in refused(routes)


def test_the_id_is_written_or_made_of_gateway_and_name() -> None:
    assert route_id(RouteDocument(name="a")) == "a"
    assert route_id(RouteDocument(name="a", gateway="prod")) == "prod.a"
    assert route_id(RouteDocument(name="a", gateway="prod", id="x")) == "x"


def test_what_is_told_has_an_end() -> None:
    said = told("a", Problems(tuple(Problem(f"e{n}", "type", "no.") for n in range(12))))
    assert said.startswith('route "a", element "e0", type: no; element "e1"') and said.endswith("; and 2 more.")


def test_routes_may_use_every_name_of_a_provider_and_a_budget() -> None:
    snapshot = compiled(f"  - {POOLED}")
    known = known_to_routes(snapshot.providers, snapshot.budgets)
    assert known.budgets == {"ml", "team ml"}
    assert known.providers is not None and {"openai", "local", "custom-local"} <= set(known.providers)
