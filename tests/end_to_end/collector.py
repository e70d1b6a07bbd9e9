"""An OpenTelemetry collector on this machine: it reads what it is sent as the real one does, and remembers it."""

import base64
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from tests.workers.receivers import Receiver, receiver

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Told(NamedTuple):
    """A span as a collector has it."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    error: str
    took_ns: int


class Collector:
    def __init__(self, server: Receiver) -> None:
        self.server = server
        server.answer = OK

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def spans(self) -> list[Told]:
        """In the order in which they came."""
        found: list[Told] = []
        for request in self.server.requests:
            if "/v1/traces" in request.line:
                whole = _read(request.headers, request.body, ExportTraceServiceRequest())
                for resource in whole.resource_spans:  # type: ignore[attr-defined]
                    assert attributes(resource.resource.attributes)["service.name"]
                    for scope in resource.scope_spans:
                        found += [_told(span) for span in scope.spans]
        return found

    def metrics(self) -> dict[str, Any]:
        """The last of each."""
        found: dict[str, Any] = {}
        for request in self.server.requests:
            if "/v1/metrics" in request.line:
                whole = _read(request.headers, request.body, ExportMetricsServiceRequest())
                for resource in whole.resource_metrics:  # type: ignore[attr-defined]
                    found |= {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        return found


@contextlib.asynccontextmanager
async def collector() -> AsyncGenerator[Collector]:
    async with receiver() as server:
        yield Collector(server)


def attributes(pairs: Any) -> dict[str, Any]:
    found = {pair.key: _value(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "a key stands twice"
    return found


def _read(headers: dict[str, str], body: bytes, into: Message) -> Message:
    if headers["content-type"] == "application/x-protobuf":
        into.ParseFromString(body)
        return into
    assert headers["content-type"] == "application/json"
    return Parse(json.dumps(_base64(json.loads(body))), into)


def _base64(value: Any) -> Any:
    """OTLP's JSON has ids as hexadecimal digits, protobuf's as Base64."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(each)).decode()
            if key in ("traceId", "spanId", "parentSpanId")
            else _base64(each)
            for key, each in value.items()
        }
    return [_base64(each) for each in value] if isinstance(value, list) else value


def _told(span: Any) -> Told:
    assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
    assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
    return Told(
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=attributes(span.attributes),
        error=span.status.message,
        took_ns=span.end_time_unix_nano - span.start_time_unix_nano,
    )


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    assert kind is not None
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
