"""Converse: what a request may cost, and the cap that is put into it."""

import base64
import json
from typing import Any

import msgspec
import pytest

from tollway.providers.bedrock_converse import CAPS, Converse
from tollway.providers.bedrock_usage import read_converse
from tollway.providers.codec import Malformed
from tollway.request import Ask

PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
ARN = "arn:aws:bedrock:us-east-1:123456789012:"
codec = Converse()


def read(body: dict[str, Any] | bytes, path: str = PATH) -> Ask | Malformed:
    return codec.read_ask(
        path, b"", b"application/json", body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def asked(body: dict[str, Any], path: str = PATH) -> Ask:
    ask = read(body, path)
    assert isinstance(ask, Ask), ask
    return ask


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*blocks]}]}


def refused(body: dict[str, Any] | bytes) -> str:
    found = read(body)
    assert isinstance(found, Malformed), found
    return found.message


def test_the_path_names_the_model_and_the_wish_to_stream() -> None:
    assert asked(said()).model == "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert not asked(said()).stream
    assert asked(said(), PATH + "-stream").stream
    assert asked(said(), "/nowhere").model is None


def test_an_arn_that_hides_the_model_is_its_name() -> None:
    profile = f"{ARN}application-inference-profile/abc"
    ask = asked(said(), f"/model/{profile}/converse")
    assert (ask.model, ask.unbounded) == (profile, None)


def test_a_stored_prompt_has_no_bound_and_a_router_serves_what_it_likes() -> None:
    prompt = asked(said(), f"/model/{ARN}prompt/ABCDEFGHIJ:1/converse")
    assert (prompt.model, prompt.unbounded) == (f"{ARN}prompt/ABCDEFGHIJ:1", "a stored prompt")
    assert asked({"promptVariables": {"a": {"text": "b"}}}).unbounded == "a stored prompt"
    assert asked(said(), f"/model/{ARN}prompt-router/mine/converse").substitutes
    assert not asked(said()).substitutes


def test_the_cap_stands_in_the_inference_configuration() -> None:
    assert asked(said() | {"inferenceConfig": {"maxTokens": 7}}).max_output_tokens == 7
    assert asked(said() | {"inferenceConfig": None}).max_output_tokens is None
    assert asked(said()).max_output_tokens is None


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", ["empty"]),
        (b"[]", ["not a JSON object"]),
        ({"inferenceConfig": {"maxTokens": 0}}, ["inferenceConfig.maxTokens is 0", "from 1"]),
        ({"inferenceConfig": {"maxTokens": "7"}}, ["inferenceConfig.maxTokens"]),
        ({"inferenceConfig": []}, ["inferenceConfig is an array"]),
        (b'{"inferenceConfig": {"maxTokens": 7, "maxTokens": 8}}', ["maxTokens stands twice"]),
        (b'{"messages": [], "messages": []}', ["messages stands twice"]),
        ({"InferenceConfig": {"maxTokens": 7}}, ["InferenceConfig", "inferenceConfig"]),
        ({"inferenceConfig": {"maxtokens": 7}}, ["maxtokens", "maxTokens"]),
        ({"toolConfig": {"Tools": []}}, ["Tools", "tools"]),
        ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": -1}}}, ["budget_tokens"]),
        ({"additionalModelRequestFields": {"n": 1000}}, ["additionalModelRequestFields.n", "128"]),
        ({"serviceTier": {"type": 3}}, ["type"]),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(body: dict[str, Any] | bytes, names: list[str]) -> None:
    message = refused(body)
    assert all(name in message for name in names), message


