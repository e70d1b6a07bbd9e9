"""The request log as rows: one each. The cost is what the log remembers; the ledger alone says what is owed."""

from collections.abc import Iterator
from typing import NamedTuple

from tollway.exports.columns import Column, Row, Table
from tollway.exports.entries import CALLER, TOKENS, document, tokens
from tollway.logs.record import LogRecord
from tollway.logs.remark import Remark
from tollway.money import dollars

_COLUMNS: tuple[Column, ...] = (
    Column("request_id", "text", "unique for ever"),
    Column("at", "instant", "its arrival"),
    Column("gateway", "text", "the endpoint"),
    Column("method", "text", "GET, POST ..."),
    Column("path", "text", "as it was called"),
    Column("api", "text", "such as openai.chat"),
    Column("status", "integer", "what the caller was given; 499 where the caller left first"),
    Column("code", "text", "why it was refused or ended early; empty where all went well"),
    Column("provider", "text", "who was called last"),
    Column("request_model", "text", "the model asked for"),
    Column("response_model", "text", "the model that answered"),
    *CALLER,
    Column("amount_usd", "money", "of all tries; null where nothing was charged or no price is known"),
    Column("basis", "text", "metered, counted or presumed"),
    *(Column(name, "integer", about) for name, about in TOKENS),
    Column("finish_reason", "text", "why the model stopped, as the provider names it"),
    Column("streamed", "boolean", "the answer was a stream"),
    Column("cached", "boolean", "the answer was kept from a request before"),
    Column("saved_usd", "money", "cached: what that answer cost then; null where no price was known"),
    Column("tries", "integer", "calls of providers"),
    Column("total_us", "integer", "microseconds from the request received to the answer's end"),
    Column("upstream_us", "integer", "of the provider"),
    Column("first_chunk_us", "integer", "to the first byte of the answer"),
    Column("overhead_us", "integer", "of Tollway itself"),
    Column("request_bytes", "integer", "of the body"),
    Column("response_bytes", "integer", "of the body"),
    Column("user_agent", "text", "what the caller said it is"),
)


def _rows(record: LogRecord) -> Iterator[Row]:
    durations = record.durations
    yield (
        record.request_id,
        record.at,
        record.gateway,
        record.method,
        record.path,
        record.api,
        record.status,
        record.code,
        record.provider,
        record.request_model,
        record.response_model,
        record.user,
        document(record.groups),
        record.key,
        record.service,
        document(record.metadata),
        None if record.charge is None else record.charge.amount,
        None if record.charge is None else record.charge.basis,
        *tokens(record.usage),
        record.finish_reason,
        record.streamed,
        record.cached,
        record.saved,
        len(record.attempts),
        durations.total_us,
        durations.upstream_us,
        durations.first_chunk_us,
        durations.overhead_us,
        record.request_bytes,
        record.response_bytes,
        record.user_agent,
    )


_SAID: tuple[Column, ...] = (
    Column("feedback", "integer", "1 or -1: what was said of it afterwards"),
    Column("score", "decimal", "how good it was found to be"),
    Column("added_metadata", "json", "what else was said, key to value"),
)


class Remarked(NamedTuple):
    """A request, and what was said of it."""

    record: LogRecord
    remark: Remark | None


def logs_table() -> Table[LogRecord]:
    """Every request, refused ones too."""
    return Table("logs", _COLUMNS, _rows)


def remarked_table() -> Table[Remarked]:
    """The same with what was said of them afterwards."""

    def rows(of: Remarked) -> Iterator[Row]:
        remark = of.remark
        said = (None, None, None) if remark is None else (remark.feedback, _score(remark), document(remark.metadata))
        for row in _rows(of.record):
            yield (*row, *said)

    return Table("logs", (*_COLUMNS, *_SAID), rows)


def _score(remark: Remark) -> str | None:
    # Three more places than a million has, as an amount has nine.
    return None if remark.score_millionths is None else dollars(remark.score_millionths * 1_000)
