"""Ollama's own `/api/chat` and `/api/generate`; which API a path of Ollama's speaks.

Answers come as lines of JSON unless the request says `"stream": false`; each has the same shape, and the last one the
counts. The server is written in Go: it reads a key whatever its case, and leaves out a count that is zero.
"""

from __future__ import annotations

import re
from typing import Any, Literal, cast
from urllib.parse import unquote

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.body import Fields, Shape, Unfit, Unread, flag, name_at, object_at, whole_number
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import count, decoded, doubt
from tollway.providers.inputs import Inputs
from tollway.providers.ndjson import LineMeter
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.providers.spelling import refuse_other_spellings
from tollway.providers.splice import merged, spliced, values_of
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_COMPATIBLE: dict[str, Api] = {
    "chat/completions": "openai.chat",
    "completions": "openai.completions",
    "embeddings": "openai.embeddings",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "messages/count_tokens": "anthropic.count_tokens",
}
_NATIVE: dict[str, Api] = {
    "chat": "ollama.chat",
    "generate": "ollama.generate",
    "embed": "ollama.embed",
    "embeddings": "ollama.embed",
}
_NATIVE_PATH = re.compile(r"/api/([a-z]+)")
_COMPATIBLE_PATH = re.compile(r"/v\d\w*/([a-z_/]+)")
_FREE = re.compile(r"(?:/api)?/(?:show|pull|push|create|copy|me|signout|blobs/sha256[:-][0-9a-f]{64})")
"""What keeps models in order; none of it generates anything."""

_KEYS = frozenset({"options", "messages", "prompt", "images", "think", "tools", "system", "context", "input"})


def classify_ollama(method: str, path: str) -> Api:
    """The API that `path` at an Ollama server speaks; what is not known is `ollama.other`, as any method but POST."""
    plain = _plain(path)
    if method.upper() != "POST":
        return "ollama.other"
    native = _NATIVE_PATH.fullmatch(plain)
    if native is not None:
        return _NATIVE.get(native[1], "ollama.other")
    compatible = _COMPATIBLE_PATH.fullmatch(plain)
    if compatible is not None:
        return _COMPATIBLE.get(compatible[1], "ollama.other")
    # Behind a base URL that ends in /api or /v1: "/embeddings" stands for either, and both read an input alike.
    return _NATIVE.get(plain[1:]) or _COMPATIBLE.get(plain[1:], "ollama.other")


def is_free_ollama(method: str, path: str) -> bool:
    """Whether a call can never cost anything: it looks after models, or only reads or removes."""
    match method.upper():
        case "POST":
            return _FREE.fullmatch(_plain(path)) is not None
        case verb:
            return verb in ("GET", "HEAD", "OPTIONS", "DELETE")


def _plain(path: str) -> str:
    return unquote(path.partition("?")[0]).rstrip("/")


_shape = Shape(dict[str, msgspec.Raw])


def opened(body: bytes) -> Fields:
    """The top-level values of a body for Ollama. Raises Unfit for what the server would read and Tollway would not."""
    fields = _shape.open(body)
    refuse_other_spellings(fields, _KEYS)
    return fields


