"""The codec of OpenAI's Responses."""

from typing import Any

import pytest

from tollway.translate.conversation import Request, Text, Tool, Turn
from tollway.translate.openai_responses import Responses
from tollway.translate.told import Answer, Failed


def test_a_name_that_openai_does_not_take_is_spelled_and_spelled_back() -> None:
    codec = Responses()
    request = Request(model="m", turns=(Turn("user", (Text(text="a"),)),), tools=(Tool(name="get.it/now"),))
    name = codec.write_request(request, max_tokens=None).body["tools"][0]["name"]
    assert name != "get.it/now"
    answer = codec.read_answer({"output": [{"type": "function_call", "call_id": "c", "name": name, "arguments": "{}"}]})
    assert [part.name for part in answer.parts if hasattr(part, "name")] == ["get.it/now"]  # pyright: ignore


def test_no_cap_is_made_up() -> None:
    request = Request(model="m", turns=(Turn("user", (Text(text="a"),)),))
    assert "max_output_tokens" not in Responses().write_request(request, max_tokens=4096).body


def test_an_answer_without_a_model_has_the_one_that_was_asked() -> None:
    assert Responses().write_answer(Answer(stop="end"), Request(model="m"))["model"] == "m"
    assert Responses().write_answer(Answer(stop="end", model="n"), Request(model="m"))["model"] == "n"


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, Failed("m", "t", "c", 400)),
        ({"error": "m"}, Failed("m", "", None, 400)),
    ],
)
def test_an_error_is_read(body: dict[str, Any], failed: Failed) -> None:
    assert Responses().read_error(400, body) == failed


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (Failed("m", "overloaded_error", None, 529), "overloaded_error"),
        (Failed("m", "", None, 401), "authentication_error"),
        (Failed("m", "", None, 418), "invalid_request_error"),
        (Failed("m", "", None, 503), "server_error"),
        (Failed("m"), "server_error"),
    ],
)
def test_an_error_is_written_as_openai_writes_it(failed: Failed, kind: str) -> None:
    assert Responses().write_error(failed) == {"error": {"message": "m", "type": kind, "param": None, "code": None}}
