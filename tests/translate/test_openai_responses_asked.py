"""What a request of OpenAI's Responses asks for."""

from typing import Any

import pytest

from tollway.translate.conversation import (
    Choice,
    Output,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
)
from tollway.translate.fields import Malformed
from tollway.translate.openai_responses_asked import Asked


def read(asked: Asked | None = None, **fields: Any) -> Request:
    return (asked or Asked()).read({"model": "m", "input": "hi", **fields}, model=None, stream=False)


def test_the_plain_fields_are_carried() -> None:
    request = read(
        instructions="be kind",
        max_output_tokens=100,
        temperature=0.5,
        top_p=1,
        stream=True,
        parallel_tool_calls=False,
        user="u",
        metadata={"a": "b"},
        prompt_cache_key="k",
        service_tier="flex",
        text={"verbosity": "low"},
    )
    assert request.model == "m" and request.system == (Text(text="be kind"),)
    assert (request.max_tokens, request.temperature, request.top_p) == (100, 0.5, 1)
    assert (request.stream, request.parallel_calls, request.user, request.cache_key) == (True, False, "u", "k")
    assert (request.metadata, request.service_tier, request.verbosity) == ({"a": "b"}, "flex", "low")
    assert request.lost == ()


def test_the_paths_model_counts_before_the_bodys() -> None:
    request = Asked().read({"model": "m", "input": "hi"}, model="n", stream=True)
    assert request.model == "n" and request.stream
    with pytest.raises(Malformed, match="model"):
        Asked().read({"input": "hi"}, model=None, stream=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("prompt", {"id": "pmpt_1"}),
        ("background", True),
        ("top_logprobs", 3),
        ("moderation", {"model": "m"}),
        ("unheard_of", 1),
        ("stop", ["x"]),
    ],
)
def test_what_changes_the_meaning_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(**{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("background", False),
        ("top_logprobs", 0),
        ("previous_response_id", None),
        ("store", False),
        ("truncation", "disabled"),
    ],
)
def test_what_says_nothing_is_nothing_lost(field: str, value: Any) -> None:
    assert read(**{field: value}).lost == ()


@pytest.mark.parametrize(
    ("field", "value", "token"),
    [
        ("store", True, "store"),
        ("truncation", "auto", "truncation"),
        ("prompt_cache_retention", "24h", "prompt_cache_retention"),
        ("include", ["web_search_call.action.sources"], "include"),
        ("max_tool_calls", 3, "max_tool_calls"),
        ("context_management", [{"type": "compaction"}], "context_management"),
        ("reasoning", {"effort": "low", "context": "all_turns"}, "reasoning.context"),
        ("reasoning", {"summary": "detailed"}, "reasoning.summary"),
    ],
)
def test_what_only_tunes_is_named(field: str, value: Any, token: str) -> None:
    assert read(**{field: value}).lost == (token,)


@pytest.mark.parametrize(
    "kind",
    ["web_search", "web_search_preview", "file_search", "code_interpreter", "image_generation", "mcp", "tool_search"],
)
def test_tools_that_openai_runs_are_left_out_and_named(kind: str) -> None:
    function = {"type": "function", "name": "f", "parameters": {}}
    request = read(tools=[function, {"type": kind, "some": "setting"}])
    assert [tool.name for tool in request.tools] == ["f"] and request.lost == (f"tools.{kind}",)
    assert read(tools=[{"type": kind}], tool_choice="auto").choice is None
    some = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": kind}, {"type": "function", "name": "f"}]}
    assert read(tools=[function, {"type": kind}], tool_choice=some).choice == Choice(allowed=("f",))
    only = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": kind}]}
    assert read(tools=[function, {"type": kind}], tool_choice=only).choice == Choice(mode="none")
    for choice in "required", {"type": kind}, {**only, "mode": "required"}:
        with pytest.raises(Untranslatable) as refused:
            read(tools=[{"type": kind}], tool_choice=choice)
        assert refused.value.field.startswith("tool_choice")


@pytest.mark.parametrize("kind", ["computer_use_preview", "local_shell", "shell", "apply_patch", "unheard_of"])
def test_tools_that_openais_models_alone_know_are_refused(kind: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(tools=[{"type": "function", "name": "f", "parameters": {}}, {"type": kind}])
    assert refused.value.field == "tools[1].type" and kind in refused.value.why


AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Other agents.",
    "tools": [
        {"type": "function", "name": "spawn", "description": "Begin one.", "parameters": {}, "strict": False},
        {"type": "custom", "name": "tell"},
        {"type": "web_search"},
    ],
}


