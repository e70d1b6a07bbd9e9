"""The codec of generateContent."""

import pytest

from tollway.translate.conversation import Request, Text, Tool, ToolCall, Turn
from tollway.translate.google_generate import Generate
from tollway.translate.told import Answer, Failed

HISTORY = (
    Turn("user", (Text(text="a"),)),
    Turn("assistant", (ToolCall(id="call_0", name="f", arguments="{}"),)),
)
CALLED = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]}


def test_an_id_that_is_made_is_none_of_the_conversations_and_stays_the_same() -> None:
    codec = Generate()
    codec.write_request(Request(model="m", turns=HISTORY), max_tokens=None)
    for _ in range(2):
        [call] = codec.read_answer(CALLED).parts
        assert isinstance(call, ToolCall) and call.id == "call_1"


def test_a_name_that_google_does_not_take_is_spelled_and_spelled_back() -> None:
    codec = Generate()
    request = Request(model="m", turns=HISTORY[:1], tools=(Tool(name="get it!"),))
    body = codec.write_request(request, max_tokens=None).body
    name = body["tools"][0]["functionDeclarations"][0]["name"]
    assert name != "get it!"
    called = {"candidates": [{"content": {"parts": [{"functionCall": {"name": name}}]}}]}
    [call] = codec.read_answer(called).parts
    assert isinstance(call, ToolCall) and call.name == "get it!"


def test_no_cap_is_made_up() -> None:
    body = Generate().write_request(Request(model="m", turns=HISTORY), max_tokens=4096).body
    assert "generationConfig" not in body


def test_an_answer_without_a_model_has_the_one_that_was_asked() -> None:
    assert Generate().write_answer(Answer(stop="end"), Request(model="m"))["modelVersion"] == "m"
    assert Generate().write_answer(Answer(stop="end", model="n"), Request(model="m"))["modelVersion"] == "n"


@pytest.mark.parametrize("failed", [Failed("m", "INTERNAL", None, 500)])
def test_an_answer_that_failed_is_an_error(failed: Failed) -> None:
    codec = Generate()
    assert codec.write_answer(Answer(failed=failed), Request(model="m")) == codec.write_error(failed)
    assert codec.read_error(500, codec.write_error(failed)) == failed
