import base64
import json

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.telemetry.recorded import AT, RECORD, SERVERS

from tollway.telemetry.context import Trace
from tollway.telemetry.destination import Told
from tollway.telemetry.instruments import Instruments, Point, Series
from tollway.telemetry.otlp import metrics_json, rejected, spans_json, together
from tollway.telemetry.protobuf import metrics_protobuf, spans_protobuf
from tollway.telemetry.span import Span
from tollway.telemetry.spans import spans_of

RESOURCE = (("service.name", "tollway"), ("env", "prod"))


def spans() -> list[Span]:
    return list(spans_of(RECORD, Trace("4b" * 16, "ab" * 8, 1, "x=1"), Told(), SERVERS))


def read_spans(body: bytes) -> ExportTraceServiceRequest:
    """As a collector reads it: ids are hexadecimal digits, where plain JSON of protobuf has Base64."""
    document = json.loads(body)
    found = ExportTraceServiceRequest()
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return Parse(json.dumps(document), found)


def test_json_and_protobuf_say_the_same_of_spans() -> None:
    assert read_spans(spans_json(spans(), RESOURCE)) == ExportTraceServiceRequest.FromString(
        spans_protobuf(spans(), RESOURCE)
    )


def test_json_and_protobuf_say_the_same_of_metrics() -> None:
    instruments = Instruments(5)
    instruments.add(RECORD, SERVERS)
    series = [
        *instruments.series(AT * 1_000_000),
        Series("tollway.cost.charged", "{USD}", "x", None, [Point({"a": "b"}, 0, 9, 0.25), Point({}, 0, 9, 3)]),
    ]
    said = Parse(metrics_json(series, RESOURCE), ExportMetricsServiceRequest())
    assert said == ExportMetricsServiceRequest.FromString(metrics_protobuf(series, RESOURCE))


def test_batches_that_are_put_together_are_one_request() -> None:
    one = spans_json(spans()[:1], RESOURCE)
    assert together([one]) is one
    found = read_spans(together([one, spans_json(spans()[1:], RESOURCE)]))
    assert [span.name for each in found.resource_spans for span in each.scope_spans[0].spans] == [
        "chat gpt-4o-mini",
        "call openai",
    ]


def test_what_a_collector_did_not_take_is_read_from_its_answer() -> None:
    assert rejected(b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}') == 3
    assert rejected(b'{"partialSuccess": {"rejectedSpans": 2}}') == 2
    for said in (b"", b"{}", b"ok", b"\xff", b'{"partialSuccess": {"rejectedSpans": -1}}', b"[]"):
        assert rejected(said) == 0
