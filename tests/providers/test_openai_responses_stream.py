"""Following a responses stream: what it shows is counted once, whichever event shows it."""

import json
from typing import Any

import pytest

from tollway.providers.openai_responses_stream import ResponsesReader

TEXT = "The quick brown fox. " * 100
MESSAGE = {
    "type": "message",
    "id": "m",
    "role": "assistant",
    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
}
CALL = {"type": "function_call", "id": "f", "call_id": "c", "name": "look_up", "arguments": TEXT}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 1, **fields}


def follow(*events: dict[str, Any]) -> ResponsesReader:
    reader = ResponsesReader()
    for each in events:
        assert reader.event(json.dumps(each).encode()) is False
    return reader


def ended(*items: dict[str, Any], usage: Any = None) -> dict[str, Any]:
    return event("completed", response={"id": "r", "status": "completed", "output": list(items), "usage": usage})


@pytest.mark.parametrize(
    "events",
    [
        (event("output_text.done", output_index=0, content_index=0, text=TEXT),),
        (event("function_call_arguments.done", output_index=0, item_id="f", arguments=TEXT),),
        (event("custom_tool_call_input.done", output_index=0, input=TEXT),),
        (event("reasoning_summary_text.done", output_index=0, summary_index=0, text=TEXT),),
        (event("something_new.done", output_index=0, something=TEXT),),
        (event("something_new", output_index=0, something={"said": TEXT}),),
        (event("output_item.done", output_index=0, item=MESSAGE),),
        (event("output_item.done", output_index=0, item=CALL),),
        (event("output_item.done", output_index=0, item={"type": "something_new", "id": "s", "made": TEXT}),),
        (
            event("output_text.done", output_index=0, text=TEXT),
            event("content_part.done", output_index=0, part={"text": TEXT}),
        ),
        (event("output_text.done", output_index=0, text=TEXT), event("output_item.done", output_index=0, item=MESSAGE)),
        (event("output_item.done", output_index=0, item=MESSAGE), ended(MESSAGE)),
        (ended(MESSAGE),),
        (ended(CALL, MESSAGE | {"content": []}),),
    ],
)
def test_text_that_no_delta_has_shown_is_counted_once(events: tuple[dict[str, Any], ...]) -> None:
    assert len(TEXT) <= follow(*events).output_bytes < len(TEXT) + 200


@pytest.mark.parametrize(
    "after",
    [
        event("output_text.done", output_index=0, content_index=0, text=TEXT),
        event("content_part.done", output_index=0, content_index=0, part={"type": "output_text", "text": TEXT}),
        event("output_item.done", output_index=0, item=MESSAGE),
        ended(MESSAGE),
        ended(MESSAGE, usage={"input_tokens": 5, "output_tokens": 400}),
    ],
)
def test_text_that_deltas_have_shown_is_not_counted_again(after: dict[str, Any]) -> None:
    deltas = [event("output_text.delta", output_index=0, delta=TEXT[at : at + 50]) for at in range(0, len(TEXT), 50)]
    assert follow(*deltas).output_bytes == follow(*deltas, after).output_bytes == len(TEXT)
    # A server that does not say which item it is about shows one after the other.
    unnamed = [{**each, "output_index": None} for each in deltas]
    assert follow(*unnamed, {**after, "output_index": None}).output_bytes == len(TEXT)


def test_each_item_is_looked_at_by_itself() -> None:
    shown = event("output_text.delta", output_index=0, delta=TEXT)
    other = event("function_call_arguments.delta", output_index=2, delta=TEXT)
    hidden = event("function_call_arguments.done", output_index=1, arguments=TEXT)
    reader = follow(shown, other, shown, hidden, event("output_text.done", output_index=0, text=TEXT))
    assert 4 * len(TEXT) <= reader.output_bytes < 4 * len(TEXT) + 50


@pytest.mark.parametrize(
    "item",
    [
        {"type": "image_generation_call", "id": "i", "status": "completed", "result": TEXT},
        {"type": "file_search_call", "id": "i", "status": "completed", "results": [{"text": TEXT}]},
        {"type": "mcp_list_tools", "id": "i", "server_label": "s", "tools": [{"name": TEXT}]},
        {"type": "code_interpreter_call", "id": "i", "container_id": "c", "outputs": [{"logs": TEXT}]},
    ],
)
def test_what_the_providers_tools_gave_back_is_no_output(item: dict[str, Any]) -> None:
    assert follow(event("output_item.done", output_index=0, item=item)).output_bytes == 0


def test_events_that_only_tell_of_progress_hold_no_text() -> None:
    progress = [
        event("queued", response={"status": "queued"}),
        event("in_progress", response={"status": "in_progress"}),
        event("web_search_call.searching", output_index=0, item_id="ws"),
        event(
            "content_part.added", output_index=0, content_index=0, item_id="m", part={"type": "output_text", "text": ""}
        ),
        event("image_generation_call.partial_image", output_index=0, partial_image_b64=TEXT, partial_image_index=0),
        {"type": "error", "code": "server_error", "message": TEXT, "param": None, "sequence_number": 1},
    ]
    assert follow(*progress).output_bytes == 0
