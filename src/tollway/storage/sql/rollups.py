"""Keeping rollups: what was written behind their marks is read, folded and added, in the transaction that moves the mark.

So a crash at any instant loses nothing and counts nothing twice. Entries land in the hour in which their request was
admitted, corrections too, however late they are: the hour that the ledger, budgets and `GET /spend` count them to.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

from tollway.money import LARGEST
from tollway.storage.analytics import MEASURES, Ever, Table
from tollway.storage.rolled import (
    DAYS,
    ENTRY_COLUMNS,
    EVER,
    EVER_CONTEXTS,
    LABEL,
    LOWERED,
    OTHERS,
    PLAIN,
    RECORD_COLUMNS,
    Attributes,
    Lot,
    Seen,
    Who,
    add_to,
    cells,
    of_entry,
    of_record,
    priced,
    session_of,
)
from tollway.storage.sql import stopped
from tollway.storage.sql.adding import Adding, add, adding
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import MARK, SAVE_MARK
from tollway.storage.sql.wide import summed, within

KNOWN_CONTEXTS: Final = 50_000
"""Contexts whose number is remembered; beyond, all are looked up again."""

LINES_A_LOT: Final = 10
"""So many lines of what was refused or downgraded are added in the time that a lot takes."""

_SOURCE: Final[Mapping[Table, str]] = {"spending": "entries", "traffic": "records"}
_COLUMNS: Final[Mapping[Table, str]] = {"spending": ENTRY_COLUMNS, "traffic": RECORD_COLUMNS}

# Rows behind ?1, in the order in which they were written.
_NEXT: Final[Mapping[Table, str]] = {
    table: f"SELECT seq, {_COLUMNS[table]} FROM {_SOURCE[table]} WHERE seq > ?1 ORDER BY seq LIMIT ?2"
    for table in MEASURES
}
_UNPRICED: Final = "SELECT 1 FROM entries WHERE id = ?1 || '.unpriced'"
_CORRECTION: Final = ".correction"


_ADD: Final[Mapping[Table, Adding]] = {
    table: adding(table, ("level", "slot", "context", LABEL[table]), MEASURES[table]) for table in MEASURES
}

_FIND_CONTEXT: Final = "SELECT id FROM contexts WHERE digest = ?"
# A coarse context is its own: its number is given by SQLite and written right behind it.
_MAKE_CONTEXT: Final = (
    'INSERT INTO contexts (digest, coarse, gateway, provider, model, user, "key", service, "groups", metadata) '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_OWN_COARSE: Final = "UPDATE contexts SET coarse = id WHERE id = ?"
_LEARN: Final = "INSERT INTO attributes (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"

# The last sitting of user ?1 and name ?2 that began at ?3 or before. None of them is over before one that began earlier.
_BEFORE: Final = """
SELECT first_at, last_at, amount_nanodollars, entries FROM sittings WHERE user = ?1 AND name = ?2 AND first_at <= ?3
ORDER BY first_at DESC LIMIT 1
"""
_TAKE_OUT: Final = "DELETE FROM sittings WHERE user = ?1 AND name = ?2 AND first_at = ?3"
_SIT_DOWN: Final = """
INSERT INTO sittings (user, name, first_at, last_at, amount_nanodollars, entries) VALUES (?, ?, ?, ?, ?, ?)
"""


# What was rolled up before there were counters of all time. A correction that lowered a sum is seen in the sum of its cell alone.
_FILL: Final[Mapping[Table, str]] = {
    table: f"INSERT INTO {table} (level, slot, context, {LABEL[table]}, {', '.join(names)}) "
    f"SELECT {EVER}, 0, CASE WHEN context IN (SELECT context FROM spending WHERE level = {PLAIN + DAYS} "
    f"GROUP BY context ORDER BY context LIMIT {EVER_CONTEXTS}) THEN context ELSE {OTHERS} END AS own, "
    + (f"CASE WHEN {names[0]} < 0 THEN '{LOWERED}' || kind ELSE kind END" if table == "spending" else "status")
    + f" AS label, {', '.join(summed(name) for name in names)} FROM {table} WHERE level = {PLAIN + DAYS} GROUP BY own, label"
    for table, names in MEASURES.items()
}
_FULL: Final = "SELECT 1 FROM spending WHERE level = ?1 AND abs(amount_nanodollars) >= ?2 LIMIT 1"
_NAMED: Final = f"SELECT DISTINCT context FROM spending WHERE level = {EVER} AND context <> {OTHERS}"
_FILLED: Final = "ever"
HALVED: Final[Mapping[Table, str]] = {"spending": "spending_halved", "traffic": "traffic_halved"}
"""Marks. A store that never was of an older version has none, as all halves are known there."""


Whose = tuple[str, str]
"""A user, and the name of a session."""


class Gathered(NamedTuple):
    """What one step takes in."""

    table: Table
    after: int
    """The mark that it was read behind."""
    through: int
    lots: Mapping[Lot, Sequence[int]]
    sittings: Sequence[tuple[Whose, "_Sitting"]]
    rows: int
    full: bool
    """Whether there were as many lots as were wanted, so that rows which were read are left."""
    more: bool
    lines: Sequence[stopped.Line]
    """traffic: what was refused or downgraded."""


class Known:
    """What is remembered between steps; forgotten when one fails, as it may then say what was never written."""

    def __init__(self) -> None:
        self.attributes: Attributes | None = None
        self.ids: dict[Who, tuple[int, ...]] = {}
        self.named: set[int] | None = None
        """Plain contexts that have counters of all time."""
        self._told_by: Connection | None = None

    def over(self, connection: Connection) -> None:
        """Keeps only what this connection told: behind another one may be a server that never had the rest."""
        if self._told_by is not connection:
            self.forget()
            self._told_by = connection

    def forget(self) -> None:
        self.attributes = None
        self.named = None
        self.ids.clear()


def gather(reading: Connection, table: Table, limit: int, most_lots: int | None = None) -> Gathered:
    """Reads what rollups lack: at most `limit` rows, of no more than `most_lots` lots; with each `LINES_A_LOT` lines, of one less."""
    after = through = mark(reading, table)
    rows = reading.execute(_NEXT[table], (after, limit + 1)).fetchall()
    lots: dict[Lot, list[int]] = {}
    sat = _Sat()
    found = stopped.between(reading, after, rows[-1][0]) if table == "traffic" and rows else ()
    stops, lines = {line.seq: line for line in found}, list[stopped.Line]()
    taken = 0
    for seq, *row in rows[:limit]:
        if most_lots is not None and len(lots) + len(lines) // LINES_A_LOT >= most_lots:
            break
        if seq in stops:
            lines.append(stops[seq])
        for seen in folded(reading, table, [row]):
            add_to(lots, seen)
            if table == "spending":
                sat.add(seen)
        through = seq
        taken += 1
    return Gathered(
        table,
        after,
        through,
        lots,
        sat.all(),
        taken,
        full=taken < min(limit, len(rows)),
        more=taken < len(rows),
        lines=lines,
    )


def folded(reading: Connection, table: Table, rows: Sequence[Any]) -> list[Seen]:
    """What rows of ledger or log add."""
    if table == "traffic":
        return [of_record(row) for row in rows]
    found: list[Seen] = []
    for row in rows:
        seen = of_entry(row)
        if seen is None:
            continue
        found.append(seen)
        identity: str = row[3]
        if (
            seen.label == "correction"
            and identity.endswith(_CORRECTION)
            and reading.execute(_UNPRICED, (identity.removesuffix(_CORRECTION),)).fetchone()
        ):
            found.append(priced(seen))
    return found


def book(writing: Connection, gathered: Gathered, known: Known) -> bool:
    """Adds it and moves the mark, in the transaction that is under way; `False` where it was done already."""
    if mark(writing, gathered.table) != gathered.after:
        return False
    ids = identified(writing, (who for who, *_ in gathered.lots), known)
    named = _named(writing, gathered, ids, known)
    add(writing, _ADD[gathered.table], cells(gathered.lots, ids, named))
    for whose, sitting in gathered.sittings:
        _keep(writing, whose, sitting)
    if gathered.table == "traffic":
        stopped.add(writing, gathered.lines, first=gathered.after == 0)
    writing.execute(SAVE_MARK, (gathered.table, gathered.through))
    return True


def full(reading: Connection) -> bool:
    """Whether a sum of money would be larger if 64 bits held more; seen by those of all time, which only grow."""
    return reading.execute(_FULL, (EVER, LARGEST)).fetchone() is not None


def _named(writing: Connection, gathered: Gathered, ids: Mapping[Who, tuple[int, ...]], known: Known) -> set[int]:
    """The plain contexts that have counters of all time: the first of which something was booked."""
    if known.named is None:
        if writing.execute(MARK, (_FILLED,)).get is None:
            for statement in _FILL.values():
                writing.execute(statement)
            writing.execute(SAVE_MARK, (_FILLED, 1))
        known.named = {context for (context,) in writing.execute(_NAMED)}
    if gathered.table == "spending":
        for who, *_ in gathered.lots:
            if len(known.named) >= EVER_CONTEXTS:
                break
            known.named.add(ids[who][-1])
    return known.named


def ever(reading: Connection, table: Table) -> list[Ever]:
    """What all rows that rollups have add up to, by gateway, provider, model and label."""
    names = ", ".join(f"r.{name}" for name in MEASURES[table])
    rows = reading.execute(
        f"SELECT r.context, contexts.gateway, contexts.provider, contexts.model, r.{LABEL[table]}, {names} FROM {table} AS r "
        "LEFT JOIN contexts ON contexts.id = r.context WHERE r.level = ? "
        f"ORDER BY r.context, r.{LABEL[table]}",
        (EVER,),
    )
    found: list[Ever] = []
    for context, gateway, provider, model, label, *sums in rows:
        text = str(label)
        lowered = text.startswith(LOWERED)
        found.append(
            Ever(
                context=context,
                gateway=gateway,
                provider=provider,
                model=model,
                label=text.removeprefix(LOWERED),
                lowered=lowered,
                sums=tuple(sums),
            )
        )
    return found


def mark(connection: Connection, table: Table) -> int:
    """How far the rollup of a table has come."""
    return connection.execute(MARK, (table,)).get or 0


def halved(connection: Connection, table: Table) -> int:
    """The hour from which on the first halves of hours are known: what an older version rolled up has none."""
    return connection.execute(MARK, (HALVED[table],)).get or 0


def attributes(connection: Connection) -> Attributes:
    return Attributes(connection.execute("SELECT name, value FROM attributes"))


def identified(writing: Connection, callers: Iterable[Who], known: Known) -> Mapping[Who, tuple[int, ...]]:
    """The numbers of their contexts in each of `LEVELS`, which get one if they have none."""
    known.over(writing)
    if known.attributes is None:
        known.attributes = attributes(writing)
    if len(known.ids) > KNOWN_CONTEXTS:
        known.ids.clear()
    for who in callers:
        if who not in known.ids:
            fine, *coarser = known.attributes.split(who)
            coarse, plain = (_number(writing, each, None) for each in coarser)
            known.ids[who] = _number(writing, fine, coarse), coarse, plain
    writing.executemany(_LEARN, known.attributes.new)
    known.attributes.new.clear()
    return known.ids


def _number(writing: Connection, who: Who, coarse: int | None) -> int:
    """The number of a context; `coarse` is that of its coarse one, which it is itself without."""
    found: int | None = writing.execute(_FIND_CONTEXT, (who.digest,)).get
    if found is not None:
        return found
    made: int = writing.execute(_MAKE_CONTEXT, (who.digest, coarse or 0, *who)).get
    if coarse is None:
        writing.execute(_OWN_COARSE, (made,))
    return made


class _Sitting:
    """A sitting, or as much of one as is to be added."""

    __slots__ = ("amount", "entries", "first_at", "last_at", "pause_ms")

    def __init__(self, at: int, pause_ms: int) -> None:
        self.first_at = at
        self.last_at = at
        self.pause_ms = pause_ms
        self.amount = 0
        self.entries = 0

    def add(self, first_at: int, last_at: int, amount: int, entries: int) -> None:
        self.first_at = min(self.first_at, first_at)
        self.last_at = max(self.last_at, last_at)
        self.amount += amount
        self.entries += entries


class _Sat:
    """What entries add to the sittings of their users. Of each, the one of late is kept at hand, as most go on with it."""

    def __init__(self) -> None:
        self._sessions: dict[Who, tuple[Whose, int]] = {}
        self._late: dict[Whose, _Sitting] = {}
        self._done: list[tuple[Whose, _Sitting]] = []

    def add(self, seen: Seen) -> None:
        # What is booked by hand is no request of anybody's.
        if seen.who.user is None or seen.label == "credit":
            return
        session = self._sessions.get(seen.who)
        if session is None:
            name, pause_ms = session_of(seen.who)
            session = self._sessions[seen.who] = (seen.who.user, name), pause_ms
        whose, pause_ms = session
        sitting = self._late.get(whose)
        if sitting is None or not sitting.first_at - pause_ms <= seen.at <= sitting.last_at + pause_ms:
            if sitting is not None:
                self._done.append((whose, sitting))
            sitting = self._late[whose] = _Sitting(seen.at, pause_ms)
        sitting.add(seen.at, seen.at, *seen.sums[:2])

    def all(self) -> list[tuple[Whose, _Sitting]]:
        return [*self._done, *self._late.items()]


def _keep(writing: Connection, whose: Whose, added: _Sitting) -> None:
    """Writes a sitting, as one with all that lie within a pause of it: what comes late may close the pause between two, and in
    whatever order entries come, the same sittings are there in the end."""
    sitting = copy(added)
    pause_ms = sitting.pause_ms
    while (before := writing.execute(_BEFORE, (*whose, sitting.last_at + pause_ms)).fetchone()) is not None and before[
        1
    ] >= sitting.first_at - pause_ms:
        writing.execute(_TAKE_OUT, (*whose, before[0]))
        sitting.add(*before)
    amount = within(sitting.amount)
    writing.execute(_SIT_DOWN, (*whose, sitting.first_at, sitting.last_at, amount, sitting.entries))
