"""Google: two spellings of every field, parts and tools by their names, counts added up."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.registry import classify, codec_for
from tollway.request import Ask
from tollway.usage import Usage

CODEC = codec_for("google.generate")


def ask(body: dict[str, Any], path: str = "/v1beta/models/gemini:generateContent") -> Ask:
    found = CODEC.read_ask(path, b"alt=sse", b"application/json", json.dumps(body).encode())
    assert not isinstance(found, Malformed)
    return found


def parts(*found: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(found)}]}


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1/models/gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", True),
        ("/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", False),
        ("/v1beta/tunedModels/mine:generateContent", "mine", False),
        ("/v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent", "g", True),
        ("/v1beta/models/a%3Ab:generateContent", "a:b", False),
    ],
)
def test_the_path_names_the_model_and_the_stream(path: str, model: str, stream: bool) -> None:
    found = ask({}, path)
    assert (found.model, found.stream) == (model, stream)
    assert ask({}, CODEC.write_path(path, "other/x y:z")).model == "x y:z"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (parts({"fileData": {"fileUri": "https://x"}}), "fileData"),
        (parts({"file_data": {"file_uri": "https://x"}}), "fileData"),
        (parts({"text": "x"}, {"hologram": {}}), "a part with hologram"),
        (parts({"functionResponse": {"name": "f", "parts": [{"fileData": {}}]}}), "fileData"),
        (
            parts({"functionResponse": {"parts": [{"functionResponse": {"parts": []}}]}}),
            "a part with functionResponse",
        ),
        ({"contents": {"parts": {"fileData": {}}}}, "contents of an unknown shape"),
        ({"contents": [{"parts": {"fileData": {}}}]}, "fileData"),
        ({"contents": [{"parts": "text"}]}, "parts of an unknown shape"),
        ({"systemInstruction": {"parts": [{"fileData": {}}]}}, "fileData"),
        ({"system_instruction": {"parts": {"fileData": {}}}}, "fileData"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"cached_content": "cachedContents/1"}, "cachedContent"),
    ],
)
def test_content_that_the_body_does_not_show_is_unbounded(body: dict[str, Any], reason: str) -> None:
    assert ask(body).unbounded == reason


def test_text_calls_and_inline_images_are_bounded() -> None:
    found = ask(
        parts(
            {"text": "x", "thoughtSignature": "s"},
            {"functionCall": {"name": "f", "args": {"fileData": 1}}},
            {
                "functionResponse": {
                    "name": "f",
                    "response": {"fileData": 1},
                    "parts": [{"inlineData": {"mimeType": "image/jpeg"}}],
                }
            },
            {"inline_data": {"mime_type": "image/png", "data": "AA"}},
        )
        | {"tools": [{"functionDeclarations": [{"name": "f"}]}]}
    )
    assert (found.unbounded, found.media_parts, found.paid_tools) == (None, 2, ())


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("googleSearch", "web_search"),
        ("google_search", "web_search"),
        ("urlContext", "web_fetch"),
        ("fileSearch", "file_search"),
        ("codeExecution", "code_execution"),
        ("googleMaps", "web_search"),
        ("google_maps", "web_search"),
        ("googleSearchRetrieval", "web_search"),
        ("enterpriseWebSearch", "enterpriseWebSearch"),
        ("somethingNew", "somethingNew"),
    ],
)
def test_a_tool_that_google_runs_is_paid_and_unbounded(tool: str, name: str) -> None:
    found = ask({"tools": [{"functionDeclarations": []}, {tool: {}}]})
    assert (found.paid_tools, found.unbounded) == ((name,), name)


def test_both_spellings_of_the_configuration_are_read() -> None:
    camel = ask({"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}, "serviceTier": "flex"})
    snake = ask({"generation_config": {"max_output_tokens": 9, "candidate_count": 2}, "service_tier": "flex"})
    assert camel == snake
    assert (camel.max_output_tokens, camel.choices, camel.service_tier) == (9, 2, "flex")


def answer(usage: dict[str, Any]) -> bytes:
    candidate = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "g"}).encode()


def test_tools_and_thoughts_are_added_and_modalities_kept() -> None:
    report = CODEC.read_answer(
        answer(
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "toolUsePromptTokenCount": 20,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 7,
                "totalTokenCount": 132,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}, {"modality": 3, "tokenCount": 2}],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 4}],
                "trafficType": "ON_DEMAND_FLEX",
            }
        )
    )
    assert report.usage == Usage(
        input_tokens=120,
        cache_read_input_tokens=60,
        input_audio_tokens=40,
        input_video_tokens=2,
        cache_read_audio_tokens=10,
        tool_use_input_tokens=20,
        output_tokens=12,
        reasoning_output_tokens=7,
        output_image_tokens=4,
    )
    assert (report.suspect, report.service_tier, report.finish_reason) == (None, "flex", "STOP")


def test_a_count_that_google_leaves_out_is_zero_at_the_end_and_unknown_before() -> None:
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    whole = json.dumps({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}).encode()
    assert CODEC.read_answer(whole).usage == Usage(input_tokens=5, output_tokens=0)
    meter = CODEC.meter(strip_usage=False)
    chunk = {"candidates": [{"content": {"parts": [{"text": "abc"}]}}], "usageMetadata": usage}
    meter.feed(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n")
    assert meter.report().usage == Usage(input_tokens=5)
    assert (meter.output_bytes, meter.complete) == (19, False)


def test_a_blocked_prompt_ends_the_stream() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(b'data: {"promptFeedback": {"blockReason": "SAFETY"}}\n\n')
    assert meter.complete
    assert meter.report().finish_reason == "SAFETY"


def test_a_stream_collected_into_one_array_is_read_as_an_answer() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    body = b"[" + answer({"promptTokenCount": 5}) + b",\n" + answer(usage) + b"]"
    assert CODEC.read_answer(body).usage == Usage(input_tokens=5, output_tokens=2)


def test_an_embedding_is_read_by_its_content() -> None:
    codec = codec_for("google.embed")
    body = {"requests": [{"content": {"parts": [{"text": "a"}, {"fileData": {}}]}}]}
    found = codec.read_ask("/v1/models/e:batchEmbedContents", b"", b"", json.dumps(body).encode())
    assert isinstance(found, Ask)
    assert (found.model, found.unbounded, found.messages) == ("e", "fileData", 2)


def test_a_number_for_a_models_name_in_a_batch_is_left_to_google_to_refuse() -> None:
    codec = codec_for("google.embed")
    for value in (b"1e309", b"5", b"null", b"[]"):
        body = b'{"requests": [{"model": ' + value + b', "content": {}}]}'
        assert isinstance(codec.read_ask("/v1/models/e:batchEmbedContents", b"", b"", body), Ask)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"mimeType": "application/pdf", "data": "AA"}, "a file"),
        ({"mimeType": "audio/ogg", "data": "AA"}, "audio"),
        ({"mime_type": "VIDEO/mp4", "data": "AA"}, "a video"),
        ({"mimeType": "image/png", "mime_type": "video/mp4", "data": "AA"}, "a video"),
        ({"data": "AA"}, "a file"),
        ({}, "a file"),
    ],
)
def test_inline_media_other_than_images_is_unbounded(data: dict[str, Any], reason: str) -> None:
    for field in ("inlineData", "inline_data"):
        assert ask(parts({field: data})).unbounded == reason
        answered = {"functionResponse": {"name": "f", "response": {}, "parts": [{field: data}]}}
        assert ask(parts(answered)).unbounded == reason


def test_a_wish_for_thoughts_is_seen() -> None:
    for config, thinking in (("generationConfig", "thinkingConfig"), ("generation_config", "thinking_config")):
        assert ask({config: {thinking: {"thinkingBudget": 9}}}).reasons
        assert not ask({config: {thinking: None}}).reasons
    assert not ask({}).reasons


ROUTED = [
    {"routingConfig": {"manualMode": {"modelName": "gemini-2.5-pro"}}},
    {"routing_config": {"manual_mode": {"model_name": "gemini-2.5-pro"}}},
]


@pytest.mark.parametrize("name", ["generationConfig", "generation_config"])
@pytest.mark.parametrize("config", ROUTED)
def test_a_model_that_the_configuration_routes_to_is_asked_for(name: str, config: dict[str, Any]) -> None:
    found = ask({"contents": [], name: config})
    assert (found.substitutes, found.also_models) == (True, ("gemini-2.5-pro",))


@pytest.mark.parametrize(
    "config",
    [
        {"routingConfig": {"autoMode": {"modelRoutingPreference": "PRIORITIZE_QUALITY"}}},
        {"routingConfig": "anything"},
        {"modelConfig": {"featureSelectionPreference": "PRIORITIZE_COST"}},
        {"model_config": {}},
    ],
)
def test_a_configuration_that_has_google_choose_lets_any_model_answer(config: dict[str, Any]) -> None:
    assert ask({"contents": [], "generationConfig": config}).substitutes
    assert not ask({"contents": [], "generationConfig": {"temperature": 1}}).substitutes


@pytest.mark.parametrize(
    "method", ["generateContent", "streamGenerateContent", "countTokens", "predict", "embedContent"]
)
def test_a_body_that_names_another_model_than_the_path_is_refused_by_every_method(method: str) -> None:
    path = f"/v1beta/models/gemini-2.5-flash:{method}"
    codec = codec_for(classify("google", "POST", path))
    for query, body in ((b"", {"model": "models/gemini-2.5-pro"}), (b"model=gemini-2.5-pro", {})):
        found = codec.read_ask(path, query, b"", json.dumps({"instances": [{}], **body}).encode())
        assert isinstance(found, Malformed) and "they must agree" in found.message
    same = json.dumps({"instances": [{}], "model": "models/gemini-2.5-flash"}).encode()
    assert isinstance(codec.read_ask(path, b"alt=sse", b"", same), Ask)


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_count_of_a_request_for_another_model_is_refused(name: str) -> None:
    codec, path = codec_for("google.count_tokens"), "/v1beta/models/gemini-2.5-flash:countTokens"
    same, other = ({name: {"model": f"models/gemini-2.5-{kind}", "contents": []}} for kind in ("flash", "pro"))
    assert isinstance(codec.read_ask(path, b"", b"", json.dumps(same).encode()), Ask)
    assert isinstance(codec.read_ask(path, b"", b"", json.dumps(other).encode()), Malformed)
    assert isinstance(codec.read_ask(path, b"", b"", b"no json"), Ask)
