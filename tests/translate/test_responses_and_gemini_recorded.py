"""Recorded answers of OpenAI's Responses and of Gemini, read and written again in their own words."""

import json
import os
import pathlib
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from google.genai.types import GenerateContentResponse
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from replaying import events_in, gathered, read_stream, write_stream

from tollway.providers.google_usage import read_usage as google_usage
from tollway.translate.anthropic_messages import Messages
from tollway.translate.conversation import (
    Declined,
    Media,
    Request,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.google_generate import Generate
from tollway.translate.openai_chat import Chat
from tollway.translate.openai_responses import Responses
from tollway.translate.told import Answer, Over, Stopped

FOLDER = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
ROWS: list[dict[str, Any]] = (
    [json.loads(line) for line in (FOLDER / "responses.jsonl").read_text().splitlines()]
    if (FOLDER / "responses.jsonl").exists()
    else []
)
pytestmark = pytest.mark.skipif(not ROWS, reason=f"no recorded responses in {FOLDER}; set TOLLWAY_TEST_DATA")

CODECS: dict[str, Any] = {
    "responses": Responses,
    "generateContent": Generate,
    "streamGenerateContent": Generate,
}
NOT_OF_THE_API = {"d0080", "d0250"}
"""A request to /responses that was answered in the words of chat, and a record of several responses, one behind the other."""
EVENT: Any = TypeAdapter(ResponseStreamEvent)


def rows(*, stream: bool, kind: str = "usage") -> list[Any]:
    return [
        pytest.param(row, id=row["id"])
        for row in ROWS
        if row["api"] in CODECS
        and row["stream"] is stream
        and row["id"] not in NOT_OF_THE_API
        and (row["kind"] == "error") is (kind == "error")
    ]


def request_of(row: dict[str, Any]) -> Request:
    return Request(model=row["model"] or "m")


def shown(answer: Answer) -> dict[str, Any]:
    """What must survive."""
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, Text | Declined)),
        "thoughts": "".join(part.text for part in answer.parts if isinstance(part, Thought)),
        "calls": [
            (part.id, part.name, json.loads(part.arguments)) for part in answer.parts if isinstance(part, ToolCall)
        ],
        "stop": answer.stop,
        "model": answer.model,
        "id": answer.id,
    }


def counted(answer: Answer, row: dict[str, Any]) -> dict[str, Any]:
    """The counts that the API has words for; what is not reported is 0 to OpenAI's clients."""
    assert answer.usage is not None
    counts = msgspec.to_builtins(answer.usage)
    if row["api"] == "responses":
        names = (
            *("input_tokens", "output_tokens", "cache_read_input_tokens"),
            *("cache_creation_input_tokens", "reasoning_output_tokens"),
        )
        return {name: counts.get(name) or 0 for name in names}
    return {name: count for name, count in counts.items() if count}


def results_in(turn: Turn) -> list[Any]:
    return [inner for part in turn.parts if isinstance(part, ToolResult) for inner in part.parts]


def text_of(row: dict[str, Any], body: dict[str, Any]) -> str:
    """The text of a whole answer, found without the code that is tested."""
    if row["api"] == "responses":
        return "".join(
            content.get("text", "")
            for item in body["output"]
            if item["type"] == "message"
            for content in item["content"]
        )
    return "".join(
        part.get("text", "")
        for candidate in body.get("candidates", [])
        for part in candidate.get("content", {}).get("parts", [])
        if not part.get("thought")
    )


@pytest.mark.parametrize("row", rows(stream=False))
def test_a_whole_answer_survives_being_written_again(row: dict[str, Any]) -> None:
    codec = CODECS[row["api"]]()
    answer = codec.read_answer(json.loads(row["response"]))
    assert shown(answer)["text"] == text_of(row, json.loads(row["response"]))
    assert shown(answer)["text"] or shown(answer)["calls"]
    assert answer.usage is not None and answer.usage.input_tokens == row["expected"]["usage"]["input"]
    assert answer.usage.output_tokens == row["expected"]["usage"]["output"]
    caller = CODECS[row["api"]]()
    written = caller.write_answer(answer, request_of(row))
    (Response if row["api"] == "responses" else GenerateContentResponse).model_validate(deepcopy(written))
    again = CODECS[row["api"]]().read_answer(written)
    assert shown(again) == shown(answer)
    assert counted(again, row) == counted(answer, row)


@pytest.mark.parametrize("row", rows(stream=True))
def test_a_stream_survives_being_written_again(row: dict[str, Any]) -> None:
    codec = CODECS[row["api"]]
    events = read_stream(codec().stream_reader(), row["response"])
    answer, over = gathered(events)
    assert over
    assert shown(answer)["text"] or shown(answer)["calls"]
    assert answer.usage is not None and answer.usage.input_tokens == row["expected"]["usage"]["input"]
    assert answer.usage.output_tokens == row["expected"]["usage"]["output"]
    written = write_stream(codec().stream_writer(request_of(row)), events)
    for _, data in events_in(written):
        if row["api"] == "responses":
            EVENT.validate_python(data)
        else:
            GenerateContentResponse.model_validate(deepcopy(data))
    again, over = gathered(read_stream(codec().stream_reader(), written))
    assert over
    assert shown(again) == shown(answer)
    assert counted(again, row) == counted(answer, row)


