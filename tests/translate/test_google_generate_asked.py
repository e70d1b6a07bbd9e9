"""What a request of generateContent asks for."""

from typing import Any

import pytest

from tollway.translate.conversation import Choice, Output, Reasoning, Request, Text, Tool, Untranslatable
from tollway.translate.fields import Malformed
from tollway.translate.google_generate_asked import read as read_body

CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]


def read(**fields: Any) -> Request:
    return read_body({"contents": CONTENTS, **fields}, model="gemini-3-flash", stream=False)


def config(**fields: Any) -> Request:
    return read(generationConfig=fields)


def test_the_plain_fields_are_carried_in_either_spelling() -> None:
    camel = config(
        temperature=0.5,
        topP=0.9,
        topK=40.0,
        maxOutputTokens=9,
        stopSequences=["x"],
        seed=1,
        presencePenalty=0.1,
        frequencyPenalty=0.2,
    )
    snake = read(
        generation_config={
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "max_output_tokens": 9,
            "stop_sequences": ["x"],
            "seed": 1,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
        }
    )
    assert camel == snake
    assert (camel.temperature, camel.top_p, camel.top_k, camel.max_tokens) == (0.5, 0.9, 40, 9)
    assert (camel.stop, camel.seed, camel.presence_penalty, camel.frequency_penalty) == (("x",), 1, 0.1, 0.2)


def test_the_path_names_the_model_and_whether_it_streams() -> None:
    request = read_body({"contents": CONTENTS}, model="gemini-3-flash", stream=True)
    assert request.model == "gemini-3-flash" and request.stream
    assert read_body({"contents": CONTENTS, "model": "models/g"}, model=None, stream=False).model == "g"
    with pytest.raises(Malformed, match="model"):
        read_body({"contents": CONTENTS}, model=None, stream=False)


@pytest.mark.parametrize(
    "system", [{"parts": [{"text": "a"}, {"text": "b"}]}, {"role": "system", "parts": [{"text": "a"}, {"text": "b"}]}]
)
def test_the_system_is_carried(system: Any) -> None:
    assert read(systemInstruction=system).system == (Text(text="a"), Text(text="b"))
    assert read(system_instruction=system).system == (Text(text="a"), Text(text="b"))
    assert read(systemInstruction="a").system == (Text(text="a"),)


