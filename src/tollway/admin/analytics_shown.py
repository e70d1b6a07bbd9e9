"""Answers of analytics as the API writes them. Amounts are exact decimal strings; where nothing is known there is null, not 0."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.analytics_query import METRICS, Metric
from tollway.admin.charge import Dollars, Instant
from tollway.money import dollars
from tollway.storage.analytics import UPPER_MS, Group, Question, Series, Sums


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CostShown(Strict):
    """Of ledger entries."""

    spent_usd: Dollars
    entries: int
    unpriced: int
    """Entries whose cost is not known, and which are not in `spent_usd`."""


class TokensShown(Strict):
    """Of ledger entries whose usage is known; null where none is. Each is the sum of what was told of it: 0 also where usage is known,
    and nothing of that class was told."""

    input: int | None
    """All of them, with those read from and written to a cache."""
    cache_read: int | None
    cache_write: int | None
    output: int | None
    """All of them, with reasoning."""
    reasoning: int | None


class RequestsShown(Strict):
    requests: int
    refused: int
    """By Tollway: for money, a policy, a rate, a credential."""


class ErrorsShown(Strict):
    errors: int
    """Statuses of 400 and above that are no refusal; a caller that left first is none."""
    requests: int


class CacheShown(Strict):
    saved_usd: Dollars
    """What answers that were given again had cost."""
    cached: int
    saved_unknown: int
    """Those of them whose cost is not known, and which are not in `saved_usd`."""


class LatencyShown(Strict):
    """Null where there was no request. A percentile is an estimate: of the class that it lies in, the point at its rank, as if the
    requests of a class were spread evenly over it. Beyond the last class it is the end of the last."""

    mean_us: int | None
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    overhead_mean_us: int | None
    """What Tollway itself took."""
    first_chunk_mean_us: int | None
    upper_ms: list[int] = Field(description="The classes: up to each of these milliseconds, and one beyond.")
    histogram: list[int]


class Figures(Strict):
    """The measures that were asked for; null the others."""

    cost: CostShown | None = None
    tokens: TokensShown | None = None
    requests: RequestsShown | None = None
    errors: ErrorsShown | None = None
    cache: CacheShown | None = None
    latency: LatencyShown | None = None


class SeriesShown(Strict):
    whole: Figures
    buckets: list[Figures]
    """One for each of `starts`; empty without a grain."""


class GroupShown(SeriesShown):
    group: dict[str, str | None]
    """Field to value; null where a request had none."""
    previous: Figures | None = None
    """In the period before, where it was asked for."""


class PreviousShown(Strict):
    from_: Instant = Field(alias="from")
    to: Instant
    starts: list[Instant]
    total: SeriesShown


class AnalyticsAnswer(Strict):
    """Groups and `other` add up to the total, exactly, in every bucket; but for groups of people, who may be in several."""

    from_: Instant = Field(alias="from")
    to: Instant
    timezone: str
    grain: str
    by: list[str]
    metrics: list[str]
    starts: list[Instant]
    total: SeriesShown
    groups: list[GroupShown]
    other: SeriesShown | None
    others: int
    """How many groups are in `other`."""
    overlapping: bool
    previous: PreviousShown | None


class MoverShown(Strict):
    group: dict[str, str | None]
    spent_usd: Dollars
    before_usd: Dollars
    change_usd: Dollars


class MoversAnswer(Strict):
    """The largest changes of spend against the period before, up or down. Rows and `other` add up to the total."""

    from_: Instant = Field(alias="from")
    to: Instant
    previous_from: Instant
    previous_to: Instant
    by: list[str]
    items: list[MoverShown]
    other: MoverShown | None
    total: MoverShown
    overlapping: bool


def series_shown(series: Series, question: Question, metrics: Sequence[Metric], *, grained: bool) -> dict[str, Any]:
    """`SeriesShown`, as JSON has it; `grained`: a single bucket is one too."""
    buckets = series.buckets or ([series.whole] if grained else [])
    return {
        "whole": figures(series.whole, question, metrics),
        "buckets": [figures(bucket, question, metrics) for bucket in buckets],
    }


def figures(sums: Sums, question: Question, metrics: Sequence[Metric]) -> dict[str, Any]:
    """`Figures`, as JSON has them."""
    found: dict[str, Any] = {}
    for metric in metrics:
        table, _ = METRICS[metric]
        value = dict(zip(question.columns[table], sums[table], strict=True))
        found[metric] = _shown(metric, value)
    return found


def group_shown(by: Sequence[str], group: Group) -> dict[str, str | None]:
    return dict(zip(by, group, strict=True))


def _latency(value: Mapping[str, int]) -> dict[str, Any]:
    histogram = [value[f"took_{number}"] for number in range(len(UPPER_MS) + 1)]
    requests = value["requests"]
    return {
        "mean_us": _mean(value["total_us"], requests),
        "p50_ms": percentile(histogram, 50),
        "p95_ms": percentile(histogram, 95),
        "p99_ms": percentile(histogram, 99),
        "overhead_mean_us": _mean(value["overhead_us"], requests),
        "first_chunk_mean_us": _mean(value["first_chunk_us"], value["first_chunks"]),
        "upper_ms": UPPER_MS,
        "histogram": histogram,
    }


def percentile(histogram: Sequence[int], percent: int) -> int | None:
    """An estimate in milliseconds, as Prometheus' `histogram_quantile` makes it: linear within the class that the rank lies in, and
    the lower end of the last class, which is open. `None` without requests."""
    hundredths = sum(histogram) * percent
    if hundredths == 0:
        return None
    place = next(number for number, upto in enumerate(accumulate(histogram)) if upto * 100 >= hundredths)
    lower = UPPER_MS[place - 1] if place else 0
    if place == len(UPPER_MS):
        return lower
    into, within = hundredths - sum(histogram[:place]) * 100, histogram[place] * 100
    return lower + ((UPPER_MS[place] - lower) * into * 2 + within) // (within * 2)


def _mean(whole: int, count: int) -> int | None:
    return whole // count if count else None


def _shown(metric: Metric, value: Mapping[str, int]) -> dict[str, Any]:
    match metric:
        case "cost":
            return {
                "spent_usd": dollars(value["amount_nanodollars"]),
                "entries": value["entries"],
                "unpriced": value["unpriced"],
            }
        case "tokens":
            known = value["told"] > 0
            names = ("input", "cache_read", "cache_write", "output", "reasoning")
            return {name: value[f"{name}_tokens"] if known else None for name in names}
        case "requests":
            return {"requests": value["requests"], "refused": value["refused"]}
        case "errors":
            return {"errors": value["errors"], "requests": value["requests"]}
        case "cache":
            return {
                "saved_usd": dollars(value["saved_nanodollars"]),
                "cached": value["cached"],
                "saved_unknown": value["saved_unknown"],
            }
        case "latency":
            return _latency(value)
