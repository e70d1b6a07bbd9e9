import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.ollama_chat import Generation, OllamaReader, classify_ollama, is_free_ollama
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.request import Ask
from tollway.usage import Report, Usage

CHAT = Generation("ollama.chat")


def ask(body: dict[str, Any]) -> Ask:
    read = CHAT.read_ask("/api/chat", b"", b"", json.dumps({"model": "m", **body}).encode())
    assert isinstance(read, Ask)
    return read


def test_it_streams_unless_told_not_to() -> None:
    assert ask({}).stream
    assert ask({"stream": None}).stream
    assert ask({"stream": True}).stream
    assert not ask({"stream": False}).stream


@pytest.mark.parametrize(("number", "cap"), [(128, 128), (-1, None), (-2, None), (0, None), (None, None)])
def test_a_prediction_below_one_is_no_cap(number: int | None, cap: int | None) -> None:
    assert ask({"options": {"num_predict": number}}).max_output_tokens == cap


def test_a_conversation_is_read() -> None:
    read = ask(
        {
            "messages": [
                {"role": "user", "content": "hi", "images": ["AAAA", "BBBB"]},
                {"role": "user", "Images": ["A"]},
            ],
            "think": "high",
            "tools": [{"type": "function"}],
        }
    )
    assert (read.media_parts, read.reasons, read.unbounded) == (3, True, None)
    assert read.messages > 100


def test_a_prompt_is_read() -> None:
    read = ask({"prompt": "hi", "system": "s", "images": ["AAAA"], "context": [1, 2], "think": False})
    assert (read.messages, read.media_parts, read.reasons) == (2, 1, False)


def test_what_cannot_be_read_is_unbounded() -> None:
    assert ask({"messages": {}}).unbounded == "messages of an unknown shape"
    assert ask({"images": {"a": 1}}).unbounded == "images of an unknown shape"


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"options": {"num_predict": "9"}}, 'options.num_predict is "9"'),
        ({"options": {"num_predict": 10**9}}, "options.num_predict is 1000000000"),
        ({"options": {"num_predict": True}}, "options.num_predict is true"),
        ({"options": [1]}, "options is an array"),
        ({"Options": {"num_predict": 10**6}}, "Options is another spelling of options"),
        ({"Stream": False}, "Stream is another spelling of stream"),
        ({"stream": "no"}, "stream is"),
    ],
)
def test_a_body_that_cannot_be_obeyed_is_refused_by_name(body: dict[str, Any], part: str) -> None:
    read = CHAT.read_ask("/api/chat", b"", b"", json.dumps(body).encode())
    assert isinstance(read, Malformed)
    assert part in read.message


def written(body: dict[str, Any], cap: int | None, model: str | None = None) -> dict[str, Any]:
    sent = json.dumps(body).encode()
    read = CHAT.read_ask("/api/chat", b"", b"", sent)
    assert isinstance(read, Ask)
    return json.loads(CHAT.write_body(sent, read, model=model, cap=cap, include_usage=True))


def test_the_cap_is_only_ever_lowered() -> None:
    assert written({"options": {"num_predict": 100, "seed": 1}}, 50) == {"options": {"num_predict": 50, "seed": 1}}
    assert written({"options": {"num_predict": 10}}, 50) == {"options": {"num_predict": 10}}
    assert written({"options": {"num_predict": -1}}, 50) == {"options": {"num_predict": 50}}
    assert written({"options": None}, 50) == {"options": {"num_predict": 50}}
    assert written({"model": "a"}, 50, "b") == {"model": "b", "options": {"num_predict": 50}}
    assert written({"model": "a"}, None) == {"model": "a"}


def answer(**fields: Any) -> Report:
    return CHAT.read_answer(json.dumps({"model": "m", "done": True, **fields}).encode())


def test_a_count_that_is_left_out_is_zero() -> None:
    assert answer(eval_count=79).usage == Usage(input_tokens=0, output_tokens=79)
    assert answer(prompt_eval_count=5).usage == Usage(input_tokens=5, output_tokens=0)
    assert answer(done_reason="load").usage == Usage(input_tokens=0, output_tokens=0)