def test_tools_of_a_namespace_are_carried_by_a_name_of_their_own() -> None:
    asked = Asked()
    spawn = {"type": "function", "namespace": "agents", "name": "spawn"}
    said = [
        {"type": "message", "role": "user", "content": "Go"},
        {"type": "function_call", "namespace": "agents", "name": "spawn", "call_id": "c", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "begun"},
    ]
    request = asked.read(
        {"model": "m", "input": said, "tools": [AGENTS], "tool_choice": spawn}, model=None, stream=False
    )
    assert [tool.name for tool in request.tools] == ["agents__spawn", "agents__tell"]
    assert request.tools[0].description == "Other agents.\n\nBegin one."
    assert request.choice == Choice(mode="tool", name="agents__spawn") and request.lost == ("tools.web_search",)
    call, result = request.turns[1].parts[0], request.turns[2].parts[0]
    assert isinstance(call, ToolCall) and call.name == "agents__spawn"
    assert isinstance(result, ToolResult) and result.name == "agents__spawn"
    assert asked.namespaces["agents__spawn"] == ("agents", "spawn") and asked.custom == {"agents__tell"}


def test_two_tools_that_would_have_one_name_are_refused() -> None:
    with pytest.raises(Untranslatable, match="agents__spawn"):
        read(tools=[AGENTS, {"type": "function", "name": "agents__spawn", "parameters": {}}])


def test_searches_of_turns_before_are_left_out_and_named() -> None:
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    request = read(input=[searched, {"role": "user", "content": "And now?"}])
    assert len(request.turns) == 1 and request.lost == ("web_search_call",)


def test_functions_are_carried() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    request = read(tools=[{"type": "function", "name": "f", "description": "d", "parameters": schema, "strict": True}])
    assert request.tools == (Tool(name="f", description="d", schema=schema, strict=True),)
    later = read(tools=[{"type": "function", "name": "f", "parameters": {}, "defer_loading": True}])
    assert later.tools == (Tool(name="f", schema={}),) and later.lost == ("defer_loading",)


def test_a_custom_tool_is_a_function_with_one_text_and_is_remembered() -> None:
    asked = Asked()
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    request = read(asked, tools=[{"type": "custom", "name": "patch", "description": "d", "format": grammar}])
    [tool] = request.tools
    assert tool.schema is not None and tool.schema["required"] == ["input"]
    assert tool.description == "d\n\nThe input must match this lark grammar:\nstart: WORD"
    assert request.lost == ("tools.format",)
    assert asked.custom == {"patch"}
    assert read(tools=[{"type": "custom", "name": "patch", "format": {"type": "text"}}]).lost == ()


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, None),
        ("auto", Choice()),
        ("none", Choice(mode="none")),
        ("required", Choice(mode="required")),
        ({"type": "function", "name": "f"}, Choice(mode="tool", name="f")),
        ({"type": "custom", "name": "f"}, Choice(mode="tool", name="f")),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            Choice(mode="required", allowed=("f",)),
        ),
    ],
)
def test_the_choice_of_tools_is_carried(choice: Any, read_as: Choice | None) -> None:
    assert read(tool_choice=choice).choice == read_as


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp"}]},
    ],
)
def test_the_choice_of_a_tool_that_a_provider_runs_is_refused(choice: Any) -> None:
    with pytest.raises(Untranslatable, match="tool_choice"):
        read(tool_choice=choice)


@pytest.mark.parametrize(
    ("form", "output"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Output(kind="json")),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"},
            Output(kind="schema", schema={"type": "object"}, name="n", strict=True, description="d"),
        ),
    ],
)
def test_the_form_of_the_answer_is_carried(form: dict[str, Any], output: Output | None) -> None:
    assert read(text={"format": form}).output == output


@pytest.mark.parametrize(
    ("reasoning", "read_as"),
    [
        ({}, None),
        ({"effort": "high"}, Reasoning(effort="high")),
        ({"effort": None, "summary": "auto"}, Reasoning(shown=True)),
        ({"generate_summary": "auto"}, Reasoning(shown=True)),
        ({"effort": "none", "mode": "standard"}, Reasoning(effort="none")),
    ],
)
def test_reasoning_is_carried(reasoning: dict[str, Any], read_as: Reasoning | None) -> None:
    assert read(reasoning=reasoning).reasoning == read_as


def test_a_mode_that_costs_more_is_refused() -> None:
    with pytest.raises(Untranslatable, match=r"reasoning\.mode"):
        read(reasoning={"mode": "pro"})


@pytest.mark.parametrize("tier", [None, "auto", "default"])
def test_the_usual_tier_needs_no_carrying(tier: str | None) -> None:
    assert read(service_tier=tier).service_tier is None


def test_encrypted_reasoning_is_remembered_and_probabilities_are_refused() -> None:
    asked = Asked()
    read(asked, include=["reasoning.encrypted_content"])
    assert asked.encrypted
    with pytest.raises(Untranslatable, match=r"include\[0\]"):
        read(include=["message.output_text.logprobs"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "hot"),
        ("max_output_tokens", 1.5),
        ("tools", {}),
        ("tools", [1]),
        ("tool_choice", "some"),
        ("text", []),
        ("reasoning", {"effort": "huge"}),
        ("metadata", {"a": 1}),
        ("input", 3),
    ],
)
def test_a_field_of_a_wrong_kind_is_malformed_and_named(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match=field):
        read(**{field: value})