def test_functions_are_carried_with_either_schema() -> None:
    schema = {"type": "object", "properties": {"a_b": {"type": "string"}}, "$defs": {}}
    request = read(
        tools=[
            {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": schema}]},
            {
                "function_declarations": [
                    {"name": "g", "parameters": {"type": "OBJECT", "properties": {"a_b": {"type": "STRING"}}}}
                ]
            },
        ]
    )
    assert request.tools == (
        Tool(name="f", description="d", schema=schema),
        Tool(name="g", schema={"type": "object", "properties": {"a_b": {"type": "string"}}}),
    )


@pytest.mark.parametrize("name", ["googleSearch", "codeExecution", "urlContext", "fileSearch", "google_search"])
def test_tools_that_google_runs_are_left_out_and_named(name: str) -> None:
    request = read(
        tools=[{"functionDeclarations": [{"name": "f"}]}, {name: {}}],
        toolConfig={"retrievalConfig": {"languageCode": "en"}},
    )
    assert [tool.name for tool in request.tools] == ["f"]
    assert len(request.lost) == 2 and request.lost[0].startswith("tools.") and request.lost[1] == "retrievalConfig"


def test_only_tools_of_google_are_no_tools() -> None:
    auto = {"functionCallingConfig": {"mode": "AUTO"}}
    assert read(tools=[{"googleSearch": {}}], toolConfig=auto).choice is None
    with pytest.raises(Untranslatable, match="tool_choice"):
        read(tools=[{"googleSearch": {}}], toolConfig={"functionCallingConfig": {"mode": "ANY"}})


def test_a_tool_that_googles_models_alone_know_is_refused() -> None:
    with pytest.raises(Untranslatable) as refused:
        read(tools=[{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}])
    assert refused.value.field == "tools[0].computerUse"


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({}, Choice()),
        ({"mode": "AUTO"}, Choice()),
        ({"mode": "NONE"}, Choice(mode="none")),
        ({"mode": "any"}, Choice(mode="required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, Choice(mode="tool", name="f")),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, Choice(mode="required", allowed=("f", "g"))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, Choice(allowed=("f",))),
    ],
)
def test_the_choice_of_tools_is_carried(calling: dict[str, Any], choice: Choice) -> None:
    assert read(toolConfig={"functionCallingConfig": calling}).choice == choice


@pytest.mark.parametrize(
    ("form", "output"),
    [
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, Output(kind="json")),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            Output(kind="schema", schema={"type": "string"}),
        ),
        (
            {"response_mime_type": "application/json", "response_json_schema": {"min_length": 1}},
            Output(kind="schema", schema={"min_length": 1}),
        ),
    ],
)
def test_the_form_of_the_answer_is_carried(form: dict[str, Any], output: Output | None) -> None:
    assert config(**form).output == output


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({}, None),
        ({"thinkingBudget": 0}, Reasoning(tokens=0)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(tokens=-1, shown=True)),
        ({"thinkingLevel": "HIGH"}, Reasoning(effort="high")),
        ({"thinking_level": "low", "include_thoughts": False}, Reasoning(effort="low", shown=False)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
    ],
)
def test_thinking_is_carried(thinking: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert config(thinkingConfig=thinking).reasoning == reasoning


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cachedContent": "cachedContents/x"}, "cachedContent"),
        ({"unheard": 1}, "unheard"),
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "generationConfig.responseModalities"),
        ({"generationConfig": {"responseLogprobs": True}}, "generationConfig.responseLogprobs"),
        ({"generationConfig": {"logprobs": 3}}, "generationConfig.logprobs"),
        ({"generationConfig": {"speechConfig": {"a": 1}}}, "generationConfig.speechConfig"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
        ({"generationConfig": {"unheard": 1}}, "generationConfig.unheard"),
        ({"generationConfig": {"thinkingConfig": {"unheard": 1}}}, "generationConfig.thinkingConfig.unheard"),
        ({"systemInstruction": {"parts": [{"text": "a", "inlineData": {}}]}}, "systemInstruction.parts[0].inlineData"),
    ],
)
def test_what_changes_the_meaning_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("fields", "token"),
    [
        ({"safetySettings": [{"category": "x", "threshold": "OFF"}]}, "safetySettings"),
        ({"labels": {"a": "b"}}, "labels"),
        ({"store": True}, "store"),
        ({"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}, "mediaResolution"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}}, "toolConfig.mode"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "response": {"type": "STRING"}}]}]}, "tools.response"),
    ],
)
def test_what_only_tunes_is_named(fields: dict[str, Any], token: str) -> None:
    assert read(**fields).lost == (token,)


def test_what_says_nothing_is_nothing_lost() -> None:
    request = config(candidateCount=1, responseModalities=["TEXT"], responseLogprobs=False, audioTimestamp=False)
    assert request == config() and request.lost == ()


@pytest.mark.parametrize(
    ("tier", "carried"), [("standard", None), ("unspecified", None), ("FLEX", "flex"), ("priority", "priority")]
)
def test_a_tier_that_sets_the_price_is_carried(tier: str, carried: str | None) -> None:
    assert read(serviceTier=tier).service_tier == carried


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": None},
        {"contents": {}},
        {"contents": [1]},
        {"generationConfig": []},
        {"generationConfig": {"temperature": "hot"}},
        {"generationConfig": {"stopSequences": [1]}},
        {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HUGE"}}},
        {"tools": [{"functionDeclarations": [{}]}]},
    ],
)
def test_a_field_of_a_wrong_kind_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(**fields)