@pytest.mark.parametrize("name", sorted(CAPS))
def test_a_second_cap_among_the_models_own_fields_is_refused(name: str) -> None:
    for fields in ({name: 9}, {"inferenceConfig": {"topK": 5, name: 9}}):
        assert "inferenceConfig.maxTokens" in refused({"additionalModelRequestFields": fields})
    assert asked({"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}, "top_k": 5}})


BYTES = base64.b64encode(b"some bytes").decode()


@pytest.mark.parametrize(
    ("block", "unbounded", "media"),
    [
        ({"text": "hi"}, None, 0),
        ({"image": {"format": "png", "source": {"bytes": BYTES}}}, None, 1),
        ({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://a/b"}}}}, "image by link", 0),
        ({"image": {"format": "png", "source": {"bytes": BYTES, "s3Location": {}}}}, "image by link", 0),
        ({"image": {"format": "png"}}, "image by link", 0),
        ({"document": {"format": "pdf", "name": "d", "source": {"bytes": BYTES}}}, "a file", 0),
        ({"document": {"format": "docx", "name": "d", "source": {"bytes": BYTES}}}, "a file", 0),
        ({"document": {"name": "d", "source": {"bytes": BYTES}}}, "a file", 0),
        ({"document": {"format": "csv", "name": "d", "source": {"bytes": BYTES}}}, None, 0),
        ({"document": {"format": "txt", "name": "d", "source": {"text": "hi"}}}, None, 0),
        ({"document": {"name": "d", "source": {"content": [{"text": "hi"}]}}}, None, 0),
        ({"document": {"format": "txt", "source": {"s3Location": {"uri": "s3://a"}}}}, "document by link", 0),
        ({"video": {"format": "mp4", "source": {"bytes": BYTES}}}, "a video", 0),
        ({"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://a"}}}}, "video by link", 0),
        ({"audio": {"format": "wav", "source": {"bytes": BYTES}}}, "audio", 0),
        ({"guardContent": {"text": {"text": "hi"}}}, None, 0),
        ({"guardContent": {"image": {"format": "png", "source": {"bytes": BYTES}}}}, None, 1),
        ({"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}, None, 0),
        ({"toolResult": {"toolUseId": "t", "content": [{"json": {}}, {"text": "a"}]}}, None, 0),
        ({"toolResult": {"content": [{"image": {"format": "png", "source": {"bytes": BYTES}}}]}}, None, 1),
        ({"toolResult": {"content": [{"video": {"source": {"s3Location": {}}}}]}}, "video by link", 0),
        ({"toolResult": {"content": "text"}}, "a toolResult of an unknown shape", 0),
        ({"toolResult": {"content": [{"toolResult": {}}]}}, "a content block with toolResult", 0),
        ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, None, 0),
        ({"cachePoint": {"type": "default"}}, None, 0),
        ({"novelty": {"url": "x"}}, "a content block with novelty", 0),
        ({"novelty": None}, None, 0),
    ],
)
def test_a_block_is_bounded_by_its_bytes_or_says_that_it_is_not(
    block: dict[str, Any], unbounded: str | None, media: int
) -> None:
    ask = asked(said({"text": "look"}, block))
    assert (ask.unbounded, ask.media_parts) == (unbounded, media)
    other = asked(said(block), "/model/amazon.nova-lite-v1:0/converse")
    assert (other.unbounded, other.media_parts) == (unbounded, media)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"messages": "text"}, None),
        ({"messages": {"role": "user"}}, "messages of an unknown shape"),
        ({"messages": [{"role": "user", "content": {"text": "a"}}]}, "content of an unknown shape"),
        ({"messages": [{"role": "user", "content": "text"}, None]}, None),
        ({"messages": [{"role": "user", "content": [3]}]}, "messages of an unknown shape"),
        ({"system": [{"guardContent": {"text": {"text": "a"}}}, {"text": "b"}]}, None),
        ({"system": [{"image": {"source": {"s3Location": {}}}}]}, "image by link"),
        ({"toolConfig": {"tools": {"toolSpec": {}}}}, "tools of an unknown shape"),
        ({"toolConfig": {"tools": 3}}, "tools of an unknown shape"),
    ],
)
def test_a_shape_that_nobody_knows_has_no_bound(body: dict[str, Any], reason: str | None) -> None:
    assert asked(body).unbounded == reason


