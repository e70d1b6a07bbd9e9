import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers import ndjson
from tollway.providers.ndjson import LineMeter
from tollway.usage import Report


class Collector:
    """Takes every object with an `n` in it for an event, and ends with the one that has `end`."""

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self.seen: list[bytes] = []

    def event(self, data: bytes) -> bool:
        self.seen.append(data)
        self.complete = self.complete or b'"end"' in data
        return b'"n"' in data

    def report(self) -> Report:
        return Report(response_id=str(len(self.seen)))


def whole(body: bytes) -> Report:
    return Report(response_id=json.loads(body)["whole"])


def read(*chunks: bytes) -> tuple[LineMeter, Collector]:
    reader = Collector()
    meter = LineMeter(reader, whole)
    for chunk in chunks:
        assert meter.feed(chunk) is chunk
    assert meter.finish() == b""
    return meter, reader


def test_what_came_of_a_line_that_is_never_finished_counts_unless_the_stream_was_over() -> None:
    meter = LineMeter(Collector(), whole)
    meter.feed(b'{"n": 1}\n{"n": "so far')
    assert meter.output_bytes == len(b'{"n": "so far')
    meter.feed(b'"}\n{"n": 2, "end": 1}\n{"n": "so far')
    assert meter.output_bytes == 0


LINES = b'{"n": 1}\n\r\n{"n": "\xe2\x82\xac"}\r\n{"n": 3, "end": 1}'


@given(st.lists(st.integers(0, len(LINES)), max_size=6))
def test_lines_are_read_however_they_are_cut(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(LINES)]
    meter, reader = read(*(LINES[a:b] for a, b in itertools.pairwise(bounds)))
    assert reader.seen == [b'{"n": 1}', b'{"n": "\xe2\x82\xac"}', b'{"n": 3, "end": 1}']
    assert meter.complete
    assert meter.output_bytes == 0


def test_an_event_is_read_as_soon_as_its_line_ends() -> None:
    reader = Collector()
    meter = LineMeter(reader, whole)
    meter.feed(b'{"n": 1}\n{"n": ')
    assert reader.seen == [b'{"n": 1}']
    meter.feed(b"2}\n")
    assert reader.seen == [b'{"n": 1}', b'{"n": 2}']


def test_server_sent_events_are_read_as_the_lines_they_carry() -> None:
    _, reader = read(b'event: a\ndata: {"n": 1}\n\n: ping\nid: 4\nretry: 5\ndata:{"n": 2}\n\n')
    assert reader.seen == [b'{"n": 1}', b'{"n": 2}']


@pytest.mark.parametrize("body", [b'{"whole": "yes"}', b'{\n  "whole": "yes"\n}\n'])
def test_an_answer_that_is_no_stream_is_read_whole(body: bytes) -> None:
    for cut in range(len(body)):
        meter, _ = read(body[:cut], body[cut:])
        assert meter.report().response_id == "yes"
        assert meter.complete


def test_a_stream_with_one_event_is_not_taken_for_a_whole_answer() -> None:
    meter, _ = read(b'{"n": 1, "whole": "no"}\n')
    assert meter.report().response_id == "1"
    assert not meter.complete


def test_what_is_no_event_counts_as_output() -> None:
    meter, _ = read(b'{"n": 1}\nnonsense\n')
    assert meter.output_bytes == len(b"nonsense")
    assert not meter.complete


def test_a_line_beyond_the_limit_is_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "LIMIT_BYTES", 100)
    reader = Collector()
    meter = LineMeter(reader, whole)
    for _ in range(50):
        meter.feed(b"x" * 40)
        assert len(meter._pending) <= 140  # pyright: ignore[reportPrivateUsage]
    meter.finish()
    assert meter.output_bytes == 2000
    assert not meter.complete


def test_many_unknown_lines_are_not_kept_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "LIMIT_BYTES", 100)
    meter, _ = read(b"{\n", *[b'"a": 1,\n'] * 50, b'"whole": "yes"}')
    assert not meter.complete
    assert meter.output_bytes >= 50 * len(b'"a": 1,')
