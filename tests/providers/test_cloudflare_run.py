import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.body import MAX_COUNT
from tollway.providers.cloudflare_run import Run, is_run_path, parted
from tollway.providers.codec import Malformed
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.request import Ask
from tollway.usage import Report, Usage

RUN = Run()
LLAMA = "@cf/meta/llama-3.1-8b-instruct"
COUNTS = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def ask(body: dict[str, Any], path: str = f"/run/{LLAMA}", query: bytes = b"") -> Ask:
    read = RUN.read_ask(path, query, b"application/json", json.dumps(body).encode())
    assert isinstance(read, Ask)
    return read


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (f"/run/{LLAMA}", ("/run/", LLAMA)),
        (f"/client/v4/accounts/abc/ai/run/{LLAMA}", ("/client/v4/accounts/abc/ai/run/", LLAMA)),
        (f"/{LLAMA}", ("/", LLAMA)),
        ("/run/@hf/thebloke/codellama-7b-instruct-awq", ("/run/", "@hf/thebloke/codellama-7b-instruct-awq")),
        ("/run/%40cf/baai/bge-m3/", ("/run/", "@cf/baai/bge-m3")),
        ("/run/openai/gpt-5", ("/run/", "openai/gpt-5")),
        ("/run", None),
    ],
)
def test_the_path_names_the_model(path: str, parts: tuple[str, str] | None) -> None:
    assert parted(path) == parts
    assert is_run_path(path)
    if parts is not None:
        assert parted(RUN.write_path(path, "@cf/a/b")) == (parts[0], "@cf/a/b")


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/x/run/@cf/a/b", "/v1/@cf/a/b", "/runs/@cf/a", "/models/search"]
)
def test_other_paths_run_nothing(path: str) -> None:
    assert not is_run_path(path)


def test_a_path_without_a_model_stays() -> None:
    assert RUN.write_path("/run", "@cf/a/b") == "/run"


def test_a_conversation_is_read() -> None:
    read = ask(
        {
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "x"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                    ],
                },
            ],
            "max_tokens": 99,
            "stream": True,
        }
    )
    assert (read.model, read.max_output_tokens, read.stream) == (LLAMA, 99, True)
    assert (read.messages, read.media_parts, read.unbounded) == (3, 1, None)


@pytest.mark.parametrize(
    ("body", "media", "reason"),
    [
        ({"prompt": "a", "image": [1, 2, 3]}, 1, None),
        ({"prompt": "a", "image": "AAAA"}, 1, None),
        ({"text": ["a", "b"]}, 0, None),
        ({"audio": [1, 2]}, 0, "audio"),
        ({"audio": {"body": "AA"}}, 0, "audio"),
        ({"requests": [{"prompt": "a"}]}, 0, "work that is queued"),
        ({"messages": [{"content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]}, 0, "an image by link"),
        ({"messages": [{"content": [{"type": "file"}]}]}, 0, "a content part of type file"),
        ({"messages": "all"}, 0, None),
    ],
)
def test_inputs_are_read(body: dict[str, Any], media: int, reason: str | None) -> None:
    read = ask(body)
    assert (read.media_parts, read.unbounded) == (media, reason)


def test_queued_work_has_no_bound_and_no_cap() -> None:
    read = ask({"prompt": "a"}, query=b"queueRequest=true")
    assert (read.unbounded, read.floor_output_tokens) == ("work that is queued", MAX_COUNT + 1)
    assert ask({"prompt": "a"}, query=b"queueRequest=false").unbounded is None
    assert (
        ask({"model": LLAMA, "input": {"prompt": "a"}, "options": {"background": True}}, "/run").unbounded is not None
    )


def test_a_model_in_the_body_has_its_input_there() -> None:
    body = {
        "model": LLAMA,
        "input": {"messages": [{"content": "a"}, {"content": "b"}], "max_tokens": 7, "stream": True},
    }
    read = ask(body, "/run")
    assert (read.model, read.messages, read.max_output_tokens, read.stream) == (LLAMA, 2, 7, True)


def test_a_ranking_reads_the_query_with_each_context() -> None:
    read = ask({"query": "q" * 80, "contexts": [{"text": "a"}, {"text": "b"}]})
    assert 8 * read.messages >= 160


def test_a_file_has_no_bound() -> None:
    read = RUN.read_ask("/run/@cf/openai/whisper", b"", b"audio/mpeg", b"\xff\xfb")
    assert read == Ask(model="@cf/openai/whisper", unbounded="a file", floor_output_tokens=MAX_COUNT + 1)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b'{"max_tokens": 0}', "max_tokens is 0"),
        (b'{"Max_Tokens": 5}', "another spelling"),
        (b'{"prompt": "a", "prompt": "b"}', "stands twice"),
        (b'{"model": "@cf/other/model"}', "they must agree"),
        (b'{"model": "llama", "input": {"prompt": "a"}}', "leave model out"),
        (b'{"model": "", "input": {"prompt": "a"}, "prompt": "a"}', "leave model out"),
        (b"binary", "not JSON"),
    ],
)
def test_a_body_that_cannot_be_obeyed_is_refused(body: bytes, part: str) -> None:
    read = RUN.read_ask(f"/run/{LLAMA}", b"", b"application/json", body)
    assert isinstance(read, Malformed)
    assert part in read.message


def written(body: dict[str, Any], cap: int | None = None, model: str | None = None) -> dict[str, Any]:
    return json.loads(RUN.write_body(json.dumps(body).encode(), Ask(), model=model, cap=cap, include_usage=True))


def test_the_cap_is_only_ever_lowered() -> None:
    assert written({"prompt": "a"}, 50) == {"prompt": "a", "max_tokens": 50}
    assert written({"messages": [], "max_tokens": 90}, 50) == {"messages": [], "max_tokens": 50}
    assert written({"messages": [], "max_completion_tokens": 9}, 50) == {"messages": [], "max_completion_tokens": 9}
    assert written({"input": "a"}, 50) == {"input": "a", "max_output_tokens": 50}
    assert written({"text": "a"}, 50) == {"text": "a"}
    assert written({"model": "m", "input": {"prompt": "a"}}, 50, "n") == {
        "model": "n",
        "input": {"prompt": "a", "max_tokens": 50},
    }


def test_bytes_that_are_no_json_stay() -> None:
    assert RUN.write_body(b"\xff\xfb", Ask(), model="a", cap=5, include_usage=True) == b"\xff\xfb"
    body = b'{ "prompt": "a" }'
    assert RUN.write_body(body, Ask(), model="a", cap=None, include_usage=True) is body


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"result": {"response": "hi", "usage": COUNTS}, "success": True}, Usage(input_tokens=10, output_tokens=4)),
        ({"response": "hi", "usage": COUNTS}, Usage(input_tokens=10, output_tokens=4)),
        (
            {"result": {"choices": [{"finish_reason": "stop"}], "usage": COUNTS}},
            Usage(input_tokens=10, output_tokens=4),
        ),
        (
            {"result": {"output": [], "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}},
            Usage(input_tokens=3, output_tokens=2),
        ),
        ({"result": {"text": "x", "transcription_info": {"duration": 12.3}}}, Usage(input_audio_seconds=13)),
        ({"result": {"shape": [1, 2], "data": [[0.1, 0.2]]}, "success": True}, None),
        ({"result": {"image": "AAAA"}}, None),
        ({"result": None, "success": False, "errors": [{"code": 5}]}, None),
    ],
)
def test_an_answer_is_read(answer: dict[str, Any], usage: Usage | None) -> None:
    assert RUN.read_answer(json.dumps(answer).encode()).usage == usage