@pytest.mark.parametrize(
    ("body", "long"),
    [
        (said({"cachePoint": {"type": "default"}}), False),
        (said({"cachePoint": {"type": "default", "ttl": "5m"}}), False),
        (said({"cachePoint": {"type": "default", "ttl": "1h"}}), True),
        ({"system": [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}, True),
        ({"toolConfig": {"tools": [{"toolSpec": {}}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}}, True),
    ],
)
def test_a_cache_that_is_kept_for_an_hour_is_noted(body: dict[str, Any], long: bool) -> None:
    assert asked(body).long_cache is long


def test_tools_of_the_caller_are_text_and_those_of_nova_are_paid() -> None:
    own = asked({"toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]}})
    assert (own.paid_tools, own.unbounded) == ((), None)
    assert own.messages > 100
    for name, paid in (("nova_grounding", "web_search"), ("nova_code_interpreter", "code_execution"), ("new", "new")):
        ask = asked({"toolConfig": {"tools": [{"systemTool": {"name": name}}]}})
        assert (ask.paid_tools, ask.unbounded) == ((paid,), paid)
    assert asked({"toolConfig": {"tools": [{"novelty": {}}]}}).paid_tools == ("novelty",)


def test_claudes_thinking_reasons_and_keeps_its_budget() -> None:
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    body = said() | {"additionalModelRequestFields": fields}
    assert (asked(body).reasons, asked(body).floor_output_tokens) == (True, 1025)
    capped = asked(body | {"inferenceConfig": {"maxTokens": 500}})
    assert capped.floor_output_tokens == 500
    assert not asked({"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}).reasons


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, True),
        ({"reasoningConfig": {"type": "disabled"}}, False),
        ({"reasoning_config": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"top_k": 5}, False),
    ],
)
def test_any_familys_wish_for_reasoning_is_seen(fields: dict[str, Any], reasons: bool) -> None:
    assert asked({"additionalModelRequestFields": fields}).reasons is reasons


def test_the_models_own_fields_may_bring_tools_and_choices() -> None:
    ask = asked({"additionalModelRequestFields": {"n": 3, "tools": [{"type": "web_search_20250305", "name": "w"}]}})
    assert (ask.choices, ask.paid_tools, ask.unbounded) == (3, ("web_search",), "web_search")
    client = asked({"additionalModelRequestFields": {"tools": [{"type": "computer_20250124", "name": "c"}]}})
    assert (client.paid_tools, client.unbounded) == ((), None)
    assert client.messages > 500


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        ({}, None),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"performanceConfig": {"latency": "optimized"}}, "optimized"),
        ({"performanceConfig": {"latency": "standard"}}, None),
    ],
)
def test_the_tier_is_the_service_tier_or_the_optimized_latency(body: dict[str, Any], tier: str | None) -> None:
    assert asked(said() | body).service_tier == tier


@pytest.mark.parametrize(
    ("body", "cap", "changed"),
    [
        (b'{"messages": [1.0]}', 9, b'{"messages":[1.0],"inferenceConfig":{"maxTokens":9}}'),
        (b'{"inferenceConfig": null}', 9, b'{"inferenceConfig":{"maxTokens":9}}'),
        (b'{"inferenceConfig": {"topP": 1.0}}', 9, b'{"inferenceConfig":{"topP":1.0,"maxTokens":9}}'),
        (b'{"inferenceConfig": {"maxTokens": null}}', 9, b'{"inferenceConfig":{"maxTokens":9}}'),
        (b'{"inferenceConfig": {"maxTokens": 10}}', 9, b'{"inferenceConfig":{"maxTokens":9}}'),
        (b'{"inferenceConfig": {"maxTokens": 8}}', 9, b'{"inferenceConfig": {"maxTokens": 8}}'),
        (b'{"inferenceConfig": {"maxTokens": 8}}', None, b'{"inferenceConfig": {"maxTokens": 8}}'),
    ],
)
def test_a_cap_is_put_in_or_lowered_and_nothing_else_is_touched(body: bytes, cap: int | None, changed: bytes) -> None:
    assert codec.write_body(body, Ask(), model="m", cap=cap, include_usage=True) == changed


def test_the_path_takes_another_model() -> None:
    assert codec.write_path("/model/a/converse-stream", "b:0") == "/model/b%3A0/converse-stream"


def test_an_answer_is_read_as_converse_writes_it() -> None:
    body = msgspec.json.encode({"usage": {"inputTokens": 1, "outputTokens": 2}})
    assert codec.read_answer(body, [(b"x-amzn-bedrock-input-token-count", b"9")]) == read_converse(body)
    assert (codec.api, codec.dialect) == ("bedrock.converse", "bedrock")
