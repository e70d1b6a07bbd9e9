"""Requests that are hard to put into another API's words, by hand: for `translation_differential.py`."""

from typing import Any

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCg=="
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}, "unit": {"enum": ["c", "f"]}},
    "required": ["city"],
}
NESTED = {
    "type": "object",
    "properties": {
        "who": {"$ref": "#/$defs/who"},
        "n": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
    },
    "required": ["who", "n"],
    "additionalProperties": False,
    "$defs": {"who": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}

_FUNCTION = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": PLACE}}
_OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}
_HI = {"role": "user", "content": "Hi"}
_CALLS = [
    {"id": f"call_{city}", "type": "function", "function": {"name": "weather", "arguments": f'{{"city":"{city}"}}'}}
    for city in ("Oslo", "Rome")
]
_RESULTS = [{"role": "tool", "tool_call_id": call["id"], "content": "warm"} for call in _CALLS]


def _chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [_HI], **fields}


CHAT: dict[str, dict[str, Any]] = {
    "system twice": _chat({"role": "system", "content": "A."}, {"role": "developer", "content": "B."}, _HI),
    "system amid": _chat(_HI, {"role": "assistant", "content": "Yes?"}, {"role": "system", "content": "Hurry."}, _HI),
    "two user messages": _chat(_HI, {"role": "user", "content": "Hello?"}),
    "both caps": _chat(max_tokens=50, max_completion_tokens=40),
    "sampling": _chat(temperature=1.7, top_p=0.5, frequency_penalty=0.1, presence_penalty=0.2, seed=3),
    "stop text": _chat(stop="END"),
    "stop list": _chat(stop=["A", "B"]),
    "picture by data": _chat(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}}]}
    ),
    "picture by url": _chat(
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "https://a.example/a.png", "detail": "low"}}],
        }
    ),
    "file": _chat(
        {
            "role": "user",
            "content": [
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                {"type": "text", "text": "Read it."},
            ],
        }
    ),
    "tools": _chat(tools=[_FUNCTION, _OTHER], tool_choice="auto", parallel_tool_calls=False),
    "tool forced": _chat(tools=[_FUNCTION], tool_choice={"type": "function", "function": {"name": "weather"}}),
    "tool required": _chat(tools=[_FUNCTION], tool_choice="required"),
    "tool none": _chat(tools=[_FUNCTION], tool_choice="none"),
    "tools allowed": _chat(
        tools=[_FUNCTION, _OTHER],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "other"}}]},
        },
    ),
    "parallel calls": _chat(
        _HI, {"role": "assistant", "content": None, "tool_calls": _CALLS}, *_RESULTS, tools=[_FUNCTION]
    ),
    "results and a word": _chat(
        _HI,
        {"role": "assistant", "content": "Looking.", "tool_calls": _CALLS},
        *_RESULTS,
        {"role": "user", "content": "Well?"},
        tools=[_FUNCTION],
    ),
    "calls without tools": _chat(_HI, {"role": "assistant", "content": None, "tool_calls": _CALLS}, *_RESULTS),
    "arguments that are no JSON": _chat(
        _HI,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{oops"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "what?"},
        tools=[_FUNCTION],
    ),
    "result with a picture": _chat(
        _HI,
        {"role": "assistant", "content": None, "tool_calls": _CALLS[:1]},
        {
            "role": "tool",
            "tool_call_id": "call_Oslo",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
        tools=[_FUNCTION],
    ),
    "schema": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": NESTED, "strict": True}}
    ),
    "any JSON": _chat(response_format={"type": "json_object"}),
    "effort": _chat(reasoning_effort="high", max_completion_tokens=30_000),
    "effort none": _chat(reasoning_effort="none"),
    "user and metadata": _chat(user="u-1", metadata={"a": "b"}),
    "n of two": _chat(n=2),
    "logprobs": _chat(logprobs=True, top_logprobs=2),
    "the assistant last": _chat(_HI, {"role": "assistant", "content": "I say"}),
    "refusal of before": _chat(_HI, {"role": "assistant", "content": None, "refusal": "No."}, _HI),
    "empty assistant": _chat(_HI, {"role": "assistant", "content": ""}, _HI),
}

_RFUNCTION = {"type": "function", "name": "weather", "description": "Of a city.", "parameters": PLACE, "strict": False}


def _asked(*items: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "Hi", **fields}


