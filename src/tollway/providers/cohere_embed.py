"""Cohere's `/embed` in both versions: input only, texts and images."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import ABSENT, Fields, Shape, Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.cohere_stream import CohereReader
from tollway.providers.cohere_usage import report_of
from tollway.providers.inputs import Inputs
from tollway.providers.ndjson import LineMeter
from tollway.providers.spelling import refuse_other_spellings
from tollway.providers.splice import spliced
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    image_url: msgspec.Raw = ABSENT


class _Element(msgspec.Struct, gc=False):
    """An element of `inputs`, which mixes text and images."""

    content: list[_Part | str] | str | None = None


_shape = Shape(_Element)
_KEYS = ("texts", "images", "inputs")


class Embed:
    """`/v1/embed` and `/v2/embed`."""

    __slots__ = ()

    api: Api = "cohere.embed"
    dialect: Dialect = "cohere"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            refuse_other_spellings(fields, _KEYS)
            inputs = Inputs()
            _read_inputs(fields, inputs)
            return Ask(
                model=name_at(fields, "model"),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                messages=inputs.messages,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it; `max_tokens` here cuts the input, and is left alone."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports. An embedding has no output, so that count is zero, not unknown.

        Models that bill images by the piece report those and no tokens.
        """
        read = report_of(values(body))
        usage = read.usage
        if usage is None:
            return read
        return msgspec.structs.replace(
            read, usage=msgspec.structs.replace(usage, input_tokens=usage.input_tokens or 0, output_tokens=0)
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for a server that streams what is one answer here."""
        return LineMeter(CohereReader(), self.read_answer)


def _read_inputs(fields: Fields, inputs: Inputs) -> None:
    for name in _KEYS:
        elements = fields.get(name)
        if isinstance(elements, Unread | dict):
            inputs.unsized(f"{name} of an unknown shape")
        if not isinstance(elements, list):
            continue
        inputs.messages += len(cast(list[Any], elements))
        for element in cast(list[Any], elements):
            if type(element) is _Element and name == "inputs":
                _read_content(element, inputs)
            elif name == "images" and isinstance(element, str) and element[:5].lower() == "data:":
                inputs.inline(element[5:64])
            elif name != "texts" or not isinstance(element, str):
                inputs.unsized(f"an entry of {name} of an unknown shape")


def _read_content(element: _Element, inputs: Inputs) -> None:
    for part in element.content if type(element.content) is list else ():
        if type(part) is not _Part:
            continue
        if part.image_url is not ABSENT:
            inputs.link(part.image_url, "an image")
        elif part.type != "text":
            inputs.unsized(f"a content part of type {part.type}"[:80])
