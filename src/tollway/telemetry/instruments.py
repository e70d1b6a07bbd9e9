"""OpenTelemetry's metrics of requests: histograms by the GenAI conventions, cumulative since the process began.

Callers choose the names of models, so there are `MOST_SERIES` sets of attributes at most; what is beyond is one set, named as
OpenTelemetry's own SDKs name it (`otel.metric.overflow`).
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tollway.logs.record import LogRecord
from tollway.telemetry.names import (
    EACH_BUCKETS,
    FIRST_BUCKETS,
    SECOND_BUCKETS,
    TOKEN_BUCKETS,
    operation_name,
    provider_name,
)
from tollway.telemetry.span import Attributes
from tollway.telemetry.spans import Server, error_type

MOST_SERIES: Final = 1_000
OVERFLOW: Final[tuple[tuple[str, str | int | bool], ...]] = (("otel.metric.overflow", True),)

_Labels = tuple[tuple[str, str | int | bool], ...]


class Point(NamedTuple):
    """One set of attributes of a metric."""

    attributes: Attributes
    start_ns: int
    at_ns: int
    sum: int | float
    number: int = 0
    """How often something was measured."""
    buckets: Sequence[int] = ()


class Series(NamedTuple):
    """One metric."""

    name: str
    unit: str
    description: str
    bounds: Sequence[float] | None
    """Upper bounds of a histogram, inclusive; `None` of a sum."""
    points: Sequence[Point]


class _Histogram:
    """What was measured, by attributes."""

    __slots__ = ("bounds", "description", "found", "name", "unit")

    def __init__(self, name: str, unit: str, bounds: Sequence[float], description: str) -> None:
        self.name = name
        self.unit = unit
        self.bounds = bounds
        self.description = description
        self.found: dict[_Labels, list[float]] = {}
        """Counts of the buckets, then the sum."""

    def add(self, labels: _Labels, value: float) -> None:
        known = self.found.get(labels)
        if known is None:
            if len(self.found) >= MOST_SERIES:
                labels = OVERFLOW
            known = self.found.setdefault(labels, [0] * (len(self.bounds) + 2))
        known[bisect_left(self.bounds, value)] += 1
        known[-1] += value

    def series(self, start_ns: int, at_ns: int) -> Series:
        points = [
            Point(dict(labels), start_ns, at_ns, known[-1], int(sum(known[:-1])), [int(count) for count in known[:-1]])
            for labels, known in self.found.items()
        ]
        return Series(self.name, self.unit, self.description, self.bounds, points)


class Instruments:
    """The metrics of one process. `start_ns`: nanoseconds since 1970."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._tokens = _Histogram(
            "gen_ai.client.token.usage", "{token}", TOKEN_BUCKETS, "Number of input and output tokens used."
        )
        self._operation = _Histogram(
            "gen_ai.client.operation.duration",
            "s",
            SECOND_BUCKETS,
            "How long a provider took, from the call to its end.",
        )
        self._first_chunk = _Histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            FIRST_BUCKETS,
            "From the call to the first chunk of a stream.",
        )
        self._request = _Histogram(
            "gen_ai.server.request.duration",
            "s",
            SECOND_BUCKETS,
            "How long a caller waited, from the request to its end.",
        )
        self._first_token = _Histogram(
            "gen_ai.server.time_to_first_token",
            "s",
            FIRST_BUCKETS,
            "From the request to the first token its caller saw.",
        )
        self._each_token = _Histogram(
            "gen_ai.server.time_per_output_token", "s", EACH_BUCKETS, "For each token of a stream behind the first."
        )

    def add(self, record: LogRecord, servers: Mapping[str, Server]) -> None:
        """Counts a request."""
        took, usage = record.durations, record.usage
        labels = _labels(record, servers)
        error = error_type(record)
        failed = (*labels, ("error.type", error)) if error else labels
        self._request.add(failed, took.total_us / 1_000_000)
        if usage is not None:
            for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
                if count is not None:
                    self._tokens.add((*labels, ("gen_ai.token.type", kind)), count)
        for attempt in record.attempts:
            if attempt.sent_us is not None and attempt.ended_us is not None:
                said = attempt.code or str(attempt.status or "_OTHER")
                of_try = labels if attempt.outcome == "answered" else (*labels, ("error.type", said))
                self._operation.add(of_try, max(attempt.ended_us - attempt.sent_us, 0) / 1_000_000)
        if record.streamed and took.first_chunk_us is not None and not error:
            if took.sent_us is not None:
                self._first_chunk.add(labels, max(took.first_chunk_us - took.sent_us, 0) / 1_000_000)
            self._first_token.add(labels, took.first_chunk_us / 1_000_000)
            if usage is not None and usage.output_tokens is not None and usage.output_tokens > 1:
                behind_us = max(took.total_us - took.first_chunk_us, 0)
                self._each_token.add(labels, behind_us / (usage.output_tokens - 1) / 1_000_000)

    def series(self, at_ns: int) -> list[Series]:
        """All that has been measured."""
        histograms = (
            self._tokens, self._operation, self._first_chunk, self._request, self._first_token, self._each_token,
        )  # fmt: skip
        return [each.series(self._start_ns, at_ns) for each in histograms if each.found]


def _labels(record: LogRecord, servers: Mapping[str, Server]) -> _Labels:
    server = servers.get(record.provider or "")
    found: list[tuple[str, str | int | bool]] = [("gen_ai.operation.name", operation_name(record.api))]
    if record.provider is not None:
        kind = server.kind if server is not None else ""
        found.append(("gen_ai.provider.name", provider_name(record.provider, kind)))
    if record.request_model is not None and not record.unserved:
        found.append(("gen_ai.request.model", record.request_model))
    if record.response_model is not None:
        found.append(("gen_ai.response.model", record.response_model))
    if server is not None:
        found += [("server.address", server.address), ("server.port", server.port)]
    found.append(("tollway.gateway", record.gateway))
    return tuple(found)