RESPONSES: dict[str, dict[str, Any]] = {
    "text": _asked(),
    "instructions and developer": _asked({"role": "developer", "content": "B."}, _HI, instructions="A."),
    "calls": _asked(
        _HI,
        *({"type": "function_call", "call_id": c["id"], **c["function"]} for c in _CALLS),
        *({"type": "function_call_output", "call_id": c["id"], "output": "warm"} for c in _CALLS),
        tools=[_RFUNCTION],
    ),
    "custom tool": _asked(tools=[{"type": "custom", "name": "patch", "description": "Apply."}]),
    "namespace": _asked(tools=[{"type": "namespace", "name": "n", "description": "d", "tools": [_RFUNCTION]}]),
    "search": _asked(tools=[{"type": "web_search"}, _RFUNCTION]),
    "picture and file": _asked(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{DOT}", "detail": "high"},
                {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            ],
        }
    ),
    "reasoning": _asked(reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"]),
    "schema": _asked(text={"format": {"type": "json_schema", "name": "n", "schema": NESTED, "strict": True}}),
    "caps": _asked(max_output_tokens=33, temperature=0.3, top_p=0.9, parallel_tool_calls=False, tools=[_RFUNCTION]),
    "of before": _asked(previous_response_id="resp_1"),
}

_AFUNCTION = {"name": "weather", "description": "Of a city.", "input_schema": PLACE}
_USES = [
    {"type": "tool_use", "id": f"toolu_{city}", "name": "weather", "input": {"city": city}} for city in ("Oslo", "Rome")
]


def _message(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 60, "messages": list(messages) or [_HI], **fields}


MESSAGES: dict[str, dict[str, Any]] = {
    "system blocks": _message(
        system=[{"type": "text", "text": "A."}, {"type": "text", "text": "B.", "cache_control": {"type": "ephemeral"}}]
    ),
    "calls": _message(
        _HI,
        {"role": "assistant", "content": [{"type": "text", "text": "Looking."}, *_USES]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_Oslo", "content": "warm"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_Rome",
                    "content": [{"type": "text", "text": "broken"}],
                    "is_error": True,
                },
                {"type": "text", "text": "Well?"},
            ],
        },
        tools=[_AFUNCTION],
    ),
    "result with a picture": _message(
        _HI,
        {"role": "assistant", "content": _USES[:1]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_Oslo",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}},
                    ],
                }
            ],
        },
        tools=[_AFUNCTION],
    ),
    "thinking": _message(max_tokens=9_000, thinking={"type": "enabled", "budget_tokens": 4_000}),
    "thoughts of before": _message(
        _HI,
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": "Yes"}],
        },
        _HI,
    ),
    "document": _message(
        {
            "role": "user",
            "content": [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "a",
                },
                {"type": "text", "text": "Read."},
            ],
        }
    ),
    "picture by url": _message(
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}]}
    ),
    "sampling": _message(temperature=0.9, top_k=7, top_p=0.8, stop_sequences=["END"]),
    "any tool, one at a time": _message(
        tools=[_AFUNCTION], tool_choice={"type": "any", "disable_parallel_tool_use": True}
    ),
    "one tool": _message(tools=[_AFUNCTION], tool_choice={"type": "tool", "name": "weather"}),
    "schema": _message(output_config={"format": {"type": "json_schema", "schema": NESTED}}),
    "search": _message(tools=[{"type": "web_search_20250305", "name": "web_search"}, _AFUNCTION]),
    "user": _message(metadata={"user_id": "u-1"}),
    "the assistant last": _message(_HI, {"role": "assistant", "content": "I say"}),
}

_SAID = {"role": "user", "parts": [{"text": "Hi"}]}


def _contents(*contents: Any, **fields: Any) -> dict[str, Any]:
    return {"contents": list(contents) or [_SAID], **fields}


GOOGLE: dict[str, dict[str, Any]] = {
    "system": _contents(systemInstruction={"parts": [{"text": "A."}, {"text": "B."}]}),
    "calls": _contents(
        _SAID,
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "weather", "args": {"city": c}}} for c in ("Oslo", "Rome")],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "weather", "response": {"result": "warm"}}} for _ in "12"],
        },
        tools=[
            {"functionDeclarations": [{"name": "weather", "description": "Of a city.", "parametersJsonSchema": PLACE}]}
        ],
    ),
    "schema of Google's own": _contents(
        tools=[
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
                    }
                ]
            }
        ]
    ),
    "forced": _contents(
        tools=[{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    ),
    "picture": _contents(
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": DOT}}, {"text": "?"}]}
    ),
    "sampling": _contents(
        generationConfig={
            "temperature": 0.4,
            "topP": 0.7,
            "topK": 5,
            "maxOutputTokens": 44,
            "stopSequences": ["END"],
            "seed": 4,
        }
    ),
    "schema": _contents(generationConfig={"responseMimeType": "application/json", "responseJsonSchema": NESTED}),
    "thinking": _contents(generationConfig={"thinkingConfig": {"thinkingBudget": 2_000, "includeThoughts": True}}),
    "search": _contents(tools=[{"googleSearch": {}}]),
}
