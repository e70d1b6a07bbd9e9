"""The codec of Anthropic's messages."""

from tollway.translate.anthropic_messages import Messages
from tollway.translate.conversation import Request, Text, Tool, ToolCall, Turn
from tollway.translate.told import Answer, PartBegun

REQUEST = Request(model="m", turns=(Turn("user", (Text(text="Hello"),)),), tools=(Tool(name="my.tool"),))


def test_a_request_comes_back_as_it_was_written() -> None:
    request = Request(model="m", turns=REQUEST.turns, max_tokens=5, stop=("END",))
    written = Messages().write_request(request, max_tokens=99)
    assert Messages().read_request(written.body, model=None, stream=False) == request


def test_a_tool_is_called_by_the_name_that_the_caller_gave_it() -> None:
    codec = Messages()
    name = codec.write_request(REQUEST, max_tokens=5).body["tools"][0]["name"]
    assert name != "my.tool"
    block = {"type": "tool_use", "id": "c", "name": name, "input": {}}
    assert codec.read_answer({"content": [block]}).parts == (ToolCall(id="c", name="my.tool", arguments="{}"),)
    events = codec.stream_reader().read("", {"type": "content_block_start", "index": 0, "content_block": block})
    assert list(events) == [PartBegun(index=0, kind="tool_call", id="c", name="my.tool")]


def test_answers_and_errors_are_written() -> None:
    codec = Messages()
    assert codec.write_answer(Answer(id="a"), REQUEST)["type"] == "message"
    failed = codec.read_error(404, {"error": {"type": "not_found_error", "message": "No such model."}})
    assert codec.write_error(failed)["error"] == {"type": "not_found_error", "message": "No such model."}
    assert b"message_stop" in codec.stream_writer(REQUEST).finish()
