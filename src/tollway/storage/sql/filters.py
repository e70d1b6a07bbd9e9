"""Filters and groupings as SQL. Names are looked up in the tables below; whatever a caller wrote is bound.

An empty value asks for what has none, as in analytics: a column of NULL, as well as one of ''.
"""

from collections.abc import Sequence
from typing import Literal

from tollway.storage.deep import SCORE
from tollway.storage.fields import METADATA
from tollway.storage.protocol import Filter

_COLUMNS = {
    "gateway": "gateway",
    "provider": "provider",
    "model": "model",
    "user": "user",
    "service": "service",
    "code": "code",
    "kind": "kind",
    "request_id": "request_id",
    "status": "CAST(status AS TEXT)",
    "day": "strftime('%Y-%m-%d', occurred_at / 1000, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', occurred_at / 1000, 'unixepoch')",
}

# A key of metadata may hold any character, so it is compared as a value and never built into a JSON path.
_METADATA_VALUE = "(SELECT value FROM json_each(metadata) AS pair WHERE pair.key = ?)"
# Of what people said afterwards, which few requests have.
_REMARKED = "request_id IN (SELECT request_id FROM remarks WHERE"
_ADDED = "request_id IN (SELECT request_id FROM remarks, json_each(remarks.metadata) AS pair WHERE pair.key = ? AND pair.value = ?)"
_IN_GROUP = 'EXISTS (SELECT 1 FROM json_each("groups") AS member WHERE member.value = ?)'
_IN_NO_GROUP = f"(\"groups\" = '[]' OR {_IN_GROUP})"
_NO_METADATA = f"coalesce({_METADATA_VALUE}, '') = ?"
_NONE_ADDED = (
    "request_id NOT IN (SELECT request_id FROM remarks, json_each(remarks.metadata) AS pair "
    "WHERE pair.key = ? AND pair.value <> ?)"
)
_NOTHING_SAID = "request_id NOT IN (SELECT request_id FROM remarks WHERE coalesce(CAST(feedback AS TEXT), '') <> ?)"


def conditions(table: Literal["records", "entries"], where: Filter) -> tuple[list[str], list[str | int]]:
    """The clauses that all must hold, and their bindings in order. Fields must have been checked."""
    instant = "at" if table == "records" else "occurred_at"
    clauses = ["TRUE"]
    bindings: list[str | int] = []
    if where.since is not None:
        clauses.append(f"{instant} >= ?")
        bindings.append(where.since)
    if where.until is not None:
        clauses.append(f"{instant} < ?")
        bindings.append(where.until)
    if table == "records":
        for sign, limits in ((">=", where.least), ("<=", where.most)):
            if SCORE in limits:
                clauses.append(f"{_REMARKED} score_millionths {sign} ?)")
                bindings.append(limits[SCORE])
    for name, value in where.equals.items():
        none = value == ""
        if name.startswith(METADATA):
            key = name.removeprefix(METADATA)
            told, added = (_NO_METADATA, _NONE_ADDED) if none else (f"{_METADATA_VALUE} = ?", _ADDED)
            if table == "records":
                clauses.append(f"({told} {'AND' if none else 'OR'} {added})")
                bindings += [key, value, key, value]
            else:
                clauses.append(told)
                bindings += [key, value]
        elif name == "feedback":
            clauses.append(_NOTHING_SAID if none else f"{_REMARKED} CAST(feedback AS TEXT) = ?)")
            bindings.append(value)
        elif name == "group":
            clauses.append(_IN_NO_GROUP if none else _IN_GROUP)
            bindings.append(value)
        else:
            column = _column(table, name)
            clauses.append(f"({column} = ? OR {column} IS NULL)" if none else f"{column} = ?")
            bindings.append(value)
            if none:
                continue
            if name == "code":
                # The index has those alone that have one.
                clauses.append("code <> ''")
            elif name == "request_id" and table == "entries":
                # The id of an entry begins with its request's, and has an index.
                clauses.append("entries.id BETWEEN ? || '.' AND ? || '/'")
                bindings += [value, value]
    return clauses, bindings


def _column(table: Literal["records", "entries"], name: str) -> str:
    # Members of groups, which may be joined, have a key too.
    return f'{table}."key"' if name == "key" else _COLUMNS[name]


def grouping(names: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The columns to group entries by, in which an empty text is none, the joins they need, and the bindings of the columns, in
    order."""
    columns: list[str] = []
    bindings: list[str] = []
    joins = ""
    for name in names:
        if name.startswith(METADATA):
            columns.append(f"nullif({_METADATA_VALUE}, '')")
            bindings.append(name.removeprefix(METADATA))
        elif name == "group":
            columns.append("nullif(member_of.value, '')")
            joins = ' LEFT JOIN json_each("groups") AS member_of ON TRUE'
        else:
            columns.append(f"nullif({_column('entries', name)}, '')")
    return columns, joins, bindings