class Generation:
    """`/api/chat`, or `/api/generate`."""

    __slots__ = ("api",)

    dialect: Dialect = "ollama"

    def __init__(self, api: Literal["ollama.chat", "ollama.generate"]) -> None:
        self.api: Api = api

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. A `num_predict` below one is no cap."""
        try:
            fields = opened(body)
            inputs = Inputs()
            _read_messages(fields, inputs)
            options = object_at(fields, "options")
            return Ask(
                model=name_at(fields, "model"),
                # Streaming is what Ollama does unless it is told not to.
                stream=fields.get("stream") is None or flag(fields, "stream"),
                max_output_tokens=_cap(options),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                messages=inputs.messages,
                reasons=fields.get("think") not in (None, False),
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model and the cap (only ever lowered) written into it; usage is sent to everyone."""
        changes: dict[str, object] = {}
        if model is not None:
            changes["model"] = model
        if cap is not None and (ask.max_output_tokens is None or ask.max_output_tokens > cap):
            changes["options"] = merged(values_of(body).get("options"), "num_predict", cap)
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return report_of(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream of lines."""
        return LineMeter(OllamaReader(), self.read_answer)


def report_of(found: Values) -> Report:
    """What the last, or only, value of an answer reports."""
    counts = {name: decoded(found[name]) for name in ("prompt_eval_count", "eval_count") if name in found}
    asked, generated = count(counts.get("prompt_eval_count")), count(counts.get("eval_count"))
    finish_reason = text(found.get("done_reason"))
    usage, suspect = None, None
    if asked is not None or generated is not None or finish_reason in ("load", "unload"):
        # A count that is zero is left out: the whole prompt was still in the model's memory.
        usage = Usage(input_tokens=asked or 0, output_tokens=generated or 0)
    if counts:
        suspect = doubt(usage or Usage(), {f"{name} tokens": value for name, value in counts.items()})
    return Report(
        usage=usage,
        response_model=text(found.get("model")),
        finish_reason=finish_reason,
        suspect=suspect,
    )


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: msgspec.Raw = msgspec.Raw(b"")


class _Call(msgspec.Struct, gc=False):
    function: _Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(msgspec.Struct, gc=False):
    """One value of a stream: of `/api/chat` with a message, of `/api/generate` with a response."""

    done: bool | None = None
    message: _Message | None = None
    response: str | None = None
    thinking: str | None = None


_line = msgspec.json.Decoder(_Line)


class OllamaReader:
    """Follows a stream of either API; its last line has the counts."""

    __slots__ = ("_begun", "_last", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._begun = False
        self._last: Values = {}

    def event(self, data: bytes) -> bool:
        """Takes one line in; False where it is none."""
        try:
            line = _line.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = values(data)
            if decoded(found.get("done")) is True:
                self._last = found
                self.complete = True
            return False
        if line.done is None:
            return False
        if not self._begun:
            self._begun = True
            self.output_bytes += FRAMING_BYTES
            self._last = values(data)
        self.output_bytes += size(line.response) + size(line.thinking)
        message = line.message
        if message is not None:
            self.output_bytes += size(message.content) + size(message.thinking)
            for call in message.tool_calls or ():
                if call.function is not None:
                    self.output_bytes += FRAMING_BYTES + size(call.function.name) + len(bytes(call.function.arguments))
        if line.done:
            self._last = values(data)
            self.complete = True
        return True

    def report(self) -> Report:
        """What the stream has told of itself."""
        return report_of(self._last)


def _cap(options: Fields) -> int | None:
    number = options.get("num_predict")
    # -1 generates without end, -2 until the context is full; zero sets nothing either.
    if type(number) is int and number < 1:
        return None
    return whole_number(options, "num_predict", shown_as="options.num_predict")


def _read_messages(fields: Fields, inputs: Inputs) -> None:
    messages: object = fields.get("messages")
    if isinstance(messages, Unread | dict):
        inputs.unsized("messages of an unknown shape")
    for message in _list(fields.get("messages")):
        inputs.messages += 1
        if isinstance(message, dict):
            for name, raw in cast(dict[str, msgspec.Raw], message).items():
                if name.casefold() == "images":
                    _read_images(decoded(raw), inputs)
    _read_images(fields.get("images"), inputs)
    inputs.messages += sum(1 for name in ("prompt", "system") if fields.get(name))
    inputs.tools(len(_list(fields.get("tools"))))


def _read_images(images: object, inputs: Inputs) -> None:
    """Images in the body; the server takes them in base64 only."""
    if images is None:
        return
    if not isinstance(images, list):
        inputs.unsized("images of an unknown shape")
        return
    inputs.media_parts += len(cast(list[Any], images))


def _list(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
