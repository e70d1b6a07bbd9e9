"""Whatever bytes arrive: no meter and no reader of answers ever raises, or changes a byte it should not."""

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.providers import sse
from tollway.providers.registry import codec_for
from tollway.request import Api
from tollway.usage import Report

APIS: tuple[Api, ...] = get_args(Api)
NAMES = re.findall(
    r"\w+",
    """choices delta content usage type message response item content_block candidates parts usageMetadata text data
    prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens input_tokens output_tokens
    promptTokenCount candidatesTokenCount finishReason index x_groq iterations model id output action created
    server_tool_use cache_creation tool_calls function arguments promptTokensDetails modality tokenCount""",
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([-1, 2**70, 1e300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)
relaxed = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def observe(api: Api, chunks: list[bytes], *, strip: bool) -> tuple[bytes, Report, int, bool]:
    meter = codec_for(api).meter(strip_usage=strip)
    passed = b"".join(meter.feed(chunk) for chunk in chunks) + meter.finish()
    return passed, meter.report(), meter.output_bytes, meter.complete


@given(st.binary(max_size=150), st.integers(0, 150))
def test_random_bytes_pass_unchanged_and_are_metered_alike_however_cut(stream: bytes, at: int) -> None:
    for api in APIS:
        whole = observe(api, [stream], strip=False)
        assert whole[0] == stream
        assert observe(api, [stream[:at], stream[at:]], strip=False) == whole
        assert observe(api, [stream], strip=True)[0] == stream
        assert isinstance(codec_for(api).read_answer(stream), Report)


@pytest.mark.parametrize("api", APIS)
def test_what_came_of_an_event_that_is_never_finished_counts_by_its_length(api: Api) -> None:
    meter = codec_for(api).meter(strip_usage=False)
    came = b'data: {"choices": [{"index": 0, "delta": {"content": "' + b"word " * 200
    meter.feed(came)
    assert meter.output_bytes >= 1000
    assert not meter.complete


@relaxed
@given(st.lists(values, max_size=4), st.booleans(), st.integers(0, 300))
def test_events_of_any_shape_never_raise(events: list[Any], arrays: bool, at: int) -> None:
    texts = [json.dumps(event).encode() for event in events]
    stream = b"[" + b",".join(texts) + b"]" if arrays else b"".join(b"data: " + text + b"\n\n" for text in texts)
    for api in APIS:
        whole = observe(api, [stream], strip=False)
        assert whole[0] == stream
        assert observe(api, [stream[:at], stream[at:]], strip=False) == whole
        for text in texts:
            assert isinstance(codec_for(api).read_answer(text), Report)


@relaxed
@given(values)
def test_usage_of_any_shape_is_a_report(usage: Any) -> None:
    for name in ("usage", "usageMetadata"):
        body = json.dumps({name: usage, "choices": usage, "candidates": usage, "output": usage}).encode()
        for api in APIS:
            report = codec_for(api).read_answer(body)
            if report.usage is not None:
                for field in report.usage.__struct_fields__:
                    count = getattr(report.usage, field)
                    assert count is None or (type(count) is int and abs(count) <= 3 * 10**12)


@pytest.mark.parametrize("api", ["openai.chat", "google.generate"])
def test_an_endless_event_does_not_fill_memory_and_still_bounds_the_output(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "_LIMIT_BYTES", 1000)
    meter = codec_for(api).meter(strip_usage=True)
    chunk = b'{"x": "' + b"y" * 93
    passed = b"".join(meter.feed(chunk) for _ in range(50)) + meter.finish()
    assert passed == chunk * 50 or api == "google.generate"
    assert meter.output_bytes >= 4500


def test_more_than_one_space_before_the_data_counts_the_same_however_it_is_cut() -> None:
    whole = observe("openai.other", [b"data:   {}  \r\n\n", b"data:   {}  \n\n"], strip=False)
    assert observe("openai.other", [b"da", b"ta:   {}  \r\n\nda", b"ta:   {}  \n\n"], strip=False) == whole
    assert whole[2] == 4


def test_a_stream_that_began_with_an_event_is_no_array_later_on() -> None:
    stream = b'data: {}\n\n{"candidates": [{}]}a'
    whole = observe("google.generate", [stream], strip=False)
    assert observe("google.generate", [stream[:10], stream[10:]], strip=False) == whole
