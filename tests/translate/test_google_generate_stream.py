"""Streams of generateContent."""

from copy import deepcopy
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse
from replaying import events_in, events_of, gathered, write_stream

from tollway.translate.conversation import Declined, Request, Text, Thought, ToolCall
from tollway.translate.google_generate_contents import Calls
from tollway.translate.google_generate_stream import Reader, Writer
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Begun, Delta, Event, Failed, Over, PartBegun, PartEnded, Stopped, Used
from tollway.usage import Usage


def piece(*parts: Any, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    if reason is not None:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "responseId": "r", "modelVersion": "m", **fields}


def told(*chunks: dict[str, Any]) -> list[Event]:
    reader = Reader(Spelling(64), Calls(["call_0"]))
    return [*(event for chunk in chunks for event in reader.read("", chunk)), *reader.finish()]


def read(*chunks: dict[str, Any]) -> Answer:
    answer, over = gathered(told(*chunks))
    assert over
    return answer


def written(*events: Event) -> list[dict[str, Any]]:
    stream = write_stream(Writer(Request(model="m")), events)
    found = [data for _, data in events_in(stream)]
    for data in found:
        if "error" not in data:
            GenerateContentResponse.model_validate(deepcopy(data))
    return found


def parts(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]


def test_thoughts_texts_and_calls_are_told_apart() -> None:
    answer = read(
        piece({"text": "h", "thought": True}),
        piece({"text": "m", "thought": True}),
        piece({"text": "a"}),
        piece({"text": "b"}, {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"}),
        piece({"functionCall": {"name": "f"}}),
        piece({"text": ""}, reason="STOP", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 2}),
    )
    assert answer.parts == (
        Thought(text="hm"),
        Text(text="ab"),
        ToolCall(id="call_1", name="f", arguments='{"x":1}', signature=("google.generate", "c2ln")),
        ToolCall(id="call_2", name="f", arguments="{}"),
    )
    assert (answer.id, answer.model, answer.stop) == ("r", "m", "tool_calls")
    assert answer.usage == Usage(input_tokens=3, output_tokens=2)


def test_the_signature_of_a_text_is_a_thought_behind_it() -> None:
    answer = read(piece({"text": "a"}), piece({"text": "", "thoughtSignature": "c2ln"}, reason="STOP"))
    assert answer.parts == (Text(text="a"), Thought(signature=("google.generate", "c2ln"), redacted=True))


def test_the_signature_of_a_thought_ends_it() -> None:
    answer = read(
        piece({"text": "a", "thought": True}),
        piece({"text": "", "thought": True, "thoughtSignature": "c2ln"}),
        piece({"text": "b", "thought": True}, reason="STOP"),
    )
    assert answer.parts == (Thought(text="a", signature=("google.generate", "c2ln")), Thought(text="b"))


def test_what_was_recited_belongs_to_the_text_that_is_told() -> None:
    source = {"uri": "u"}
    last = piece({"text": "b"}, reason="STOP")
    last["candidates"][0]["citationMetadata"] = {"citationSources": [source]}
    assert read(piece({"text": "a"}), last).parts == (Text(text="ab", citations=(source,)),)


def test_a_call_in_pieces_is_told_whole() -> None:
    answer = read(
        piece({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "c2ln"}),
        piece(
            {
                "functionCall": {
                    "partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}],
                    "willContinue": True,
                }
            }
        ),
        piece({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True}}),
        piece({"functionCall": {}}),
        piece({"functionCall": {"name": "g"}}, reason="STOP"),
    )
    assert answer.parts == (
        ToolCall(id="call_1", name="f", arguments='{"a":"xy"}', signature=("google.generate", "c2ln")),
        ToolCall(id="call_2", name="g", arguments="{}"),
    )


def test_the_last_word_on_usage_counts_also_behind_the_reason() -> None:
    answer = read(
        piece({"text": "a"}, usageMetadata={"promptTokenCount": 3, "cachedContentTokenCount": 1}),
        piece(reason="MAX_TOKENS", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 1}),
        {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4}},
    )
    assert answer.stop == "length"
    assert answer.usage == Usage(input_tokens=3, cache_read_input_tokens=1, output_tokens=6, reasoning_output_tokens=4)