def test_an_answer_without_any_count_reports_none() -> None:
    assert answer(done_reason="stop").usage is None
    assert CHAT.read_answer(b"\xff{").usage is None


@pytest.mark.parametrize("value", [-1, 10**10, 1e300])
def test_a_count_that_cannot_be_is_suspect(value: float) -> None:
    assert answer(eval_count=value, prompt_eval_count=1).suspect is not None


def test_a_stream_counts_text_thinking_and_calls() -> None:
    reader = OllamaReader()
    call = {"function": {"name": "get", "arguments": {"a": 1}}}
    for line in (
        {"model": "m", "message": {"content": "€", "thinking": "hm"}, "done": False},
        {"model": "m", "message": {"content": "", "tool_calls": [call]}, "done": False},
        {"model": "m", "response": "four", "thinking": "hm", "done": False},
    ):
        assert reader.event(json.dumps(line).encode())
    assert reader.output_bytes == 2 * FRAMING_BYTES + 3 + 2 + 3 + len('{"a": 1}') + 4 + 2
    assert not reader.complete
    assert reader.report() == Report(response_model="m")
    reader.event(b'{"model":"m","done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4}')
    assert reader.complete
    assert reader.report() == Report(
        usage=Usage(input_tokens=3, output_tokens=4), response_model="m", finish_reason="length"
    )


def test_a_last_line_of_an_unknown_shape_still_gives_its_counts() -> None:
    meter = CHAT.meter(strip_usage=False)
    meter.feed(b'{"model":"m","message":7,"done":true,"eval_count":4}\n')
    meter.finish()
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=0, output_tokens=4)


def test_an_error_in_the_middle_is_no_end() -> None:
    meter = CHAT.meter(strip_usage=False)
    meter.feed(b'{"model":"m","response":"a","done":false}\n{"error":"out of memory"}\n')
    meter.finish()
    assert not meter.complete
    assert meter.report().usage is None


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"null", b'{"done": 1}', b'{"done":true,"message":[]}']))
def test_no_bytes_break_it(data: bytes) -> None:
    meter = CHAT.meter(strip_usage=False)
    assert meter.feed(data) == data
    meter.finish()
    meter.report()
    assert meter.output_bytes >= 0
    CHAT.read_answer(data)


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/api/chat", "ollama.chat"),
        ("/chat", "ollama.chat"),
        ("/api/generate?x", "ollama.generate"),
        ("/api/embed/", "ollama.embed"),
        ("/api/embeddings", "ollama.embed"),
        ("/v1/embeddings", "openai.embeddings"),
        ("/v1/chat/completions", "openai.chat"),
        ("/chat/completions", "openai.chat"),
        ("/v1/completions", "openai.completions"),
        ("/v1/responses", "openai.responses"),
        ("/v1/messages", "anthropic.messages"),
        ("/api/show", "ollama.other"),
        ("/api/web_search", "ollama.other"),
        ("/x/api/chat", "ollama.other"),
        ("/v1/api/chat", "ollama.other"),
    ],
)
def test_a_path_tells_the_api(path: str, api: str) -> None:
    assert classify_ollama("POST", path) == api
    assert classify_ollama("GET", path) == "ollama.other"


def test_only_what_looks_after_models_is_free() -> None:
    free = ["/api/show", "/api/pull", "/api/copy", "/api/create", "/api/push", f"/api/blobs/sha256:{'a' * 64}"]
    dear = ["/api/chat", "/api/web_search", "/v1/api/show", "/api/chat/show", "/api/show/chat", "/api/blobs/x"]
    assert [is_free_ollama("POST", path) for path in free + dear] == [True] * len(free) + [False] * len(dear)
    assert is_free_ollama("GET", "/api/tags")
    assert is_free_ollama("DELETE", "/api/delete")
