"""Graphs: whatever leads in a circle is found, and whatever does not is not."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.routes.graph import Node, check_graph
from tollway.routes.problem import Problem


def problems(edges: dict[str, list[str]]) -> list[Problem]:
    """Of a graph of percentages behind a start that leads to "0"; the last element is an end."""
    last = str(len(edges))
    nodes = {"start": Node("start", "start", {"next": "0"}), last: Node(last, "end", {})}
    for name, following in edges.items():
        nodes[name] = Node(name, "percentage", {f"{n}%": one for n, one in enumerate(following)})
    found: list[Problem] = []
    check_graph(nodes, found)
    return found


@given(st.integers(1, 7).flatmap(lambda n: st.lists(st.lists(st.integers(0, n), max_size=3), min_size=n, max_size=n)))
def test_a_loop_is_found_where_there_is_one(following: list[list[int]]) -> None:
    edges = {str(n): [str(one) for one in ways] for n, ways in enumerate(following)}
    told = any("leads back" in problem.message for problem in problems(edges))

    def comes_back(start: str) -> bool:
        seen: set[str] = set()
        waiting = list(edges.get(start, []))
        while waiting:
            current = waiting.pop()
            if current == start:
                return True
            if current not in seen:
                seen.add(current)
                waiting += edges.get(current, [])
        return False

    assert told == any(comes_back(name) for name in edges)


@given(st.integers(1, 7).flatmap(lambda n: st.lists(st.lists(st.integers(0, n), max_size=3), min_size=n, max_size=n)))
def test_what_is_never_reached_is_told(following: list[list[int]]) -> None:
    edges = {str(n): [str(one) for one in ways] for n, ways in enumerate(following)}
    reached, waiting = {"start", "0"}, ["0"]
    while waiting:
        for one in edges.get(waiting.pop(), []):
            if one not in reached:
                reached.add(one)
                waiting.append(one)
    told = {problem.element for problem in problems(edges) if "nothing leads to it" in problem.message}
    assert told == {*edges, str(len(edges))} - reached


def test_a_loop_is_told_as_the_way_it_takes() -> None:
    (problem,) = problems({"0": ["1"], "1": ["2", "3"], "2": ["0"]})
    assert problem.element == "2" and '"0" → "1" → "2" → "0"' in problem.message


def test_many_ways_to_one_place_are_no_loop_and_take_no_time() -> None:
    assert problems({str(n): [str(n + 1)] * 5 for n in range(90)}) == []
