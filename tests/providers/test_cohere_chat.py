import json
from typing import Any

import pytest

from tollway.providers.body import MAX_COUNT
from tollway.providers.codec import Malformed
from tollway.providers.cohere_chat import Chat, Other, classify_cohere, is_free_cohere
from tollway.request import Ask
from tollway.usage import Usage

CHAT = Chat()


def ask(body: dict[str, Any], path: str = "/v2/chat") -> Ask:
    read = CHAT.read_ask(path, b"", b"application/json", json.dumps(body).encode())
    assert isinstance(read, Ask)
    return read


def refusal(body: dict[str, Any]) -> str:
    read = CHAT.read_ask("/v2/chat", b"", b"application/json", json.dumps(body).encode())
    assert isinstance(read, Malformed)
    return read.message


def test_a_conversation_of_the_second_version_is_read() -> None:
    read = ask(
        {
            "model": "command-a-03-2025",
            "stream": True,
            "max_tokens": 300,
            "thinking": {"type": "enabled", "token_budget": 100},
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "this"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "1", "content": [{"type": "document", "document": {"data": "x"}}]},
            ],
            "documents": ["one", {"data": {"text": "two"}}],
        }
    )
    assert (read.model, read.stream, read.max_output_tokens, read.reasons) == ("command-a-03-2025", True, 300, True)
    assert (read.media_parts, read.messages, read.unbounded) == (1, 8, None)


def test_a_conversation_of_the_first_version_is_read() -> None:
    read = ask({"message": "hi", "chat_history": [{"role": "USER", "message": "a"}], "preamble": "b"}, "/v1/chat")
    assert (read.model, read.stream, read.max_output_tokens, read.messages) == (None, False, None, 3)
    assert (read.unbounded, read.reasons) == (None, False)


@pytest.mark.parametrize(
    ("extra", "reason", "tools"),
    [
        ({"connectors": [{"id": "web-search"}]}, "web_search", ("web_search",)),
        ({"connectors": [{"id": "my-wiki"}]}, "what a connector finds", ()),
        ({"conversation_id": "c1"}, "a stored conversation", ()),
        ({"messages": {"role": "user"}}, "messages of an unknown shape", ()),
        ({"messages": [{"content": [{"type": "audio"}]}]}, "a content part of type audio", ()),
        (
            {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]},
            "an image by link",
            (),
        ),
    ],
)
def test_what_the_body_does_not_show_is_unbounded(extra: dict[str, Any], reason: str, tools: tuple[str, ...]) -> None:
    read = ask({"model": "m", **extra})
    assert (read.unbounded, read.paid_tools) == (reason, tools)


def test_tools_add_the_instructions_for_them() -> None:
    tool = {"type": "function", "function": {"name": "get", "parameters": {}}}
    assert ask({"model": "m", "messages": [], "tools": [tool]}).messages > 100


def test_thinking_that_is_turned_off_is_no_reasoning() -> None:
    assert not ask({"model": "m", "thinking": {"type": "disabled"}}).reasons


def test_generations_are_choices() -> None:
    read = ask({"model": "m", "prompt": "x", "num_generations": 5, "max_tokens": 20}, "/v1/generate")
    assert (read.choices, read.max_output_tokens) == (5, 20)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"max_tokens": -1}, "max_tokens is -1"),
        ({"max_tokens": "9"}, 'max_tokens is "9"'),
        ({"Max_Tokens": 9}, "another spelling of max_tokens"),
        ({"Connectors": []}, "another spelling of connectors"),
        ({"thinking": True}, "thinking is true"),
        ({"num_generations": 0}, "num_generations is 0"),
    ],
)
def test_a_body_that_cannot_be_obeyed_is_refused_by_name(body: dict[str, Any], part: str) -> None:
    assert part in refusal(body)


def test_a_key_that_stands_twice_is_refused() -> None:
    read = CHAT.read_ask("/v2/chat", b"", b"", b'{"model": "a", "model": "b"}')
    assert isinstance(read, Malformed)


