"""InvokeModel: what a request of each family may cost, and where its cap is put."""

import json
from typing import Any

import pytest

from tollway.providers.bedrock_invoke import Invoke
from tollway.providers.codec import Malformed
from tollway.request import Ask
from tollway.usage import Usage

codec = Invoke()
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SAID = [{"role": "user", "content": "hi"}]


def read(model: str, body: dict[str, Any] | bytes, action: str = "invoke") -> Ask | Malformed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return codec.read_ask(f"/model/{model}/{action}", b"", b"application/json", raw)


def asked(model: str, body: dict[str, Any], action: str = "invoke") -> Ask:
    ask = read(model, body, action)
    assert isinstance(ask, Ask), ask
    return ask


BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (CLAUDE, {"anthropic_version": "bedrock-2023-05-31", "messages": SAID}, {"max_tokens": 5}),
    ("anthropic.claude-v2", {"prompt": "\n\nHuman: hi\n\nAssistant:"}, {"max_tokens_to_sample": 5}),
    (
        "amazon.nova-lite-v1:0",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
        {"inferenceConfig": {"maxTokens": 5}},
    ),
    ("amazon.titan-text-express-v1", {"inputText": "hi"}, {"textGenerationConfig": {"maxTokenCount": 5}}),
    ("meta.llama3-8b-instruct-v1:0", {"prompt": "hi"}, {"max_gen_len": 5}),
    ("mistral.mistral-7b-instruct-v0:2", {"prompt": "hi"}, {"max_tokens": 5}),
    ("mistral.mistral-large-2402-v1:0", {"messages": SAID}, {"max_tokens": 5}),
    ("cohere.command-r-v1:0", {"message": "hi"}, {"max_tokens": 5}),
    ("ai21.jamba-1-5-mini-v1:0", {"messages": SAID}, {"max_tokens": 5}),
    ("ai21.j2-mid-v1", {"prompt": "hi"}, {"maxTokens": 5}),
    ("deepseek.r1-v1:0", {"prompt": "hi"}, {"max_tokens": 5}),
    ("openai.gpt-oss-20b-1:0", {"messages": SAID}, {"max_completion_tokens": 5}),
    ("qwen.qwen3-32b-v1:0", {"messages": SAID}, {"max_tokens": 5}),
    ("writer.palmyra-x4-v1:0", {"messages": SAID}, {"max_tokens": 5}),
    ("twelvelabs.pegasus-1-2-v1:0", {"inputPrompt": "hi"}, {"maxOutputTokens": 5}),
]
each = pytest.mark.parametrize(("model", "body", "cap"), BODIES, ids=[model for model, _, _ in BODIES])


@each
def test_a_familys_cap_is_read_from_its_own_field(model: str, body: dict[str, Any], cap: dict[str, Any]) -> None:
    assert asked(model, body).max_output_tokens is None
    ask = asked(model, body | cap)
    assert (ask.model, ask.stream, ask.max_output_tokens, ask.unbounded) == (model, False, 5, None)
    assert asked(model, body, "invoke-with-response-stream").stream


