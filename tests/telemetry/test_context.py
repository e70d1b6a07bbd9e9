import pytest

from tollway.ids import Ids
from tollway.telemetry.context import Trace, is_sampled, span_id, trace_of, traceparent
from tollway.telemetry.destination import RATIO_ONE

ID = "0198a5c8-0000-7000-8000-00000000abcd"
OWN = "0198a5c800007000800000000000abcd"
THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def test_without_a_callers_trace_it_is_named_by_the_request() -> None:
    assert trace_of(ID, [(b"content-type", b"application/json")]) == Trace(OWN)


def test_a_callers_trace_is_continued() -> None:
    headers = [(b"traceparent", f"00-{THEIRS}-{PARENT}-01".encode()), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")]
    assert trace_of(ID, headers) == Trace(THEIRS, PARENT, 1, "a=1,b=2")
    assert not trace_of(ID, [(b"traceparent", f"00-{THEIRS}-{PARENT}-00".encode())]).sampled
    # 3.2.2: of a later version, what is known of it is read.
    assert trace_of(ID, [(b"traceparent", f"cc-{THEIRS}-{PARENT}-01-more".encode())]).trace_id == THEIRS


@pytest.mark.parametrize(
    "value",
    [
        f"00-{THEIRS}-{PARENT}",
        f"ff-{THEIRS}-{PARENT}-01",
        f"00-{THEIRS}-{PARENT}-01-more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{THEIRS}-{'0' * 16}-01",
        f"00-{THEIRS.upper()}-{PARENT}-01",
        "",
        "x" * 10_000,
    ],
)
def test_a_traceparent_that_cannot_be_read_is_as_if_it_were_not_there(value: str) -> None:
    assert trace_of(ID, [(b"traceparent", value.encode())]) == Trace(OWN)


def test_two_traceparents_are_none() -> None:
    header = (b"traceparent", f"00-{THEIRS}-{PARENT}-01".encode())
    assert trace_of(ID, [header, header]).trace_id == OWN


def test_cloudflares_headers_name_a_trace_too() -> None:
    headers = [(b"cf-aig-otel-trace-id", THEIRS.upper().encode()), (b"cf-aig-otel-parent-span-id", PARENT.encode())]
    assert trace_of(ID, headers) == Trace(THEIRS, PARENT)
    assert trace_of(ID, [(b"tollway-otel-trace-id", THEIRS.encode())]) == Trace(THEIRS)
    assert trace_of(ID, [(b"cf-aig-otel-trace-id", b"no trace")]) == Trace(OWN)
    assert trace_of(ID, [*headers, (b"traceparent", f"00-{OWN}-{PARENT}-01".encode())]).trace_id == OWN


def test_the_ids_of_spans_are_the_same_whenever_they_are_asked_for() -> None:
    assert span_id(ID) == span_id(ID) != span_id(ID, 1) != span_id(ID, 2)
    assert len(bytes.fromhex(span_id(ID))) == 8
    assert traceparent(Trace(THEIRS, PARENT), span_id(ID)) == f"00-{THEIRS}-{span_id(ID)}-01".encode()


def test_a_parent_decides_whether_its_child_is_told() -> None:
    on, off = Trace(THEIRS, PARENT, 1), Trace(THEIRS, PARENT, 0)
    assert is_sampled(on, "parentbased_always_off", 0) and not is_sampled(off, "parentbased_always_on", RATIO_ONE)
    assert is_sampled(off, "always_on", 0) and not is_sampled(on, "always_off", RATIO_ONE)
    assert is_sampled(Trace(OWN), "parentbased_always_on", 0)


def test_a_ratio_takes_about_that_part_and_decides_by_the_trace_alone() -> None:
    draws = iter(range(1, 4_000))
    ids = Ids(lambda count: (next(draws) * 2_654_435_761_123_456_789 % 2 ** (8 * count)).to_bytes(count, "big"))
    traces = [Trace(ids.new(1_790_000_000_000).replace("-", "")) for _ in range(2_000)]
    taken = [trace for trace in traces if is_sampled(trace, "traceidratio", RATIO_ONE // 4)]
    assert 400 < len(taken) < 600
    assert all(is_sampled(trace, "parentbased_traceidratio", RATIO_ONE // 4) for trace in taken)
    assert not any(is_sampled(trace, "traceidratio", 0) for trace in traces)
    assert all(is_sampled(trace, "traceidratio", RATIO_ONE) for trace in traces)
