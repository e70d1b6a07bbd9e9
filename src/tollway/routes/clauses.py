"""What a condition asks, read: comparisons, what joins them, and their answers for one request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from tollway.policies.condition import Condition as Cel
from tollway.policies.condition import Failed, context_of
from tollway.policies.fields import Path
from tollway.routes.facts import ABSENT, RouteFacts

Operator = Literal[
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$contains", "$startsWith", "$endsWith"
]  # fmt: skip


class Comparison(msgspec.Struct, frozen=True):
    """One comparison of a field."""

    path: Path
    operator: Operator
    operand: Any
    """$regex: a `Cel` that matches the text `value`."""


class All(msgspec.Struct, frozen=True):
    clauses: "tuple[Clause, ...]"


class Either(msgspec.Struct, frozen=True):
    clauses: "tuple[Clause, ...]"


class Not(msgspec.Struct, frozen=True):
    clause: "Clause"


Clause = Comparison | All | Either | Not | Cel


def holds(clause: Clause, facts: RouteFacts, notes: list[str]) -> bool:
    """Whether a request is meant. What cannot be asked of it does not hold, and is told in `notes`."""
    match clause:
        case Comparison():
            return _compares(clause, facts, notes)
        case All(clauses=clauses):
            return all(holds(one, facts, notes) for one in clauses)
        case Either(clauses=clauses):
            return any(holds(one, facts, notes) for one in clauses)
        case Not(clause=inner):
            return not holds(inner, facts, notes)
        case Cel():
            tree = _tree(clause, facts)
            if _counted(tree, MOST_VALUES) > MOST_VALUES:
                notes.append(
                    f"the condition {clause.source[:100]} speaks of more than {MOST_VALUES:,} values of this request, so it is "
                    "not asked, and does not hold"
                )
                return False
            return _asked(clause, tree, notes)


def _asked(cel: Cel, values: Mapping[str, Any], notes: list[str]) -> bool:
    try:
        found = cel.holds(context_of(values))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # Making the context: a value that CEL has no type for.
        found = Failed(f"{type(error).__name__}: {str(error)[:200]}")
    if isinstance(found, Failed):
        notes.append(
            f"the condition {cel.source[:100]} cannot be asked of this request, so it does not hold: {found.why}"
        )
        return False
    return found


MOST_VALUES = 5_000
"""Values within the fields that an expression speaks of: handing one to CEL takes some microseconds, and the loop waits."""


def _tree(cel: Cel, facts: RouteFacts) -> dict[str, Any]:
    """The fields that an expression speaks of, and null for those that are missing, which is equal to no text or number."""
    tree: dict[str, Any] = {}
    # What lies in another comes behind it.
    for path in sorted(cel.used, key=len):
        value = facts.value(path)
        if value is not ABSENT:
            tree = _placed(tree, path, value)
    for path in cel.needed:
        if facts.value(path) is ABSENT:
            tree = _placed(tree, path, None)
    for path in cel.used:
        if path not in cel.needed:
            # So that `has` has something to ask.
            tree = _placed(tree, path[:-1], ABSENT)
    return tree


def _counted(value: Any, enough: int) -> int:
    """How many values there are, counted no further than `enough`."""
    waiting, found = [value], 0
    while waiting and found <= enough:
        one = waiting.pop()
        found += 1
        if isinstance(one, Mapping):
            waiting.extend(cast("Mapping[str, Any]", one).values())
        elif isinstance(one, list):
            waiting.extend(cast("list[Any]", one)[: enough + 1])
    return found


def _placed(tree: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy of the tree with the value at its place; `ABSENT`: with an object there, if there is nothing."""
    found = dict(tree)
    if not path:
        return found
    head, rest = path[0], path[1:]
    if not rest:
        if value is not ABSENT:
            found[head] = value
        else:
            found.setdefault(head, {})
        return found
    inner = found.get(head, {})
    if isinstance(inner, Mapping):
        found[head] = _placed(cast("Mapping[str, Any]", inner), rest, value)
    return found


