"""Which API a provider's path speaks, which codec knows it, and which calls are free."""

import re
from typing import Literal, TypeAlias
from urllib.parse import unquote

from tollway.providers import anthropic_messages, google_generate
from tollway.providers.codec import Codec
from tollway.providers.google_embed import Embed
from tollway.providers.google_path import parted
from tollway.providers.openai_chat import Chat, Completions
from tollway.providers.openai_embeddings import Embeddings
from tollway.providers.openai_responses import Responses
from tollway.providers.passthrough import Passthrough
from tollway.request import Api

Family: TypeAlias = Literal["openai", "anthropic", "google"]

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
}

_OPENAI_PATHS: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "openai.chat"),
    ("/completions", "openai.completions"),
    ("/embeddings", "openai.embeddings"),
    ("/responses", "openai.responses"),
    ("/responses/compact", "openai.responses"),
)
_GOOGLE_METHODS: dict[str, Api] = {
    "generateContent": "google.generate",
    "streamGenerateContent": "google.generate",
    "countTokens": "google.count_tokens",
    "embedContent": "google.embed",
    "batchEmbedContents": "google.embed",
}
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
            return "anthropic.messages" if plain.endswith("/messages") else "anthropic.other"
        case "google":
            parts = parted(plain)
            if parts is not None:
                return _GOOGLE_METHODS.get(parts.method, "google.other")
            # Google speaks OpenAI's API too, under /v1beta/openai.
            return _openai(plain) if plain.startswith(("/v1beta/openai/", "/v1/openai/")) else "google.other"


def is_free(api: Api, method: str, path: str) -> bool:
    """Whether a call can never cost anything: a token count, or a read that starts no work."""
    if method == "POST" and api in _ALWAYS_METERED:
        return False
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
_OTHER: dict[Family, Api] = {"openai": "openai.other", "anthropic": "anthropic.other", "google": "google.other"}


def _openai(plain: str) -> Api:
    # The longer of two endings that fit is the true one: /chat/completions also ends in /completions.
    for ending, api in _OPENAI_PATHS:
        if plain.endswith(ending):
            return api
    return "openai.other"


def _plain(path: str) -> str:
    return unquote(path.partition("?")[0]).rstrip("/")