@pytest.mark.parametrize("row", [row for row in rows(stream=True) if row.values[0]["api"] == "responses"])
def test_a_stream_says_what_the_response_at_its_end_says(row: dict[str, Any]) -> None:
    events = events_in(row["response"])
    answer, _ = gathered(read_stream(Responses().stream_reader(), row["response"]))
    whole = Responses().read_answer(events[-1][1]["response"])
    if whole.parts:  # Some servers leave the output out of the last event.
        told = shown(whole)
        assert shown(answer) == told
    written = write_stream(
        Responses().stream_writer(request_of(row)), read_stream(Responses().stream_reader(), row["response"])
    )
    last = events_in(written)[-1][1]
    assert [data["sequence_number"] for _, data in events_in(written)] == list(range(len(events_in(written))))
    assert {**shown(Responses().read_answer(last["response"])), "id": ""} == {**shown(answer), "id": ""}


OTHERS: list[Any] = [Chat, Messages, Responses, Generate]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("row", rows(stream=False))
def test_a_whole_answer_says_the_same_in_any_api(row: dict[str, Any], other: Any) -> None:
    answer = CODECS[row["api"]]().read_answer(json.loads(row["response"]))
    written = json.loads(json.dumps(other().write_answer(answer, request_of(row))))
    again = other().read_answer(written)
    for name in ("text", "calls", "model"):
        assert shown(again)[name] == shown(answer)[name], name
    # Anthropic calls both a refusal.
    assert again.stop == answer.stop or (other is Messages and (again.stop, answer.stop) == ("declined", "filtered"))


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("row", rows(stream=True))
def test_a_stream_says_the_same_in_any_api(row: dict[str, Any], other: Any) -> None:
    events = read_stream(CODECS[row["api"]]().stream_reader(), row["response"])
    answer, _ = gathered(events)
    written = write_stream(other().stream_writer(request_of(row)), events)
    again, over = gathered(read_stream(other().stream_reader(), written))
    assert over
    for name in ("text", "calls", "stop"):
        assert shown(again)[name] == shown(answer)[name], name


@pytest.mark.parametrize("row", rows(stream=True))
def test_a_stream_cut_after_any_event_has_no_end(row: dict[str, Any]) -> None:
    events = events_in(row["response"])
    codec = CODECS[row["api"]]
    ends = range(len(events)) if len(events) < 40 else [*range(0, len(events), 29), len(events) - 1]
    for end in ends:
        reader = codec().stream_reader()
        told = [event for name, data in events[:end] for event in reader.read(name, data)]
        told += reader.finish()
        if row["api"] != "responses" and any(
            candidate.get("finishReason") for _, data in events[:end] for candidate in data.get("candidates", [])
        ):
            continue
        assert not any(isinstance(event, Stopped | Over) for event in told), end
        written = write_stream(codec().stream_writer(request_of(row)), told)
        assert b"response.completed" not in written and b"finishReason" not in written


@pytest.mark.parametrize("row", rows(stream=False, kind="error"))
def test_an_error_keeps_its_words(row: dict[str, Any]) -> None:
    codec = CODECS[row["api"]]()
    body = json.loads(row["response"])
    failed = codec.read_error(row["response_status"], body)
    assert failed.message == body["error"]["message"]
    assert failed.status == row["response_status"]
    written = codec.write_error(failed)["error"]
    assert {name: body["error"][name] for name in written if name != "param"} == {
        name: value for name, value in written.items() if name != "param"
    }


@pytest.mark.parametrize(
    "row", [*rows(stream=False), *rows(stream=True), *rows(stream=False, kind="error")] if ROWS else []
)
def test_a_recorded_request_is_carried_or_refused_by_name(row: dict[str, Any]) -> None:
    codec = CODECS[row["api"]]()
    try:
        request = codec.read_request(row["request"], model=row["model"] or "gemini-3-flash", stream=row["stream"])
    except Untranslatable as refused:
        assert refused.field.split(".")[0].split("[")[0] in row["request"]
        return
    try:
        written = codec.write_request(request, max_tokens=None)
    except Untranslatable as refused:
        assert refused.field.startswith("turns") and any(
            isinstance(part, Media) for turn in request.turns for part in [*turn.parts, *results_in(turn)]
        )
        return
    again = CODECS[row["api"]]().read_request(
        written.body, model=row["model"] or "gemini-3-flash", stream=row["stream"]
    )
    assert again.tools == request.tools or row["api"] == "responses"
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert [text.text for text in again.system] == [text.text for text in request.system]


def test_the_recorded_usage_is_what_the_meter_reads() -> None:
    rows = [row for row in ROWS if row["api"] == "generateContent" and row["kind"] == "usage"]
    for row in rows:
        body = json.loads(row["response"])
        assert Generate().read_answer(body).usage == google_usage(body["usageMetadata"])[0]
