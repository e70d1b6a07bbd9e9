"""A database in memory with entries and records in it, and what any question about them comes to, counted one by one."""

from collections.abc import Sequence
from importlib import resources
from itertools import pairwise
from typing import Any

import apsw
import msgspec

from tollway.ledger.entry import Context, LedgerEntry
from tollway.logs.record import Decision, Durations, LogRecord
from tollway.storage import migrations, postgres
from tollway.storage.analytics import Answer, Condition, Group, Question, Sums, Table
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import entry, hold, reservation
from tollway.storage.rolled import HALVES
from tollway.storage.sql import meters, rollups, rows, statements
from tollway.storage.sql.asking import answer
from tollway.usage import Usage

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_782_864_000_000
"""2026-07-01T00:00:00Z."""


class Rolling:
    """Entries and records, and the rollups of the first of them."""

    def __init__(self) -> None:
        self.connection: Any = apsw.Connection(":memory:")
        self.connection.execute((migrations.HERE / migrations.FRESH).read_text())
        self.entries: list[LedgerEntry] = []
        self.records: list[LogRecord] = []
        self.known = rollups.Known()

    def settle(self, at: int, amount: int, kind: Any = "charge", request: str = "", **fields: Any) -> LedgerEntry:
        usage = fields.pop("usage", Usage(input_tokens=100, cache_read_input_tokens=40, output_tokens=7))
        made = entry(reservation(request or f"r{len(self.entries)}", hold()), amount, kind)
        context = msgspec.structs.replace(Context(gateway="default", provider="openai", model="gpt-5"), **fields)
        made = msgspec.structs.replace(made, context=context, occurred_at=at, usage=usage)
        self.entries.append(made)
        self.connection.execute(statements.INSERT_ENTRY, (len(self.entries), *rows.of_entry(made)))
        return made

    def log(self, at: int, status: int = 200, *, refused: bool = False, **fields: Any) -> LogRecord:
        decisions = (Decision(step="policy", outcome="deny"),) if refused else ()
        durations = fields.pop("durations", Durations(total_us=150_000, upstream_us=140_000, first_chunk_us=90_000))
        made = record(
            f"q{len(self.records)}", at, status=status, decisions=decisions, durations=durations,
            **({"provider": "openai", "request_model": "gpt-5"} | fields),
        )  # fmt: skip
        self.records.append(made)
        self.connection.execute(statements.INSERT_RECORD, rows.of_record(made))
        return made

    def roll(self, limit: int = 1_000) -> None:
        """Everything there is."""
        tables: tuple[Table, ...] = ("spending", "traffic")
        for table in tables:
            more = True
            while more:
                gathered = rollups.gather(self.connection, table, limit)
                with self.connection:
                    assert rollups.book(self.connection, gathered, self.known)
                more = gathered.more
        more = True
        while more:
            metered = meters.gather(self.connection, limit)
            with self.connection:
                assert meters.book(self.connection, metered, self.known)
            more = metered.more

    def be_of_an_older_version(self) -> None:
        """As if what was rolled up so far had been by one that knew no halves of hours, and the store brought up to date since."""
        for table in ("spending", "traffic"):
            self.connection.execute(f"DELETE FROM {table} WHERE level >= {HALVES}")
        self.connection.execute((resources.files(postgres) / "upgrades" / "0012.sql").read_text())

    def ask(self, bounds: Sequence[int], by: tuple[str, ...] = (), **fields: Any) -> Answer:
        columns: dict[Table, tuple[str, ...]] = {
            "spending": ("amount_nanodollars", "entries", "unpriced", "input_tokens")
        }
        return answer(self.connection, Question(bounds=bounds, by=by, **({"columns": columns} | fields)))


def counted(entries: Sequence[LedgerEntry], question: Question) -> dict[Group, list[list[int]]]:
    """Group → bucket → amount, entries, unpriced, input tokens: by looking at every entry."""
    found: dict[Group, list[list[int]]] = {}
    priced = {each.id.removesuffix(".correction") for each in entries if each.id.endswith(".correction")}
    for each in entries:
        bucket = next(
            (place for place, (start, end) in enumerate(pairwise(question.bounds)) if start <= each.occurred_at < end),
            None,
        )
        if each.kind == "opening" or bucket is None or not all(_holds(each, one) for one in question.where):
            continue
        unpriced = each.kind == "unpriced" and f"{each.request_id}.{each.attempt}" not in priced
        tokens = each.usage.input_tokens or 0 if each.usage is not None else 0
        for group in _groups(each, question.by):
            sums = found.setdefault(group, [[0] * 4 for _ in pairwise(question.bounds)])[bucket]
            for place, value in enumerate((each.charge.amount, 1, int(unpriced), tokens)):
                sums[place] += value
    return found


def spent(sums: Sums) -> list[int]:
    return sums["spending"]


def _groups(each: LedgerEntry, by: Sequence[str]) -> list[Group]:
    """An empty text is none."""
    members = each.context.groups or (None,)
    if "group" not in by:
        return [tuple(_value(each, field) or None for field in by)]
    return [tuple((member if field == "group" else _value(each, field)) or None for field in by) for member in members]


def _holds(each: LedgerEntry, condition: Condition) -> bool:
    values = list(each.context.groups) or [""] if condition.field == "group" else [_value(each, condition.field) or ""]
    yes = any(v in condition.values or (v and any(v.startswith(p) for p in condition.prefixes)) for v in values)
    return yes != condition.negated


def _value(each: LedgerEntry, field: str) -> str | None:
    if field == "kind":
        return each.kind
    if field.startswith("metadata."):
        return each.context.metadata.get(field.removeprefix("metadata."))
    value: str | None = getattr(each.context, field)
    return value
