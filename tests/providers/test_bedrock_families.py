"""The families behind InvokeModel, told by their ids or by their fields."""

from typing import Any

import pytest

from tollway.providers.bedrock_converse import SHAPE
from tollway.providers.bedrock_families import (
    Family,
    cap_of,
    family_of,
    read_embed,
    read_images,
    read_rerank,
    read_text,
)
from tollway.providers.body import Unfit
from tollway.usage import Usage

ARN = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc"


@pytest.mark.parametrize(
    ("model", "fields", "shape", "cap"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", {"messages": []}, "claude", "max_tokens"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", {}, "claude", "max_tokens"),
        ("anthropic.claude-v2", {"prompt": ""}, "text", "max_tokens_to_sample"),
        ("amazon.nova-micro-v1:0", {}, "converse", "maxTokens"),
        ("us.amazon.nova-premier-v1:0", {}, "converse", "maxTokens"),
        ("amazon.nova-canvas-v1:0", {}, "images", None),
        ("amazon.nova-reel-v1:1", {}, "unknown", None),
        ("amazon.nova-2-multimodal-embeddings-v1:0", {}, "embed", None),
        ("amazon.titan-text-express-v1", {}, "text", "maxTokenCount"),
        ("amazon.titan-tg1-large", {}, "text", "maxTokenCount"),
        ("amazon.titan-embed-text-v2:0", {}, "embed", None),
        ("amazon.titan-image-generator-v2:0", {}, "images", None),
        ("amazon.rerank-v1:0", {}, "rerank", None),
        ("cohere.rerank-v3-5:0", {}, "rerank", None),
        ("cohere.embed-v4:0", {}, "embed", None),
        ("cohere.command-r-plus-v1:0", {}, "text", "max_tokens"),
        ("meta.llama3-70b-instruct-v1:0", {"prompt": ""}, "text", "max_gen_len"),
        ("mistral.mistral-7b-instruct-v0:2", {"prompt": ""}, "text", "max_tokens"),
        ("us.mistral.pixtral-large-2502-v1:0", {"messages": []}, "chat", "max_tokens"),
        ("deepseek.r1-v1:0", {"prompt": ""}, "text", "max_tokens"),
        ("deepseek.v3-v1:0", {"messages": []}, "chat", "max_tokens"),
        ("ai21.jamba-1-5-mini-v1:0", {"messages": []}, "chat", "max_tokens"),
        ("ai21.j2-ultra-v1", {"prompt": ""}, "text", "maxTokens"),
        ("openai.gpt-oss-120b-1:0", {"messages": []}, "chat", "max_completion_tokens"),
        ("qwen.qwen3-32b-v1:0", {"messages": []}, "chat", "max_tokens"),
        ("writer.palmyra-x5-v1:0", {"messages": []}, "chat", "max_tokens"),
        ("stability.sd3-5-large-v1:0", {}, "images", None),
        ("twelvelabs.pegasus-1-2-v1:0", {}, "text", "maxOutputTokens"),
        ("twelvelabs.marengo-embed-2-7-v1:0", {}, "embed", None),
        ("luma.ray-v2:0", {}, "unknown", None),
        (ARN, {"anthropic_version": "x", "messages": []}, "claude", "max_tokens"),
        (ARN, {"messages": [], "inferenceConfig": {}}, "converse", "maxTokens"),
        (ARN, {"inputText": "", "textGenerationConfig": {}}, "text", "maxTokenCount"),
        (ARN, {"prompt": "", "max_gen_len": 5}, "text", "max_gen_len"),
        (ARN, {"messages": []}, "chat", "max_tokens"),
        (ARN, {"prompt": ""}, "unknown", None),
        (None, {}, "unknown", None),
    ],
)
def test_a_model_or_its_body_tells_its_family(
    model: str | None, fields: dict[str, Any], shape: str, cap: str | None
) -> None:
    family = family_of(model, fields)
    assert family.shape == shape
    if cap is not None:
        assert family.caps[0] == cap


def opened(body: bytes) -> dict[str, Any]:
    return SHAPE.open(body)


def test_the_larger_of_two_caps_bounds_an_answer() -> None:
    family = Family("converse", ("maxTokens", "max_new_tokens"), "inferenceConfig")
    assert cap_of(opened(b'{"inferenceConfig":{"maxTokens":5,"max_new_tokens":9}}'), family) == 9
    assert cap_of(opened(b"{}"), family) is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"max_tokens": 5}', "max_gen_len"),
        (b'{"Max_Gen_Len": 5}', "another spelling"),
        (b'{"max_gen_len": -1}', "from 1"),
    ],
)
def test_a_cap_of_another_name_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        cap_of(opened(body), Family("text", ("max_gen_len",)))


def test_a_body_that_nobody_knows_has_no_bound_and_takes_no_cap_it_did_not_have() -> None:
    unknown = family_of(None, {})
    ask = read_text(opened(b'{"prompt": "a"}'), unknown)
    assert ask.unbounded == "a body of an unknown shape"
    assert ask.floor_output_tokens > 10_000_000
    capped = read_text(opened(b'{"prompt": "a", "max_tokens": 5}'), unknown)
    assert (capped.max_output_tokens, capped.floor_output_tokens) == (5, 0)


