"""Which API a provider's path speaks, which codec knows it, and which calls are free."""

import re
from urllib.parse import unquote

from tollway.providers import (
    anthropic_messages,
    anthropic_vertex,
    bedrock_other,
    cohere_chat,
    cohere_embed,
    cohere_rerank,
    google_generate,
    ollama_chat,
    ollama_embed,
    openai_rerank,
)
from tollway.providers.batches import JobCodec
from tollway.providers.bedrock_converse import Converse
from tollway.providers.bedrock_invoke import Invoke
from tollway.providers.bedrock_path import classify_bedrock, is_free_bedrock
from tollway.providers.cloudflare_run import Run, is_run_path
from tollway.providers.codec import Codec
from tollway.providers.cohere_chat import classify_cohere, is_free_cohere
from tollway.providers.google_embed import Embed
from tollway.providers.google_path import parted
from tollway.providers.google_predict import Predict
from tollway.providers.ollama_chat import classify_ollama, is_free_ollama
from tollway.providers.openai_chat import Chat, Completions
from tollway.providers.openai_embeddings import Embeddings
from tollway.providers.openai_images import Images
from tollway.providers.openai_moderations import Moderations
from tollway.providers.openai_ocr import Ocr
from tollway.providers.openai_responses import Responses
from tollway.providers.openai_speech import Speech
from tollway.providers.openai_transcription import Transcription
from tollway.providers.passthrough import Passthrough
from tollway.request import Api
from tollway.request import Dialect as Family

_CODECS: dict[Api, Codec] = {
    "openai.chat": Chat(),
    "openai.responses": Responses(),
    "openai.completions": Completions(),
    "openai.embeddings": Embeddings(),
    "openai.other": Passthrough("openai.other", "openai"),
    "anthropic.messages": anthropic_messages.Messages(),
    "anthropic.count_tokens": anthropic_messages.CountTokens(),
    "anthropic.other": Passthrough("anthropic.other", "anthropic"),
    "google.generate": google_generate.Generate(),
    "google.count_tokens": google_generate.CountTokens(),
    "google.embed": Embed(),
    "google.other": Passthrough("google.other", "google"),
    "openai.images": Images(),
    "openai.speech": Speech(),
    "openai.transcription": Transcription(),
    "openai.moderations": Moderations(),
    "openai.rerank": openai_rerank.Rerank(),
    "openai.ocr": Ocr(),
    "openai.batches": JobCodec("openai.batches", "openai"),
    "openai.files": JobCodec("openai.files", "openai"),
    "anthropic.vertex": anthropic_vertex.Vertex(),
    "anthropic.batches": JobCodec("anthropic.batches", "anthropic"),
    "google.predict": Predict(),
    "bedrock.converse": Converse(),
    "bedrock.invoke": Invoke(),
    "bedrock.count_tokens": bedrock_other.CountTokens(),
    "bedrock.other": bedrock_other.Other(),
    "cohere.chat": cohere_chat.Chat(),
    "cohere.embed": cohere_embed.Embed(),
    "cohere.rerank": cohere_rerank.Rerank(),
    "cohere.other": cohere_chat.Other(),
    "ollama.chat": ollama_chat.Generation("ollama.chat"),
    "ollama.generate": ollama_chat.Generation("ollama.generate"),
    "ollama.embed": ollama_embed.Embed(),
    "ollama.other": Passthrough("ollama.other", "ollama"),
    "cloudflare.run": Run(),
}

_OPENAI_PATHS: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "openai.chat"),
    ("/completions", "openai.completions"),
    ("/embeddings", "openai.embeddings"),
    ("/responses", "openai.responses"),
    ("/responses/compact", "openai.responses"),
    ("/chat", "openai.chat"),
    ("/agents/completions", "openai.chat"),
    ("/images/generations", "openai.images"),
    ("/images/edits", "openai.images"),
    ("/images/variations", "openai.images"),
    ("/audio/speech", "openai.speech"),
    ("/audio/transcriptions", "openai.transcription"),
    ("/audio/translations", "openai.transcription"),
    ("/moderations", "openai.moderations"),
    ("/chat/moderations", "openai.moderations"),
    ("/rerank", "openai.rerank"),
    ("/ocr", "openai.ocr"),
    ("/messages", "anthropic.messages"),
    ("/messages/count_tokens", "anthropic.count_tokens"),
)
_GOOGLE_METHODS: dict[str, Api] = {
    "generateContent": "google.generate",
    "streamGenerateContent": "google.generate",
    "countTokens": "google.count_tokens",
    "embedContent": "google.embed",
    "batchEmbedContents": "google.embed",
    "predict": "google.predict",
}
_OPENAI_AT_GOOGLE = re.compile(r"/v1(?:beta1?)?(?:/openai|/projects/[^/]+/locations/[^/]+/endpoints/openapi)(?=/)")
_SOCKET_PATHS = ("/realtime", "/responses", "BidiGenerateContent")
"""A GET of these opens a WebSocket, over which anything may be generated."""


