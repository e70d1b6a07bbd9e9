"""Routes to test with, and a walk that is told how each step went."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollway.routes.facts import RouteFacts
from tollway.routes.problem import ANYTHING, Known, Problems
from tollway.routes.read import read_route
from tollway.routes.route import Route
from tollway.routes.walk import Trail, Try, Weigh, walk


def node(identifier: str, kind: str, properties: Mapping[str, Any] | None = None, **outputs: str) -> dict[str, Any]:
    """An element in Cloudflare's newer dialect. `true_`, `else_`: outputs that are words of Python's."""
    found: dict[str, Any] = {"id": identifier, "type": kind}
    if properties is not None:
        found["properties"] = dict(properties)
    found["outputs"] = {name.rstrip("_"): {"elementId": following} for name, following in outputs.items()}
    return found


def model(identifier: str, name: str = "openai/gpt-4o", **outputs: str) -> dict[str, Any]:
    provider, _, rest = name.partition("/")
    return node(identifier, "model", {"provider": provider, "model": rest}, **outputs)


START = node("start", "start", next="first")
END = node("end", "end")


def route(*elements: Mapping[str, Any], name: str = "support", gateway: str | None = None) -> Route:
    found = read_route([START, *elements, END], name=name, gateway=gateway)
    assert isinstance(found, Route), found
    return found


def problems(elements: object, known: Known = ANYTHING) -> list[str]:
    found = read_route(elements, name="support", known=known)
    return [problem.text for problem in found.problems] if isinstance(found, Problems) else []


def facts(**values: Any) -> RouteFacts:
    """`body`, `headers` (by name), and the other fields as a tree."""
    headers = [(name.encode(), value.encode()) for name, value in values.pop("headers", {}).items()]
    return RouteFacts(body=values.pop("body", {}), headers=headers, values=values)


def walked(
    taken: Route, asked: RouteFacts, answers: Sequence[bool] = (), *, drawn: float = 0.0, trail: Trail | None = None
) -> tuple[list[Try | Weigh], str]:
    """Everything that the walk asks for, and why it ended. Steps beyond `answers` go wrong."""
    left = list(answers)
    steps: list[Try | Weigh] = []
    going = walk(taken, asked, lambda _: drawn, trail)
    try:
        step = next(going)
        while True:
            steps.append(step)
            step = going.send(left.pop(0) if left else False)
    except StopIteration as ended:
        return steps, ended.value
