"""Cutting streams into events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.sse import Events, Objects, comments_of, data_of


def cut(splitter: Events | Objects, text: bytes, sizes: list[int]) -> list[bytes]:
    events: list[bytes] = []
    at = 0
    for size in [*sizes, len(text)]:
        events += splitter.feed(text[at : at + size])
        at += size
    return events


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"]),
        (b"data: a\n\r\ndata: b\n\n", [b"data: a\n\r\n", b"data: b\n\n"]),
        (b": ping\n\nevent: x\ndata: a\n\n", [b": ping\n\n", b"event: x\ndata: a\n\n"]),
        (b"data: a\ndata: b\n", []),
        (b"", []),
    ],
)
def test_an_event_ends_at_its_blank_line(text: bytes, events: list[bytes]) -> None:
    for size in range(1, len(text) + 1):
        splitter = Events()
        assert cut(splitter, text, [size] * (len(text) // size)) == events
        assert b"".join(events) + splitter.rest() == text


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b"data: {}", b"{}"),
        (b"data: {}\r\n\r\n", b"{}"),
        (b"event: x\ndata: {}\n\n", b"{}"),
        (b"data: {}\nid: 1\n\n", b"{}"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b": data: a\n\n", b""),
        (b": data: a\ndata: b\n\n", b"b"),
        (b"event: ping\n\n", b""),
        (b"\n\n", b""),
    ],
)
def test_the_data_of_an_event_is_its_data_lines(event: bytes, data: bytes) -> None:
    assert data_of(event) == data


def test_comments_are_told_from_data() -> None:
    assert comments_of(b": a\ndata: x\n: b\n\n") == b": a\n: b\n"
    assert comments_of(b"data: x:\n\n") == b""


@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(1, 9)))
def test_nothing_is_lost_or_made_up_however_it_is_cut(parts: list[bytes], sizes: list[int]) -> None:
    text = b"\n\n".join(parts)
    cutting = Events()
    whole = Events()
    pieces = cut(cutting, text, sizes)
    assert pieces == whole.feed(text)
    assert b"".join(pieces) + cutting.rest() == text


@pytest.mark.parametrize("separator", [b",", b",\r\n", b"\n,\n"])
def test_the_objects_of_an_array_are_found_whatever_their_strings_hold(separator: bytes) -> None:
    objects = [b'{"a": "}{\\"]"}', b'{"b": {"c": [{}]}}', b'{"d": "\\\\"}', b"{}"]
    text = b"[" + separator.join(objects) + b"]"
    for size in range(1, len(text) + 1):
        assert cut(Objects(), text, [size] * (len(text) // size)) == objects


@given(st.lists(st.sampled_from([b"{", b"}", b'"', b"\\", b"[", b"a", b","]), max_size=40), st.lists(st.integers(1, 5)))
def test_brackets_in_any_order_are_cut_the_same_however_they_arrive(parts: list[bytes], sizes: list[int]) -> None:
    text = b"".join(parts)
    assert cut(Objects(), text, sizes) == Objects().feed(text)
