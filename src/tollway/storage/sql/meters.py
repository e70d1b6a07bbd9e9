"""Keeping what statements are made of: quantities and amounts by meter, and how many calls they are of, by day.

By hour too on the days (UTC) on which a month of some zone may begin. It is behind a mark of its own, for a store may have its rollups
long before it has these. Entries that have to be told one by one are noted beside them, in `apart`: credits, answers without a price
or at the dearest one, and what was booked late, which may be of a month that was frozen by then.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, cast

import msgspec

from tollway.ledger.entry import Kind
from tollway.statements.tally import Booked, Itemised, Parts, parts_of
from tollway.storage.fields import NOT_SPEND
from tollway.storage.rolled import DAYS, FINE, HOUR_MS, HOURS_A_DAY, Who
from tollway.storage.sql.adding import add, adding
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.rollups import Known, identified
from tollway.storage.sql.statements import MARK, SAVE_MARK

LATE_MS: Final = 24 * HOUR_MS
"""What is further behind the latest request that was booked before it is late."""
CEILING: Final = "ceiling"
"""In `apart`, beside the kinds of entries: charged at the dearest price of a provider's list, as its own is not known."""

AT_CEILING: Final = "@ceiling#"
"""Stands in the id of such a price."""

_THROUGH: Final = "meters"
_LATEST: Final = "meters_latest"
_INEXACT: Final = "meters_inexact"
_EPOCH: Final = date(1970, 1, 1)
_ANSWERS_APART: Final = frozenset({"credit", "unpriced"})

_NEXT: Final = """
SELECT seq, occurred_at, kind, amount_nanodollars, id, charge, gateway, provider, model, user, "key", service, "groups", metadata
FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2
"""
_UNPRICED: Final = "SELECT 1 FROM entries WHERE id = ?1 || '.unpriced'"
_CORRECTION: Final = ".correction"
_METERS: Final = adding("meters", ("level", "slot", "context", "meter"), ("quantity", "amount_nanodollars"))
_CALLS: Final = adding("calls", ("level", "slot", "context"), ("entries", "attempts", "unpriced", "presumed"))
_APART: Final = "INSERT INTO apart (kind, at, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class Charged(msgspec.Struct, gc=False):
    """The part of a `Charge` that is told; what else is in it is passed over."""

    lines: tuple[Itemised, ...] = ()
    price_id: str | None = None

    @property
    def at_ceiling(self) -> bool:
        return AT_CEILING in (self.price_id or "")


read_charge = msgspec.msgpack.Decoder(Charged).decode


class Cell:
    """What entries of one caller and slot add up to."""

    __slots__ = ("calls", "meters")

    def __init__(self) -> None:
        self.calls = [0, 0, 0, 0]
        """Entries, attempts, those without a price, those presumed."""
        self.meters: dict[str, list[int]] = {}
        """Quantity and amount of each."""

    def add(self, parts: Parts) -> None:
        for place, value in enumerate((1, parts.attempts, parts.unpriced, parts.presumed)):
            self.calls[place] += value
        for meter, quantity, amount in parts.meters:
            known = self.meters.setdefault(meter, [0, 0])
            known[0] += quantity
            known[1] += amount


Place = tuple[Who, int, int]
"""Who, the level and the slot."""


class Gathered(NamedTuple):
    """What one step takes in."""

    after: int
    """The mark that it was read behind."""
    through: int
    latest: int
    """When the latest of all requests up to there was admitted (Unix milliseconds)."""
    cells: Mapping[Place, Cell]
    apart: Sequence[tuple[str, int, int]]
    """Kind, instant and place of each."""
    rows: int
    full: bool
    """Whether there were as many cells as were wanted, so that entries which were read are left."""
    more: bool


def through(connection: Connection) -> int:
    """How far they have come."""
    return connection.execute(MARK, (_THROUGH,)).get or 0


def exact(reading: Connection) -> bool:
    """Whether no sum was ever beyond 64 bits."""
    return reading.execute(MARK, (_INEXACT,)).get is None


