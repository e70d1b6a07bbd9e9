"""A route as JSON: Cloudflare's newer dialect, and what we have besides in properties of its elements."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tollway import money
from tollway.routes.properties import percent
from tollway.routes.route import (
    Conditional,
    Element,
    End,
    Model,
    Percentage,
    Pool,
    Rate,
    Route,
    Start,
)


def write_route(route: Route) -> list[dict[str, Any]]:
    """The elements of a route. Read again they are the same route, and written again the same JSON."""
    return [_element(element) for element in route.elements.values()]


def _element(element: Element) -> dict[str, Any]:
    match element:
        case Start():
            return _written(element, "start", {}, {"next": element.next})
        case Conditional():
            outputs = {"true": element.on_true, "false": element.on_false}
            return _written(element, "conditional", {"conditions": element.condition.source}, outputs)
        case Percentage():
            return _written(element, "percentage", {"sticky": element.sticky}, _shares(element))
        case Rate():
            properties = {
                "limitType": element.limit_type,
                "key": element.key,
                "limit": element.limit if element.limit_type == "count" else _dollars(element.limit),
                "window": element.window_s,
                "technique": element.technique if element.technique != "fixed" else None,
            }
            return _written(element, "rate", properties, {"success": element.success, "fallback": element.fallback})
        case Model():
            properties = {"provider": element.provider, "model": element.model, **_handling(element)}
            return _written(element, "model", properties, {"success": element.success, "fallback": element.fallback})
        case Pool():
            targets = [
                {"provider": one.provider, "model": one.model, **({"weight": one.weight} if one.weight != 1 else {})}
                for one in element.targets
            ]
            properties = {"targets": targets, "order": element.order, **_handling(element)}
            return _written(element, "pool", properties, {"success": element.success, "fallback": element.fallback})
        case End():
            return _written(element, "end", {}, {})


def _written(
    element: Element, kind: str, properties: Mapping[str, Any], outputs: Mapping[str, str | None]
) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if value is not None}
    return {
        "id": element.id,
        "type": kind,
        **({"properties": kept} if kept else {}),
        "outputs": {name: {"elementId": following} for name, following in outputs.items() if following is not None},
    }


def _handling(element: Model | Pool) -> dict[str, Any]:
    return {
        "timeout": element.timeout_ms,
        "retries": element.retries,
        "exempt": list(element.exempt) if element.exempt else None,
    }


def _shares(element: Percentage) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for points, following in element.shares:
        name = percent(points)
        while name in found:
            # An object cannot have two outputs of one name, so equal shares are written with further zeros.
            name = f"{name[:-1]}0%" if "." in name else f"{name[:-1]}.0%"
        found[name] = following
    return {**found, "else": element.otherwise}


def _dollars(amount: int) -> int | float | str:
    """US dollars as a JSON number, as Cloudflare has them; as text where no such number says exactly as much."""
    text = money.dollars(amount)
    number: int | float = json.loads(text)
    return number if Decimal(repr(number)) * money.DOLLAR == amount else text
