from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.telemetry.recorded import RECORD, SERVERS

from tollway import __version__
from tollway.telemetry.context import Trace
from tollway.telemetry.destination import Told
from tollway.telemetry.protobuf import rejected, spans_protobuf
from tollway.telemetry.spans import spans_of


def test_a_collector_reads_the_spans() -> None:
    spans = list(spans_of(RECORD, Trace("4b" * 16), Told(), SERVERS))
    body = spans_protobuf(spans[:1], (("service.name", "gw"),)) + spans_protobuf(spans[1:], (("service.name", "gw"),))
    found = ExportTraceServiceRequest.FromString(body)
    request, call = (each.scope_spans[0].spans[0] for each in found.resource_spans)
    assert found.resource_spans[0].resource.attributes[0].value.string_value == "gw"
    assert found.resource_spans[0].scope_spans[0].scope.version == __version__
    assert request.trace_id == bytes.fromhex("4b" * 16) and request.parent_span_id == b""
    assert call.parent_span_id == request.span_id and (request.kind, call.kind) == (2, 3)
    attributes = {each.key: each.value for each in request.attributes}
    assert attributes["gen_ai.usage.input_tokens"].int_value == 100
    assert attributes["gen_ai.request.stream"].bool_value
    assert [v.string_value for v in attributes["gen_ai.response.finish_reasons"].array_value.values] == ["stop"]


def test_what_a_collector_did_not_take_is_read_from_its_answer() -> None:
    said = ExportTraceServiceResponse()
    said.partial_success.rejected_spans = 4
    assert rejected(said.SerializeToString()) == 4
    assert rejected(b"") == 0 and rejected(b"\xff\xff") == 0
