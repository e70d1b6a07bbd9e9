"""Whole answers of OpenAI's Responses, read."""

from typing import Any

import pytest

from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.openai_responses_answer import read
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed
from tollway.usage import Usage

MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "hi", "annotations": []}],
}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": ""}


def answer(*output: Any, **fields: Any) -> Answer:
    return read(
        {"id": "resp_1", "model": "m", "created_at": 5.0, "status": "completed", "output": list(output), **fields},
        Spelling(64),
    )


def test_each_item_becomes_its_part() -> None:
    cited = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    told = answer(
        {"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "enc"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]},
        {"type": "reasoning", "id": "rs_3", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "x", "annotations": [cited]}]},
        {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]},
        CALL,
        {"type": "custom_tool_call", "call_id": "c2", "name": "p", "input": "free"},
        {"type": "image_generation_call", "result": "AA", "output_format": "webp"},
    )
    assert told.parts == (
        Thought(text="a\n\nb", signature=("openai.responses", "enc"), id="rs_1"),
        Thought(text="raw", id="rs_2"),
        Text(text="x", citations=(cited,)),
        Declined("no"),
        ToolCall(id="c1", name="f", arguments="{}"),
        ToolCall(id="c2", name="p", arguments='{"input":"free"}'),
        Media(kind="image", media_type="image/webp", data="AA"),
    )
    assert (told.id, told.model, told.created, told.stop) == ("resp_1", "m", 5, "tool_calls")


def test_items_of_tools_that_the_provider_ran_are_named_and_their_text_is_kept() -> None:
    told = answer({"type": "web_search_call"}, {"type": "web_search_call"}, MESSAGE)
    assert told.parts == (Text(text="hi"),) and told.lost == ("web_search_call",)


@pytest.mark.parametrize(
    ("fields", "stop"),
    [
        ({"output": [MESSAGE]}, "end"),
        ({"output": [MESSAGE, CALL]}, "tool_calls"),
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}, "declined"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filtered"),
        ({"status": "incomplete", "incomplete_details": None}, "paused"),
        ({"status": "in_progress"}, None),
        ({"status": "failed"}, None),
    ],
)
def test_the_status_tells_why_it_ended(fields: dict[str, Any], stop: str | None) -> None:
    assert answer(**fields).stop == stop


def test_a_response_that_failed_says_so_though_its_status_is_200() -> None:
    told = answer(status="failed", error={"code": "rate_limit_exceeded", "message": "slow down"})
    assert told.failed == Failed("slow down", "rate_limit_exceeded", "rate_limit_exceeded", 429)
    assert answer(status="cancelled").failed == Failed(
        "The provider says that its answer failed, and not why.", "server_error", None, 500
    )
    assert answer().failed is None


def test_usage_is_inclusive() -> None:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 17,
    }
    assert answer(usage=usage).usage == Usage(
        input_tokens=10,
        cache_read_input_tokens=4,
        cache_creation_input_tokens=2,
        output_tokens=7,
        reasoning_output_tokens=5,
    )
    assert answer().usage is None


def test_nonsense_is_read_without_an_error() -> None:
    odd = answer(3, {"type": 5}, {"type": "message", "content": "x"}, {"type": "function_call"}, usage=[], status=4)
    assert odd.parts == (ToolCall(id="", name="", arguments="{}"),) and odd.usage is None
