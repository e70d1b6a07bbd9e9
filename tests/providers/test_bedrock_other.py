"""Bedrock's token count and every other path."""

import pytest

from tollway.providers.bedrock_other import CountTokens, Other
from tollway.providers.codec import Codec
from tollway.request import Ask
from tollway.usage import Report, Usage

BODY = b'{"input": {"converse": {"messages": []}}, "odd": 1.0}'


def read(codec: Codec, path: str, body: bytes = BODY) -> Ask:
    ask = codec.read_ask(path, b"", b"application/json", body)
    assert isinstance(ask, Ask)
    return ask


def test_a_count_names_its_model_and_is_no_usage() -> None:
    codec = CountTokens()
    assert read(codec, "/model/anthropic.claude%3A0/count-tokens").model == "anthropic.claude:0"
    assert read(codec, "/nowhere").model is None
    body = b'{"inputTokens": 11}'
    assert codec.read_answer(body, [(b"x-amzn-bedrock-input-token-count", b"11")]) == Report()
    meter = codec.meter(strip_usage=True)
    assert meter.feed(body) is body
    assert meter.finish() == b""
    assert meter.report() == Report()


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/model/m%3A0/novelty", "m:0"),
        # Sessions and jobs are of any length: no model's window bounds them.
        ("/model/amazon.nova-sonic-v1:0/invoke-with-bidirectional-stream", None),
        ("/async-invoke", None),
        ("/model-invocation-job", None),
        ("/guardrail/g/version/1/apply", None),
    ],
)
def test_any_other_call_has_no_bound(path: str, model: str | None) -> None:
    ask = read(Other(), path, b'{"modelId": "amazon.nova-reel-v1:0"}')
    assert (ask.model, ask.unbounded) == (model, "a call whose cost only its answer shows")
    assert ask.floor_output_tokens > 10_000_000
    assert read(Other(), path, b"no JSON").model == model


def test_an_answer_that_tells_usage_is_read() -> None:
    assert Other().read_answer(b'{"usage":{"inputTokens":1,"outputTokens":2}}').usage == Usage(
        input_tokens=1, output_tokens=2
    )
    assert Other().read_answer(b"binary", [(b"x-amzn-bedrock-input-token-count", b"5")]).usage == Usage(input_tokens=5)
    meter = Other().meter(strip_usage=False)
    meter.feed(b'{"usage":{"inputTokens":1,"outputTokens":2}}')
    meter.finish()
    assert meter.report().usage == Usage(input_tokens=1, output_tokens=2)


@pytest.mark.parametrize("codec", [CountTokens(), Other()])
def test_only_a_model_in_the_path_is_ever_changed(codec: Codec) -> None:
    assert codec.write_body(BODY, Ask(), model="x", cap=5, include_usage=True) is BODY
    assert codec.write_path("/model/m/count-tokens", "x:0") == "/model/x%3A0/count-tokens"
    assert codec.write_path("/async-invoke", "x:0") == "/async-invoke"
    assert codec.dialect == "bedrock"
    assert codec.api.startswith("bedrock.")
