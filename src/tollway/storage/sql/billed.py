"""`storage.billing.Billing` in a database: a month as the sums of it and what they lack, and what was frozen of it.

Where the sums (`summed.py`) cannot tell, or have not come near, the month is read from the ledger, in pages. Entries are never changed, so
pages need not be of one snapshot: the last place in the ledger is taken first, and nothing behind it is read. What was added up is
remembered, and the next question about the month reads what was booked since.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from tollway.ledger.entry import Kind
from tollway.match import METADATA
from tollway.statements.month import Month, charged_in, month_of, read_month
from tollway.statements.statement import Frozen, Statement, digest, field_of, sealed
from tollway.statements.tally import Booked, Tally
from tollway.storage.billing import ADJUSTMENTS, Billed, Damaged, Why
from tollway.storage.fields import NOT_SPEND
from tollway.storage.sql import meters
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import LAST_SEQ
from tollway.storage.sql.summed import Summed, summed

REMEMBERED: Final = 4
"""Months whose sums are in memory."""

READ_AT_MOST: Final = 200_000
"""Entries that sums may lack and be of use: a second."""

_PAGE: Final = 5_000
_KNOWN_METADATA: Final = 20_000
"""Texts of metadata whose value is remembered while a month is read."""

_COLUMNS: Final[Mapping[str, str]] = {"user": "user", "gateway": "gateway", "key": '"key"', "service": "service"}
_SPEND: Final = "kind NOT IN ({})".format(", ".join(f"'{kind}'" for kind in sorted(NOT_SPEND)))
_READ: Final = "seq, occurred_at, recorded_at, kind, amount_nanodollars, id, user, provider, model, charge"

# Entries admitted in [?1, ?2) at the places (?3, ?4], from the row (?5, ?6) on. The plus keeps the slower index out of it.
_ADMITTED: Final = f"""
SELECT {_READ}, {{value}} FROM entries
WHERE occurred_at >= max(?1, ?5) AND occurred_at < ?2 AND +seq > ?3 AND +seq <= ?4 AND {_SPEND}
  AND (occurred_at > ?5 OR seq > ?6)
ORDER BY occurred_at, seq LIMIT {_PAGE}
"""
# Entries at the places (?1, ?2] that were admitted before ?3.
_BOOKED_SINCE: Final = f"""
SELECT {_READ}, {{value}} FROM entries WHERE seq > ?1 AND seq <= ?2 AND +occurred_at < ?3 AND {_SPEND} ORDER BY seq LIMIT {_PAGE}
"""
# Entries at these places.
_PICKED: Final = (
    f"SELECT {_READ}, {{value}} FROM entries WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) ORDER BY seq"
)
_KINDS: Final = [kind for kind in get_args(Kind) if kind not in NOT_SPEND]
_WHY: Final = "SELECT record FROM cabinet WHERE drawer = ? AND id = ?"

_FREEZES: Final = (
    "SELECT record FROM freezes WHERE CAST(?1 AS TEXT) IS NULL OR dimension = ?1 ORDER BY month DESC, dimension"
)
_FREEZE: Final = "SELECT record FROM freezes WHERE month = ? AND dimension = ?"
_FROZEN: Final = "SELECT record FROM frozen WHERE month = ? AND dimension = ? ORDER BY number"
_DIGESTS: Final = "SELECT digest FROM frozen WHERE month = ? AND dimension = ? ORDER BY number"
_PUT_FREEZE: Final = "INSERT INTO freezes (month, dimension, at, record) VALUES (?, ?, ?, ?)"
_PUT_FROZEN: Final = "INSERT INTO frozen (month, dimension, number, record, digest) VALUES (?, ?, ?, ?, ?)"

_encode = msgspec.json.Encoder().encode
_read_frozen = msgspec.json.Decoder(Frozen).decode
_read_statement = msgspec.json.Decoder(Statement).decode
_read_why = msgspec.json.Decoder(Why).decode
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode


Row = tuple[Any, ...]


class _Months(NamedTuple):
    """The frozen months of a dimension, in one zone."""

    zone: ZoneInfo
    marks: Mapping[Month, int]

    def spans(self) -> list[tuple[int, int, Month]]:
        return sorted((*month.span(self.zone), month) for month in self.marks)


class _Open(NamedTuple):
    """What a month that is not frozen adds up to, up to a place in the ledger."""

    tally: Tally
    through: int
    marks: Mapping[Month, int]


class SqlBilling:
    """`billing.Billing` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[tuple[Month, str, str], _Open] = {}
        # One month is read at a time: it takes seconds of the processor where there are millions of entries.
        self._one = asyncio.Lock()

    async def freezes(self, by: str | None = None) -> Sequence[Frozen]:
        return await self._database.query(partial(_checked, by=by))

    async def billed(self, month: Month, by: str, zone: ZoneInfo) -> Billed:
        async with self._one:
            return await self._database.query(partial(self._billed, month=month, by=by, zone=zone))

    async def freeze(
        self, month: Month, by: str, zone: ZoneInfo, *, at: int, frozen_by: str, word: str
    ) -> Frozen | None:
        async with self._one:
            found = await self._database.query(partial(self._billed, month=month, by=by, zone=zone))
            if found.frozen is not None:
                return None
            records = [_encode(each) for each in found.statements]
            digests = [digest(record) for record in records]
            made = sealed(
                Frozen(
                    month=str(month),
                    by=by,
                    timezone=zone.key,
                    through=found.through,
                    at=at,
                    frozen_by=frozen_by,
                    word=word,
                    statements=len(records),
                    total=sum(each.total for each in found.statements),
                ),
                digests,
            )
            kept = await self._database.change(partial(_keep, made=made, records=records, digests=digests))
            self._open.pop((month, by, zone.key), None)
            return made if kept else None

    def _billed(self, reading: Connection, month: Month, by: str, zone: ZoneInfo) -> Billed:
        place = (month, by, zone.key)
        # Whatever fails leaves nothing behind that is half added up.
        known = self._open.pop(place, None)
        with reading:
            through: int = reading.execute(LAST_SEQ).get
            freezes = [each for each in _freezes(reading, by) if each.timezone == zone.key]
            marks = {read: each.through for each in freezes if (read := read_month(each.month)) is not None}
            frozen = next((each for each in freezes if each.month == str(month)), None)
            reader = _Reader(reading, month, by, _Months(zone, marks))
            # An entry that was booked while its month was being frozen is charged in another month than it was before.
            sums = reader.sums() if frozen is None and (known is None or known.marks != marks) else None
        if frozen is not None:
            return Billed(_kept(reading, frozen), frozen.through, frozen)
        if known is None or known.marks != marks:
            known = _begun(reader, sums, through)
        for booked, own in reader.since(known.through, through):
            known.tally.add(booked, own)
        self._open[place] = known._replace(through=through)
        if len(self._open) > REMEMBERED:
            del self._open[next(iter(self._open))]
        return Billed(known.tally.statements(zone.key, month.span(zone), by, through), through, None)


