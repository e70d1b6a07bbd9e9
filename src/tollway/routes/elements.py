"""What is written of one element, in any of its dialects, and the element it means."""

from collections.abc import Mapping
from typing import get_args

from tollway.routes.graph import Node
from tollway.routes.problem import Known
from tollway.routes.properties import PROPERTIES, Properties, Report
from tollway.routes.route import Conditional, Element, End, Model, Order, Percentage, Pool, Start


def read_element(node: Node, properties: Mapping[str, object], known: Known, report: Report) -> Element | None:
    """The element of a node whose outputs are there. What is wrong with its properties is reported; `None` then."""
    reader = Properties(properties, known, report)
    for name in properties:
        if name not in PROPERTIES[node.type]:
            reader.unknown(node.type, name)
    outputs = node.outputs
    element: Element | None
    match node.type:
        case "start":
            element = Start(node.id, outputs.get("next", ""))
        case "conditional":
            condition = reader.condition()
            if condition is None:
                return None
            element = Conditional(node.id, condition, outputs.get("true", ""), outputs.get("false", ""))
        case "percentage":
            element = Percentage(node.id, reader.shares(outputs), outputs.get("else"), reader.key("sticky"))
        case "rate":
            element = reader.rate(node)
        case "model":
            target = reader.target(properties, "properties")
            if target is None:
                return None
            element = Model(
                node.id,
                target.provider,
                target.model,
                reader.timeout(),
                reader.retries(),
                reader.exempt(),
                outputs.get("success"),
                outputs.get("fallback"),
            )
        case "pool":
            element = Pool(
                node.id,
                reader.targets(),
                reader.choice("order", get_args(Order), "weighted"),
                reader.timeout(),
                reader.retries(),
                reader.exempt(),
                outputs.get("success"),
                outputs.get("fallback"),
            )
        case _:
            element = End(node.id)
    return None if reader.failed else element
