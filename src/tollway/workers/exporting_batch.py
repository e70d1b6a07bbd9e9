"""What a scheduled export sends: which rows make up one batch, and the objects that they become.

Rows are read, encoded, sealed and compressed in threads, a bounded number at a time. The same range gives the same
names (within a generation: `State.suit`), and the same bytes too as long as nothing is sealed: every log is sealed with a key of its own.
"""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from tollway.budgets.window import Calendar
from tollway.budgets.zone import zone_named
from tollway.clock import iso
from tollway.exports import making
from tollway.exports.columns import Table
from tollway.exports.entries import entries_table
from tollway.exports.focus import ListPrice, focus_table
from tollway.exports.job import HttpTo, Job, day_name, day_of, range_name
from tollway.exports.job_rows import Logged, Seal, Spent, body_text, job_logs, job_spend
from tollway.exports.sealed import read_public_key, seal
from tollway.ledger.entry import LedgerEntry
from tollway.logs.bodies import About, KeptBody, Part
from tollway.logs.record import LogRecord
from tollway.storage.following import Following
from tollway.storage.protocol import Filter, Records
from tollway.workers.exporting_to import Parcel

T = TypeVar("T")

ROWS = 5_000
ROWS_BY_HTTP = 1_000
ROWS_WITH_BODIES = 500
SIZE = 16 * 1024 * 1024
"""Bytes that the rows of one batch come to in the store, bodies included; a single larger row is a batch of its own."""
SIZE_BY_HTTP = 4 * 1024 * 1024

_FORMS: dict[str, making.Form] = {"ndjson.gz": "ndjson", "csv.gz": "csv", "parquet": "parquet"}
_LEVEL = 6
_DAY_MS = 86_400_000


class Bodies(Protocol):
    """Where bodies are kept."""

    async def parts(self, request_id: str) -> Sequence[About]: ...

    async def body(self, request_id: str, part: Part) -> KeptBody | None: ...


class Sources(NamedTuple):
    """The parts of a store that exports read."""

    following: Following
    records: Records
    bodies: Bodies | None = None
    list_price: Callable[[], ListPrice] | None = None
    """What tells the list prices that are in force."""


class Stretch(NamedTuple):
    """The rows of one batch: numbered after+1 to `through`."""

    after: int
    through: int
    items: int
    gone: int
    """Rows that had left the log before they were exported."""


async def next_stretch(sources: Sources, job: Job, after: int, until: int) -> Stretch:
    """The batch behind `after`, up to `until` at most. Raises StoreUnavailable."""
    by_http = isinstance(job.to, HttpTo)
    rows = ROWS_WITH_BODIES if job.bodies else ROWS_BY_HTTP if by_http else ROWS
    size = SIZE_BY_HTTP if by_http else SIZE
    source = "records" if job.what == "logs" else "entries"
    found = await sources.following.measure(source, job.where, after=after, until=until, rows=rows, size=size)
    stretch = Stretch(after, found.through, found.items, found.gone)
    if job.bodies and sources.bodies is not None and found.items:
        return await _with_bodies(sources.following, sources.bodies, job, stretch, size)
    return stretch


async def _with_bodies(following: Following, bodies: Bodies, job: Job, found: Stretch, size: int) -> Stretch:
    """The same, shorter where its bodies come to too much."""
    taken = 0
    for items, (number, record) in enumerate(
        await following.records(job.where, after=found.after, through=found.through)
    ):
        taken += sum(part.kept for part in await bodies.parts(record.request_id))
        if items and taken > size:
            less = await following.measure(
                "records", job.where, after=found.after, until=number - 1, rows=items, size=size
            )
            return Stretch(found.after, less.through, less.items, less.gone)
    return found


async def parcels(
    sources: Sources, job: Job, generation: str, after: int, through: int, random: Callable[[int], bytes]
) -> AsyncGenerator[Parcel]:
    """The objects of one batch: one for each day (UTC) of its rows, of focus each month, so that a partition has what it is
    named for and nothing else; by HTTP one in all. Raises StoreUnavailable, and ParquetUnavailable where that is asked for."""
    period = 0 if isinstance(job.to, HttpTo) else 7 if job.what == "focus" else 10
    if job.what == "logs":
        numbered = await sources.following.records(job.where, after=after, through=through)
        with_bodies = job.bodies and sources.bodies is not None
        logged = [await _logged(sources, record) if with_bodies else Logged(record) for _, record in numbered]
        table = job_logs(job, _sealer(job, random))
        made = _made(table, _by_period(logged, lambda one: one.record.at, period), job, generation, after, through)
    else:
        entries = [entry for _, entry in await sources.following.entries(job.where, after=after, through=through)]
        by_period = _by_period(entries, _occurred, period)
        made = _made(_table(sources, job), by_period, job, generation, after, through)
    async for parcel in made:
        yield parcel


