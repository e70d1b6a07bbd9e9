"""Where the events of a stream end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.events import Events

SSE = ((b"content-type", b"text/event-stream; charset=utf-8"),)


def test_whole_events_are_passed_on_as_they_come() -> None:
    piece = b"data: 1\n\ndata: 2\n\n"
    assert Events(SSE).whole(piece) is piece


def test_the_beginning_of_an_event_is_kept_until_its_end_is_there() -> None:
    events = Events(SSE)
    assert events.whole(b"data: 1\n\ndata: {") == b"data: 1\n\n"
    assert events.whole(b"2") == b""
    assert events.whole(b"}\n\n") == b"data: {2}\n\n"
    assert events.rest() == b""


def test_what_was_kept_back_may_be_had_once() -> None:
    events = Events(SSE)
    assert events.whole(b"data: half") == b""
    assert (events.rest(), events.rest()) == (b"data: half", b"")


@pytest.mark.parametrize("kind", [b"application/x-ndjson", b"application/vnd.amazon.eventstream", b"application/json"])
def test_of_anything_else_all_is_passed_on(kind: bytes) -> None:
    piece = b"half of something"
    assert Events(((b"content-type", kind),)).whole(piece) is piece


@given(st.lists(st.sampled_from([b"data: x", b"\n\n", b"\r\n\r\n", b"\n", b"event: y\ndata: z", b"\r"]), max_size=30))
def test_nothing_is_lost_and_nothing_is_torn(pieces: list[bytes]) -> None:
    events, passed = Events(SSE), b""
    for piece in pieces:
        shown = events.whole(piece)
        assert not shown or (passed + shown).endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
        passed += shown
    assert passed + events.rest() == b"".join(pieces)
