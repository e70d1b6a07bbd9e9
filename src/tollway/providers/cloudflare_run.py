"""Cloudflare Workers AI: `/run/@cf/…`, one path for every kind of model, which the path names.

A text model answers with text and usage; the others with pictures, sound or numbers, and none.
"""

from __future__ import annotations

import re
from typing import Any, cast
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from tollway.providers.answer import Values, first_text, text, values
from tollway.providers.body import (
    ABSENT,
    MAX_COUNT,
    Fields,
    Shape,
    Unfit,
    Unread,
    flag,
    name_at,
    object_at,
    whole_number,
)
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import count, decoded, nested, reported
from tollway.providers.inputs import Inputs
from tollway.providers.openai_responses_stream import ResponsesReader
from tollway.providers.openai_stream import FRAMING_BYTES, ChatReader, size
from tollway.providers.openai_usage import read_usage
from tollway.providers.spelling import refuse_other_spellings
from tollway.providers.splice import lowered, merged, spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_NAMED = re.compile(r"((?:.*?/)?)(@(?:cf|hf|cloudflare)/.+)", re.DOTALL)
_RUN = re.compile(r"((?:.*?/)??run/)(.+)", re.DOTALL)
_RUN_PATH = re.compile(
    r"(?:/client/v4)?(?:/accounts/[^/]+/ai|/ai)?/run(?:/.+)?|(?:/workers-ai)?/@(?:cf|hf|cloudflare)/.+"
)
_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_KEYS = frozenset({*_CAPS, "messages", "input", "contexts", "query", "requests", "options", "image", "audio", "text"})
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})


def is_run_path(path: str) -> bool:
    """Whether `path` runs a model by Cloudflare's own API."""
    return _RUN_PATH.fullmatch(unquote(path.partition("?")[0]).rstrip("/")) is not None


def parted(path: str) -> tuple[str, str] | None:
    """What stands before the model in `path`, and the model, decoded; None where the path names none."""
    parts = _NAMED.fullmatch(unquote(path)) or _RUN.fullmatch(unquote(path))
    return (parts[1], parts[2].rstrip("/")) if parts is not None else None


class _Part(msgspec.Struct, gc=False):
    """A content part; only what may hide its size."""

    type: str | None = None
    image_url: msgspec.Raw = ABSENT


class _Element(msgspec.Struct, gc=False):
    """An element of any top-level array: a message, a tool, a context."""

    type: str | None = None
    content: list[_Part | str] | _Part | str | None = None


_shape = Shape(_Element)


