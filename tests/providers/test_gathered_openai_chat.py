import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from tollway.providers.gathered import gatherer
from tollway.request import Api

TOP = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
DONE = b"data: [DONE]\n\n"


def sent(*events: dict[str, Any], api: Api = "openai.chat", done: bytes = DONE) -> bytes | None:
    found = gatherer(api)
    assert found is not None
    for event in events:
        found.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    found.feed(done)
    return found.answer()


def answered(*events: dict[str, Any], api: Api = "openai.chat", done: bytes = DONE) -> dict[str, Any]:
    body = sent(*events, api=api, done=done)
    assert body is not None
    if api == "openai.chat":
        ChatCompletion.construct(**json.loads(body))
    return json.loads(body)


def chunk(delta: dict[str, Any], finish_reason: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": more.pop("logprobs", None), "finish_reason": finish_reason}
    return {**TOP, "choices": [choice], **more}


def test_the_answer_has_the_fields_of_a_whole_one_in_their_order() -> None:
    body = sent(
        chunk({"role": "assistant", "content": "", "refusal": None}, service_tier="default", system_fingerprint="fp"),
        chunk({"content": "Hel"}, service_tier="default", system_fingerprint="fp", obfuscation="xy"),
        chunk({"content": "lo"}, system_fingerprint="fp"),
        chunk({}, "stop", usage=None),
        {**TOP, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    )
    assert body == (
        b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,'
        b'"finish_reason":"stop"}],"service_tier":"default","system_fingerprint":"fp",'
        b'"usage":{"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}'
    )
    ChatCompletion.model_validate_json(body)


def test_choices_that_come_mixed_are_told_apart_and_put_in_order() -> None:
    answer = answered(
        chunk({"role": "assistant", "content": "b"}, index=1),
        chunk({"role": "assistant", "content": "a"}, index=0),
        chunk({"content": "B"}, index=1),
        chunk({"content": "A"}, index=0),
        chunk({}, "length", index=1),
        chunk({}, "stop", index=0),
    )
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in answer["choices"]] == [
        (0, "aA", "stop"),
        (1, "bB", "length"),
    ]


def call(index: int | None, **fields: Any) -> dict[str, Any]:
    return {**({} if index is None else {"index": index}), **fields}


def test_calls_are_merged_by_index_and_their_arguments_put_together() -> None:
    answer = answered(
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [call(1, id="b", type="function", function={"name": "g", "arguments": ""})]}),
        chunk({"tool_calls": [call(0, id="a", type="function", function={"name": "f", "arguments": ""})]}),
        chunk({"tool_calls": [call(0, function={"arguments": '{"x"'}), call(1, function={"arguments": "{"})]}),
        chunk({"tool_calls": [call(1, function={"arguments": "}"}), call(0, function={"arguments": ":1}"})]}),
        chunk({}, "tool_calls"),
    )
    message = answer["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


@pytest.mark.parametrize("index", [0, None])
def test_whole_calls_with_one_index_or_none_are_told_apart_by_their_ids(index: int | None) -> None:
    answer = answered(
        chunk({"tool_calls": [call(index, id="a", function={"name": "f", "arguments": "{}"})]}),
        chunk({"tool_calls": [call(index, id="b", function={"name": "f", "arguments": '{"y"'})]}),
        chunk({"tool_calls": [call(index, function={"arguments": ":2}"})]}),
        chunk({}, "tool_calls"),
    )
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert [(one["id"], one["function"]["arguments"]) for one in calls] == [("a", "{}"), ("b", '{"y":2}')]


def test_a_new_id_with_each_piece_of_the_arguments_is_no_new_call() -> None:
    answer = answered(
        chunk({"tool_calls": [call(0, id="a", function={"name": "f", "arguments": "{"})]}),
        chunk({"tool_calls": [call(0, id="b", function={"name": None, "arguments": "}"})]}),
        chunk({}, "tool_calls"),
    )
    (one,) = answer["choices"][0]["message"]["tool_calls"]
    assert one["function"] == {"name": "f", "arguments": "{}"}


def test_a_call_without_arguments_has_an_empty_string_of_them() -> None:
    answer = answered(chunk({"tool_calls": [call(0, id="a", function={"name": "f", "arguments": None})]}, "tool_calls"))
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == ""


def test_a_custom_tools_input_and_the_old_function_call_are_put_together() -> None:
    answer = answered(
        chunk({"tool_calls": [call(0, id="a", type="custom", custom={"name": "sql", "input": "SEL"})]}),
        chunk({"tool_calls": [call(0, custom={"input": "ECT"})], "function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}, "tool_calls"),
    )
    message = answer["choices"][0]["message"]
    assert message["tool_calls"] == [{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT"}}]
    assert message["function_call"] == {"name": "f", "arguments": "{}"}


def test_refusal_reasoning_and_fields_that_nobody_knows_yet_are_put_together() -> None:
    answer = answered(
        chunk({"role": "assistant", "refusal": "I ", "reasoning_content": "th", "new": "a", "flag": False}),
        chunk({"refusal": "can't", "reasoning_content": "ink", "new": "b", "flag": True, "role": "assistant"}),
        chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]}),
        chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "v"}}]}, "stop"),
    )
    assert answer["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "I can't",
        "reasoning_content": "think",
        "new": "ab",
        "flag": True,
        "annotations": [
            {"type": "url_citation", "url_citation": {"url": "u"}},
            {"type": "url_citation", "url_citation": {"url": "v"}},
        ],
    }


