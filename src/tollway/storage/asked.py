"""What a question asks of a rollup and of the rows it lacks: pieces of time, and whether a row is meant. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tollway.storage.analytics import OWN_TABLE, Condition, Group
from tollway.storage.fields import METADATA
from tollway.storage.rolled import DAYS, FINE, HOUR_MS, HOURS_A_DAY, PLAIN, Attributes, Seen

_PLAIN_FIELDS = frozenset({"gateway", "provider", "model", *OWN_TABLE})
"""Fields that plain contexts have."""


class Piece(NamedTuple):
    """Slots of a rollup."""

    bucket: int
    level: int
    start: int
    end: int
    sign: int = 1
    """-1: what is in them is taken away."""


class Edge(NamedTuple):
    """Time of which no whole hour is left: [start, end) in Unix milliseconds."""

    bucket: int
    start: int
    end: int


def level_of(by: Sequence[str], where: Sequence[Condition], attributes: Attributes) -> int | None:
    """The coarsest contexts that can answer; `None` where none can, as a key of metadata has too many values."""
    level: int = PLAIN
    for field in (*by, *(condition.field for condition in where)):
        if field.startswith(METADATA):
            known = attributes.level(field.removeprefix(METADATA))
            if known is None:
                return None
            level = min(level, known)
        elif field not in _PLAIN_FIELDS:
            level = FINE
    return level


def pieces(bounds: Sequence[int], level: int) -> tuple[list[Piece], list[Edge]]:
    """Every bucket as days and hours (UTC), and what is left of it at its ends.

    A day of a zone near UTC is a day of UTC, with the hours before it that it has and without those at its end that it has not:
    a handful of slots instead of twenty-four. What is no whole hour is left to be read from the ledger, so a zone that is half
    an hour off UTC, or a range that begins at any millisecond, is exact too.
    """
    found: list[Piece] = []
    edges: list[Edge] = []
    for bucket, (start, end) in enumerate(pairwise(bounds)):
        first, last = -(-start // HOUR_MS), end // HOUR_MS
        if first >= last:
            edges.append(Edge(bucket, start, end))
            continue
        if start < first * HOUR_MS:
            edges.append(Edge(bucket, start, first * HOUR_MS))
        if last * HOUR_MS < end:
            edges.append(Edge(bucket, last * HOUR_MS, end))
        first_day, last_day = _nearest_day(first), _nearest_day(last)
        if first_day >= last_day:
            found.append(Piece(bucket, level, first, last))
            continue
        found.append(Piece(bucket, level + DAYS, first_day, last_day))
        found += _between(bucket, level, first, first_day * HOURS_A_DAY)
        found += _between(bucket, level, last_day * HOURS_A_DAY, last)
    return found, edges


def _nearest_day(hour: int) -> int:
    return (hour + HOURS_A_DAY // 2) // HOURS_A_DAY


def _between(bucket: int, level: int, start: int, end: int) -> Iterator[Piece]:
    """The hours from `start` to `end`; to be taken away where they lie the other way round."""
    if start < end:
        yield Piece(bucket, level, start, end)
    elif end < start:
        yield Piece(bucket, level, end, start, -1)


def meant(seen: Seen, where: Sequence[Condition]) -> bool:
    """Whether every condition holds of a row."""
    return all(_holds(seen, condition) for condition in where)


def groups_of(seen: Seen, by: Sequence[str]) -> Iterator[Group]:
    """What a row counts under: once, or, by `group`, once for each group of its caller. An empty value is none."""
    if "group" not in by:
        yield tuple(_value(seen, field) or None for field in by)
        return
    for member in seen.who.names or (None,):
        yield tuple((member or None) if field == "group" else _value(seen, field) or None for field in by)


def _holds(seen: Seen, condition: Condition) -> bool:
    values = seen.who.names if condition.field == "group" else (_value(seen, condition.field),)
    texts = [value or "" for value in values] or [""]
    found = any(text in condition.values or (text and text.startswith(condition.prefixes)) for text in texts)
    return found is not condition.negated


def _value(seen: Seen, field: str) -> str | None:
    who = seen.who
    match field:
        case "gateway":
            return who.gateway
        case "provider":
            return who.provider
        case "model":
            return who.model
        case "user":
            return who.user
        case "key":
            return who.key
        case "service":
            return who.service
        case "kind":
            return str(seen.label)
        case "status":
            return f"{seen.label}xx"
        case _:
            return who.attributes.get(field.removeprefix(METADATA))
