"""Cohere's `/chat` in both versions, and the `/generate` before it; which API a path of Cohere's speaks."""

from __future__ import annotations

import re
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import (
    ABSENT,
    MAX_CHOICES,
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
from tollway.providers.cohere_stream import CohereReader
from tollway.providers.cohere_usage import report_of
from tollway.providers.inputs import Inputs
from tollway.providers.ndjson import LineMeter
from tollway.providers.passthrough import Passthrough
from tollway.providers.spelling import refuse_other_spellings
from tollway.providers.splice import lowered, spliced, values_of
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_TEXT_PARTS = frozenset({"text", "thinking", "document"})
_KEYS = frozenset(
    {"messages", "chat_history", "connectors", "conversation_id", "documents", "num_generations", "preset", "thinking"}
)
_VERSION = r"(?:/v\d\w*)?"
_APIS: tuple[tuple[re.Pattern[str], Api], ...] = (
    (re.compile(_VERSION + r"/(?:chat|generate)"), "cohere.chat"),
    (re.compile(_VERSION + r"/embed"), "cohere.embed"),
    (re.compile(_VERSION + r"/rerank"), "cohere.rerank"),
    (re.compile(r"/compatibility/v\d\w*/chat/completions"), "openai.chat"),
    (re.compile(r"/compatibility/v\d\w*/embeddings"), "openai.embeddings"),
)
_FREE = re.compile(_VERSION + r"/(?:tokenize|detokenize|check-api-key)")
_JOBS = re.compile(_VERSION + r"/(?:embed-jobs|finetuning/finetuned-models|batches)")
"""Work of any size, whose cost is in no answer."""


def classify_cohere(method: str, path: str) -> Api:
    """The API that `path` at Cohere speaks; what is not known is `cohere.other`, as any method but POST."""
    plain = _plain(path)
    if method.upper() == "POST":
        for pattern, api in _APIS:
            if pattern.fullmatch(plain) is not None:
                return api
    return "cohere.other"


def is_free_cohere(method: str, path: str) -> bool:
    """Whether a call can never cost anything: cutting a text into tokens, looking at a key, any read or removal."""
    match method.upper():
        case "POST":
            return _FREE.fullmatch(_plain(path)) is not None
        case verb:
            return verb in ("GET", "HEAD", "OPTIONS", "DELETE")


def _plain(path: str) -> str:
    return unquote(path.partition("?")[0]).rstrip("/")


class _Part(msgspec.Struct, gc=False):
    """A content part; only what may hide its size."""

    type: str | None = None
    image_url: msgspec.Raw = ABSENT


class _Element(msgspec.Struct, gc=False):
    """An element of any top-level array: a message, a tool, a document, a connector."""

    id: str | int | None = None
    content: list[_Part | str] | str | None = None


_shape = Shape(_Element)


class Chat:
    """`/v1/chat`, `/v2/chat` and `/v1/generate`."""

    __slots__ = ()

    api: Api = "cohere.chat"
    dialect: Dialect = "cohere"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            refuse_other_spellings(fields, _KEYS)
            inputs = Inputs()
            _read_messages(fields, inputs)
            _read_sources(fields, inputs)
            thinking = object_at(fields, "thinking")
            return Ask(
                model=name_at(fields, "model"),
                stream=flag(fields, "stream"),
                max_output_tokens=whole_number(fields, "max_tokens"),
                choices=whole_number(fields, "num_generations", MAX_CHOICES) or 1,
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                messages=inputs.messages,
                paid_tools=tuple(inputs.paid_tools),
                reasons=bool(thinking) and thinking.get("type") != "disabled",
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
        if cap is not None and (ask.max_output_tokens is None or lowered(values_of(body).get("max_tokens"), cap)):
            changes["max_tokens"] = cap
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return report_of(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream of either version."""
        return LineMeter(CohereReader(), self.read_answer)


class Other(Passthrough):
    """Any other path of Cohere's: summaries, classifications, what is yet to come. Its answers tell what they cost."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("cohere.other", "cohere")

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model and the wish to stream. A job has no model here, because no price tells what it may cost."""
        ask = super().read_ask(path, query, content_type, body)
        if isinstance(ask, Ask) and _JOBS.fullmatch(_plain(path)) is not None:
            return msgspec.structs.replace(ask, model=None)
        return ask

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return report_of(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream, or for bytes that are none."""
        return LineMeter(CohereReader(), self.read_answer)


def _read_messages(fields: Fields, inputs: Inputs) -> None:
    for name in ("messages", "chat_history"):
        elements: object = fields.get(name)
        if isinstance(elements, Unread | dict):
            inputs.unsized(f"{name} of an unknown shape")
        for element in _list(fields.get(name)):
            inputs.messages += 1
            if type(element) is _Element and type(element.content) is list:
                inputs.messages += len(element.content)
                for part in element.content:
                    if type(part) is _Part:
                        _read_part(part, inputs)
    inputs.messages += sum(1 for name in ("message", "preamble", "prompt") if fields.get(name))
    if fields.get("conversation_id"):
        inputs.unsized("a stored conversation")
    if fields.get("preset"):
        inputs.unsized("a stored preset")


def _read_part(part: _Part, inputs: Inputs) -> None:
    if part.image_url is not ABSENT:
        inputs.link(part.image_url, "an image")
    elif part.type not in _TEXT_PARTS:
        inputs.unsized(f"a content part of type {part.type}"[:80])


def _read_sources(fields: Fields, inputs: Inputs) -> None:
    """Tools, documents and connectors: what stands around the conversation."""
    inputs.tools(len(_list(fields.get("tools"))))
    inputs.messages += len(_list(fields.get("documents"))) + len(_list(fields.get("tool_results")))
    connectors: object = fields.get("connectors")
    if isinstance(connectors, Unread | dict):
        inputs.unsized("connectors of an unknown shape")
    for connector in _list(fields.get("connectors")):
        # What a connector finds goes into the prompt, and is billed as a part of it.
        if type(connector) is _Element and connector.id == "web-search":
            inputs.paid("web_search")
        else:
            inputs.unsized("what a connector finds")


def _list(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