def written(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sent = json.dumps(body).encode()
    read = CHAT.read_ask("/v2/chat", b"", b"", sent)
    assert isinstance(read, Ask)
    return json.loads(CHAT.write_body(sent, read, **{"model": None, "cap": None, "include_usage": True, **changes}))


def test_the_cap_is_only_ever_lowered() -> None:
    assert written({"max_tokens": 100}, cap=50) == {"max_tokens": 50}
    assert written({"max_tokens": 20}, cap=50) == {"max_tokens": 20}
    assert written({"max_tokens": None}, cap=50) == {"max_tokens": 50}
    assert written({"model": "a", "k": 1.0}, cap=50, model="b") == {"model": "b", "k": 1.0, "max_tokens": 50}


def test_a_body_without_changes_is_the_very_one() -> None:
    body = b'{ "message" : "hi" }'
    assert CHAT.write_body(body, Ask(), model=None, cap=None, include_usage=True) is body


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat", "cohere.chat"),
        ("/v2/chat", "cohere.chat"),
        ("/chat", "cohere.chat"),
        ("/v2/chat?x=1", "cohere.chat"),
        ("/v1/generate", "cohere.chat"),
        ("/v1/embed", "cohere.embed"),
        ("/v2/embed/", "cohere.embed"),
        ("/rerank", "cohere.rerank"),
        ("/v2/rerank", "cohere.rerank"),
        ("/compatibility/v1/chat/completions", "openai.chat"),
        ("/compatibility/v1/embeddings", "openai.embeddings"),
        ("/v1/summarize", "cohere.other"),
        ("/v1/classify", "cohere.other"),
        ("/v1/tokenize", "cohere.other"),
        ("/v1/embed-jobs", "cohere.other"),
        ("/v1/other/chat", "cohere.other"),
    ],
)
def test_a_path_tells_the_api(path: str, api: str) -> None:
    assert classify_cohere("POST", path) == api
    assert classify_cohere("GET", path) == "cohere.other"


def test_only_calls_that_generate_nothing_are_free() -> None:
    free = ["/v1/tokenize", "/tokenize", "/v1/detokenize", "/v1/check-api-key", "/v2/tokenize?a=b"]
    dear = ["/v1/chat", "/v1/x/tokenize", "/v1/classify", "/v1/embed-jobs", "/v1/tokenize/x", "/v1/chat/tokenize"]
    assert [is_free_cohere("POST", path) for path in free + dear] == [True] * len(free) + [False] * len(dear)
    assert is_free_cohere("GET", "/v1/models")
    assert not is_free_cohere("PUT", "/v1/tokenize")


def test_another_call_is_billed_by_its_answer() -> None:
    other = Other()
    read = other.read_ask("/v1/summarize", b"", b"", b'{"text": "x", "model": "command"}')
    assert isinstance(read, Ask)
    assert (read.model, read.unbounded is not None, read.floor_output_tokens) == ("command", True, MAX_COUNT + 1)
    answer = b'{"id":"a","summary":"s","meta":{"billed_units":{"input_tokens":3,"output_tokens":4}}}'
    assert other.read_answer(answer).usage == Usage(input_tokens=3, output_tokens=4)
    assert other.api == "cohere.other"


def test_a_job_has_no_price() -> None:
    read = Other().read_ask("/v1/embed-jobs", b"", b"", b'{"model": "embed-v4.0", "dataset_id": "d"}')
    assert isinstance(read, Ask)
    assert read.model is None


def test_an_answer_to_a_request_for_a_stream_may_be_whole() -> None:
    meter = CHAT.meter(strip_usage=False)
    meter.feed(b'{\n "id": "a",\n "finish_reason": "COMPLETE",\n')
    meter.feed(b' "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4}}\n}')
    meter.finish()
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=4)


def test_the_first_version_streams_events_to_whoever_asks_for_them() -> None:
    end = {"event_type": "stream-end", "is_finished": True, "response": {"meta": {"billed_units": {"input_tokens": 3}}}}
    meter = CHAT.meter(strip_usage=False)
    meter.feed(b'event: text-generation\ndata: {"event_type":"text-generation","is_finished":false,"text":"a"}\n\n')
    meter.feed(b"event: stream-end\ndata: " + json.dumps(end).encode() + b"\n\n")
    meter.finish()
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=3)
