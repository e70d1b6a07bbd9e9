"""The graph of a route: where its outputs lead, what is never reached, and what would never end."""

from collections.abc import Mapping, Sequence

import msgspec

from tollway.routes.problem import Problem

OUTPUTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "start": (("next",), ()),
    "conditional": (("true", "false"), ()),
    "percentage": ((), ("else",)),
    "rate": (("success",), ("fallback",)),
    "model": ((), ("success", "fallback")),
    "pool": ((), ("success", "fallback")),
    "end": ((), ()),
}
"""Type → the outputs it must have, and those it may have; a percentage has its shares besides."""
NONE: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


class Node(msgspec.Struct, frozen=True):
    """An element as far as the graph is concerned."""

    id: str
    type: str
    """Empty where it is no type there is."""
    outputs: Mapping[str, str]
    """Output → the id it leads to."""


def start_of(nodes: Mapping[str, Node], problems: list[Problem]) -> str | None:
    """The only start; `None` where there is none, or several."""
    starts = [node.id for node in nodes.values() if node.type == "start"]
    if not starts:
        problems.append(
            Problem(
                None, "elements", 'there is no start; add {"id": "start", "type": "start", "outputs": {"next": ...}}.'
            )
        )
        return None
    for other in starts[1:]:
        problems.append(Problem(other, "type", f'there is a start already, "{starts[0]}"; a route has one.'))
    return starts[0] if len(starts) == 1 else None


def check_graph(nodes: Mapping[str, Node], problems: list[Problem]) -> str | None:
    """The id of the start of a sound graph. What is wrong with it is added to `problems`."""
    start = start_of(nodes, problems)
    for node in nodes.values():
        _check_outputs(node, nodes, problems)
    found = _cycle(nodes)
    if found is not None:
        around = " → ".join(f'"{one}"' for one in (*found, found[0]))
        problems.append(
            Problem(
                found[-1], "outputs", f"it leads back to where it came from: {around}; a route must come to an end."
            )
        )
    if start is not None:
        reached = _reached(nodes, start)
        for node in nodes.values():
            if node.id not in reached:
                problems.append(Problem(node.id, "", "nothing leads to it; connect it, or take it out."))
    return start


def _check_outputs(node: Node, nodes: Mapping[str, Node], problems: list[Problem]) -> None:
    needed, _ = OUTPUTS.get(node.type, NONE)
    for name in needed:
        if name not in node.outputs:
            problems.append(
                Problem(node.id, f"outputs.{name}", "it leads nowhere; name the element that follows, such as an end.")
            )
    for name, following in node.outputs.items():
        if following not in nodes:
            there = ", ".join(f'"{one}"' for one in list(nodes)[:20])
            problems.append(
                Problem(node.id, f"outputs.{name}", f'there is no element "{following[:64]}"; there are {there}.')
            )
        elif name == "success" and node.type in ("model", "pool") and nodes[following].type not in ("end", ""):
            problems.append(
                Problem(
                    node.id,
                    "outputs.success",
                    f'it leads to "{following}", but the answer is under way to the caller by then, and nothing can follow; let it '
                    f'lead to an end, or leave it out. What is to happen where the model fails belongs to "fallback".',
                )
            )


def _reached(nodes: Mapping[str, Node], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for following in nodes[waiting.pop()].outputs.values():
            if following in nodes and following not in found:
                found.add(following)
                waiting.append(following)
    return found


def _cycle(nodes: Mapping[str, Node]) -> Sequence[str] | None:
    """The elements of a loop, in their order, if there is one."""
    done: set[str] = set()
    for first in nodes:
        way: list[str] = []
        on_way: set[str] = set()
        stack: list[tuple[str, bool]] = [(first, False)]
        while stack:
            current, left = stack.pop()
            if left:
                way.pop()
                on_way.discard(current)
                done.add(current)
                continue
            if current in on_way:
                return way[way.index(current) :]
            if current in done or current not in nodes:
                continue
            way.append(current)
            on_way.add(current)
            stack.append((current, True))
            stack.extend((following, False) for following in nodes[current].outputs.values())
    return None
