"""Following OpenAI's chat and completions streams, and those of servers that nearly speak them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.openai_stream import FRAMING_BYTES, ChatReader, size
from tollway.usage import Report, Usage

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
READ = Usage(input_tokens=9, output_tokens=3)


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"id": "c1", "model": "gpt-4o-mini", "choices": list(choices), **more}).encode()


def delta(index: int = 0, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish_reason}


def follow(*chunks: bytes) -> ChatReader:
    reader = ChatReader()
    for each in chunks:
        reader.event(each)
    return reader


def test_the_usage_chunk_is_extra_only_where_it_carries_nothing_else() -> None:
    reader = ChatReader()
    assert reader.event(chunk(delta(content="hi"), usage=None)) is False
    assert reader.event(chunk(delta(content="hi"), usage=USAGE)) is False
    assert reader.event(chunk(usage=None)) is False
    assert reader.event(chunk(usage=USAGE)) is True
    assert reader.event(b'{"usage": {"prompt_tokens": 9}}') is False
    assert reader.event(b"[DONE]") is False


def test_a_stream_tells_its_names_first_and_its_usage_last() -> None:
    reader = follow(
        chunk(delta(content="hi"), service_tier="default"),
        chunk(delta(finish_reason="stop"), usage={"prompt_tokens": 1}),
        json.dumps({"id": "c2", "model": "other", "choices": [], "usage": USAGE, "service_tier": "flex"}).encode(),
        b"[DONE]",
    )
    assert reader.report() == Report(
        usage=READ, response_model="gpt-4o-mini", response_id="c1", service_tier="flex", finish_reason="stop"
    )
    assert reader.complete


def test_names_that_the_first_chunk_leaves_out_are_taken_from_the_one_with_the_usage() -> None:
    report = follow(b'{"id": "", "choices": []}', chunk(usage=USAGE)).report()
    assert (report.response_id, report.response_model) == ("c1", "gpt-4o-mini")


def test_a_usage_of_null_does_not_take_back_what_was_told() -> None:
    assert follow(chunk(usage=USAGE), chunk(delta(content="x"), usage=None)).report().usage == READ


def test_groq_tells_its_usage_under_a_name_of_its_own() -> None:
    first, last = chunk(delta(), x_groq={"id": "r"}), chunk(delta(finish_reason="stop"), x_groq={"usage": USAGE})
    assert follow(first).report().usage is None
    assert follow(first, last).report().usage == READ
    assert follow(chunk(delta(), x_groq={"usage": None})).report().usage is None


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"content": "hello"}, 5),
        ({"content": "ü€"}, 5),
        ({"content": None, "role": "assistant"}, 0),
        ({"content": [{"type": "text", "text": "x"}]}, len('[{"type":"text","text":"x"}]')),
        ({"refusal": "no"}, 2),
        ({"reasoning_content": "hmm"}, 3),
        ({"reasoning": "hmm"}, 3),
        # One thought under both names is one thought.
        ({"reasoning": "hmm", "reasoning_content": "hmm"}, 3),
        ({"reasoning": "hmmmm", "reasoning_content": "hmm", "content": "x", "refusal": "y"}, 7),
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}, FRAMING_BYTES + 1),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}, 4),
        ({"tool_calls": [{"index": 0}]}, 0),
        ({"tool_calls": [{"custom": {"input": "x"}}]}, len('{"input": "x"}')),
        ({"function_call": {"name": "f", "arguments": "{}"}}, FRAMING_BYTES + 3),
        ({"audio": {"data": "abc"}}, len('{"data": "abc"}')),
        ({"audio": None}, 0),
    ],
)
def test_what_is_generated_is_counted_in_bytes_of_utf_8(fields: dict[str, Any], counted: int) -> None:
    assert follow(chunk(delta(**fields))).output_bytes == FRAMING_BYTES + counted


def test_completions_give_their_text_beside_the_index() -> None:
    assert follow(chunk({"index": 0, "text": "hellö"})).output_bytes == FRAMING_BYTES + 6


def test_each_choice_is_framed_once() -> None:
    reader = follow(chunk(delta(0, content="a"), delta(1, content="b")), chunk(delta(0, content="c")))
    assert reader.output_bytes == 2 * FRAMING_BYTES + 3


def test_a_stream_is_complete_when_every_choice_has_ended_or_it_says_so() -> None:
    reader = follow(chunk(delta(0, content="a"), delta(1, content="b")))
    assert not reader.complete
    reader.event(chunk(delta(0, finish_reason="stop")))
    assert not reader.complete
    reader.event(chunk(delta(1, finish_reason="length")))
    assert reader.complete
    assert reader.report().finish_reason == "length"
    assert follow(b"[DONE]").complete


@pytest.mark.parametrize("odd", [b"not json", b"[1, 2]", b'{"choices": "none"}', b"\xff", b'"[DONE]"'])
def test_an_event_of_an_unknown_shape_counts_as_all_its_bytes(odd: bytes) -> None:
    reader = ChatReader()
    assert reader.event(odd) is False
    assert (reader.output_bytes, reader.complete) == (len(odd), False)


def test_the_usage_of_an_event_of_an_unknown_shape_still_counts() -> None:
    odd = json.dumps({"choices": {"0": {}}, "usage": USAGE, "model": "m"}).encode()
    report = follow(odd).report()
    assert (report.usage, report.response_model) == (READ, "m")
    assert follow(odd, b'{"choices": {}, "usage": "none"}').report().usage == READ


def test_a_stream_that_said_nothing_reports_nothing() -> None:
    assert ChatReader().report() == Report()


@given(st.text(max_size=40))
def test_text_is_as_large_as_it_is_in_utf_8(generated: str) -> None:
    assert size(generated) == len(generated.encode())


def test_half_a_surrogate_pair_has_a_size_too() -> None:
    assert size("\ud83d") == 3


@pytest.mark.parametrize("nothing", [None, "", []])
def test_nothing_has_no_size(nothing: Any) -> None:
    assert size(nothing) == 0


def test_usage_inside_the_last_choice_counts_where_there_is_no_other() -> None:
    first = chunk(delta(content="hi"))
    last = chunk({**delta(finish_reason="stop"), "usage": {**USAGE, "cached_tokens": 4}})
    reader = follow(first, last, b"[DONE]")
    assert reader.report().usage == Usage(input_tokens=9, output_tokens=3, cache_read_input_tokens=4)
    assert reader.complete
    for other in ((first, last, chunk(usage=USAGE)), (chunk(usage=USAGE), first, last)):
        assert follow(*other).report().usage == READ
    assert follow(first, chunk({**delta(finish_reason="stop"), "usage": None})).report().usage is None


def test_metas_own_stream_is_counted_and_metered() -> None:
    def event(**fields: Any) -> bytes:
        return json.dumps({"id": "c1", "event": fields}).encode()

    counts = [
        {"metric": "num_completion_tokens", "value": 3, "unit": "tokens"},
        {"metric": "num_prompt_tokens", "value": 9, "unit": "tokens"},
        {"metric": "num_total_tokens", "value": 12, "unit": "tokens"},
    ]
    call = {"type": "tool_call", "function": {"name": "f"}}
    shown = (
        event(event_type="start", delta={"type": "text", "text": ""}),
        event(event_type="progress", delta={"type": "text", "text": "hé"}),
        event(event_type="progress", delta=call),
    )
    reader = follow(*shown)
    assert reader.output_bytes == 3 + len(json.dumps(call))
    assert not reader.complete and reader.report().usage is None
    reader = follow(
        *shown,
        event(event_type="complete", delta={"type": "text", "text": ""}, stop_reason="stop"),
        event(event_type="metrics", metrics=counts),
    )
    assert reader.complete
    assert reader.report() == Report(usage=READ, response_id="c1", finish_reason="stop")


def test_lm_studios_own_stream_is_counted_and_metered() -> None:
    stats = {"input_tokens": 9, "total_output_tokens": 3, "reasoning_output_tokens": 2}
    shown = (b'{"type": "reasoning.delta", "content": "hm"}', b'{"type": "message.delta", "content": "abc"}')
    reader = follow(*shown)
    assert (reader.output_bytes, reader.complete) == (5, False)
    reader = follow(*shown, json.dumps({"type": "chat.end", "result": {"stats": stats}}).encode())
    assert reader.complete
    assert reader.report().usage == Usage(input_tokens=9, output_tokens=3, reasoning_output_tokens=2)


def of(completion: int, prompt: int = 9, total: int | None = None) -> dict[str, int]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
    }


@pytest.mark.parametrize("last", [of(0), of(1), of(0, 0), {}])
def test_what_a_stream_has_counted_is_not_taken_back(last: dict[str, int]) -> None:
    said = chunk(delta(content="text"))
    report = follow(said, chunk(usage=of(200)), chunk(usage=last), b"[DONE]").report()
    assert report.usage == Usage(input_tokens=9, output_tokens=200)
    assert (report.suspect is None) == (not last)


def test_no_output_that_was_told_before_the_text_is_not_believed() -> None:
    first, end = chunk(usage=of(0)), chunk(delta(finish_reason="stop"))
    for said in (delta(content="text"), delta(tool_calls=[{"index": 0, "function": {"name": "f"}}])):
        report = follow(first, chunk(said), end, b"[DONE]").report()
        assert report.usage == Usage(input_tokens=9)
        assert report.suspect is not None and "0 tokens" in report.suspect
    report = follow(first, chunk(delta(content="")), end, b"[DONE]").report()
    assert (report.usage, report.suspect) == (Usage(input_tokens=9, output_tokens=0), None)


def test_a_completion_may_say_its_prompt_again_and_make_nothing() -> None:
    report = follow(chunk({"index": 0, "text": "Once upon"}), chunk(usage=of(0))).report()
    assert (report.usage, report.suspect) == (Usage(input_tokens=9, output_tokens=0), None)


def test_the_thoughts_of_gemini_are_noted_at_the_end_of_a_stream() -> None:
    chunks = [
        chunk(delta(content="x"), model="gemini-2.5-flash", usage=of(made, total=103 + made)) for made in (1, 3, 10)
    ]
    report = follow(*chunks, b"[DONE]").report()
    assert report.usage == Usage(input_tokens=9, output_tokens=10)
    assert report.suspect is not None and "the 94 between them" in report.suspect


def test_a_stated_cost_is_the_one_that_was_told_last() -> None:
    report = follow(chunk(usage={**of(3), "cost": 0.002}), chunk(usage={**of(3), "cost": 0.001})).report()
    assert (report.stated_cost, report.suspect) == (1_000_000, None)
