import json
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse

from tollway.providers.gathered import Gatherer, gatherer


def after(*chunks: dict[str, Any]) -> Gatherer:
    found = gatherer("google.generate")
    assert found is not None
    for chunk in chunks:
        found.feed(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n")
    return found


def chunk(*parts: dict[str, Any], index: int | None = None, usage: dict[str, Any] | None = None, **more: Any) -> Any:
    candidate = {"content": {"parts": list(parts), "role": "model"}, **more}
    if index is not None:
        candidate["index"] = index
    return {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 2} if usage is None else usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r",
    }


def answered(*chunks: dict[str, Any]) -> dict[str, Any]:
    body = after(*chunks).answer()
    assert body is not None
    GenerateContentResponse.model_validate_json(body)
    return json.loads(body)


def parts_of(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    answer = answered(*(chunk(part) for part in parts), chunk({"text": ""}, finishReason="STOP"))
    return answer["candidates"][0]["content"]["parts"]


def test_the_answer_has_the_fields_of_a_chunk_and_the_last_counts() -> None:
    body = after(
        chunk({"text": "Hel"}, index=0),
        chunk({"text": "lo"}, index=0, finishReason="STOP", usage={"candidatesTokenCount": 1, "totalTokenCount": 3}),
    ).answer()
    assert body == (
        b'{"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"index":0,"finishReason":"STOP"}],'
        b'"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1,"totalTokenCount":3},'
        b'"modelVersion":"gemini-2.5-flash","responseId":"r"}'
    )


CALL = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "cw=="}
PICTURE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([{"text": "a"}, {"text": "b"}], [{"text": "ab"}]),
        (
            [{"text": "t", "thought": True}, {"text": "u", "thought": True}, {"text": "a"}, {"text": "b"}],
            [{"text": "tu", "thought": True}, {"text": "ab"}],
        ),
        ([{"text": "a"}, CALL, CALL, {"text": "b"}], [{"text": "a"}, CALL, CALL, {"text": "b"}]),
        ([{"text": "a"}, {"text": "", "thoughtSignature": "cw=="}], [{"text": "a", "thoughtSignature": "cw=="}]),
        (
            [{"text": "a", "thoughtSignature": "cw=="}, {"text": "b"}],
            [{"text": "a", "thoughtSignature": "cw=="}, {"text": "b"}],
        ),
        ([PICTURE, {"text": "a"}, PICTURE], [PICTURE, {"text": "a"}, PICTURE]),
        ([CALL, {"text": ""}], [CALL]),
        ([{"text": ""}], [{"text": ""}]),
    ],
)
def test_text_of_one_kind_runs_together_and_every_other_part_stands_alone(
    parts: list[dict[str, Any]], whole: list[dict[str, Any]]
) -> None:
    assert parts_of(*parts) == whole


def test_candidates_are_told_apart() -> None:
    answer = answered(
        chunk({"text": "b"}, index=1),
        chunk({"text": "a"}, index=0),
        chunk({"text": "B"}, index=1, finishReason="MAX_TOKENS"),
        chunk({"text": "A"}, index=0, finishReason="STOP"),
    )
    assert [(c["content"]["parts"][0]["text"], c["finishReason"]) for c in answer["candidates"]] == [
        ("aA", "STOP"),
        ("bB", "MAX_TOKENS"),
    ]


def test_what_an_answer_rests_on_is_kept_from_whichever_chunk_told_it() -> None:
    answer = answered(
        chunk(
            {"text": "a"},
            groundingMetadata={"webSearchQueries": ["q"]},
            safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT"}],
        ),
        chunk({"text": "b"}, groundingMetadata={}, citationMetadata={"citationSources": [{"uri": "u"}]}),
        chunk(
            {"text": "c"},
            finishReason="STOP",
            groundingMetadata={"groundingChunks": [{"web": {"uri": "w"}}]},
            citationMetadata={"citationSources": [{"uri": "v"}]},
            avgLogprobs=-0.5,
        ),
    )
    (one,) = answer["candidates"]
    assert one["groundingMetadata"] == {"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "w"}}]}
    assert one["citationMetadata"] == {"citationSources": [{"uri": "u"}, {"uri": "v"}]}
    assert one["safetyRatings"] == [{"category": "HARM_CATEGORY_HARASSMENT"}]
    assert one["avgLogprobs"] == -0.5


def test_a_blocked_prompt_is_an_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 2}}
    assert answered(blocked) == blocked


def test_a_candidate_without_its_end_is_no_answer() -> None:
    assert after(chunk({"text": "a"}, index=0, finishReason="STOP"), chunk({"text": "b"}, index=1)).answer() is None


def test_a_stream_in_the_form_of_a_list_is_read_as_well() -> None:
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, finishReason="STOP")]
    found = gatherer("google.generate")
    assert found is not None
    found.feed(b"  ")
    found.feed(json.dumps(chunks, indent=1).encode())
    assert json.loads(found.answer() or b"") == answered(*chunks)


def test_an_error_event_is_the_providers_error() -> None:
    event = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    found = after(chunk({"text": "a"}), event)
    assert found.answer() is None
    assert found.error is not None
    assert (found.error.status, json.loads(found.error.body)) == (503, event)


def test_what_is_null_at_first_is_filled_in_later() -> None:
    answer = answered(
        {"candidates": [{"content": None, "groundingMetadata": None, "citationMetadata": None}]},
        chunk(
            {"text": "a"},
            finishReason="STOP",
            groundingMetadata={"webSearchQueries": ["q"]},
            citationMetadata={"citations": []},
        ),
    )
    assert answer["candidates"][0]["groundingMetadata"] == {"webSearchQueries": ["q"]}
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "a"}]
