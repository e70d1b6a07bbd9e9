"""Answering one question: rollups, and the rows they lack read from ledger and log in the same snapshot."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, Final, NamedTuple

from tollway.storage.analytics import MEASURES, OWN_TABLE, Answer, Behind, Group, Question, Series, Sums, Table
from tollway.storage.asked import Edge, groups_of, level_of, meant, pieces
from tollway.storage.fields import NOT_SPEND
from tollway.storage.rolled import ENTRY_COLUMNS, HOUR_MS, LARGEST_COUNT, PLAIN, RECORD_COLUMNS, Seen, Who
from tollway.storage.sql import rollups
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.sums import COUNTED, sums
from tollway.storage.sql.wide import halves, whole

READ_AT_MOST: Final = 200_000
"""Rows of ledger or log that are read for a question besides rollups: two seconds, three of the log."""

_READ_AT_ONCE: Final = 2_000

SOURCES: Final[Mapping[Table, tuple[str, str, str]]] = {
    "spending": ("entries", "occurred_at", ENTRY_COLUMNS),
    "traffic": ("records", "at", RECORD_COLUMNS),
}
"""What a rollup is made of: the table, the column of its instant, and the columns that are read."""


IN_COLUMNS: Final = frozenset({"amount_nanodollars", "entries", "unpriced", "told", "input_tokens", "output_tokens"})
"""What the columns of a ledger entry tell; for the others, its usage is decoded."""

_ADDED: Final = f"""
SELECT occurred_at / {HOUR_MS}, kind, gateway, provider, model, user, "key", service, "groups", metadata,
  {halves("amount_nanodollars")}, count(*), count(*) FILTER (WHERE kind = 'unpriced'),
  count(*) FILTER (WHERE input_tokens IS NOT NULL OR output_tokens IS NOT NULL),
  coalesce(sum(min(input_tokens, {LARGEST_COUNT})), 0), coalesce(sum(min(output_tokens, {LARGEST_COUNT})), 0)
FROM entries WHERE occurred_at >= ? AND occurred_at < ? AND +seq <= ?
  AND kind NOT IN ({", ".join(f"'{kind}'" for kind in sorted(NOT_SPEND))})
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
_CORRECTIONS: Final = f"""
SELECT {ENTRY_COLUMNS} FROM entries WHERE occurred_at >= ? AND occurred_at < ? AND +seq <= ? AND kind = 'correction'
"""


class _Loose(NamedTuple):
    """A row that slots do not have, or have in another bucket."""

    buckets: tuple[tuple[int, int], ...]
    """In which ones it counts (1), and from which it is taken away (-1)."""
    seen: Seen


def answer(reading: Connection, question: Question) -> Answer:
    """`Analytics.ask`, all of it in one snapshot."""
    with reading:
        return _Asked(reading, question).answer()


