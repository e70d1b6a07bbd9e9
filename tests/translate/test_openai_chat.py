"""The codec of OpenAI's chat."""

from tollway.translate.conversation import Request, Text, Tool, ToolCall, Turn
from tollway.translate.openai_chat import Chat
from tollway.translate.told import Answer, PartBegun

REQUEST = Request(model="m", turns=(Turn("user", (Text(text="Hello"),)),), tools=(Tool(name="my.tool"),))


def test_a_request_comes_back_as_it_was_written() -> None:
    request = Request(model="m", turns=REQUEST.turns, max_tokens=5, stop=("END",))
    written = Chat().write_request(request, max_tokens=99)
    assert Chat().read_request(written.body, model=None, stream=False) == request


def test_a_tool_is_called_by_the_name_that_the_caller_gave_it() -> None:
    codec = Chat()
    name = codec.write_request(REQUEST, max_tokens=None).body["tools"][0]["function"]["name"]
    assert name != "my.tool"
    call = {"index": 0, "id": "c", "function": {"name": name, "arguments": "{}"}}
    answer = codec.read_answer({"choices": [{"message": {"tool_calls": [call]}}]})
    assert answer.parts == (ToolCall(id="c", name="my.tool", arguments="{}"),)
    events = codec.stream_reader().read("", {"choices": [{"delta": {"tool_calls": [call]}}]})
    assert PartBegun(index=0, kind="tool_call", id="c", name="my.tool") in list(events)


def test_answers_and_errors_are_written() -> None:
    codec = Chat()
    assert codec.write_answer(Answer(id="a"), REQUEST)["object"] == "chat.completion"
    failed = codec.read_error(404, {"error": {"message": "No such model."}})
    assert codec.write_error(failed)["error"]["message"] == "No such model."
    assert codec.stream_writer(REQUEST).finish().endswith(b"data: [DONE]\n\n")
