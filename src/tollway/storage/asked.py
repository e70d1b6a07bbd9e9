"""What a question asks of a rollup and of the rows it lacks: pieces of time, and whether a row is meant. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tollway.storage.analytics import OWN_TABLE, Condition, Group
from tollway.storage.fields import METADATA
from tollway.storage.rolled import DAYS, FINE, HALF_MS, HALVES, HOUR_MS, HOURS_A_DAY, PLAIN, Attributes, Seen

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
    """Time that slots do not tell: [start, end) in Unix milliseconds. Its rows are read one by one."""

    start: int
    end: int
    buckets: tuple[tuple[int, int], ...]
    """In which ones they count (1), and from which they are taken away (-1)."""


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


def pieces(bounds: Sequence[int], level: int, halved: int | None = None) -> tuple[list[Piece], list[Edge]]:
    """Every bucket as days, hours and first halves of hours (UTC), and what is left to be read. `halved`: the hour from which
    on the halves are known; `None` where none is.

    A day of a zone near UTC is a day of UTC, with the hours before it that it has and without those at its end that it has not:
    a handful of slots instead of twenty-four. A bound within an hour is brought to the nearest instant that slots begin at, and
    the rows between the two are counted on one side of it and taken away from the other: so a range that begins at any
    millisecond is exact, and at most a quarter of an hour is read for each bound, or half an hour where halves are not known.
    """
    found: list[Piece] = []
    edges: list[Edge] = []
    nearest = [_nearest(bound, halved) for bound in bounds]
    for place, (bound, told) in enumerate(zip(bounds, nearest, strict=True)):
        if bound != told:
            before = 1 if told < bound else -1
            sides = ((place - 1, before), (place, -before))
            shares = tuple((bucket, sign) for bucket, sign in sides if 0 <= bucket < len(bounds) - 1)
            edges.append(Edge(min(bound, told), max(bound, told), shares))
    for bucket, (start, end) in enumerate(pairwise(nearest)):
        (first, first_rest), (last, last_rest) = divmod(start, HOUR_MS), divmod(end, HOUR_MS)
        found += _hours(bucket, level, first, last)
        if last_rest:
            found.append(Piece(bucket, level + HALVES, last, last + 1))
        if first_rest:
            found.append(Piece(bucket, level + HALVES, first, first + 1, -1))
    return found, edges


def _nearest(instant: int, halved: int | None) -> int:
    """The instant next to this one that slots can tell what was before."""
    hour = instant // HOUR_MS
    known = [hour * HOUR_MS, (hour + 1) * HOUR_MS]
    if halved is not None and hour >= halved:
        known.append(hour * HOUR_MS + HALF_MS)
    return min(known, key=lambda each: abs(each - instant))


def _hours(bucket: int, level: int, first: int, last: int) -> Iterator[Piece]:
    """The hours from `first` to `last`, as days where they are some."""
    first_day, last_day = _nearest_day(first), _nearest_day(last)
    if first_day >= last_day:
        yield from _between(bucket, level, first, last)
        return
    yield Piece(bucket, level + DAYS, first_day, last_day)
    yield from _between(bucket, level, first, first_day * HOURS_A_DAY)
    yield from _between(bucket, level, last_day * HOURS_A_DAY, last)


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
