"""Conditions of routes: Mongo's operators, as Cloudflare has them, and CEL; read once and asked of each request.

A field that a request does not have is no error: it is equal to nothing, not even null, and less or greater than nothing.
Where a field is a list, a comparison holds if it does for the list or for one of its elements, as in Mongo. Metadata is
text, and is taken for the number or boolean it says where it is compared with one.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from tollway.errors import SettingsInvalid
from tollway.policies.condition import compiled
from tollway.policies.fields import Path, Vocabulary
from tollway.routes.clauses import All, Clause, Comparison, Either, Not, Operator, holds
from tollway.routes.facts import VOCABULARY, RouteFacts, read_path

DEEPEST = 10
"""$and, $or and $not inside each other."""
MOST_TESTS = 200
LONGEST = 16_000
"""Bytes of a condition as JSON."""
LONGEST_PATTERN = 1_000

OPERATORS: tuple[str, ...] = (
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$contains", "$startsWith", "$endsWith",
    "$not",
)  # fmt: skip
"""Of a field. $and, $or, $nor and $not stand outside of fields, and so does "cel"."""


class Condition:
    """A condition as it is written, and what it asks. Equal where it says the same."""

    __slots__ = ("clause", "source")

    def __init__(self, source: Mapping[str, Any], clause: Clause) -> None:
        self.source = source
        self.clause = clause

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.source == self.source

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self.source, order="deterministic"))

    def __repr__(self) -> str:
        return f"Condition({self.source!r})"

    def holds(self, facts: RouteFacts, notes: list[str] | None = None) -> bool:
        """Whether a request is meant. What cannot be asked of it does not hold, and is told in `notes`."""
        return holds(self.clause, facts, notes if notes is not None else [])


Report = Callable[[str, str], None]
"""(where in the condition, what is wrong there)"""


def read_condition(written: object, report: Report) -> Condition | None:
    """The condition that `written` means: an object of fields and operators, or CEL. What is wrong is reported, all of it;
    `None` then."""
    source: Any = {"cel": written} if isinstance(written, str) else written
    if not isinstance(source, dict) or not source:
        report("", 'a condition is an object such as {"metadata.plan": {"$eq": "free"}}, or {"cel": "..."}.')
        return None
    try:
        encoded = msgspec.json.encode(source)
        plain = len(encoded) <= LONGEST and msgspec.json.decode(encoded) == source
    except (TypeError, ValueError, RecursionError):
        plain = False
    if not plain:
        report("", f"it is no JSON, or longer than {LONGEST:,} bytes; write less, and dates in quotes.")
        return None
    reader = _Reader(report)
    clause = reader.whole(cast("dict[object, object]", source), "", 1)
    return Condition(cast("dict[str, Any]", source), clause) if clause is not None and not reader.failed else None


class _Reader:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.failed = False
        self._tests = 0

    def wrong(self, where: str, said: str) -> None:
        self.failed = True
        self._report(where, said)

    def whole(self, written: Mapping[object, object], where: str, depth: int) -> Clause | None:
        """What an object says: all of its entries."""
        if depth > DEEPEST:
            self.wrong(where, f"conditions inside each other go {DEEPEST} deep at most; write it flatter, or in CEL.")
            return None
        clauses: list[Clause] = []
        for name, operand in written.items():
            at = f"{where}.{name}" if where else str(name)
            found = self._entry(str(name), operand, at, depth)
            if found is not None:
                clauses.append(found)
        if not written:
            self.wrong(where, "it is empty; write at least one comparison.")
        return clauses[0] if len(clauses) == 1 else All(tuple(clauses))

    def _entry(self, name: str, operand: object, at: str, depth: int) -> Clause | None:
        match name:
            case "$and" | "$or" | "$nor":
                clauses = self._several(operand, at, depth)
                return All(clauses) if name == "$and" else Either(clauses) if name == "$or" else Not(Either(clauses))
            case "$not":
                if not isinstance(operand, dict):
                    self.wrong(at, "$not takes a condition; write an object.")
                    return None
                inner = self.whole(cast("dict[object, object]", operand), at, depth + 1)
                return Not(inner) if inner is not None else None
            case "cel":
                return self._cel(operand, at)
            case _ if name.startswith("$"):
                self.wrong(at, f'{name} needs a field; write {{"metadata.plan": {{{json.dumps(name)}: ...}}}}.')
                return None
            case _:
                path = read_path(name)
                if isinstance(path, str):
                    self.wrong(at, path)
                    return None
                return self._field(path, operand, at, depth)

    def _several(self, written: object, at: str, depth: int) -> tuple[Clause, ...]:
        if not isinstance(written, list) or not written:
            self.wrong(at, "it takes a list of conditions, at least one.")
            return ()
        found: list[Clause] = []
        for number, one in enumerate(cast("list[object]", written)):
            if not isinstance(one, dict):
                self.wrong(f"{at}[{number}]", "it is no condition; write an object.")
                continue
            clause = self.whole(cast("dict[object, object]", one), f"{at}[{number}]", depth + 1)
            if clause is not None:
                found.append(clause)
        return tuple(found)

    def _field(self, path: Path, written: object, at: str, depth: int) -> Clause | None:
        operators = cast("dict[str, object]", written) if isinstance(written, dict) else {}
        if not any(str(name).startswith("$") for name in operators):
            if isinstance(written, dict) and not written:
                self.wrong(at, 'it says nothing; write a value, or an operator such as {"$exists": true}.')
                return None
            return self._test(path, "$eq", cast("object", written), at)
        clauses: list[Clause] = []
        for operator, operand in operators.items():
            inside = f"{at}.{operator}"
            if operator == "$options" and "$regex" in operators:
                continue
            if operator == "$not":
                if depth >= DEEPEST:
                    self.wrong(inside, f"conditions inside each other go {DEEPEST} deep at most.")
                    continue
                inner = self._field(path, operand, inside, depth + 1)
                clauses += [Not(inner)] if inner is not None else []
                continue
            if operator not in OPERATORS:
                self.wrong(inside, f'there is no operator "{operator[:32]}"; there are {", ".join(OPERATORS)}.')
                continue
            if operator == "$regex":
                operand = _with_options(operand, operators.get("$options", ""))
            found = self._test(path, cast("Operator", operator), operand, inside)
            clauses += [found] if found is not None else []
        return clauses[0] if len(clauses) == 1 else All(tuple(clauses))

    def _test(self, path: Path, operator: Operator, operand: object, at: str) -> Clause | None:
        self._tests += 1
        if self._tests == MOST_TESTS + 1:
            self.wrong(at, f"there are more than {MOST_TESTS} comparisons; use $in, or several elements.")
        said = _unfit(operator, operand)
        if said is not None:
            self.wrong(at, said)
            return None
        if operator == "$regex":
            try:
                # Its engine takes time that grows with the text alone; Python's own does not.
                pattern = compiled(f"value.matches({json.dumps(operand, ensure_ascii=False)})", "$regex", _OF_REGEX)
            except SettingsInvalid as error:
                self.wrong(at, str(error).replace("$regex, column 15: ", "").partition(" In: ")[0])
                return None
            return Comparison(path, operator, pattern)
        return Comparison(path, operator, operand)

    def _cel(self, written: object, at: str) -> Clause | None:
        self._tests += 1
        if not isinstance(written, str):
            self.wrong(at, 'it is no text; write a CEL expression such as "metadata.plan == \\"free\\"".')
            return None
        try:
            return compiled(written, at, VOCABULARY)
        except SettingsInvalid as error:
            self.wrong(at, str(error).removeprefix(f"{at}, ").removeprefix(f"{at}: "))
            return None


def _nothing(_: Path) -> None:
    """Only we write names there."""


def _no_map(_: Path) -> bool:
    return False


_OF_REGEX = Vocabulary(frozenset({"value"}), _nothing, _no_map)


def _with_options(pattern: object, options: object) -> object:
    if isinstance(pattern, str) and isinstance(options, str) and options and not options.strip("ims"):
        return f"(?{''.join(sorted(set(options)))}){pattern}"
    return pattern if options == "" else None


def _unfit(operator: Operator, operand: object) -> str | None:
    """What is wrong with the other side of a comparison."""
    match operator:
        case "$in" | "$nin":
            if not isinstance(operand, list) or not operand:
                return f"{operator} takes a list of values, at least one."
        case "$exists":
            if not isinstance(operand, bool):
                return "$exists takes true or false."
        case "$gt" | "$gte" | "$lt" | "$lte":
            if isinstance(operand, bool) or not isinstance(operand, int | float | str):
                return f"{operator} takes a number or text."
        case "$startsWith" | "$endsWith":
            if not isinstance(operand, str) or not operand:
                return f"{operator} takes text."
        case "$regex":
            if not isinstance(operand, str) or not 0 < len(operand) <= LONGEST_PATTERN:
                return (
                    f"$regex takes a pattern of 1 to {LONGEST_PATTERN:,} characters, and $options some of the letters i, m, s; "
                    "where a part of the text is known, use $contains, $startsWith or $endsWith."
                )
        case "$contains":
            if operand == "" or isinstance(operand, dict | list) or operand is None:
                return "$contains takes a value that is looked for in a text or a list."
        case "$eq" | "$ne":
            pass
    return None
