"""Whether the sums that statements are made of equal the ledger: every day, every caller, every meter."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.rolled import DAYS, FINE, HOUR_MS, HOURS_A_DAY, Attributes, Who
from tollway.storage.sql import meters
from tollway.storage.sql.driver import Connection

_DAY_MS: Final = HOURS_A_DAY * HOUR_MS
_CALLS: Final = "entries", "calls", "calls without a price", "presumed calls"
_WHO: Final = 'c.gateway, c.provider, c.model, c.user, c."key", c.service, c."groups", c.metadata'
_STRETCH: Final = "AS r JOIN contexts AS c ON c.id = r.context WHERE r.level = ? AND r.slot = ?"
_CALLED: Final = f"SELECT {_WHO}, r.entries, r.attempts, r.unpriced, r.presumed FROM calls {_STRETCH}"
_USED: Final = f"SELECT {_WHO}, r.meter, r.quantity, r.amount_nanodollars FROM meters {_STRETCH}"
_OF_DAY: Final = """
SELECT occurred_at, kind, amount_nanodollars, id, charge, gateway, provider, model, user, "key", service, "groups", metadata
FROM entries WHERE occurred_at >= ? AND occurred_at < ? AND +seq <= ? AND kind NOT IN ('opening', 'credit')
"""

_Table = dict[tuple[str, ...], list[int]]
"""Names, the last of them the meter or "" for calls → sums."""


def differences(reading: Connection, attributes: Attributes) -> Iterator[str]:
    """What is wrong with them, in words; nothing of what they do not have yet, nor where none is made of them any more."""
    if not meters.exact(reading):
        return
    through = meters.through(reading)
    for day in _days(reading, through):
        truth = _truth(reading, day, through, attributes)
        for level, slot in [(FINE + DAYS, day), *((FINE, day * HOURS_A_DAY + hour) for hour in range(HOURS_A_DAY))]:
            yield from _differ(level, slot, truth.get((level, slot), {}), _kept(reading, level, slot, attributes))
    yield from _apart(reading, through)


def _days(reading: Connection, through: int) -> Iterator[int]:
    ends = reading.execute(
        f"SELECT min(occurred_at) / {_DAY_MS}, max(occurred_at) / {_DAY_MS} FROM entries WHERE +seq <= ?", (through,)
    ).fetchone()
    slots = reading.execute("SELECT min(slot), max(slot) FROM calls WHERE level = ?", (FINE + DAYS,)).fetchone()
    there = [day for pair in (ends, slots) for day in pair if day is not None]
    yield from range(min(there), max(there) + 1) if there else ()


def _truth(reading: Connection, day: int, through: int, attributes: Attributes) -> dict[tuple[int, int], _Table]:
    """By level and slot."""
    found: dict[tuple[int, int], _Table] = {}
    for at, kind, amount, identity, charge, *who in reading.execute(
        _OF_DAY, (day * _DAY_MS, (day + 1) * _DAY_MS, through)
    ).fetchall():
        parts = meters.told(reading, kind, amount, identity, meters.read_charge(charge))
        for _, level, slot in meters.places(Who(*who), at):
            table = found.setdefault((level, slot), {})
            _count(table, Who(*who), "", (1, parts.attempts, parts.unpriced, parts.presumed), attributes)
            for meter, *sums in parts.meters:
                _count(table, Who(*who), meter, sums, attributes)
    return found


def _kept(reading: Connection, level: int, slot: int, attributes: Attributes) -> _Table:
    found: _Table = {}
    for *who, meter, quantity, amount in reading.execute(_USED, (level, slot)):
        _count(found, Who(*who), meter, (quantity, amount), attributes)
    for *who, entries, attempts, unpriced, presumed in reading.execute(_CALLED, (level, slot)):
        _count(found, Who(*who), "", (entries, attempts, unpriced, presumed), attributes)
    return found


def _count(found: _Table, who: Who, meter: str, sums: Sequence[int], attributes: Attributes) -> None:
    """Under everybody who is in it, and under each value of metadata that is known."""
    whole = [str(each) for each in (who.gateway, who.provider, who.model, who.user, who.key, who.service, *who.names)]
    keys: list[tuple[str, ...]] = [(*whole, meter)]
    keys += [(name, value, meter) for name, value in who.attributes.items() if attributes.level(name) is not None]
    for key in keys:
        known = found.setdefault(key, [0] * len(sums))
        for place, value in enumerate(sums):
            known[place] += value


def _differ(level: int, slot: int, truth: _Table, kept: _Table) -> Iterator[str]:
    when = iso(slot * _DAY_MS)[:10] if level == FINE + DAYS else iso(slot * HOUR_MS)
    for key in sorted(truth.keys() | kept.keys()):
        *names, meter = key
        nothing = [0] * (2 if meter else 4)
        expected, found = truth.get(key, nothing), kept.get(key, nothing)
        if expected != found:
            who = ", ".join(name for name in names if name != "None")
            yield f"Statements, {when}, {who}{f', {meter}' if meter else ''}: {_said(meter, expected, found)}."


def _said(meter: str, expected: Sequence[int], found: Sequence[int]) -> str:
    if not meter:
        return "; ".join(
            f"{name}: {b:,}, the ledger has {a:,}" for name, a, b in zip(_CALLS, expected, found, strict=True) if a != b
        )
    (quantity, amount), (of_kept, kept) = expected, found
    words = [f"quantity is {of_kept:,}, the ledger has {quantity:,}"] if quantity != of_kept else []
    if amount != kept:
        words.append(f"amount is {dollars(kept)} US dollars, the ledger has {dollars(amount)}")
    return "; ".join(words)


def _apart(reading: Connection, through: int) -> Iterator[str]:
    """What has to be told one by one is noted, all of it and nothing else."""
    latest, expected = 0, list[tuple[str, int, int]]()
    rows: Any = reading.execute(
        "SELECT seq, occurred_at, kind, CASE WHEN kind = 'charge' THEN charge END FROM entries "
        "WHERE seq <= ? AND kind <> 'opening' ORDER BY seq",
        (through,),
    )
    for seq, at, kind, charge in rows:
        charged = meters.Charged() if charge is None else meters.read_charge(charge)
        expected += [(each, at, seq) for each in meters.kinds_apart(kind, at, latest, charged)]
        latest = latest if kind == "credit" else max(latest, at)
    expected.sort()
    for a, b in zip_longest(expected, sorted(reading.execute("SELECT kind, at, seq FROM apart"))):
        if a != b:
            one, what = (a, "is not noted") if b is None or (a is not None and a < b) else (b, "is noted")
            assert one is not None
            yield f"Statements, entry {one[2]:,} ({one[0]}, {iso(one[1])}) {what} among those that are told one by one."
            return
