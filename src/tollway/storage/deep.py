"""What a record of the log is searched by besides its columns: its other fields, amounts between two, text anywhere. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from tollway.logs.record import LogRecord
from tollway.storage.protocol import Filter

DEEP_FIELDS: Final = frozenset({"api", "method", "path", "response_model", "user_agent", "streamed", "cached"})
"""Fields that are in the whole record alone; "true" and "false" of the last two."""

RANGES: Final = frozenset({"cost", "duration_ms", "input_tokens", "output_tokens"})
"""What may lie between two values; the cost in nanodollars. A record in which it is not known lies between none."""

SCORE: Final = "score"
"""The same, of what people said of a request, in millionths: it is not in the record, and needs none to be read."""


def is_deep(where: Filter) -> bool:
    """Whether records have to be read whole to know which are meant. Raises ValueError for a range that is none."""
    for name in (*where.least, *where.most):
        if name not in RANGES and name != SCORE:
            raise ValueError(f'"{name}" is no range; choose from {", ".join(sorted(RANGES | {SCORE}))}')
    ranges = {*where.least, *where.most} - {SCORE}
    return bool(where.text or ranges or not DEEP_FIELDS.isdisjoint(where.equals))


def shallow(where: Filter) -> dict[str, str]:
    """The fields that have columns."""
    return {name: value for name, value in where.equals.items() if name not in DEEP_FIELDS}


def is_meant(record: LogRecord, where: Filter) -> bool:
    """Whether a record has what its columns do not tell."""
    values = deep_values(record)
    if any((values[name] or "") != value for name, value in where.equals.items() if name in DEEP_FIELDS):
        return False
    amounts = _amounts(record)
    for name, amount in amounts.items():
        least, most = where.least.get(name), where.most.get(name)
        if (least is not None and (amount is None or amount < least)) or (
            most is not None and (amount is None or amount > most)
        ):
            return False
    wanted = (where.text or "").casefold()
    return not wanted or any(wanted in text.casefold() for text in _texts(record))


def deep_values(record: LogRecord) -> Mapping[str, str | None]:
    """The values of `DEEP_FIELDS`."""
    return {
        "api": record.api,
        "method": record.method,
        "path": record.path,
        "response_model": record.response_model,
        "user_agent": record.user_agent,
        "streamed": "true" if record.streamed else "false",
        "cached": "true" if record.cached else "false",
    }


def _amounts(record: LogRecord) -> Mapping[str, int | None]:
    usage = record.usage
    return {
        "cost": record.charge.amount if record.charge is not None else None,
        "duration_ms": record.durations.total_us // 1000,
        "input_tokens": usage.input_tokens if usage is not None else None,
        "output_tokens": usage.output_tokens if usage is not None else None,
    }


def _texts(record: LogRecord) -> Iterator[str]:
    for text in (
        record.request_id,
        record.gateway,
        record.path,
        record.code,
        record.provider,
        record.request_model,
        record.response_model,
        record.user,
        record.key,
        record.service,
        record.user_agent,
    ):
        if text is not None:
            yield text
    yield from record.groups
    for name, value in record.metadata.items():
        yield f"{name}={value}"
    for decision in record.decisions:
        yield f"{decision.code} {decision.rule} {decision.detail}"
    for attempt in record.attempts:
        yield f"{attempt.provider}/{attempt.model} {attempt.code}"
