import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.cohere_stream import CohereReader
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.usage import Usage

BILLED = {"billed_units": {"input_tokens": 5, "output_tokens": 9}, "tokens": {"input_tokens": 80, "output_tokens": 9}}


def read(*events: Any) -> CohereReader:
    reader = CohereReader()
    for event in events:
        reader.event(event if isinstance(event, bytes) else json.dumps(event).encode())
    return reader


def delta(kind: str, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": message}}


def test_text_thinking_plan_and_arguments_of_the_second_version_count() -> None:
    reader = read(
        {"type": "message-start", "id": "m1", "delta": {"message": {"role": "assistant", "content": []}}},
        delta("content-start", content={"type": "thinking", "thinking": ""}),
        delta("content-delta", content={"thinking": "hm"}),
        delta("content-delta", content={"text": "€"}),
        delta("tool-plan-delta", tool_plan="plan"),
        delta("tool-call-start", tool_calls={"id": "c", "function": {"name": "get", "arguments": ""}}),
        delta("tool-call-delta", tool_calls={"function": {"arguments": '{"a":1}'}}),
        delta("citation-start", citations={"start": 0, "text": "€"}),
    )
    assert reader.output_bytes == 2 + 3 + 4 + 3 + 7 + 2 * FRAMING_BYTES
    assert not reader.complete
    assert reader.report().usage is None


def test_the_second_version_ends_with_its_usage() -> None:
    reader = read(
        {"type": "message-start", "id": "m1"},
        {"type": "message-end", "delta": {"finish_reason": "MAX_TOKENS", "usage": BILLED}},
    )
    report = reader.report()
    assert reader.complete
    assert report.usage == Usage(input_tokens=5, output_tokens=9)
    assert (report.response_id, report.finish_reason) == ("m1", "MAX_TOKENS")


def test_the_first_version_ends_with_the_whole_answer() -> None:
    reader = read(
        {"is_finished": False, "event_type": "stream-start", "generation_id": "g"},
        {"is_finished": False, "event_type": "text-generation", "text": "Ahoy"},
        {
            "is_finished": True,
            "event_type": "stream-end",
            "finish_reason": "COMPLETE",
            "response": {"response_id": "r", "text": "Ahoy", "meta": BILLED},
        },
    )
    report = reader.report()
    assert reader.complete
    assert reader.output_bytes == 4 + FRAMING_BYTES
    assert report.usage == Usage(input_tokens=5, output_tokens=9)
    assert (report.response_id, report.finish_reason) == ("r", "COMPLETE")


def test_calls_of_the_first_version_count_once() -> None:
    piece = {
        "event_type": "tool-calls-chunk",
        "is_finished": False,
        "tool_call_delta": {"index": 0, "parameters": "{}"},
    }
    whole = {"event_type": "tool-calls-generation", "is_finished": False, "tool_calls": [{"name": "get"}]}
    in_pieces, at_once = read(piece), read(whole)
    both = read(piece, whole)
    assert in_pieces.output_bytes > FRAMING_BYTES
    assert at_once.output_bytes > FRAMING_BYTES
    assert both.output_bytes == in_pieces.output_bytes


def test_an_event_of_an_unknown_shape_still_gives_its_usage() -> None:
    odd = {"type": "message-end", "id": 7, "delta": {"usage": BILLED}}
    reader = CohereReader()
    assert not reader.event(json.dumps(odd).encode())
    assert reader.complete
    assert reader.report().usage == Usage(input_tokens=5, output_tokens=9)


def test_a_whole_answer_is_no_event() -> None:
    assert not CohereReader().event(json.dumps({"id": "x", "message": {"content": []}, "usage": BILLED}).encode())


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"null", b'{"type": 1}', b'{"delta": []}', b"[" * 5000]))
def test_no_bytes_break_it(data: bytes) -> None:
    reader = read(data)
    reader.report()
    assert reader.output_bytes >= 0
