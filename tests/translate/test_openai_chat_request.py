"""Requests of OpenAI's chat, read."""

from typing import Any

import pytest

from tollway.translate.conversation import (
    Cached,
    Choice,
    Declined,
    Output,
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
from tollway.translate.fields import Malformed
from tollway.translate.openai_chat_request import read_request

HELLO = {"role": "user", "content": "Hello"}


def read(*messages: dict[str, Any], **fields: Any) -> Request:
    return read_request({"model": "m", "messages": list(messages) or [HELLO], **fields})


def test_a_whole_conversation_is_read() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    other = {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}
    request = read(
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Hi", "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [call, other]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]},
        {"role": "system", "content": "Hurry."},
        {"role": "assistant", "content": "No.", "refusal": "I may not."},
        {"role": "user", "content": "Why?"},
    )
    assert request.system == (Text(text="Be kind."), Text(text="Be brief."))
    assert request.turns == (
        Turn("user", (Text(text="Hi"),), "ann"),
        Turn(
            "assistant", (ToolCall(id="c1", name="f", arguments='{"a":1}'), ToolCall(id="c2", name="g", arguments="{}"))
        ),
        Turn("user", (ToolResult(id="c1", parts=(Text(text="1"),)), ToolResult(id="c2", parts=(Text(text="2"),)))),
        Turn("system", (Text(text="Hurry."),)),
        Turn("assistant", (Text(text="No."), Declined("I may not."))),
        Turn("user", (Text(text="Why?"),)),
    )
    assert request.lost == ()


def test_every_field_that_tunes_is_read() -> None:
    request = read(
        max_tokens=100,
        max_completion_tokens=80,
        temperature=1.5,
        top_p=0.9,
        top_k=4,
        stop="END",
        seed=1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        verbosity="low",
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        user="u",
        safety_identifier="s",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        parallel_tool_calls=False,
    )
    assert request == Request(
        model="m",
        turns=(Turn("user", (Text(text="Hello"),)),),
        max_tokens=80,
        temperature=1.5,
        top_p=0.9,
        top_k=4,
        stop=("END",),
        seed=1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        verbosity="low",
        stream=True,
        include_usage=True,
        user="s",
        metadata={"a": "b"},
        service_tier="flex",
        cache_key="k",
        parallel_calls=False,
    )


def test_tools_and_the_choice_among_them_are_read() -> None:
    schema = {"type": "object", "properties": {}}
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": True}}
    assert read(tools=[tool]).tools == (Tool(name="f", description="d", schema=schema, strict=True),)
    named = {"type": "function", "function": {"name": "f"}}
    some = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}
    choices = [read(tool_choice=choice).choice for choice in ("auto", "none", "required", "any", named, some)]
    assert choices == [
        Choice(mode="auto"),
        Choice(mode="none"),
        Choice(mode="required"),
        Choice(mode="required"),
        Choice(mode="tool", name="f"),
        Choice(mode="required", allowed=("f",)),
    ]


def test_the_form_of_the_answer_is_read() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}
    assert read(response_format={"type": "text"}).output == Output(kind="text")
    assert read(response_format={"type": "json_object"}).output == Output(kind="json")
    assert read(response_format={"type": "json_schema", "json_schema": schema}).output == Output(
        kind="schema", schema={"type": "object"}, name="n", description="d", strict=True
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"reasoning_effort": "high"}, Reasoning(effort="high")),
        ({"reasoning_effort": None}, None),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning(effort="low", shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(tokens=2000)),
        ({"reasoning": {"enabled": False}}, Reasoning(effort="none")),
        ({"thinking": {"type": "disabled"}}, Reasoning(effort="none")),
        ({"thinking": {"type": "enabled"}}, Reasoning(tokens=-1)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(tokens=2000)),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, Reasoning(effort="low")),
        ({"include_reasoning": False, "reasoning_effort": "low"}, Reasoning(effort="low", shown=False)),
    ],
)
def test_the_wish_for_reasoning_is_read(fields: dict[str, Any], expected: Reasoning | None) -> None:
    assert read(**fields).reasoning == expected


def test_thoughts_sent_back_are_read_with_their_proof() -> None:
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]
    request = read(
        HELLO, {"role": "assistant", "content": "Hi", "reasoning_content": "Hm.", "reasoning_details": details}, HELLO
    )
    assert request.turns[1].parts == (Thought(text="Hm.", signature=("anthropic.messages", "s")), Text(text="Hi"))


def test_the_mark_of_a_cache_is_read() -> None:
    part = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert read({"role": "user", "content": [part]}).turns[0].parts == (Text(text="long", cached=Cached("1h")),)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"never_heard_of": 1}, "never_heard_of"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0].type"),
        ({"tools": [{"type": "unheard_of"}]}, "tools[0].type"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "f", "odd": 1}}]}, "tools[0].function.odd"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "c"}}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"stream_options": {"odd": True}}, "stream_options.odd"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(**fields)
    assert refused.value.field == named
    assert refused.value.why


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"role": "function", "name": "f", "content": "1"}, "messages[0].role"),
        ({"role": "user", "content": "Hi", "odd": 1}, "messages[0].odd"),
        (
            {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://a/b"}}]},
            "messages[0].content[0].type",
        ),
        ({"role": "assistant", "audio": {"id": "a"}}, "messages[0].audio"),
        ({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, "messages[0].function_call"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}]},
            "messages[0].tool_calls[0].type",
        ),
        (
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]},
            "messages[0].content",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
            "messages[0].content[0].file.file_id",
        ),
    ],
)
def test_what_cannot_be_carried_of_a_message_is_refused_by_name(message: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(message)
    assert refused.value.field == named


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": "Hello"},
        {"messages": [{"content": "Hello"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"temperature": "hot"},
        {"stop": [1]},
        {"metadata": {"a": 1}},
        {"reasoning_effort": "enormous"},
        {"stream": "yes"},
    ],
)
def test_what_openai_would_not_take_either_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_request({"model": "m", "messages": [HELLO], **fields})


def test_groqs_words_are_read() -> None:
    request = read(service_tier="on_demand", reasoning_format="parsed", tools=[{"function": {"name": "f"}}])
    assert (request.service_tier, request.lost, request.tools) == ("default", ("reasoning_format",), (Tool(name="f"),))


def test_what_only_tunes_is_named() -> None:
    assert read(store=True, prediction={"type": "content", "content": "x"}, min_p=0.1).lost == (
        "store",
        "prediction",
        "min_p",
    )


def test_fields_that_ask_for_nothing_are_let_through() -> None:
    nothing = {
        "n": 1,
        "logprobs": False,
        "top_logprobs": 0,
        "logit_bias": {},
        "modalities": ["text"],
        "store": False,
        "audio": None,
    }
    assert read(**nothing) == read()


@pytest.mark.parametrize("kind", ["web_search", "openrouter:web_search", "code_interpreter", "browser_search"])
def test_tools_that_a_provider_runs_are_left_out_and_named(kind: str) -> None:
    mine = {"type": "function", "function": {"name": "f"}}
    request = read(tools=[{"type": kind, "some": 1}, mine], tool_choice="auto")
    assert [tool.name for tool in request.tools] == ["f"] and request.choice == Choice(mode="auto")
    assert request.lost == (f"tools.{kind}",)
    assert read(tools=[{"type": kind}], tool_choice="auto").choice is None
