"""Which API a path speaks, and what is free."""

from typing import get_args

import pytest

from tollway.providers.registry import Family, classify, codec_for, is_free
from tollway.request import Api


@pytest.mark.parametrize("api", get_args(Api))
def test_every_api_has_a_codec_that_says_so(api: Api) -> None:
    codec = codec_for(api)
    assert codec.api == api
    assert api.replace("cloudflare", "openai").startswith(codec.dialect)


@pytest.mark.parametrize(
    ("family", "path", "api"),
    [
        ("openai", "/v1/chat/completions", "openai.chat"),
        ("openai", "/chat/completions", "openai.chat"),
        ("openai", "/chat/completions/", "openai.chat"),
        ("openai", "/openai/v1/chat/completions", "openai.chat"),
        ("openai", "/openai/deployments/gpt-5/chat/completions", "openai.chat"),
        ("openai", "/v1/chat%2Fcompletions", "openai.chat"),
        ("openai", "/v1/completions", "openai.completions"),
        ("openai", "/completions", "openai.completions"),
        ("openai", "/v1/responses", "openai.responses"),
        ("openai", "/responses/compact", "openai.responses"),
        ("openai", "/v1/responses/input_tokens", "openai.other"),
        ("openai", "/v1/embeddings", "openai.embeddings"),
        ("openai", "/v1/audio/transcriptions", "openai.transcription"),
        ("openai", "/v1/images/generations", "openai.images"),
        ("anthropic", "/v1/messages", "anthropic.messages"),
        ("anthropic", "/v1/messages?beta=true", "anthropic.messages"),
        ("anthropic", "/v1/messages/count_tokens", "anthropic.count_tokens"),
        ("anthropic", "/v1/messages/batches", "anthropic.other"),
        ("google", "/v1beta/models/g:generateContent", "google.generate"),
        ("google", "/v1/models/g:streamGenerateContent", "google.generate"),
        ("google", "/models/g:generateContent", "google.generate"),
        ("google", "/v1beta/models/g%3AgenerateContent", "google.generate"),
        ("google", "/v1beta/models/g:countTokens", "google.count_tokens"),
        ("google", "/v1beta/models/g:embedContent", "google.embed"),
        ("google", "/v1beta/models/g:batchEmbedContents", "google.embed"),
        ("google", "/v1beta/models/g:batchGenerateContent", "google.other"),
        ("google", "/v1beta/openai/chat/completions", "openai.chat"),
        ("google", "/v1beta/openai/embeddings", "openai.embeddings"),
        ("google", "/v1beta/cachedContents", "google.other"),
        ("openai", "/api/paas/v4/async/chat/completions", "openai.other"),
        ("openai", "/async/chat/completions", "openai.other"),
        ("openai", "/v1/async-invoke/images/generations", "openai.other"),
        ("openai", "/v1/%61sync/chat/completions", "openai.other"),
        ("openai", "/v1/Batch/embeddings", "openai.other"),
        ("openai", "/v1/jobs/j/responses", "openai.other"),
        ("openai", "/v1/threads/t/messages", "openai.other"),
        ("openai", "/v1/agents/a/completions", "openai.other"),
        ("openai", "/v1/agents/completions", "openai.chat"),
        ("openai", "/openai/deployments/batch/chat/completions", "openai.chat"),
        ("anthropic", "/v1/threads/t/messages", "anthropic.other"),
        ("google", "/v1beta/openai/batch/chat/completions", "openai.other"),
    ],
)
def test_a_path_is_told_by_its_end(family: Family, path: str, api: Api) -> None:
    assert classify(family, "POST", path) == api


@pytest.mark.parametrize("family", get_args(Family))
def test_a_read_is_never_taken_for_a_generation(family: Family) -> None:
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/models", "/v1beta/models/g:generateContent"):
        assert classify(family, "GET", path) == f"{family}.other"


@pytest.mark.parametrize(
    ("family", "method", "path", "free"),
    [
        ("openai", "GET", "/v1/models", True),
        ("openai", "HEAD", "/", True),
        ("openai", "GET", "/v1/responses/resp_1", True),
        ("openai", "DELETE", "/v1/responses/resp_1", True),
        ("openai", "POST", "/v1/responses/input_tokens", True),
        ("openai", "POST", "/responses/input_tokens", True),
        ("openai", "POST", "/v1/responses/input_tokens/", True),
        ("openai", "POST", "/v1/responses", False),
        ("openai", "POST", "/v1/images/generations/responses/input_tokens", False),
        ("openai", "POST", "/v1/chat/completions%3Fx=/responses/input_tokens", False),
        ("openai", "POST", "/v1/images/../responses/input_tokens", False),
        ("anthropic", "POST", "/v1/complete/messages/count_tokens", False),
        ("anthropic", "POST", "/messages/count_tokens", True),
        ("google", "POST", "/v1/projects/p/locations/l/publishers/google/models/g:countTokens", True),
        ("google", "POST", "/v1beta/other/models/g:countTokens", False),
        ("openai", "POST", "/v1/responses/input_tokens/x", False),
        ("openai", "POST", "/v1/images/generations", False),
        ("openai", "PUT", "/v1/anything", False),
        ("openai", "GET", "/v1/realtime", False),
        ("openai", "GET", "/v1/responses", False),
        ("anthropic", "POST", "/v1/messages/count_tokens", True),
        ("anthropic", "POST", "/v1/messages", False),
        ("anthropic", "POST", "/v1/messages/batches", False),
        ("google", "POST", "/v1beta/models/g:countTokens", True),
        ("google", "POST", "/v1beta/models/g:generateContent", False),
        ("google", "GET", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", False),
    ],
)
def test_only_counts_and_reads_are_free(family: Family, method: str, path: str, free: bool) -> None:
    assert is_free(classify(family, method, path), method, path) == free
