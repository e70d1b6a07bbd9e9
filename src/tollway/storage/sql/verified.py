"""Whether rollups equal the ledger: every hour, by everything that they can be asked by."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.analytics import MEASURES
from tollway.storage.at_rest import at_rest
from tollway.storage.rolled import (
    COARSE,
    DAYS,
    ENTRY_COLUMNS,
    FINE,
    HALF_MS,
    HALVES,
    HOUR_MS,
    HOURS_A_DAY,
    LEVELS,
    PLAIN,
    Attributes,
    Seen,
    Who,
)
from tollway.storage.sql import rollups, verified_meters
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.rebuilt import take_in
from tollway.storage.sql.wide import halves, whole

_DAY_MS: Final = HOURS_A_DAY * HOUR_MS
_SUMS: Final = MEASURES["spending"]
_NAMES: Final = {FINE: "fine", COARSE: "coarse", PLAIN: "plain"}
_PICKED: Final = ", ".join(f"r.{name}" for name in _SUMS)

_Table = dict[tuple[Any, ...], list[int]]


class Verified(NamedTuple):
    """What came of comparing."""

    entries: int
    """That rollups have."""
    behind: int
    """That they do not have yet; answers read those from the ledger."""
    differences: Sequence[str]
    stuck: str | None = None
    """Why those cannot be taken in; `None` where they can."""


def verify(place: Path | str) -> Verified:
    """Compares the rollups at `place` (`at_rest`) with its ledger, and tries whether what they lack can be taken in; nothing
    stays written. Raises StoreUnavailable."""
    with at_rest(place) as store:
        with store.reading() as reading, reading:
            found = verified(reading)
        if not found.behind:
            return found
        with store.writing() as writing:
            return found._replace(stuck=_stuck(writing))


def verified(reading: Connection) -> Verified:
    """The same, over a connection."""
    through = rollups.mark(reading, "spending")
    attributes = rollups.attributes(reading)
    words: list[str] = []
    for day in _days(reading, through):
        for level in LEVELS:
            whole, first = _truth(reading, day, level, through, attributes)
            words += _differences(_NAMES[level], whole, _rolled(reading, day, level, 0, attributes))
            words += _differences(
                f"{_NAMES[level]}, first half", first, _rolled(reading, day, level, HALVES, attributes)
            )
        words += _days_differ(reading, day)
    words += verified_meters.differences(reading, attributes)
    last: int = reading.execute("SELECT coalesce(max(seq), 0) FROM entries").get
    return Verified(through, last - through, words)


def _stuck(writing: Connection) -> str | None:
    writing.execute("BEGIN IMMEDIATE")
    try:
        take_in(writing)
    except Exception as error:
        # Whatever it is, it is in the way.
        return f"{type(error).__name__}: {error}"
    finally:
        writing.execute("ROLLBACK")
    return None


def _days(reading: Connection, through: int) -> Iterator[int]:
    """Every day that either side has anything of."""
    ends = reading.execute(
        f"SELECT min(occurred_at) / {_DAY_MS}, max(occurred_at) / {_DAY_MS} FROM entries WHERE +seq <= ?", (through,)
    ).fetchone()
    of_hours = ", ".join(str(level + part) for level in LEVELS for part in (0, HALVES))
    hours = reading.execute(
        f"SELECT min(slot) / {HOURS_A_DAY}, max(slot) / {HOURS_A_DAY} FROM spending WHERE level IN ({of_hours})"
    ).fetchone()
    days = reading.execute(f"SELECT min(slot), max(slot) FROM spending WHERE level % 2 = {DAYS}").fetchone()
    there = [day for pair in (ends, hours, days) for day in pair if day is not None]
    yield from range(min(there), max(there) + 1) if there else ()


def _truth(reading: Connection, day: int, level: int, through: int, attributes: Attributes) -> tuple[_Table, _Table]:
    """Of hours, and of the first halves of those whose halves are known."""
    found: _Table = {}
    first: _Table = {}
    halved = rollups.halved(reading, "spending")
    rows = reading.execute(
        f"SELECT {ENTRY_COLUMNS} FROM entries WHERE occurred_at >= ? AND occurred_at < ? AND +seq <= ?",
        (day * _DAY_MS, (day + 1) * _DAY_MS, through),
    ).fetchall()
    for seen in rollups.folded(reading, "spending", rows):
        hour, rest = divmod(seen.at, HOUR_MS)
        _count(found, level, hour, seen, attributes)
        if rest < HALF_MS and hour >= halved:
            _count(first, level, hour, seen, attributes)
    return found, first


def _rolled(reading: Connection, day: int, level: int, part: int, attributes: Attributes) -> _Table:
    found: _Table = {}
    since = rollups.halved(reading, "spending") if part else 0
    rows = reading.execute(
        'SELECT r.slot, r.kind, c.gateway, c.provider, c.model, c.user, c."key", c.service, c."groups", c.metadata, '
        f"{_PICKED} FROM spending AS r JOIN contexts AS c ON c.id = r.context "
        "WHERE r.level = ? AND r.slot >= ? AND r.slot < ?",
        (level + part, max(since, day * HOURS_A_DAY), (day + 1) * HOURS_A_DAY),
    )
    for hour, kind, *values in rows:
        _count(found, level, hour, Seen(hour * HOUR_MS, Who(*values[:8]), kind, tuple(values[8:])), attributes)
    return found


def _count(found: _Table, level: int, hour: int, seen: Seen, attributes: Attributes) -> None:
    """Under everybody who is in it, and under each value of metadata that the level knows."""
    who = seen.who
    whom = (who.user, who.key, who.service, *who.names) if level == FINE else ()
    keys: list[tuple[Any, ...]] = [(hour, seen.label, who.gateway, who.provider, who.model, *whom)]
    for name, value in who.attributes.items():
        known = attributes.level(name)
        if known is not None and known >= level:
            keys.append((hour, seen.label, name, value))
    for key in keys:
        sums = found.setdefault(key, [0] * len(_SUMS))
        for place, value in enumerate(seen.sums):
            sums[place] += value


def _differences(which: str, truth: _Table, rolled: _Table) -> Iterator[str]:
    nothing = [0] * len(_SUMS)
    for key in sorted(truth.keys() | rolled.keys(), key=str):
        expected, found = truth.get(key, nothing), rolled.get(key, nothing)
        if expected != found:
            hour, label, *names = key
            yield (
                f"{iso(hour * HOUR_MS)}, {label}, {', '.join(str(name) for name in names if name is not None)} "
                f"({which}): {_said(expected, found)}."
            )


def _said(expected: Sequence[int], found: Sequence[int]) -> str:
    return "; ".join(
        f"{name} is {dollars(b)} US dollars, the ledger has {dollars(a)}"
        if name == "amount_nanodollars"
        else f"{name} is {b:,}, the ledger has {a:,}"
        for name, a, b in zip(_SUMS, expected, found, strict=True)
        if a != b
    )


def _days_differ(reading: Connection, day: int) -> Iterator[str]:
    """Days must be the sums of their hours, context by context."""
    added = ", ".join(halves(name) for name in _SUMS)
    for level in LEVELS:
        hours = reading.execute(
            f"SELECT context, kind, {added} FROM spending WHERE level = ? AND slot >= ? AND slot < ? GROUP BY 1, 2",
            (level, day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY),
        )
        of_day = reading.execute(
            f"SELECT context, kind, {added} FROM spending WHERE level = ? AND slot = ? GROUP BY 1, 2",
            (level + DAYS, day),
        )
        if _by_context(hours) != _by_context(of_day):
            yield f"{iso(day * _DAY_MS)[:10]}: the day is not the sum of its hours ({_NAMES[level]})."


def _by_context(rows: Iterable[Sequence[Any]]) -> _Table:
    return {
        (row[0], row[1]): [whole(high, low) for high, low in zip(row[2::2], row[3::2], strict=True)] for row in rows
    }
