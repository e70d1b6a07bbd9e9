"""Requests in the words of generateContent."""

from typing import Any

import pytest

from tollway.translate.codec import Written
from tollway.translate.conversation import Cached, Choice, Output, Reasoning, Request, Text, Tool, Turn, Untranslatable
from tollway.translate.google_generate_written import write as written
from tollway.translate.spelled import Spelling


def write(model: str = "gemini-3-flash", **fields: Any) -> Written:
    return written(Request(**{"model": model, "turns": (Turn("user", (Text(text="hi"),)),), **fields}), Spelling(64))


def config(**fields: Any) -> dict[str, Any]:
    return write(**fields).body.get("generationConfig", {})


def test_a_plain_request_asks_for_nothing_that_was_not_asked_for() -> None:
    assert write() == Written(body={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})


def test_the_plain_fields_are_written() -> None:
    assert config(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        stop=("x",),
    ) == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 3,
        "seed": 1,
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
        "stopSequences": ["x"],
    }


def test_the_system_is_an_instruction_also_what_came_late() -> None:
    body = write(
        system=(Text(text="a", cached=Cached()),),
        turns=(Turn("user", (Text(text="hi"),)), Turn("system", (Text(text="b"),))),
    )
    assert body.body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert body.lost == ("cache_control", "system_position")


def test_schemas_are_given_whole() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"const": 1}}}
    body = write(tools=(Tool(name="f", description="d", schema=schema), Tool(name="g"))).body
    assert body["tools"] == [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": schema}, {"name": "g"}]}
    ]
    assert config(output=Output(kind="schema", schema=schema, name="n", description="d")) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {**schema, "description": "d"},
    }
    assert config(output=Output(kind="json")) == {"responseMimeType": "application/json"}
    assert config(output=Output()) == {}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (Choice(), {"mode": "AUTO"}),
        (Choice(mode="none"), {"mode": "NONE"}),
        (Choice(mode="required"), {"mode": "ANY"}),
        (Choice(mode="tool", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (Choice(mode="required", allowed=("f", "g")), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
        (Choice(allowed=("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_of_tools_is_written(choice: Choice, calling: dict[str, Any]) -> None:
    body = write(choice=choice, tools=(Tool(name="f"), Tool(name="g"))).body
    assert body["toolConfig"] == {"functionCallingConfig": calling}


def test_no_choice_is_written_where_there_is_nothing_to_choose_from() -> None:
    assert "toolConfig" not in write(choice=Choice(mode="none")).body


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("gemini-3-flash", Reasoning(effort="none"), {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.1-pro", Reasoning(effort="minimal"), {"thinkingLevel": "LOW"}),
        ("gemini-3-flash", Reasoning(effort="max"), {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash", Reasoning(tokens=2_000, shown=True), {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3-flash", Reasoning(tokens=-1), None),
        ("gemini-3-flash", Reasoning(adaptive=True), None),
        ("gemini-2.5-flash", Reasoning(effort="none"), {"thinkingBudget": 0}),
        ("gemini-2.5-pro", Reasoning(effort="none"), {"thinkingBudget": 128}),
        ("gemini-2.5-flash", Reasoning(effort="low"), {"thinkingBudget": 2_048}),
        ("gemini-2.5-flash", Reasoning(effort="max"), {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash", Reasoning(tokens=777), {"thinkingBudget": 777}),
        ("gemini-2.5-flash", Reasoning(tokens=-1), {"thinkingBudget": -1}),
        ("gemini-2.0-flash", Reasoning(effort="none"), None),
    ],
)
def test_thinking_is_written_as_the_model_takes_it(
    model: str, reasoning: Reasoning, thinking: dict[str, Any] | None
) -> None:
    assert config(model=model, reasoning=reasoning).get("thinkingConfig") == thinking


def test_a_model_that_does_not_think_is_not_asked_to_and_that_is_named() -> None:
    body = write("gemini-2.0-flash", reasoning=Reasoning(effort="high"))
    assert "generationConfig" not in body.body and body.lost == ("reasoning",)


def test_what_only_tunes_is_named() -> None:
    body = write(
        user="u",
        metadata={"a": "b"},
        verbosity="low",
        cache_key="k",
        parallel_calls=False,
        tools=(Tool(name="f", strict=True, cached=Cached()),),
        lost=("include",),
    )
    assert body.lost == (
        *(
            "include",
            "cache_control",
            "strict",
            "parallel_tool_calls",
            "verbosity",
            "user",
            "metadata",
            "prompt_cache_key",
        ),
    )


@pytest.mark.parametrize("tier", [None, "auto", "default", "standard_only"])
def test_no_tier_is_asked_for_where_none_was(tier: str | None) -> None:
    assert "serviceTier" not in write(service_tier=tier).body


def test_a_tier_that_both_know_is_carried_and_another_refused() -> None:
    assert write(service_tier="flex").body["serviceTier"] == "flex"
    with pytest.raises(Untranslatable, match="service_tier"):
        write(service_tier="scale")
