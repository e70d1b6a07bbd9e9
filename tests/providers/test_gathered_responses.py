import json
from typing import Any

import pytest

from tollway.providers.gathered import Gatherer, gatherer


def after(*events: dict[str, Any], raw: bytes = b"") -> Gatherer:
    found = gatherer("openai.responses")
    assert found is not None
    for event in events:
        found.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    found.feed(raw)
    return found


def response(**fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "output": [], "error": None, **fields}


ITEM = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}


@pytest.mark.parametrize("end", ["completed", "incomplete", "failed", "cancelled"])
def test_the_answer_is_the_response_of_the_last_event(end: str) -> None:
    started = {"type": "response.created", "response": response(status="in_progress")}
    found = after(started, {"type": f"response.{end}", "response": response(status=end, output=[ITEM])})
    assert found.complete
    assert json.loads(found.answer() or b"") == response(status=end, output=[ITEM])


def test_it_keeps_the_bytes_of_the_provider() -> None:
    found = after(raw=b'data: {"type":"response.completed","response":{"a" : 1.50,"output":[1]}}\n\n')
    assert found.answer() == b'{"a" : 1.50,"output":[1]}'


def test_an_end_that_does_not_repeat_the_items_is_given_those_of_the_stream() -> None:
    found = after(
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "b"}},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "a"}},
        {"type": "response.completed", "response": response(status="completed")},
    )
    assert json.loads(found.answer() or b"")["output"] == [{"type": "a"}, {"type": "b"}]


def test_an_end_mark_alone_is_no_end() -> None:
    found = after({"type": "response.created", "response": response(status="in_progress")}, raw=b"data: [DONE]\n\n")
    assert found.answer() is None
    assert not found.complete


def test_an_error_event_is_the_providers_error() -> None:
    found = after({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None})
    assert found.answer() is None
    assert found.error is not None
    assert found.error.status == 429
    assert json.loads(found.error.body)["error"]["message"] == "slow"