def test_details_of_reasoning_are_merged_by_index_and_type() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        return {"reasoning_details": [{"type": "reasoning.text", "format": "f-v1", "index": 0, **fields}]}

    answer = answered(
        chunk(detail(text="a")), chunk(detail(text="b")), chunk(detail(signature="s")), chunk({"content": "x"}, "stop")
    )
    assert answer["choices"][0]["message"]["reasoning_details"] == [
        {"type": "reasoning.text", "format": "f-v1", "index": 0, "text": "ab", "signature": "s"}
    ]


def test_log_probabilities_are_one_list_with_the_digits_they_came_in() -> None:
    found = gatherer("openai.chat")
    assert found is not None
    for token, number in ((b"a", b"-0.10000000000000000555"), (b"b", b"-1e-7")):
        found.feed(
            b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"logprobs":{"content":[{"token":"%s","logprob":%s,'
            b'"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}\n\n' % (token, token, number)
        )
    found.feed(b'data: {"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n')
    assert found.complete
    body = found.answer()
    assert body is not None
    assert (
        b'"logprobs":{"content":[{"token":"a","logprob":-0.10000000000000000555,"top_logprobs":[]},'
        b'{"token":"b","logprob":-1e-7,"top_logprobs":[]}],"refusal":null}' in body
    )


def test_audio_in_pieces_is_one_recording() -> None:
    answer = answered(
        chunk({"role": "assistant", "audio": {"id": "audio_1", "transcript": "he"}}),
        chunk({"audio": {"data": b64encode(b"1234").decode(), "transcript": "llo"}}),
        chunk({"audio": {"data": b64encode(b"56").decode()}}),
        chunk({"audio": {"expires_at": 99}}, "stop"),
    )
    audio = answer["choices"][0]["message"]["audio"]
    assert b64decode(audio["data"], validate=True) == b"123456"
    assert (audio["id"], audio["transcript"], audio["expires_at"]) == ("audio_1", "hello", 99)


def test_thoughts_among_the_content_are_parts_of_their_own() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}

    answer = answered(
        chunk({"role": "assistant", "content": ""}),
        chunk(thought("hm")),
        chunk(thought("mm")),
        chunk({"content": "yes"}),
        chunk({"content": [{"type": "text", "text": "!"}, {"type": "reference", "reference_ids": [1]}]}),
        chunk({"content": ""}, "stop"),
    )
    assert answer["choices"][0]["message"]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hmmm"}]},
        {"type": "text", "text": "yes!"},
        {"type": "reference", "reference_ids": [1]},
    ]


def test_text_before_the_first_part_is_not_lost() -> None:
    answer = answered(chunk({"content": "a"}), chunk({"content": [{"type": "text", "text": "b"}]}, "stop"))
    assert answer["choices"][0]["message"]["content"] == [{"type": "text", "text": "ab"}]


def test_a_delta_that_is_repeated_as_a_message_counts_once() -> None:
    twice = {"index": 0, "delta": {"content": "a"}, "message": {"content": "a"}, "finish_reason": "stop"}
    assert answered({**TOP, "choices": [twice]})["choices"][0]["message"]["content"] == "a"
    once = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    assert answered({**TOP, "choices": [once]})["choices"][0]["message"]["content"] == "a"


def test_groqs_usage_stands_where_a_whole_answer_has_it() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    answer = answered(
        chunk({"content": "a"}, x_groq={"id": "req_1", "seed": 7}),
        chunk({}, "stop", x_groq={"id": "req_1", "usage": usage, "usage_breakdown": {"models": []}}),
    )
    assert answer["x_groq"] == {"id": "req_1", "seed": 7}
    assert (answer["usage"], answer["usage_breakdown"]) == (usage, {"models": []})


def test_moonshots_usage_in_a_choice_stands_where_a_whole_answer_has_it() -> None:
    event = chunk({"content": "a"}, "stop")
    event["choices"][0]["usage"] = {"prompt_tokens": 1}
    answer = answered(event)
    assert answer["usage"] == {"prompt_tokens": 1}
    assert "usage" not in answer["choices"][0]


def test_filter_results_and_other_fields_of_a_choice_are_the_last_that_say_something() -> None:
    first = chunk({"content": "a"}, prompt_filter_results=[{"prompt_index": 0}])
    first["choices"][0]["content_filter_results"] = {"hate": {"severity": "safe"}}
    last = chunk({}, "stop")
    last["choices"][0]["content_filter_results"] = {}
    answer = answered({**first, "id": "", "model": ""}, last)
    assert answer["choices"][0]["content_filter_results"] == {"hate": {"severity": "safe"}}
    assert answer["prompt_filter_results"] == [{"prompt_index": 0}]
    assert (answer["id"], answer["model"]) == (TOP["id"], TOP["model"])


def test_without_the_end_of_every_choice_or_the_end_mark_there_is_no_answer() -> None:
    one, other = chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1)
    assert sent(one, done=b"") is not None
    assert sent(one, other, done=b"") is None
    assert sent(one, other) is not None
    assert sent({**TOP, "choices": []}) is None


