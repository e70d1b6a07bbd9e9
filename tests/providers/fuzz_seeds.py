"""What fuzzing starts from: a request, an answer and a stream of every API, and the recorded ones where they are at hand."""

import base64
import json
import os
import pathlib
import struct
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tollway.providers.eventstream import frame
from tollway.providers.registry import classify
from tollway.request import Api

FOLDER = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
LONGEST = 24_000
"""Bytes of a recorded body: a longer one is slower, and no other kind of thing."""


class Seed(NamedTuple):
    """One exchange with a provider."""

    api: Api
    path: str
    request: bytes
    answers: tuple[bytes, ...] = ()
    streams: tuple[bytes, ...] = ()
    content_type: bytes = b"application/json"


SERVED: dict[str, tuple[tuple[str, str], ...]] = {
    "openai": (("openai", "gpt-4o-mini"), ("openrouter", "openai/gpt-4o"), ("groq", "llama-3.3-70b-versatile")),
    "openai.chat": (("openai", "gpt-4o-mini"), ("openai", "o3"), ("openrouter", "openai/gpt-4o"), ("xai", "grok-3")),
    "openai.completions": (("openai", "gpt-3.5-turbo-instruct"), ("openrouter", "openai/gpt-4o")),
    "openai.embeddings": (("openai", "text-embedding-3-small"), ("voyageai", "voyage-3-large")),
    "openai.images": (("openai", "gpt-image-1"), ("openai", "dall-e-3")),
    "openai.speech": (("openai", "tts-1"), ("openai", "gpt-4o-mini-tts")),
    "openai.transcription": (("openai", "whisper-1"), ("openai", "gpt-4o-transcribe")),
    "openai.rerank": (("voyageai", "rerank-2"), ("cohere", "rerank-v3.5")),
    "openai.ocr": (("mistral", "mistral-ocr-latest"),),
    "anthropic": (("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-3-haiku")),
    "anthropic.vertex": (("google-vertex", "claude-sonnet-4-5"),),
    "google": (("google", "gemini-2.5-flash"), ("google", "gemini-2.0-flash")),
    "google.embed": (("google", "gemini-embedding-001"),),
    "google.predict": (("google-vertex", "imagen-4.0-generate-001"), ("google-vertex", "gemini-embedding-001")),
    "bedrock": (("aws-bedrock", "amazon.nova-lite-v1:0"), ("aws-bedrock", "anthropic.claude-3-haiku-20240307-v1:0")),
    "cohere": (("cohere", "command-r"),),
    "cohere.embed": (("cohere", "embed-v4.0"),),
    "cohere.rerank": (("cohere", "rerank-v3.5"),),
    "ollama": (("ollama-cloud", "gpt-oss:120b"), ("openai", "gpt-4o-mini")),
    "cloudflare.run": (
        ("cloudflare", "@cf/meta/llama-3.1-8b-instruct"),
        ("cloudflare", "@cf/openai/whisper"),
        ("cloudflare", "@cf/baai/bge-m3"),
    ),
}
"""By API, or by its family: the provider and the model whose prices hold."""


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _sse(*events: Any) -> bytes:
    return b"".join(b"data: " + _json(event) + b"\n\n" for event in events)


def _named(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: " + event["type"].encode() + b"\ndata: " + _json(event) + b"\n\n" for event in events)


def _lines(*events: Any) -> bytes:
    return b"".join(_json(event) + b"\n" for event in events)


def _frames(*events: tuple[str, Any]) -> bytes:
    framing = {":message-type": "event", ":content-type": "application/json"}
    return b"".join(frame({":event-type": kind} | framing, _json(value)) for kind, value in events)


def _chunks(*events: Any) -> bytes:
    return _frames(*(("chunk", {"bytes": base64.b64encode(_json(event)).decode()}) for event in events))


def _seed(api: Api, path: str, request: Any, *answers: Any, streams: tuple[bytes, ...] = (), **more: Any) -> Seed:
    return Seed(api, path, _json(request), tuple(_json(answer) for answer in answers), streams, **more)


_SAID = [{"role": "user", "content": "hi"}]
_CHAT_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
_CHAT = {"id": "c1", "model": "gpt-4o-mini", "service_tier": "default", "usage": _CHAT_USAGE}
_RESPONSE = {
    "id": "r1",
    "model": "gpt-4o-mini",
    "status": "completed",
    "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "Hello."}]},
        {"type": "web_search_call"},
    ],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 30,
    },
}
_CLAUDE_USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 6,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 4},
    "output_tokens": 10,
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "standard",
}
_STEPPED = _CLAUDE_USAGE | {"iterations": [{"type": "message", "input_tokens": 9, "output_tokens": 4}]}
_CLAUDE = {"id": "m1", "type": "message", "model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "Hello."}]}
_CLAUDE_STREAM = _named(
    {"type": "message_start", "message": _CLAUDE | {"content": [], "usage": _CLAUDE_USAGE}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10}},
    {"type": "message_stop"},
)
_CLAUDE_ASK = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1000,
    "messages": _SAID,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
    "thinking": {"type": "enabled", "budget_tokens": 500},
}
_GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "Hello."}]}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 20,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 30,
        "cachedContentTokenCount": 4,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}, {"modality": "AUDIO", "tokenCount": 8}],
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "g1",
}
_CONVERSE_USAGE = {"inputTokens": 20, "outputTokens": 10, "totalTokens": 30, "cacheReadInputTokens": 0}
_OLLAMA = {"model": "gpt-oss:120b", "done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 10}
_COHERE_USAGE = {"billed_units": {"input_tokens": 20, "output_tokens": 10}, "tokens": {"input_tokens": 90}}
_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00"
    b"data\x00\x00\x00\x00\r\n--x--\r\n"
)
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