@each
def test_a_cap_is_put_into_the_familys_own_field(model: str, body: dict[str, Any], cap: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    written = codec.write_body(raw, asked(model, body), model=None, cap=5, include_usage=True)
    assert json.loads(written) == body | cap
    larger = json.loads(json.dumps(body | cap).replace("5}", "50}"))
    changed = codec.write_body(
        json.dumps(larger).encode(), asked(model, larger), model=None, cap=5, include_usage=False
    )
    assert json.loads(changed) == body | cap
    kept = json.dumps(body | cap).encode()
    assert codec.write_body(kept, asked(model, body | cap), model=None, cap=9, include_usage=False) is kept
    assert codec.write_body(raw, asked(model, body), model="other", cap=None, include_usage=True) is raw


def test_both_names_of_a_cap_are_lowered_where_both_are_sent() -> None:
    body = b'{"messages": [], "max_tokens": 50, "max_completion_tokens": 3}'
    model = "qwen.qwen3-32b-v1:0"
    ask = codec.read_ask(f"/model/{model}/invoke", b"", b"", body)
    assert isinstance(ask, Ask)
    assert ask.max_output_tokens == 50
    written = codec.write_body(body, ask, model=None, cap=5, include_usage=False)
    assert json.loads(written) == {"messages": [], "max_tokens": 5, "max_completion_tokens": 3}


def test_claudes_body_is_read_as_anthropic_reads_it() -> None:
    body = {
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://a"}}]}],
        "tools": [{"type": "computer_20250124", "name": "computer"}],
    }
    ask = asked(CLAUDE, body)
    assert (ask.model, ask.reasons, ask.long_cache, ask.floor_output_tokens) == (CLAUDE, True, True, 1025)
    assert ask.unbounded == "image by link"


def test_novas_reasoning_and_media_are_seen() -> None:
    nova = "us.amazon.nova-2-lite-v1:0"
    assert asked(nova, {"messages": [], "reasoningConfig": {"type": "enabled"}}).reasons
    assert asked(nova, {"messages": [], "inferenceConfig": {"reasoningConfig": {"type": "enabled"}}}).reasons
    assert not asked(nova, {"messages": [], "reasoningConfig": {"type": "disabled"}}).reasons
    assert not asked(nova, {"messages": []}).reasons
    video = {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://a"}}}}
    assert asked(nova, {"messages": [{"role": "user", "content": [video]}]}).unbounded == "video by link"


def test_what_has_no_tokens_to_cap_is_left_as_it_is() -> None:
    for model, body in (
        ("cohere.embed-v4:0", {"texts": ["a"]}),
        ("cohere.rerank-v3-5:0", {"query": "q", "documents": ["a"]}),
        ("amazon.nova-canvas-v1:0", {"taskType": "TEXT_IMAGE"}),
        ("luma.ray-v2:0", {"prompt": "a film"}),
    ):
        raw = json.dumps(body).encode()
        ask = asked(model, body)
        assert ask.floor_output_tokens > 10_000_000
        assert codec.write_body(raw, ask, model=None, cap=5, include_usage=False) is raw


def test_what_a_request_alone_tells_of_the_bill_is_known() -> None:
    assert asked("cohere.rerank-v3-5:0", {"query": "q", "documents": ["a"]}).known == Usage(search_units=1)
    canvas = asked(
        "amazon.nova-canvas-v1:0", {"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"quality": "premium"}}
    )
    assert canvas.known == Usage(images=1, image_kind="premium/1024x1024")


def test_a_body_that_names_a_model_has_to_agree_with_the_path() -> None:
    body = {"model": "openai.gpt-oss-20b-1:0", "messages": SAID}
    assert asked("us.openai.gpt-oss-20b-1:0", body).model == "us.openai.gpt-oss-20b-1:0"
    refused = read("openai.gpt-oss-120b-1:0", body)
    assert isinstance(refused, Malformed)
    assert "openai.gpt-oss-20b-1:0" in refused.message
    raw = json.dumps(body).encode()
    ask = asked("openai.gpt-oss-20b-1:0", body)
    assert json.loads(codec.write_body(raw, ask, model="new", cap=None, include_usage=False))["model"] == "new"


def test_a_router_may_serve_another_model() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:prompt-router/mine"
    assert asked(arn, {"messages": SAID}).substitutes


@pytest.mark.parametrize(
    ("model", "body", "name"),
    [
        (CLAUDE, b'{"max_tokens": 5, "max_tokens": 6}', "max_tokens stands twice"),
        (CLAUDE, b'{"max_tokens": -5}', "max_tokens is -5"),
        ("meta.llama3-8b-instruct-v1:0", b'{"max_gen_len": "5"}', "max_gen_len"),
        ("meta.llama3-8b-instruct-v1:0", b'{"prompt": "a", "max_tokens": 5}', "max_gen_len"),
        ("amazon.nova-lite-v1:0", b'{"inferenceConfig": {"maxTokens": 0}}', "inferenceConfig.maxTokens"),
        ("amazon.titan-text-lite-v1", b'{"TextGenerationConfig": {}}', "textGenerationConfig"),
        ("openai.gpt-oss-20b-1:0", b'{"messages": [], "n": 1000}', "n is 1000"),
        ("qwen.qwen3-32b-v1:0", b'{"messages": [], "max_gen_len": 5}', "max_tokens"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(model: str, body: bytes, name: str) -> None:
    refused = read(model, body)
    assert isinstance(refused, Malformed), refused
    assert name in refused.message


def test_a_path_without_a_model_is_read_by_its_body() -> None:
    ask = codec.read_ask("/nowhere", b"", b"", b'{"messages": [], "max_tokens": 5}')
    assert isinstance(ask, Ask)
    assert (ask.model, ask.max_output_tokens) == (None, 5)


def test_the_path_takes_another_model() -> None:
    assert codec.write_path("/model/a/invoke", "b:0") == "/model/b%3A0/invoke"
    assert (codec.api, codec.dialect) == ("bedrock.invoke", "bedrock")


def test_an_answer_is_read_from_its_body_and_its_headers() -> None:
    headers = [(b"x-amzn-bedrock-input-token-count", b"3"), (b"x-amzn-bedrock-output-token-count", b"2")]
    assert codec.read_answer(b'{"completion":"hi"}', headers).usage == Usage(input_tokens=3, output_tokens=2)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_sent_as_it_is(body: bytes) -> None:
    ask = read(CLAUDE, body)
    assert isinstance(ask, Ask)
    assert Invoke().write_body(body, ask, model="other", cap=300, include_usage=False) is body
