"""Streams of OpenAI's Responses, read."""

from typing import Any

import pytest
from replaying import gathered

from tollway.translate.conversation import Declined, Text, Thought, ToolCall
from tollway.translate.openai_responses_stream import Reader, failed_in
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Event, Failed, Over, Stopped

CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "created_at": 5}}


def told(*events: dict[str, Any]) -> list[Event]:
    reader = Reader(Spelling(64))
    return [*(event for data in (CREATED, *events) for event in reader.read("", data)), *reader.finish()]


def completed(**fields: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"id": "resp_1", "model": "m", "status": "completed", **fields}}


def read(*events: dict[str, Any]) -> Answer:
    answer, over = gathered(told(*events, completed()))
    assert over
    return answer


def added(place: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": place, "item": item}


def done(place: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def at(kind: str, place: int, content: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": place, "content_index": content, "item_id": "i", **fields}


def test_a_text_is_told_as_it_comes() -> None:
    events = told(
        added(0, type="message"),
        at("content_part.added", 0, part={"type": "output_text", "text": ""}),
        at("output_text.delta", 0, delta="he"),
        at("output_text.delta", 0, delta="y"),
        at("output_text.annotation.added", 0, annotation={"type": "url_citation"}),
        at("output_text.done", 0, text="hey"),
        at("content_part.done", 0, part={"type": "output_text", "text": "hey"}),
        done(0, type="message"),
        completed(),
    )
    answer, over = gathered(events)
    assert answer.parts == (Text(text="hey", citations=({"type": "url_citation"},)),) and over
    assert (answer.id, answer.model, answer.created, answer.stop) == ("resp_1", "m", 5, "end")


def test_a_text_that_only_comes_whole_is_told_once() -> None:
    assert read(at("output_text.done", 0, text="hey"), done(0, type="message")).parts == (Text(text="hey"),)


def test_the_contents_of_one_message_are_parts() -> None:
    answer = read(
        at("output_text.delta", 0, 0, delta="a"),
        at("content_part.done", 0, 0),
        at("content_part.added", 0, 1, part={"type": "refusal"}),
        at("refusal.delta", 0, 1, delta="no"),
        at("refusal.done", 0, 1, refusal="no"),
        done(0, type="message"),
    )
    assert answer.parts == (Text(text="a"), Declined("no")) and answer.stop == "end"


def test_a_refusal_alone_is_why_it_ended() -> None:
    assert read(at("refusal.delta", 0, delta="no"), done(0, type="message")).stop == "declined"


def test_a_call_is_told_as_it_comes_or_at_its_end() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f"}
    for events in (
        [
            added(0, **call, arguments=""),
            at("function_call_arguments.delta", 0, delta='{"a"'),
            at("function_call_arguments.delta", 0, delta=":1}"),
            at("function_call_arguments.done", 0, arguments='{"a":1}'),
            done(0, **call, arguments='{"a":1}'),
        ],
        [added(0, **call, arguments=""), done(0, **call, arguments='{"a":1}')],
        [done(0, **call, arguments='{"a":1}')],
    ):
        answer = read(*events)
        assert answer.parts == (ToolCall(id="c1", name="f", arguments='{"a":1}'),)
        assert answer.stop == "tool_calls"


def test_the_call_of_a_custom_tool_is_told_when_it_is_whole() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "p"}
    answer = read(
        added(0, **call, input=""),
        {"type": "response.custom_tool_call_input.delta", "delta": "fr"},
        done(0, **call, input="free"),
    )
    assert answer.parts == (ToolCall(id="c1", name="p", arguments='{"input":"free"}'),)


def test_a_thought_is_told_with_its_paragraphs_and_its_proof() -> None:
    answer = read(
        added(0, type="reasoning", id="rs_1", summary=[]),
        at("reasoning_summary_text.delta", 0, summary_index=0, delta="a", item_id="rs_1"),
        at("reasoning_summary_text.done", 0, summary_index=0, text="a"),
        at("reasoning_summary_text.delta", 0, summary_index=1, delta="b", item_id="rs_1"),
        done(0, type="reasoning", id="rs_1", encrypted_content="enc"),
    )
    assert answer.parts == (Thought(text="a\n\nb", signature=("openai.responses", "enc"), id="rs_1"),)


def test_a_thought_with_nothing_to_show_is_told_for_its_proof_alone() -> None:
    assert read(added(0, type="reasoning"), done(0, type="reasoning", id="rs_1")).parts == ()
    answer = read(done(0, type="reasoning", id="rs_1", encrypted_content="enc"))
    assert answer.parts == (Thought(signature=("openai.responses", "enc"), redacted=True, id="rs_1"),)


def test_an_incomplete_response_says_why() -> None:
    response = {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "usage": {"input_tokens": 1},
    }
    events = told(at("output_text.delta", 0, delta="a"), {"type": "response.incomplete", "response": response})
    answer, over = gathered(events)
    assert over and answer.stop == "length" and answer.usage is not None and answer.usage.input_tokens == 1


@pytest.mark.parametrize(
    ("event", "failed"),
    [
        (
            {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}},
            Failed("slow", "rate_limit_exceeded", "rate_limit_exceeded", 429),
        ),
        ({"type": "error", "code": None, "message": "broke"}, Failed("broke", "error", None, 500)),
        ({"type": "error", "error": {"code": "x", "message": "m", "type": "t"}}, Failed("m", "t", "x", 500)),
    ],
)
def test_an_error_ends_the_stream(event: dict[str, Any], failed: Failed) -> None:
    events = told(at("output_text.delta", 0, delta="a"), event, at("output_text.delta", 0, delta="b"), completed())
    assert events[-1] == failed
    assert not any(isinstance(event, Stopped | Over) for event in events)


def test_what_is_not_known_is_passed_over() -> None:
    answer = read({"type": "response.new_thing", "output_index": 0}, at("output_text.delta", 1, delta="a"), {})
    assert answer.parts == (Text(text="a"),)


def test_an_error_in_the_body_keeps_its_words() -> None:
    assert failed_in({"message": "m", "type": "t", "code": 7}, 400) == Failed("m", "t", "7", 400)
    assert failed_in({}, 500).message.startswith("The provider answered")
