"""Requests that were refused, or served by a cheaper model: a line each, and of the log what has no line yet.

Lines are made where traffic is rolled up, in the same transaction, and go with their records. An older log gets its own afterwards,
from the newest record on: the mark `stops` is the instant from which on all have one that traffic's mark has passed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from tollway.storage.analytics import Behind, Stopped, Stops
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import MARK, SAVE_MARK
from tollway.storage.sql.wide import halves, whole, within

LOOKED_AT = 50_000
"""Of refusals, and of what was downgraded, the newest of a range that are looked at: a twentieth of a second each."""
UNLISTED_AT_MOST: Final = 200_000
"""Records without a line that are read for an answer: half a second."""
LISTED_AT_ONCE = 1_000
"""Records of an older log that are looked at in one step, off the loop. If each was refused, their lines take the loop two milliseconds."""

_ROLLED: Final = "traffic"
_MARK: Final = "stops"
LOG_SINCE: Final = "log_since"
"""The mark of the instant from which on the log was not cut at its end."""
_GAPS_UNTIL: Final = "log_gaps_until"
"""That before which single records were taken out."""
_LATEST: Final = 1 << 62
_DOWNGRADED: Final = "downgraded"
_INSTEAD: Final = " instead of "
# The record is msgpack, where these words stand as they are. Whatever else has them in it is told apart once it is read.
_FOUND: Final = (
    "SELECT seq, at, code, gateway, provider, model, user, record FROM records WHERE {where} "
    f"AND (code <> '' AND status >= 400 AND instr(record, X'{b'deny'.hex()}') > 0 "
    f"OR code = '' AND instr(record, X'{_DOWNGRADED.encode().hex()}') > 0)"
)
_COLUMNS: Final = "downgraded, at, seq, code, gateway, provider, model, user, charged_nanodollars"
_ADD: Final = f"INSERT INTO stops ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DROP: Final = "DELETE FROM stops WHERE downgraded IN (0, 1) AND (at, seq) IN ({records})"
# Whatever was deleted since it was read is to have no line.
_DROP_LOST: Final = (
    "DELETE FROM stops WHERE downgraded IN (0, 1) AND at >= ? AND at < ? "
    "AND NOT EXISTS (SELECT 1 FROM records WHERE records.seq = stops.seq)"
)
_BOUNDARY: Final = "SELECT at FROM records WHERE at < ? ORDER BY at DESC LIMIT 1 OFFSET ?"


class Line(NamedTuple):
    """A row of `stops`."""

    downgraded: int
    at: int
    seq: int
    code: str
    gateway: str
    provider: str | None
    model: str | None
    user: str | None
    charged: int | None
    """Nanodollars."""


class Listed(NamedTuple):
    """A stretch of an older log: what was stopped in [since, end)."""

    before: int | None
    """The mark that it was read before; `None` for the first."""
    since: int
    end: int
    lines: Sequence[Line]


class _Verdict(msgspec.Struct):
    outcome: str
    code: str = ""
    detail: str = ""


class _Charged(msgspec.Struct):
    amount: int


class _Told(msgspec.Struct):
    """The part of a `LogRecord` that says whether it was stopped, and what it cost."""

    decisions: tuple[_Verdict, ...] = ()
    charge: _Charged | None = None


_read_told = msgspec.msgpack.Decoder(_Told).decode


def between(reading: Connection, after: int, through: int) -> list[Line]:
    """What was stopped of the records at the places (after, through]."""
    return _lines(reading, "seq > ? AND seq <= ?", (after, through))


def add(writing: Connection, lines: Sequence[Line], *, first: bool) -> None:
    """In the transaction that is under way; a line that is there stays. `first`: nothing was rolled up before, so that nothing is
    older than what has lines."""
    if lines:
        writing.executemany(_ADD, lines)
    if first:
        writing.execute(SAVE_MARK, (_MARK, 0))


def drop(writing: Connection, records: str, bindings: Sequence[Any]) -> None:
    """Drops the lines of records that are about to be deleted: `records` selects the `at` and `seq` of each."""
    writing.execute(_DROP.format(records=records), bindings)


def lose(writing: Connection, records: str, bindings: Sequence[Any], *, oldest: bool) -> None:
    """Notes that records are about to be deleted: `records` selects the `at` of each. `oldest`: they are the oldest there are, so that
    all from there on are kept; else some of those before are."""
    latest: int | None = writing.execute(f"SELECT max(at) FROM ({records}) AS lost", bindings).get
    name = LOG_SINCE if oldest else _GAPS_UNTIL
    if latest is not None and latest >= (writing.execute(MARK, (name,)).get or 0):
        writing.execute(SAVE_MARK, (name, latest + 1))


def kept_since(reading: Connection) -> int:
    """The instant (Unix milliseconds) from which on no record was deleted; 0 where none ever was."""
    return max(reading.execute(MARK, (name,)).get or 0 for name in (LOG_SINCE, _GAPS_UNTIL))


def unlisted(reading: Connection) -> Listed | None:
    """The newest stretch of the log that has no lines yet; `None` where all has, or where nothing was rolled up."""
    with reading:
        through: int | None = reading.execute(MARK, (_ROLLED,)).get
        before: int | None = reading.execute(MARK, (_MARK,)).get
        if not through or before == 0:
            return None
        end = _LATEST if before is None else before
        since: int = max(reading.execute(_BOUNDARY, (end, LISTED_AT_ONCE - 1)).get or 0, 0)
        # The plus keeps the slower index out of it. What is behind the mark gets its line where that moves on.
        return Listed(before, since, end, _lines(reading, "at >= ? AND at < ? AND +seq <= ?", (since, end, through)))


def enlist(writing: Connection, listed: Listed) -> bool:
    """Adds a stretch and moves the mark, in the transaction that is under way; `False` where it was done already."""
    if writing.execute(MARK, (_MARK,)).get != listed.before:
        return False
    add(writing, listed.lines, first=False)
    writing.execute(_DROP_LOST, (listed.since, listed.end))
    writing.execute(SAVE_MARK, (_MARK, listed.since))
    return True


def stops(reading: Connection, *, since: int, until: int, user: str | None, gateway: str | None) -> Stops:
    """`Analytics.stops`, all of it in one snapshot. Raises Behind."""
    given = [(column, value) for column, value in (("user", user), ("gateway", gateway)) if value is not None]
    clauses = "".join(f" AND {column} = ?" for column, _ in given)
    bindings = [value for _, value in given]
    with reading:
        through: int = reading.execute(MARK, (_ROLLED,)).get or 0
        last: int = reading.execute("SELECT coalesce(max(seq), 0) FROM records").get
        if last - through > UNLISTED_AT_MOST:
            raise Behind(
                f"Rollups are being made: {last - through:,} of {last:,} rows are missing. Ask again in a while.",
                temporary=True,
            )
        since = max(since, min(_all_since(reading, through), until))
        new = _lines(reading, "seq > ? AND +at >= ? AND +at < ?", (through, since, until))
        refused_since, swapped_since = (_beyond(reading, new, kind, since, until) for kind in (0, 1))
        new = [one for one in new if all(getattr(one, column) == value for column, value in given)]
        grouped = (
            f"SELECT code, provider, model, user, count(*), max(at), {halves('charged_nanodollars')}, count(charged_nanodollars) "
            f"FROM stops WHERE downgraded = ? AND at >= ? AND at < ?{clauses} GROUP BY 1, 2, 3, 4"
        )
        refused = reading.execute(grouped, (0, refused_since, until, *bindings)).fetchall()
        swapped = reading.execute(grouped, (1, swapped_since, until, *bindings)).fetchall()
    return Stops(
        refused_since=refused_since,
        refused=_together(refused, [one for one in new if not one.downgraded and one.at >= refused_since]),
        swapped_since=swapped_since,
        swapped=_together(swapped, [one for one in new if one.downgraded and one.at >= swapped_since]),
    )


def _all_since(reading: Connection, through: int) -> int:
    """The instant from which on everything up to the mark of traffic has its line, and is still in the log."""
    known: int | None = reading.execute(MARK, (_MARK,)).get
    listed = known if known is not None else _LATEST if through else 0
    return max(listed, reading.execute(MARK, (LOG_SINCE,)).get or 0)


def _beyond(reading: Connection, new: Sequence[Line], downgraded: int, since: int, until: int) -> int:
    """From where on there are no more than `LOOKED_AT` of them."""
    of_new = sorted((one.at for one in new if one.downgraded == downgraded), reverse=True)
    found: int | None = reading.execute(
        "SELECT at FROM stops WHERE downgraded = ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (downgraded, since, until, max(LOOKED_AT - len(of_new), 0)),
    ).get
    if len(of_new) > LOOKED_AT:
        since = max(since, of_new[LOOKED_AT] + 1)
    return since if found is None else max(since, found + 1)


def _together(found: Sequence[Any], new: Sequence[Line]) -> list[Stopped]:
    """By reason, provider, model and user."""
    sums: dict[tuple[str | None, ...], list[int]] = {
        tuple(row[:4]): [row[4], row[5], whole(row[6], row[7]), row[8]] for row in found
    }
    for one in new:
        known = sums.setdefault((one.code, one.provider, one.model, one.user), [0, one.at, 0, 0])
        known[0] += 1
        known[1] = max(known[1], one.at)
        known[2] += one.charged or 0
        known[3] += one.charged is not None
    return [
        Stopped(
            code=code or "",
            provider=provider,
            model=model,
            user=user,
            requests=requests,
            at=at,
            charged=charged if priced else None,
        )
        for (code, provider, model, user), (requests, at, charged, priced) in sorted(
            sums.items(), key=lambda item: [(value is not None, value or "") for value in item[0]]
        )
    ]


def _lines(reading: Connection, where: str, bindings: Sequence[Any]) -> list[Line]:
    return list(_stopped(reading.execute(_FOUND.format(where=where), bindings)))


def _stopped(found: Iterable[Any]) -> Iterator[Line]:
    for seq, at, code, gateway, provider, model, user, record in found:
        told = _read_told(record)
        user = user or None
        if code:
            if any(verdict.outcome == "deny" for verdict in told.decisions):
                yield Line(0, at, seq, code, gateway, provider, model, user, None)
            continue
        # What was asked for at first, however often it was swapped.
        first = next((verdict for verdict in told.decisions if verdict.code == _DOWNGRADED), None)
        if first is not None:
            asked, _, of = first.detail.partition(_INSTEAD)[2].partition("/")
            charged = None if told.charge is None else within(told.charge.amount)
            yield Line(1, at, seq, _DOWNGRADED, gateway, asked or None, of or None, user, charged)