def test_a_prompt_that_was_blocked_is_filtered() -> None:
    assert read({"promptFeedback": {"blockReason": "SAFETY"}}).stop == "filtered"


def test_a_stream_without_a_reason_has_no_end() -> None:
    events = told(piece({"text": "a"}), piece({"text": "b"}))
    assert not any(isinstance(event, Stopped | Over | PartEnded) for event in events)


def test_an_error_ends_the_stream() -> None:
    error = {"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}
    events = told(piece({"text": "a"}), error, piece({"text": "b"}, reason="STOP"))
    assert events[-1] == Failed("m", "UNAVAILABLE", None, 503)


def test_an_answer_is_written_as_google_streams_it() -> None:
    answer = Answer(
        id="r",
        model="m",
        parts=(
            Thought(text="hm", signature=("google.generate", "c2ln")),
            Text(text="ab", citations=({"uri": "u"}, {"type": "x"})),
            Declined("n"),
            ToolCall(id="c", name="f", arguments='{"x":1}', signature=("anthropic.messages", "x")),
        ),
        stop="tool_calls",
        usage=Usage(input_tokens=3, output_tokens=2),
    )
    chunks = written(*events_of(answer))
    said = parts(chunks)
    assert said[:3] == [
        {"text": "h", "thought": True},
        {"text": "m", "thought": True},
        {"text": "", "thoughtSignature": "c2ln", "thought": True},
    ]
    assert [part["text"] for part in said[3:6]] == ["a", "b", "n"]
    assert said[6]["functionCall"] == {"id": "c", "name": "f", "args": {"x": 1}}
    last = chunks[-1]
    assert last["candidates"][0]["finishReason"] == "STOP" and last["usageMetadata"]["totalTokenCount"] == 5
    assert last["candidates"][0]["citationMetadata"] == {"citationSources": [{"uri": "u"}]}
    assert all(chunk["responseId"] == "r" and chunk["modelVersion"] == "m" for chunk in chunks)
    assert all("finishReason" not in chunk["candidates"][0] for chunk in chunks[:-1])


def test_each_event_is_a_line_of_data() -> None:
    stream = write_stream(Writer(Request(model="m")), events_of(Answer(parts=(Text(text="ab"),), stop="end")))
    assert stream.count(b"\r\n\r\n") == stream.count(b"data: ") == 3


def test_usage_may_come_by_itself() -> None:
    chunks = written(
        Begun(usage=Usage(input_tokens=5)), Used(Usage(output_tokens=2)), Stopped(stop="end"), Over(), Over()
    )
    assert len(chunks) == 1
    assert chunks[0]["usageMetadata"] == {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}


@pytest.mark.parametrize(
    ("stop", "reason"),
    [("end", "STOP"), ("length", "MAX_TOKENS"), ("filtered", "SAFETY"), ("paused", "OTHER"), (None, "OTHER")],
)
def test_the_last_chunk_says_why_it_ended(stop: Any, reason: str) -> None:
    assert written(Begun(), Stopped(stop=stop), Over())[-1]["candidates"][0]["finishReason"] == reason


def test_a_stream_that_stops_has_no_reason() -> None:
    events = events_of(Answer(parts=(Text(text="abc"),), stop="end"))
    for cut in range(len(events)):
        assert not any("finishReason" in chunk["candidates"][0] for chunk in written(*events[:cut]))


def test_an_error_amid_a_stream_is_told_and_ends_it() -> None:
    failed = Failed("m", "overloaded_error", None, 529)
    chunks = written(Begun(), PartBegun(index=0, kind="text"), Delta(index=0, text="a"), failed, Over())
    assert chunks[-1] == {"error": {"code": 529, "message": "m", "status": "UNAVAILABLE"}} and len(chunks) == 2


def test_what_belongs_to_no_part_is_passed_over() -> None:
    assert len(written(Delta(index=7, text="a"), PartEnded(7), Stopped(stop="end"), Over())) == 1
