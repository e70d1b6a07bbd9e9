"""OTLP as protobuf, by the messages of `opentelemetry-proto` (the extra `otel`). Import it only where it is switched on."""

from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from tollway import __version__
from tollway.telemetry.instruments import Point, Series
from tollway.telemetry.names import SCHEMA_URL
from tollway.telemetry.otlp import CUMULATIVE, ERROR, KINDS, SCOPE
from tollway.telemetry.span import Span, Value


def spans_protobuf(spans: Sequence[Span], resource: Sequence[tuple[str, str]]) -> bytes:
    """An ExportTraceServiceRequest."""
    scope = trace_pb2.ScopeSpans(scope=_scope(), spans=[_span(span) for span in spans], schema_url=SCHEMA_URL)
    whole = trace_pb2.ResourceSpans(resource=_resource(resource), scope_spans=[scope], schema_url=SCHEMA_URL)
    return ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()


def metrics_protobuf(series: Sequence[Series], resource: Sequence[tuple[str, str]]) -> bytes:
    """An ExportMetricsServiceRequest."""
    scope = metrics_pb2.ScopeMetrics(scope=_scope(), metrics=[_metric(each) for each in series], schema_url=SCHEMA_URL)
    whole = metrics_pb2.ResourceMetrics(resource=_resource(resource), scope_metrics=[scope], schema_url=SCHEMA_URL)
    return ExportMetricsServiceRequest(resource_metrics=[whole]).SerializeToString()


def rejected(answer: bytes) -> int:
    """How many spans an ExportTraceServiceResponse says were not taken; 0 where it says nothing that can be read."""
    try:
        told = ExportTraceServiceResponse.FromString(answer)
    except DecodeError:
        return 0
    return max(told.partial_success.rejected_spans, 0)


def _scope() -> InstrumentationScope:
    return InstrumentationScope(name=SCOPE, version=__version__)


def _resource(resource: Sequence[tuple[str, str]]) -> Resource:
    return Resource(attributes=_attributes(dict(resource)))


def _span(span: Span) -> trace_pb2.Span:
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id),
        trace_state=span.state,
        name=span.name,
        kind=KINDS[span.kind],  # type: ignore[arg-type]
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_attributes(span.attributes),
        status=trace_pb2.Status(code=ERROR, message=span.error) if span.error else None,  # type: ignore[arg-type]
        flags=span.flags,
    )


def _attributes(attributes: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Value) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=each) for each in value]))


def _metric(series: Series) -> metrics_pb2.Metric:
    metric = metrics_pb2.Metric(name=series.name, unit=series.unit, description=series.description)
    if series.bounds is None:
        metric.sum.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]
        metric.sum.is_monotonic = True
        metric.sum.data_points.extend(_number(point) for point in series.points)
    else:
        metric.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]
        metric.histogram.data_points.extend(_histogram(point, series.bounds) for point in series.points)
    return metric


def _number(point: Point) -> metrics_pb2.NumberDataPoint:
    found = metrics_pb2.NumberDataPoint(
        attributes=_attributes(point.attributes), start_time_unix_nano=point.start_ns, time_unix_nano=point.at_ns
    )
    if isinstance(point.sum, float):
        found.as_double = point.sum
    else:
        found.as_int = point.sum
    return found


def _histogram(point: Point, bounds: Sequence[float]) -> metrics_pb2.HistogramDataPoint:
    return metrics_pb2.HistogramDataPoint(
        attributes=_attributes(point.attributes),
        start_time_unix_nano=point.start_ns,
        time_unix_nano=point.at_ns,
        count=point.number,
        sum=point.sum,
        bucket_counts=point.buckets,
        explicit_bounds=bounds,
    )
