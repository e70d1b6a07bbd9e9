import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.gathered_request import Upstream, upstream_request
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask

GOOGLE = "/v1beta/models/gemini-2.5-flash:generateContent"
VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict"
PATHS: dict[Api, str] = {
    "openai.chat": "/v1/chat/completions",
    "openai.completions": "/v1/completions",
    "openai.responses": "/v1/responses",
    "anthropic.messages": "/v1/messages",
    "anthropic.vertex": VERTEX,
    "google.generate": GOOGLE,
    "openai.embeddings": "/v1/embeddings",
}


def upstream(api: Api, path: str = "", query: bytes = b"", **body: Any) -> Upstream | None:
    path = path or PATHS[api]
    written = json.dumps(body).encode()
    ask = codec_for(api).read_ask(path, query, b"application/json", written)
    assert not isinstance(ask, Malformed)
    return upstream_request(api, path, query, written, ask)


@pytest.mark.parametrize("api", ["openai.chat", "openai.completions"])
def test_a_completion_goes_where_it_went_and_asks_for_its_usage(api: Api) -> None:
    assert upstream(api, query=b"a=1") == Upstream(PATHS[api], b"a=1", include_usage=True)


@pytest.mark.parametrize("api", ["openai.responses", "anthropic.messages"])
def test_what_tells_its_usage_unasked_goes_where_it_went(api: Api) -> None:
    assert upstream(api, query=b"a=1") == Upstream(PATHS[api], b"a=1", include_usage=False)


@pytest.mark.parametrize(
    ("path", "there"),
    [
        (GOOGLE, "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
        ("/v1/models/m%3AgenerateContent", "/v1/models/m%3AstreamGenerateContent"),
        ("/v1/tunedModels/a:b:generateContent", "/v1/tunedModels/a:b:streamGenerateContent"),
    ],
)
def test_gemini_is_asked_for_events_by_its_path(path: str, there: str) -> None:
    assert upstream("google.generate", path) == Upstream(there, b"alt=sse", include_usage=False)


@pytest.mark.parametrize(
    ("query", "there"),
    [
        (b"key=abc", b"key=abc&alt=sse"),
        (b"alt=json&key=abc", b"key=abc&alt=sse"),
        (b"$alt=json%3Benum-encoding%3Dint&x=%20", b"x=%20&alt=sse"),
        (b"%24alt=json", b"alt=sse"),
        (b"altitude=3", b"altitude=3&alt=sse"),
    ],
)
def test_every_other_parameter_is_kept(query: bytes, there: bytes) -> None:
    found = upstream("google.generate", query=query)
    assert found is not None
    assert found.query == there


def test_claude_on_vertex_is_asked_by_its_path() -> None:
    found = upstream("anthropic.vertex")
    assert found is not None
    assert found.path == VERTEX.replace(":rawPredict", ":streamRawPredict")
    counted = VERTEX.replace("claude-sonnet-4@20250514", "count-tokens")
    assert upstream("anthropic.vertex", counted) is None


@pytest.mark.parametrize(
    ("api", "path", "body"),
    [
        ("openai.chat", "", {"stream": True}),
        ("openai.chat", "", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}),
        ("openai.chat", "", {"deferred": True}),
        ("openai.completions", "", {"best_of": 3}),
        ("openai.responses", "", {"background": True}),
        ("openai.responses", "/v1/responses/compact", {}),
        ("anthropic.vertex", VERTEX.replace(":raw", ":streamRaw"), {}),
        ("google.generate", GOOGLE.replace(":generate", ":streamGenerate"), {}),
        ("google.generate", "", {"generationConfig": {"responseModalities": ["AUDIO"]}}),
        ("google.generate", "", {"generation_config": {"speech_config": {}}}),
        ("openai.embeddings", "", {"input": "x"}),
    ],
)
def test_what_is_a_stream_already_or_cannot_be_one_is_left_alone(api: Api, path: str, body: dict[str, Any]) -> None:
    assert upstream(api, path, **body) is None


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("openai.chat", {"stream": False, "audio": None, "messages": [{"role": "user", "content": 'say "audio"'}]}),
        ("openai.chat", {"messages": [{"role": "user", "audio": {"id": "x"}}]}),
        ("openai.completions", {"best_of": 1, "prompt": "best_of"}),
        ("openai.responses", {"background": False}),
        ("google.generate", {"contents": [{"parts": [{"text": '"AUDIO"'}]}]}),
    ],
)
def test_a_word_that_only_looks_like_it_changes_nothing(api: Api, body: dict[str, Any]) -> None:
    assert upstream(api, **body) is not None


def test_a_body_that_is_no_json_is_not_asked_about() -> None:
    assert upstream_request("openai.chat", "/v1/chat/completions", b"", b'{"audio"', Ask()) is not None