def test_a_picture_reports_nothing() -> None:
    assert RUN.read_answer(b"\x89PNG\r\n") == Report()


def test_counts_that_do_not_add_up_are_suspect() -> None:
    assert RUN.read_answer(b'{"result":{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":9}}}').suspect


def stream(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


NATIVE = stream(
    {"response": "He", "p": "abcdef"}, {"response": "y €"}, {"response": "", "usage": COUNTS, "tool_calls": []}
)
CHAT = stream(
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hey"}}]},
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "c", "model": "m", "choices": [], "usage": COUNTS},
)
RESPONSES = stream(
    {"type": "response.created", "response": {"id": "r"}},
    {"type": "response.output_text.delta", "delta": "Hey"},
    {
        "type": "response.completed",
        "response": {"id": "r", "usage": {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}},
    },
)


@pytest.mark.parametrize("body", [NATIVE, CHAT, RESPONSES], ids=["native", "chat", "responses"])
def test_a_stream_cut_at_every_offset_reports_the_same(body: bytes) -> None:
    seen: set[int] = set()
    for cut in range(len(body)):
        meter = RUN.meter(strip_usage=True)
        first, second = body[:cut], body[cut:]
        assert meter.feed(first) + meter.feed(second) + meter.finish() == body
        assert meter.report().usage == Usage(input_tokens=10, output_tokens=4)
        assert meter.complete
        seen.add(meter.output_bytes)
    assert len(seen) == 1
    assert seen.pop() >= 3


def test_generated_text_is_counted() -> None:
    meter = RUN.meter(strip_usage=False)
    meter.feed(NATIVE[: NATIVE.index(b'data: {"response": "", ')])
    assert meter.output_bytes == FRAMING_BYTES + 2 + len("y €".encode())
    assert not meter.complete
    assert meter.report().usage is None


@given(
    st.binary(max_size=60)
    | st.sampled_from([b"data: []\n\n", b'data: {"response":{}}\n\n', b'data: {"choices":1}\n\n'])
)
def test_no_bytes_break_it(data: bytes) -> None:
    RUN.read_answer(data)
    meter = RUN.meter(strip_usage=False)
    assert meter.feed(data) == data
    meter.finish()
    meter.report()
    assert meter.output_bytes >= 0


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_a_cap_inside_the_input_that_is_no_number_is_refused(name: str) -> None:
    body = b'{"model": "' + LLAMA.encode() + b'", "input": {"prompt": "a", "' + name.encode() + b'": 1e400}}'
    found = RUN.read_ask("/run", b"", b"application/json", body)
    assert isinstance(found, Malformed)
    assert found.message.startswith(f"input.{name} is 1e400; it must be a whole number")