def _begun(reader: "_Reader", sums: Summed | None, through: int) -> _Open:
    """What a month adds up to, with the help of its sums where there are any of use."""
    tally = Tally(reader.month)
    if sums is None or through - sums.through > READ_AT_MOST:
        for booked, own in reader.all(through):
            tally.add(booked, own)
        return _Open(tally, through, reader.marks)
    for each in sums.added:
        tally.put(reader.value(each.value), each.user, each.provider, each.model, each.parts)
    for booked, own in reader.beside(sums):
        tally.add(booked, own)
    return _Open(tally, sums.through, reader.marks)


class _Reader:
    """Reads the entries that are charged in one month."""

    def __init__(self, reading: Connection, month: Month, by: str, frozen: _Months) -> None:
        self._reading = reading
        self.month = month
        self.marks = frozen.marks
        self._span = month.span(frozen.zone)
        self._frozen = frozen
        self._spans = frozen.spans()
        field = field_of(by)
        assert field is not None, by
        self._field = field
        self._column = _COLUMNS.get(field, "metadata")
        self.value: Callable[[str | None], str | None] = (
            _Attribute(field.removeprefix(METADATA)) if field.startswith(METADATA) else _text
        )

    def all(self, through: int) -> Iterator[tuple[Booked, Month]]:
        """Those at places up to `through`: the month's own, and what was booked late for months that were frozen."""
        for row in self._admitted(*self._span, 0, through):
            yield self._booked(row), self.month
        for start, end, own in self._spans:
            if own < self.month:
                yield from self._late(self._admitted(start, end, self.marks[own], through), own)

    def sums(self) -> Summed | None:
        """Those of the month itself that are added up already."""
        return summed(self._reading, self._span, self._field, self._column)

    def beside(self, sums: Summed) -> Iterator[tuple[Booked, Month]]:
        """Those that the sums have not, up to the place that they have come to."""
        through = sums.through
        for start, end in sums.edges:
            for row in self._admitted(start, end, 0, through):
                yield self._booked(row), self.month
        for row in self._picked(("credit",), (sums.start, sums.end), 0, through):
            yield self._booked(row), self.month
        for start, end, own in self._spans:
            mark = self.marks[own]
            if own < self.month and mark < through:
                # Whatever was booked behind the mark is late, or was admitted not long before the mark, or later.
                latest = meters.latest_by(self._reading, mark)
                late = start if latest is None else min(max(start, latest - meters.LATE_MS), end)
                yield from self._late(self._picked(_KINDS, (start, late), mark, through), own)
                yield from self._late(self._admitted(late, end, mark, through), own)

    def since(self, after: int, through: int) -> Iterator[tuple[Booked, Month]]:
        """Those at the places (after, through]."""
        start, end = self._span
        sql = _BOOKED_SINCE.format(value=self._column)
        while rows := self._reading.execute(sql, (after, through, end)).fetchall():
            for row in rows:
                at: int = row[1]
                if at >= start:
                    yield self._booked(row), self.month
                elif (own := self._frozen_month(at)) is not None:
                    yield from self._late((row,), own)
            after = rows[-1][0]

    def _frozen_month(self, at: int) -> Month | None:
        place = bisect_right(self._spans, at, key=lambda span: span[0]) - 1
        return self._spans[place][2] if place >= 0 and at < self._spans[place][1] else None

    def _late(self, rows: Iterator[Row] | Sequence[Row], own: Month) -> Iterator[tuple[Booked, Month]]:
        for row in rows:
            recorded = month_of(row[2], self._frozen.zone)
            if charged_in(own, row[0], recorded, self.marks) == self.month:
                yield self._booked(row), own

    def _admitted(self, start: int, end: int, after: int, through: int) -> Iterator[Row]:
        at, seq = start, 0
        sql = _ADMITTED.format(value=self._column)
        while rows := self._reading.execute(sql, (start, end, after, through, at, seq)).fetchall():
            yield from rows
            seq, at = rows[-1][:2]

    def _picked(self, kinds: Sequence[str], span: tuple[int, int], after: int, through: int) -> Iterator[Row]:
        places = meters.apart(self._reading, kinds, span, after, through)
        sql = _PICKED.format(value=self._column)
        for first in range(0, len(places), _PAGE):
            page = msgspec.json.encode(places[first : first + _PAGE]).decode()
            yield from self._reading.execute(sql, (page,)).fetchall()

    def _booked(self, row: Row) -> Booked:
        _, _, _, kind, amount, identity, user, provider, model, charge, value = row
        lines = meters.read_charge(charge).lines
        value = self.value(value)
        if kind == "correction":
            return Booked(kind, amount, value, user, provider, model, lines, meters.prices(self._reading, identity))
        if kind == "credit":
            found: bytes | None = self._reading.execute(_WHY, (ADJUSTMENTS, identity)).get
            why = Why("", "") if found is None else _read_why(found)
            return Booked(kind, amount, value, user, provider, model, lines, False, identity, why.word, why.by)
        return Booked(kind, amount, value, user, provider, model, lines)


