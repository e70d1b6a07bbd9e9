"""Questions as SQL over a rollup. Names come from the tables below; whatever a caller wrote is bound."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tollway.storage.analytics import Condition, Group, Table
from tollway.storage.asked import Piece
from tollway.storage.fields import METADATA
from tollway.storage.rolled import FINE, PLAIN
from tollway.storage.sql.driver import Connection, plans_by_cost
from tollway.storage.sql.wide import halves, whole

_COLUMNS: Final = {
    "gateway": "gateway",
    "provider": "provider",
    "model": "model",
    "user": '"user"',
    "key": '"key"',
    "service": "service",
}
_LABELS: Final = {"kind": "r.kind", "status": "r.status || 'xx'"}
# A key of metadata may hold any character, so it is compared as a value and never built into a JSON path.
_METADATA_VALUE: Final = "(SELECT value FROM json_each(contexts.metadata) AS pair WHERE pair.key = ?)"
_MEMBERS: Final = 'json_each(contexts."groups")'

COUNTED: Final[Mapping[Table, str]] = {"spending": "entries", "traffic": "requests"}
"""Of whom there is none of these, after all that is taken away, is not there."""
_MONEY: Final = frozenset({"amount_nanodollars", "saved_nanodollars"})

Found = list[tuple[int, Group, list[int]]]
"""Bucket, group, sums, and how many of `COUNTED` those are of."""


def sums(
    reading: Connection,
    table: Table,
    columns: Sequence[str],
    pieces: Sequence[Piece],
    by: Sequence[str],
    where: Sequence[Condition],
    level: int,
    among: Sequence[Group] | None = None,
) -> Found:
    """The sums of `columns` over these pieces, and of `COUNTED`, by bucket and fields; of the groups `among` alone where they are
    given, which no field of a row itself is in."""
    chosen, chosen_bindings = _chosen(by, where, level, among)
    outer: list[str] = []
    bindings: list[Any] = []
    for condition in where:
        if condition.field in _LABELS:
            clause, bound = _clause(_LABELS[condition.field], condition)
            outer.append(clause)
            bindings += bound
    # The pieces are the outer loop, each a stretch of the primary key; nobody is to turn that around.
    within = "r.level = pieces.level AND r.slot >= pieces.first AND r.slot < pieces.last"
    if plans_by_cost(reading):
        stretch = f"(SELECT * FROM {table} AS r WHERE {within} OFFSET 0)"
        joined, tests = f"pieces CROSS JOIN LATERAL {stretch} AS r", "TRUE"
    else:
        joined, tests = f"pieces CROSS JOIN {table} AS r", within
    summed = (*columns, COUNTED[table])
    tests = " AND ".join((tests, *outer))
    named_apart = all(condition.field in _LABELS for condition in where) and among is None
    if chosen and named_apart and all(piece.bucket == pieces[0].bucket for piece in pieces):
        rest = _by_context(by, joined, tests, summed)
    else:
        keys = [_LABELS.get(field, f"chosen.d{place}") for place, field in enumerate(by)]
        rest = (
            f" SELECT pieces.bucket, {''.join(f'{key}, ' for key in keys)}{', '.join(map(_sum, summed))} "
            f"FROM {joined}{' CROSS JOIN chosen' if chosen else ''} WHERE {tests}"
            f"{' AND chosen.id = r.context' if chosen else ''}"
        )
    statement = (
        "WITH pieces AS MATERIALIZED (SELECT CAST(value ->> 0 AS BIGINT) AS bucket, CAST(value ->> 1 AS BIGINT) AS level, "
        "CAST(value ->> 2 AS BIGINT) AS first, CAST(value ->> 3 AS BIGINT) AS last, "
        f"CAST(value ->> 4 AS BIGINT) AS sign FROM json_each(?)){', ' + chosen if chosen else ''}{rest} "
        f"GROUP BY {_places(len(by) + 1)}"
    )
    rows = reading.execute(statement, (json.dumps(pieces), *chosen_bindings, *bindings))
    width = len(by) + 1
    return [(row[0], tuple(row[1:width]), _values(summed, row[width:])) for row in rows]


def _by_context(by: Sequence[str], joined: str, tests: str, columns: Sequence[str]) -> str:
    """Each context is added up by its number first, and by what it is called then: it has a row for each slot, and names are long."""
    labels = [(f"d{place}", _LABELS[field]) for place, field in enumerate(by) if field in _LABELS]
    keys = [f"{'added' if field in _LABELS else 'chosen'}.d{place}" for place, field in enumerate(by)]
    sums = [f"s{place}" for place in range(sum(2 if column in _MONEY else 1 for column in columns))]
    return (
        f", added ({', '.join(('bucket', 'context', *(name for name, _ in labels), *sums))}) AS MATERIALIZED ("
        f"SELECT {', '.join(('pieces.bucket', 'r.context', *(label for _, label in labels), *map(_sum, columns)))} "
        f"FROM {joined} WHERE {tests} GROUP BY {_places(2 + len(labels))}) "
        f"SELECT added.bucket, {''.join(f'{key}, ' for key in keys)}{', '.join(f'sum(added.{name})' for name in sums)} "
        "FROM added CROSS JOIN chosen WHERE chosen.id = added.context"
    )


def _places(number: int) -> str:
    return ", ".join(str(place) for place in range(1, number + 1))


def _sum(column: str) -> str:
    signed = f"r.{column} * pieces.sign"
    return halves(signed) if column in _MONEY else f"sum({signed})"


def _values(columns: Sequence[str], found: Sequence[int]) -> list[int]:
    rest = iter(found)
    return [whole(next(rest), next(rest)) if column in _MONEY else next(rest) for column in columns]


def _chosen(
    by: Sequence[str], where: Sequence[Condition], level: int, among: Sequence[Group] | None
) -> tuple[str, list[Any]]:
    """The contexts that are meant, with what they are grouped by, as a table to look up; "" where all are, ungrouped."""
    fields = [(place, field) for place, field in enumerate(by) if field not in _LABELS]
    conditions = [condition for condition in where if condition.field not in _LABELS]
    if not fields and not conditions:
        return "", []
    picked, picked_bindings = ["contexts.id"], list[Any]()
    joins = ""
    for place, field in fields:
        expression, bound = _expression(field)
        if field == "group":
            expression, joins = "nullif(member_of.value, '')", f" LEFT JOIN {_MEMBERS} AS member_of ON TRUE"
        picked.append(f"{expression} AS d{place}")
        picked_bindings += bound
    clauses, bindings = ["TRUE"], list[Any]()
    if level != FINE:
        clauses.append("contexts.coarse = contexts.id")
    if level == PLAIN:
        clauses.append("contexts.metadata = '{}'")
    for condition in conditions:
        clause, bound = _of_context(condition)
        clauses.append(clause)
        bindings += bound
    inner = f"SELECT {', '.join(picked)} FROM contexts{joins} WHERE {' AND '.join(clauses)}"
    if among is None:
        return f"chosen AS MATERIALIZED ({inner})", [*picked_bindings, *bindings]
    # NULL is no member of anything, so that there is none is a column of its own.
    mine = ", ".join(f"d{place} IS NULL, coalesce(d{place}, '')" for place, _ in fields)
    named = ", ".join(f"value ->> {place} IS NULL, coalesce(value ->> {place}, '')" for place, _ in fields)
    outer = f"SELECT * FROM ({inner}) AS each WHERE ({mine}) IN (SELECT {named} FROM json_each(?))"
    return f"chosen AS MATERIALIZED ({outer})", [*picked_bindings, *bindings, json.dumps(among)]


def _expression(field: str) -> tuple[str, list[Any]]:
    """The value of a field; an empty one is none, as it is on statements."""
    if field.startswith(METADATA):
        return f"nullif({_METADATA_VALUE}, '')", [field.removeprefix(METADATA)]
    return f"nullif(contexts.{_COLUMNS[field]}, '')" if field in _COLUMNS else "", []


def _of_context(condition: Condition) -> tuple[str, list[Any]]:
    if condition.field != "group":
        expression, bound = _expression(condition.field)
        clause, bindings = _clause(expression, condition, bound)
        return clause, bindings
    positive, bindings = _clause(
        "member.value", Condition(field="group", values=condition.values, prefixes=condition.prefixes)
    )
    clause = f"EXISTS (SELECT 1 FROM {_MEMBERS} AS member WHERE {positive})"
    if "" in condition.values:
        clause = f"({clause} OR contexts.\"groups\" = '[]')"
    return (f"NOT {clause}" if condition.negated else clause), bindings


def _clause(expression: str, condition: Condition, bound: Sequence[Any] = ()) -> tuple[str, list[Any]]:
    """That an expression has one of the values; what has none counts as the empty text."""
    text = f"coalesce({expression}, '')"
    tests = [f"{text} IN (SELECT value FROM json_each(?))"]
    bindings: list[Any] = [*bound, json.dumps(condition.values)]
    for prefix in condition.prefixes:
        # Whoever has none begins with nothing, not even with no letter at all: `user=*` is everybody who has a name.
        tests.append(f"({text} <> '' AND substr({text}, 1, ?) = ?)")
        bindings += [*bound, *bound, len(prefix), prefix]
    return f"{'NOT ' if condition.negated else ''}({' OR '.join(tests)})", bindings
