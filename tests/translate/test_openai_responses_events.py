"""Streams in the words of OpenAI's Responses."""

from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from replaying import events_in, events_of, write_stream

from tollway.translate.conversation import Declined, Request, Text, Thought, ToolCall
from tollway.translate.openai_responses_asked import Asked
from tollway.translate.openai_responses_events import Writer
from tollway.translate.told import (
    Answer,
    Begun,
    Delta,
    Event,
    Failed,
    Over,
    PartBegun,
    PartEnded,
    Signed,
    Stopped,
    Used,
)
from tollway.usage import Usage

EVENT: Any = TypeAdapter(ResponseStreamEvent)


def asked(**fields: Any) -> Asked:
    read = Asked()
    read.read({"model": "m", "input": "hi", **fields}, model=None, stream=True)
    return read


def written(*events: Event, asking: Asked | None = None) -> list[dict[str, Any]]:
    found = events_in(write_stream(Writer(asking or asked(), Request(model="m")), events))
    for name, data in found:
        assert name == data["type"]
        EVENT.validate_python(data)
    assert [data["sequence_number"] for _, data in found] == list(range(len(found)))
    return [data for _, data in found]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def answer(*parts: Any, asking: Asked | None = None, **fields: Any) -> list[dict[str, Any]]:
    return written(*events_of(Answer(id="resp_1", model="m", parts=parts, **{"stop": "end", **fields})), asking=asking)


def test_a_text_has_the_events_of_openai_in_their_order() -> None:
    events = answer(Text(text="hey"), usage=Usage(input_tokens=1, output_tokens=2))
    assert kinds(events) == [
        *(
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
        ),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert events[2]["item"]["content"] == [] and events[2]["item"]["status"] == "in_progress"
    assert events[6]["text"] == "hey" and events[8]["item"]["content"][0]["text"] == "hey"
    last = events[-1]["response"]
    assert (
        last["output"] == [events[8]["item"]] and last["status"] == "completed" and last["usage"]["total_tokens"] == 3
    )


def test_a_call_has_the_events_of_openai_in_their_order() -> None:
    events = answer(Text(text="a"), ToolCall(id="c1", name="f", arguments='{"a":1}'), stop="tool_calls")
    assert kinds(events)[5:] == [
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done", "completed"),
    ]
    added, done = events[8], events[12]
    assert (added["item"]["arguments"], added["item"]["status"], added["output_index"]) == ("", "in_progress", 1)
    assert done["item"]["arguments"] == '{"a":1}' and done["item"]["id"] == added["item"]["id"]


def test_a_thought_has_the_events_of_openai_in_their_order() -> None:
    asking = asked(include=["reasoning.encrypted_content"])
    events = answer(Thought(text="hm", signature=("openai.responses", "enc"), id="rs_1"), asking=asking)
    assert kinds(events)[2:] == [
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done"),
        *("output_item.done", "completed"),
    ]
    assert events[8]["item"] == {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "enc",
    }


def test_a_thought_with_nothing_to_show_is_an_item_only_for_those_who_send_it_back() -> None:
    thought = Thought(signature=("anthropic.messages", "sig"), redacted=True)
    assert kinds(answer(thought)) == ["created", "in_progress", "completed"]
    events = answer(thought, asking=asked(include=["reasoning.encrypted_content"]))
    assert kinds(events) == ["created", "in_progress", "output_item.added", "output_item.done", "completed"]
    assert "anthropic.messages" in events[3]["item"]["encrypted_content"]


def test_the_signature_of_a_call_stands_behind_it_for_those_who_send_it_back() -> None:
    call = ToolCall(id="c1", name="f", arguments="{}", signature=("google.generate", "g"))
    assert [item["type"] for item in answer(call)[-1]["response"]["output"]] == ["function_call"]
    events = answer(call, asking=asked(include=["reasoning.encrypted_content"]))
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call", "reasoning"]


def test_a_refusal_and_a_text_are_contents_of_one_message() -> None:
    events = answer(Text(text="a"), Declined("no"))
    assert kinds(events).count("output_item.added") == 1
    done = [event for event in events if event["type"] == "response.refusal.done"]
    assert done[0]["refusal"] == "no" and done[0]["content_index"] == 1


def test_the_call_of_a_custom_tool_is_free_text_again() -> None:
    asking = asked(tools=[{"type": "custom", "name": "p"}])
    events = answer(ToolCall(id="c1", name="p", arguments='{"input":"free"}'), asking=asking)
    assert kinds(events)[2:] == [
        *(
            "output_item.added",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "output_item.done",
            "completed",
        )
    ]
    assert events[3]["delta"] == "free" and events[5]["item"]["input"] == "free"


def test_calls_may_be_told_side_by_side() -> None:
    events = written(
        Begun(id="resp_1"),
        PartBegun(index=0, kind="tool_call", id="a", name="f"),
        PartBegun(index=1, kind="tool_call", id="b", name="g"),
        Delta(index=1, text="{}"),
        Delta(index=0, text="{}"),
        PartEnded(0),
        PartEnded(1),
        Stopped(stop="tool_calls"),
        Over(),
    )
    assert [item["call_id"] for item in events[-1]["response"]["output"]] == ["a", "b"]
    deltas = [event for event in events if event["type"].endswith("arguments.delta")]
    assert [event["output_index"] for event in deltas] == [1, 0]


def test_the_last_word_on_usage_counts() -> None:
    events = written(
        Begun(id="r", usage=Usage(input_tokens=5, output_tokens=1)),
        Used(Usage(output_tokens=2)),
        Stopped(stop="end"),
        Over(),
    )
    usage = events[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (5, 2)


@pytest.mark.parametrize(
    ("stop", "kind"), [("length", "incomplete"), ("filtered", "incomplete"), ("paused", "completed")]
)
def test_an_answer_that_was_cut_is_incomplete(stop: Any, kind: str) -> None:
    events = answer(Text(text="a"), stop=stop)
    assert kinds(events)[-1] == kind and events[-2]["item"]["status"] == kind


def test_a_stream_that_stops_has_no_end() -> None:
    told = events_of(Answer(id="r", parts=(Text(text="abc"),), stop="end"))
    for cut in range(len(told)):
        events = written(*told[:cut])
        assert not any(kind in ("completed", "incomplete", "failed") for kind in kinds(events))


def test_an_error_amid_a_stream_fails_the_response_and_ends_it() -> None:
    failed = Failed("slow down", "overloaded_error", None, 529)
    events = written(Begun(id="r"), PartBegun(index=0, kind="text"), Delta(index=0, text="a"), failed, Over())
    assert kinds(events)[-1] == "failed"
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "slow down"}
    assert kinds(written(failed, Over())) == ["error"]


def test_what_belongs_to_no_part_is_passed_over() -> None:
    stray = (Delta(index=7, text="a"), Signed(index=7, signature=("google.generate", "g")), PartEnded(7))
    assert kinds(written(Begun(id="r"), *stray, Stopped(stop="end"), Over())) == ["created", "in_progress", "completed"]
