"""OTLP as JSON (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding"): ids as hexadecimal digits, 64-bit
integers as text, enumerations as numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tollway import __version__
from tollway.telemetry.instruments import Point, Series
from tollway.telemetry.names import SCHEMA_URL
from tollway.telemetry.span import Span, Value

KINDS = {"server": 2, "client": 3}
"""opentelemetry.proto.trace.v1.Span.SpanKind"""
SCOPE = "tollway"
ERROR = 2
CUMULATIVE = 2
_write = msgspec.json.Encoder().encode


def spans_json(spans: Sequence[Span], resource: Sequence[tuple[str, str]]) -> bytes:
    """An ExportTraceServiceRequest."""
    scope = {"scope": _scope(), "spans": [_span(span) for span in spans], "schemaUrl": SCHEMA_URL}
    return _write(
        {"resourceSpans": [{"resource": _resource(resource), "scopeSpans": [scope], "schemaUrl": SCHEMA_URL}]}
    )


def metrics_json(series: Sequence[Series], resource: Sequence[tuple[str, str]]) -> bytes:
    """An ExportMetricsServiceRequest."""
    scope = {"scope": _scope(), "metrics": [_metric(each) for each in series], "schemaUrl": SCHEMA_URL}
    return _write(
        {"resourceMetrics": [{"resource": _resource(resource), "scopeMetrics": [scope], "schemaUrl": SCHEMA_URL}]}
    )


def together(pieces: Sequence[bytes]) -> bytes:
    """Several requests as one."""
    if len(pieces) == 1:
        return pieces[0]
    raw = [resource for piece in pieces for resource in msgspec.json.decode(piece, type=_Whole).resource_spans]
    return _write(_Whole(resource_spans=raw))


def rejected(answer: bytes) -> int:
    """How many spans an answer says were not taken; 0 where it says nothing that can be read."""
    try:
        told = msgspec.json.decode(answer, type=_Answer, strict=False) if answer else _Answer()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    return max(told.partial_success.rejected_spans, 0) if told.partial_success is not None else 0


class _Whole(msgspec.Struct, rename="camel"):
    resource_spans: list[msgspec.Raw]


class _Partial(msgspec.Struct, rename="camel"):
    rejected_spans: int = 0
    """As text, as all 64-bit integers are."""


class _Answer(msgspec.Struct, rename="camel"):
    partial_success: _Partial | None = None


def _scope() -> dict[str, str]:
    return {"name": SCOPE, "version": __version__}


def _resource(resource: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"attributes": _attributes(dict(resource))}


def _span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": KINDS[span.kind],
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "flags": span.flags,
    }
    if span.error:
        found["status"] = {"code": ERROR, "message": span.error}
    if span.parent_id:
        found["parentSpanId"] = span.parent_id
    if span.state:
        found["traceState"] = span.state
    return found


def _attributes(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"arrayValue": {"values": [{"stringValue": each} for each in value]}}


def _metric(series: Series) -> dict[str, Any]:
    found: dict[str, Any] = {"name": series.name, "unit": series.unit, "description": series.description}
    points = [_point(series, point) for point in series.points]
    if series.bounds is None:
        found["sum"] = {"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": True}
    else:
        found["histogram"] = {"dataPoints": points, "aggregationTemporality": CUMULATIVE}
    return found


def _point(series: Series, point: Point) -> dict[str, Any]:
    found: dict[str, Any] = {
        "attributes": _attributes(point.attributes),
        "startTimeUnixNano": str(point.start_ns),
        "timeUnixNano": str(point.at_ns),
    }
    if series.bounds is None:
        found["asDouble" if isinstance(point.sum, float) else "asInt"] = (
            point.sum if isinstance(point.sum, float) else str(point.sum)
        )
        return found
    return found | {
        "count": str(point.number),
        "sum": point.sum,
        "bucketCounts": [str(count) for count in point.buckets],
        "explicitBounds": list(series.bounds),
    }
