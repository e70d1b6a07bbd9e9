"""What a question of analytics may say: a range, a zone, a grain, dimensions, measures and filters."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tollway.admin.periods import Grain, RangeInvalid, before, bounds, midnight
from tollway.admin.problem import Problem
from tollway.admin.where import read_instant
from tollway.budgets.zone import wrong_zone, zone_named
from tollway.match import METADATA
from tollway.storage.analytics import FIELDS, OWN_TABLE, Condition, Question, Table

Metric = Literal["cost", "tokens", "requests", "errors", "cache", "latency"]
METRICS: dict[Metric, tuple[Table, tuple[str, ...]]] = {
    "cost": ("spending", ("amount_nanodollars", "entries", "unpriced")),
    "tokens": (
        "spending",
        ("input_tokens", "told", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"),
    ),
    "requests": ("traffic", ("requests", "refused")),
    "errors": ("traffic", ("errors", "requests")),
    "cache": ("traffic", ("saved_nanodollars", "cached", "saved_unknown")),
    "latency": (
        "traffic",
        ("total_us", "requests", "overhead_us", "first_chunks", "first_chunk_us", *(f"took_{n}" for n in range(13))),
    ),
}
"""Measure → the table that has it, and its columns; groups are ranked by the first."""

_DAY_MS = 86_400_000
_DEFAULT_DAYS = 30
ALIASES = {"team": METADATA + "team"}
"""Short names of fields to group and filter by."""
_LONGEST = 1_024


class Ranged(BaseModel):
    """Filters are taken too: `user=alice`, more than once for any of several, `model=gpt-5*` for what begins so, `user!=bob`
    for all others, `key=` for requests without one, `metadata.<key>=value`."""

    model_config = ConfigDict(extra="allow")

    from_: str | None = Field(
        default=None,
        alias="from",
        max_length=64,
        description="A date in the zone, or RFC 3339. Default: 30 days before.",
    )
    to: str | None = Field(default=None, max_length=64, description="In the same way, exclusive. Default: now.")
    timezone: str = Field(default="UTC", max_length=64, description="An IANA zone: Europe/Berlin.")


class Compared(Ranged):
    """A range beside an earlier one."""

    before_from: str | None = Field(
        default=None,
        max_length=64,
        description="Where the period begins that the range is compared with, as `from` says it. Default: as much calendar, or "
        "as long a time, just before.",
    )
    before_to: str | None = Field(default=None, max_length=64, description="Where it ends, exclusive.")


class AnalyticsQuery(Compared):
    grain: Grain = "none"
    by: str = Field(
        default="",
        max_length=512,
        description="Up to two of gateway, provider, model, user, group, team, key, service, kind, status, metadata.<key>.",
    )
    metrics: str = Field(
        default="",
        max_length=128,
        description="Of cost, tokens, requests, errors, cache, latency; the first ranks the groups. Default: all there are.",
    )
    compare: Literal["previous"] | None = Field(
        default=None, description="Also the period before. before_from and before_to ask for it too."
    )
    limit: int = Field(default=20, ge=1, le=1_000, description="How many groups; all others are one, so totals add up.")

    @model_validator(mode="after")
    def _compared(self) -> Self:
        if self.before_from is not None or self.before_to is not None:
            self.compare = "previous"
        return self


class MoversQuery(Compared):
    by: str = Field(default="model", max_length=512, description="One or two dimensions.")
    limit: int = Field(default=20, ge=1, le=1_000)


class UsersQuery(Ranged):
    review: int = Field(default=50, ge=1, le=1_000, description="How many users and sessions to list.")


class Range(NamedTuple):
    """The instants and the zone of a question."""

    since: int
    until: int
    zone: ZoneInfo


def range_of(query: Ranged, now: int) -> Range:
    """Raises Problem."""
    if (wrong := wrong_zone(query.timezone)) is not None:
        raise _wrong(wrong)
    zone = zone_named(query.timezone)
    until = now if query.to is None else _instant("to", query.to, zone)
    since = until - _DEFAULT_DAYS * _DAY_MS if query.from_ is None else _instant("from", query.from_, zone)
    if since >= until:
        raise _wrong("from is not before to, so nothing lies between them")
    return Range(since, until, zone)


def earlier_of(query: Compared, asked: Range) -> Range:
    """What a range is compared with: the one that is named, else the period before. Raises Problem."""
    if query.before_from is None and query.before_to is None:
        try:
            return Range(*before(*asked), asked.zone)
        except RangeInvalid as error:
            raise _wrong(f"{error}; name the period with before_from and before_to, or a shorter range") from None
    if query.before_from is None or query.before_to is None:
        raise _wrong("before_from and before_to: name both, or neither for the period before")
    since = _instant("before_from", query.before_from, asked.zone)
    until = _instant("before_to", query.before_to, asked.zone)
    if since >= until:
        raise _wrong("before_from is not before before_to, so nothing lies between them")
    return Range(since, until, asked.zone)


def buckets(asked: Range, grain: Grain) -> list[int]:
    """Raises Problem."""
    try:
        return bounds(*asked, grain)
    except RangeInvalid as error:
        raise _wrong(str(error)) from None


def dimensions(text: str, most: int = 2) -> tuple[str, ...]:
    """The fields to group by. Raises Problem."""
    fields = tuple(_field("by", name.strip()) for name in text.split(",") if name.strip())
    if len(fields) > most or len(set(fields)) < len(fields):
        raise _wrong(f'by: "{text[:200]}" names {len(fields)} fields; name up to {most} different ones')
    return fields


def filters(pairs: Iterable[tuple[str, str]], model: type[Ranged], only: str | None) -> tuple[Condition, ...]:
    """What is left of the parameters. Of one user alone where `only` names one. Raises Problem."""
    own = {field.alias or name for name, field in model.model_fields.items()}
    gathered: dict[tuple[str, bool], list[str]] = {}
    counted: set[str] = set()
    for name, value in pairs:
        if name in own:
            if name in counted:
                raise _wrong(f"{name} is given twice")
            counted.add(name)
            continue
        negated = name.endswith("!")
        field = _field(name, name.removesuffix("!"), sorted(own))
        if len(value) > _LONGEST:
            raise _wrong(f"{name} is longer than {_LONGEST:,} characters")
        gathered.setdefault((field, negated), []).append(value)
    if len(gathered) > 20 or sum(map(len, gathered.values())) > 200:
        raise _wrong("there are more than 20 filters, or more than 200 values")
    found = tuple(_condition(field, negated, values) for (field, negated), values in gathered.items())
    if only is None:
        return found
    if any(condition.field == "user" and condition.values != (only,) for condition in found):
        raise Problem(403, "forbidden", f"user: your role sees what is your own alone, that of {only}.")
    return (*found, Condition(field="user", values=(only,)))


def refuse_untold(metrics: str, fields: Sequence[str]) -> None:
    """For answers that are always of these measures. Raises Problem where a field is named that they cannot be told by."""
    tables = {METRICS[metric][0] for metric in METRICS if metric in metrics.split(",")}
    for field in fields:
        if field in OWN_TABLE and tables != {OWN_TABLE[field]}:
            raise _wrong(
                f"{field}: this is told of {metrics.replace(',', ' and ')}, which cannot be told by {field}; leave it out"
            )


def columns(text: str, fields: Sequence[str]) -> tuple[tuple[Metric, ...], dict[Table, tuple[str, ...]]]:
    """The measures, and the columns that they are made of. Raises Problem."""
    tables = {OWN_TABLE[field] for field in fields if field in OWN_TABLE}
    if len(tables) > 1:
        raise _wrong("kind is of ledger entries and status of requests; ask for one of them at a time")
    names = [name.strip() for name in text.split(",") if name.strip()]
    known: dict[str, Metric] = {metric: metric for metric in METRICS}
    for name in names:
        if name not in known:
            raise _wrong(f'metrics: "{name[:64]}" is none; choose from {", ".join(METRICS)}')
    chosen: list[Metric] = [metric for metric in METRICS if not tables or METRICS[metric][0] in tables]
    picked: list[Metric] = [known[name] for name in names] or chosen
    for metric in picked:
        if metric not in chosen:
            field = next(field for field in fields if field in OWN_TABLE)
            raise _wrong(f'metrics: "{metric}" cannot be told by {field}; with it there are {", ".join(chosen)}')
    found: dict[Table, tuple[str, ...]] = {}
    for metric in picked:
        table, names_of = METRICS[metric]
        found[table] = tuple(dict.fromkeys((*found.get(table, ()), *names_of)))
    return tuple(dict.fromkeys(picked)), found


def question(query: AnalyticsQuery, asked: Range, where: tuple[Condition, ...]) -> tuple[tuple[Metric, ...], Question]:
    """What the store is asked. Raises Problem."""
    by = dimensions(query.by)
    metrics, picked = columns(query.metrics, (*by, *(condition.field for condition in where)))
    return metrics, Question(bounds=buckets(asked, query.grain), by=by, where=where, columns=picked, limit=query.limit)


def _field(parameter: str, name: str, others: Sequence[str] = ()) -> str:
    field = ALIASES.get(name, name)
    if field in FIELDS or (field.startswith(METADATA) and len(field) > len(METADATA)):
        return field
    known = ", ".join([*others, *sorted(FIELDS | ALIASES.keys())])
    if others:
        raise Problem(
            400,
            "parameter_unknown",
            f'There is no query parameter "{name[:64]}" here; there are {known}, metadata.<key>.',
        )
    raise _wrong(f'{parameter}: "{name[:64]}" is not a field; choose from {known} and metadata.<key>')


def _condition(field: str, negated: bool, values: Sequence[str]) -> Condition:
    """A star at the end stands for anything that follows; behind a backslash it is a star."""
    exact = [value for value in values if not value.endswith("*") or value.endswith("\\*")]
    begun = [value[:-1] for value in values if value not in exact]
    return Condition(
        field=field,
        values=tuple(value[:-2] + "*" if value.endswith("\\*") else value for value in exact),
        prefixes=tuple(begun),
        negated=negated,
    )


def _instant(name: str, text: str, zone: ZoneInfo) -> int:
    return read_instant(name, text, lambda day: midnight(day, zone))


def _wrong(words: str) -> Problem:
    return Problem(400, "parameter_invalid", f"{words}.")