def _table(sources: Sources, job: Job) -> Table[LedgerEntry]:
    if job.what == "focus":
        assert sources.list_price is not None
        return focus_table(job.focus_version, sources.list_price())
    return entries_table(openings=job.where.get("kind") == "opening")


def _occurred(entry: LedgerEntry) -> int:
    return entry.occurred_at


async def _made(
    table: Table[T], by_period: dict[str, list[T]], job: Job, generation: str, after: int, through: int
) -> AsyncGenerator[Parcel]:
    for day, things in by_period.items():
        name = range_name(job, generation, day, after, through)
        key = f"{job.id}:{generation}:{after + 1}-{through}"
        yield Parcel(name, await encoded(table, things, job), len(things), key)


def changed_days(quarters: Sequence[int], timezone: str, calendar: Calendar) -> list[tuple[str, int, int]]:
    """The days of a zone that quarters of an hour (Unix milliseconds) lie in: "2026-11-22", and [start, end)."""
    window, zone = day_of(timezone), zone_named(timezone)
    found: dict[int, tuple[str, int, int]] = {}
    for quarter in quarters:
        span = calendar.span(window, quarter)
        assert span.end is not None
        if span.start not in found:
            day = datetime.fromtimestamp(quarter // 1000, zone).date().isoformat()
            found[span.start] = (day, span.start, span.end)
    return list(found.values())


async def spend_parcel(sources: Sources, job: Job, generation: str, day: tuple[str, int, int], through: int) -> Parcel:
    """What was spent on a day. `through`: the entry that was the last when it was summed. Raises StoreUnavailable."""
    name, since, until = day
    rows = await sources.records.spend(Filter(since=since, until=until, equals=job.where), job.by)
    spent = [
        Spent(name, row.group, row.spent, row.entries, row.unpriced, row.input_tokens, row.output_tokens)
        for row in rows
    ]
    content = await encoded(job_spend(job), spent, job)
    return Parcel(day_name(job, name), content, len(spent), f"{job.id}:{generation}:{name}:{through}")


async def encoded(table: Table[T], things: Sequence[T], job: Job) -> bytes:
    """The file of these things, in the form of the job. Raises ParquetUnavailable."""

    async def pages() -> AsyncGenerator[Sequence[T]]:
        for first in range(0, len(things), making.AT_ONCE):
            yield things[first : first + making.AT_ONCE]

    content = b"".join([piece async for piece in making.pieces(table, pages(), _FORMS[job.format])])
    # Without the instant at which it was made, so that the same rows are the same bytes.
    return content if job.format == "parquet" else await asyncio.to_thread(gzip.compress, content, _LEVEL, mtime=0)


async def _logged(sources: Sources, record: LogRecord) -> Logged:
    assert sources.bodies is not None
    request = await sources.bodies.body(record.request_id, "asked")
    answer = await sources.bodies.body(record.request_id, "returned")
    return Logged(record, _text(request), _text(answer))


def _text(body: KeptBody | None) -> str | None:
    if body is None:
        return None
    about = body.about
    return body_text(body.content, about.content_type, truncated=about.truncated)


def _sealer(job: Job, random: Callable[[int], bytes]) -> Seal | None:
    if job.public_key is None:
        return None
    key = read_public_key(job.public_key)
    return lambda columns: seal(columns, key, random)


def _by_period(things: Sequence[T], at: Callable[[T], int], length: int) -> dict[str, list[T]]:
    """Things by the first day (UTC) that was seen of each period: so many characters of "2026-11-22" are the same in it. The
    things of each are in their order."""
    periods: dict[str, str] = {}
    days: dict[int, str] = {}
    """By number, as each is written out once and not for every row."""
    found: dict[str, list[T]] = {}
    for thing in things:
        number = at(thing) // _DAY_MS
        day = days.get(number)
        if day is None:
            written = iso(number * _DAY_MS)[:10]
            day = days[number] = periods.setdefault(written[:length], written)
        found.setdefault(day, []).append(thing)
    return found
