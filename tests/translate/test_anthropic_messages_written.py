"""Requests written as Anthropic's messages."""

from typing import Any

import anthropic.types.message_create_params as params
import pydantic
import pytest

from tollway.translate.anthropic_messages_written import write_request
from tollway.translate.conversation import (
    Cached,
    Choice,
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
from tollway.translate.spelled import Spelling

USER = Turn("user", (Text(text="Hello"),))
TOOL = Tool(name="f")
OLD, NEW, NEWEST = "claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-5"


def write(*turns: Turn, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = Request(**{"model": OLD, "turns": turns or (USER,), "max_tokens": 8000, **fields})
    body, lost = write_request(request, Spelling(64), max_tokens=None)
    pydantic.TypeAdapter(params.MessageCreateParamsNonStreaming).validate_python(
        {name: value for name, value in body.items() if name not in ("stream", "temperature", "top_p", "top_k")}
    )
    return body, lost


def body(*turns: Turn, **fields: Any) -> dict[str, Any]:
    return write(*turns, **fields)[0]


def test_a_short_request_has_nothing_that_was_not_asked_for() -> None:
    assert write() == ({"model": OLD, "max_tokens": 8000, "messages": [{"role": "user", "content": "Hello"}]}, ())


def test_the_cap_is_the_callers_or_else_the_one_given() -> None:
    request = Request(model=OLD, turns=(USER,))
    assert write_request(request, Spelling(64), max_tokens=512)[0]["max_tokens"] == 512
    assert body(max_tokens=7)["max_tokens"] == 7
    with pytest.raises(Untranslatable, match="max_tokens"):
        write_request(request, Spelling(64), max_tokens=None)


def test_what_the_system_says_amid_the_conversation_is_said_ahead_of_it() -> None:
    found, lost = write(
        USER,
        Turn("system", (Text(text="Hurry."),)),
        USER,
        system=(Text(text="Be kind.", cached=Cached("1h")), Text(text="")),
    )
    assert found["system"] == [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "Hurry."},
    ]
    assert len(found["messages"]) == 1
    assert lost == ("system_position",)


def test_one_plain_system_text_is_text() -> None:
    assert body(system=(Text(text="Be kind."),))["system"] == "Be kind."


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config", "lost"),
    [
        (OLD, "low", {"type": "enabled", "budget_tokens": 2048}, None, ()),
        (OLD, "max", {"type": "enabled", "budget_tokens": 4000}, None, ("reasoning",)),
        (OLD, "none", None, None, ()),
        (NEW, "high", {"type": "adaptive"}, {"effort": "high"}, ()),
        (NEW, "minimal", {"type": "adaptive"}, {"effort": "low"}, ("reasoning",)),
        (NEW, "xhigh", {"type": "adaptive"}, {"effort": "high"}, ("reasoning",)),
        (NEWEST, "xhigh", {"type": "adaptive"}, {"effort": "xhigh"}, ()),
        (NEWEST, "none", {"type": "disabled"}, None, ()),
        ("claude-3-5-sonnet-20241022", "high", None, None, ("reasoning",)),
    ],
)
def test_an_effort_becomes_what_the_model_knows(
    model: str, effort: Any, thinking: Any, config: Any, lost: tuple[str, ...]
) -> None:
    found, named = write(model=model, reasoning=Reasoning(effort=effort))
    assert (found.get("thinking"), found.get("output_config"), named) == (thinking, config, lost)


@pytest.mark.parametrize(
    ("cap", "tokens", "budget", "lost"),
    [
        (8000, 2000, 2000, ()),
        (8000, 7000, 4000, ("reasoning",)),
        (1500, 1200, 1024, ("reasoning",)),
        (8000, 100, 1024, ("reasoning",)),
        (8000, -1, 4000, ()),
        (1024, 1024, None, ("reasoning",)),
    ],
)
def test_a_budget_stays_below_the_cap_which_is_never_raised(
    cap: int, tokens: int, budget: int | None, lost: tuple[str, ...]
) -> None:
    found, named = write(max_tokens=cap, reasoning=Reasoning(tokens=tokens))
    assert found["max_tokens"] == cap
    assert found.get("thinking", {}).get("budget_tokens") == budget
    assert named == lost


def test_a_tool_that_must_be_called_goes_before_thinking() -> None:
    found, lost = write(tools=(TOOL,), choice=Choice(mode="required"), reasoning=Reasoning(effort="high"))
    assert "thinking" not in found
    assert found["tool_choice"] == {"type": "any"}
    assert lost == ("reasoning",)


@pytest.mark.parametrize(("proof", "thinks"), [(None, False), (("anthropic.messages", "s"), True)])
def test_thinking_is_not_switched_on_amid_calls_whose_thoughts_are_gone(proof: Any, thinks: bool) -> None:
    thought = (Thought(text="Hm.", signature=proof),) if proof else ()
    called = Turn("assistant", (*thought, ToolCall(id="c", name="f", arguments="{}")))
    found, lost = write(
        USER, called, Turn("user", (ToolResult(id="c"),)), tools=(TOOL,), reasoning=Reasoning(effort="low")
    )
    assert ("thinking" in found) is thinks
    assert lost == (() if thinks else ("reasoning",))


