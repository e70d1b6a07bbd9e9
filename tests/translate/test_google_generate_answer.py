"""Whole answers of generateContent."""

from copy import deepcopy
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse

from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.google_generate_answer import read, read_error, write, write_error
from tollway.translate.google_generate_contents import Calls
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed
from tollway.usage import Usage


def answer(*parts: Any, reason: Any = "STOP", calls: Calls | None = None, **fields: Any) -> Answer:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return read({"candidates": [candidate], **fields}, Spelling(64), calls or Calls())


def written(*parts: Any, **fields: Any) -> dict[str, Any]:
    body = write(Answer(**{"id": "r", "model": "m", "parts": parts, "stop": "end", **fields}))
    GenerateContentResponse.model_validate(deepcopy(body))
    return body


def test_each_part_becomes_its_own() -> None:
    told = answer(
        {"text": "hm", "thought": True},
        {"text": "a", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "id": "given"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        modelVersion="gemini-3-flash",
        responseId="r",
    )
    assert told.parts == (
        Thought(text="hm"),
        Text(text="a"),
        Thought(signature=("google.generate", "c2ln"), redacted=True),
        ToolCall(id="call_0", name="f", arguments='{"a":1}', signature=("google.generate", "c2ln")),
        ToolCall(id="given", name="g", arguments="{}"),
        Media(kind="image", media_type="image/png", data="AA"),
    )
    assert (told.id, told.model, told.stop) == ("r", "gemini-3-flash", "tool_calls")


def test_a_made_id_is_none_that_the_conversation_has() -> None:
    told = answer({"functionCall": {"name": "f"}}, calls=Calls(["call_0", "call_1"]))
    assert [part.id for part in told.parts if isinstance(part, ToolCall)] == ["call_2"]


def test_parts_of_tools_that_google_ran_are_named_and_the_text_is_kept() -> None:
    told = answer({"executableCode": {"code": "1"}}, {"codeExecutionResult": {}}, {"text": "a"})
    assert told.parts == (Text(text="a"),) and told.lost == ("executableCode", "codeExecutionResult")


@pytest.mark.parametrize(
    ("reason", "stop", "lost"),
    [
        ("STOP", "end", ()),
        (1, "end", ()),
        ("MAX_TOKENS", "length", ()),
        (2, "length", ()),
        ("SAFETY", "filtered", ()),
        ("RECITATION", "filtered", ()),
        ("PROHIBITED_CONTENT", "filtered", ()),
        ("MALFORMED_FUNCTION_CALL", "filtered", ("finish_reason.malformed_function_call",)),
        ("OTHER", "filtered", ("finish_reason.other",)),
        ("NEW_REASON", "filtered", ("finish_reason.new_reason",)),
        ("FINISH_REASON_UNSPECIFIED", None, ()),
        (None, None, ()),
    ],
)
def test_the_reason_tells_why_it_ended(reason: Any, stop: str | None, lost: tuple[str, ...]) -> None:
    told = answer({"text": "a"}, reason=reason)
    assert told.stop == stop and told.lost == lost


def test_a_prompt_that_was_blocked_is_filtered() -> None:
    told = read(
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}, Spelling(64), Calls()
    )
    assert told.parts == () and told.stop == "filtered" and told.usage == Usage(input_tokens=3, output_tokens=0)


def test_usage_is_inclusive_and_written_exclusively() -> None:
    metadata = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 4,
        "cachedContentTokenCount": 5,
        "toolUsePromptTokenCount": 2,
        "totalTokenCount": 19,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 6}],
    }
    told = answer({"text": "a"}, usageMetadata=metadata)
    assert told.usage == Usage(
        input_tokens=12,
        cache_read_input_tokens=5,
        tool_use_input_tokens=2,
        input_image_tokens=6,
        output_tokens=7,
        reasoning_output_tokens=4,
    )
    assert written(usage=told.usage)["usageMetadata"] == metadata
    assert "usageMetadata" not in written()


def test_what_is_not_known_is_not_told() -> None:
    usage = Usage(input_tokens=4, output_tokens=2, cache_read_audio_tokens=1, output_audio_tokens=1)
    assert written(usage=usage)["usageMetadata"] == {
        "promptTokenCount": 4,
        "candidatesTokenCount": 2,
        "totalTokenCount": 6,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
    }


def test_parts_are_written() -> None:
    body = written(
        Thought(text="hm", signature=("google.generate", "c2ln")),
        Thought(text="unsigned"),
        Thought(),
        Text(text="a"),
        Text(text=""),
        Declined("no"),
        ToolCall(id="c", name="f", arguments='{"a":1}', signature=("google.generate", "c2ln")),
        ToolCall(id="d", name="f", arguments='{"a":'),
        Media(kind="image", media_type="image/png", data="AA"),
        stop="tool_calls",
    )
    assert body["candidates"] == [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
                    {"text": "unsigned", "thought": True},
                    {"text": "a"},
                    {"text": "no"},
                    {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"id": "d", "name": "f", "args": {"INVALID_JSON": '{"a":'}}},
                    {"inlineData": {"mimeType": "image/png", "data": "AA"}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ]
    assert body["modelVersion"] == "m" and body["responseId"] == "r"


@pytest.mark.parametrize(
    ("stop", "reason"),
    [("length", "MAX_TOKENS"), ("filtered", "SAFETY"), ("declined", "SAFETY"), ("stop_sequence", "STOP")],
)
def test_why_it_ended_is_written(stop: Any, reason: str) -> None:
    assert written(stop=stop)["candidates"][0]["finishReason"] == reason
    assert "finishReason" not in written(stop=None)["candidates"][0]


def test_what_was_recited_belongs_to_the_last_text() -> None:
    source = {"startIndex": 0, "endIndex": 1, "uri": "https://host.example"}
    for name in ("citationSources", "citations"):
        candidate = {"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "citationMetadata": {name: [source]}}
        told = read({"candidates": [{**candidate, "groundingMetadata": {"x": 1}}]}, Spelling(64), Calls())
        assert told.parts == (Text(text="a"), Text(text="b", citations=(source,)))
        assert told.lost == ("groundingMetadata",)


def test_only_googles_own_citations_are_shown() -> None:
    own = {"startIndex": 0, "endIndex": 1, "uri": "https://host.example"}
    body = written(Text(text="a", citations=(own, {"type": "url_citation", "uri": "x"})))
    assert body["candidates"][0]["citationMetadata"] == {"citationSources": [own]}


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        (Failed("m", "RESOURCE_EXHAUSTED", None, 429), "RESOURCE_EXHAUSTED"),
        (Failed("m", "overloaded_error", None, 529), "UNAVAILABLE"),
        (Failed("m", "invalid_request_error", None, 400), "INVALID_ARGUMENT"),
        (Failed("m", "", None, 418), "INVALID_ARGUMENT"),
        (Failed("m", "", None, 599), "INTERNAL"),
        (Failed("m"), "INTERNAL"),
    ],
)
def test_an_error_has_a_word_that_googles_clients_know(failed: Failed, status: str) -> None:
    assert write_error(failed) == {"error": {"code": failed.status or 500, "message": "m", "status": status}}


def test_an_error_is_read() -> None:
    body = {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}
    assert read_error(500, body) == Failed("m", "RESOURCE_EXHAUSTED", None, 429)
    assert read_error(502, {}).status == 502


def test_a_word_for_calls_that_is_not_googles_means_them() -> None:
    """Servers that speak Google's API say so."""
    assert answer({"functionCall": {"name": "f"}}, reason="FUNCTION_CALL").stop == "tool_calls"