class Run:
    """`/run/{model}`, and `/run` with the model in the body and everything else in its `input`."""

    __slots__ = ()

    api: Api = "cloudflare.run"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. A body that is no JSON is a file: sound, or a picture."""
        parts = parted(path)
        model = parts[1] if parts is not None else None
        if _is_file(content_type, body):
            return Ask(model=model, unbounded="a file", floor_output_tokens=MAX_COUNT + 1)
        try:
            fields = _shape.open(body)
            inputs = Inputs()
            if _queued(query) or fields.get("requests") is not None or _in_background(fields):
                # Whatever the queue gives back, the cost is not in this answer.
                inputs.unsized("work that is queued")
            if model is None:
                model = name_at(fields, "model")
                fields = _wrapped(fields)
            else:
                _check_model(fields, model)
            _read_input(fields, inputs)
            caps = [whole_number(fields, name) for name in _CAPS]
            return Ask(
                model=model,
                stream=flag(fields, "stream"),
                # A server may obey any of them, so the bound is the largest one.
                max_output_tokens=max((cap for cap in caps if cap is not None), default=None),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                messages=inputs.messages,
                reasons=fields.get("reasoning") is not None or fields.get("reasoning_effort") not in (None, "none"),
                floor_output_tokens=MAX_COUNT + 1 if inputs.unbounded == "work that is queued" else 0,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it; `path` itself where it names none."""
        parts = parted(path)
        return path if parts is None else quote(parts[0], safe="/@:") + quote(model, safe="/@:")

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the cap (only ever lowered) written into it, and the model where it stands there."""
        present = values(body)
        if not present:
            return body
        changes: dict[str, object] = {}
        if model is not None and "model" in present:
            changes["model"] = model
        if cap is not None:
            inner = values(present.get("input")) if "model" in present else {}
            if inner:
                wrapped = present["input"]
                for name, value in _capped(inner, cap).items():
                    wrapped = merged(wrapped, name, value)
                changes["input"] = wrapped
            else:
                changes |= _capped(present, cap)
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports. Bytes that are no JSON, a picture or sound, report nothing."""
        if body.lstrip()[:1] != b"{":
            return Report()
        return _report(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream, or for bytes that are none."""
        return StreamMeter(RunReader(), self.read_answer)


def _report(found: Values) -> Report:
    # Cloudflare's API wraps the result; its gateway sends some models' results bare.
    result = values(found.get("result")) or found
    usage = reported(result.get("usage")) or reported(found.get("usage"))
    read, suspect = read_usage(usage) if usage else (None, None)
    if read is None:
        seconds = count(nested(_numbers(result), "transcription_info").get("duration"))
        read = Usage(input_audio_seconds=seconds) if seconds is not None and seconds >= 0 else None
    return Report(
        usage=read,
        response_model=text(result.get("model")),
        response_id=text(result.get("id")),
        finish_reason=first_text(result.get("choices"), "finish_reason"),
        suspect=suspect,
    )


def _numbers(result: Values) -> dict[str, Any]:
    return {"transcription_info": decoded(result.get("transcription_info"))}


class _Chunk(msgspec.Struct, gc=False):
    response: str | None = None
    tool_calls: msgspec.Raw = ABSENT
    choices: msgspec.Raw = ABSENT
    type: str | None = None
    usage: msgspec.Raw = ABSENT


_chunk = msgspec.json.Decoder(_Chunk)


class RunReader:
    """Follows a stream: of `{"response": …}`, of OpenAI chat chunks, or of OpenAI response events, as the model likes."""

    __slots__ = ("_begun", "_other", "_usage", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._begun = False
        self._usage: msgspec.Raw | None = None
        self._other: ChatReader | ResponsesReader | None = None
        """Who reads the stream, once it has shown that it is OpenAI's."""

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        if self._other is not None:
            self._pass_on(self._other, data)
            return False
        if data == b"[DONE]":
            self.complete = True
            return False
        try:
            chunk = _chunk.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.output_bytes += len(data)
            self._take(values(data).get("usage"))
            return False
        if chunk.choices is not ABSENT or (chunk.type or "").startswith("response."):
            self._other = ChatReader() if chunk.choices is not ABSENT else ResponsesReader()
            self._pass_on(self._other, data)
            return False
        if not self._begun:
            self._begun = True
            self.output_bytes += FRAMING_BYTES
        self.output_bytes += size(chunk.response)
        if chunk.tool_calls is not ABSENT and decoded(chunk.tool_calls):
            self.output_bytes += len(bytes(chunk.tool_calls))
        if chunk.usage is not ABSENT:
            self._take(chunk.usage)
        return False

    def _pass_on(self, other: ChatReader | ResponsesReader, data: bytes) -> None:
        before = other.output_bytes
        other.event(data)
        self.output_bytes += other.output_bytes - before
        self.complete = self.complete or other.complete

    def _take(self, usage: msgspec.Raw | None) -> None:
        if reported(usage) is not None:
            self._usage = usage

    def report(self) -> Report:
        """What the stream has told of itself."""
        told = self._other.report() if self._other is not None else Report()
        if told.usage is not None or self._usage is None:
            return told
        return msgspec.structs.replace(told, **_counted(self._usage))


def _counted(usage: msgspec.Raw) -> dict[str, Any]:
    read, suspect = read_usage(reported(usage) or {})
    return {"usage": read, "suspect": suspect}


def _is_file(content_type: bytes, body: bytes) -> bool:
    kind = content_type.strip().lower()
    return kind.startswith((b"audio/", b"image/", b"video/", b"multipart/")) or (
        kind.startswith(b"application/octet-stream") and not body.lstrip().startswith(b"{")
    )


def _queued(query: bytes) -> bool:
    pairs = parse_qsl(query.decode(errors="replace"), keep_blank_values=True)
    return any(name.lower() == "queuerequest" and value.lower() not in ("", "false", "0") for name, value in pairs)


def _check_model(fields: Fields, model: str) -> None:
    named = name_at(fields, "model")
    if fields.get("model") is not None and isinstance(fields.get("input"), dict):
        # What a body without a path would mean by it; a cap belongs at its top in one reading, into `input` in the other.
        raise Unfit(
            "model and an input that is an object stand in the body, and the path names the model; leave model out."
        )
    if named is not None and named.rpartition("/")[2] != model.rpartition("/")[2]:
        raise Unfit(f'model is "{named[:60]}" in the body and "{model[:60]}" in the path; they must agree.')


def _in_background(fields: Fields) -> bool:
    options: object = fields.get("options")
    return isinstance(options, dict) and object_at(fields, "options").get("background") not in (None, False)


def _wrapped(fields: Fields) -> Fields:
    """The input of a body that names its model; the body itself where it has none, as OpenAI's shapes."""
    given: object = fields.get("input")
    if not isinstance(given, dict):
        return fields
    inner = object_at(fields, "input")
    for name in _CAPS:
        whole_number(inner, name, shown_as=f"input.{name}")
    kept = {name: value for name, value in inner.items() if not isinstance(value, Unread)}
    # A second typed parse: in a nested object, arrays are left unread.
    return _shape.open(msgspec.json.encode(kept))


def _capped(present: Values, cap: int) -> dict[str, object]:
    """What to write so that no more than `cap` tokens are generated."""
    given = [name for name in _CAPS if present.get(name) not in (None, msgspec.Raw(b"null"))]
    if given:
        return {name: cap for name in given if lowered(present[name], cap)}
    if "messages" in present or "prompt" in present:
        return {"max_tokens": cap}
    return {"max_output_tokens": cap} if "input" in present else {}


def _read_input(fields: Fields, inputs: Inputs) -> None:
    refuse_other_spellings(fields, _KEYS)
    for name in ("messages", "input", "contexts"):
        elements: object = fields.get(name)
        if isinstance(elements, Unread | dict):
            inputs.unsized(f"{name} of an unknown shape")
        for element in _list(fields.get(name)):
            inputs.messages += 1
            if type(element) is _Element:
                _read_content(element.content, inputs)
    inputs.messages += len(_list(fields.get("text"))) + sum(1 for name in ("prompt", "text") if fields.get(name))
    inputs.tools(len(_list(fields.get("tools"))) + len(_list(fields.get("functions"))))
    if isinstance(fields.get("contexts"), list):
        # A reranker reads the query with each of them.
        query: object = fields.get("query")
        if isinstance(query, str):
            inputs.framing(len(query.encode(errors="surrogatepass")) * len(_list(fields.get("contexts"))))
    for name in ("image", "image_b64", "mask"):
        if fields.get(name) is not None:
            inputs.media_parts += 1
    for name in ("audio", "video"):
        if fields.get(name) is not None:
            inputs.unsized(name)


def _read_content(content: object, inputs: Inputs) -> None:
    parts = _list(content) or [content]
    inputs.messages += len(parts) - 1
    for part in parts:
        if type(part) is not _Part:
            continue
        if part.image_url is not ABSENT:
            inputs.link(part.image_url, "an image")
        elif part.type not in _TEXT_PARTS:
            inputs.unsized(f"a content part of type {part.type}"[:80])


def _list(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
