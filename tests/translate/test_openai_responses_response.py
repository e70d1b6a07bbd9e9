"""Whole answers in the words of OpenAI's Responses."""

from typing import Any

import pytest
from openai.types.responses import Response

from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.openai_responses_asked import Asked
from tollway.translate.openai_responses_response import error_of, write
from tollway.translate.told import Answer, Failed
from tollway.usage import Usage


def asked(**fields: Any) -> Asked:
    read = Asked()
    read.read({"model": "m", "input": "hi", **fields}, model=None, stream=False)
    return read


def written(*parts: Any, asking: Asked | None = None, **fields: Any) -> dict[str, Any]:
    body = write(Answer(**{"id": "resp_1", "model": "m", "parts": parts, "stop": "end", **fields}), asking or asked())
    Response.model_validate(body)
    return body


def test_what_was_asked_is_repeated() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    body = written(
        asking=asked(
            instructions="be kind",
            tools=[tool],
            tool_choice="required",
            parallel_tool_calls=False,
            temperature=0.5,
            text={"verbosity": "low"},
            reasoning={"effort": "low"},
            metadata={"a": "b"},
            max_output_tokens=9,
        )
    )
    assert body["instructions"] == "be kind" and body["tools"] == [tool] and body["tool_choice"] == "required"
    assert body["parallel_tool_calls"] is False and body["temperature"] == 0.5 and body["max_output_tokens"] == 9
    assert body["text"] == {"verbosity": "low", "format": {"type": "text"}}
    assert body["reasoning"] == {"effort": "low", "summary": None} and body["metadata"] == {"a": "b"}


def test_what_follows_each_other_is_one_message() -> None:
    output = written(Text(text="a"), Declined("b"), ToolCall(id="c", name="f", arguments="{}"), Text(text="d"))[
        "output"
    ]
    assert [item["type"] for item in output] == ["message", "function_call", "message"]
    assert [content["type"] for content in output[0]["content"]] == ["output_text", "refusal"]
    assert len({item["id"] for item in output}) == 3
    assert output[1] == {
        "id": output[1]["id"],
        "type": "function_call",
        "status": "completed",
        "arguments": "{}",
        "call_id": "c",
        "name": "f",
    }


def test_the_call_of_a_custom_tool_is_free_text_again() -> None:
    asking = asked(tools=[{"type": "custom", "name": "p"}])
    [whole, odd] = written(
        ToolCall(id="c", name="p", arguments='{"input":"free"}'),
        ToolCall(id="d", name="p", arguments='{"patch":"free"}'),
        asking=asking,
    )["output"]
    assert (whole["type"], whole["input"]) == ("custom_tool_call", "free")
    assert odd["input"] == '{"patch":"free"}'


def test_signatures_of_others_are_told_to_those_who_send_them_back() -> None:
    parts = (
        Thought(text="hm", signature=("anthropic.messages", "sig"), id="rs_9"),
        Thought(signature=("anthropic.messages", "secret"), redacted=True),
        ToolCall(id="c", name="f", arguments="{}", signature=("google.generate", "g")),
    )
    plain = written(*parts)["output"]
    assert [item["type"] for item in plain] == ["reasoning", "function_call"]
    assert "encrypted_content" not in plain[0]
    asking = asked(include=["reasoning.encrypted_content"])
    output = written(*parts, asking=asking)["output"]
    assert [item["type"] for item in output] == ["reasoning", "reasoning", "function_call", "reasoning"]
    again = asked()
    request = again.read({"model": "m", "input": output}, model=None, stream=False)
    assert request.turns[0].parts == (
        parts[0],
        Thought(signature=("anthropic.messages", "secret"), redacted=True, id=output[1]["id"]),
        parts[2],
    )


def test_openais_own_signature_stays_as_it_is() -> None:
    asking = asked(include=["reasoning.encrypted_content"])
    [item] = written(Thought(text="hm", signature=("openai.responses", "enc"), id="rs_1"), asking=asking)["output"]
    assert item == {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "enc",
    }


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        ("end", "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("filtered", "incomplete", "content_filter"),
    ],
)
def test_why_it_ended_is_its_status(stop: Any, status: str, reason: str | None) -> None:
    body = written(Text(text="a"), stop=stop)
    assert body["status"] == status
    assert body["incomplete_details"] == (None if reason is None else {"reason": reason})
    assert body["output"][0]["status"] == status


def test_a_refusal_that_the_model_has_not_put_into_words_is_told_by_the_end() -> None:
    silent = written(Text(text="a"), stop="declined")
    assert (silent["status"], silent["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    said = written(Declined(text="no"), stop="declined")
    assert (said["status"], said["incomplete_details"]) == ("completed", None)


def test_only_annotations_that_openais_clients_know_are_shown() -> None:
    own = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    foreign = {"type": "char_location", "cited_text": "x"}
    body = written(Text(text="a", citations=(own, foreign, {"type": "url_citation", "url": "u"})))
    assert body["output"][0]["content"][0]["annotations"] == [own]


def test_usage_and_tier_are_told() -> None:
    usage = Usage(input_tokens=10, cache_read_input_tokens=4, output_tokens=7, reasoning_output_tokens=5)
    body = written(usage=usage, service_tier="flex")
    assert body["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 17,
    }
    assert body["service_tier"] == "flex"
    assert written()["usage"] is None


def test_a_picture_is_the_result_of_a_call() -> None:
    [item] = written(Media(kind="image", media_type="image/webp", data="AA"))["output"]
    assert (item["type"], item["result"], item["output_format"]) == ("image_generation_call", "AA", "webp")


def test_an_answer_that_failed_is_a_response_that_failed() -> None:
    body = written(failed=Failed("slow down", "x", None, 429))
    assert body["status"] == "failed" and body["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        (Failed("m", code="insufficient_quota"), "insufficient_quota"),
        (Failed("m", status=429), "rate_limit_exceeded"),
        (Failed("m", status=400), "invalid_prompt"),
        (Failed("m", status=529), "server_error"),
        (Failed("m"), "server_error"),
    ],
)
def test_an_error_has_a_code_that_openais_clients_know(failed: Failed, code: str) -> None:
    assert error_of(failed) == {"code": code, "message": "m"}


def test_a_call_of_a_tool_in_a_namespace_says_whose_it_is() -> None:
    tools = [{"type": "function", "name": "go", "parameters": {}}, {"type": "custom", "name": "tell"}]
    agents = {"type": "namespace", "name": "agents", "description": "Others.", "tools": tools}
    made = asked(tools=[agents])
    calls = [ToolCall(id="c", name="agents__go", arguments="{}")]
    calls.append(ToolCall(id="d", name="agents__tell", arguments='{"input":"x"}'))
    first, second = written(*calls, asking=made)["output"]
    assert (first["type"], first["name"], first["namespace"]) == ("function_call", "go", "agents")
    assert (second["type"], second["name"], second["namespace"]) == ("custom_tool_call", "tell", "agents")
    assert second["input"] == "x"
