"""Whole answers and errors of OpenAI's chat."""

from typing import Any

import openai.types.chat
import pytest

from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.openai_chat_answer import read_answer, read_error, write_answer, write_error
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

NAMES = Spelling(64)


def read(message: dict[str, Any], reason: str | None = "stop", **fields: Any) -> Answer:
    return read_answer(
        {"id": "a1", "choices": [{"index": 0, "message": message, "finish_reason": reason}], **fields}, NAMES
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer(
            id="a",
            model="m",
            created=5,
            parts=(Text(text="Hello"),),
            stop="end",
            usage=Usage(input_tokens=3, output_tokens=2),
        ),
        Answer(id="a", model="m", created=5, parts=(Thought(text="Hm."), Text(text="Hello")), stop="length"),
        Answer(
            id="a",
            model="m",
            created=5,
            parts=(
                Thought(text="Hm.", signature=("anthropic.messages", "s")),
                Text(text="Wait."),
                ToolCall(id="c1", name="f", arguments='{"a":1}'),
                ToolCall(id="c2", name="g", arguments="{}", signature=("google.generate", "s2")),
            ),
            stop="tool_calls",
        ),
        Answer(id="a", model="m", created=5, parts=(Declined("I may not."),), stop="declined"),
        Answer(id="a", model="m", created=5, parts=(), stop="filtered"),
        Answer(
            id="a", model="m", created=5, parts=(Media(kind="image", media_type="image/png", data="AAAA"),), stop="end"
        ),
    ],
)
def test_an_answer_comes_back_as_it_was_written(answer: Answer) -> None:
    written = write_answer(answer)
    openai.types.chat.ChatCompletion.model_validate(written)
    assert read_answer(written, NAMES) == answer or (
        answer.parts == () and read_answer(written, NAMES).stop == "filtered"
    )


@pytest.mark.parametrize(
    ("reason", "message", "stop"),
    [
        ("stop", {"content": "a"}, "end"),
        ("length", {"content": "a"}, "length"),
        ("content_filter", {"content": ""}, "filtered"),
        ("stop", {"refusal": "No."}, "declined"),
        ("stop", {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": ""}}]}, "tool_calls"),
        ("eos", {"content": "a"}, "end"),
        (None, {"content": "a"}, None),
    ],
)
def test_why_it_stopped_is_read(reason: str | None, message: dict[str, Any], stop: Stop | None) -> None:
    assert read(message, reason).stop == stop


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("stop_sequence", "stop"),
        ("paused", "stop"),
        ("declined", "content_filter"),
        ("filtered", "content_filter"),
        (None, "stop"),
    ],
)
def test_why_it_stopped_is_written(stop: Stop | None, reason: str) -> None:
    assert write_answer(Answer(parts=(Text(text="a"),), stop=stop))["choices"][0]["finish_reason"] == reason


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    calls = [
        {"function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "", "function": {"name": "g", "arguments": None}},
    ]
    assert read({"tool_calls": calls}).parts == (
        ToolCall(id="a1_0", name="f", arguments='{"a":1}'),
        ToolCall(id="a1_1", name="g", arguments="{}"),
    )


def test_a_name_comes_back_as_the_caller_wrote_it() -> None:
    names = Spelling(64)
    spelled = names.out("my.tool")
    call = {"id": "c", "function": {"name": spelled, "arguments": "{}"}}
    answer = read_answer({"choices": [{"message": {"tool_calls": [call]}}]}, names)
    assert answer.parts == (ToolCall(id="c", name="my.tool", arguments="{}"),)


def test_links_are_written_at_their_place_in_the_whole_text() -> None:
    citation = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "x"}
    answer = Answer(parts=(Text(text="One. "), Text(text="Two.", citations=(citation,))), stop="end")
    message = write_answer(answer)["choices"][0]["message"]
    link = {"start_index": 5, "end_index": 9, "title": "A", "url": "https://a"}
    assert message["content"] == "One. Two."
    assert message["annotations"] == [{"type": "url_citation", "url_citation": link}]


def test_mistrals_parts_are_read() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hello"}]
    assert read({"content": content}).parts == (Thought(text="Hm."), Text(text="Hello"))


@pytest.mark.parametrize(
    "body", [{}, {"choices": None}, {"choices": ["odd"]}, {"choices": [{"message": 5}], "usage": []}]
)
def test_an_odd_answer_is_read_as_far_as_it_can_be(body: dict[str, Any]) -> None:
    assert read_answer(body, NAMES).parts == ()


@pytest.mark.parametrize(
    ("status", "body", "message", "real"),
    [
        (429, {"error": {"message": "Slow down.", "type": "tokens", "code": "rate_limit_exceeded"}}, "Slow down.", 429),
        (400, {"error": "Bad model."}, "Bad model.", 400),
        (422, {"detail": [{"loc": ["body"], "msg": "odd"}]}, '[{"loc":["body"],"msg":"odd"}]', 422),
        (404, {"message": "No such model."}, "No such model.", 404),
        (500, {}, "The provider answered 500.", 500),
        (200, {"error": {"message": "Upstream.", "code": 502}}, "Upstream.", 502),
        (200, {"error": {"message": "Mine.", "status_code": 400}}, "Mine.", 400),
    ],
)
def test_errors_are_read_in_every_shape(status: int, body: dict[str, Any], message: str, real: int) -> None:
    failed = read_error(status, body)
    assert (failed.message, failed.status) == (message, real)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (529, "server_error"),
        (None, "server_error"),
    ],
)
def test_an_error_is_written_by_its_status(status: int | None, kind: str) -> None:
    assert write_error(Failed("Oh.", "overloaded_error", status=status)) == {
        "error": {"message": "Oh.", "type": kind, "param": None, "code": "overloaded_error"}
    }
