"""Requests in the words of OpenAI's Responses."""

from typing import Any

import pytest

from tollway.translate.codec import Written
from tollway.translate.conversation import Cached, Choice, Output, Reasoning, Request, Text, Tool, Turn, Untranslatable
from tollway.translate.openai_responses_written import write as written
from tollway.translate.spelled import Spelling


def write(**fields: Any) -> Written:
    return written(Request(**{"model": "m", "turns": (Turn("user", (Text(text="hi"),)),), **fields}), Spelling(64))


def test_a_plain_request_asks_for_nothing_that_was_not_asked_for() -> None:
    assert write() == Written(
        body={
            "model": "m",
            "store": False,
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        }
    )


def test_the_plain_fields_are_written() -> None:
    body = write(
        system=(Text(text="a"), Text(text="b", cached=Cached())),
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        stream=True,
        user="u",
        metadata={"a": "b"},
        cache_key="k",
        verbosity="low",
        service_tier="flex",
        tools=(Tool(name="f"),),
        parallel_calls=False,
    )
    assert body.lost == ("cache_control",)
    assert {name: body.body[name] for name in ("instructions", "max_output_tokens", "temperature", "top_p")} == {
        "instructions": "a\n\nb",
        "max_output_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
    }
    assert body.body["stream"] is True and body.body["user"] == "u" and body.body["prompt_cache_key"] == "k"
    assert body.body["metadata"] == {"a": "b"} and body.body["text"] == {"verbosity": "low"}
    assert body.body["service_tier"] == "flex" and body.body["parallel_tool_calls"] is False


def test_a_schema_is_held_to_strictly_only_where_that_was_asked_for() -> None:
    tools = write(tools=(Tool(name="f", schema={"type": "object"}), Tool(name="g", strict=True, description="d"))).body[
        "tools"
    ]
    assert tools == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False},
        {
            "type": "function",
            "name": "g",
            "description": "d",
            "parameters": {"type": "object", "properties": {}},
            "strict": True,
        },
    ]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice(), "auto"),
        (Choice(mode="none", allowed=("f",)), "none"),
        (Choice(mode="tool", name="f"), {"type": "function", "name": "f"}),
        (
            Choice(allowed=("f",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_the_choice_of_tools_is_written(choice: Choice, said: Any) -> None:
    assert write(choice=choice).body["tool_choice"] == said


@pytest.mark.parametrize(
    ("output", "form"),
    [
        (Output(kind="json"), {"type": "json_object"}),
        (Output(kind="schema", schema={"a": 1}), {"type": "json_schema", "name": "answer", "schema": {"a": 1}}),
        (
            Output(kind="schema", schema={}, name="n", description="d", strict=True),
            {"type": "json_schema", "name": "n", "description": "d", "schema": {}, "strict": True},
        ),
    ],
)
def test_the_form_of_the_answer_is_written(output: Output, form: dict[str, Any]) -> None:
    assert write(output=output).body["text"] == {"format": form}


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        (Reasoning(effort="low"), {"effort": "low"}),
        (Reasoning(tokens=9_000, shown=True), {"effort": "high", "summary": "auto"}),
        (Reasoning(tokens=-1), None),
        (Reasoning(adaptive=True), None),
        (Reasoning(shown=False), None),
    ],
)
def test_reasoning_is_written(reasoning: Reasoning, said: dict[str, Any] | None) -> None:
    assert write(reasoning=reasoning).body.get("reasoning") == said


def test_encrypted_reasoning_is_only_asked_of_a_model_that_reasons() -> None:
    assert write(reasoning=Reasoning(effort="low")).body["include"] == ["reasoning.encrypted_content"]
    assert "include" not in write(reasoning=Reasoning(effort="none")).body
    assert "include" not in write().body


def test_a_model_that_does_not_think_is_not_asked_to_and_that_is_named() -> None:
    body = write(model="gpt-4.1", reasoning=Reasoning(effort="high", shown=True))
    assert "reasoning" not in body.body and "include" not in body.body and body.lost == ("reasoning",)
    assert write(model="gpt-4.1", reasoning=Reasoning(effort="none")).lost == ()


def test_a_model_that_thinks_takes_no_temperature() -> None:
    body = write(model="gpt-5", temperature=0.5, top_p=0.5)
    assert not {"temperature", "top_p"} & set(body.body) and body.lost == ("temperature", "top_p")


def test_what_only_tunes_is_named() -> None:
    body = write(top_k=3, seed=1, frequency_penalty=0.5, presence_penalty=0.0, verbosity="huge", lost=("labels",))
    assert body.lost == ("labels", "verbosity", "top_k", "seed", "frequency_penalty", "presence_penalty")


@pytest.mark.parametrize(("field", "value"), [("stop", ("x",)), ("service_tier", "batch")])
def test_what_changes_the_meaning_is_refused(field: str, value: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        write(**{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("tier", [None, "auto"])
def test_no_tier_is_asked_for_where_none_was(tier: str | None) -> None:
    assert "service_tier" not in write(service_tier=tier).body
    assert write(service_tier="standard_only").body["service_tier"] == "default"
