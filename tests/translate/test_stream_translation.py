"""Streams of bytes, from one API into another."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.translate.anthropic_messages_events import MessagesWriter
from tollway.translate.conversation import Request
from tollway.translate.openai_chat_chunks import ChatWriter
from tollway.translate.openai_chat_stream import ChatReader
from tollway.translate.spelled import Spelling
from tollway.translate.stream_translation import StreamTranslation

CHUNKS = [
    {"id": "a", "model": "m", "created": 5, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": "Grüße 👋"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
]
BODY = b"".join(b": keep\n\ndata: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in CHUNKS)
DONE = b"data: [DONE]\n\n"


def made(writer: Any = None) -> StreamTranslation:
    return StreamTranslation(ChatReader(Spelling(64)), writer or MessagesWriter(), now_s=77)


@given(st.lists(st.integers(0, len(BODY) + len(DONE)), max_size=12), st.booleans())
def test_it_does_not_matter_where_a_stream_is_cut(cuts: list[int], windows: bool) -> None:
    whole = made()
    expected = whole.feed(BODY + DONE) + whole.finish(True)
    body = (BODY + DONE).replace(b"\n", b"\r\n") if windows else BODY + DONE
    stream = made()
    edges = [0, *sorted(cuts), len(body)]
    sent = b"".join(stream.feed(body[start:end]) for start, end in pairwise(edges))
    assert sent + stream.finish(True) == expected
    assert "Grüße 👋".encode() in expected


def test_the_end_is_written_as_soon_as_it_is_seen() -> None:
    stream = made()
    assert b"message_stop" not in stream.feed(BODY)
    assert b"message_stop" in stream.feed(DONE)
    assert stream.finish(True) == b""
    assert stream.feed(BODY) == b""


def test_an_end_without_its_mark_is_an_end_where_a_reason_was_given() -> None:
    stream = made()
    stream.feed(BODY)
    assert b"message_stop" in stream.finish(True)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_stream_that_broke_off_is_given_no_end(cut: int) -> None:
    stream = made()
    sent = stream.feed(b"\n\n".join(BODY.split(b"\n\n")[: 2 * cut]) + b"\n\n") + stream.finish(False)
    assert b"message_start" in sent
    assert b"message_delta" not in sent and b"message_stop" not in sent
    assert stream.finish(False) == b""


def test_an_event_without_its_last_blank_line_counts_where_the_stream_is_complete() -> None:
    stream = made()
    assert b"message_stop" in stream.feed(BODY) + stream.feed(DONE.rstrip()) + stream.finish(True)


def test_the_time_is_the_gateways_where_the_provider_says_none() -> None:
    stream = made(ChatWriter(Request(model="m")))
    sent = stream.feed(b"data: " + json.dumps({**CHUNKS[0], "created": None}).encode() + b"\n\n")
    assert msgspec.json.decode(sent.removeprefix(b"data: "))["created"] == 77


@pytest.mark.parametrize("event", [b"data: {odd\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
def test_what_is_not_json_is_an_error_and_ends_it(event: bytes) -> None:
    stream = made()
    sent = stream.feed(event + BODY)
    assert stream.failed
    assert b"event: error" in sent and b"message_start" not in sent
    assert stream.finish(True) == b""


def test_an_answer_that_is_no_stream_is_an_error() -> None:
    stream = made()
    sent = stream.feed(b'{"choices": []}') + stream.finish(True)
    assert stream.failed
    assert b"no stream" in sent
