"""Requests written as OpenAI's chat."""

from typing import Any

import openai.types.chat.completion_create_params as params
import pydantic
import pytest

from tollway.translate.conversation import (
    Cached,
    Choice,
    Declined,
    Media,
    Output,
    Part,
    Reasoning,
    Request,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.openai_chat_written import write_request
from tollway.translate.spelled import Spelling

USER = Turn("user", (Text(text="Hello"),))
TOOL = Tool(name="f", schema={"type": "object"})


def write(*turns: Turn, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    return write_request(Request(**{"model": "gpt-4o", "turns": turns or (USER,), **fields}), Spelling(64))


def body(*turns: Turn, **fields: Any) -> dict[str, Any]:
    return write(*turns, **fields)[0]


def test_a_short_request_has_nothing_that_was_not_asked_for() -> None:
    assert write() == ({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}, ())


def test_a_whole_conversation_is_one_that_openai_takes() -> None:
    calls = (ToolCall(id="c1", name="f", arguments='{"a":1}'), ToolCall(id="c2", name="g", arguments="{}"))
    results = (ToolResult(id="c1", parts=(Text(text="1"),)), ToolResult(id="c2", parts=(Text(text="2"),), failed=True))
    found, lost = write(
        USER,
        Turn("assistant", (Thought(text="Hm."), Text(text="One "), Text(text="moment."), *calls)),
        Turn("user", (*results, Text(text="Go on."))),
        Turn("system", (Text(text="Hurry."),)),
        Turn("assistant", (Declined("No."),)),
        USER,
        system=(Text(text="Be kind.", cached=Cached()), Text(text="Be brief.")),
        tools=(TOOL,),
        choice=Choice(mode="required"),
        parallel_calls=False,
    )
    assert found["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "user", "content": "Go on."},
        {"role": "system", "content": "Hurry."},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "user", "content": "Hello"},
    ]
    assert (found["tool_choice"], found["parallel_tool_calls"]) == ("required", False)
    assert lost == ("cache_control", "thinking", "is_error")
    pydantic.TypeAdapter(params.CompletionCreateParamsNonStreaming).validate_python(found)


def test_a_picture_that_a_tool_shows_comes_after_all_results() -> None:
    picture = Media(kind="image", media_type="image/png", data="AAAA")
    results: tuple[Part, ...] = (
        ToolResult(id="c1", parts=(Text(text="Done."), picture)),
        ToolResult(id="c2", parts=(Text(text="2"),)),
    )
    messages = body(USER, Turn("assistant", (ToolCall(id="c1", name="f", arguments="{}"),)), Turn("user", results))[
        "messages"
    ]
    assert [message["role"] for message in messages[2:]] == ["tool", "tool", "user"]
    assert messages[2]["content"] == "Done.\n(What this tool shows follows in the next message.)"
    assert messages[4]["content"] == [
        {"type": "text", "text": "Shown by the tool call c1:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


@pytest.mark.parametrize(
    ("model", "field"), [("gpt-4o", "max_tokens"), ("llama-3", "max_tokens"), ("gpt-5-mini", "max_completion_tokens")]
)
def test_the_cap_has_the_name_that_the_model_knows(model: str, field: str) -> None:
    found = body(model=model, max_tokens=7)
    assert found[field] == 7
    assert len({"max_tokens", "max_completion_tokens"} & found.keys()) == 1


def test_a_model_that_reasons_takes_no_temperature() -> None:
    found, lost = write(model="gpt-5", temperature=0.5, top_p=0.5, reasoning=Reasoning(effort="high"))
    assert "temperature" not in found and "top_p" not in found
    assert found["reasoning_effort"] == "high"
    assert lost == ("temperature", "top_p")


@pytest.mark.parametrize(
    ("reasoning", "effort", "lost"),
    [
        (Reasoning(effort="high"), "high", ()),
        (Reasoning(tokens=2048), "low", ("reasoning",)),
        (Reasoning(tokens=0), None, ("reasoning",)),
        (Reasoning(adaptive=True, effort="max"), "high", ("reasoning",)),
    ],
)
def test_reasoning_becomes_an_effort(reasoning: Reasoning, effort: str | None, lost: tuple[str, ...]) -> None:
    found, named = write(model="gpt-5", reasoning=reasoning)
    assert found.get("reasoning_effort") == effort
    assert named == lost


def test_what_openai_has_no_place_for_is_named() -> None:
    found, lost = write(top_k=3, metadata={"a": "b"}, verbosity="low", cache_key="k", temperature=3.0)
    assert lost == ("temperature", "verbosity", "prompt_cache_key", "top_k", "metadata")
    assert found["temperature"] == 2.0


def test_a_stream_asks_for_its_usage() -> None:
    assert body(stream=True)["stream_options"] == {"include_usage": True}


def test_only_the_allowed_tools_are_offered() -> None:
    other = Tool(name="g")
    found = body(tools=(TOOL, other), choice=Choice(mode="required", allowed=("g",)))
    assert [tool["function"]["name"] for tool in found["tools"]] == ["g"]
    assert found["tool_choice"] == "required"
    with pytest.raises(Untranslatable, match="allowed"):
        body(tools=(TOOL,), choice=Choice(mode="auto", allowed=("g",)))


def test_a_tool_may_be_named() -> None:
    found = body(tools=(TOOL,), choice=Choice(mode="tool", name="f"))
    assert found["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_a_name_that_is_too_long_is_spelled_alike_everywhere() -> None:
    name = "n" * 100
    found = body(
        USER,
        Turn("assistant", (ToolCall(id="i" * 80, name=name, arguments="{}"),)),
        Turn("user", (ToolResult(id="i" * 80, parts=(Text(text="1"),)),)),
        tools=(Tool(name=name),),
        choice=Choice(mode="tool", name=name),
    )
    spelled = found["tools"][0]["function"]["name"]
    call = found["messages"][1]["tool_calls"][0]
    assert len(spelled) == 64
    assert call["function"]["name"] == found["tool_choice"]["function"]["name"] == spelled
    assert call["id"] == found["messages"][2]["tool_call_id"]
    assert len(call["id"]) == 40


def test_the_form_of_the_answer_is_written() -> None:
    schema = {"type": "object"}
    assert "response_format" not in body(output=Output(kind="text"))
    assert body(output=Output(kind="json"))["response_format"] == {"type": "json_object"}
    assert body(output=Output(kind="schema", schema=schema, strict=True))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    }


def test_the_tier_is_carried() -> None:
    assert "service_tier" not in body(service_tier="auto")
    assert body(service_tier="default")["service_tier"] == "default"


@pytest.mark.parametrize(
    ("turns", "fields", "named"),
    [
        ((USER, Turn("assistant", (Text(text="The answer is ("),))), {}, "messages"),
        ((USER,), {"max_tokens": 0}, "max_tokens"),
        (
            (Turn("assistant", (Thought(text="Hm."),)), Turn("user", (Media(kind="video", url="https://a/b"),))),
            {},
            "video",
        ),
    ],
)
def test_what_openai_cannot_do_is_refused(turns: tuple[Turn, ...], fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        write(*turns, **fields)
    assert refused.value.field == named


def test_strictness_that_openai_has_not_is_left_out_and_named() -> None:
    schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    found, lost = write(
        tools=(Tool(name="f", schema=schema, strict=True),), output=Output(kind="schema", schema=schema, strict=True)
    )
    assert found["tools"][0]["function"]["strict"] is False
    assert found["response_format"]["json_schema"]["strict"] is False
    assert lost == ("strict",)
