"""Whole answers and errors of Anthropic's messages."""

from typing import Any

import anthropic.types
import pytest

from tollway.translate.anthropic_messages_answer import read_answer, read_error, write_answer, write_error
from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

NAMES = Spelling(64)
CITED = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 1,
    "document_title": None,
    "file_id": None,
}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(id="a", model="m", parts=(Text(text="Hi", citations=(CITED,)),), stop="end"),
        Answer(
            id="a",
            model="m",
            parts=(
                Thought(text="Hm.", signature=("anthropic.messages", "s")),
                Thought(signature=("anthropic.messages", "d"), redacted=True),
                Thought(text="Hers.", signature=("google.generate", "s")),
                ToolCall(id="c", name="f", arguments='{"a":1}'),
            ),
            stop="tool_calls",
        ),
        Answer(id="a", model="m", parts=(), stop="declined"),
        Answer(id="a", model="m", parts=(Text(text="a"),), stop="paused"),
        Answer(
            id="a",
            model="m",
            parts=(Text(text="a"),),
            stop="stop_sequence",
            stop_sequence="END",
            service_tier="standard",
        ),
        Answer(id="a", model="m", parts=(Text(text="a"),), stop="length"),
    ],
)
def test_an_answer_comes_back_as_it_was_written(answer: Answer) -> None:
    usage = Usage(input_tokens=10, cache_read_input_tokens=4, cache_creation_input_tokens=3, output_tokens=5)
    counted = Answer(**{**{name: getattr(answer, name) for name in answer.__struct_fields__}, "usage": usage})
    written = write_answer(counted)
    anthropic.types.Message.model_validate(written)
    assert read_answer(written, NAMES) == counted


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "declined"),
        ("new_reason", "end"),
        (None, None),
    ],
)
def test_why_it_stopped_is_read(reason: str | None, stop: Stop | None) -> None:
    assert read_answer({"stop_reason": reason}, NAMES).stop == stop


def test_where_no_reason_was_given_the_answer_shows_it() -> None:
    assert write_answer(Answer(parts=(ToolCall(id="c", name="f", arguments="{}"),)))["stop_reason"] == "tool_use"
    assert write_answer(Answer())["stop_reason"] == "end_turn"
    assert write_answer(Answer(stop="filtered"))["stop_reason"] == "refusal"


def test_arguments_that_are_no_json_are_not_another_call() -> None:
    content = write_answer(Answer(parts=(ToolCall(id="c", name="f", arguments='{"a": '),)))["content"]
    assert content == [{"type": "tool_use", "id": "c", "name": "f", "input": {"INVALID_JSON": '{"a": '}}]


def test_a_link_becomes_a_result_of_a_search() -> None:
    link = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 2},
    }
    written = write_answer(Answer(parts=(Text(text="Hi there", citations=(link, {"odd": 1})),)))
    assert written["content"][0]["citations"] == [
        {
            "type": "web_search_result_location",
            "url": "https://a",
            "title": "A",
            "cited_text": "Hi",
            "encrypted_index": "",
        }
    ]
    anthropic.types.Message.model_validate(written)


def test_a_refusal_and_a_picture_are_told_in_words() -> None:
    parts = (Declined("No."), Media(kind="image", media_type="image/png", data="AAAA"))
    texts = [block["text"] for block in write_answer(Answer(parts=parts))["content"]]
    assert texts == ["No.", "[The model also made image (image/png), which this API cannot hold.]"]


def test_why_the_model_refused_is_read() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "It may harm."}
    answer = read_answer({"content": [], "stop_reason": "refusal", "stop_details": details}, NAMES)
    assert (answer.parts, answer.stop) == ((Declined("It may harm."),), "declined")


def test_what_the_providers_own_tools_did_is_named() -> None:
    answer = read_answer({"content": [{"type": "server_tool_use", "id": "s"}, {"type": "text", "text": "a"}]}, NAMES)
    assert (answer.parts, answer.lost) == ((Text(text="a"),), ("server_tool_use",))


@pytest.mark.parametrize("body", [{}, {"content": "odd"}, {"content": [5], "usage": []}])
def test_an_odd_answer_is_read_as_far_as_it_can_be(body: dict[str, Any]) -> None:
    assert read_answer(body, NAMES).parts == ()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}},
            Failed("Busy.", "overloaded_error", status=529),
        ),
        (
            200,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}},
            Failed("Busy.", "overloaded_error", status=529),
        ),
        (
            200,
            {"type": "error", "error": {"type": "new_error", "message": "Oh."}},
            Failed("Oh.", "new_error", status=500),
        ),
        (404, {}, Failed("The provider answered 404.", "", status=404)),
    ],
)
def test_errors_are_read(status: int, body: dict[str, Any], expected: Failed) -> None:
    assert read_error(status, body) == expected


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (Failed("Oh.", "RESOURCE_EXHAUSTED", status=429), "rate_limit_error"),
        (Failed("Oh.", "overloaded_error", status=500), "overloaded_error"),
        (Failed("Oh.", status=422), "invalid_request_error"),
        (Failed("Oh.", status=502), "api_error"),
        (Failed("Oh."), "api_error"),
    ],
)
def test_an_error_is_written_with_a_type_that_anthropic_has(failed: Failed, kind: str) -> None:
    written = write_error(failed)
    assert written == {"type": "error", "error": {"type": kind, "message": "Oh."}}
    anthropic.types.ErrorResponse.model_validate(written)
