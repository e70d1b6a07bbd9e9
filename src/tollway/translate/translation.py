"""One attempt of one request at a provider that speaks another API than the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast
from urllib.parse import parse_qs, quote, unquote

import msgspec

from tollway.request import Api
from tollway.translate.anthropic_messages import Messages
from tollway.translate.codec import Codec, Told
from tollway.translate.conversation import Kind, Request, Untranslatable
from tollway.translate.fields import Malformed, distinct
from tollway.translate.google_generate import Generate
from tollway.translate.openai_chat import Chat
from tollway.translate.openai_responses import Responses
from tollway.translate.stream_translation import StreamTranslation
from tollway.translate.told import Answer, Failed

_PATHS: dict[Kind, str] = {
    "openai.chat": "/v1/chat/completions",
    "openai.responses": "/v1/responses",
    "anthropic.messages": "/v1/messages",
    "google.generate": "/v1beta/models/{model}:{method}",
}
_KINDS: tuple[Kind, ...] = ("openai.chat", "openai.responses", "anthropic.messages", "google.generate")
_OF_COUNTS = "stream_options"
"""Asks for the counts at a stream's end, which nobody misses where they come unasked."""
_QUOTED = 500
"""Characters of an unreadable answer that the caller is shown."""


def translatable(source: Api, target: Api) -> bool:
    """Whether a request of the one API can be sent as the other. An API needs no translation into itself."""
    return source != target and source in _KINDS and target in _KINDS


def codec_of(kind: Kind) -> Codec:
    """A new codec, for one request."""
    match kind:
        case "openai.chat":
            return Chat()
        case "openai.responses":
            return Responses()
        case "anthropic.messages":
            return Messages()
        case "google.generate":
            return Generate()


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the provider gets it."""

    body: bytes
    path: str
    """As `InferenceRequest.upstream_path` has it."""
    query: bytes
    lost: tuple[str, ...]
    """What only tunes the answer and was not carried: short ASCII names, for a header."""
    stream: bool


class Translation:
    """From `source`, the caller's API, to `target`, the provider's. `now_s`: Unix seconds, where answers must say when."""

    __slots__ = ("_now_s", "_request", "_source", "_source_kind", "_target", "_target_kind")

    def __init__(self, source: Kind, target: Kind, *, now_s: int = 0) -> None:
        self._source = codec_of(source)
        self._target = codec_of(target)
        self._source_kind: Kind = source
        self._target_kind: Kind = target
        self._now_s = now_s
        self._request = Request(model="")

    def request(
        self,
        body: bytes,
        *,
        path: str,
        query: bytes,
        model: str,
        max_tokens: int | None,
        known_as: str | None = None,
        without: Collection[str] = (),
    ) -> Sent:
        """The request in the provider's words.

        `path` and `query` are the caller's; `model` is the provider's own name of the model, and `known_as` what its maker calls it, where
        that is another; `max_tokens` is the cap where the API must have one and the caller named none; `without`: fields that the
        provider is known not to take. Raises Untranslatable, and Malformed for a body that is no request of the caller's API.
        """
        named, stream = None, False
        if self._source_kind == "google.generate":
            named, stream = _of_google_path(path, query)
        read = self._source.read_request(_object(body), model=named, stream=stream)
        self._request = msgspec.structs.replace(read, model=known_as or model)
        written = self._target.write_request(self._request, max_tokens=max_tokens)
        self._request = msgspec.structs.replace(read, model=model)
        if "model" in written.body:
            written.body["model"] = model
        missing = [name for name in without if written.body.pop(name, None) is not None and name != _OF_COUNTS]
        method = "streamGenerateContent" if read.stream else "generateContent"
        streams_google = read.stream and self._target_kind == "google.generate"
        return Sent(
            body=msgspec.json.encode(written.body),
            path=_PATHS[self._target_kind].format(model=quote(model, safe="-_.~@"), method=method),
            query=b"alt=sse" if streams_google else b"",
            lost=distinct(_token(name) for name in (*read.lost, *written.lost, *missing)),
            stream=read.stream,
        )

    def forget(self) -> None:
        """Lets go of the conversation, which no answer needs: what is kept of a long one is as small as that of a short one."""
        self._request = msgspec.structs.replace(self._request, turns=(), system=())
        if isinstance(self._source, Responses):
            self._source.forget()

    def answer(self, status: int, body: bytes) -> bytes:
        """A whole answer, or an error (`status` 400 and above), in the caller's words.

        One that is not JSON becomes an error that quotes its beginning; a caller who gets it with a status below 400 should not: see
        `told`.
        """
        return self.told(status, body).body

    def told(self, status: int, body: bytes) -> Told:
        """The same, and the error that an answer is, whatever its status says."""
        found = self._read(status, body)
        if isinstance(found, Failed):
            return Told(msgspec.json.encode(self._source.write_error(found)), found)
        return Told(msgspec.json.encode(self._source.write_answer(self._dated(found), self._request)))

    def _read(self, status: int, body: bytes) -> Answer | Failed:
        found = _parsed(body)
        if found is None:
            shown = body[: 4 * _QUOTED].decode(errors="replace").strip()[:_QUOTED]
            told, status = status, status if status >= 400 else 502
            return Failed(
                f"The provider's answer ({told}) is not a JSON object: {shown}",
                "api_error",
                status=status,
                unreadable=True,
            )
        if status >= 400:
            return self._target.read_error(status, found)
        if _is_error(found):
            failed = self._target.read_error(status, found)
            return failed if (failed.status or 0) >= 400 else msgspec.structs.replace(failed, status=502)
        answer = self._target.read_answer(found)
        if answer.failed is None:
            return answer
        return answer.failed if answer.failed.status else msgspec.structs.replace(answer.failed, status=502)

    def stream(self) -> StreamTranslation:
        """A stream of the provider's in the caller's words. Call it after `request`, once for each stream."""
        return StreamTranslation(
            self._target.stream_reader(), self._source.stream_writer(self._request), now_s=self._now_s
        )

    def _dated(self, answer: Answer) -> Answer:
        return answer if answer.created is not None else msgspec.structs.replace(answer, created=self._now_s)


def told(translation: Translation, answer: tuple[int, bytes]) -> Told:
    """`Translation.told` of a status and a body, for a process that does nothing else."""
    return translation.told(*answer)


def _object(body: bytes) -> Mapping[str, Any]:
    found = _parsed(body)
    if found is None:
        raise Malformed("The body is not a JSON object; send one.")
    return found


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _is_error(body: Mapping[str, Any]) -> bool:
    """Whether an answer with a good status is an error all the same (OpenRouter, and servers behind proxies)."""
    return bool(body.get("error")) and not any(
        body.get(name) for name in ("choices", "content", "output", "candidates")
    )


def _of_google_path(path: str, query: bytes) -> tuple[str, bool]:
    """The model and whether it is to stream, which Google has in the path: "/v1beta/models/{model}:{method}"."""
    name, _, method = path.rpartition("/models/")[2].rpartition(":")
    stream = method == "streamGenerateContent"
    if stream and parse_qs(query.decode(errors="replace")).get("alt") != ["sse"]:
        raise Untranslatable("alt", "a stream across APIs comes as server-sent events; add ?alt=sse to the path")
    return unquote(name), stream


def _token(name: str) -> str:
    """A name as a header may hold it."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "_.-[]") else "_" for char in name)[:64]
