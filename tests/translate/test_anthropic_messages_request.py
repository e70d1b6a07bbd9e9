"""Requests of Anthropic's messages, read."""

from typing import Any

import pytest

from tollway.translate.anthropic_messages_request import read_request
from tollway.translate.conversation import (
    Cached,
    Choice,
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
from tollway.translate.fields import Malformed

HELLO = {"role": "user", "content": "Hello"}


def read(*messages: dict[str, Any], **fields: Any) -> Request:
    return read_request({"model": "m", "max_tokens": 100, "messages": list(messages) or [HELLO], **fields})


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    return read({"role": role, "content": list(blocks)}).turns[0].parts


def test_every_field_that_is_carried_is_read() -> None:
    schema = {"type": "object", "properties": {}}
    request = read(
        system=[{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        stop_sequences=["END"],
        stream=True,
        metadata={"user_id": "u"},
        service_tier="standard_only",
        tools=[{"name": "f", "description": "d", "input_schema": schema, "strict": True, "type": "custom"}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2048},
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert request == Request(
        model="m",
        system=(Text(text="Be kind.", cached=Cached("1h")),),
        turns=(Turn("user", (Text(text="Hello"),)),),
        tools=(Tool(name="f", description="d", schema=schema, strict=True),),
        choice=Choice(mode="required"),
        parallel_calls=False,
        output=Output(kind="schema", schema=schema, strict=True),
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        stop=("END",),
        reasoning=Reasoning(tokens=2048),
        stream=True,
        user="u",
        service_tier="default",
    )


def test_blocks_of_every_kind_are_read() -> None:
    assert parts(
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "A",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}, "context": "Old."},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}, "title": "T"},
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "x"}]},
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "1"}], "is_error": True},
        {"type": "tool_result", "tool_use_id": "d", "content": "2"},
        {"type": "tool_result", "tool_use_id": "e"},
    ) == (
        Media(kind="image", media_type="image/png", data="AAAA"),
        Media(kind="image", url="https://a/b.png"),
        Media(kind="document", media_type="application/pdf", data="AAAA", name="A"),
        Text(text="Old."),
        Media(kind="document", media_type="text/plain", data="YWJj"),
        Text(text="T"),
        Text(text="x"),
        Text(text='<search_result title="T" source="S">\nx\n</search_result>'),
        ToolResult(id="c", parts=(Text(text="1"),), failed=True),
        ToolResult(id="d", parts=(Text(text="2"),)),
        ToolResult(id="e"),
    )


def test_what_the_assistant_thought_and_called_is_read() -> None:
    assert parts(
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "redacted_thinking", "data": "secret"},
        {"type": "text", "text": "Wait.", "citations": [{"type": "char_location"}]},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        {"type": "redacted_thinking", "data": "google.generate:call:c:proof"},
        role="assistant",
    ) == (
        Thought(text="Hm.", signature=("anthropic.messages", "sig")),
        Thought(text="Hm."),
        Thought(signature=("anthropic.messages", "secret"), redacted=True),
        Text(text="Wait."),
        ToolCall(id="c", name="f", arguments='{"a":1}', signature=("google.generate", "proof")),
    )


@pytest.mark.parametrize(
    ("fields", "expected", "lost"),
    [
        ({"thinking": {"type": "disabled"}}, Reasoning(tokens=0), ()),
        ({"thinking": {"type": "adaptive"}}, Reasoning(adaptive=True), ()),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            Reasoning(adaptive=True, effort="max", shown=False),
            (),
        ),
        ({"output_config": {"effort": "low"}}, Reasoning(effort="low"), ()),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, Reasoning(tokens=0), ("effort",)),
        ({"thinking": {"type": "between_tools"}}, Reasoning(adaptive=True), ("thinking.type",)),
    ],
)
def test_the_wish_for_thinking_is_read(fields: dict[str, Any], expected: Reasoning, lost: tuple[str, ...]) -> None:
    request = read(**fields)
    assert (request.reasoning, request.lost) == (expected, lost)


def test_the_older_name_of_structured_outputs_is_read() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert read(output_format=form).output == Output(kind="schema", schema={"type": "object"}, strict=True)


def test_a_system_message_amid_the_conversation_is_read() -> None:
    assert read(HELLO, {"role": "system", "content": "Hurry."}).turns[1] == Turn("system", (Text(text="Hurry."),))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"type": "computer_20250124", "name": "computer", "display_width_px": 1}]}, "tools[0].type"),
        (
            {"tools": [{"name": "f", "input_schema": {}, "allowed_callers": ["code_execution_20250825"]}]},
            "tools[0].allowed_callers",
        ),
        ({"container": "c"}, "container"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"speed": "fast"}, "speed"),
        ({"never_heard_of": 1}, "never_heard_of"),
        ({"thinking": {"type": "odd"}}, "thinking.type"),
        ({"tool_choice": {"type": "odd"}}, "tool_choice.type"),
        ({"output_config": {"odd": 1}}, "output_config.odd"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(**fields)
    assert refused.value.field == named


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "container_upload", "file_id": "f"},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {
            "type": "tool_use",
            "id": "c",
            "name": "f",
            "input": {},
            "caller": {"type": "code_execution_20250825", "tool_id": "t"},
        },
        {"type": "text", "text": "a", "odd": 1},
    ],
)
def test_a_block_that_cannot_be_carried_is_refused_by_its_place(block: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable) as refused:
        parts(block)
    assert refused.value.field.startswith("messages[0].content[0]")


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": {}},
        {"messages": [{"role": "user", "content": 5}]},
        {"max_tokens": "many"},
        {"stop_sequences": [1]},
        {"output_config": {"effort": "enormous"}},
        {"tool_choice": {"type": "tool"}},
    ],
)
def test_what_anthropic_would_not_take_either_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_request({"model": "m", "max_tokens": 100, "messages": [HELLO], **fields})


def test_what_only_tunes_is_named() -> None:
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "abc"},
        "citations": {"enabled": True},
    }
    request = read(
        {"role": "user", "content": [document]},
        cache_control={"type": "ephemeral"},
        speed="standard",
        tools=[{"name": "f", "input_schema": {}, "input_examples": [{}], "defer_loading": True}],
    )
    assert request.lost == ("cache_control", "input_examples", "defer_loading", "citations")


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
MINE = {"name": "f", "input_schema": {"type": "object"}}


def test_tools_that_anthropic_runs_are_left_out_and_named() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "a"}
    request = read(tools=[SEARCH, MINE, toolset], mcp_servers=[{"type": "url", "url": "https://a", "name": "a"}])
    assert [tool.name for tool in request.tools] == ["f"]
    assert set(request.lost) == {"tools.web_search_20250305", "tools.mcp_toolset", "mcp_servers"}


def test_editing_of_the_context_is_left_out_and_named() -> None:
    assert read(context_management={"edits": [{"type": "clear_thinking_20251015"}]}).lost == ("context_management",)


@pytest.mark.parametrize(
    ("tools", "choice"),
    [([SEARCH, MINE], {"type": "tool", "name": "web_search"}), ([SEARCH], {"type": "any"})],
)
def test_a_tool_that_anthropic_runs_is_refused_where_it_must_be_used(tools: Any, choice: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(tools=tools, tool_choice=choice)
    assert refused.value.field == "tool_choice"


def test_a_choice_among_no_tools_is_none() -> None:
    assert read(tools=[SEARCH], tool_choice={"type": "auto"}).choice is None
    assert read(tools=[SEARCH, MINE], tool_choice={"type": "any"}).choice == Choice(mode="required")