def codec_for(api: Api) -> Codec:
    """The codec of `api`. Codecs keep no state, so one serves every request."""
    return _CODECS[api]


def classify(family: Family, method: str, path: str) -> Api:
    """The API that `path` of a provider of this family speaks.

    A version in front of it is optional, and may be any. What is not known is `*.other`, whose cost only its answer
    tells; a GET always is.
    """
    plain = _plain(path)
    if method.upper() != "POST":
        return _OTHER[family]
    match family:
        case "openai":
            return _openai(plain)
        case "anthropic":
            if plain.endswith("/messages/count_tokens"):
                return "anthropic.count_tokens"
            if plain.endswith("/messages") and _answers_at_once(plain.removesuffix("/messages")):
                return "anthropic.messages"
            return "anthropic.other"
        case "google":
            parts = parted(plain)
            if parts is not None:
                if anthropic_vertex.speaks(path):
                    return "anthropic.vertex"
                return _GOOGLE_METHODS.get(parts.method, "google.other")
            # Google speaks OpenAI's API too: AI Studio under /v1beta/openai, Vertex under .../endpoints/openapi.
            found = _OPENAI_AT_GOOGLE.match(plain)
            return _openai(plain[found.end() :]) if found is not None else "google.other"
        case "bedrock":
            return classify_bedrock(method, path)
        case "cohere":
            return classify_cohere(method, path)
        case "ollama":
            return classify_ollama(method, path)


def is_free(api: Api, method: str, path: str) -> bool:
    """Whether a call can never cost anything: a token count, or a read that starts no work."""
    if method == "POST" and api in _ALWAYS_METERED:
        return False
    match api:
        case "anthropic.vertex":
            return anthropic_vertex.counts_only(path)
        case "bedrock.other" | "bedrock.count_tokens":
            return is_free_bedrock(path, method)
        case "cohere.other":
            return is_free_cohere(method, path)
        case "ollama.other":
            return is_free_ollama(method, path)
        case _:
            pass
    plain = _plain(path)
    if method.upper() in ("GET", "HEAD", "OPTIONS"):
        return not plain.endswith(_SOCKET_PATHS)
    if method.upper() != "POST":
        return method.upper() == "DELETE"
    free = _FREE_POSTS.get(api)
    return free is not None and free.fullmatch(plain) is not None


# Exact, not by their ends: what stands before one may be another call that only ends like it.
_FREE_POSTS: dict[Api, re.Pattern[str]] = {
    "openai.other": re.compile(r"(?:/v\d\w*)?/responses/input_tokens"),
    "anthropic.count_tokens": re.compile(r"(?:/v\d\w*)?/messages/count_tokens"),
    "google.count_tokens": re.compile(
        r"(?:/v\d\w*)?(?:/projects/[^/]+/locations/[^/]+/publishers/[^/]+)?/(?:models|tunedModels)/[^?#]+:countTokens"
    ),
}
_ALWAYS_METERED: frozenset[Api] = frozenset(
    {
        "openai.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        "anthropic.messages",
        "google.generate",
    }
)
_OTHER: dict[Family, Api] = {
    "openai": "openai.other",
    "anthropic": "anthropic.other",
    "google": "google.other",
    "bedrock": "bedrock.other",
    "cohere": "cohere.other",
    "ollama": "ollama.other",
}


def _openai(plain: str) -> Api:
    if is_run_path(plain):
        return "cloudflare.run"
    # The longest of the endings that fit is the true one: /agents/completions also ends in /completions.
    fitting: list[tuple[str, Api]] = [(ending, api) for ending, api in _OPENAI_PATHS if plain.endswith(ending)]
    if not fitting:
        return "openai.other"
    ending, api = max(fitting, key=lambda one: len(one[0]))
    return api if _answers_at_once(plain[: -len(ending)]) else "openai.other"


_LATER = frozenset(
    {
        "agents", "assistants", "background", "batch", "batches", "deferred", "fine-tuning", "fine_tuning", "job", "jobs",
        "queue", "queues", "runs", "threads",
    }
)  # fmt: skip


def _answers_at_once(before: str) -> bool:
    """Whether nothing in front of a known call makes a job of it, as `/async/chat/completions` does at Z.ai."""
    segments = before.lower().split("/")
    # A deployment's name is its owner's choice.
    return not any(
        segment in _LATER or segment.startswith("async")
        for number, segment in enumerate(segments)
        if not number or segments[number - 1] != "deployments"
    )


def _plain(path: str) -> str:
    return unquote(path.partition("?")[0]).rstrip("/")