def _compares(test: Comparison, facts: RouteFacts, notes: list[str]) -> bool:
    found, operand = facts.value(test.path), test.operand
    if isinstance(found, str) and test.path[0] in _AS_TEXT and _has_number(operand):
        found = _said(found)
    match test.operator:
        case "$exists":
            return (found is not ABSENT) is operand
        case "$eq":
            return _any(found, lambda one: _equal(one, operand))
        case "$ne":
            return not _any(found, lambda one: _equal(one, operand))
        case "$in":
            return _is_in(found, operand)
        case "$nin":
            return not _is_in(found, operand)
        case "$contains":
            if isinstance(found, str):
                return isinstance(operand, str) and operand in found
            return isinstance(found, list) and any(_equal(one, operand) for one in cast("list[Any]", found))
        case "$startsWith":
            return _any(found, lambda one: isinstance(one, str) and one.startswith(operand))
        case "$endsWith":
            return _any(found, lambda one: isinstance(one, str) and one.endswith(operand))
        case "$regex":
            return _any(found, lambda one: isinstance(one, str) and _asked(operand, {"value": one}, notes))
        case "$gt" | "$gte" | "$lt" | "$lte":
            return _any(found, lambda one: _ordered(test.operator, one, operand))


MOST_ELEMENTS = 1_000
"""Elements of a list that are compared; a caller may send longer ones, and the loop waits."""


def _any(found: Any, holds: Callable[[Any], bool]) -> bool:
    if found is ABSENT:
        return False
    return holds(found) or (isinstance(found, list) and any(map(holds, cast("list[Any]", found)[:MOST_ELEMENTS])))


def _is_in(found: Any, operand: Sequence[Any]) -> bool:
    plain = {_plain(one) for one in operand} - {None}
    others: list[Any] = [one for one in operand if _plain(one) is None]
    return _any(found, lambda one: _plain(one) in plain or any(_equal(one, other) for other in others))


def _plain(value: Any) -> tuple[str, Any] | None:
    """What two values that are no lists or objects have in common where they are equal; `None` for those that are."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, int | float):
        return ("number", value)
    return ("other", value) if isinstance(value, str) or value is None else None


def _equal(found: Any, operand: Any) -> bool:
    """Whether two values of JSON are the same: 1 is 1.0, and not true."""
    if isinstance(found, bool) or isinstance(operand, bool):
        return found is operand
    if isinstance(found, Mapping) and isinstance(operand, Mapping):
        ours, theirs = cast("Mapping[str, Any]", found), cast("Mapping[str, Any]", operand)
        return ours.keys() == theirs.keys() and all(_equal(ours[name], theirs[name]) for name in ours)
    if isinstance(found, list) and isinstance(operand, list):
        mine, other = cast("Sequence[Any]", found), cast("Sequence[Any]", operand)
        return len(mine) == len(other) and all(_equal(a, b) for a, b in zip(mine, other, strict=True))
    return bool(found == operand)


def _ordered(operator: str, found: Any, operand: int | float | str) -> bool:
    if isinstance(operand, str):
        return isinstance(found, str) and _stands(operator, (found > operand) - (found < operand))
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return _stands(operator, (found > operand) - (found < operand))


def _stands(operator: str, sign: int) -> bool:
    match operator:
        case "$gt":
            return sign > 0
        case "$gte":
            return sign >= 0
        case "$lt":
            return sign < 0
        case _:
            return sign <= 0


_AS_TEXT = ("metadata", "headers")
"""What is text whatever was meant by it."""


def _has_number(operand: Any) -> bool:
    if isinstance(operand, list):
        return any(_has_number(one) for one in cast("list[Any]", operand))
    return isinstance(operand, bool | int | float)


def _said(text: str) -> Any:
    """The number or boolean that a text is, as metadata is kept; else the text."""
    if len(text) > 32:
        return text
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text
    return said if isinstance(said, bool | int | float) else text
