"""The reference store: everything in memory, nothing kept. For tests, `tollway demo` and `tollway explain`.

It answers as every store must (`conformance`), in the plainest way that is right.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TypeVar

from tollway.clock import iso
from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.job import Job
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.logs.record import LogRecord
from tollway.storage.counters import Counters, Ended
from tollway.storage.fields import (
    ENTRY_FIELDS,
    GROUP_FIELDS,
    METADATA,
    RECORD_FIELDS,
    check_fields,
    cursor,
    matches,
    read_cursor,
)
from tollway.storage.protocol import Filter, Page, Revision, SpendRow
from tollway.storage.waiting import Admission

T = TypeVar("T")


class MemoryLedger:
    """`protocol.Ledger` that forgets everything when it goes."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        """Every entry, in the order of settlement."""
        self._ids: set[str] = set()
        self._counters = Counters(self)
        self._admission = Admission(self._counters, placed=lambda _: None, abandoned=self._abandon)

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        return ()

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Held | Exhausted | Gone:
        while True:
            standing = self._counters.standing(reservation)
            if standing is not None:
                return standing
            verdict: Held | Exhausted | None = self._admission.attempt(reservation)
            if type(verdict) is Exhausted and verdict.contended and wait_s > 0:
                verdict = await self._admission.wait(reservation, verdict, wait_s)
            if verdict is not None:
                return verdict

    def settle(self, entry: LedgerEntry) -> bool:
        booked = self._counters.settle(entry)
        if booked is None:
            return False
        self._keep(booked)
        return True

    def release(self, reservation_id: str, code: str, now: int) -> bool:
        holds = self._counters.release(reservation_id)
        if holds is None:
            return False
        self._admission.given_back(holds)
        return True

    def sweep(self, now: int) -> Sequence[LedgerEntry]:
        presumed: list[LedgerEntry] = []
        for reservation in self._counters.lapsed(now):
            entry = self._counters.presume(reservation, now)
            self._keep(entry)
            presumed.append(entry)
        return presumed

    def balances(self, holds: Sequence[Hold]) -> tuple[Balance, ...]:
        return self._counters.balances(holds)

    def accounts(self, budget: str) -> Sequence[str]:
        return self._counters.accounts(budget)

    def open_reservations(self) -> Sequence[Reservation]:
        return tuple(self._counters.open.values())

    async def flush(self) -> None:
        return

    async def verify(self) -> Sequence[str]:
        spent, held = self._counters.snapshot()
        return [
            *journal.drift("held", held, journal.held(self._counters.open.values())),
            *self._counters.totals_drift(),
            *journal.drift("spent", spent, journal.fold(self.entries)),
        ]

    async def prune(self, now: int) -> bool:
        return False

    async def close(self) -> None:
        return

    def ended(self, reservation_id: str) -> Ended | None:
        """`counters.Past`: nothing is ever forgotten, so there is nothing to look up."""
        return None

    def has_entry(self, entry_id: str) -> bool:
        return entry_id in self._ids

    def spent(self, account: str) -> Mapping[int, int]:
        return {}

    def _keep(self, entry: LedgerEntry) -> None:
        self._ids.add(entry.id)
        self.entries.append(entry)
        self._admission.booked(entry.legs)

    def _abandon(self, reservation: Reservation) -> None:
        self.release(reservation.id, "cancelled", reservation.opened_at)


class MemoryRecords:
    """`protocol.Records` over lists."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._records: list[LogRecord] = []

    def write(self, record: LogRecord) -> None:
        self._records.append(record)

    async def flush(self) -> None:
        return

    async def record(self, request_id: str) -> LogRecord | None:
        return next((record for record in reversed(self._records) if record.request_id == request_id), None)

    async def records(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        check_fields(where.equals, RECORD_FIELDS)
        numbered = [
            (record.at, number, record)
            for number, record in enumerate(self._records, start=1)
            if _within(where, record.at) and matches(where.equals, _record_values(record), record.groups)
        ]
        items, following = _page(numbered, limit, cursor)
        return Page(items, following)

    async def entries(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        check_fields(where.equals, ENTRY_FIELDS)
        numbered = [
            (entry.occurred_at, number, entry)
            for number, entry in enumerate(self._ledger.entries, start=1)
            if _chosen(where, entry)
        ]
        items, following = _page(numbered, limit, cursor)
        return Page(items, following)

    async def spend(self, where: Filter, group_by: Sequence[str]) -> Sequence[SpendRow]:
        check_fields(where.equals, ENTRY_FIELDS)
        check_fields(group_by, GROUP_FIELDS)
        sums: dict[tuple[str | None, ...], list[LedgerEntry]] = {}
        for entry in self._ledger.entries:
            if _chosen(where, entry):
                for group in _groups(entry, group_by):
                    sums.setdefault(group, []).append(entry)
        priced = {entry.id.removesuffix(".correction") for entry in self._ledger.entries if entry.kind == "correction"}
        spent = [_sum(group, entries, priced) for group, entries in sums.items()]
        # As SQL orders: what is not there comes before every value.
        return sorted(spent, key=lambda row: (-row.spent, [(value is not None, value or "") for value in row.group]))


class MemoryConfig:
    """`protocol.Config` over a list."""

    def __init__(self) -> None:
        self._revisions: list[Revision] = []

    async def save(self, document: str, *, by: str, at: int) -> Revision:
        if not self._revisions or self._revisions[-1].document != document:
            self._revisions.append(Revision(number=len(self._revisions) + 1, at=at, by=by, document=document))
        return self._revisions[-1]

    async def latest(self) -> Revision | None:
        return self._revisions[-1] if self._revisions else None

    async def history(self, *, limit: int) -> Sequence[Revision]:
        return self._revisions[::-1][:limit]


class MemoryJobs:
    """`protocol.Jobs` over a dict."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def remember(self, job: Job) -> None:
        known = self._jobs.get(job.id)
        if known is None or job.settled >= known.settled:
            self._jobs[job.id] = job

    async def recall(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    async def open(self, now: int, limit: int) -> Sequence[Job]:
        found = [job for job in self._jobs.values() if job.kind == "batch" and not job.settled and job.ask_at <= now]
        return sorted(found, key=lambda job: (job.ask_at, job.id))[:limit]


class MemoryStore:
    """`protocol.Store` in memory."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.records = MemoryRecords(self.ledger)
        self.config = MemoryConfig()
        self.jobs = MemoryJobs()

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        return await self.ledger.open(now)

    async def prune(self, now: int) -> bool:
        return False

    async def close(self) -> None:
        return


def _within(where: Filter, at: int) -> bool:
    return (where.since is None or at >= where.since) and (where.until is None or at < where.until)


def _chosen(where: Filter, entry: LedgerEntry) -> bool:
    return _within(where, entry.occurred_at) and matches(where.equals, _entry_values(entry), entry.context.groups)


def _record_values(record: LogRecord) -> dict[str, str | None]:
    return {
        "gateway": record.gateway,
        "provider": record.provider,
        "model": record.request_model,
        "user": record.user,
        "key": record.key,
        "service": record.service,
        "status": str(record.status),
        "code": record.code,
        "request_id": record.request_id,
        **_metadata(record.metadata),
    }


def _entry_values(entry: LedgerEntry) -> dict[str, str | None]:
    context = entry.context
    at = iso(entry.occurred_at)
    return {
        "gateway": context.gateway,
        "provider": context.provider,
        "model": context.model,
        "user": context.user,
        "key": context.key,
        "service": context.service,
        "kind": entry.kind,
        "request_id": entry.request_id,
        "day": at[:10],
        "hour": f"{at[:13]}:00Z",
        **_metadata(context.metadata),
    }


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    return {METADATA + key: value for key, value in metadata.items()}


def _groups(entry: LedgerEntry, group_by: Sequence[str]) -> Iterable[tuple[str | None, ...]]:
    """What an entry is counted under: once, or, where `group` is asked for, once for each group of its caller."""
    values = _entry_values(entry)
    if "group" not in group_by:
        yield tuple(values.get(name) for name in group_by)
        return
    for member in entry.context.groups or (None,):
        yield tuple(member if name == "group" else values.get(name) for name in group_by)


def _sum(group: tuple[str | None, ...], entries: Sequence[LedgerEntry], priced: Set[str]) -> SpendRow:
    def tokens(read: Callable[[LedgerEntry], int | None]) -> int:
        return sum(read(entry) or 0 for entry in entries)

    return SpendRow(
        group=group,
        spent=sum(entry.charge.amount for entry in entries),
        entries=len(entries),
        unpriced=sum(
            entry.kind == "unpriced" and f"{entry.request_id}.{entry.attempt}" not in priced for entry in entries
        ),
        input_tokens=tokens(lambda entry: entry.usage and entry.usage.input_tokens),
        output_tokens=tokens(lambda entry: entry.usage and entry.usage.output_tokens),
    )


def _page(numbered: list[tuple[int, int, T]], limit: int, after: str | None) -> tuple[list[T], str | None]:
    """The newest rows behind the cursor, and the cursor behind them."""
    if limit < 1:
        raise ValueError(f"a page of {limit} rows cannot be asked for")
    before = None if after is None else read_cursor(after)
    rows = sorted(
        (row for row in numbered if before is None or row[:2] < before), key=lambda row: row[:2], reverse=True
    )
    page = rows[:limit]
    return [row[2] for row in page], cursor(*page[-1][:2]) if len(rows) > limit else None
