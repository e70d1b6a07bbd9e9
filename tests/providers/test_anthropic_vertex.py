"""Claude on Vertex: the model in the path, the rest as at Anthropic."""

import json
from typing import Any

import pytest

from tollway.providers.anthropic_messages import Messages
from tollway.providers.anthropic_vertex import Vertex, counts_only, speaks
from tollway.providers.codec import Malformed
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Vertex()
BEFORE = "/v1/projects/p/locations/us-east5/publishers/anthropic/models/"
PATH = BEFORE + "claude-sonnet-4@20250514:rawPredict"
STREAMED = BEFORE + "claude-sonnet-4@20250514:streamRawPredict"
COUNT = BEFORE + "count-tokens:rawPredict"
BODY: dict[str, Any] = {
    "anthropic_version": "vertex-2023-10-16",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hi"}],
}


def read(path: str, **fields: Any) -> Ask | Malformed:
    return CODEC.read_ask(path, b"", b"application/json", json.dumps({**BODY, **fields}).encode())


def ask(path: str, **fields: Any) -> Ask:
    found = read(path, **fields)
    assert isinstance(found, Ask), found
    return found


@pytest.mark.parametrize(
    ("path", "fields", "stream"),
    [(PATH, {}, False), (PATH, {"stream": True}, True), (STREAMED, {}, True), (STREAMED, {"stream": True}, True)],
)
def test_the_path_names_the_model_and_path_or_body_the_wish_to_stream(path: str, fields: Any, stream: bool) -> None:
    found = ask(path, **fields)
    assert (found.model, found.stream, found.max_output_tokens) == ("claude-sonnet-4@20250514", stream, 64)


def test_an_encoded_path_names_the_same_model() -> None:
    assert ask(PATH.replace("@", "%40")).model == "claude-sonnet-4@20250514"


def test_all_that_decides_cost_is_read_as_at_anthropic() -> None:
    fields: dict[str, Any] = {
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "thinking": {"type": "enabled", "budget_tokens": 32},
        "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    }
    there = Messages().read_ask("/v1/messages", b"", b"", json.dumps({**BODY, **fields, "model": "m"}).encode())
    here = ask(PATH, **fields)
    assert isinstance(there, Ask)
    for name in Ask.__struct_fields__:
        assert name == "model" or getattr(here, name) == getattr(there, name), name
    assert here.paid_tools == ("web_search",)


def test_a_body_that_names_another_model_than_the_path_is_refused() -> None:
    found = read(PATH, model="claude-opus-4")
    assert isinstance(found, Malformed)
    assert "they must agree" in found.message
    assert ask(PATH, model="claude-sonnet-4@20250514").model == "claude-sonnet-4@20250514"
    assert isinstance(read(PATH, max_tokens="many"), Malformed)


@pytest.mark.parametrize(
    ("path", "call", "free"),
    [
        (PATH, True, False),
        (STREAMED, True, False),
        (COUNT, True, True),
        (COUNT.replace("/v1", ""), True, True),
        ("/publishers/anthropic/models/count-tokens:rawPredict", True, True),
        (BEFORE + "count-tokens:streamRawPredict", True, False),
        (BEFORE + "count-tokens:predict", False, False),
        (BEFORE.replace("anthropic", "google") + "gemini-2.5-pro:generateContent", False, False),
        (BEFORE.replace("anthropic", "mistralai") + "count-tokens:rawPredict", False, False),
        ("/x" + COUNT, True, False),
        ("/v1/messages", False, False),
    ],
)
def test_a_path_tells_a_call_of_claudes_and_a_free_count(path: str, call: bool, free: bool) -> None:
    assert (speaks(path), counts_only(path)) == (call, free)


def test_a_token_count_names_its_model_in_the_body() -> None:
    found = ask(COUNT, model="claude-sonnet-4@20250514")
    assert (found.model, found.stream) == ("claude-sonnet-4@20250514", False)
    assert CODEC.write_path(COUNT, "b") == COUNT
    assert CODEC.write_body(b'{"model":"a"}', found, model="b", cap=None, include_usage=False) == b'{"model":"b"}'
    assert CODEC.read_answer(b'{"input_tokens": 42}') == Report()


def test_another_model_is_written_into_the_path_and_only_a_named_one_into_the_body() -> None:
    assert CODEC.write_path(STREAMED, "anthropic/claude-haiku-4-5") == BEFORE + "claude-haiku-4-5:streamRawPredict"
    body = b'{"messages": [], "max_tokens": 5}'
    assert CODEC.write_body(body, Ask(), model="b", cap=None, include_usage=False) is body
    assert CODEC.write_body(b'{"max_tokens":500}', Ask(), model="b", cap=9, include_usage=False) == b'{"max_tokens":9}'


ANSWER = {
    "id": "msg_vrtx_1",
    "type": "message",
    "model": "claude-sonnet-4-20250514",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0, "output_tokens": 2},
}
STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"claude-sonnet-4-20250514",'
    b'"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def test_an_answer_is_read_as_at_anthropic() -> None:
    report = CODEC.read_answer(json.dumps(ANSWER).encode())
    assert report == Messages().read_answer(json.dumps(ANSWER).encode())
    assert report.usage == Usage(
        input_tokens=12, cache_read_input_tokens=3, cache_creation_input_tokens=0, output_tokens=2
    )


@pytest.mark.parametrize("cut", range(0, len(STREAM), 11))
def test_a_stream_is_read_the_same_however_it_is_cut(cut: int) -> None:
    meter = CODEC.meter(strip_usage=False)
    for chunk in (STREAM[:cut], STREAM[cut:]):
        assert meter.feed(chunk) is chunk
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=9, output_tokens=7)