def gather(reading: Connection, limit: int, most: int | None = None) -> Gathered:
    """Reads what is lacking: at most `limit` entries, which come to about `most` rows."""
    after = last = through(reading)
    latest: int = reading.execute(MARK, (_LATEST,)).get or 0
    rows = reading.execute(_NEXT, (after, limit + 1)).fetchall()
    cells: dict[Place, Cell] = {}
    apart: list[tuple[str, int, int]] = []
    made = taken = 0
    for seq, at, kind, amount, identity, charge, *who in rows[:limit]:
        if most is not None and made + len(apart) >= most:
            break
        last = seq
        taken += 1
        if kind in NOT_SPEND:
            continue
        charged = read_charge(charge)
        apart += [(each, at, seq) for each in kinds_apart(kind, at, latest, charged)]
        if kind == "credit":
            continue
        latest = max(latest, at)
        parts = told(reading, kind, amount, identity, charged)
        for place in places(Who(*who), at):
            cell = cells.get(place)
            if cell is None:
                cell = cells[place] = Cell()
                made += 1 + len(parts.meters)
            cell.add(parts)
    full = taken < min(limit, len(rows))
    return Gathered(after, last, latest, cells, apart, taken, full=full, more=taken < len(rows))


def book(writing: Connection, gathered: Gathered, known: Known) -> bool:
    """Adds it and moves the mark, in the transaction that is under way; `False` where it was done already."""
    if through(writing) != gathered.after:
        return False
    ids = identified(writing, (who for who, *_ in gathered.cells), known)
    calls = {(level, slot, ids[who][0]): cell.calls for (who, level, slot), cell in gathered.cells.items()}
    meters = {
        (level, slot, ids[who][0], meter): sums
        for (who, level, slot), cell in gathered.cells.items()
        for meter, sums in cell.meters.items()
    }
    exact = add(writing, _CALLS, calls)
    if not add(writing, _METERS, meters) or not exact:
        writing.execute(SAVE_MARK, (_INEXACT, 1))
    writing.executemany(_APART, gathered.apart)
    writing.execute(SAVE_MARK, (_THROUGH, gathered.through))
    writing.execute(SAVE_MARK, (_LATEST, gathered.latest))
    return True


def forget(writing: Connection) -> None:
    """As if nothing had been taken in yet."""
    for table in ("meters", "calls", "apart"):
        writing.execute(f"DELETE FROM {table}")
    writing.execute("DELETE FROM marks WHERE name IN (?, ?, ?)", (_THROUGH, _LATEST, _INEXACT))


def told(reading: Connection, kind: Kind, amount: int, identity: str, charged: Charged) -> Parts:
    """What an entry that is no credit adds to statements."""
    priced = kind == "correction" and prices(reading, identity)
    return parts_of(Booked(kind, amount, None, None, "", "", charged.lines, priced))


def prices(reading: Connection, identity: str) -> bool:
    """Whether a correction is the first of an entry whose cost was not known; later ones have a number."""
    return (
        identity.endswith(_CORRECTION)
        and reading.execute(_UNPRICED, (identity.removesuffix(_CORRECTION),)).fetchone() is not None
    )


def places(who: Who, at: int) -> Iterator[Place]:
    """Where an entry is counted."""
    hour = at // HOUR_MS
    yield who, FINE + DAYS, hour // HOURS_A_DAY
    if has_hours(hour // HOURS_A_DAY):
        yield who, FINE, hour


@lru_cache(maxsize=1_000)
def has_hours(day: int) -> bool:
    """Whether the hours of a day (UTC, since 1970) are kept: no zone is further than one from it, so a month begins on its first or its
    last day."""
    of_month = _EPOCH + timedelta(days=day)
    return of_month.day in (1, monthrange(of_month.year, of_month.month)[1])


def kinds_apart(kind: Kind, at: int, latest: int, charged: Charged) -> Iterator[str]:
    if kind in _ANSWERS_APART or at < latest - LATE_MS:
        yield kind
    if kind == "charge" and charged.at_ceiling:
        yield CEILING


def latest_by(reading: Connection, place: int) -> int | None:
    """An instant (Unix milliseconds) that the latest request booked at `place` of the ledger or before it was not admitted before;
    `None` where there is none."""
    return cast(
        "int | None",
        reading.execute(
            "SELECT max(occurred_at) FROM (SELECT occurred_at FROM entries WHERE seq <= ? AND kind NOT IN ('credit', 'opening') "
            "ORDER BY seq DESC LIMIT 1000) AS late",
            (place,),
        ).get,
    )


def apart(reading: Connection, kinds: Sequence[str], span: tuple[int, int], after: int, place: int) -> list[int]:
    """Of what has to be told one by one and was admitted in [span[0], span[1]): the places in (after, place], in order."""
    found: list[int] = []
    for kind in kinds:
        statement = "SELECT seq FROM apart WHERE kind = ? AND at >= ? AND at < ? AND seq > ? AND seq <= ?"
        found += [seq for (seq,) in reading.execute(statement, (kind, *span, after, place))]
    return sorted(found)
