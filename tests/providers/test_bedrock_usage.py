"""What Bedrock's answers say of themselves, whole."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.bedrock_usage import read_converse, read_invoke, read_usage, tier_of
from tollway.usage import Usage

HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-amzn-bedrock-input-token-count", b"10"),
    (b"x-amzn-bedrock-output-token-count", b"4"),
]
CACHED = [
    *HEADERS,
    (b"x-amzn-bedrock-cache-read-input-token-count", b"100"),
    (b"x-amzn-bedrock-cache-write-input-token-count", b"20"),
]


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, Usage(input_tokens=3, output_tokens=2)),
        (
            {"inputTokens": 14, "outputTokens": 5, "totalTokens": 1522, "cacheWriteInputTokens": 1503},
            Usage(input_tokens=1517, output_tokens=5, cache_creation_input_tokens=1503),
        ),
        (
            # A total that leaves the cache out.
            {"inputTokens": 14, "outputTokens": 5, "totalTokens": 19, "cacheReadInputTokens": 1503},
            Usage(input_tokens=1517, output_tokens=5, cache_read_input_tokens=1503),
        ),
        (
            {
                "inputTokens": 1,
                "outputTokens": 2,
                "totalTokens": 33,
                "cacheWriteInputTokens": 30,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 10}, {"ttl": "5m", "inputTokens": 20}],
            },
            Usage(
                input_tokens=31,
                output_tokens=2,
                cache_creation_input_tokens=30,
                cache_creation_1h_input_tokens=10,
            ),
        ),
        (
            {"inputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 10}, {"ttl": "5m", "inputTokens": 20}]},
            Usage(input_tokens=31, cache_creation_input_tokens=30, cache_creation_1h_input_tokens=10),
        ),
        (
            {
                "inputTokenCount": 1,
                "outputTokenCount": 2,
                "cacheReadInputTokenCount": 3,
                "cacheWriteInputTokenCount": 4,
            },
            Usage(input_tokens=8, output_tokens=2, cache_read_input_tokens=3, cache_creation_input_tokens=4),
        ),
        ({"inputTokens": None, "outputTokens": "7"}, Usage(output_tokens=7)),
        ({}, Usage()),
    ],
)
def test_counts_are_added_up(usage: dict[str, Any], read: Usage) -> None:
    assert read_usage(usage) == (read, None)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"inputTokens": 3, "outputTokens": 2, "totalTokens": 6}, "totalTokens is 6"),
        ({"inputTokens": -3, "outputTokens": 2}, "negative"),
        ({"inputTokens": 10**15, "outputTokens": 2}, "no call"),
        ({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, "cacheReadInputTokens": 3}, "totalTokens is 5"),
        (
            {"inputTokens": 3, "cacheWriteInputTokens": 5, "cacheDetails": [{"ttl": "1h", "inputTokens": 6}]},
            "cacheDetails",
        ),
    ],
)
def test_what_cannot_be_is_suspect(usage: dict[str, Any], reason: str) -> None:
    assert reason in (read_usage(usage)[1] or "")


def test_a_converse_answer_tells_its_tier_its_reason_and_the_model_that_a_router_chose() -> None:
    report = read_converse(
        dumped(
            {
                "stopReason": "end_turn",
                "usage": {"inputTokens": 1, "outputTokens": 1},
                "serviceTier": {"type": "flex"},
                "performanceConfig": {"latency": "standard"},
                "trace": {
                    "promptRouter": {
                        "invokedModelId": "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama3-1-8b-instruct-v1:0"
                    }
                },
            }
        )
    )
    assert (report.finish_reason, report.service_tier) == ("end_turn", "flex")
    assert report.response_model == "us.meta.llama3-1-8b-instruct-v1:0"


def test_novas_own_searches_are_counted() -> None:
    calls = [{"toolUse": {"name": name, "type": "server_tool_use"}} for name in ("nova_grounding", "other")]
    body = {"output": {"message": {"content": [*calls, {"text": "nova_grounding"}, calls[0]]}}}
    report = read_converse(dumped(body | {"usage": {"inputTokens": 1, "outputTokens": 1}}))
    assert report.usage == Usage(input_tokens=1, output_tokens=1, web_searches=2)


@pytest.mark.parametrize(
    ("tier", "latency", "name"),
    [
        (None, None, None),
        ("priority", None, "priority"),
        ("default", "standard", "default"),
        (None, "optimized", "optimized"),
        ("default", "optimized", "optimized"),
        ("flex", "optimized", "flex"),
    ],
)
def test_a_tier_has_one_name(tier: str | None, latency: str | None, name: str | None) -> None:
    assert tier_of(tier, latency) == name


FAMILIES: list[tuple[dict[str, Any], Usage | None]] = [
    (
        {"type": "message", "usage": {"input_tokens": 4, "output_tokens": 5, "cache_read_input_tokens": 6}},
        Usage(input_tokens=10, output_tokens=5, cache_read_input_tokens=6),
    ),
    (
        {"output": {}, "usage": {"inputTokens": 4, "outputTokens": 5, "cacheReadInputTokenCount": 6}},
        Usage(input_tokens=10, output_tokens=5, cache_read_input_tokens=6),
    ),
    (
        {"inputTextTokenCount": 4, "results": [{"tokenCount": 2}, {"tokenCount": 3.0}]},
        Usage(input_tokens=4, output_tokens=5),
    ),
    ({"embedding": [0.1], "inputTextTokenCount": 4}, Usage(input_tokens=4)),
    ({"generation": "a", "prompt_token_count": 4, "generation_token_count": 5}, Usage(input_tokens=4, output_tokens=5)),
    (
        {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}},
        Usage(input_tokens=4, output_tokens=5),
    ),
    (
        {"text": "a", "meta": {"billed_units": {"input_tokens": 4, "output_tokens": 5}}},
        Usage(input_tokens=4, output_tokens=5),
    ),
    ({"results": [], "meta": {"billed_units": {"search_units": 2}}}, Usage(search_units=2)),
    ({"images": ["aGk=", None, "aGk="]}, Usage(images=2)),
    ({"artifacts": [{"base64": "aGk="}]}, Usage(images=1)),
    ({"embeddings": [], "images": [{"width": 4}]}, None),
    ({"completion": "hi", "stop_reason": "stop"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("body", "usage"), FAMILIES)
def test_a_family_is_told_by_the_shape_of_its_answer(body: dict[str, Any], usage: Usage | None) -> None:
    report = read_invoke(dumped(body))
    assert (report.usage, report.suspect) == (usage, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"[1]", b"{", b"\xff", b'{"usage":3}', b"binary"])
def test_headers_tell_of_an_answer_that_says_nothing(body: bytes) -> None:
    assert read_invoke(body).usage is None
    assert read_invoke(body, HEADERS).usage == Usage(input_tokens=10, output_tokens=4)


def test_headers_leave_the_cache_out_of_the_input() -> None:
    assert read_invoke(b"{}", CACHED).usage == Usage(
        input_tokens=130, output_tokens=4, cache_read_input_tokens=100, cache_creation_input_tokens=20
    )


def test_the_body_wins_where_it_tells_more() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 4,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 15},
    }
    report = read_invoke(dumped({"type": "message", "model": "claude", "usage": usage}), CACHED)
    assert report.suspect is None
    assert report.usage == Usage(
        input_tokens=130,
        output_tokens=4,
        cache_read_input_tokens=100,
        cache_creation_input_tokens=20,
        cache_creation_1h_input_tokens=15,
    )


@pytest.mark.parametrize("prompt_tokens", [10, 130])
def test_headers_split_an_input_whose_cached_part_the_body_does_not_tell(prompt_tokens: int) -> None:
    body = {"usage": {"prompt_tokens": prompt_tokens, "completion_tokens": 4}}
    report = read_invoke(dumped(body), CACHED)
    assert report.suspect is None
    assert report.usage == Usage(
        input_tokens=130, output_tokens=4, cache_read_input_tokens=100, cache_creation_input_tokens=20
    )


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, "5 output tokens"),
        ({"prompt_tokens": 11, "completion_tokens": 4}, "11 input tokens"),
    ],
)
def test_a_body_and_headers_that_disagree_are_suspect(usage: dict[str, int], reason: str) -> None:
    report = read_invoke(dumped({"usage": usage}), HEADERS)
    assert reason in (report.suspect or "")
    assert report.usage == Usage(input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"])


def test_an_embedding_keeps_its_input_and_a_picture_has_no_tokens() -> None:
    assert read_invoke(b'{"images":["aGk="]}', HEADERS).usage == Usage(images=1)
    assert read_invoke(b'{"inputTextTokenCount":10}', HEADERS).usage == Usage(input_tokens=10, output_tokens=4)


def test_headers_tell_the_tier() -> None:
    tier, latency = b"x-amzn-bedrock-service-tier", b"x-amzn-bedrock-performanceconfig-latency"
    assert read_invoke(b"{}", [(tier, b"flex")]).service_tier == "flex"
    assert read_invoke(b"{}", [(latency, b"optimized")]).service_tier == "optimized"
    assert read_invoke(b"{}", [(latency, b"standard")]).service_tier is None


@pytest.mark.parametrize("value", [b"", b"many", b"-1", b"1e3", b"\xff", b"9" * 40])
def test_a_count_in_a_header_that_is_none_is_left_out_or_suspect(value: bytes) -> None:
    report = read_invoke(b"{}", [(b"x-amzn-bedrock-input-token-count", value)])
    assert report.suspect or report.usage is None or report.usage.input_tokens is None


def test_the_name_in_a_body_does_not_stand_for_the_model_because_it_hides_the_region() -> None:
    assert read_invoke(b'{"type":"message","model":"claude-x","usage":{"input_tokens":1}}').response_model is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["usage", "inputTokens", "input_tokens", "results", "meta", "images", "output", "cacheDetails", "ttl"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_no_answer_makes_it_raise(value: object) -> None:
    body = dumped(value)
    read_invoke(body, CACHED)
    read_converse(body)


def test_a_negative_count_in_a_header_is_suspect_also_where_the_body_tells_the_output() -> None:
    headers = [(b"x-amzn-bedrock-cache-write-input-token-count", b"-7")]
    report = read_invoke(dumped({"usage": {"outputTokens": 10, "totalTokens": 30}}), headers)
    assert report.suspect is not None
    assert "-7" in report.suspect
