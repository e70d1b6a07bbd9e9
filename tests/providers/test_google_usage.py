"""Google's counts: zeros are left out, tools and thoughts stand apart, a stream repeats them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.google_usage import GenerateReader, read_answer, read_interaction, read_usage
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.usage import Report, Usage

COUNTS = st.none() | st.integers(0, 10_000)


def follow(*chunks: dict[str, Any]) -> GenerateReader:
    reader = GenerateReader()
    for chunk in chunks:
        assert reader.event(json.dumps(chunk).encode()) is False
    return reader


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, **more}]}


def test_tools_are_added_to_the_input_and_thoughts_to_the_output() -> None:
    usage = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 30,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 157,
    }
    assert read_usage(usage) == (
        Usage(
            input_tokens=130,
            cache_read_input_tokens=40,
            tool_use_input_tokens=30,
            output_tokens=27,
            reasoning_output_tokens=7,
        ),
        None,
    )


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_nothing_that_was_reported_is_lost(
    prompt: int | None, tools: int | None, candidates: int | None, thoughts: int | None
) -> None:
    usage = {
        "promptTokenCount": prompt,
        "toolUsePromptTokenCount": tools,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": sum(n or 0 for n in (prompt, tools, candidates, thoughts)),
    }
    read, suspect = read_usage(usage)
    assert read is not None
    assert (read.input_tokens or 0) == (prompt or 0) + (tools or 0)
    assert read.output_tokens == (candidates or 0) + (thoughts or 0)
    assert suspect is None


def test_modalities_are_told_apart_by_name_and_by_number_and_summed() -> None:
    usage = {
        "promptTokenCount": 1000,
        "toolUsePromptTokenCount": 10,
        "cachedContentTokenCount": 100,
        "candidatesTokenCount": 300,
        "totalTokenCount": 1310,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 400},
            {"modality": "AUDIO", "tokenCount": 100},
            {"modality": 4, "tokenCount": 11},
            {"modality": 2, "tokenCount": 200},
            {"modality": "VIDEO", "tokenCount": 50},
            {"modality": "VIDEO"},
            {"modality": 99, "tokenCount": 5},
            "noise",
        ],
        "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 290}, {"modality": "AUDIO", "tokenCount": 9}],
    }
    read, suspect = read_usage(usage)
    assert suspect is None
    assert read == Usage(
        input_tokens=1010,
        cache_read_input_tokens=100,
        input_audio_tokens=111,
        input_image_tokens=203,
        input_video_tokens=50,
        cache_read_audio_tokens=60,
        tool_use_input_tokens=10,
        output_tokens=300,
        output_audio_tokens=9,
        output_image_tokens=290,
    )


def test_an_output_that_is_left_out_is_zero_once_the_answer_has_ended_and_unknown_before() -> None:
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    assert read_usage(usage)[0] == Usage(input_tokens=5, output_tokens=0)
    assert read_usage(usage, ended=False)[0] == Usage(input_tokens=5)


def test_a_total_that_does_not_add_up_is_suspect_but_only_at_the_end() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 9}
    suspect = read_usage(usage)[1]
    assert suspect is not None and "totalTokenCount is 9" in suspect
    assert read_usage(usage, ended=False)[1] is None


@pytest.mark.parametrize("usage", [{}, {"trafficType": "ON_DEMAND"}, {"promptTokenCount": None}])
def test_metadata_without_any_count_is_no_usage(usage: dict[str, Any]) -> None:
    assert read_usage(usage) == (None, None)


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"serviceTier": "FLEX"}, "flex"),
        ({"serviceTier": "priority", "trafficType": "ON_DEMAND_FLEX"}, "priority"),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"serviceTier": 4, "trafficType": 4}, None),
    ],
)
def test_the_tier_is_named_or_follows_from_the_traffic(usage: dict[str, Any], tier: str | None) -> None:
    answer = json.dumps({"usageMetadata": {"promptTokenCount": 1, **usage}}).encode()
    assert read_answer(answer).service_tier == tier


def test_a_whole_answer_tells_its_names_and_why_it_ended() -> None:
    answer = {
        "candidates": [{"content": {}}, {"finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    }
    assert read_answer(json.dumps(answer).encode()) == Report(
        usage=Usage(input_tokens=1, output_tokens=0),
        response_model="gemini-2.5-flash",
        response_id="r1",
        finish_reason="MAX_TOKENS",
    )


def test_a_prompt_that_was_blocked_gives_its_reason() -> None:
    body = b'{"promptFeedback": {"blockReason": "SAFETY"}}'
    assert read_answer(body).finish_reason == "SAFETY"
    reader = GenerateReader()
    reader.event(body)
    assert (reader.report().finish_reason, reader.complete) == ("SAFETY", True)


def test_a_stream_that_was_collected_into_an_array_is_read_as_a_stream() -> None:
    chunks = [
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": {"promptTokenCount": 4}},
        {
            "candidates": [{"finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6},
            "modelVersion": "g",
        },
    ]
    report = read_answer(b" \n" + json.dumps(chunks).encode())
    assert report == Report(usage=Usage(input_tokens=4, output_tokens=2), response_model="g", finish_reason="STOP")
    assert read_answer(b"[") == read_answer(b"[]") == Report()


def test_each_chunk_repeats_the_counts_and_the_last_one_stands() -> None:
    reader = follow(
        {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1}},
        {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 9, "thoughtsTokenCount": None}},
    )
    assert reader.report().usage == Usage(input_tokens=4, output_tokens=9)


def test_a_stream_is_complete_when_every_candidate_it_began_has_ended() -> None:
    reader = follow({"candidates": [{"index": 0, "content": {"parts": []}}, {"index": 1, "content": {"parts": []}}]})
    assert not reader.complete
    reader.event(b'{"candidates": [{"index": 1, "finishReason": "STOP"}]}')
    assert not reader.complete
    reader.event(b'{"candidates": [{"index": 0, "finishReason": "STOP"}]}')
    assert reader.complete


@pytest.mark.parametrize(
    ("part", "size"),
    [
        ({"text": "hello"}, 5),
        ({"text": "ü€"}, 5),
        ({"text": "x", "thought": True, "thoughtSignature": "s" * 20}, 21),
        ({"functionCall": {"id": "x" * 500, "name": "f", "args": {"a": 1}}}, FRAMING_BYTES + len('"f"{"a": 1}')),
        ({"executableCode": {"code": "1"}}, len('{"code": "1"}')),
        ({"inlineData": {"data": "abc"}}, len('{"data": "abc"}')),
        ({}, 0),
    ],
)
def test_what_is_generated_is_counted_in_bytes_of_utf_8(part: dict[str, Any], size: int) -> None:
    assert follow(candidate(part)).output_bytes == FRAMING_BYTES + size


def test_a_candidate_is_framed_once() -> None:
    assert follow(candidate({"text": "a"}), candidate({"text": "b"})).output_bytes == FRAMING_BYTES + 2
    assert follow(candidate({"text": "a"}, index=0), candidate({"text": "b"}, index=1)).output_bytes == (
        2 * FRAMING_BYTES + 2
    )


def test_an_event_of_an_unknown_shape_counts_as_all_its_bytes_and_keeps_its_usage() -> None:
    odd = b'{"candidates": "none", "usageMetadata": {"promptTokenCount": 3}}'
    reader = GenerateReader()
    assert reader.event(odd) is False
    assert reader.output_bytes == len(odd)
    assert reader.report().usage == Usage(input_tokens=3)
    reader.event(b"\xff")
    assert reader.output_bytes == len(odd) + 1


def test_a_document_that_is_read_to_answer_is_no_image() -> None:
    details = [{"modality": "DOCUMENT", "tokenCount": 5}]
    found, suspect = read_usage({"promptTokenCount": 5, "promptTokensDetails": details})
    assert found is not None and (found.input_tokens, found.input_image_tokens, suspect) == (5, None, None)


def test_an_interaction_is_made_inclusive() -> None:
    usage = {
        "total_tokens": 66,
        "total_input_tokens": 10,
        "total_tool_use_tokens": 20,
        "total_output_tokens": 5,
        "total_thought_tokens": 31,
        "total_cached_tokens": 4,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 7}, {"modality": "image", "tokens": 3}],
    }
    assert read_interaction(usage) == (
        Usage(
            input_tokens=30,
            cache_read_input_tokens=4,
            input_image_tokens=3,
            tool_use_input_tokens=20,
            output_tokens=36,
            reasoning_output_tokens=31,
        ),
        None,
    )
    suspect = read_interaction({**usage, "total_tokens": 60})[1]
    assert suspect is not None and "total_tokens is 60" in suspect


HIDDEN = {"promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 650}


def test_what_only_the_total_has_is_billed_as_thoughts_and_noted() -> None:
    found, suspect = read_usage(HIDDEN)
    assert found == Usage(input_tokens=100, output_tokens=550, reasoning_output_tokens=500)
    assert suspect is not None and "totalTokenCount is 650" in suspect and "500" in suspect
    # What tools put into the prompt explains it.
    explained = {**HIDDEN, "toolUsePromptTokenCount": 500}
    assert read_usage(explained) == (Usage(input_tokens=600, tool_use_input_tokens=500, output_tokens=50), None)


def test_an_interaction_whose_total_has_more_is_billed_for_it() -> None:
    usage = {"total_tokens": 66, "total_input_tokens": 10, "total_output_tokens": 5, "total_thought_tokens": 31}
    found, suspect = read_interaction(usage)
    assert (found.output_tokens, found.reasoning_output_tokens) == (56, 51)
    assert suspect is not None and "total_tokens is 66" in suspect


def test_a_stream_bills_what_only_its_last_total_has() -> None:
    reader = follow(
        {**candidate({"text": "a"}), "usageMetadata": {"promptTokenCount": 100, "totalTokenCount": 120}},
        {**candidate({"text": "b"}, finishReason="STOP"), "usageMetadata": HIDDEN},
    )
    assert reader.report().usage == Usage(input_tokens=100, output_tokens=550, reasoning_output_tokens=500)


@pytest.mark.parametrize("last", [{"candidatesTokenCount": 0, "totalTokenCount": 100}, {"candidatesTokenCount": 1}, {}])
def test_what_a_stream_has_counted_is_not_taken_back_at_its_end(last: dict[str, int]) -> None:
    counted = {"promptTokenCount": 100, "candidatesTokenCount": 200, "totalTokenCount": 300}
    report = follow(
        {**candidate({"text": "a"}), "usageMetadata": counted},
        {**candidate(finishReason="STOP"), "usageMetadata": {"promptTokenCount": 100, **last}},
    ).report()
    assert report.usage == Usage(input_tokens=100, output_tokens=200)
    assert (report.suspect is None) == (not last)


@pytest.mark.parametrize("part", [{"text": "a"}, {"functionCall": {"name": "f"}}, {"inlineData": {"data": "AA"}}])
@pytest.mark.parametrize("told", [{}, {"candidatesTokenCount": 0}])
def test_no_output_is_not_believed_beside_what_was_shown(part: dict[str, Any], told: dict[str, int]) -> None:
    usage = {"promptTokenCount": 5, "totalTokenCount": 5, **told}
    answer = {**candidate(part, finishReason="STOP"), "usageMetadata": usage}
    whole, stream = read_answer(json.dumps(answer).encode()), follow(answer).report()
    for report in (whole, stream):
        assert report.usage == Usage(input_tokens=5)
        assert report.suspect is not None and "0 tokens" in report.suspect


@pytest.mark.parametrize("part", [{"text": ""}, {"text": "hm", "thought": True}, {"thoughtSignature": "x"}])
def test_no_output_is_believed_where_nothing_was_shown(part: dict[str, Any]) -> None:
    answer = {**candidate(part, finishReason="STOP"), "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    for report in (read_answer(json.dumps(answer).encode()), follow(answer).report()):
        assert (report.usage, report.suspect) == (Usage(input_tokens=5, output_tokens=0), None)


def test_a_short_answer_that_is_left_out_beside_its_thoughts_costs_what_the_total_says() -> None:
    usage = {"promptTokenCount": 417, "thoughtsTokenCount": 71, "totalTokenCount": 488}
    answer = {**candidate({"text": "a"}, finishReason="STOP"), "usageMetadata": usage}
    found = Usage(input_tokens=417, output_tokens=71, reasoning_output_tokens=71)
    for report in (read_answer(json.dumps(answer).encode()), follow(answer).report()):
        assert (report.usage, report.suspect) == (found, None)


def test_searches_are_counted_whole_and_streamed() -> None:
    counts = {"promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 150}
    grounded = candidate({"text": "a"}, finishReason="STOP", groundingMetadata={"webSearchQueries": ["a", "", "b"]})
    for model, billed in (("gemini-2.5-flash", 1), ("gemini-3-flash-preview", 2)):
        answer = {**grounded, "usageMetadata": counts, "modelVersion": model}
        expected = Usage(input_tokens=100, output_tokens=50, web_searches=billed)
        assert read_answer(json.dumps(answer).encode()).usage == expected
        early = candidate({"text": "b"}, groundingMetadata={"webSearchQueries": ["b"]})
        assert follow(early, answer).report().usage == expected
        assert read_answer(json.dumps([early, answer]).encode()).usage == expected


def test_an_answer_that_did_not_search_tells_no_searches() -> None:
    answer = {
        **candidate({"text": "a"}, groundingMetadata={}),
        "usageMetadata": HIDDEN,
        "modelVersion": "gemini-3-flash",
    }
    found = read_answer(json.dumps(answer).encode()).usage
    assert found is not None and found.web_searches is None


def test_candidates_of_an_unknown_shape_are_billed_as_they_are_told() -> None:
    answer = {"candidates": {"text": 1}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    assert read_answer(json.dumps(answer).encode()).usage == Usage(input_tokens=5, output_tokens=0)