class _Asked:
    """One question, while it is answered."""

    def __init__(self, reading: Connection, question: Question) -> None:
        self._reading = reading
        self._question = question
        self._attributes = rollups.attributes(reading)
        self._level = level_of(question.by, question.where, self._attributes)
        self._halved = {table: rollups.halved(reading, table) for table in question.columns}
        self._loose = {table: list(self._rows(table)) for table in question.columns}

    def answer(self) -> Answer:
        question = self._question
        if not question.by:
            total = self._total()
            return Answer(total=total, groups={(): total})
        overlapping = "group" in question.by
        buckets = len(question.bounds) - 1
        if buckets > 1 and not overlapping and not any(field in OWN_TABLE for field in question.by):
            # Who are the largest is found out over all of the time as one; only those are then added up by bucket.
            ranked = self._ranked(self._added((question.bounds[0], question.bounds[-1]), question.by))
            few = len(ranked) <= question.limit
            found = self._added(question.bounds, question.by, None if few else ranked[: question.limit])
        else:
            found = self._added(question.bounds, question.by)
            ranked = self._ranked(found)
            few = len(ranked) <= question.limit
        kept, rest = ranked[: question.limit], ranked[question.limit :]
        groups = {group: _series(question, found.get(group, {}), buckets) for group in kept}
        total = _added_up(list(groups.values())) if few and groups and not overlapping else self._total()
        other: Series | None = None
        if rest and overlapping:
            other = _added_up([_series(question, found[group], buckets) for group in rest])
        elif rest:
            other = _difference(total, list(groups.values()))
        return Answer(total=total, groups=groups, other=other, others=len(rest), overlapping=overlapping)

    def _total(self) -> Series:
        """Without fields, fewer contexts may do."""
        question = self._question
        return _series(question, self._added(question.bounds, ()).get((), {}), len(question.bounds) - 1)

    def _ranked(self, found: Mapping[Group, dict[int, Sums]]) -> list[Group]:
        """The groups, largest first by the first column; by name where they are equal."""
        table = next(iter(self._question.columns))

        def order(group: Group) -> tuple[int, ...] | Any:
            sums_of = [each.get(table) for each in found[group].values()]
            first = sum(each[0] for each in sums_of if each)
            second = sum(sum(each[1:2]) for each in sums_of if each)
            return (-first, -second, tuple((value is not None, value or "") for value in group))

        return sorted(found, key=order)

    def _added(
        self, bounds: Sequence[int], by: tuple[str, ...], among: Sequence[Group] | None = None
    ) -> dict[Group, dict[int, Sums]]:
        """Group → bucket → sums, over the question's buckets or over all of its time as one."""
        question = self._question
        found: dict[Group, dict[int, Sums]] = {}
        wanted = None if among is None else frozenset(among)
        one = len(bounds) == 2
        level = level_of(by, question.where, self._attributes)
        for table, columns in question.columns.items():
            if self._level is not None and level is not None:
                slots, _ = pieces(bounds, level, self._halved[table])
                for bucket, group, added in sums(
                    self._reading, table, columns, slots, by, question.where, level, among
                ):
                    _add(found, group, bucket, table, added)
            places = [MEASURES[table].index(column) for column in (*columns, COUNTED[table])]
            for loose in self._loose[table]:
                if one and len(loose.buckets) > 1:
                    # It moves from one bucket to the next, and both of them are one.
                    continue
                groups = [group for group in groups_of(loose.seen, by) if wanted is None or group in wanted]
                if not groups:
                    continue
                picked = [loose.seen.sums[place] for place in places]
                for bucket, sign in loose.buckets:
                    added = picked if sign == 1 else [-value for value in picked]
                    for group in groups:
                        _add(found, group, 0 if one else bucket, table, added)
        return _there(found)

    def _rows(self, table: Table) -> Iterator[_Loose]:
        """Rows that are meant and that no whole slot has: those the rollup lacks, and those at the ends of buckets."""
        source, instant, columns = SOURCES[table]
        bounds = self._question.bounds
        through = rollups.mark(self._reading, table)
        last: int = self._reading.execute(f"SELECT coalesce(max(seq), 0) FROM {source}").get
        if last - through > READ_AT_MOST:
            raise Behind(
                f"Rollups are being made: {last - through:,} of {last:,} rows are missing. Ask again in a while.",
                temporary=True,
            )
        edges = self._edges(table)
        self._refuse_too_many(source, instant, edges)
        # The plus keeps an index out of it that would be slower.
        unrolled = f"SELECT {columns} FROM {source} WHERE seq > ? AND +{instant} >= ? AND +{instant} < ?"
        for seen in self._meant(table, unrolled, (through, bounds[0], bounds[-1])):
            yield _Loose(((bisect_right(bounds, seen.at) - 1, 1),), seen)
        if table == "spending" and self._level is not None and set(self._question.columns[table]) <= IN_COLUMNS:
            yield from self._added_up_rows(edges, through)
            return
        cut_off = f"SELECT {columns} FROM {source} WHERE {instant} >= ? AND {instant} < ? AND +seq <= ?"
        for edge in edges:
            for seen in self._meant(table, cut_off, (edge.start, edge.end, through)):
                yield _Loose(edge.buckets, seen)

    def _edges(self, table: Table) -> list[Edge]:
        """What is read of what rollups have taken in."""
        bounds = self._question.bounds
        if self._level is None:
            return [Edge(start, end, ((bucket, 1),)) for bucket, (start, end) in enumerate(pairwise(bounds))]
        return pieces(bounds, PLAIN, self._halved[table])[1]

    def _added_up_rows(self, edges: Sequence[Edge], through: int) -> Iterator[_Loose]:
        """The same of ledger entries, where their columns tell all that is asked: SQLite adds them up, four times as fast."""
        for edge in edges:
            ends = (edge.start, edge.end, through)
            found = [
                Seen(
                    hour * HOUR_MS, Who(*who), kind, (whole(high, low), entries, unpriced, told, read, 0, 0, written, 0)
                )
                for hour, kind, *who, high, low, entries, unpriced, told, read, written in self._reading.execute(
                    _ADDED, ends
                )
            ]
            corrections = self._reading.execute(_CORRECTIONS, ends).fetchall()
            found += [
                each for each in rollups.folded(self._reading, "spending", corrections) if each.label == "unpriced"
            ]
            for seen in found:
                if meant(seen, self._question.where):
                    yield _Loose(edge.buckets, seen)

    def _refuse_too_many(self, source: str, instant: str, edges: Sequence[Edge]) -> None:
        left = READ_AT_MOST
        for edge in edges:
            left -= self._reading.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {instant} >= ? AND {instant} < ? LIMIT ?) AS few",
                (edge.start, edge.end, left + 1),
            ).get
            if left < 0:
                raise Behind(
                    f"More than {READ_AT_MOST:,} rows would have to be read one by one for this: a key of metadata that it "
                    "names has too many values to be rolled up, or its buckets do not begin at full or half hours (UTC). "
                    "Ask for a shorter range.",
                    temporary=False,
                )

    def _meant(self, table: Table, statement: str, bindings: Sequence[Any]) -> Iterator[Seen]:
        rows = iter(self._reading.execute(statement, bindings))
        while taken := list(islice(rows, _READ_AT_ONCE)):
            for seen in rollups.folded(self._reading, table, taken):
                if meant(seen, self._question.where):
                    yield seen


