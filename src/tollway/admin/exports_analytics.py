"""A view of analytics as rows: one for each bucket and group, without a total, so that a column adds up to it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tollway.admin.analytics_query import Metric
from tollway.admin.analytics_shown import figures
from tollway.exports.columns import Cell, Column, Row, Table
from tollway.storage.analytics import Answer, Group, Question, Series, Sums

_LATENCY = ("mean_us", "p50_ms", "p95_ms", "p99_ms", "overhead_mean_us", "first_chunk_mean_us")
_TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")

COLUMNS: dict[Metric, tuple[Column, ...]] = {
    "cost": (
        Column("spent_usd", "money", "the sum of ledger entries"),
        Column("entries", "integer", "how many"),
        Column("unpriced", "integer", "of them, those whose cost is not known and not in spent_usd"),
    ),
    "tokens": tuple(Column(f"{name}_tokens", "integer", "null where no usage is known") for name in _TOKENS),
    "requests": (
        Column("requests", "integer", "how many"),
        Column("refused", "integer", "of them, those that Tollway refused"),
    ),
    "errors": (
        Column("errors", "integer", "statuses of 400 and above that are no refusal"),
        Column("requests", "integer", "how many"),
    ),
    "cache": (
        Column("saved_usd", "money", "what answers that were given again had cost"),
        Column("cached", "integer", "how many"),
        Column("saved_unknown", "integer", "of them, those whose cost is not known and not in saved_usd"),
    ),
    "latency": tuple(Column(name, "integer", "null where there was no request") for name in _LATENCY),
}

FIRST: tuple[Column, ...] = (
    Column("from", "instant", "when the bucket begins"),
    Column("to", "instant", "when it ends, exclusive"),
    Column("row", "text", "group; other: all groups beyond the limit; total: nothing was grouped by"),
)
PERIOD = Column("period", "text", "asked or previous, where compare=previous is given")


class Cells(NamedTuple):
    """One row before it is written."""

    period: str
    start: int
    end: int
    kind: str
    group: Group
    sums: Sums


def view_table(asked: Question, metrics: Sequence[Metric], *, compared: bool) -> Table[Cells]:
    """Rows of answers to `asked`."""
    # A field may be called as a column is; what was grouped by comes first.
    taken = {column.name for column in (*FIRST, PERIOD)} | set(asked.by)
    own = {column.name: column for metric in metrics for column in COLUMNS[metric] if column.name not in taken}
    columns = (
        *((PERIOD,) if compared else ()),
        *FIRST,
        *(Column(field, "text", "what was grouped by; null where there is none") for field in asked.by),
        *own.values(),
    )

    def rows(cells: Cells) -> Iterator[Row]:
        values = _values(cells.sums, asked, metrics)
        group = cells.group if cells.kind == "group" else (None,) * len(asked.by)
        yield (
            *((cells.period,) if compared else ()),
            cells.start,
            cells.end,
            cells.kind,
            *group,
            *(values[name] for name in own),
        )

    return Table("analytics", columns, rows)


def cells_of(answer: Answer, asked: Question, period: str) -> Iterator[Cells]:
    """By bucket, then the largest group first. Groups that have nothing in a bucket are left out of it."""
    series: list[tuple[str, Group, Series]] = [("group", group, found) for group, found in answer.groups.items()]
    if not asked.by:
        series = [("total", (), answer.total)]
    elif answer.other is not None:
        series.append(("other", (), answer.other))
    for number, start in enumerate(asked.bounds[:-1]):
        for kind, group, found in series:
            sums = found.buckets[number] if found.buckets else found.whole
            if kind == "total" or any(any(column) for column in sums.values()):
                yield Cells(period, start, asked.bounds[number + 1], kind, group, sums)


def _values(sums: Sums, asked: Question, metrics: Sequence[Metric]) -> dict[str, Cell]:
    raw = {
        name: value for table, names in asked.columns.items() for name, value in zip(names, sums[table], strict=True)
    }
    found: dict[str, Cell] = {}
    for metric in metrics:
        match metric:
            case "tokens":
                found |= {f"{name}_tokens": raw[f"{name}_tokens"] if raw["told"] else None for name in _TOKENS}
            case "latency":
                told = figures(sums, asked, (metric,))[metric]
                found |= {name: told[name] for name in _LATENCY}
            case "cost":
                found |= {
                    "spent_usd": raw["amount_nanodollars"],
                    "entries": raw["entries"],
                    "unpriced": raw["unpriced"],
                }
            case "cache":
                saved = {"saved_usd": raw["saved_nanodollars"], "saved_unknown": raw["saved_unknown"]}
                found |= saved | {"cached": raw["cached"]}
            case "requests" | "errors":
                found |= {column.name: raw[column.name] for column in COLUMNS[metric]}
    return found
