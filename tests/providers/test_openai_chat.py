"""OpenAI chat and completions: what a request may hide, and what a stream tells."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask
from tollway.usage import Usage


def ask(body: dict[str, Any], api: Api = "openai.chat") -> Ask:
    found = codec_for(api).read_ask("/v1/chat/completions", b"", b"application/json", json.dumps(body).encode())
    assert not isinstance(found, Malformed)
    return found


def content(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": list(parts)}]}


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def test_the_fields_that_decide_cost_are_read() -> None:
    body = {
        "model": "gpt-5",
        "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": [{"type": "text", "text": "x"}]}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 100,
        "max_tokens": 200,
        "n": 3,
        "service_tier": "flex",
    }
    assert ask(body) == Ask(
        model="gpt-5",
        stream=True,
        max_output_tokens=200,
        choices=3,
        include_usage=True,
        messages=3,
        service_tier="flex",
    )


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "an image by link"),
        ({"type": "image_url", "image_url": "http://example.com/a.png"}, "an image by link"),
        ({"type": "image_url", "image_url": {"url": "gs://bucket/a.png"}}, "an image by link"),
        ({"type": "image_url", "image_url": None}, "an image by link"),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, "a video by link"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "a file by id"),
        ({"type": "file", "file": {"file_data": "https://example.com/a.pdf"}}, "a file by id"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}, "a file"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, "audio"),
        ({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}, "a video"),
        ({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AAAA"}}, "a file"),
        ({"type": "hologram", "hologram": {}}, "a content part of type hologram"),
    ],
)
def test_a_part_whose_size_the_body_does_not_show_makes_the_input_unbounded(part: dict[str, Any], reason: str) -> None:
    assert ask(content({"type": "text", "text": "x"}, part)).unbounded == reason


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": "DATA:image/png;base64,AAAA"},
    ],
)
def test_an_inline_image_is_counted_as_media(part: dict[str, Any]) -> None:
    found = ask(content(part, part))
    assert (found.unbounded, found.media_parts) == (None, 2)


def test_a_link_inside_plain_text_is_text() -> None:
    assert ask(content({"type": "text", "text": '{"type":"image_url","url":"https://example.com"}'})).unbounded is None


def test_messages_of_an_unknown_shape_are_unbounded_not_refused() -> None:
    assert ask({"messages": [{"content": {"deep": 1}}]}).unbounded == "messages of an unknown shape"
    assert ask({"messages": [{"content": 5}]}).unbounded == "messages of an unknown shape"


def test_an_earlier_answer_by_its_audio_is_unbounded() -> None:
    message = {"role": "assistant", "audio": {"id": "audio_1"}}
    assert ask({"messages": [message]}).unbounded == "an earlier answer's audio"
    assert ask({"messages": [{"role": "assistant", "content": "x", "audio": None}]}).unbounded is None


@pytest.mark.parametrize(
    ("extra", "tools"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, ()),
        ({"tools": [{"type": "openrouter:web_search"}]}, ("web_search",)),
        ({"tools": [{"type": "web_search_preview_2025_03_11"}]}, ("web_search",)),
        ({"web_search_options": {}}, ("web_search",)),
        ({"search_parameters": {}}, ("web_search",)),
        ({"search_parameters": {"mode": "on"}}, ("web_search",)),
        ({"search_parameters": "on"}, ("web_search",)),
        ({"search_parameters": {"mode": "off", "sources": []}}, ()),
        ({"search_parameters": None, "enable_search": False, "data_sources": []}, ()),
        ({"enable_search": True}, ("web_search",)),
        ({"data_sources": [{"type": "azure_search"}]}, ("web_search",)),
        ({"web_search": {"enable": True}}, ("web_search",)),
    ],
)
def test_tools_that_the_provider_runs_are_listed_and_unbounded(extra: dict[str, Any], tools: tuple[str, ...]) -> None:
    found = ask({"messages": [], **extra})
    assert found.paid_tools == tools
    assert (found.unbounded is None) == (not tools)


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        ({"prompt": "a"}, 1),
        ({"prompt": "a", "n": 2, "best_of": 5}, 5),
        ({"prompt": ["a", "b", "c"], "n": 2}, 6),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
    ],
)
def test_each_prompt_of_a_completion_is_answered_as_often_as_is_generated(body: dict[str, Any], choices: int) -> None:
    assert ask(body, "openai.completions").choices == choices


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_stripping_leaves_comments_errors_and_choices_with_usage() -> None:
    parts = [
        b": keep-alive\n\n",
        event({"choices": [], "prompt_filter_results": []}),
        event({"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": None}),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE}),
        b'event: error\ndata: {"error": {"message": "x"}}\n\n',
    ]
    extra = event({"choices": [], "usage": USAGE})
    stream = b"".join([*parts, b": last\n" + extra, b"data: [DONE]\n\n"])
    expected = b"".join([*parts, b": last\n", b"data: [DONE]\n\n"])
    for size in (1, 7, len(stream)):
        meter = codec_for("openai.chat").meter(strip_usage=True)
        cut = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert b"".join(map(meter.feed, cut)) + meter.finish() == expected
        assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)


def test_a_usage_event_that_the_stream_breaks_off_in_is_still_read_and_stripped() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=True)
    stream = event({"choices": [], "usage": USAGE}).rstrip()
    assert meter.feed(stream) + meter.finish() == b""
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)


def test_metering_gives_back_the_very_chunk_without_waiting() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    for chunk in (b"da", b'ta: {"choices"', b":[]}\n", b"\n", event({"choices": []})):
        assert meter.feed(chunk) is chunk
    assert meter.finish() == b""


@pytest.mark.parametrize(
    ("delta", "generated"),
    [
        ({"content": "abc"}, 3),
        ({"content": "é€😀"}, 9),
        ({"reasoning_content": "abc"}, 3),
        ({"reasoning": "abc", "reasoning_content": "abc"}, 3),
        ({"refusal": "no"}, 2),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}, 7),
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}, 17),
        ({"function_call": {"arguments": "12"}}, 2),
        ({"content": [{"type": "text", "text": "abc"}]}, 30),
        ({}, 0),
    ],
)
def test_every_kind_of_generated_text_is_counted_in_bytes(delta: dict[str, Any], generated: int) -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    meter.feed(event({"choices": [{"index": 0, "delta": {}}]}))
    before = meter.output_bytes
    meter.feed(event({"choices": [{"index": 0, "delta": delta}]}))
    assert meter.output_bytes - before == generated


def test_an_event_of_an_unknown_shape_counts_whole() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    odd = {"choices": [{"index": 0, "delta": {"content": {"odd": 1}}}], "usage": USAGE}
    meter.feed(event(odd))
    assert meter.output_bytes == len(json.dumps(odd))
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)


def test_the_last_usage_wins_and_a_null_one_does_not_erase_it() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    for usage in ({"prompt_tokens": 1, "completion_tokens": 1}, USAGE, None):
        meter.feed(event({"choices": [], "usage": usage}))
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)


def test_several_choices_are_complete_when_the_last_one_ends() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    for index, reason in ((0, None), (1, None), (0, "stop")):
        meter.feed(event({"choices": [{"index": index, "delta": {"content": "a"}, "finish_reason": reason}]}))
    assert not meter.complete
    meter.feed(event({"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}))
    assert meter.complete
    assert meter.report().finish_reason == "length"


def test_an_answer_in_plain_json_instead_of_a_stream_is_read_whole() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    body = json.dumps({"id": "c", "model": "m", "usage": USAGE, "choices": [{"finish_reason": "stop"}]}).encode()
    meter.feed(body[:20])
    meter.feed(body[20:])
    meter.finish()
    report = meter.report()
    assert (report.usage, report.response_model, report.finish_reason) == (
        Usage(input_tokens=3, output_tokens=2),
        "m",
        "stop",
    )
    assert meter.complete


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 12.0, "completion_tokens": "7"}, Usage(input_tokens=12, output_tokens=7)),
        ({"prompt_tokens": 12, "completion_tokens": None}, Usage(input_tokens=12)),
        (
            {"prompt_tokens": 12, "prompt_tokens_details": None, "completion_tokens": 1},
            Usage(input_tokens=12, output_tokens=1),
        ),
        # DeepSeek and Moonshot name their cache hits otherwise.
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4},
            Usage(input_tokens=9, output_tokens=1, cache_read_input_tokens=4),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 4},
            Usage(input_tokens=9, output_tokens=1, cache_read_input_tokens=4),
        ),
        # xAI leaves reasoning out of the completion, and the total shows it.
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 303,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            Usage(input_tokens=12, output_tokens=291, reasoning_output_tokens=290),
        ),
    ],
)
def test_the_dialects_of_compatible_servers_are_understood(usage: dict[str, Any], expected: Usage) -> None:
    report = codec_for("openai.chat").read_answer(json.dumps({"usage": usage}).encode())
    assert (report.usage, report.suspect) == (expected, None)


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        ({"prompt_tokens": -4, "completion_tokens": 1}, "cannot be negative"),
        ({"prompt_tokens": 1e30, "completion_tokens": 1}, "which no call can be"),
        ({"prompt_tokens": 10**40, "completion_tokens": 1}, "which no call can be"),
        ({"prompt_tokens": 500_000_000, "completion_tokens": 1}, "which no call can be"),
        (
            {"prompt_tokens": 4, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}},
            "exceed input_tokens 4",
        ),
        (
            {"prompt_tokens": 4, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 9}},
            "exceed output_tokens 1",
        ),
        ({"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 3}, "total_tokens is 3"),
    ],
)
def test_usage_that_cannot_be_right_is_kept_and_suspected(usage: dict[str, Any], says: str) -> None:
    report = codec_for("openai.chat").read_answer(json.dumps({"usage": usage}).encode())
    assert report.usage is not None
    assert says in (report.suspect or "")
    assert report.usage.output_tokens == 1


@pytest.mark.parametrize(
    ("extra", "reasons"),
    [
        ({}, False),
        ({"reasoning_effort": None}, False),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning": {"max_tokens": 9}}, True),
        ({"thinking": {"type": "enabled"}}, True),
    ],
)
@pytest.mark.parametrize("api", ["openai.chat", "openai.completions"])
def test_a_wish_for_reasoning_is_seen(api: Api, extra: dict[str, Any], reasons: bool) -> None:
    assert ask({"model": "m", "messages": [], "prompt": "x", **extra}, api).reasons == reasons


@pytest.mark.parametrize(
    ("extra", "substitutes"),
    [
        ({}, False),
        ({"models": [], "route": "", "plugins": None}, False),
        ({"models": ["anthropic/claude-opus-4"]}, True),
        ({"route": "fallback"}, True),
        ({"plugins": [{"id": "web"}]}, True),
        ({"plugins": {"id": "web"}}, True),
        ({"preset": "dear"}, True),
        ({"model": "openai/gpt-4o@preset/dear"}, True),
        ({"deferred": True}, True),
        ({"deferred": False, "preset": ""}, False),
    ],
)
@pytest.mark.parametrize("api", ["openai.chat", "openai.completions", "openai.responses"])
def test_what_may_be_served_beside_the_named_model_is_seen(api: Api, extra: dict[str, Any], substitutes: bool) -> None:
    assert ask({"model": "m", "messages": [], "prompt": None, **extra}, api).substitutes == substitutes


def test_metas_own_answer_is_read() -> None:
    answer = {
        "id": "c1",
        "completion_message": {"content": {"type": "text", "text": "hi"}, "stop_reason": "stop"},
        "metrics": [
            {"metric": "num_completion_tokens", "value": 25, "unit": "tokens"},
            {"metric": "num_prompt_tokens", "value": 19, "unit": "tokens"},
            {"metric": "num_total_tokens", "value": 44, "unit": "tokens"},
        ],
    }
    report = codec_for("openai.chat").read_answer(json.dumps(answer).encode())
    assert (report.usage, report.finish_reason, report.suspect) == (
        Usage(input_tokens=19, output_tokens=25),
        "stop",
        None,
    )


@pytest.mark.parametrize(
    ("model", "extra", "known"),
    [
        ("gpt-4o-search-preview", {}, Usage(web_searches=1)),
        ("openai/gpt-4o-mini-search-preview-2025-03-11", {}, Usage(web_searches=1)),
        ("gpt-5-search-api", {}, Usage(web_searches=1)),
        ("gpt-4o", {"web_search_options": {}}, Usage(web_searches=1)),
        ("gpt-4o", {"search_parameters": {"mode": "on"}}, None),
        ("gpt-4o", {"web_search_options": None}, None),
        ("text-search-previews", {}, None),
    ],
)
def test_the_one_search_of_an_answer_that_no_answer_tells_is_known(
    model: str, extra: dict[str, Any], known: Usage | None
) -> None:
    found = ask({"model": model, "messages": [], **extra})
    assert found.known == known
    assert known is None or (found.paid_tools, found.unbounded) == (("web_search",), "web_search")


def test_an_agent_answers_with_the_model_that_it_was_made_with() -> None:
    def read(path: str, body: bytes) -> Ask | Malformed:
        return codec_for("openai.chat").read_ask(path, b"", b"application/json", body)

    path = "/v1/agents/completions"
    found = read(path, b'{"agent_id": "ag_1", "messages": []}')
    assert isinstance(found, Ask) and found.model is None and found.substitutes
    both = read(path, b'{"agent_id": "ag_1", "model": "mistral-small-latest", "messages": []}')
    assert isinstance(both, Malformed) and "agent_id and model" in both.message
    elsewhere = read("/v1/chat/completions", b'{"agent_id": "ag_1", "model": "m", "messages": []}')
    assert isinstance(elsewhere, Ask) and (elsewhere.model, elsewhere.substitutes) == ("m", False)


@pytest.mark.parametrize("prediction", [{"type": "content", "content": "é" * 500}, {"content": [{"text": "x" * 900}]}])
def test_a_prediction_hides_what_was_rejected_of_it_and_counts_by_its_bytes(prediction: dict[str, Any]) -> None:
    found = ask({"model": "gpt-4o", "messages": [], "prediction": prediction})
    assert found.hides and found.predicted_bytes >= 900 and not found.reasons
    for none in (None, {}):
        plain = ask({"model": "gpt-4o", "messages": [], "prediction": none})
        assert (plain.hides, plain.predicted_bytes) == (False, 0)


def test_a_prediction_of_no_known_shape_is_refused() -> None:
    codec = codec_for("openai.chat")
    found = codec.read_ask("/v1/chat/completions", b"", b"", b'{"model": "gpt-4o", "prediction": "text"}')
    assert isinstance(found, Malformed) and "prediction" in found.message
