"""Anthropic messages: exclusive counts made inclusive, thinking budgets, what a block may hide."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Ask
from tollway.usage import Usage

CODEC = codec_for("anthropic.messages")


def ask(body: dict[str, Any]) -> Ask:
    found = CODEC.read_ask("/v1/messages", b"beta=true", b"application/json", json.dumps(body).encode())
    assert not isinstance(found, Malformed)
    return found


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://x"}}, "image by link"),
        ({"type": "document", "source": {"type": "url", "url": "https://x"}}, "document by link"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "document by id"),
        ({"type": "container_upload", "file_id": "f"}, "a content block of type container_upload"),
        ({"type": "something_new"}, "a content block of type something_new"),
        (
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]},
            "image by link",
        ),
        (
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "image", "source": {"type": "file"}}]},
            },
            "image by id",
        ),
    ],
)
def test_a_block_whose_size_the_body_does_not_show_is_unbounded(block: dict[str, Any], reason: str) -> None:
    assert ask(content({"type": "text", "text": "x"}, block)).unbounded == reason


def test_the_blocks_of_a_coding_agent_are_bounded() -> None:
    found = ask(
        content(
            {"type": "text", "text": "x"},
            {"type": "thinking", "thinking": "x", "signature": "s"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {"type": "url", "url": "https://x"}},
            {"type": "tool_result", "tool_use_id": "1", "content": "plain"},
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
            {"type": "document", "source": {"type": "text", "data": "plain"}},
            {"type": "web_search_tool_result", "content": {"type": "web_search_tool_result_error"}},
            {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "encrypted_content": "x"}]},
            {"type": "search_result", "source": "https://x", "content": [{"type": "text", "text": "x"}]},
        )
        | {"system": [{"type": "text", "text": "s"}], "tools": [{"name": "f", "input_schema": {}}]}
    )
    assert (found.unbounded, found.media_parts, found.paid_tools) == (None, 1, ())


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("web_search_20250305", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20250825", "code_execution"),
        ("mcp_toolset", "mcp"),
        ("something_new_20270101", "something_new"),
    ],
)
def test_a_tool_that_the_provider_runs_is_paid_and_unbounded(tool: str, name: str) -> None:
    found = ask({"tools": [{"type": tool, "name": "x"}]})
    assert (found.paid_tools, found.unbounded) == ((name,), name)


def test_a_built_in_tool_of_the_client_is_bounded_by_more_than_its_bytes() -> None:
    found = ask({"tools": [{"type": "memory_20250818", "name": "memory"}]})
    assert (found.paid_tools, found.unbounded) == ((), None)
    assert found.messages * 8 > 1581


def test_servers_and_containers_are_unbounded() -> None:
    assert ask({"mcp_servers": [{"type": "url", "url": "https://x"}]}).paid_tools == ("mcp",)
    assert ask({"container": "c_1"}).unbounded == "container"


LONG = {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize(
    "body",
    [
        {"cache_control": LONG},
        {"system": [{"type": "text", "text": "x", "cache_control": LONG}]},
        {"tools": [{"name": "f", "cache_control": LONG}]},
        content({"type": "text", "text": "x", "cache_control": LONG}),
        content({"type": "tool_result", "content": [{"type": "text", "text": "x", "cache_control": LONG}]}),
        {"messages": [{"content": 5}]},
    ],
)
def test_a_long_lived_cache_write_is_seen_wherever_it_stands(body: dict[str, Any]) -> None:
    assert ask(body).long_cache


def test_a_short_lived_cache_write_is_not_a_long_one() -> None:
    assert not ask(content({"type": "text", "text": "1h", "cache_control": {"type": "ephemeral"}})).long_cache


@pytest.mark.parametrize(
    ("body", "floor"),
    [
        ({"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 4000}}, 4001),
        ({"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 4000}}, 3000),
        ({"max_tokens": 9000, "thinking": {"type": "adaptive"}}, 0),
        ({"max_tokens": 9000, "thinking": {"type": "disabled"}}, 0),
        ({"max_tokens": 9000}, 0),
    ],
)
def test_the_smallest_cap_leaves_room_above_the_thinking_budget(body: dict[str, Any], floor: int) -> None:
    assert ask(body).floor_output_tokens == floor


def test_fast_mode_is_a_tier() -> None:
    assert ask({"speed": "fast"}).service_tier == "fast"
    assert ask({"service_tier": "standard_only"}).service_tier == "standard_only"
    report = CODEC.read_answer(
        b'{"usage": {"input_tokens": 1, "output_tokens": 1, "speed": "fast", "service_tier": "standard"}}'
    )
    assert report.service_tier == "fast"


def test_counts_are_made_inclusive_and_the_hour_is_kept_apart() -> None:
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": {"web_search_requests": 2},
    }
    assert CODEC.read_answer(json.dumps({"usage": usage}).encode()).usage == Usage(
        input_tokens=153,
        cache_read_input_tokens=100,
        cache_creation_input_tokens=50,
        cache_creation_1h_input_tokens=30,
        output_tokens=9,
        reasoning_output_tokens=4,
        web_searches=2,
    )


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode() for data in events)


START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 10, "output_tokens": 1}},
}


def test_a_stream_cut_before_its_counts_knows_its_input_but_not_its_output() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(stream(START, {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "héllo"}}))
    meter.finish()
    assert meter.report().usage == Usage(input_tokens=10)
    assert meter.report().response_model == "claude"
    assert (meter.output_bytes, meter.complete) == (6, False)


def test_the_last_cumulative_count_wins() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(
        stream(
            START,
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"input_tokens": 30, "output_tokens": 9},
            },
            {"type": "message_stop"},
        )
    )
    assert meter.report().usage == Usage(input_tokens=30, output_tokens=9)
    assert meter.report().finish_reason == "end_turn"
    assert meter.complete


def test_hidden_thinking_counts_by_its_signature_and_shown_thinking_once() -> None:
    meter = CODEC.meter(strip_usage=False)
    opened = stream({"type": "content_block_start", "content_block": {"type": "thinking", "thinking": ""}})
    signed = stream({"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "s" * 40}})
    meter.feed(opened)
    start = meter.output_bytes
    meter.feed(signed)
    assert meter.output_bytes - start == 40
    meter.feed(opened)
    start = meter.output_bytes
    meter.feed(
        stream({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "t" * 60}}) + signed
    )
    assert meter.output_bytes - start == 60


def test_an_overloaded_stream_is_not_complete() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(stream(START, {"type": "error", "error": {"type": "overloaded_error"}}))
    assert not meter.complete


def test_a_token_count_reads_its_model_and_reports_nothing() -> None:
    codec = codec_for("anthropic.count_tokens")
    found = codec.read_ask("/v1/messages/count_tokens", b"", b"", b'{"model": "claude"}')
    assert isinstance(found, Ask)
    assert found.model == "claude"
    assert codec.read_answer(b'{"input_tokens": 7}').usage is None


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}}, "a file"),
        ({"type": "document", "source": {"type": "base64", "data": "AA"}}, "a file"),
        ({"type": "image", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}}, "a file"),
        ({"type": "audio", "source": {"type": "base64", "media_type": "audio/mpeg", "data": "AA"}}, "audio"),
    ],
)
def test_inline_media_other_than_images_is_unbounded(block: dict[str, Any], reason: str) -> None:
    found = ask(content(block))
    assert (found.unbounded, found.media_parts) == (reason, 0)


@pytest.mark.parametrize(
    ("thinking", "reasons"),
    [
        (None, False),
        ({"type": "disabled"}, False),
        ({"type": "enabled", "budget_tokens": 2000}, True),
        ({"type": "adaptive"}, True),
        ({}, True),
    ],
)
def test_a_wish_for_thinking_is_seen(thinking: dict[str, Any] | None, reasons: bool) -> None:
    assert ask({"max_tokens": 4000, "thinking": thinking}).reasons == reasons
