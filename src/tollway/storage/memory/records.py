"""The request log in memory, and the questions people ask of log and ledger, answered by looking at every row."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TypeVar

from tollway.clock import iso
from tollway.ledger.entry import LedgerEntry
from tollway.logs.record import LogRecord
from tollway.storage.deep import DEEP_FIELDS, is_deep, is_meant, shallow
from tollway.storage.fields import (
    ENTRY_FIELDS,
    GROUP_FIELDS,
    METADATA,
    NOT_SPEND,
    RECORD_FIELDS,
    check_fields,
    cursor,
    matches,
    read_cursor,
)
from tollway.storage.memory.ledger import MemoryLedger
from tollway.storage.protocol import Filter, Page, SpendRow
from tollway.usage import Usage

T = TypeVar("T")


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
        check_fields(where.equals, RECORD_FIELDS | DEEP_FIELDS)
        deep, columns = is_deep(where), shallow(where)
        numbered = [
            (record.at, number, record)
            for number, record in enumerate(self._records, start=1)
            if _within(where, record.at)
            and matches(columns, _record_values(record), record.groups)
            and (not deep or is_meant(record, where))
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
            if entry.kind not in NOT_SPEND and _chosen(where, entry):
                for group in _groups(entry, group_by):
                    sums.setdefault(group, []).append(entry)
        later = [entry for entry in self._ledger.entries if entry.kind == "correction"]
        priced = {entry.id.removesuffix(".correction") for entry in later}
        told = {entry.id.removesuffix(".correction") for entry in later if entry.usage is not None}
        spent = [_sum(group, entries, priced, told) for group, entries in sums.items()]
        # As SQL orders: what is not there comes before every value.
        return sorted(spent, key=lambda row: (-row.spent, [(value is not None, value or "") for value in row.group]))


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
    """What an entry is counted under: once, or, where `group` is asked for, once for each group of its caller. An empty
    value is none."""
    values = _entry_values(entry)
    if "group" not in group_by:
        yield tuple(values.get(name) or None for name in group_by)
        return
    for member in entry.context.groups or (None,):
        yield tuple((member if name == "group" else values.get(name)) or None for name in group_by)


def _sum(group: tuple[str | None, ...], entries: Sequence[LedgerEntry], priced: Set[str], told: Set[str]) -> SpendRow:
    def tokens(read: Callable[[Usage], int | None], among: Iterable[LedgerEntry]) -> int | None:
        read_from = [read(entry.usage) for entry in among if entry.usage is not None]
        known = [number for number in read_from if number is not None]
        return sum(known) if known else None

    counted = [entry for entry in entries if entry.charge.basis == "counted"]
    return SpendRow(
        group=group,
        spent=sum(entry.charge.amount for entry in entries),
        entries=len(entries),
        unpriced=sum(
            entry.kind == "unpriced" and f"{entry.request_id}.{entry.attempt}" not in priced for entry in entries
        ),
        input_tokens=tokens(lambda usage: usage.input_tokens, entries),
        output_tokens=tokens(lambda usage: usage.output_tokens, entries),
        counted_input_tokens=tokens(lambda usage: usage.input_tokens, counted) or 0,
        counted_output_tokens=tokens(lambda usage: usage.output_tokens, counted) or 0,
        untold=sum(_is_untold(entry, told) for entry in entries),
    )


def _is_untold(entry: LedgerEntry, told: Set[str]) -> bool:
    """Whether nobody knows what an answer used. What is free by definition uses nothing."""
    answers = entry.kind in ("presumed", "unpriced") or (entry.kind == "charge" and entry.charge.amount != 0)
    return answers and entry.usage is None and f"{entry.request_id}.{entry.attempt}" not in told


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