class _Attribute:
    """The value of one key of metadata; most entries have a text of metadata that was seen before."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._known: dict[str | None, str | None] = {None: None}

    def __call__(self, text: str | None) -> str | None:
        try:
            return self._known[text]
        except KeyError:
            assert text is not None
        if len(self._known) > _KNOWN_METADATA:
            self._known.clear()
        found = self._known[text] = _read_metadata(text).get(self._key) or None
        return found


def _text(value: str | None) -> str | None:
    return value or None


def _freezes(reading: Connection, by: str | None) -> Sequence[Frozen]:
    return [_read_frozen(record) for (record,) in reading.execute(_FREEZES, (by,))]


def _checked(reading: Connection, by: str | None) -> Sequence[Frozen]:
    """Freezes whose hash fits: what one says also decides what later months are charged."""
    with reading:
        freezes = _freezes(reading, by)
        for each in freezes:
            _check(each, [told for (told,) in reading.execute(_DIGESTS, (each.month, each.by))])
    return freezes


def _check(frozen: Frozen, digests: Sequence[str]) -> None:
    if sealed(frozen, digests) != frozen:
        raise Damaged(
            f"The statements of {frozen.month} by {frozen.by} are not what was frozen: their hash is another. "
            "Restore the database from a backup; the hash is also in the audit log."
        )


def _kept(reading: Connection, frozen: Frozen) -> Sequence[Statement]:
    rows = reading.execute(_FROZEN, (frozen.month, frozen.by)).fetchall()
    _check(frozen, [digest(record) for (record,) in rows])
    return [_read_statement(record) for (record,) in rows]


def _keep(writing: Connection, made: Frozen, records: Sequence[bytes], digests: Sequence[str]) -> bool:
    if writing.execute(_FREEZE, (made.month, made.by)).fetchone() is not None:
        return False
    writing.execute(_PUT_FREEZE, (made.month, made.by, made.at, _encode(made)))
    writing.executemany(
        _PUT_FROZEN,
        [
            (made.month, made.by, number, record, told)
            for number, (record, told) in enumerate(zip(records, digests, strict=True))
        ],
    )
    return True
