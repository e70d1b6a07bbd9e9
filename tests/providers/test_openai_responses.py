"""OpenAI responses: stored context, tools the provider runs, searches billed by the call."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Ask
from tollway.usage import Usage

CODEC = codec_for("openai.responses")


def ask(body: dict[str, Any]) -> Ask:
    found = CODEC.read_ask("/v1/responses", b"", b"application/json", json.dumps(body).encode())
    assert not isinstance(found, Malformed)
    return found


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"prompt": ["pmpt_1"]}, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
        ({"input": [{"id": "msg_1"}]}, "item_reference"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "a stored reasoning item"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "web_search_call"),
        ({"input": [{"type": "message", "content": [{"type": "input_image", "file_id": "f"}]}]}, "a file by id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x"}]}]},
            "an image by link",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]}, "a file by link"),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_file", "file_id": "f"}]}]},
            "a file by id",
        ),
        (
            {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "file_id": "f"}}]},
            "a file by id",
        ),
        ({"input": [{"content": 5}]}, "input of an unknown shape"),
    ],
)
def test_context_that_the_body_does_not_show_is_unbounded(extra: dict[str, Any], reason: str) -> None:
    assert ask(extra).unbounded == reason


def test_the_input_of_a_coding_agent_is_bounded() -> None:
    items: list[dict[str, Any]] = [
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "done"},
        {"type": "message", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]},
    ]
    found = ask(
        {"input": items, "tools": [{"type": "function", "name": "f"}, {"type": "custom"}, {"type": "namespace"}]}
    )
    assert (found.unbounded, found.media_parts, found.paid_tools) == (None, 1, ())
    assert found.messages >= len(items) + 3


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("web_search", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("file_search", "file_search"),
        ("code_interpreter", "code_execution"),
        ("mcp", "mcp"),
        ("computer_use_preview", "computer"),
        ("image_generation", "image_generation"),
        ("something_new", "something_new"),
    ],
)
def test_a_tool_that_the_provider_runs_is_paid_and_unbounded(kind: str, name: str) -> None:
    found = ask({"input": "x", "tools": [{"type": kind}]})
    assert (found.paid_tools, found.unbounded) == ((name,), name)


def answer(*items: dict[str, Any]) -> bytes:
    return json.dumps(
        {"status": "completed", "output": items, "usage": {"input_tokens": 5, "output_tokens": 1}}
    ).encode()


def test_only_searches_are_billed_not_the_pages_that_are_opened() -> None:
    report = CODEC.read_answer(
        answer(
            {"type": "web_search_call", "action": {"type": "search"}},
            {"type": "web_search_call", "action": {"type": "open_page"}},
            {"type": "web_search_call", "action": {"type": "find_in_page"}},
            {"type": "web_search_call"},
            {"type": "file_search_call", "queries": ["a", "b"]},
            {"type": "message", "content": [{"text": "web_search_call"}]},
        )
    )
    assert report.usage == Usage(input_tokens=5, output_tokens=1, web_searches=2, file_searches=1)


def test_a_cut_stream_names_its_answer_and_counts_what_was_shown() -> None:
    meter = CODEC.meter(strip_usage=False)
    for data in (
        {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "usage": None}},
        {"type": "response.output_item.added", "item": {"type": "function_call", "name": "look"}},
        {"type": "response.function_call_arguments.delta", "delta": '{"é":1}'},
        {"type": "response.output_item.done", "item": {"type": "reasoning", "encrypted_content": "x" * 50}},
    ):
        meter.feed(b"event: x\ndata: " + json.dumps(data).encode() + b"\n\n")
    report = meter.report()
    assert (report.usage, report.response_id, report.response_model) == (None, "resp_1", "gpt-5")
    assert not meter.complete
    assert meter.output_bytes == 16 + 4 + 8 + 50


@pytest.mark.parametrize(
    ("told", "under_way"),
    [
        ({"status": "in_progress"}, None),
        ({"status": "in_progress", "background": False}, None),
        ({"status": "in_progress", "background": None}, None),
        ({"status": "in_progress", "background": True}, "in_progress"),
        ({"status": "queued"}, "queued"),
    ],
)
def test_only_an_answer_in_the_background_is_still_made_when_its_stream_is_cut(
    told: dict[str, Any], under_way: str | None
) -> None:
    meter = codec_for("openai.responses").meter(strip_usage=False)
    for event in (
        {"type": "response.created", "response": {"id": "r", "model": "gpt-4.1", "output": [], **told}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "word word"},
    ):
        meter.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    assert meter.report().finish_reason == under_way and meter.output_bytes >= len("word word")


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_each_end_of_a_stream_completes_it(kind: str) -> None:
    meter = CODEC.meter(strip_usage=False)
    data = {"type": f"response.{kind}", "response": {"status": kind, "usage": {"input_tokens": 5, "output_tokens": 1}}}
    meter.feed(b"data: " + json.dumps(data).encode() + b"\n\n")
    assert meter.complete
    assert meter.report().finish_reason == kind
    assert meter.report().usage == Usage(input_tokens=5, output_tokens=1)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"type": "input_file", "file_data": "data:application/pdf;base64,AAAA"}, "a file"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA"}}, "audio"),
        ({"type": "input_image", "image_url": "data:application/pdf;base64,AAAA"}, "a file"),
    ],
)
def test_inline_media_other_than_images_is_unbounded(part: dict[str, Any], reason: str) -> None:
    found = ask({"input": [{"role": "user", "content": [part]}]})
    assert (found.unbounded, found.media_parts) == (reason, 0)


@pytest.mark.parametrize(
    ("reasoning", "reasons"),
    [(None, False), ({"effort": "none"}, False), ({"effort": "high"}, True), ({"summary": "auto"}, True), ({}, True)],
)
def test_a_wish_for_reasoning_is_seen(reasoning: dict[str, Any] | None, reasons: bool) -> None:
    assert ask({"input": "x", "reasoning": reasoning}).reasons == reasons


@pytest.mark.parametrize("end", [{"output": []}, {"output": None}, {}])
def test_searches_that_only_the_stream_showed_are_billed(end: dict[str, Any]) -> None:
    meter = CODEC.meter(strip_usage=False)
    usage = {"input_tokens": 5, "output_tokens": 1}
    for data in (
        {"type": "response.output_item.added", "item": {"type": "web_search_call"}},
        {"type": "response.output_item.done", "item": {"type": "web_search_call", "action": {"type": "search"}}},
        {"type": "response.output_item.done", "item": {"type": "web_search_call", "action": {"type": "open_page"}}},
        {"type": "response.output_item.done", "item": {"type": "file_search_call", "queries": ["a"]}},
        {"type": "response.output_item.done", "item": {"type": "message", "content": []}},
        {"type": "response.completed", "response": {"status": "completed", "usage": usage, **end}},
    ):
        meter.feed(b"data: " + json.dumps(data).encode() + b"\n\n")
    assert meter.report().usage == Usage(input_tokens=5, output_tokens=1, web_searches=1, file_searches=1)


def test_searches_that_the_end_repeats_are_billed_once() -> None:
    meter = CODEC.meter(strip_usage=False)
    call = {"type": "web_search_call", "action": {"type": "search"}}
    end = json.loads(answer(call))
    for data in ({"type": "response.output_item.done", "item": call}, {"type": "response.completed", "response": end}):
        meter.feed(b"data: " + json.dumps(data).encode() + b"\n\n")
    assert meter.report().usage == Usage(input_tokens=5, output_tokens=1, web_searches=1)


def test_searches_that_the_usage_counts_are_kept() -> None:
    usage = {"input_tokens": 5, "output_tokens": 1, "tool_calls_details": {"search_web": {"invocation": 2}}}
    report = CODEC.read_answer(json.dumps({"output": [{"type": "search_results"}], "usage": usage}).encode())
    assert report.usage == Usage(input_tokens=5, output_tokens=1, web_searches=2)


def test_pictures_that_a_tool_makes_are_listed_and_counted() -> None:
    body = b'{"model": "gpt-5", "input": "draw", "tools": [{"type": "image_generation", "size": "1024x1024"}]}'
    asked = CODEC.read_ask("/v1/responses", b"", b"application/json", body)
    assert isinstance(asked, Ask) and asked.paid_tools == ("image_generation",)
    made = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}
    usage = CODEC.read_answer(answer(made, {"type": "web_search_call"}, made)).usage
    assert usage == Usage(input_tokens=5, output_tokens=1, web_searches=1, images=2)


def namespace(*tools: object) -> Ask | Malformed:
    body = {"model": "m", "input": "x", "tools": [{"type": "namespace", "name": "crm", "tools": list(tools)}]}
    return codec_for("openai.responses").read_ask("/v1/responses", b"", b"application/json", json.dumps(body).encode())


def test_a_namespace_holds_the_callers_functions_and_nothing_that_is_billed() -> None:
    found = namespace({"type": "function", "name": "f"}, {"type": "custom", "name": "g"})
    assert isinstance(found, Ask) and (found.paid_tools, found.unbounded) == ((), None)
    for tool in ({"type": "image_generation"}, {"type": "web_search"}, {"type": "namespace", "tools": []}, {}, 5):
        assert isinstance(namespace(tool), Malformed)


def test_a_stored_prompt_may_hold_any_tool_and_any_setting_of_reasoning() -> None:
    found = ask({"model": "gpt-4o-mini", "prompt": {"id": "pmpt_1"}})
    assert found.paid_tools == ("web_search", "file_search", "code_execution")
    assert found.uncapped == "a stored prompt, which may hold tools," and found.reasons
    plain = ask({"model": "gpt-4o-mini", "prompt": None, "input": "hi"})
    assert (plain.paid_tools, plain.uncapped, plain.reasons) == ((), None, False)


def test_what_is_made_in_the_background_is_not_all_seen() -> None:
    assert ask({"model": "gpt-4o", "input": "hi", "background": True}).hides
    assert not ask({"model": "gpt-4o", "input": "hi", "background": False}).hides
