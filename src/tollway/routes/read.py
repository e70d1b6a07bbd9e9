"""Reading a route from JSON: Cloudflare's elements in both of their dialects, and a list of targets as a shorthand.

The newer dialect has the type `rate` and `conditions`; the older one, which is still in their documentation, `rate_limit`
with `interval` and `technique`, and `condition`. Everything that is wrong is found at once, each with its place.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tollway.routes.elements import read_element
from tollway.routes.graph import NONE, OUTPUTS, Node, check_graph
from tollway.routes.problem import ANYTHING, Known, Problem, Problems
from tollway.routes.route import MOST_ELEMENTS, Element, Route

LONGEST_ID = 128

_ALIASES = {"rate_limit": "rate", "budget_limit": "rate"}
_FIELDS = ("id", "type", "properties", "outputs")


def elements_of_targets(targets: object, order: object = None, **properties: object) -> list[dict[str, Any]]:
    """The elements that a list of targets is short for: start, pool, end. `properties`: `timeout`, `retries`, `exempt`."""
    given = {"targets": targets, "order": order, **properties}
    return [
        {"id": "start", "type": "start", "outputs": {"next": {"elementId": "pool"}}},
        {
            "id": "pool",
            "type": "pool",
            "properties": {name: value for name, value in given.items() if value is not None},
            "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": "end"}},
        },
        {"id": "end", "type": "end", "outputs": {}},
    ]


def read_route(
    elements: object, *, name: str, gateway: str | None = None, enabled: bool = True, known: Known = ANYTHING
) -> Route | Problems:
    """The route of these elements, or everything that is wrong with them."""
    problems: list[Problem] = []
    if not isinstance(elements, list) or not elements:
        return Problems((Problem(None, "elements", "write a list of elements, the first of them a start."),))
    entries = cast("list[object]", elements)
    if len(entries) > MOST_ELEMENTS:
        return Problems((Problem(None, "elements", f"there are {len(entries)}; write {MOST_ELEMENTS} at most."),))
    nodes: dict[str, Node] = {}
    found: dict[str, Element] = {}
    unread = False
    for number, entry in enumerate(entries):
        node = _node(entry, number, nodes, problems)
        if node is None:
            unread = True
            continue
        nodes[node.id] = node
        if not node.type:
            continue
        properties = cast("dict[str, object]", entry).get("properties")

        def report(field: str, said: str, at: str = node.id) -> None:
            problems.append(Problem(at, field, said))

        if properties is not None and not isinstance(properties, dict):
            report("properties", "they are no object.")
            continue
        element = read_element(node, cast("dict[str, object]", properties or {}), known, report)
        if element is not None:
            found[node.id] = element
    # Of a graph with an element that has no id, nothing can be said.
    start = check_graph(nodes, problems) if not unread else None
    if problems or start is None:
        return Problems(tuple(problems))
    return Route(name, gateway, found, start, enabled)


def _node(entry: object, number: int, nodes: Mapping[str, Node], problems: list[Problem]) -> Node | None:
    place = f"elements[{number}]"
    if not isinstance(entry, dict):
        problems.append(Problem(place, "", 'it is no object; write {"id": ..., "type": ..., "outputs": {...}}.'))
        return None
    fields = cast("dict[object, object]", entry)
    identifier = fields.get("id")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= LONGEST_ID or not identifier.isprintable():
        problems.append(Problem(place, "id", f"{identifier!r:.64} is no id; write 1 to {LONGEST_ID} characters."))
        return None
    if identifier in nodes:
        problems.append(Problem(identifier, "id", "two elements have it; give one of them another."))
        return None
    for name in fields:
        if name not in _FIELDS:
            problems.append(
                Problem(identifier, str(name)[:64], f"an element has no such field; it has {', '.join(_FIELDS)}.")
            )
    written = fields.get("type")
    kind = _ALIASES.get(written, written) if isinstance(written, str) else ""
    if kind not in OUTPUTS:
        near = difflib.get_close_matches(str(written), [*OUTPUTS, *_ALIASES], n=1)
        meant = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(OUTPUTS)}."
        problems.append(Problem(identifier, "type", f"{written!r:.64} is no type of element; {meant}"))
        kind = ""
    return Node(identifier, kind, _outputs(identifier, kind, fields.get("outputs"), problems))


def _outputs(identifier: str, kind: str, written: object, problems: list[Problem]) -> dict[str, str]:
    if written is None:
        return {}
    if not isinstance(written, dict):
        problems.append(Problem(identifier, "outputs", 'they are no object; write {"next": {"elementId": "..."}}.'))
        return {}
    needed, optional = OUTPUTS.get(kind, NONE)
    found: dict[str, str] = {}
    for key, value in cast("dict[object, object]", written).items():
        # YAML reads `true:` as a boolean.
        name = {True: "true", False: "false"}.get(key, str(key)) if isinstance(key, bool) else str(key)
        following = _following(value)
        if following is None:
            problems.append(
                Problem(
                    identifier, f"outputs.{name[:64]}", f'{value!r:.64} is no element; write {{"elementId": "..."}}.'
                )
            )
        elif kind not in ("percentage", "") and name not in (*needed, *optional):
            there = _listed((*needed, *optional))
            problems.append(Problem(identifier, f"outputs.{name[:64]}", f"{kind} has no such output; {there}"))
        else:
            found[name] = following
    return found


def _following(value: object) -> str | None:
    """The id that an output leads to. Cloudflare's Terraform provider and its Python client write `element_id`."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        value = fields.get("elementId", fields.get("element_id")) if len(fields) == 1 else None
    return value if isinstance(value, str) and value else None


def _listed(names: Sequence[str]) -> str:
    return f"it has {', '.join(names)}." if names else "it has none."