def test_the_number_of_answers_is_read() -> None:
    family = family_of("cohere.command-text-v14", {})
    assert read_text(opened(b'{"prompt":"a","num_generations":4}'), family).choices == 4
    assert read_text(opened(b'{"prompt":"a"}'), family).choices == 1


@pytest.mark.parametrize(
    ("body", "media", "unbounded"),
    [
        (b'{"prompt":"a","images":["aGk=","aGk="]}', 2, None),
        (b'{"inputPrompt":"a","mediaSource":{"s3Location":{"uri":"s3://a"}}}', 0, "a media source"),
        (b'{"inputPrompt":"a","mediaSource":{"base64String":"aGk="}}', 0, "a media source"),
        (b'{"message":"a","chat_history":[{"message":"b"}],"documents":[{"a":"b"}]}', 0, None),
    ],
)
def test_media_beside_a_prompt_are_seen(body: bytes, media: int, unbounded: str | None) -> None:
    ask = read_text(opened(body), Family("text", ("max_tokens",)))
    assert (ask.media_parts, ask.unbounded) == (media, unbounded)


@pytest.mark.parametrize(
    ("body", "messages", "media", "unbounded"),
    [
        (b'{"inputText":"a"}', 1, 0, None),
        (b'{"inputText":"a","inputImage":"aGk="}', 1, 1, None),
        (b'{"texts":["a","b","c"],"input_type":"search_query"}', 3, 0, None),
        (b'{"images":["data:image/png;base64,aGk="],"input_type":"image"}', 1, 1, None),
        (b'{"inputs":[{"content":[{"type":"text","text":"a"}]}]}', 1, 0, None),
        (
            b'{"inputs":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]}',
            1,
            1,
            None,
        ),
        (b'{"inputs":[{"content":[{"type":"image_url","image_url":"https://a/b"}]}]}', 1, 0, "an image by link"),
        (b'{"inputType":"image","mediaSource":{"base64String":"aGk="}}', 1, 1, None),
        (b'{"inputType":"video","mediaSource":{"base64String":"aGk="}}', 1, 0, "a media source"),
        (b'{"singleEmbeddingParams":{"text":{"value":"a"},"embeddingDimension":3}}', 1, 0, None),
        (b'{"singleEmbeddingParams":{"image":{"format":"png","source":{"bytes":"aGk="}}}}', 1, 1, None),
        (b'{"singleEmbeddingParams":{"video":{"format":"mp4","source":{"bytes":"aGk="}}}}', 1, 0, "a video"),
        (b'{"segmentedEmbeddingParams":{"text":{"source":{"s3Location":{"uri":"s3://a"}}}}}', 1, 0, "text by link"),
    ],
)
def test_what_is_embedded_is_bounded_by_its_bytes_or_says_that_it_is_not(
    body: bytes, messages: int, media: int, unbounded: str | None
) -> None:
    ask = read_embed(opened(body))
    assert (ask.messages, ask.media_parts, ask.unbounded) == (messages, media, unbounded)


@pytest.mark.parametrize(
    ("documents", "units"),
    [
        (["a"], 1),
        (["a"] * 100, 1),
        (["a"] * 101, 2),
        (["a" * 1000], 1),
        (["a" * 512] * 60, 2),
        ([{"text": "a"}] * 7, 1),
        ([], 1),
    ],
)
def test_a_rerank_is_billed_by_hundreds_of_short_documents(documents: list[Any], units: int) -> None:
    assert read_rerank({"query": "q", "documents": documents}).known == Usage(search_units=units)


def test_documents_of_an_unknown_shape_have_no_bound() -> None:
    assert read_rerank(opened(b'{"query":"q","documents":{"a":1}}')).unbounded is not None


@pytest.mark.parametrize(
    ("body", "images", "kind"),
    [
        (b'{"taskType":"TEXT_IMAGE"}', 1, "standard/1024x1024"),
        (
            b'{"taskType":"TEXT_IMAGE","imageGenerationConfig":'
            b'{"numberOfImages":3,"quality":"Premium","width":512,"height":256}}',
            3,
            "premium/512x256",
        ),
        (b'{"text_prompts":[{"text":"a"}],"steps":60,"width":512,"height":512}', 1, "premium/512x512"),
        (b'{"text_prompts":[{"text":"a"}],"samples":2}', 2, "standard/1024x1024"),
        (b'{"prompt":"a","aspect_ratio":"1:1"}', 1, None),
    ],
)
def test_a_wish_for_pictures_tells_how_many_and_of_which_kind(body: bytes, images: int, kind: str | None) -> None:
    assert read_images(opened(body)).known == Usage(images=images, image_kind=kind)


def test_a_wish_for_no_picture_is_refused() -> None:
    with pytest.raises(Unfit, match=r"imageGenerationConfig\.numberOfImages is 0"):
        read_images(opened(b'{"taskType":"TEXT_IMAGE","imageGenerationConfig":{"numberOfImages":0}}'))