def _add(found: dict[Group, dict[int, Sums]], group: Group, bucket: int, table: Table, added: Sequence[int]) -> None:
    of_bucket = found.setdefault(group, {}).setdefault(bucket, {})
    known = of_bucket.get(table)
    of_bucket[table] = list(added) if known is None else [a + b for a, b in zip(known, added, strict=True)]


def _there(found: dict[Group, dict[int, Sums]]) -> dict[Group, dict[int, Sums]]:
    """Without how many each sum is of, and without those that are of none: what was taken away is not there at all."""
    there: dict[Group, dict[int, Sums]] = {}
    for group, buckets in found.items():
        for bucket, tables in buckets.items():
            for table, values in tables.items():
                if any(values):
                    there.setdefault(group, {}).setdefault(bucket, {})[table] = values[:-1]
    return there


def _series(question: Question, found: Mapping[int, Sums], buckets: int) -> Series:
    def of(bucket: int) -> Sums:
        there = found.get(bucket, {})
        return {table: there.get(table, [0] * len(columns)) for table, columns in question.columns.items()}

    each = [of(bucket) for bucket in range(buckets)]
    if buckets == 1:
        return Series(each[0], ())
    return Series(_plus(each), each)


def _plus(parts: Sequence[Sums]) -> Sums:
    return {table: [sum(column) for column in zip(*(part[table] for part in parts), strict=True)] for table in parts[0]}


def _added_up(parts: Sequence[Series]) -> Series:
    return Series(
        _plus([part.whole for part in parts]),
        [_plus(list(bucket)) for bucket in zip(*(part.buckets for part in parts), strict=True)],
    )


def _difference(total: Series, parts: Sequence[Series]) -> Series:
    """What is left of a total; exact, as all are whole numbers of one snapshot."""

    def minus(whole: Sums, taken: Sums) -> Sums:
        return {table: [a - b for a, b in zip(whole[table], taken[table], strict=True)] for table in whole}

    taken = _added_up(parts)
    return Series(
        minus(total.whole, taken.whole),
        [minus(whole, part) for whole, part in zip(total.buckets, taken.buckets, strict=True)],
    )