BUILT_IN: tuple[Seed, ...] = (
    _seed(
        "openai.chat",
        "/v1/chat/completions",
        {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}}],
                },
            ],
            "max_tokens": 1000,
            "n": 2,
            "stream": True,
            "stream_options": {"include_usage": False, "other": 1.50},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "service_tier": "auto",
        },
        _CHAT | {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hello."}}]},
        _CHAT | {"usage": _CHAT_USAGE | {"cost": 0.00012, "cost_details": {"upstream_inference_cost": 0.0001}}},
        streams=(
            _sse(
                {"id": "c1", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "Hello"}}]},
                {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": _CHAT_USAGE},
                b"[DONE]",
            ),
            _sse({"choices": [], "x_groq": {"id": "r", "usage": _CHAT_USAGE}}, b"[DONE]"),
        ),
    ),
    _seed(
        "openai.responses",
        "/v1/responses",
        {"model": "gpt-4o-mini", "input": _SAID, "max_output_tokens": 1000, "tools": [{"type": "web_search"}]},
        _RESPONSE,
        streams=(
            _named(
                {"type": "response.created", "response": {"id": "r1", "model": "gpt-4o-mini", "status": "in_progress"}},
                {"type": "response.output_text.delta", "delta": "Hello."},
                {"type": "response.output_item.done", "item": {"type": "web_search_call", "status": "completed"}},
                {"type": "response.completed", "response": _RESPONSE},
            ),
        ),
    ),
    _seed(
        "openai.completions",
        "/v1/completions",
        {"model": "gpt-3.5-turbo-instruct", "prompt": ["a", "b"], "max_tokens": 500, "best_of": 2},
        {
            "model": "gpt-3.5-turbo-instruct",
            "choices": [{"text": "Hello.", "finish_reason": "stop"}],
            "usage": _CHAT_USAGE,
        },
        streams=(_sse({"choices": [{"text": "Hello."}]}, {"choices": [], "usage": _CHAT_USAGE}, b"[DONE]"),),
    ),
    _seed(
        "openai.embeddings",
        "/v1/embeddings",
        {"model": "text-embedding-3-small", "input": ["a", "b"]},
        {
            "data": [{"embedding": [0.5]}],
            "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        },
    ),
    _seed(
        "openai.images",
        "/v1/images/generations",
        {"model": "gpt-image-1", "prompt": "a cat", "n": 2, "size": "1024x1024", "quality": "low"},
        {
            "created": 1,
            "data": [{"b64_json": "AAAA"}],
            "usage": {
                "input_tokens": 9,
                "output_tokens": 272,
                "total_tokens": 281,
                "input_tokens_details": {"text_tokens": 9},
            },
        },
        {"created": 1, "data": [{"url": "https://example.com/a.png"}], "size": "1024x1024", "quality": "hd"},
        streams=(_named({"type": "image_generation.completed", "b64_json": "AA", "usage": {"input_tokens": 9}}),),
    ),
    _seed(
        "openai.speech",
        "/v1/audio/speech",
        {"model": "tts-1", "input": "Hello there.", "voice": "alloy", "stream_format": "sse"},
        b"ID3\x04\x00",
        streams=(
            _sse(
                {"type": "speech.audio.delta", "audio": "AAAA"},
                {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 40, "total_tokens": 43}},
            ),
        ),
    ),
    _seed(
        "openai.transcription",
        "/v1/audio/transcriptions",
        _FORM,
        {"text": "Hello.", "usage": {"type": "duration", "seconds": 3}},
        {"text": "Hello.", "duration": 2.5},
        {"text": "Hello.", "usage": {"type": "tokens", "input_tokens": 9, "output_tokens": 4, "total_tokens": 13}},
        streams=(
            _sse(
                {"type": "transcript.text.delta", "delta": "Hello."},
                {"type": "transcript.text.done", "text": "Hello.", "usage": {"input_tokens": 9, "output_tokens": 4}},
            ),
        ),
        content_type=b"multipart/form-data; boundary=x",
    ),
    _seed(
        "openai.moderations",
        "/v1/moderations",
        {"model": "omni-moderation-latest", "input": "hi"},
        {"id": "m", "model": "omni-moderation-latest", "results": [{"flagged": False}]},
    ),
    _seed(
        "openai.rerank",
        "/v1/rerank",
        {"model": "rerank-2", "query": "q", "documents": ["a", "b"]},
        {"data": [{"index": 0, "relevance_score": 0.5}], "model": "rerank-2", "usage": {"total_tokens": 26}},
        {"results": [], "meta": {"billed_units": {"search_units": 1}}},
    ),
    _seed(
        "openai.ocr",
        "/v1/ocr",
        {
            "model": "mistral-ocr-latest",
            "document": {"type": "document_url", "document_url": "https://e.com"},
            "pages": [0],
        },
        {"pages": [{"markdown": "Hi"}], "model": "mistral-ocr-latest", "usage_info": {"pages_processed": 1}},
    ),
    _seed("openai.other", "/v1/batches", {"model": "gpt-4o-mini"}, _CHAT, streams=(_sse(_CHAT),)),
    _seed(
        "anthropic.messages",
        "/v1/messages",
        _CLAUDE_ASK,
        _CLAUDE | {"usage": _CLAUDE_USAGE, "stop_reason": "end_turn"},
        _CLAUDE | {"usage": _STEPPED},
        streams=(_CLAUDE_STREAM,),
    ),
    _seed("anthropic.count_tokens", "/v1/messages/count_tokens", _CLAUDE_ASK, {"input_tokens": 20}),
    _seed(
        "anthropic.vertex",
        "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict",
        {"anthropic_version": "vertex-2023-10-16", "messages": _SAID, "max_tokens": 1000, "stream": True},
        _CLAUDE | {"usage": _CLAUDE_USAGE},
        streams=(_CLAUDE_STREAM,),
    ),
    _seed("anthropic.other", "/v1/messages/batches", {"requests": []}, _CLAUDE | {"usage": _CLAUDE_USAGE}),
    _seed(
        "google.generate",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": _PNG}}]}
            ],
            "generationConfig": {"maxOutputTokens": 1000, "candidateCount": 2, "thinkingConfig": {"thinkingBudget": 5}},
            "tools": [{"googleSearch": {}}],
        },
        _GEMINI,
        streams=(
            _sse(_GEMINI | {"usageMetadata": {"promptTokenCount": 20}}, _GEMINI),
            json.dumps([_GEMINI] * 2).encode(),
        ),
    ),
    _seed("google.count_tokens", "/v1beta/models/gemini-2.5-flash:countTokens", {"contents": []}, {"totalTokens": 9}),
    _seed(
        "google.embed",
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        {"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}}]},
        {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 3}},
    ),
    _seed(
        "google.predict",
        "/v1/projects/p/locations/l/publishers/google/models/imagen-4.0-generate-001:predict",
        {"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 2}},
        {"predictions": [{"bytesBase64Encoded": "AA", "mimeType": "image/png"}]},
        {"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 4, "truncated": False}}}]},
    ),
    _seed("google.other", "/v1beta/models/gemini-2.5-flash:other", {"a": 1}, _GEMINI, streams=(_sse(_GEMINI),)),
    _seed(
        "bedrock.converse",
        "/model/amazon.nova-lite-v1:0/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"maxTokens": 1000}},
        {"output": {"message": {"content": [{"text": "Hello."}]}}, "stopReason": "end_turn", "usage": _CONVERSE_USAGE},
        streams=(
            _frames(
                ("messageStart", {"role": "assistant"}),
                ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello."}}),
                ("contentBlockStop", {"contentBlockIndex": 0}),
                ("messageStop", {"stopReason": "end_turn"}),
                ("metadata", {"usage": _CONVERSE_USAGE, "metrics": {"latencyMs": 5}}),
            ),
        ),
    ),
    _seed(
        "bedrock.invoke",
        "/model/anthropic.claude-sonnet-4-5/invoke-with-response-stream",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1000, "messages": _SAID},
        _CLAUDE | {"usage": _CLAUDE_USAGE},
        {
            "inputTextTokenCount": 9,
            "results": [{"tokenCount": 7, "outputText": "Hello.", "completionReason": "FINISH"}],
        },
        {"generation": "Hello.", "prompt_token_count": 9, "generation_token_count": 7, "stop_reason": "stop"},
        streams=(
            _chunks(
                {"type": "message_start", "message": {"usage": {"input_tokens": 20, "output_tokens": 1}}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10}},
                {
                    "type": "message_stop",
                    "amazon-bedrock-invocationMetrics": {"inputTokenCount": 20, "outputTokenCount": 10},
                },
            ),
        ),
    ),
    _seed(
        "bedrock.count_tokens",
        "/model/amazon.nova-lite-v1:0/count-tokens",
        {"input": {"converse": {"messages": []}}},
        {"inputTokens": 9},
    ),
    _seed("bedrock.other", "/model/amazon.nova-lite-v1:0/other", {"a": 1}, {"usage": _CONVERSE_USAGE}),
    _seed(
        "cohere.chat",
        "/v2/chat",
        {"model": "command-r", "messages": _SAID, "max_tokens": 1000, "documents": ["a"], "stream": True},
        {"id": "h", "finish_reason": "COMPLETE", "message": {"content": [{"text": "Hello."}]}, "usage": _COHERE_USAGE},
        {"text": "Hello.", "meta": {"billed_units": {"input_tokens": 20, "output_tokens": 10, "search_units": 1}}},
        streams=(
            _named(
                {"type": "message-start", "id": "h"},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello."}}}},
                {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _COHERE_USAGE}},
            ),
            _lines(
                {"event_type": "text-generation", "text": "Hello."},
                {"event_type": "stream-end", "is_finished": True, "response": {"meta": _COHERE_USAGE}},
            ),
        ),
    ),
    _seed(
        "cohere.embed",
        "/v2/embed",
        {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query"},
        {"id": "e", "embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 2, "images": 0}}},
    ),
    _seed(
        "cohere.rerank",
        "/v2/rerank",
        {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"], "max_tokens_per_doc": 100},
        {"results": [{"index": 0}], "meta": {"billed_units": {"search_units": 1}}},
    ),
    _seed("cohere.other", "/v1/classify", {"model": "command-r"}, {"meta": {"billed_units": {"classifications": 1}}}),
    _seed(
        "ollama.chat",
        "/api/chat",
        {"model": "gpt-oss:120b", "messages": _SAID, "options": {"num_predict": 1000}},
        _OLLAMA | {"message": {"content": "Hello."}},
        streams=(_lines({"message": {"content": "Hello."}, "done": False}, _OLLAMA),),
    ),
    _seed(
        "ollama.generate",
        "/api/generate",
        {"model": "gpt-oss:120b", "prompt": "hi", "options": {"num_predict": 1000}, "stream": False},
        _OLLAMA | {"response": "Hello."},
        streams=(_lines({"response": "Hello.", "done": False}, _OLLAMA),),
    ),
    _seed(
        "ollama.embed", "/api/embed", {"model": "m", "input": ["a"]}, {"embeddings": [[0.5]], "prompt_eval_count": 2}
    ),
    _seed("ollama.other", "/api/other", {"model": "m"}, _OLLAMA, streams=(_lines(_OLLAMA),)),
    _seed(
        "cloudflare.run",
        "/client/v4/accounts/a/ai/run/@cf/meta/llama-3.1-8b-instruct",
        {"messages": _SAID, "max_tokens": 1000, "stream": True},
        {"result": {"response": "Hello.", "usage": _CHAT_USAGE}, "success": True},
        {"result": {"text": "Hello.", "transcription_info": {"duration": 3.5}}, "success": True},
        streams=(
            _sse({"response": "Hello."}, {"response": "", "usage": _CHAT_USAGE}, b"[DONE]"),
            _sse({"choices": [{"delta": {"content": "Hello."}}]}, {"choices": [], "usage": _CHAT_USAGE}, b"[DONE]"),
        ),
    ),
)


def _url(kind: str, content: bytes) -> dict[str, Any]:
    return {"url": f"data:{kind};base64,{base64.b64encode(content).decode()}", "detail": "high"}


_GIF = b"GIF89a" + struct.pack("<HHB", 40, 30, 0) + b"\0\0\x21\xf9\x01a\0\x2c" + struct.pack("<HHHH", 0, 0, 40, 30)
_JPEG = b"\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 600, 800) + b"\1\1\x11\0"
_WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + struct.pack("<HBHB", 99, 0, 199, 0)
_BMP = b"BM" + bytes(12) + struct.pack("<Iii", 40, 64, -48)
_HEIF_SIZE = struct.pack(">I4sIII", 20, b"ispe", 0, 64, 48)
_HEIF = (
    struct.pack(">I4s4s4x", 16, b"ftyp", b"heic")
    + struct.pack(">I4s4x", 12 + 8 + 8 + 20, b"meta")
    + struct.pack(">I4s", 8 + 8 + 20, b"iprp")
    + struct.pack(">I4s", 8 + 20, b"ipco")
    + _HEIF_SIZE
)
_WAVE = _FORM[_FORM.index(b"RIFF") : _FORM.index(b"\r\n--x--")]
_IMAGES = [
    {"type": "image_url", "image_url": _url(kind, content)}
    for kind, content in (
        ("image/gif", _GIF),
        ("image/jpeg", _JPEG),
        ("image/webp", _WEBP),
        ("image/bmp", _BMP),
        ("image/heic", _HEIF),
        ("audio/wav", _WAVE),
    )
]
_WAVE_TEXT = base64.b64encode(_WAVE).decode()
_JPEG_TEXT = base64.b64encode(_JPEG).decode()
_BASE64 = {"type": "base64", "media_type": "image/jpeg", "data": _JPEG_TEXT}
_OPUS_PAGE = b"OggS\0\0" + struct.pack("<Q", 48_000) + bytes(12)
_EDIT = (
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-image-1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n\r\nPNG\r\n'
    b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n3\r\n--x--\r\n'
)

RICH: tuple[Seed, ...] = (
    _seed(
        "openai.chat",
        "/v1/chat/completions",
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "user", "content": [*_IMAGES, {"type": "input_audio", "input_audio": {"data": _WAVE_TEXT}}]},
                {
                    "role": "user",
                    "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}],
                },
                {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://e.com/a.mp4"}}]},
                {"role": "assistant", "audio": {"id": "a"}, "content": None},
            ],
            "web_search_options": {"search_context_size": "high"},
            "tools": [{"type": "web_search_preview_2025_03_11"}, {"type": "openrouter:web_search"}],
        },
        _CHAT | {"usage": _CHAT_USAGE | {"cost": {"total_cost": 0.5}, "search_context_size": "high"}},
        _CHAT
        | {"usage": _CHAT_USAGE | {"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}},
        _CHAT | {"usage": _CHAT_USAGE | {"cost_in_usd_ticks": 123456, "num_search_queries": 3, "citation_tokens": 5}},
        streams=(
            _sse({"choices": [{"delta": {"audio": {"data": "AA"}, "reasoning_content": "x"}}], "usage": _CHAT_USAGE}),
        ),
    ),
    _seed(
        "openai.responses",
        "/v1/responses",
        {
            "model": "gpt-4o",
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": _IMAGES[1]["image_url"]["url"]}]},
                {
                    "role": "user",
                    "content": [{"type": "input_file", "file_id": "f"}, {"type": "input_file", "file_data": "A"}],
                },
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": _WAVE_TEXT}}]},
                {"type": "function_call_output", "output": [{"type": "input_text", "text": "a"}]},
                {"type": "image_generation_call", "result": _JPEG_TEXT},
                {
                    "type": "computer_call_output",
                    "output": {"type": "computer_screenshot", "image_url": "https://e.com"},
                },
            ],
            "reasoning": {"effort": "high"},
        },
        _RESPONSE,
    ),
    _seed(
        "anthropic.messages",
        "/v1/messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 2000,
            "container": "c",
            "mcp_servers": [{"type": "url", "url": "https://e.com"}],
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": _BASE64, "cache_control": {"type": "ephemeral"}}],
                },
                {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "a"}}]},
                {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://e.com"}}]},
                {
                    "role": "user",
                    "content": [{"type": "document", "source": {"type": "content", "content": [_BASE64]}}],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "content": [{"type": "image", "source": _BASE64}]}],
                },
            ],
        },
        _CLAUDE | {"usage": _CLAUDE_USAGE | {"inference_geo": "us", "speed": "fast"}},
    ),
    _seed(
        "google.generate",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        {
            "contents": [
                {
                    "parts": [
                        {
                            "inlineData": {"mimeType": "audio/wav", "data": _WAVE_TEXT},
                            "mediaResolution": {"numTokens": 9},
                        }
                    ]
                },
                {"parts": {"inline_data": {"mime_type": "video/mp4", "data": "AA"}}},
                {"parts": [{"fileData": {"fileUri": "https://e.com"}}]},
            ],
            "cachedContent": "cachedContents/a",
            "generation_config": {"max_output_tokens": 500},
        },
        _GEMINI | {"usageMetadata": {"promptTokenCount": 9, "toolUsePromptTokenCount": 4, "totalTokenCount": 20}},
        streams=(_sse({"candidates": [{"content": {"parts": [{"executableCode": {"code": "a"}}]}}]}, _GEMINI),),
    ),
    _seed(
        "bedrock.converse",
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
        {
            "messages": [
                {"role": "user", "content": [{"image": {"format": "jpeg", "source": {"bytes": _JPEG_TEXT}}}]},
                {
                    "role": "user",
                    "content": [{"document": {"format": "txt", "name": "a", "source": {"bytes": "QQ=="}}}],
                },
                {
                    "role": "user",
                    "content": [{"guardContent": {"image": {"format": "png", "source": {"bytes": _PNG}}}}],
                },
                {
                    "role": "user",
                    "content": [{"toolResult": {"content": [{"text": "a"}]}}, {"cachePoint": {"ttl": "1h"}}],
                },
            ],
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}, {"cachePoint": {"type": "default"}}]},
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            "serviceTier": {"type": "flex"},
        },
        {
            "output": {"message": {"content": [{"toolUse": {"name": "nova_grounding"}}]}},
            "usage": _CONVERSE_USAGE | {"cacheWriteInputTokens": 7, "cacheDetails": [{"ttl": "1h", "inputTokens": 7}]},
            "performanceConfig": {"latency": "optimized"},
        },
    ),
    *(
        _seed("bedrock.invoke", f"/model/{model}/invoke", request, answer)
        for model, request, answer in (
            (
                "amazon.nova-canvas-v1:0",
                {
                    "taskType": "TEXT_IMAGE",
                    "imageGenerationConfig": {"numberOfImages": 2, "width": 512, "height": 512, "quality": "premium"},
                },
                {"images": ["AA", None]},
            ),
            (
                "stability.stable-diffusion-xl-v1",
                {"text_prompts": [{"text": "a"}], "samples": 2, "steps": 60},
                {"artifacts": [{}]},
            ),
            (
                "cohere.rerank-v3-5:0",
                {"query": "q", "documents": ["a", {"text": "b"}], "api_version": 2},
                {"results": [{"index": 0, "relevance_score": 0.5}]},
            ),
            (
                "cohere.embed-v4:0",
                {"texts": ["a"], "images": [_IMAGES[0]["image_url"]["url"]], "inputs": [{"content": [_IMAGES[0]]}]},
                {"embeddings": [[0.5]], "meta": {"billed_units": {"input_tokens": 2, "image_tokens": 3}}},
            ),
            (
                "amazon.nova-2-multimodal-embeddings-v1:0",
                {"singleEmbeddingParams": {"image": {"format": "png", "source": {"bytes": _PNG}}}},
                {"embeddings": [], "inputTokenCount": 4},
            ),
            (
                "amazon.nova-lite-v1:0",
                {"messages": [], "inferenceConfig": {"maxTokens": 900}, "reasoningConfig": {"type": "enabled"}},
                {"output": {}, "usage": {"inputTokens": 1, "outputTokens": 2}},
            ),
            (
                "meta.llama3-70b-instruct-v1:0",
                {"prompt": "a", "max_gen_len": 900},
                {"generation": "b", "stop_reason": "stop"},
            ),
            (
                "mistral.mistral-large-2402-v1:0",
                {"prompt": "a", "max_tokens": 900},
                {"outputs": [{"text": "b", "stop_reason": "s"}]},
            ),
            (
                "anthropic.claude-v2",
                {"prompt": "a", "max_tokens_to_sample": 900},
                {"completion": "b", "stop_reason": "stop"},
            ),
            ("qwen.qwen3-32b-v1:0", {"messages": _SAID, "max_tokens": 900, "n": 2}, _CHAT),
            (
                "cohere.command-r-v1:0",
                {"message": "a", "max_tokens": 900},
                {"generations": [{"finish_reason": "COMPLETE"}]},
            ),
        )
    ),
    _seed(
        "bedrock.invoke",
        "/model/amazon.nova-lite-v1:0/invoke-with-response-stream",
        {"messages": [], "inferenceConfig": {"max_new_tokens": 900}},
        streams=(
            _chunks(
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": "Hello."}}},
                {"metadata": {"usage": _CONVERSE_USAGE}},
            ),
            _chunks(
                {"choices": [{"delta": {"content": "Hello."}}]}, {"choices": [{"message": {"content": "a"}}]}, _CHAT
            ),
        ),
    ),
    _seed(
        "cohere.chat",
        "/v1/chat",
        {
            "model": "command-r",
            "message": "hi",
            "preamble_override": "a",
            "conversation_id": "c",
            "connectors": [{"id": "web-search"}, {"id": "other"}],
            "messages": [{"role": "user", "content": [_IMAGES[0], {"type": "other"}]}],
        },
        {"text": "a", "meta": {"billed_units": {"input_tokens": 2, "output_tokens": 3}}},
        streams=(
            _lines(
                {"event_type": "search-queries-generation", "search_queries": [{"text": "a"}]},
                {"event_type": "tool-calls-generation", "tool_calls": [{"name": "f"}]},
                {
                    "event_type": "stream-end",
                    "is_finished": True,
                    "response": {"meta": {"billed_units": {"input_tokens": 2}}},
                },
            ),
        ),
    ),
    _seed(
        "cohere.embed",
        "/v2/embed",
        {"model": "embed-v4.0", "inputs": [{"content": [_IMAGES[0]]}], "images": ["data:image/png;base64,AA"]},
    ),
    _seed(
        "ollama.chat",
        "/api/chat",
        {"model": "m", "messages": [{"role": "user", "content": "a", "images": [_PNG]}], "think": True},
        streams=(_lines({"message": {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}}, _OLLAMA),),
    ),
    _seed(
        "openai.images",
        "/v1/images/edits",
        _EDIT,
        {"data": [{"b64_json": "AA"}], "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}},
        streams=(
            _named(
                {"type": "image_edit.partial_image", "b64_json": "AA", "partial_image_index": 0},
                {
                    "type": "image_edit.completed",
                    "b64_json": "AA",
                    "usage": {"output_tokens": 2, "input_tokens_details": {"a": 1}},
                },
                {
                    "type": "image_edit.completed",
                    "b64_json": "AA",
                    "usage": {"output_tokens": 2, "input_tokens_details": {"a": 1}},
                },
            ),
        ),
        content_type=b"multipart/form-data; boundary=x",
    ),
    _seed(
        "openai.images",
        "/v1/images/generations",
        {
            "model": "gpt-image-2",
            "prompt": "a",
            "size": "2048x1024",
            "quality": "auto",
            "partial_images": 2,
            "stream": True,
        },
        {"data": [{"url": "a"}], "created": 1},
    ),
    *(
        _seed(
            "openai.speech",
            "/v1/audio/speech",
            {"model": "gpt-4o-mini-tts", "input": "a", "response_format": kind, "speed": 2},
            sound,
            streams=(sound,),
        )
        for kind, sound in (
            ("mp3", b"ID3\x04" + bytes(6) + b"\xff\xfb\x90\x00" + bytes(400)),
            ("opus", _OPUS_PAGE + bytes(50) + _OPUS_PAGE),
            ("wav", _WAVE + bytes(300)),
            ("aac", b"\xff\xf1\x50\x80" + bytes(300)),
            ("flac", b"fLaC" + bytes(100)),
            ("pcm", bytes(range(200)) * 3),
        )
    ),
    _seed(
        "openai.ocr",
        "/v1/ocr",
        {
            "model": "mistral-ocr-latest",
            "document": {"type": "image_url", "image_url": "https://e.com"},
            "pages": "0-3,5",
            "document_annotation_format": {},
        },
        {"pages": [{}], "usage_info": {"pages_processed": 3, "doc_size_bytes": 5}, "document_annotation": "{}"},
    ),
    _seed(
        "openai.rerank",
        "/v1/rerank",
        {"model": "rerank-2", "query": [{"image_url": "https://e.com"}], "documents": [{"text": "a", "image": "b"}]},
        {"scores": [0.5], "inference_status": {"cost": 0.00012, "tokens_input": 9}},
    ),
    _seed("openai.moderations", "/v1/moderations", {"input": [_IMAGES[0], {"type": "text", "text": "a"}]}, _CHAT),
    _seed(
        "openai.completions", "/v1/completions", {"prompt": [1, 2, 3], "model": "gpt-3.5-turbo-instruct", "n": 3}, _CHAT
    ),
    _seed(
        "openai.transcription",
        "/v1/audio/transcriptions",
        {"model": "whisper-1", "file_url": "https://e.com", "stream": True},
        b"1\n00:00:00,000 --> 00:00:02,000\nHello.\n",
        {
            "text": "a",
            "model": "voxtral",
            "usage": {"prompt_audio_seconds": 4, "prompt_tokens": 9, "completion_tokens": 3},
        },
    ),
    _seed("openai.other", "/v1/images", {"model": "m"}, {"created": 1, "data": [{"url": "a"}, {"b64_json": "A"}]}),
    _seed(
        "cloudflare.run",
        "/client/v4/accounts/a/ai/run",
        {"model": "@cf/meta/llama-3.1-8b-instruct", "input": {"messages": _SAID, "max_tokens": 900, "stream": True}},
        {"result": {"response": "a", "tool_calls": [{"name": "f"}]}},
        streams=(
            _sse(
                {"response": "a", "tool_calls": [{"name": "f"}]}, {"type": "response.completed", "response": _RESPONSE}
            ),
        ),
    ),
    _seed(
        "cloudflare.run",
        "/client/v4/accounts/a/ai/run/@cf/other/model",
        {
            "query": "q",
            "contexts": [{"text": "a"}],
            "text": ["a"],
            "image": [1, 2],
            "audio": "AA",
            "input": "a",
            "messages": [{"role": "user", "content": _IMAGES}],
        },
    ),
    _seed(
        "anthropic.vertex",
        "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
        {"model": "claude-sonnet-4-5", "messages": _SAID},
        {"input_tokens": 4},
    ),
    _seed(
        "google.embed",
        "/v1/projects/p/locations/l/publishers/google/models/gemini-embedding-001:embedContent",
        {"content": {"parts": [{"text": "a"}]}},
        {"embedding": {}, "usageMetadata": {"promptTokenCount": 4}},
    ),
    _seed(
        "google.predict",
        "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict",
        {"instances": [{"content": "a"}]},
        {"predictions": [], "metadata": {"billableCharacterCount": 9}},
    ),
)
"""Shapes that decide cost in less common ways: media, families, tools, stated costs."""