def test_whether_thoughts_are_shown_is_carried() -> None:
    found = body(model=NEWEST, reasoning=Reasoning(effort="low", shown=True))
    assert found["thinking"] == {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("model", "fields", "kept", "lost"),
    [
        (OLD, {"temperature": 1.7}, {"temperature": 1.0}, ("temperature",)),
        (OLD, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ("top_p",)),
        ("claude-3-haiku-20240307", {"temperature": 0.5, "top_p": 0.9, "top_k": 3}, {"temperature": 0.5, "top_p": 0.9, "top_k": 3}, ()),
        (NEWEST, {"temperature": 0.5, "top_k": 3}, {}, ("temperature", "top_k")),
        (OLD, {"temperature": 0.5, "reasoning": Reasoning(effort="low")}, {}, ("temperature",)),
        (OLD, {"seed": 1, "frequency_penalty": 0.1, "verbosity": "low", "cache_key": "k", "metadata": {"a": "b"}}, {},
         ("seed", "frequency_penalty", "verbosity", "metadata", "prompt_cache_key")),
    ],
)  # fmt: skip
def test_what_a_model_does_not_know_is_left_out_and_named(
    model: str, fields: dict[str, Any], kept: dict[str, Any], lost: tuple[str, ...]
) -> None:
    found, named = write(model=model, **fields)
    assert {name: found[name] for name in ("temperature", "top_p", "top_k") if name in found} == kept
    assert named == lost


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({}, None),
        ({"parallel_calls": True}, None),
        ({"parallel_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"choice": Choice(mode="auto")}, {"type": "auto"}),
        ({"choice": Choice(mode="none"), "parallel_calls": False}, {"type": "none"}),
        (
            {"choice": Choice(mode="required"), "parallel_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"choice": Choice(mode="tool", name="f")}, {"type": "tool", "name": "f"}),
    ],
)
def test_the_choice_of_tools_is_written(fields: dict[str, Any], choice: Any) -> None:
    assert body(tools=(TOOL,), **fields).get("tool_choice") == choice


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in body(choice=Choice(mode="auto"), parallel_calls=False)


def test_tools_have_a_schema_always() -> None:
    tools = (TOOL, Tool(name="g", schema={"properties": {}}, strict=True, description="d", cached=Cached()))
    assert body(tools=tools)["tools"] == [
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        {
            "name": "g",
            "description": "d",
            "strict": True,
            "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
            "cache_control": {"type": "ephemeral", "ttl": "5m"},
        },
    ]


def test_the_form_of_the_answer_is_written() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    found, lost = write(output=Output(kind="schema", schema=schema))
    assert found["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {"a": {"type": "integer", "description": "(minimum: 1)"}},
            "additionalProperties": False,
        },
    }
    assert lost == ("response_format.bounds",)


def test_json_of_no_schema_is_asked_for_in_words() -> None:
    found, lost = write(output=Output(kind="json"))
    assert found["system"] == "Answer with one JSON object and nothing else."
    assert lost == ("response_format",)


def test_a_schema_is_told_in_words_to_a_model_that_takes_none() -> None:
    found, lost = write(model="claude-3-haiku-20240307", output=Output(kind="schema", schema={"type": "object"}))
    assert found["system"].endswith('It follows this JSON schema: {"type":"object"}')
    assert "output_config" not in found
    assert lost == ("response_format",)


@pytest.mark.parametrize(("tier", "written"), [(None, None), ("auto", None), ("default", "standard_only")])
def test_a_tier_never_costs_more(tier: str | None, written: str | None) -> None:
    assert body(service_tier=tier).get("service_tier") == written


@pytest.mark.parametrize(
    ("turns", "fields", "named"),
    [
        ((USER,), {"service_tier": "priority"}, "service_tier"),
        ((USER,), {"service_tier": "flex"}, "service_tier"),
        ((USER,), {"stop": ("\n",)}, "stop"),
        ((Turn("assistant", (Text(text="Hi"),)), USER), {}, "messages[0]"),
        ((Turn("user", (Text(text=" "),)),), {}, "messages"),
        ((USER,), {"tools": (TOOL,), "choice": Choice(mode="auto", allowed=("g",))}, "tool_choice"),
    ],
)
def test_what_anthropic_cannot_do_is_refused(turns: tuple[Turn, ...], fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        write(*turns, **fields)
    assert refused.value.field == named


def test_the_rest_is_carried() -> None:
    found = body(stop=("END",), user="u", stream=True)
    assert (found["stop_sequences"], found["metadata"], found["stream"]) == (["END"], {"user_id": "u"}, True)
