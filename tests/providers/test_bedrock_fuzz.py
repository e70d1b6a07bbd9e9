"""Whatever a body is, Bedrock's codecs read it or refuse it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.providers.bedrock_converse import CAPS, Converse
from tollway.providers.bedrock_invoke import Invoke
from tollway.providers.codec import Codec, Malformed

NAMES = st.sampled_from(
    [
        "messages",
        "system",
        "content",
        "inferenceConfig",
        "toolConfig",
        "tools",
        "additionalModelRequestFields",
        "thinking",
        "reasoningConfig",
        "image",
        "source",
        "bytes",
        "toolResult",
        "cachePoint",
        "documents",
        "query",
        "prompt",
        "images",
        "mediaSource",
        "inputType",
        "inputs",
        "singleEmbeddingParams",
        "imageGenerationConfig",
        "textGenerationConfig",
        "taskType",
        "text_prompts",
        *sorted(CAPS),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 99) | st.text(max_size=4) | st.just("image"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
MODELS = (
    "anthropic.claude-v2",
    "amazon.nova-lite-v1:0",
    "amazon.titan-text-lite-v1",
    "amazon.nova-canvas-v1:0",
    "amazon.nova-2-multimodal-embeddings-v1:0",
    "cohere.rerank-v3-5:0",
    "meta.llama3-8b",
    "qwen.qwen3",
    "mine",
)


@pytest.mark.parametrize("codec", [Converse(), Invoke()], ids=["converse", "invoke"])
@given(st.sampled_from(MODELS), st.dictionaries(NAMES, JSON, max_size=6))
@settings(max_examples=300)
def test_any_object_is_read_or_refused_and_a_cap_that_is_put_in_holds(
    codec: Codec, model: str, fields: dict[str, Any]
) -> None:
    body, path = json.dumps(fields).encode(), f"/model/{model}/any"
    ask = codec.read_ask(path, b"", b"application/json", body)
    if isinstance(ask, Malformed):
        assert ask.message
        return
    assert ask.media_parts >= 0
    assert ask.messages >= 0
    if ask.floor_output_tokens > 50:
        return
    written = codec.write_body(body, ask, model=None, cap=50, include_usage=False)
    again = codec.read_ask(path, b"", b"application/json", written)
    assert not isinstance(again, Malformed)
    assert again.max_output_tokens is not None
    assert again.max_output_tokens <= 50
    assert again.unbounded == ask.unbounded


@pytest.mark.parametrize("codec", [Converse(), Invoke()], ids=["converse", "invoke"])
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(codec: Codec, body: bytes) -> None:
    ask = codec.read_ask("/model/anthropic.claude-3/any", b"", b"application/json", body)
    assert isinstance(ask, Malformed) or ask.model == "anthropic.claude-3"