_BATCH = {"id": "batch_1", "status": "completed", "request_counts": {"total": 2, "completed": 2}, "usage": _CHAT_USAGE}
JOBS: tuple[Seed, ...] = (
    _seed("openai.batches", "/v1/batches", {"input_file_id": "f", "endpoint": "/v1/chat/completions"}, _BATCH),
    _seed("openai.files", "/v1/files", _FORM, {"id": "file-1"}, content_type=b"multipart/form-data; boundary=x"),
    _seed(
        "anthropic.batches",
        "/v1/messages/batches",
        {"requests": [{"custom_id": "a", "params": _CLAUDE_ASK}]},
        {"id": "b"},
    ),
)
"""What is made now and answered later."""

SEEDS: tuple[Seed, ...] = BUILT_IN + RICH + JOBS


_FAMILIES = {
    "anthropic": "anthropic",
    "google-gemini": "google",
    "google-vertex": "google",
    "aws-bedrock": "bedrock",
    "cohere": "cohere",
    "ollama": "ollama",
}


def _recorded(row: dict[str, Any]) -> Seed | None:
    path = urlsplit(row["url"]).path.removeprefix("/bedrock")
    api = classify(_FAMILIES.get(row["provider"], "openai"), row["method"], path)  # type: ignore[arg-type]
    request = _json(row["request"]) if isinstance(row["request"], dict) else b""
    answer = base64.b64decode(row["response_b64"]) if "response_b64" in row else (row["response"] or "").encode()
    if not answer or len(answer) > LONGEST or len(request) > LONGEST:
        return None
    return Seed(api, path, request, () if row["stream"] else (answer,), (answer,) if row["stream"] else ())


def recorded() -> tuple[Seed, ...]:
    """The recorded exchanges; none where the data is not at hand."""
    file = FOLDER / "responses.jsonl"
    if not file.exists():
        return ()
    rows = (json.loads(line) for line in file.read_text().splitlines())
    return tuple(seed for row in rows if (seed := _recorded(row)) is not None)
