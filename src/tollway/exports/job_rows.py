"""The rows of scheduled exports: logs with bodies, sealed if need be and in Cloudflare's words if asked; spend by day."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from tollway.errors import REASONS
from tollway.exports.columns import Cell, Column, Row, Table
from tollway.exports.entries import document
from tollway.exports.job import SEALED_COLUMNS, Job
from tollway.exports.logs import logs_table
from tollway.exports.sealed import SealedColumn
from tollway.logs.record import LogRecord

Seal = Callable[[Mapping[str, str | None]], Mapping[str, SealedColumn | None]]
"""The columns of one log, each sealed for whoever may read them."""

_encode = msgspec.json.Encoder().encode

CLOUDFLARE: Final[tuple[Column, ...]] = (
    Column("Timestamp", "instant", "its arrival"),
    Column("Gateway", "text", "the endpoint"),
    Column("Provider", "text", "who was called last"),
    Column("Model", "text", "the model asked for"),
    Column("Endpoint", "text", "the path as it was called"),
    Column("StatusCode", "integer", "what the caller was given"),
    Column("Cached", "boolean", "the answer was kept from a request before"),
    Column("RateLimited", "boolean", "it was refused with status 429"),
)


class Logged(NamedTuple):
    """A request with its bodies."""

    record: LogRecord
    request_body: str | None = None
    """`None`: none is kept."""
    response_body: str | None = None


class Spent(NamedTuple):
    """What one group spent on one day."""

    day: str
    group: tuple[str | None, ...]
    amount: int
    entries: int
    unpriced: int
    input_tokens: int | None
    output_tokens: int | None


def body_text(content: bytes, content_type: str, *, truncated: bool) -> str:
    """A body as the text of a column: as it is where it is UTF-8, else as a data URL (RFC 2397). A character that was cut in two
    at the end is left out."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if truncated and error.reason == "unexpected end of data":
            return content[: error.start].decode()
        kind = content_type.replace(" ", "") or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def job_logs(job: Job, seal: Seal | None) -> Table[Logged]:
    """The requests of a job. With `seal`, metadata and bodies leave as `{"key", "iv", "data"}`, and nowhere else."""
    own = logs_table()
    # What is sealed must not stand beside it in clear.
    kept = [number for number, column in enumerate(own.columns) if column.name != "metadata"]
    names = SEALED_COLUMNS[job.dialect]
    bodies: tuple[Column, ...] = (
        Column(names[1], "json" if seal else "text", "of the request, where it is kept"),
        Column(names[2], "json" if seal else "text", "of the answer, where it is kept"),
    )
    columns = (
        *(CLOUDFLARE if job.dialect == "cloudflare" else ()),
        *(own.columns[number] for number in kept),
        Column(names[0], "json", "key to value, as an object"),
        *bodies,
    )

    def rows(logged: Logged) -> Iterator[Row]:
        cells = next(iter(own.rows(logged.record)))
        metadata = document(logged.record.metadata)
        told: dict[str, str | None] = dict(
            zip(names, (metadata, logged.request_body, logged.response_body), strict=True)
        )
        last: list[Cell] = list(told.values())
        if seal is not None:
            last = [None if column is None else _encode(column).decode() for column in seal(told).values()]
        theirs = _cloudflare(logged.record) if job.dialect == "cloudflare" else ()
        yield (*theirs, *(cells[number] for number in kept), *last)

    return Table(job.id, columns, rows)


def job_spend(job: Job) -> Table[Spent]:
    """Sums by day of the job's zone."""
    columns = (
        Column("date", "text", f"the day, in {job.timezone}"),
        *(Column(name, "text", "what it is summed by") for name in job.by),
        Column("amount_usd", "money", "without what has no price"),
        Column("entries", "integer", "of the ledger"),
        Column("unpriced", "integer", "entries whose cost is not known, and which are not in the amount"),
        Column("input_tokens", "integer", "null where no entry has any"),
        Column("output_tokens", "integer", "null where no entry has any"),
    )

    def rows(spent: Spent) -> Iterator[Row]:
        day, group, *numbers = spent
        yield (day, *group, *numbers)

    return Table(job.id, columns, rows)


def _cloudflare(record: LogRecord) -> Row:
    reason = REASONS.get(record.code)
    return (
        record.at,
        record.gateway,
        record.provider,
        record.request_model,
        record.path,
        record.status,
        record.cached,
        record.status == 429 and reason is not None,
    )