def test_completions_are_text_with_lists_of_log_probabilities() -> None:
    def piece(text: str, index: int = 0, finish_reason: str | None = None) -> dict[str, Any]:
        logprobs = {"tokens": [text], "token_logprobs": [None], "top_logprobs": [{text: -1.5}], "text_offset": [3]}
        choice = {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "choices": [choice], "model": "davinci-002"}

    answer = answered(
        piece("a"), piece("x", 1), piece("b", 0, "stop"), piece("y", 1, "length"), api="openai.completions"
    )
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [
        {
            "text": "ab",
            "index": 0,
            "logprobs": {
                "tokens": ["a", "b"],
                "token_logprobs": [None, None],
                "top_logprobs": [{"a": -1.5}, {"b": -1.5}],
                "text_offset": [3, 3],
            },
            "finish_reason": "stop",
        },
        {
            "text": "xy",
            "index": 1,
            "logprobs": {
                "tokens": ["x", "y"],
                "token_logprobs": [None, None],
                "top_logprobs": [{"x": -1.5}, {"y": -1.5}],
                "text_offset": [3, 3],
            },
            "finish_reason": "length",
        },
    ]


pieces = st.lists(
    st.tuples(st.sampled_from(["a", "\u00e4", "", None]), st.integers(0, 1), st.sampled_from([None, "x", "y"])),
    max_size=8,
)


@given(pieces)
def test_the_quick_way_through_usual_chunks_and_the_long_one_end_alike(pieces: list[Any]) -> None:
    usual = [
        chunk({"content": text}, index=index, service_tier=tier, system_fingerprint="fp")
        for text, index, tier in pieces
    ]
    # An order that nothing else depends on, and a field more in each choice, which no usual chunk has.
    unusual = [{**one, "choices": [{**one["choices"][0], "more": None}]} for one in usual]
    quick, long = sent(*usual), sent(*unusual)
    assert (quick is None) == (long is None) == (not pieces)
    if quick is not None and long is not None:
        expected = json.loads(long)
        for choice in expected["choices"]:
            del choice["more"]
        assert json.loads(quick) == expected


@pytest.mark.parametrize("odd", [1, None, "x", [], {"usage": 3}])
def test_a_field_that_changes_its_kind_in_the_middle_is_taken_as_it_is_last(odd: Any) -> None:
    answer = answered(chunk({"content": "a"}, x_groq=odd), chunk({}, "stop", x_groq={"id": "r"}))
    assert answer["x_groq"]["id"] == "r"
    answered(chunk({"content": "a"}, x_groq={"id": "r"}), chunk({}, "stop", x_groq=odd))
