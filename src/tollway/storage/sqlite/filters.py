"""Filters and groupings as SQL. Names are looked up in the tables below; whatever a caller wrote is bound."""

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
    "key": '"key"',
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
        if name.startswith(METADATA) and table == "records":
            key = name.removeprefix(METADATA)
            clauses.append(f"({_METADATA_VALUE} = ? OR {_ADDED})")
            bindings += [key, value, key, value]
        elif name.startswith(METADATA):
            clauses.append(f"{_METADATA_VALUE} = ?")
            bindings += [name.removeprefix(METADATA), value]
        elif name == "feedback":
            clauses.append(f"{_REMARKED} CAST(feedback AS TEXT) = ?)")
            bindings.append(value)
        elif name == "group":
            clauses.append(_IN_GROUP)
            bindings.append(value)
        else:
            clauses.append(f"{_COLUMNS[name]} = ?")
            bindings.append(value)
            if name == "code" and value:
                # The index has those alone that have one.
                clauses.append("code <> ''")
            elif name == "request_id" and table == "entries":
                # The id of an entry begins with its request's, and has an index.
                clauses.append("id BETWEEN ? || '.' AND ? || '/'")
                bindings += [value, value]
    return clauses, bindings


def grouping(names: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The columns to group entries by, the joins they need, and the bindings of the columns, in order."""
    columns: list[str] = []
    bindings: list[str] = []
    joins = ""
    for name in names:
        if name.startswith(METADATA):
            columns.append(_METADATA_VALUE)
            bindings.append(name.removeprefix(METADATA))
        elif name == "group":
            columns.append("member_of.value")
            joins = ' LEFT JOIN json_each("groups") AS member_of ON TRUE'
        else:
            columns.append(_COLUMNS[name])
    return columns, joins, bindings
